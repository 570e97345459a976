package live

import (
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// MatchNow reports whether a delivery, with its last attempt and its event, meets the filter as it is now.
func MatchNow(f store.DeliveryFilter, d *webhook.Delivery, last *webhook.Attempt, e *webhook.Event) (bool, error) {
	t, err := newTopic(d.TenantID, "", f, DefaultPace())
	if err != nil {
		return false, err
	}
	s := &seen{Change: store.Change{Tenant: d.TenantID, Webhook: d.WebhookID, Event: d.EventID, Delivery: d.ID, EventType: e.Type}}
	return t.fixed(s, d) && (!t.ofEvent || t.event(e)) && t.now(d, last), nil
}
