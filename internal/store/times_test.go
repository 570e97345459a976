package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// An event with deliverAt is due then and not before, also if its deliveries are made in pieces; it is counted as pending, and retention keeps it.
func TestDeliverAt(t *testing.T) {
	each(t, func(t *suite) {
		for _, above := range []int{100, 1} { // in the event's transaction, and in pieces
			s := t.Fresh().Open(t, store.Options{Tuning: fanOutAbove(above)})
			c := tenant(t, s, "a")
			hooks := []*webhook.Webhook{register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true})}
			at := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
			e := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage("1"), DeliverAt: &at, ExpiresAt: new(at.Add(time.Hour))})[0].Event
			must(t, s.Flush(t.Context()))
			found, err := c.EventsByID(t.Context(), []webhook.ID{e.ID})
			must(t, err)
			if got := found[e.ID]; !got.DeliverAt.Equal(at) || !got.ExpiresAt.Equal(at.Add(time.Hour)) {
				t.Errorf("stored %v, %v", got.DeliverAt, got.ExpiresAt)
			}
			for _, w := range hooks {
				claims, next := claim(t, s, w.ID, 10)
				if len(claims) != 0 || next == nil || !next.Equal(at) {
					t.Fatalf("%d deliveries are due, the next at %v, want %v", len(claims), next, at)
				}
			}
			if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending}}); n != 2 || err != nil {
				t.Errorf("%d are pending (%v)", n, err)
			}
			if wrong, err := s.CheckBacklog(t.Context()); len(wrong) != 0 || err != nil {
				t.Errorf("backlog: %v %v", wrong, err)
			}
			if _, err := s.Prune(t.Context(), time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			soon := time.Now().Add(100 * time.Millisecond).Truncate(time.Microsecond)
			publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage("2"), DeliverAt: &soon})
			must(t, s.Flush(t.Context()))
			for _, w := range hooks {
				webhooktest.Eventually(t, "it is due", func() bool {
					claims, _ := claim(t, s, w.ID, 10)
					return len(claims) == 1 && string(claims[0].Event.Data) == "2"
				})
			}
			if now := time.Now(); now.Before(soon) {
				t.Errorf("it was due %v too early", soon.Sub(now))
			}
		}
	})
}

// With an ordering key deliverAt holds up the key's later events, and a retry by hand does not wait for it.
func TestDeliverAtInLine(t *testing.T) {
	each(t, func(t *suite) {
		o := newKeyed(t, t.Open(t, store.Options{}), webhook.New{})
		at := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		ordered := func(name string, at *time.Time) {
			publish(t, o.Scope, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`"` + name + `"`), OrderingKey: name[:1], DeliverAt: at})
		}
		ordered("a1", nil)
		ordered("a2", &at)
		ordered("a3", nil)
		record(t, o.s, o.due("a1")["a1"], 200)
		if d := o.named("a2"); d.Waits() || d.NextAttemptAt == nil || !d.NextAttemptAt.Equal(at) {
			t.Errorf("the head is due at its deliverAt: %s", sprint(d))
		}
		o.behind("a3", "a2")
		o.due()
		o.retry("a2")
		record(t, o.s, o.due("a2")["a2"], 200)
		o.due("a3")
		o.exact()
	})
}

// A delivery that has not succeeded when its event expires fails as expired: while it is held, waits in line, or is claimed but not attempted; and
// after an attempt, if the next one would be too late. Retries by hand make one attempt all the same.
func TestExpiresAt(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		o := newKeyed(t, s, webhook.New{Events: []string{"a.b"}, RetryScheduleMs: []int{3_600_000}})
		held := register(t, o.Scope, webhook.New{Events: []string{"a.b"}})
		expires := time.Now().Add(100 * time.Millisecond)
		for _, name := range []string{"a1", "a2", "b1", "c1"} {
			publish(t, o.Scope, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`"` + name + `"`), OrderingKey: name[:1], ExpiresAt: &expires})
		}
		publish(t, o.Scope, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`"a3"`), OrderingKey: "a", ExpiresAt: new(time.Now().Add(time.Hour))})
		claims := o.due("a1", "b1", "c1")
		record(t, s, claims["b1"], 500) // the retry is due in an hour
		webhooktest.Eventually(t, "the events expire", func() bool { return time.Now().After(expires.Add(time.Millisecond)) })
		if n, err := s.ExpireEvents(t.Context()); n != 5 || err != nil { // a2, and four that are held
			t.Fatalf("%d ended, want 5 (%v)", n, err)
		}
		must(t, s.Unclaim(t.Context(), []*store.Claimed{claims["a1"]}))
		record(t, s, claims["c1"], 500)
		for _, name := range []string{"a1", "a2", "b1", "c1"} {
			if d := o.named(name); d.Status != webhook.DeliveryFailed || *d.FailureReason != webhook.FailureExpired || d.NextAttemptAt != nil || d.CompletedAt == nil {
				t.Errorf("%s: %s", name, sprint(d))
			}
		}
		o.due("a3")
		if n, err := o.CountDeliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{held.ID}, Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}); n != 4 || err != nil {
			t.Errorf("%d of a disabled webhook have failed (%v)", n, err)
		}
		o.retry("b1")
		record(t, s, o.due("b1")["b1"], 500)
		if d := o.named("b1"); d.Status != webhook.DeliveryFailed || *d.FailureReason != webhook.FailureExpired || d.AttemptCount != 2 {
			t.Errorf("retried after it expired: %s", sprint(d))
		}
		o.retry("c1")
		record(t, s, o.due("c1")["c1"], 200)
		o.exact()
	})
}

// The sweep cancels deliveries of a deleted webhook that are not yet, and so meets each of them once: otherwise it would read them all again every
// second.
func TestExpiresAtOfDeletedWebhooks(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		c := tenant(t, s, "a")
		deleted, other := register(t, c, webhook.New{}), register(t, c, webhook.New{})
		expires := time.Now().Add(50 * time.Millisecond)
		publish(t, c, webhook.NewEvent{Type: "a.b", ExpiresAt: &expires}, webhook.NewEvent{Type: "a.b", ExpiresAt: &expires})
		must(t, s.Exec("UPDATE webhooks SET deleted_at = created_at WHERE seq = "+fmt.Sprint(deleted.Seq))) // as a stop would leave it that interrupts its deletion
		webhooktest.Eventually(t, "the events expire", func() bool { return time.Now().After(expires.Add(time.Millisecond)) })
		if n, err := s.ExpireEvents(t.Context()); n != 4 || err != nil {
			t.Fatalf("%d ended, want 4 (%v)", n, err)
		}
		for id, want := range map[webhook.ID]webhook.DeliveryStatus{deleted.ID: webhook.Canceled, other.ID: webhook.DeliveryFailed} {
			n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{id}, Statuses: []webhook.DeliveryStatus{want}})
			if n != 2 || err != nil {
				t.Errorf("%d deliveries are %s, want 2 (%v)", n, want, err)
			}
		}
		writes := s.CountWrites()
		if n, err := s.ExpireEvents(t.Context()); n != 0 || err != nil {
			t.Errorf("%d ended again (%v)", n, err)
		}
		if list := writes(); len(list) != 0 {
			t.Errorf("the next sweep met them again: %q", list)
		}
		if wrong, err := s.CheckBacklog(t.Context()); len(wrong) != 0 || err != nil {
			t.Errorf("backlog: %v %v", wrong, err)
		}
	})
}
