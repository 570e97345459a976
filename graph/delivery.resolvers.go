package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Event is the resolver for the event field.
func (r *deliveryResolver) Event(ctx context.Context, obj *webhook.Delivery) (*webhook.Event, error) {
	return required(load(ctx, &from(ctx).loaders().events, obj, deliveryEvent))
}

// Webhook is the resolver for the webhook field.
func (r *deliveryResolver) Webhook(ctx context.Context, obj *webhook.Delivery) (*webhook.Webhook, error) {
	return load(ctx, &from(ctx).loaders().webhooks, obj, deliveryWebhook)
}

// Attempts is the resolver for the attempts field.
func (r *deliveryResolver) Attempts(ctx context.Context, obj *webhook.Delivery, first *int, after *string, last *int, before *string) (*model.Connection[webhook.Attempt], error) {
	s := from(ctx).store
	return sublist(ctx, "attempts of deliveries", cursor.DeliveryAttempts, obj, deliveryID, arguments{first, after, last, before},
		store.AttemptFilter{}, attemptSeq,
		func(ctx context.Context, ids []webhook.ID, _ store.AttemptFilter, p store.Page) (map[webhook.ID]*store.List[webhook.Attempt], error) {
			return s.AttemptsOfDeliveries(ctx, ids, p)
		},
		func(ctx context.Context, ids []webhook.ID, f store.AttemptFilter, most int) (map[webhook.ID]int, error) {
			return s.CountingTo(most).CountAttemptsOf(ctx, true, ids, f)
		})
}

// RetryDelivery is the resolver for the retryDelivery field.
func (r *mutationResolver) RetryDelivery(ctx context.Context, input model.RetryDeliveryInput) (*model.RetryDeliveryPayload, error) {
	d, err := from(ctx).store.RetryDelivery(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.RetryDeliveryPayload{Delivery: d, UserErrors: errs}, err
}

// CancelDelivery is the resolver for the cancelDelivery field.
func (r *mutationResolver) CancelDelivery(ctx context.Context, input model.CancelDeliveryInput) (*model.CancelDeliveryPayload, error) {
	d, err := from(ctx).store.CancelDelivery(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.CancelDeliveryPayload{Delivery: d, UserErrors: errs}, err
}

// Delivery is the resolver for the delivery field.
func (r *queryResolver) Delivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return one(ctx, from(ctx).store.DeliveriesByID, id)
}

// Deliveries is the resolver for the deliveries field.
func (r *queryResolver) Deliveries(ctx context.Context, first *int, after *string, last *int, before *string, filter *store.DeliveryFilter) (*model.Connection[webhook.Delivery], error) {
	f, err := deliveryFilter(filter)
	if err != nil {
		return nil, err
	}
	s := from(ctx).store
	return list(ctx, cursor.Deliveries, arguments{first, after, last, before}, f, deliverySeq, s.Deliveries,
		func(ctx context.Context, f store.DeliveryFilter, most int) (int, error) {
			return s.CountingTo(most).CountDeliveries(ctx, f)
		})
}

// Delivery returns DeliveryResolver implementation.
func (r *Resolver) Delivery() DeliveryResolver { return &deliveryResolver{r} }

type deliveryResolver struct{ *Resolver }
