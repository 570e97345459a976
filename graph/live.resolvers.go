package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Webhook is the resolver for the webhook field.
func (r *deliveryChangeResolver) Webhook(ctx context.Context, obj *live.DeliveryChange) (*webhook.Webhook, error) {
	if obj.WebhookID == nil {
		return nil, nil
	}
	return sharedBy(ctx, &r.shared.resyncs, &r.loaders(ctx).webhooks, obj, obj, changedWebhook)
}

// DeliveryAttempts is the resolver for the deliveryAttempts field.
func (r *subscriptionResolver) DeliveryAttempts(ctx context.Context, filter *list.AttemptFilter, after *string, since *time.Time, allTenants bool) (<-chan *model.StreamedAttempt, error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	whose, err := watched(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	from, err := r.begin(ctx, after, since)
	if err != nil {
		return nil, err
	}
	return r.stream(ctx, whose, f, from)
}

// Deliveries is the resolver for the deliveries field.
func (r *subscriptionResolver) Deliveries(ctx context.Context, filter *list.DeliveryFilter, allTenants bool) (<-chan *live.DeliveryChange, error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	whose, err := watched(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	return r.changes(ctx, whose, f)
}

// Stats is the resolver for the stats field.
func (r *subscriptionResolver) Stats(ctx context.Context, rangeArg list.TimeRange, filter *store.StatsFilter) (<-chan *model.Stats, error) {
	return r.editions(ctx, rangeArg, filter)
}

// DeliveryChange returns DeliveryChangeResolver implementation.
func (r *Resolver) DeliveryChange() DeliveryChangeResolver { return &deliveryChangeResolver{r} }

type deliveryChangeResolver struct{ *Resolver }
