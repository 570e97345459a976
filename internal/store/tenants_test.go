package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A deleted tenant's tokens, webhooks and due deliveries stop working at once. Its rows, and none of another tenant, are removed afterwards,
// also after a restart.
func TestDeleteTenant(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		kept, gone := tenant(t, s, "kept"), tenant(t, s, "gone")
		owners, hooks := map[string]webhook.ID{}, map[string]*webhook.Webhook{}
		for name, c := range map[string]*store.Scope{"kept": kept, "gone": gone} {
			owners[name], hooks[name] = furnish(t, s, c, name)
		}
		must(t, s.FoldStatistics(t.Context()))
		before, err := s.CountRows(t.Context(), owners["kept"])
		if err != nil {
			t.Fatal(err)
		}
		for table, n := range before {
			if waits := table == "notices" || table == "fanouts"; n == 0 && !waits { // such rows are removed when they are processed
				t.Errorf("the tenant has nothing in %s: the test does not show that it stays", table)
			}
		}
		running, _ := claim(t, s, hooks["gone"].ID, 1)
		registry := s.Registry(nil)
		if err := registry.DeleteTenant(t.Context(), owners["gone"]); err != nil {
			t.Fatal(err)
		}
		if claims, due := claim(t, s, hooks["gone"].ID, 10); len(claims) > 0 || due != nil {
			t.Errorf("deliveries go on: %d, %v", len(claims), due)
		}
		if _, err := s.TokenByHash(t.Context(), webhook.HashToken("secret of gone")); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("its token: %v", err)
		}
		if _, err := s.TenantByName(t.Context(), "gone"); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("its name: %v", err)
		}
		if _, _, err := gone.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/"}); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a webhook of one who was let in before: %v", err)
		}
		late := webhook.Token{TenantID: new(owners["gone"])}
		if _, err := s.AddToken(t.Context(), late, "late"); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a token of one who was let in before: %v", err)
		}
		if err := registry.DeleteTenant(t.Context(), owners["gone"]); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
		record(t, s, running[0], 204) // a running attempt is recorded or dropped, and harms nothing
		webhooktest.Eventually(t, "all rows but those of the deletion are removed", func() bool {
			rows, err := s.RowsOf(t.Context(), owners["gone"])
			return err == nil && rows["events"]+rows["deliveries"]+rows["attempts"]+rows["idempotency_keys"] == 0 && rows["tenants"] == 1
		})
		publish(t, s.In(owners["gone"]), webhook.NewEvent{}) // a caller authenticated before
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{Tuning: lingering()})
		webhooktest.Eventually(t, "every row of the tenant goes", func() bool {
			rows, err := s.RowsOf(t.Context(), owners["gone"])
			return err == nil && len(rows) == 0
		})
		after, err := s.CountRows(t.Context(), owners["kept"])
		if diff := cmp.Diff(before, after); diff != "" || err != nil {
			t.Errorf("rows of another tenant: %v\n%s", err, diff)
		}
		if _, err := s.Registry(nil).CreateTenant(t.Context(), "gone", webhook.TenantPatch{}); err != nil {
			t.Errorf("its name is not free: %v", err)
		}
	})
}

// furnish gives a tenant a row of every kind.
func furnish(t *suite, s *store.Store, c *store.Scope, name string) (webhook.ID, *webhook.Webhook) {
	t.Helper()
	found, err := s.TenantByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	w := register(t, c, webhook.New{
		Enabled: true, Payload: shaped(`{"a":1}`), Headers: []*webhook.NewHeader{{Name: "X-Key", Value: new("v")}},
		Authentication: &webhook.AuthenticationPatch{Basic: webhook.Some(&webhook.NewBasic{Username: "u", Password: new("p")})},
	})
	var events []webhook.NewEvent
	for i := range 500 {
		events = append(events, webhook.NewEvent{IdempotencyKey: fmt.Sprint(i), Tags: []string{"a"}, Data: json.RawMessage(`1`)})
	}
	publish(t, c, events...)
	if _, err := s.AddToken(t.Context(), webhook.Token{TenantID: &found.ID, Name: name}, "secret of "+name); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.PutEventType(t.Context(), "order.paid", webhook.EventTypePatch{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Registry(&found.ID).CreatePortalLink(t.Context(), found.ID, portal.Link{Label: name, Scopes: webhook.TokenScopes{webhook.ScopeDeliveriesRead}}); err != nil {
		t.Fatal(err)
	}
	claims, _ := claim(t, s, w.ID, 1)
	record(t, s, claims[0], 500)
	// It waits in the queue of a replay.
	_, err = c.CancelDelivery(t.Context(), claims[0].Delivery.ID)
	must(t, err)
	made, err := c.CreateReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayAll, Filter: store.DeliveryFilter{DeliveryIDs: []webhook.ID{claims[0].Delivery.ID}}})
	must(t, err)
	(&replaying{Scope: c, s: s}).waits(t, made.ID, 1)
	return found.ID, w
}

// Tenants are created with valid, unique names, and only by operators; the default tenant cannot be deleted.
func TestTenantRegistry(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{Webhooks: 7}})
		registry := s.Registry(nil)
		made, err := registry.CreateTenant(t.Context(), "kallima", webhook.TenantPatch{MaxEvents: webhook.Some(new(5))})
		if err != nil || s.Quotas(made) != (webhook.Quotas{Webhooks: 7, Events: 5}) {
			t.Fatalf("%+v %v", made, err)
		}
		for name, code := range map[string]webhook.Code{"kallima": webhook.CodeConflict, "Kallima": webhook.CodeInvalid, "": webhook.CodeInvalid, "deleted 1": webhook.CodeInvalid} {
			_, err := registry.CreateTenant(t.Context(), name, webhook.TenantPatch{})
			if e := webhook.Invalids(err); len(e) != 1 || e[0].Code != code || e[0].Field != "name" {
				t.Errorf("%q: %v", name, err)
			}
		}
		if again, err := s.EnsureTenant(t.Context(), "kallima"); err != nil || again.ID != made.ID {
			t.Errorf("%v %v", again, err)
		}
		changed, err := registry.UpdateTenant(t.Context(), made.ID, webhook.TenantPatch{MaxWebhooks: webhook.Some(new(3)), MaxEvents: webhook.Some[*int](nil)})
		if err != nil || s.Quotas(changed) != (webhook.Quotas{Webhooks: 3}) {
			t.Errorf("%+v %v", changed, err)
		}
		if found, err := registry.TenantsByID(t.Context(), []webhook.ID{made.ID}); err != nil || s.Quotas(found[made.ID]) != (webhook.Quotas{Webhooks: 3}) {
			t.Errorf("%+v %v", found, err)
		}
		if _, err := registry.UpdateTenant(t.Context(), made.ID, webhook.TenantPatch{PublishRate: webhook.Some(new(0))}); len(webhook.Invalids(err)) != 1 {
			t.Errorf("rate 0: %v", err)
		}
		usual, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		if err := registry.DeleteTenant(t.Context(), usual.ID); len(webhook.Invalids(err)) != 1 {
			t.Errorf("the default tenant: %v", err)
		}
		own := s.Registry(&made.ID)
		if _, err := own.CreateTenant(t.Context(), "other", webhook.TenantPatch{}); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a tenant makes one: %v", err)
		}
		if err := own.DeleteTenant(t.Context(), made.ID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a tenant ends itself: %v", err)
		}
		if list, err := own.Tenants(t.Context(), store.TenantFilter{}, store.Page{}); err != nil || len(list.Items) != 1 || list.Items[0].ID != made.ID {
			t.Errorf("a tenant sees: %v %v", list, err)
		}
		if n, err := registry.CountTenants(t.Context(), store.TenantFilter{Name: new("alli")}); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	})
}

func quota(err error) bool {
	e := webhook.Invalids(err)
	return len(e) == 1 && e[0].Code == webhook.CodeQuota
}

// A tenant never has more webhooks and stored events than its quota, with any number of concurrent calls, and while events are
// counted; events that are not stored, or that retention removes, no longer count.
func TestQuotas(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{Webhooks: 2, Events: 20}})
		c, other := tenant(t, s, "a"), tenant(t, s, "b")
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		note := func(what string, err error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				got[what]++
			case quota(err):
				got["no "+what]++
			default:
				t.Error(err)
			}
		}
		s.Recount(t.Context())
		for i := range 10 {
			wg.Go(func() { s.Recount(t.Context()) })
			wg.Go(func() {
				_, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Events: []string{"never.sent"}})
				note("webhook", err)
			})
			for j := range 5 {
				wg.Go(func() {
					_, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: json.RawMessage(`1`), IdempotencyKey: fmt.Sprint(i, j)}})
					note("event", err)
				})
			}
		}
		wg.Wait()
		want := map[string]int{"webhook": 2, "no webhook": 8, "event": 20, "no event": 30}
		if !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		publish(t, other, webhook.NewEvent{}) // another tenant has its own
		register(t, other, webhook.New{})

		list, err := c.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteWebhook(t.Context(), list.Items[0].ID); err != nil {
			t.Fatal(err)
		}
		register(t, c, webhook.New{Events: []string{"never.sent"}})

		owner, err := s.TenantByName(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Registry(nil).UpdateTenant(t.Context(), owner.ID, webhook.TenantPatch{MaxEvents: webhook.Some(new(22))}); err != nil {
			t.Fatal(err)
		}
		same := webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`1`), IdempotencyKey: "same"}
		for range 10 { // duplicates are not stored
			publish(t, c, same)
		}
		s.Recount(t.Context())
		publish(t, c, webhook.NewEvent{})
		if _, err := c.Publish(t.Context(), []webhook.NewEvent{same}); !quota(err) {
			t.Errorf("beyond the new quota: %v", err)
		}
		if n, err := s.Prune(t.Context(), time.Now().AddDate(0, 0, 2)); n != 23 || err != nil {
			t.Fatal(n, err)
		}
		publish(t, c, make([]webhook.NewEvent, 22)...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = t.Open(t, store.Options{Quotas: webhook.Quotas{Events: 1}}) // the tenant's own quota applies
		s.Recount(t.Context())
		if _, err := s.In(owner.ID).Publish(t.Context(), []webhook.NewEvent{same}); !quota(err) {
			t.Errorf("after a restart: %v", err)
		}
	})
}

// A tenant has no more valid tokens than its quota, also if they are created concurrently; revoked and expired ones do not count.
// As many invalid ones are kept, the newest. Tokens of operators and other tenants are not counted.
func TestTokenQuota(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{Tokens: 3}})
		owner, err := s.EnsureTenant(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		other, err := s.EnsureTenant(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		own := s.Registry(&owner.ID)
		create := func(r *store.Registry, tenant *webhook.ID) (*webhook.Token, error) {
			secret, _ := webhook.NewToken()
			return r.CreateToken(t.Context(), webhook.Token{TenantID: tenant, Name: "x"}, secret)
		}
		var made, refused atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				switch _, err := create(own, &owner.ID); {
				case err == nil:
					made.Add(1)
				case quota(err):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 3 || refused.Load() != 17 {
			t.Errorf("%d tokens were made, and %d refused", made.Load(), refused.Load())
		}
		for range 10 { // other tenants are not refused
			if _, err := create(s.Registry(nil), nil); err != nil {
				t.Error(err)
			}
		}
		if _, err := create(s.Registry(nil), &other.ID); err != nil {
			t.Error(err)
		}
		if _, err := create(s.Registry(nil), &owner.ID); !quota(err) {
			t.Errorf("an operator makes one more for it: %v", err)
		}
		var last webhook.ID
		for range 20 {
			list, err := own.Tokens(t.Context(), store.TokenFilter{Valid: new(true)}, store.Page{Last: 1})
			if err != nil || len(list.Items) != 1 {
				t.Fatal(list, err)
			}
			last = list.Items[0].ID
			if _, err := own.RevokeToken(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			if _, err := create(own, &owner.ID); err != nil {
				t.Fatal(err)
			}
		}
		all, err := own.Tokens(t.Context(), store.TokenFilter{}, store.Page{})
		if err != nil || len(all.Items) != 6 {
			t.Fatalf("%d tokens are kept, %v", len(all.Items), err)
		}
		if found, err := own.TokensByID(t.Context(), []webhook.ID{last}); err != nil || found[last] == nil {
			t.Errorf("the one that was revoked last is gone: %v", err)
		}
		if _, err := s.Registry(nil).UpdateTenant(t.Context(), owner.ID, webhook.TenantPatch{MaxTokens: webhook.Some(new(4))}); err != nil {
			t.Fatal(err)
		}
		if _, err := create(own, &owner.ID); err != nil {
			t.Errorf("a quota of its own: %v", err)
		}
		if _, err := create(own, &owner.ID); !quota(err) {
			t.Errorf("beyond its own: %v", err)
		}
	})
}

// A tenant that publishes faster than its rate is told how long to wait, and refused events are not stored.
func TestPublishRate(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Quotas: webhook.Quotas{PublishRate: 1}})
		c := tenant(t, s, "a")
		publish(t, c, make([]webhook.NewEvent, webhook.MaxPublish)...) // the burst
		_, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: json.RawMessage(`1`)}, {Type: "a.b", Data: json.RawMessage(`1`)}, {Type: "a.b", Data: json.RawMessage(`1`)}})
		var fast *webhook.TooFast
		if !errors.As(err, &fast) || !quota(err) || fast.RetryAfter <= 0 || fast.RetryAfter > 3*time.Second {
			t.Errorf("got %v", err)
		}
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != webhook.MaxPublish || err != nil {
			t.Errorf("%d stored, %v", n, err)
		}
		publish(t, tenant(t, s, "b"), webhook.NewEvent{})
	})
}

// A change with a refused statement, one without its tenant's condition, fails permanently and is rolled back; the other changes of
// its transaction are written.
func TestRefusedChangeFailsAlone(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		before := register(t, c, webhook.New{})
		release := s.Hold(t)
		made, forgot := make(chan error, 3), make(chan error, 1)
		for i := range cap(made) {
			if i == 1 {
				go func() { forgot <- c.Forget(t.Context()) }()
			}
			go func() {
				_, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/"})
				made <- err
			}()
		}
		webhooktest.Eventually(t, "the changes wait for the writer", func() bool { _, others := s.Queued(); return others == 4 })
		release()
		for range cap(made) {
			if err := <-made; err != nil {
				t.Error("a neighbour:", err)
			}
		}
		if err := <-forgot; err == nil || errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("the change is answered %v", err)
		}
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{before.ID})
		if err != nil || found[before.ID].Description != "" {
			t.Errorf("%+v, %v", found[before.ID], err)
		}
	})
}
