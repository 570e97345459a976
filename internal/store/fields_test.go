package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

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

// Of changes that are made to the same state of a webhook one is made, and the others are told the state that it led to. Each change
// has a time of its own, the server's too, and what is read back is the time that a change must name.
func TestUpdateIfUnchanged(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		var wg sync.WaitGroup
		won, told := make(chan *webhook.Webhook, 16), make(chan *webhook.Webhook, 16)
		for i := range 16 {
			wg.Go(func() {
				after, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{IfUpdatedAt: &w.UpdatedAt, Description: webhook.Some(fmt.Sprint(i))}, nil)
				if changed, ok := errors.AsType[*webhook.Changed](err); ok {
					told <- changed.Current
				} else if err == nil {
					won <- after
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || len(told) != 15 {
			t.Fatalf("%d changes were made and %d refused, want 1 and 15", len(won), len(told))
		}
		now := <-won
		for range 15 {
			if current := <-told; !current.UpdatedAt.Equal(now.UpdatedAt) || current.Description != now.Description {
				t.Errorf("told %v, is %v", current, now)
			}
		}
		times := make(chan time.Time, 64)
		for range 64 {
			wg.Go(func() {
				after, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Description: webhook.Some("x")}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				times <- after.UpdatedAt
			})
		}
		wg.Wait()
		close(times)
		seen := map[time.Time]bool{}
		for at := range times {
			if seen[at] {
				t.Errorf("two changes at %v", at)
			}
			seen[at] = true
		}
		publish(t, c, webhook.NewEvent{})
		jobs, _ := claim(t, s, w.ID, 1)
		record(t, s, jobs[0], 410, func(r *store.Result) { r.Gone = true })
		found, err := c.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		must(t, err)
		disabled := found[w.ID]
		if disabled.Enabled || seen[disabled.UpdatedAt] {
			t.Fatalf("after 410: %+v", disabled)
		}
		if _, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{IfUpdatedAt: &disabled.UpdatedAt, Enabled: webhook.Some(true)}, nil); err != nil {
			t.Errorf("with the time that was read: %v", err)
		}
	})
}
