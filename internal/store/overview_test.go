package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An overview tells deliveries that may be sent now from those for later and those whose webhook is disabled. It reads due deliveries and the oldest
// event by their indexes.
func TestOverview(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		o, err := s.Overview(t.Context())
		must(t, err)
		if o.Due != 0 || o.OldestDue != nil || o.OldestEvent != nil || o.Enabled != 0 || o.Tenants != 0 {
			t.Errorf("of an empty database: %+v", o)
		}
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		later := time.Now().Add(time.Hour)
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{}, webhook.NewEvent{DeliverAt: &later})
		plans := s.Plans()
		o, err = s.Overview(t.Context())
		must(t, err)
		if o.Due != 2 || o.Scheduled != 1 || o.Held != 0 || o.OldestDue == nil || time.Since(*o.OldestDue) > time.Minute || o.OldestEvent == nil || o.Enabled != 1 || o.Sizes.Database <= 0 {
			t.Errorf("%+v", o)
		}
		found := 0
		for text, plan := range plans(t) {
			of := strings.Contains(text, "ORDER BY id LIMIT 1")
			if !of && !strings.Contains(text, "AS due") {
				continue
			}
			found++
			if of && (strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort  (")) {
				t.Errorf("%s\n%s", text, plan)
			}
		}
		if found < 2 {
			t.Errorf("%d statements were seen", found)
		}
		_, _, err = c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
		must(t, err)
		if o, err = s.Overview(t.Context()); err != nil || o.Due != 0 || o.Held != 3 || o.Disabled != 1 || o.OldestDue != nil {
			t.Errorf("of a disabled webhook: %+v, %v", o, err)
		}
	})
}
