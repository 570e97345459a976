package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tenant is the resolver for the tenant field.
func (r *deliveryResolver) Tenant(ctx context.Context, obj *webhook.Delivery) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, deliveryTenant)
}

// Event is the resolver for the event field.
func (r *deliveryResolver) Event(ctx context.Context, obj *webhook.Delivery) (*webhook.Event, error) {
	return required(ofDelivery(ctx, &r.shared.eventOf, &r.loaders(ctx).events, obj, deliveryEvent))
}

// Webhook is the resolver for the webhook field.
func (r *deliveryResolver) Webhook(ctx context.Context, obj *webhook.Delivery) (*webhook.Webhook, error) {
	return ofDelivery(ctx, &r.shared.webhookOf, &r.loaders(ctx).webhooks, obj, deliveryWebhook)
}

// BlockedBy is the resolver for the blockedBy field.
func (r *deliveryResolver) BlockedBy(ctx context.Context, obj *webhook.Delivery) (*webhook.Delivery, error) {
	if !obj.Waits() {
		return nil, nil
	}
	return load(ctx, &r.loaders(ctx).heads, obj, deliveryLine)
}

// Replay is the resolver for the replay field.
func (r *deliveryResolver) Replay(ctx context.Context, obj *webhook.Delivery) (*webhook.Replay, error) {
	return load(ctx, &r.loaders(ctx).replays, obj, deliveryReplay)
}

// LastAttempt is the resolver for the lastAttempt field.
func (r *deliveryResolver) LastAttempt(ctx context.Context, obj *webhook.Delivery) (*webhook.Attempt, error) {
	if with := from(ctx).with; with != nil {
		if last, known := with.Last[obj.ID]; known {
			return last, nil
		}
	}
	return ofDelivery(ctx, &r.shared.lastOf, &r.loaders(ctx).last, obj, deliveryID)
}

// Attempts is the resolver for the attempts field.
func (r *deliveryResolver) Attempts(ctx context.Context, obj *webhook.Delivery, first *int, after *string, last *int, before *string) (*model.Connection[webhook.Attempt], error) {
	return r.attemptsOfDeliveries(ctx).resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, noFilter{})
}

// RetryDelivery is the resolver for the retryDelivery field.
func (r *mutationResolver) RetryDelivery(ctx context.Context, input model.RetryDeliveryInput) (*model.RetryDeliveryPayload, error) {
	d, err := r.changing(ctx).RetryDelivery(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.RetryDeliveryPayload{Delivery: d, UserErrors: errs}, err
}

// CancelDelivery is the resolver for the cancelDelivery field.
func (r *mutationResolver) CancelDelivery(ctx context.Context, input model.CancelDeliveryInput) (*model.CancelDeliveryPayload, error) {
	d, err := r.changing(ctx).CancelDelivery(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.CancelDeliveryPayload{Delivery: d, UserErrors: errs}, err
}

// Delivery is the resolver for the delivery field.
func (r *queryResolver) Delivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return one(ctx, r.scope(ctx).DeliveriesByID, id)
}

// Deliveries is the resolver for the deliveries field.
func (r *queryResolver) Deliveries(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.DeliveryFilter, orderBy *model.DeliveryOrder, allTenants bool) (*model.Connection[webhook.Delivery], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	of, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	if allTenants && orderBy != nil && orderBy.Field != model.DeliveryOrderFieldCreatedAt {
		return nil, &webhook.Invalid{Field: "orderBy.field", Code: webhook.CodeConflict, Message: "must be CREATED_AT with allTenants; Tenant.deliveries has the other orders"}
	}
	in, order := deliveriesBy(orderBy)
	f.Order = order
	return in.resolve(ctx, r.Resolver, of, arguments{first, after, last, before}, f)
}

// Delivery returns DeliveryResolver implementation.
func (r *Resolver) Delivery() DeliveryResolver { return &deliveryResolver{r} }

type deliveryResolver struct{ *Resolver }
