package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// When the clock is set, what waits is due by the new one, new events are due at once, attempts stay in order, and a
// restart makes everything that was claimed due. SQLite's store goes by the machine's clock.
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
			jobs, _ := claim(t, s, w.ID, 10)
			record(t, s, jobs[0], 500)

			offset.Store(int64(jump))
			due := 0
			if jump > 0 {
				due = 1
			}
			jobs, next := claim(t, s, w.ID, 10)
			if len(jobs) != due || (next == nil) != (due == 1) {
				t.Fatalf("%d are due after the jump, and then at %v", len(jobs), next)
			}
			publish(t, c, webhook.NewEvent{})
			fresh, _ := claim(t, s, w.ID, 10)
			if len(fresh) != 1 {
				t.Fatalf("%d new ones are due", len(fresh))
			}
			record(t, s, fresh[0], 200)
			if due == 0 {
				offset.Add(int64(time.Hour - jump)) // its time has come
				jobs, _ = claim(t, s, w.ID, 10)
			}
			if len(jobs) != 1 || jobs[0].Delivery.AttemptCount != 1 {
				t.Fatalf("%+v are due in the end", jobs)
			}

			if err := s.Close(); err != nil { // with one claimed
				t.Fatal(err)
			}
			offset.Store(-int64(jump))
			if s, err = store.Open(t.Context(), store.Options{Dir: dir, Now: clock}); err != nil {
				t.Fatal(err)
			}
			c = tenant(t, s, "a")
			if jobs, _ = claim(t, s, w.ID, 10); len(jobs) != 1 {
				t.Fatalf("%d are due after a restart", len(jobs))
			}
			record(t, s, jobs[0], 200)
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
