package store

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// WebhooksBetween reads the tenant's webhooks with ids from low to high, the newest first and n at most.
func (c *Scope) WebhooksBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Webhook, error) {
	q := c.table(ctx, list.WebhooksByID).Where("w.deleted_at IS NULL").Select("w.*")
	return list.Between[webhook.Webhook](ctx, c.s.lists, list.WebhooksByID, q, low, high, n)
}

// EventsBetween reads the tenant's events, as WebhooksBetween does. Where very many, of all tenants, have such ids, it looks at the newest.
func (c *Scope) EventsBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Event, error) {
	return list.Between[webhook.Event](ctx, c.s.lists, list.EventsByID, c.events(ctx), low, high, n)
}

// DeliveriesBetween reads the tenant's deliveries, as EventsBetween does.
func (c *Scope) DeliveriesBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Delivery, error) {
	return list.Between[webhook.Delivery](ctx, c.s.lists, list.DeliveriesByID, c.deliveries(ctx), low, high, n)
}

// TenantsBetween reads tenants, as WebhooksBetween does.
func (r *Registry) TenantsBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Tenant, error) {
	return list.Between[webhook.Tenant](ctx, r.s.lists, list.TenantsByID, r.tenants(ctx), low, high, n)
}

// TokensBetween reads tokens, as WebhooksBetween does.
func (r *Registry) TokensBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Token, error) {
	return list.Between[webhook.Token](ctx, r.s.lists, list.TokensByID, r.tokens(ctx), low, high, n)
}

// DeliveryFacets groups the first of what Deliveries lists, about limit of them, and looks at a bounded number of rows.
func (c *Scope) DeliveryFacets(ctx context.Context, f DeliveryFilter, limit int) (*Facets, error) {
	return c.deliveriesBy(ctx, f).Facets(ctx, limit)
}

// FacetsOfEvents groups the deliveries of each event, as DeliveryFacets does.
func (c *Scope) FacetsOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return c.deliveryList(ctx, f.OfEvents(c.s.db)).FacetsOf(ctx, ids, limit)
}

// FacetsOfWebhooks groups the deliveries of each webhook, as DeliveryFacets does.
func (c *Scope) FacetsOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return c.deliveryList(ctx, f.OfWebhooks(c.s.db)).FacetsOf(ctx, ids, limit)
}
