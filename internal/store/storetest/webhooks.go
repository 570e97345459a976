package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The last attempt of deliveries, their webhook's URL, and the keys of events are read for all rows at once, also after the webhook is
// deleted.
func testFieldsOfHistory(t *Suite) {
	s := t.Open(t, store.Options{})
	a := Tenant(t, s, "a")
	w := Register(t, a, webhook.New{Enabled: true})
	event := Publish(t, a, webhook.NewEvent{Type: "x.y", Data: json.RawMessage("1"), IdempotencyKey: "k"})[0].Event
	bare := Publish(t, a, webhook.NewEvent{})[0].Event
	ids := func() (ids []webhook.ID) {
		list, err := a.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{event.ID}}, store.Page{})
		Must(t, err)
		for _, d := range list.Items {
			if d.WebhookURL != w.URL {
				t.Errorf("the webhook's URL is %q", d.WebhookURL)
			}
			ids = append(ids, d.ID)
		}
		return ids
	}
	jobs, _ := Claim(t, s, w.ID, 10)
	for _, job := range jobs {
		Record(t, s, job, 500)
	}
	if _, err := a.RetryDelivery(t.Context(), ids()[0]); err != nil {
		t.Fatal(err)
	}
	jobs, _ = Claim(t, s, w.ID, 10)
	Record(t, s, jobs[0], 200)
	Must(t, a.DeleteWebhook(t.Context(), w.ID))

	for _, events := range []func() map[webhook.ID]webhook.ID{nil, func() map[webhook.ID]webhook.ID { return map[webhook.ID]webhook.ID{ids()[0]: event.ID} }} { // read, and known
		last, err := a.LastAttempts(t.Context(), ids(), events)
		if Must(t, err); len(last) != 1 || last[ids()[0]].Number != 2 {
			t.Errorf("last attempts: %v", last)
		}
	}
	keys, err := a.IdempotencyKeys(t.Context(), []webhook.ID{event.ID, bare.ID})
	if Must(t, err); len(keys) != 1 || keys[event.ID] != "k" {
		t.Errorf("keys: %v", keys)
	}
}

// Of several conditional changes to the same state of a webhook one is made, and the others get the resulting state. Every change,
// also the server's own, gets a new updatedAt, which is the time that the next change must name.
func testUpdateIfUnchanged(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	var wg sync.WaitGroup
	won, told := make(chan *webhook.Webhook, 16), make(chan *webhook.Webhook, 16)
	for i := range 16 {
		wg.Go(func() {
			after, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{IfUpdatedAt: &w.UpdatedAt, Description: webhook.Some(fmt.Sprint(i))}, nil)
			if changed, ok := errors.AsType[*webhook.Changed](err); ok {
				told <- changed.Current
			} else if err == nil {
				won <- after
			}
		})
	}
	wg.Wait()
	if len(won) != 1 || len(told) != 15 {
		t.Fatalf("%d changes were made and %d refused, want 1 and 15", len(won), len(told))
	}
	now := <-won
	for range 15 {
		if current := <-told; !current.UpdatedAt.Equal(now.UpdatedAt) || current.Description != now.Description {
			t.Errorf("told %v, is %v", current, now)
		}
	}
	times := make(chan time.Time, 64)
	for range 64 {
		wg.Go(func() {
			after, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Description: webhook.Some("x")}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			times <- after.UpdatedAt
		})
	}
	wg.Wait()
	close(times)
	seen := map[time.Time]bool{}
	for at := range times {
		if seen[at] {
			t.Errorf("two changes at %v", at)
		}
		seen[at] = true
	}
	Publish(t, c, webhook.NewEvent{})
	jobs, _ := Claim(t, s, w.ID, 1)
	Record(t, s, jobs[0], 410, func(r *store.Result) { r.Gone = true })
	found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
	Must(t, err)
	disabled := found[w.ID]
	if disabled.Enabled || seen[disabled.UpdatedAt] {
		t.Fatalf("after 410: %+v", disabled)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{IfUpdatedAt: &disabled.UpdatedAt, Enabled: webhook.Some(true)}, nil); err != nil {
		t.Errorf("with the time that was read: %v", err)
	}
}

// If many callers create a webhook with one external id at once, also on several replicas, one creates it and gets the secret; all get the same
// webhook. Other settings replace those that it has, another tenant's id is independent, and deleting frees it.
func testExternalID(t *Suite) {
	stores := []*store.Store{t.Open(t, store.Options{})}
	if t.Kind == "postgres" {
		stores = append(stores, t.Open(t, store.Options{}))
	}
	id, key := "order-7", "v"
	settings := func() webhook.New {
		return webhook.New{
			URL: "https://example.com/", Enabled: true, Events: []string{"a.b", "c.d"}, ExternalID: &id, Metadata: []byte(`{"plan": "pro", "n": 1}`),
			Headers: []*webhook.NewHeader{{Name: "X-Key", Value: &key, Sensitive: true}},
		}
	}
	Tenant(t, stores[0], "a")
	Tenant(t, stores[0], "b")
	type made struct {
		id     webhook.ID
		secret bool
	}
	all := make(chan made, 16)
	var wg sync.WaitGroup
	for i := range 16 {
		c := Tenant(t, stores[i%len(stores)], "a")
		wg.Go(func() {
			w, secret, err := c.CreateWebhook(t.Context(), settings())
			if err != nil {
				t.Error(err)
				return
			}
			all <- made{w.ID, secret != nil}
		})
	}
	wg.Wait()
	close(all)
	first, secrets := webhook.ID{}, 0
	for m := range all {
		if first == (webhook.ID{}) {
			first = m.id
		}
		if m.secret {
			secrets++
		}
		if m.id != first {
			t.Errorf("another webhook: %v, %v", m.id, first)
		}
	}
	if secrets != 1 {
		t.Errorf("%d callers were told a secret", secrets)
	}
	c := Tenant(t, stores[0], "a")
	again := settings()
	again.Events, again.Metadata = []string{"c.d", "a.b"}, []byte(`{"n":1,"plan":"pro"}`)
	before, secret, err := c.CreateWebhook(t.Context(), again)
	if err != nil || secret != nil || before.ID != first || *before.Metadata != `{"plan":"pro","n":1}` {
		t.Errorf("in another order: %+v %v", before, err)
	}
	for i := range 16 {
		n := settings()
		n.URL, n.Description = fmt.Sprintf("https://example.com/%d", i), fmt.Sprint(i)
		c := Tenant(t, stores[i%len(stores)], "a")
		wg.Go(func() {
			w, secret, err := c.CreateWebhook(t.Context(), n)
			if err != nil || w.ID != first || secret != nil || w.URL != n.URL || w.Description != n.Description {
				t.Errorf("with other settings: %+v %v", w, err)
			}
		})
	}
	wg.Wait()
	if list, err := c.Webhooks(t.Context(), store.WebhookFilter{ExternalID: &id}, store.Page{}); err != nil || len(list.Items) != 1 {
		t.Errorf("%d webhooks with the id: %v", len(list.Items), err)
	}
	b, _, err := Tenant(t, stores[0], "b").CreateWebhook(t.Context(), settings())
	if err != nil || b.ID == first {
		t.Errorf("another tenant's: %v %v", b, err)
	}
	Must(t, c.DeleteWebhook(t.Context(), first))
	if w, secret, err := c.CreateWebhook(t.Context(), settings()); err != nil || secret == nil || w.ID == first {
		t.Errorf("after it was deleted: %v %v", w, err)
	}
}

// Creating a webhook with the external id of an existing one sets all of its settings, and those that are not given to their defaults. It is in the
// audit log as an update; equal settings are not, and leave even the time of the last change. The secret stays as it is, and a webhook that the
// server disabled stays disabled until its owner enables it.
func testUpsert(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	value := "v"
	full := webhook.New{
		URL: "https://example.com/", Enabled: true, Events: []string{"a.b"}, ExternalID: new("one"), Metadata: []byte(`{"a":1}`), Filter: []byte(`{"data":{"a":1}}`),
		Description: "d", RetryScheduleMs: []int{1}, NoRetryStatuses: []int{404}, TimeoutMs: new(2000), RatePerSecond: new(3), Ordering: webhook.OrderingByKey,
		OnFailure: webhook.OnFailureHold, Probe: true, SendTraceparent: true, Payload: &webhook.Payload{Format: webhook.PayloadCloudEvents}, Headers: []*webhook.NewHeader{{Name: "X", Value: &value}},
	}
	made, secret, err := c.CreateWebhook(t.Context(), full)
	Must(t, err)
	audited := func() int {
		list, err := s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{ObjectIDs: []webhook.ID{made.ID}}, store.Page{First: 100})
		Must(t, err)
		return len(list.Items)
	}
	least := webhook.New{URL: "https://example.com/2", Enabled: true, ExternalID: new("one")}
	for round, n := range []webhook.New{least, least, full, full} {
		got, again, err := c.CreateWebhook(t.Context(), n)
		Must(t, err)
		want, _, err := c.CreateWebhook(t.Context(), func() webhook.New { n := n; n.ExternalID = nil; return n }())
		Must(t, err)
		want.ExternalID = new("one")
		if again != nil || got.ID != made.ID || !got.SameSettings(want) || !got.UpdatedAt.After(made.UpdatedAt) {
			t.Errorf("round %d: %+v, want %+v", round, got, want)
		}
		headers, err := c.Headers(t.Context(), []webhook.ID{made.ID})
		if Must(t, err); len(headers[made.ID]) != len(n.Headers) {
			t.Errorf("round %d: %d headers", round, len(headers[made.ID]))
		}
		if n := audited(); n != 2+round/2 {
			t.Errorf("round %d: %d entries of the audit log, want %d", round, n, 2+round/2)
		}
	}
	secrets, err := c.Secrets(t.Context(), []webhook.ID{made.ID})
	if Must(t, err); len(secrets[made.ID]) != 1 || secrets[made.ID][0].ID != secret.ID {
		t.Errorf("secrets: %v", secrets[made.ID])
	}
	Publish(t, c, webhook.NewEvent{Type: "a.b", Data: []byte(`{"a":1}`)})
	jobs, _ := Claim(t, s, made.ID, 1)
	Record(t, s, jobs[0], 410, func(r *store.Result) { r.Gone = true })
	for name, n := range map[string]webhook.New{"the same": full, "other settings": least} {
		if w, _, err := c.CreateWebhook(t.Context(), n); err != nil || w.Enabled || *w.DisabledReason != webhook.DisabledGone {
			t.Errorf("disabled by the server, with %s: %+v %v", name, w, err)
		}
	}
	for _, enabled := range []bool{false, true} {
		_, _, err := c.UpdateWebhook(t.Context(), made.ID, webhook.Patch{Enabled: webhook.Some(!enabled)}, nil)
		Must(t, err)
		n := full
		n.Enabled = enabled
		if w, _, err := c.CreateWebhook(t.Context(), n); err != nil || w.Enabled != enabled {
			t.Errorf("enabled: %v, want %v; %v", w.Enabled, enabled, err)
		}
	}
}

// What an upsert cannot do is refused, and changes nothing: another scheme, another secret, settings that are not valid.
func testUpsertRefused(t *Suite) {
	c := Tenant(t, t.Open(t, store.Options{}), "a")
	const one, two = webhook.ImportedSecret("whsec_kQL+M2TFB5ipG9xAXvEig3a4DepPFddp"), webhook.ImportedSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	n := webhook.New{URL: "https://example.com/", Enabled: true, ExternalID: new("one"), Secret: new(one)}
	made, secret, err := c.CreateWebhook(t.Context(), n)
	if Must(t, err); !secret.Imported || secret.Reveal() != string(one) {
		t.Errorf("the secret is not the one that was brought")
	}
	for want, change := range map[string]func(n *webhook.New){
		"signatureScheme CONFLICT": func(n *webhook.New) { n.Secret, n.Scheme = nil, webhook.SchemeEd25519 },
		"secret CONFLICT":          func(n *webhook.New) { n.Secret = new(two) },
		"secret INVALID":           func(n *webhook.New) { n.Secret = new(two[:20]) },
		"timeoutMs OUT_OF_RANGE":   func(n *webhook.New) { n.TimeoutMs = new(1) },
	} {
		other := n
		other.Description = "changed"
		change(&other)
		_, _, err := c.CreateWebhook(t.Context(), other)
		if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Field+" "+string(bad[0].Code) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	n.Secret = nil // it may be left out
	if w, secret, err := c.CreateWebhook(t.Context(), n); err != nil || secret != nil || !w.UpdatedAt.Equal(made.UpdatedAt) {
		t.Errorf("changed: %+v %v", w, err)
	}
}

// A webhook can be rotated to a secret that its owner brings, once. It survives a restart, and the audit log says that it was brought, and nothing
// of it.
func testImport(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	const own = webhook.ImportedSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	w, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true, Scheme: webhook.SchemeEd25519})
	Must(t, err)
	_, secret, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour, Secret: new(own)})
	if Must(t, err); !secret.Imported || secret.Scheme != webhook.SchemeHMAC {
		t.Errorf("rotated: %v %s", secret, secret.Scheme)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Secret: new(own)}); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeConflict {
		t.Errorf("rotated to the same: %v", err)
	}
	for _, bad := range []webhook.Rotation{{Secret: new(own[:16])}, {Secret: new(own), Scheme: webhook.SchemeEd25519}} {
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &bad); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Field != "secret" {
			t.Errorf("rotated with a wrong one: %v", err)
		}
	}
	Must(t, s.Close())
	s = t.Open(t, store.Options{})
	c = Tenant(t, s, "a")
	secrets, err := c.Secrets(t.Context(), []webhook.ID{w.ID})
	if Must(t, err); len(secrets[w.ID]) != 2 || secrets[w.ID][0].Reveal() != string(own) || secrets[w.ID][1].Scheme != webhook.SchemeEd25519 {
		t.Errorf("after a restart: %v", secrets[w.ID])
	}
	log, err := s.Registry(nil).AuditLog(t.Context(), store.AuditFilter{ObjectIDs: []webhook.ID{w.ID}}, store.Page{First: 100})
	Must(t, err)
	changes := log.Items[0].Changes
	if last := changes[len(changes)-1]; log.Items[0].Action != webhook.AuditWebhookSecretRotated || last.Field != "secretImported" || string(last.After) != "true" {
		t.Errorf("audited: %s %+v", log.Items[0].Action, changes)
	}
}

// A webhook's external id and metadata can be changed and removed, and survive every other change and a restart; the id finds the
// webhook, and belongs to one webhook only.
func testOwnersData(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true, ExternalID: new("one"), Metadata: []byte(` {"a": [1, 2]} `)})
	Register(t, c, webhook.New{Enabled: true, ExternalID: new("two")})
	update := func(p webhook.Patch) error {
		_, _, err := c.UpdateWebhook(t.Context(), w.ID, p, nil)
		return err
	}
	is := func(external, metadata *string) {
		t.Helper()
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		Must(t, err)
		if diff := cmp.Diff([]*string{external, metadata}, []*string{found[w.ID].ExternalID, found[w.ID].Metadata}); diff != "" {
			t.Errorf("external id and metadata (-want +got):\n%s", diff)
		}
	}
	is(new("one"), new(`{"a":[1,2]}`))
	if err := update(webhook.Patch{ExternalID: webhook.Some(new("two"))}); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeConflict {
		t.Errorf("an id that another has: %v", err)
	}
	Must(t, update(webhook.Patch{ExternalID: webhook.Some(new("one")), Description: webhook.Some("x")}))
	is(new("one"), new(`{"a":[1,2]}`))
	Must(t, s.Close())
	s = t.Open(t, store.Options{})
	c = Tenant(t, s, "a")
	Must(t, update(webhook.Patch{Description: webhook.Some("y")}))
	is(new("one"), new(`{"a":[1,2]}`))
	for external, n := range map[string]int{"one": 1, "two": 1, "on": 0, "o%": 0, "\x00": 0} {
		list, err := c.Webhooks(t.Context(), store.WebhookFilter{ExternalID: &external}, store.Page{})
		if Must(t, err); len(list.Items) != n {
			t.Errorf("%q finds %d webhooks, want %d", external, len(list.Items), n)
		}
	}
	if list, err := Tenant(t, s, "b").Webhooks(t.Context(), store.WebhookFilter{ExternalID: new("one")}, store.Page{}); err != nil || len(list.Items) > 0 {
		t.Errorf("another tenant finds %v, %v", list, err)
	}
	Must(t, update(webhook.Patch{Metadata: webhook.Some([]byte(`{"b":null}`))}))
	is(new("one"), new(`{"b":null}`))
	Must(t, update(webhook.Patch{ExternalID: webhook.Some[*string](nil), Metadata: webhook.Some[[]byte](nil)}))
	is(nil, nil)
}

// A rotated secret signs beside the new one until the overlap ends; no secret is stored in clear.
func testRotation(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	_, second, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	active := func(s *store.Store) int {
		secrets, err := Tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
		if err != nil || secrets[w.ID][0].Reveal() == "" {
			t.Fatal(err)
		}
		return len(secrets[w.ID])
	}
	if n := active(s); n != 2 {
		t.Errorf("%d secrets sign, want 2", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = t.Open(t, store.Options{})
	secrets, _ := Tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
	if len(secrets[w.ID]) != 2 || secrets[w.ID][0].Reveal() != second.Reveal() {
		t.Errorf("after a restart: %v", secrets)
	}
	if end := secrets[w.ID][1].ExpiresAt; secrets[w.ID][0].ExpiresAt != nil || end == nil || time.Until(*end) > time.Hour || time.Until(*end) < time.Hour-5*time.Minute {
		t.Errorf("after a restart the rotated secret signs until %v, for an hour", end)
	}
	if _, _, err := Tenant(t, s, "a").UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{}); err != nil {
		t.Fatal(err)
	}
	if n := active(s); n != 1 {
		t.Errorf("%d secrets sign after a rotation without overlap, want 1", n)
	}
}

// However often a caller rotates, at most five secrets sign: the newest.
func testRotationIsBounded(t *Suite) {
	s := t.Open(t, store.Options{})
	c := Tenant(t, s, "a")
	w := Register(t, c, webhook.New{Enabled: true})
	var newest []string
	for range 8 {
		_, secret, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		newest = append([]string{secret.Reveal()}, newest...)
	}
	for range 2 {
		secrets, err := Tenant(t, s, "a").Secrets(t.Context(), []webhook.ID{w.ID})
		var sign []string
		for _, secret := range secrets[w.ID] {
			sign = append(sign, secret.Reveal())
		}
		if diff := cmp.Diff(newest[:5], sign); diff != "" || err != nil {
			t.Errorf("%v, which sign: %s", err, diff)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{}) // and after a restart
	}
}
