package store_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// When the clock is set, waiting deliveries are due by the new time, new events are due at once, attempts stay in order, and a
// restart makes claimed deliveries due. On SQLite the store uses the machine's clock.
func TestClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{
		"an hour forward": time.Hour, "an hour back": -time.Hour, "a day forward": 24 * time.Hour, "a day back": -24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			var offset atomic.Int64
			clock := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
			dir := t.TempDir()
			s, err := store.Open(t.Context(), store.Options{Dir: dir, Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			c := tenant(t, s, "a")
			w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{30 * 60 * 1000, 0}})
			publish(t, c, webhook.NewEvent{})
			claims, _ := claim(t, s, w.ID, 10)
			record(t, s, claims[0], 500)

			offset.Store(int64(jump))
			due := 0
			if jump > 0 {
				due = 1
			}
			claims, next := claim(t, s, w.ID, 10)
			if len(claims) != due || (next == nil) != (due == 1) {
				t.Fatalf("%d are due after the jump, and then at %v", len(claims), next)
			}
			publish(t, c, webhook.NewEvent{})
			fresh, _ := claim(t, s, w.ID, 10)
			if len(fresh) != 1 {
				t.Fatalf("%d new ones are due", len(fresh))
			}
			record(t, s, fresh[0], 200)
			if due == 0 {
				offset.Add(int64(time.Hour - jump)) // it is due now
				claims, _ = claim(t, s, w.ID, 10)
			}
			if len(claims) != 1 || claims[0].Delivery.AttemptCount != 1 {
				t.Fatalf("%+v are due in the end", claims)
			}

			if err := s.Close(); err != nil { // while one is claimed
				t.Fatal(err)
			}
			offset.Store(-int64(jump))
			if s, err = store.Open(t.Context(), store.Options{Dir: dir, Now: clock}); err != nil {
				t.Fatal(err)
			}
			c = tenant(t, s, "a")
			if claims, _ = claim(t, s, w.ID, 10); len(claims) != 1 {
				t.Fatalf("%d are due after a restart", len(claims))
			}
			record(t, s, claims[0], 200)
			l, err := c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliverySucceeded}}, store.Page{First: 10})
			if err != nil || len(l.Items) != 2 {
				t.Errorf("%+v, %v", l.Items, err)
			}
			hook, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
			if err != nil || !hook[w.ID].Enabled {
				t.Errorf("%+v, %v", hook[w.ID], err)
			}
		})
	}
}

// A webhook that has failed for five days without a success is disabled, and an operational event says so; a success in between
// restarts the five days. Its deliveries are then held.
func TestFailingDisables(t *testing.T) {
	var offset atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c := tenant(t, s, "a")
	w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}})
	other := register(t, c, webhook.New{Enabled: true, Events: []string{webhook.TypeWebhookDisabled}})
	now := func() *webhook.Webhook {
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		if err != nil {
			t.Fatal(err)
		}
		return found[w.ID]
	}
	attempt := func(at time.Duration, status int) {
		offset.Store(int64(at))
		publish(t, c, webhook.NewEvent{Type: "a.b"})
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], status, func(r *store.Result) { r.Attempt.StartedAt = clock() })
	}
	const day = 24 * time.Hour
	for _, step := range []struct {
		at      time.Duration
		status  int
		enabled bool
	}{
		{0, 500, true}, {4 * day, 500, true}, {4*day + time.Hour, 200, true}, // the success resets everything before it
		{5 * day, 500, true}, {10*day - time.Minute, 500, true}, {10*day + time.Minute, 500, false},
	} {
		attempt(step.at, step.status)
		if now().Enabled != step.enabled {
			t.Fatalf("after %v: %+v", step.at, now())
		}
	}
	if got := now(); got.DisabledReason == nil || *got.DisabledReason != webhook.DisabledFailing || got.DisabledAt == nil {
		t.Errorf("%+v", got)
	}
	must(t, s.PublishNotices(t.Context()))
	if claims, _ := claim(t, s, other.ID, 10); len(claims) != 1 || !strings.Contains(string(claims[0].Event.Data), `"reason":"FAILING"`) {
		t.Errorf("told: %+v", claims)
	}
	held, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Held}})
	if held != 5 || err != nil { // all except the one that succeeded
		t.Errorf("%d are held, %v", held, err)
	}
}

// A receiver's Retry-After can delay the next attempt, never bring it forward.
func TestRetryAfterIsKept(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{60 * 60 * 1000, 60 * 60 * 1000}})
		for after, want := range map[time.Duration]time.Duration{3 * time.Hour: 3 * time.Hour, time.Second: 54 * time.Minute} {
			e := publish(t, c, webhook.NewEvent{})
			claims, _ := claim(t, s, w.ID, 1)
			record(t, s, claims[0], 503, func(r *store.Result) { r.RetryAfter = after })
			d := storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{e[0].Event.ID}}, store.Page{}))
			if d.NextAttemptAt == nil || time.Until(*d.NextAttemptAt) < want-time.Minute || time.Until(*d.NextAttemptAt) > want+time.Hour {
				t.Errorf("Retry-After %v: the next attempt is at %v", after, d.NextAttemptAt)
			}
		}
	})
}
