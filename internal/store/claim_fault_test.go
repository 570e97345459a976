package store_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A retry by hand while the last attempt runs restarts the schedule: when that attempt fails there is another.
func TestRetryWhileAttemptRuns(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{0}})
		publish(t, c, webhook.NewEvent{})
		jobs, _ := claim(t, s, w.ID, 1)
		record(t, s, jobs[0], 500)
		jobs, _ = claim(t, s, w.ID, 1)
		if _, err := c.RetryDelivery(t.Context(), jobs[0].Delivery.ID); err != nil {
			t.Fatal(err)
		}
		record(t, s, jobs[0], 500)
		if jobs, _ = claim(t, s, w.ID, 1); len(jobs) != 1 || jobs[0].Delivery.AttemptCount != 2 {
			t.Fatalf("after the retry: %+v", jobs)
		}
		record(t, s, jobs[0], 500)
		d := only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.Status != webhook.DeliveryFailed || d.AttemptCount != 3 {
			t.Errorf("at the end: %+v", d)
		}
	})
}

// Retention finds what is old wherever it lies, also beyond what one look goes through.
func TestPruneLooksEverywhere(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		const many = 20_500
		events := make([]webhook.NewEvent, many/10)
		for i := range events {
			events[i] = webhook.NewEvent{Type: "a.b", Data: []byte("1")}
		}
		for range 10 {
			publish(t, c, events...)
		}
		register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{}) // is owed
		publish(t, tenant(t, s, "b"), webhook.NewEvent{})
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != many+1 || err != nil {
			t.Errorf("%d events went, %v", n, err)
		}
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("then %d, %v", n, err)
		}
	})
}
