package storetest

import (
	"errors"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A webhook's headers can be set, kept by name and replaced, survive a restart, and are deleted with the webhook; a sensitive value
// cannot be made readable.
func testHeaders(t *Suite) {
	s := t.Open(t, store.Options{CheckHeader: egress.ValidateHeader})
	c := Tenant(t, s, "a")
	some := func(v string) *string { return &v }
	w := Register(t, c, webhook.New{Enabled: true, Headers: []*webhook.NewHeader{
		{Name: "x-key", Value: some("k1"), Sensitive: true}, {Name: "X-Plain", Value: some("p1")}, {Name: "authorization", Value: some("Bearer x")},
	}})
	check := func(s *store.Store, want ...*webhook.CustomHeader) {
		t.Helper()
		got, err := Tenant(t, s, "a").Headers(t.Context(), []webhook.ID{w.ID})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[w.ID]); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	}
	check(s, &webhook.CustomHeader{Name: "X-Key", Value: "k1", Sensitive: true}, &webhook.CustomHeader{Name: "X-Plain", Value: "p1"},
		&webhook.CustomHeader{Name: "Authorization", Value: "Bearer x", Sensitive: true})

	update := func(headers ...*webhook.NewHeader) error {
		_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Headers: webhook.Some(headers)}, nil)
		return err
	}
	if err := update(&webhook.NewHeader{Name: "X-KEY"}, &webhook.NewHeader{Name: "x-plain", Value: some("p2")}); err != nil {
		t.Fatal(err)
	}
	kept := []*webhook.CustomHeader{{Name: "X-Key", Value: "k1", Sensitive: true}, {Name: "X-Plain", Value: "p2"}}
	check(s, kept...)
	if err := update(&webhook.NewHeader{Name: "x-other"}); len(webhook.Invalids(err)) != 1 {
		t.Errorf("a value that there is not: %v", err)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Description: webhook.Some("d")}, nil); err != nil {
		t.Fatal(err)
	}
	check(s, kept...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = t.Open(t, store.Options{CheckHeader: egress.ValidateHeader})
	check(s, kept...)
	c = Tenant(t, s, "a")
	if foreign, err := Tenant(t, s, "b").Headers(t.Context(), []webhook.ID{w.ID}); len(foreign) != 0 || err != nil {
		t.Errorf("another tenant reads %v, %v", foreign, err)
	}
	if err := update(); err != nil {
		t.Fatal(err)
	}
	check(s)
	if err := c.DeleteWebhook(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	if err := update(); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("of a deleted webhook: %v", err)
	}
}

// A header that the egress policy refuses is an Invalid with its field, in create and in update.
func testHeaderRules(t *Suite) {
	s := t.Open(t, store.Options{CheckHeader: egress.ValidateHeader})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{})
	value := "v"
	for name, want := range map[string]webhook.Code{
		"host": webhook.CodeNotAllowed, "Webhook-Signature": webhook.CodeNotAllowed, "proxy-x": webhook.CodeNotAllowed, "a b": webhook.CodeInvalid,
		"Content-Length": webhook.CodeNotAllowed, "x\r\ny": webhook.CodeInvalid,
	} {
		headers := []*webhook.NewHeader{{Name: "X-Ok", Value: &value}, {Name: name, Value: &value}}
		_, _, create := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Headers: headers})
		_, _, update := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Headers: webhook.Some(headers)}, nil)
		for _, err := range []error{create, update} {
			if all := webhook.Invalids(err); len(all) != 1 || all[0].Code != want || all[0].Field != "headers.1" {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// After a change of the master key, a process that has only the new key reads the same secrets and headers.
func testRotateKey(t *Suite) {
	old, next := webhooktest.MasterKey, []byte(strings.Repeat("n", 32))
	s := t.Open(t, store.Options{MasterKeys: [][]byte{old}})
	c := Tenant(t, s, "a")
	value := "v"
	w, secret, err := c.CreateWebhook(t.Context(), webhook.New{
		URL: "https://example.com/", Headers: []*webhook.NewHeader{{Name: "X-Key", Value: &value, Sensitive: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, keys := range [][][]byte{{next, old}, {next}} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{MasterKeys: keys})
		if i == 0 {
			if n, err := s.RotateKey(t.Context()); n != 2 || err != nil {
				t.Fatalf("sealed %d, %v", n, err)
			}
		}
		secrets, err := Tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
		if err != nil || len(secrets[w.ID]) != 1 || secrets[w.ID][0].Reveal() != secret.Reveal() {
			t.Errorf("with %d keys: %v, %v", len(keys), secrets, err)
		}
		headers, err := Tenant(t, s, "a").Headers(t.Context(), []webhook.ID{w.ID})
		if err != nil || len(headers[w.ID]) != 1 || headers[w.ID][0].Value != value {
			t.Errorf("with %d keys: %v, %v", len(keys), headers, err)
		}
	}
}
