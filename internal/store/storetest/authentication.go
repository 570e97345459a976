package storetest

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// A webhook's authentication can be set, kept, changed in parts and removed; it survives a restart and a new master key, is in the audit log without
// what is secret, and is deleted with the webhook. No other tenant reads it.
func testAuthentication(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	authority := certificates.NewAuthority(t, "authority")
	chain, key := authority.Issue(t, "client", nil)
	password := "hidden-password"
	w := Register(t, c, webhook.New{Enabled: true, Authentication: &webhook.AuthenticationPatch{
		Basic:       webhook.Some(&webhook.NewBasic{Username: "user", Password: &password}),
		Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key}),
	}})
	read := func(s *store.Store) *webhook.Authentication {
		t.Helper()
		all, err := Tenant(t, s, "a").Authentications(t.Context(), []webhook.ID{w.ID})
		if err != nil {
			t.Fatal(err)
		}
		return all[w.ID]
	}
	made := read(s)
	if made == nil || made.Basic == nil || made.Basic.Password != password || made.Certificate == nil || made.Certificate.Subject != "CN=client" {
		t.Fatalf("made %+v", made)
	}
	oauth2 := func(secret *string) *webhook.AuthenticationPatch {
		n := &webhook.NewOAuth2{ClientID: "id", ClientSecret: secret}
		n.TokenURL = "https://tokens.example/"
		return &webhook.AuthenticationPatch{OAuth2: webhook.Some(n)}
	}
	update := func(p *webhook.AuthenticationPatch) error {
		_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Authentication: webhook.Some(p)}, nil)
		return err
	}
	if err := update(&webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "other"})}); len(webhook.Invalids(err)) != 1 {
		t.Errorf("a user name without a password: %v", err)
	}
	if err := update(oauth2(&password)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Description: webhook.Some("d")}, nil); err != nil {
		t.Fatal(err)
	}
	changed := read(s)
	if changed.Basic != nil || changed.OAuth2 == nil || changed.OAuth2.ClientSecret != password || changed.Certificate.Fingerprint != made.Certificate.Fingerprint {
		t.Errorf("changed to %+v", changed)
	}
	another := "another"
	if err := update(oauth2(&another)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.RotateKey(t.Context()); err != nil && !strings.Contains(err.Error(), "no new master key") || err == nil && n < 2 {
		t.Errorf("%d sealed again, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = t.Open(t, store.Options{})
	c = Tenant(t, s, "a")
	changed.OAuth2.ClientSecret = another
	if again := read(s); !again.Same(changed) {
		t.Errorf("after a restart %+v", again)
	}
	if foreign, err := Tenant(t, s, "b").Authentications(t.Context(), []webhook.ID{w.ID}); len(foreign) != 0 || err != nil {
		t.Errorf("another tenant reads %v, %v", foreign, err)
	}
	auditedAuthentication(t, s)
	if err := update(nil); err != nil || read(s) != nil {
		t.Errorf("removed: %v, %v", read(s), err)
	}
	if err := c.DeleteWebhook(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	if err := update(nil); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("of a deleted webhook: %v", err)
	}
}

// auditedAuthentication checks the entries of testAuthentication's changes.
func auditedAuthentication(t *Suite, s *store.Store) {
	t.Helper()
	log, err := s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{Actions: []webhook.AuditAction{webhook.AuditWebhookCreated, webhook.AuditWebhookUpdated}}, store.Page{First: 10})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, e := range log.Items {
		for _, change := range e.Changes {
			if text := string(change.Before) + string(change.After); strings.Contains(text, "hidden") || strings.Contains(text, "PRIVATE") || strings.Contains(text, "another") {
				t.Errorf("the audit log has %s", text)
			}
			if strings.HasPrefix(change.Field, "authentication") {
				fields = append(fields, change.Field)
			}
		}
	}
	if want := []string{"authenticationSecrets", "authentication", "authentication"}; !slices.Equal(fields, want) {
		t.Errorf("the audit log has changes of %v, want %v", fields, want)
	}
}

// What the egress policy refuses is refused for token URLs too, and a header that the authentication sets is refused beside it, whichever comes last.
func testAuthenticationRules(t *Suite) {
	client, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := t.Open(t, store.Options{CheckURL: client.ValidateURL, CheckHeader: egress.ValidateHeader})
	c := Tenant(t, s, "a")
	secret := "s"
	oauth2 := func(url string) *webhook.AuthenticationPatch {
		return &webhook.AuthenticationPatch{OAuth2: webhook.Some(&webhook.NewOAuth2{TokenURL: url, ClientID: "id", ClientSecret: &secret})}
	}
	refused := func(err error, field string, code webhook.Code) {
		t.Helper()
		if all := webhook.Invalids(err); len(all) != 1 || all[0].Field != field || all[0].Code != code {
			t.Errorf("%v, want %s at %s", err, code, field)
		}
	}
	n := webhook.New{URL: "https://receiver.example/", Enabled: true}
	for url, code := range map[string]webhook.Code{"https://127.0.0.1/": webhook.CodeNotAllowed, "http://tokens.example/": webhook.CodeInvalid, "https://u:p@tokens.example/": webhook.CodeInvalid} {
		n.Authentication = oauth2(url)
		_, _, err := c.CreateWebhook(t.Context(), n)
		refused(err, "authentication.oauth2.tokenUrl", code)
	}
	n.Authentication = oauth2("https://TOKENS.example:443/x")
	w, _, err := c.CreateWebhook(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Authentications(t.Context(), []webhook.ID{w.ID})
	if err != nil || all[w.ID].OAuth2.TokenURL != "https://tokens.example/x" {
		t.Errorf("%+v, %v", all[w.ID], err)
	}
	headers := webhook.Some([]*webhook.NewHeader{{Name: "authorization", Value: &secret}})
	_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Headers: headers}, nil)
	refused(err, "headers.0.name", webhook.CodeNotAllowed)
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Headers: headers, Authentication: webhook.Some[*webhook.AuthenticationPatch](nil)}, nil); err != nil {
		t.Error(err)
	}
	_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Authentication: webhook.Some(oauth2("https://tokens.example/"))}, nil)
	refused(err, "authentication", webhook.CodeNotAllowed)
}

// Creating a webhook again by its external ID changes its authentication only if it is another one.
func testAuthenticationAgain(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	external, password, other := "e", "p", "q"
	create := func(password *string) *webhook.Webhook {
		t.Helper()
		n := webhook.New{URL: "https://example.com/", Enabled: true, ExternalID: &external}
		if password != nil {
			n.Authentication = &webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "u", Password: password})}
		}
		w, _, err := c.CreateWebhook(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := create(&password)
	if again := create(&password); again.ID != first.ID || !again.UpdatedAt.Equal(first.UpdatedAt) {
		t.Errorf("the same settings are a change: %v, %v", first.UpdatedAt, again.UpdatedAt)
	}
	for _, p := range []*string{&other, nil} {
		w := create(p)
		all, err := c.Authentications(t.Context(), []webhook.ID{w.ID})
		if err != nil || w.ID != first.ID || (all[w.ID] != nil) != (p != nil) || p != nil && all[w.ID].Basic.Password != *p {
			t.Errorf("%+v, %v", all[w.ID], err)
		}
	}
}

// Certificates that expire soon are listed by time, of all tenants; those of deleted webhooks are not.
func testCertificatesExpiring(t *Suite) {
	s := t.Open(t, store.Options{})
	authority := certificates.NewAuthority(t, "authority")
	var want []webhook.ID
	for i, days := range []int{20, 10, 40, 15} {
		c := Tenant(t, s, []string{"a", "b"}[i%2])
		chain, key := authority.Issue(t, "client", nil, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, days) })
		w := Register(t, c, webhook.New{Enabled: true, Authentication: &webhook.AuthenticationPatch{
			Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key}),
		}})
		if want = append(want, w.ID); days == 15 {
			if err := c.DeleteWebhook(t.Context(), w.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	Register(t, Tenant(t, s, "a"), webhook.New{Enabled: true})
	list, err := s.CertificatesExpiring(t.Context(), time.Now().AddDate(0, 0, 30), 10)
	if err != nil || len(list) != 2 || list[0].WebhookID != want[1] || list[1].WebhookID != want[0] || !list[0].ExpiresAt.Before(list[1].ExpiresAt) {
		t.Errorf("%+v, %v", list, err)
	}
	if one, err := s.CertificatesExpiring(t.Context(), time.Now().AddDate(0, 0, 30), 1); err != nil || len(one) != 1 || one[0].TenantID != list[0].TenantID {
		t.Errorf("%+v, %v", one, err)
	}
}
