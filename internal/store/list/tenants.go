package list

import (
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Operators read lists of several tenants: one list of each, side by side, or one that has the rows of all. Indexes begin with the
// tenant, so of a filter they serve less here than in a tenant's own list; the rest is searched.

// everyone is the path along an index that has rows of all tenants. Rows of deleted tenants are searched too: there may be very many
// until they are removed.
func (p Path) everyone() Path {
	p.rest = append(p.rest, p.living().aside())
	return p
}

// OfTenants is the path of each tenant's webhooks.
func (f WebhookFilter) OfTenants(db dialect.DB) Path {
	list := f.conditions(db)
	if f.ExternalID != nil {
		if !webhook.IsText(*f.ExternalID) {
			list = append(list, nothing)
		} else {
			list = append(list, condition{"w.external_id = ?", []any{*f.ExternalID}})
		}
	}
	p := Path{Index: webhooksOfTenant}
	if f.Order != WebhookCreated {
		p.Index = f.Order.index()
		list = append(list, condition{text: "w.id IS NOT NULL"}) // it has been removed
	}
	p.rest = asides(list)
	return p
}

// Everyone is the path of all tenants' webhooks, in the order of their creation.
func (f WebhookFilter) Everyone(db dialect.DB) Path {
	f.Order = WebhookCreated // the indexes of other orders begin with the tenant
	p := f.OfTenants(db)
	p.Index, p.branches = allWebhooks, []any{nil}
	return p.everyone()
}

// OfTenants is the path of each tenant's events, whatever their idempotency keys are.
func (f EventFilter) OfTenants(db dialect.DB) Path {
	return Path{Index: eventsOfTenant, span: f.CreatedAt, rest: asides(f.conditions(db)), data: f.Data, days: f.days(db)}
}

// Everyone is the path of all tenants' events.
func (f EventFilter) Everyone(db dialect.DB) Path {
	p := f.OfTenants(db)
	p.Index, p.branches = allEvents, []any{nil}
	switch key := f.IdempotencyKey; {
	case key != nil && !webhook.IsText(*key):
		p.rest = append(p.rest, nothing)
	case key != nil:
		p.rest = append(p.rest, condition{"(SELECT k.event_id FROM idempotency_keys AS k WHERE k.tenant_id = e.tenant_id AND k.key = ?) = e.id", []any{*key}}.aside())
	}
	return p.everyone()
}

// OfTenants is the path of each tenant's deliveries.
func (f DeliveryFilter) OfTenants(db dialect.DB) Path {
	if f.Order.By != CreatedAt {
		return f.byTime(webhook.ID{}, db)
	}
	p, rest := Path{Index: deliveriesOfTenant, span: f.CreatedAt, data: f.Data}, f
	if only(f.Statuses, webhook.DeliveryFailed) {
		p.Index, rest.Statuses = failuresOfTenant, nil
	}
	p.rest = asides(rest.conditions(db))
	return p
}

// Everyone is the path of all tenants' deliveries, in the order of their creation.
func (f DeliveryFilter) Everyone(db dialect.DB) Path {
	f.Order.By = CreatedAt // the indexes of other times begin with the tenant
	p := f.Path(webhook.ID{}, db)
	if p.ofOne() {
		p = Path{Index: allDeliveries, branches: []any{nil}, span: f.CreatedAt, rest: asides(f.conditions(db)), data: f.Data}
	}
	return p.everyone()
}

// Everyone is the path of all tenants' attempts.
func (f AttemptFilter) Everyone() Path {
	p := f.Path(webhook.ID{})
	if p.ofOne() {
		p = Path{Index: AllAttempts, branches: []any{nil}, span: f.StartedAt, rest: asides(f.conditions())}
	}
	return p.everyone()
}
