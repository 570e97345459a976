package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Schema is the resolver for the schema field.
func (r *eventTypeResolver) Schema(ctx context.Context, obj *webhook.EventType) ([]byte, error) {
	return metered(ctx, obj.Schema)
}

// Example is the resolver for the example field.
func (r *eventTypeResolver) Example(ctx context.Context, obj *webhook.EventType) ([]byte, error) {
	return metered(ctx, obj.Example)
}

// WebhookCount is the resolver for the webhookCount field.
func (r *eventTypeResolver) WebhookCount(ctx context.Context, obj *webhook.EventType) (int, error) {
	return r.Store.In(obj.TenantID).Wanting(obj.Name), nil
}

// Webhooks is the resolver for the webhooks field.
func (r *eventTypeResolver) Webhooks(ctx context.Context, obj *webhook.EventType, first *int, after *string, last *int, before *string) (*model.Connection[webhook.Webhook], error) {
	return r.webhooksOfTypes(ctx, obj).resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, noFilter{})
}

// Stats is the resolver for the stats field.
func (r *eventTypeResolver) Stats(ctx context.Context, obj *webhook.EventType, rangeArg list.TimeRange) (*model.Stats, error) {
	if err := list.CheckRange("range", rangeArg); err != nil {
		return nil, err
	}
	return statsOf(r.Store.In(obj.TenantID).Stats(rangeArg, store.StatsFilter{EventTypes: []string{obj.Name}})), nil
}

// PutEventType is the resolver for the putEventType field.
func (r *mutationResolver) PutEventType(ctx context.Context, input model.PutEventTypeInput) (*model.PutEventTypePayload, error) {
	p := webhook.EventTypePatch{
		Description: valueOr(input.Description, ""), Validation: valueOr(input.Validation, ""), Deprecated: valueOr(input.Deprecated, false),
	}
	p.Schema.Value, p.Schema.Set = input.Schema.ValueOK()
	p.Example.Value, p.Example.Set = input.Example.ValueOK()
	put, _, err := r.changing(ctx).PutEventType(ctx, input.Name, p)
	errs, err := userErrors(err)
	return &model.PutEventTypePayload{EventType: put, UserErrors: errs}, err
}

// DeleteEventType is the resolver for the deleteEventType field.
func (r *mutationResolver) DeleteEventType(ctx context.Context, input model.DeleteEventTypeInput) (*model.DeleteEventTypePayload, error) {
	deleted, err := r.changing(ctx).DeleteEventType(ctx, input.Name)
	if err != nil {
		errs, err := userErrors(err)
		return &model.DeleteEventTypePayload{UserErrors: errs}, err
	}
	return &model.DeleteEventTypePayload{DeletedEventTypeID: &deleted.ID, UserErrors: []*model.UserError{}}, nil
}

// ImportEventTypes is the resolver for the importEventTypes field.
func (r *mutationResolver) ImportEventTypes(ctx context.Context, input model.ImportEventTypesInput) (*model.ImportEventTypesPayload, error) {
	found, err := r.importTypes(ctx, input)
	if err != nil {
		errs, err := userErrors(inField("openApi", err))
		return &model.ImportEventTypesPayload{UserErrors: errs}, err
	}
	return &model.ImportEventTypesPayload{Changes: found.Changes, UnchangedCount: &found.Unchanged, UserErrors: []*model.UserError{}}, nil
}

// EventType is the resolver for the eventType field.
func (r *queryResolver) EventType(ctx context.Context, name string) (*webhook.EventType, error) {
	if err := webhook.CheckEventType("name", name); err != nil {
		return nil, err
	}
	return r.scope(ctx).EventType(ctx, name)
}

// EventTypes is the resolver for the eventTypes field.
func (r *queryResolver) EventTypes(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.EventTypeFilter) (*model.Connection[webhook.EventType], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return eventTypes.resolve(ctx, r.Resolver, r.scope(ctx), arguments{first, after, last, before}, f)
}

// EventType returns EventTypeResolver implementation.
func (r *Resolver) EventType() EventTypeResolver { return &eventTypeResolver{r} }

type eventTypeResolver struct{ *Resolver }
