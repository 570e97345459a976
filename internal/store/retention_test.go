package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// I4: what has been due for longer than the limit has FAILED because it expired, also while its webhook is disabled, and an
// operational event tells of it; what is due later or running is left alone. Retention can then remove the event, and a retry by
// hand owes it again.
func TestExpire(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		disabled := register(t, c, webhook.New{Events: []string{"a.b"}})
		running := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
		operationalOnly := register(t, c, webhook.New{Events: []string{webhook.TypeWebhookDisabled, webhook.TypeDeliveryFailed}})
		const many = 450 // more than one transaction expires
		events := make([]webhook.NewEvent, many)
		for i := range events {
			events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage("1")}
		}
		publish(t, c, events...)
		claim(t, s, running.ID, many)
		later := register(t, c, webhook.New{Enabled: true, Events: []string{"c"}, RetryScheduleMs: []int{3 * 60 * 60 * 1000}})
		publish(t, c, webhook.NewEvent{Type: "c"})
		claims, _ := claim(t, s, later.ID, 1)
		record(t, s, claims[0], 500)
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(-time.Minute)); n != 0 || err != nil {
			t.Fatalf("%d expired that were due within the minute, %v", n, err)
		}
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)); n != many || err != nil {
			t.Fatalf("%d expired, want %d, %v", n, many, err)
		}
		count := func(id webhook.ID, status webhook.DeliveryStatus) int {
			t.Helper()
			n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{id}, Statuses: []webhook.DeliveryStatus{status}})
			must(t, err)
			return n
		}
		want := map[string]int{"expired": many, "running": many, "later": 1}
		got := map[string]int{"expired": count(disabled.ID, webhook.DeliveryFailed), "running": count(running.ID, webhook.Pending), "later": count(later.ID, webhook.Pending)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		l, err := c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{disabled.ID}}, store.Page{First: 1})
		must(t, err)
		d := l.Items[0]
		if d.FailureReason == nil || *d.FailureReason != webhook.FailureExpired || d.CompletedAt == nil || d.NextAttemptAt != nil || d.AttemptCount != 0 {
			t.Errorf("expired: %+v", d)
		}
		told := operational(t, s, c)
		h := told.hooks[webhook.TypeDeliveryFailed][disabled.ID]
		if told.count[webhook.TypeDeliveryFailed] != many || h.Count != many || h.FailureReason != "EXPIRED" || h.EventType != "a.b" {
			t.Errorf("told %+v", told.hooks)
		}
		owed := count(operationalOnly.ID, webhook.Held)
		if n, err := s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)); n != owed || owed == 0 || err != nil {
			t.Errorf("%d of %d deliveries of operational events expired, %v", n, owed, err)
		}
		if again := operational(t, s, c); len(again.events) != len(told.events) {
			t.Error("the end of an operational event's delivery was told")
		}
		retried, err := c.RetryDelivery(t.Context(), d.ID)
		if err != nil || retried.Status != webhook.Held || retried.FailureReason != nil {
			t.Errorf("retried: %+v, %v", retried, err)
		}
	})
}

// A tenant whose events wait for a webhook that is gone is told so when there is no more room; when they have expired, upkeep
// makes room: retention does, and what expires alone does not.
func TestUpkeepMakesRoom(t *testing.T) {
	each(t, func(t *suite) {
		ahead := time.Duration(0)
		s := t.open(t, store.Options{Quotas: webhook.Quotas{Events: 3}, Now: func() time.Time { return time.Now().Add(ahead) }})
		c := tenant(t, s, "a")
		gone := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{1000}})
		other := register(t, c, webhook.New{Enabled: true})
		if _, _, err := c.UpdateWebhook(t.Context(), other.ID, webhook.Patch{}, &webhook.Rotation{Overlap: time.Minute}); err != nil {
			t.Fatal(err)
		}
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{})
		claims, _ := claim(t, s, gone.ID, 1)
		record(t, s, claims[0], 410, func(r *store.Result) { r.Gone = true })
		claims, _ = claim(t, s, other.ID, 10)
		for _, claimed := range claims {
			record(t, s, claimed, 200)
		}
		refused := func() string {
			t.Helper()
			_, err := c.Publish(t.Context(), []webhook.NewEvent{{Type: "a.b", Data: json.RawMessage("1")}})
			if bad := webhook.Invalids(err); len(bad) != 1 || bad[0].Code != webhook.CodeQuota {
				t.Fatalf("published into a full store: %v", err)
			}
			return err.Error()
		}
		if text := refused(); !strings.Contains(text, "3 of them cannot be removed, because they wait for webhooks that are disabled (1)") {
			t.Error(text)
		}
		must(t, s.PublishNotices(t.Context())) // of the webhook that was disabled: nobody names it, so it takes no room
		ahead = 48 * time.Hour
		day := time.Now().Add(24 * time.Hour) // one before what the clock shows
		secrets, err := s.PruneSecrets(t.Context())
		if err != nil || t.name == "sqlite" && secrets != 1 { // PostgreSQL has a clock of its own
			t.Fatalf("%d secrets, %v", secrets, err)
		}
		if n, err := s.ExpireDeliveries(t.Context(), day); n != 3 || err != nil {
			t.Fatalf("%d deliveries have expired, %v", n, err)
		}
		refused()
		if n, err := s.Prune(t.Context(), day); n != 3 || err != nil {
			t.Fatalf("%d events are removed, %v", n, err)
		}
		publish(t, c, webhook.NewEvent{Type: "a.b"})
	})
}

// I17: however many deliveries an event has, and webhooks a tenant, no transaction of retention or of a tenant's deletion changes more
// than some rows, and nothing is left at the end.
func TestRemovalInPieces(t *testing.T) {
	const most, many = store.BatchCost, 10_000
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		largest := s.LargestWrite()
		huge := func(name string) *store.Scope {
			t.Helper()
			c := tenant(t, s, name)
			w := register(t, c, webhook.New{Enabled: true})
			publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
			claims, _ := claim(t, s, w.ID, 2)
			for _, claimed := range claims {
				record(t, s, claimed, 200)
			}
			registerMany(t, c, 450, webhook.New{})
			must(t, s.Multiply(claims[0].Delivery.ID, many))
			return c
		}
		owner := func(name string) webhook.ID {
			t.Helper()
			found, err := s.TenantByName(t.Context(), name)
			must(t, err)
			return found.ID
		}
		old := huge("old")
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
			t.Fatalf("%d events went, want 2, %v", n, err)
		}
		for name, count := range map[string]func() (int, error){
			"events":     func() (int, error) { return old.CountEvents(t.Context(), store.EventFilter{}) },
			"deliveries": func() (int, error) { return old.CountDeliveries(t.Context(), store.DeliveryFilter{}) },
			"attempts":   func() (int, error) { return old.CountAttempts(t.Context(), store.AttemptFilter{}) },
		} {
			if n, err := count(); n != 0 || err != nil {
				t.Errorf("%d %s are left, %v", n, name, err)
			}
		}
		huge("gone")
		id := owner("gone")
		must(t, s.Registry(nil).DeleteTenant(t.Context(), id))
		must(t, s.Backdate(t.Context()))
		webhooktest.Eventually(t, "all of the tenant is removed", func() bool {
			must(t, s.SweepTenant(t.Context(), id))
			rows, err := s.RowsOf(t.Context(), id)
			must(t, err)
			return len(rows) == 0
		})
		if n := largest(); n > most {
			t.Errorf("one transaction changed %d rows", n)
		}
	})
}
