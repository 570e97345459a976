package store_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A retry by hand during the last attempt restarts the schedule: if that attempt fails, another follows.
func TestRetryWhileAttemptRuns(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{0}})
		publish(t, c, webhook.NewEvent{})
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 500)
		claims, _ = claim(t, s, w.ID, 1)
		if _, err := c.RetryDelivery(t.Context(), claims[0].Delivery.ID); err != nil {
			t.Fatal(err)
		}
		record(t, s, claims[0], 500)
		if claims, _ = claim(t, s, w.ID, 1); len(claims) != 1 || claims[0].Delivery.AttemptCount != 2 {
			t.Fatalf("after the retry: %+v", claims)
		}
		record(t, s, claims[0], 500)
		d := storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{w.ID}}, store.Page{}))
		if d.Status != webhook.DeliveryFailed || d.AttemptCount != 3 {
			t.Errorf("at the end: %+v", d)
		}
	})
}

// Retention finds all old events, also beyond the rows that one step reads.
func TestPruneLooksEverywhere(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
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
		publish(t, c, webhook.NewEvent{}) // its delivery is pending
		publish(t, tenant(t, s, "b"), webhook.NewEvent{})
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != many+1 || err != nil {
			t.Errorf("%d events went, %v", n, err)
		}
		if n, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("then %d, %v", n, err)
		}
	})
}

// Retention removes events published before its time, with everything that belongs to them, and no others: their idempotency keys
// are free again, keys of events that stay are not.
func TestPruneKeepsWhatIsYoung(t *testing.T) {
	each(t, func(t *suite) {
		var clock storetest.Clock
		s := t.Open(t, store.Options{Now: clock.Now})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		made := map[string]*webhook.Event{}
		for _, key := range []string{"old", "young"} {
			made[key] = publish(t, c, webhook.NewEvent{IdempotencyKey: key})[0].Event
			claims, _ := claim(t, s, w.ID, 1)
			record(t, s, claims[0], 200)
			clock.Forward(time.Second)
		}
		if n, err := s.Prune(t.Context(), made["young"].CreatedAt); n != 1 || err != nil {
			t.Errorf("%d events went, %v", n, err)
		}
		found, err := c.EventsByID(t.Context(), []webhook.ID{made["old"].ID, made["young"].ID})
		if err != nil || len(found) != 1 || found[made["young"].ID] == nil {
			t.Errorf("what is left: %v, %v", found, err)
		}
		if d := storetest.Only[webhook.Delivery](t)(c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{})); d.EventID != made["young"].ID {
			t.Errorf("a delivery of %v is left", d.EventID)
		}
		log, _, err := s.AttemptLog(t.Context(), w.TenantID, store.AttemptFilter{}, 0, 10)
		if err != nil || len(log) != 1 || log[0].EventID != made["young"].ID {
			t.Errorf("attempts that are left: %v, %v", log, err)
		}
		for _, table := range []string{"events", "deliveries", "attempts", "idempotency_keys"} { // rows without a parent would stay forever
			if n, err := s.Count(table); n != 1 || err != nil {
				t.Errorf("%d rows of %s are left, %v", n, table, err)
			}
		}
		if again := publish(t, c, webhook.NewEvent{IdempotencyKey: "young"})[0]; !again.Duplicate || again.Event.ID != made["young"].ID {
			t.Errorf("the key of an event that stays: %+v", again)
		}
		if again := publish(t, c, webhook.NewEvent{IdempotencyKey: "old", Data: []byte("2")})[0]; again.Err != nil || again.Duplicate {
			t.Errorf("the key of an event that went: %+v", again)
		}
	})
}
