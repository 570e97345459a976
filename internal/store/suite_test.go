package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Helpers shared with the conformance suite, which tests what can be seen from outside.
type suite = storetest.Suite

var (
	each     = storetest.Each
	tenant   = storetest.Tenant
	register = storetest.Register
	publish  = storetest.Publish
	claim    = storetest.Claim
	record   = storetest.Record
	must     = storetest.Must
)

// tuned returns the default tuning with changes.
func tuned(change func(to *store.Tuning)) *store.Tuning {
	t := store.DefaultTuning()
	change(&t)
	return &t
}

// fanOutAbove makes fan-outs with more than n deliveries large.
func fanOutAbove(n int) *store.Tuning { return tuned(func(to *store.Tuning) { to.FanOutAbove = n }) }

// merging makes the writer take everything that waits into one transaction, although several tenants call.
func merging() *store.Tuning { return tuned(func(to *store.Tuning) { to.AloneAfter = 0 }) }

// lingering keeps the row of a deleted tenant for a moment only.
func lingering() *store.Tuning {
	return tuned(func(to *store.Tuning) { to.Linger = 100 * time.Millisecond })
}

// probing makes Ready probe at every call.
func probing() *store.Tuning {
	return tuned(func(to *store.Tuning) { to.ReadyFor, to.NotReadyFor = 0, 0 })
}

// A failed attempt is retried on schedule until the delivery fails; attempts are numbered 1 to n (I3, I4).
func TestRetryUntilGivenUp(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{0, 0}})
		watcher := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeDeliveryFailed}})
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		for n := 1; n <= 3; n++ {
			claims, _ := claim(t, s, w.ID, 10)
			if len(claims) != 1 || claims[0].Delivery.AttemptCount != n-1 {
				t.Fatalf("claim %d: %+v", n, claims)
			}
			if more, _ := claim(t, s, w.ID, 10); len(more) != 0 {
				t.Fatal("claimed twice")
			}
			record(t, s, claims[0], 500)
		}
		d := storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.FailureReason == nil || *d.FailureReason != webhook.FailureRetriesExhausted {
			t.Errorf("failed because of %v", d.FailureReason)
		}
		if d.Status != webhook.DeliveryFailed || d.AttemptCount != 3 || d.CompletedAt == nil || d.NextAttemptAt != nil {
			t.Errorf("delivery %+v", d)
		}
		attempts, err := c.AttemptsOfDeliveries(t.Context(), []webhook.ID{d.ID}, nil, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range attempts[d.ID].Items {
			if a.Number != i+1 || a.EventType != "a.b" || *a.ResponseStatus != 500 || *a.Error != webhook.ErrorHTTPStatus {
				t.Errorf("attempt %d is %+v", i, a)
			}
		}
		if n := len(attempts[d.ID].Items); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
		must(t, s.PublishNotices(t.Context()))
		if claims, _ := claim(t, s, watcher.ID, 10); len(claims) != 1 || claims[0].Event.Type != webhook.TypeDeliveryFailed {
			t.Errorf("operational event: %+v", claims)
		}
		if _, err := c.RetryDelivery(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
		claims, _ := claim(t, s, w.ID, 10)
		if len(claims) != 1 || claims[0].Delivery.Trigger != webhook.TriggerManual {
			t.Fatalf("retried by hand: %+v", claims)
		}
		record(t, s, claims[0], 204)
		d = storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.Status != webhook.DeliverySucceeded || d.AttemptCount != 4 || d.FailureReason != nil {
			t.Errorf("after retry by hand: %+v", d)
		}
	})
}

// A delivery fails at once, whatever retries are left, when the receiver answers with a status for which its webhook wants none: with the
// statuses that the webhook has when the attempt is recorded. Other failures are retried, and so is the delivery by hand, with the same rule.
func TestNoRetryStatuses(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, NoRetryStatuses: []int{422, 404}, RetryScheduleMs: []int{0, 0}})
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		attempt := func(answer int) *webhook.Delivery {
			t.Helper()
			claims, _ := claim(t, s, w.ID, 10)
			if len(claims) != 1 {
				t.Fatalf("%d claims", len(claims))
			}
			record(t, s, claims[0], answer)
			return storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		}
		fails := func(d *webhook.Delivery, attempts int) {
			t.Helper()
			if d.Status != webhook.DeliveryFailed || d.AttemptCount != attempts || d.FailureReason == nil || *d.FailureReason != webhook.FailureStatus || d.CompletedAt == nil || d.NextAttemptAt != nil {
				t.Errorf("after attempt %d: %+v", attempts, d)
			}
		}
		if d := attempt(500); d.Status != webhook.Pending || d.FailureReason != nil {
			t.Errorf("after another status: %+v", d)
		}
		d := attempt(404)
		fails(d, 2)
		for _, reload := range []bool{false, true} {
			if reload {
				must(t, s.Close())
				s = t.Open(t, store.Options{})
				c = tenant(t, s, "a")
			}
			_, err := c.RetryDelivery(t.Context(), d.ID)
			must(t, err)
			d = attempt(422)
			fails(d, d.AttemptCount)
		}
		_, err := c.RetryDelivery(t.Context(), d.ID)
		must(t, err)
		updated, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{NoRetryStatuses: webhook.Some([]int{})}, nil)
		if must(t, err); updated.NoRetryStatuses != nil {
			t.Errorf("updated: %v", updated.NoRetryStatuses)
		}
		if d := attempt(404); d.Status != webhook.Pending {
			t.Errorf("after the statuses were removed: %+v", d)
		}
	})
}

// 410 disables the webhook, with the reason in the webhook and in an operational event.
func TestGoneDisables(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
		watcher := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeWebhookDisabled}})
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(t, s, w.ID, 10)
		record(t, s, claims[0], 410, func(r *store.Result) { r.Gone = true })
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		if err != nil {
			t.Fatal(err)
		}
		if got := found[w.ID]; got.Enabled || *got.DisabledReason != webhook.DisabledGone || got.DisabledAt == nil {
			t.Errorf("webhook %+v", got)
		}
		must(t, s.PublishNotices(t.Context()))
		if claims, _ := claim(t, s, watcher.ID, 10); len(claims) != 1 || !strings.Contains(string(claims[0].Event.Data), `"reason":"GONE"`) {
			t.Errorf("operational event: %+v", claims)
		}
	})
}

// Two servers never use one directory.
func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := store.Open(t.Context(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second server: %v", err)
	}
	shared, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
	if err != nil {
		t.Fatalf("a command beside the server: %v", err)
	}
	if err := shared.Close(); err != nil {
		t.Error(err)
	}
}
