package store_test

import (
	"testing"

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
