package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event says of each webhook that its tenant has, the newest first and page by page, whether it was delivered, or which of its settings left it
// out, and whether they were changed since. Another tenant's webhooks are not among them, and another tenant's event is none.
func TestMatches(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, tenant(t, s, "b"), webhook.New{Enabled: true})
		kept := register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"data":{"amount":{"$gte":10}}}`)})
		off := register(t, c, webhook.New{})
		other := register(t, c, webhook.New{Enabled: true, Events: []string{"x.y", "z.*"}})
		left := register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"data":{"amount":{"$gte":100}}}`)})
		narrowed := register(t, c, webhook.New{Enabled: true})
		widened := register(t, c, webhook.New{Enabled: true, Events: []string{"x.y"}})
		opened := register(t, c, webhook.New{Enabled: true, Filter: []byte(`{"tags":"x"}`)})
		gone := register(t, c, webhook.New{Enabled: true})
		e := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"amount":20}`)})[0].Event
		later := register(t, c, webhook.New{Enabled: true})
		update := func(w *webhook.Webhook, p webhook.Patch) {
			_, _, err := c.UpdateWebhook(t.Context(), w.ID, p, nil)
			must(t, err)
		}
		update(narrowed, webhook.Patch{Events: webhook.Some([]string{"x.y"})})
		update(widened, webhook.Patch{Events: webhook.Some[[]string](nil)})
		update(opened, webhook.Patch{Filter: webhook.Some([]byte(`{"data":{"amount":20}}`))})
		must(t, c.DeleteWebhook(t.Context(), gone.ID))
		want := []struct {
			w       *webhook.Webhook
			outcome webhook.MatchOutcome
			changed bool
			reason  string // a part of it
		}{
			{later, webhook.MatchCreatedLater, true, "created after"},
			{opened, webhook.MatchFiltered, true, "as they are now"},
			{widened, webhook.MatchNotSubscribed, true, "as they are now"},
			{narrowed, webhook.MatchDelivered, true, ""},
			{left, webhook.MatchFiltered, false, "data.amount is 20; the filter asks for $gte 100"},
			{other, webhook.MatchNotSubscribed, false, `type is "a.b"; the webhook subscribes to x.y, z.*`},
			{off, webhook.MatchHeld, false, ""},
			{kept, webhook.MatchDelivered, false, ""},
		}
		var all []*store.Match
		page := store.Page{First: 3}
		for {
			list, err := c.Matches(t.Context(), e.ID, page)
			must(t, err)
			all = append(all, list.Items...)
			if page.After = list.End; !list.HasNext {
				break
			}
		}
		if len(all) != len(want) {
			t.Fatalf("%d webhooks, want %d", len(all), len(want))
		}
		for i, m := range all {
			w := want[i]
			reason := ""
			if m.Reason != nil {
				reason = *m.Reason
			}
			if m.Webhook.ID != w.w.ID || m.Outcome != w.outcome || m.SettingsChangedSince != w.changed || !strings.Contains(reason, w.reason) ||
				(m.Delivery != nil) != (m.Reason == nil) || m.Delivery != nil && (m.Delivery.EventID != e.ID || m.Delivery.WebhookID != m.Webhook.ID) {
				t.Errorf("webhook %d: %s, %q, changed %v, delivery %v; want %s, %q, %v", i, m.Outcome, reason, m.SettingsChangedSince, m.Delivery, w.outcome, w.reason, w.changed)
			}
		}
		if list, err := tenant(t, s, "b").Matches(t.Context(), e.ID, store.Page{First: 3}); err != nil || list != nil {
			t.Errorf("another tenant's event: %v, %v", list, err)
		}
		test, err := c.TestWebhook(t.Context(), kept.ID, nil)
		must(t, err)
		list, err := c.Matches(t.Context(), test.EventID, store.Page{First: 100})
		must(t, err)
		for _, m := range list.Items {
			if is := m.Outcome == webhook.MatchDelivered; is != (m.Webhook.ID == kept.ID) || !is && !strings.Contains(*m.Reason, "only to the webhook that is tested") {
				t.Errorf("a test event at %s: %s %v", m.Webhook.ID, m.Outcome, m.Reason)
			}
		}
	})
}

// Whether the webhooks of a page got an event is read by the pairs of the event and the webhooks, however many deliveries it has.
func TestMatchesOfManyDeliveries(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: fanOutAbove(10)})
		c := tenant(t, s, "a")
		for i := range 30 {
			register(t, c, webhook.New{Enabled: true, Filter: fmt.Appendf(nil, `{"data":{"n":%d}}`, i%2)})
		}
		e := publish(t, c, webhook.NewEvent{Type: "a.b", Data: json.RawMessage(`{"n":[1,0]}`)})[0].Event
		flush(t, s)
		n := 0
		for page := (store.Page{First: 7}); ; {
			list, err := c.Matches(t.Context(), e.ID, page)
			must(t, err)
			for _, m := range list.Items {
				if m.Outcome == webhook.MatchDelivered && m.Delivery != nil {
					n++
				}
			}
			if page.After = list.End; !list.HasNext {
				break
			}
		}
		if n != 30 {
			t.Errorf("%d of 30 deliveries are found", n)
		}
	})
}
