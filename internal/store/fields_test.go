package store_test

import (
	"encoding/json"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What hangs on rows is read for all of them at once, is its tenant's alone, and outlives the webhook where history does: the last
// attempt of a delivery, its webhook's URL, and the key of an event.
func TestFieldsOfHistory(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		a, b := tenant(t, s, "a"), tenant(t, s, "b")
		w := register(t, a, webhook.New{Enabled: true})
		event := publish(t, a, webhook.NewEvent{Type: "x.y", Data: json.RawMessage("1"), IdempotencyKey: "k"})[0].Event
		bare := publish(t, a, webhook.NewEvent{})[0].Event
		ids := func() (ids []webhook.ID) {
			list, err := a.Deliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{event.ID}}, store.Page{})
			must(t, err)
			for _, d := range list.Items {
				if d.WebhookURL != w.URL {
					t.Errorf("the webhook's URL is %q", d.WebhookURL)
				}
				ids = append(ids, d.ID)
			}
			return ids
		}
		jobs, _ := claim(t, s, w.ID, 10)
		for _, job := range jobs {
			record(t, s, job, 500)
		}
		if _, err := a.RetryDelivery(t.Context(), ids()[0]); err != nil {
			t.Fatal(err)
		}
		jobs, _ = claim(t, s, w.ID, 10)
		record(t, s, jobs[0], 200)
		must(t, a.DeleteWebhook(t.Context(), w.ID))

		last, err := a.LastAttempts(t.Context(), ids())
		if must(t, err); len(last) != 1 || last[ids()[0]].Number != 2 {
			t.Errorf("last attempts: %v", last)
		}
		keys, err := a.IdempotencyKeys(t.Context(), []webhook.ID{event.ID, bare.ID})
		if must(t, err); len(keys) != 1 || keys[event.ID] != "k" {
			t.Errorf("keys: %v", keys)
		}
		if last, err = b.LastAttempts(t.Context(), ids()); err != nil || len(last) > 0 {
			t.Errorf("another tenant's last attempts: %v, %v", last, err)
		}
		if keys, err = b.IdempotencyKeys(t.Context(), []webhook.ID{event.ID}); err != nil || len(keys) > 0 {
			t.Errorf("another tenant's keys: %v, %v", keys, err)
		}
	})
}
