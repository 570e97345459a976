package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// Tenant is the resolver for the tenant field.
func (r *eventResolver) Tenant(ctx context.Context, obj *webhook.Event) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, eventTenant)
}

// IdempotencyKey is the resolver for the idempotencyKey field.
func (r *eventResolver) IdempotencyKey(ctx context.Context, obj *webhook.Event) (*string, error) {
	key, err := load(ctx, &r.loaders(ctx).keys, obj, eventID)
	if err != nil || key == "" {
		return nil, err
	}
	return &key, nil
}

// SchemaErrors is the resolver for the schemaErrors field.
func (r *eventResolver) SchemaErrors(ctx context.Context, obj *webhook.Event) ([]*webhook.SchemaError, error) {
	return r.Store.In(obj.TenantID).SchemaErrors(ctx, obj, from(ctx).schemas)
}

// Deliveries is the resolver for the deliveries field.
func (r *eventResolver) Deliveries(ctx context.Context, obj *webhook.Event, first *int, after *string, last *int, before *string, filter *list.DeliveryFilter) (*model.Connection[webhook.Delivery], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return deliveriesOfEvents.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Matches is the resolver for the matches field.
func (r *eventResolver) Matches(ctx context.Context, obj *webhook.Event, first *int, after *string, last *int, before *string) (*model.Connection[store.Match], error) {
	return matchesOf(obj).resolve(ctx, r.Resolver, r.Store.In(obj.TenantID), arguments{first, after, last, before}, noFilter{})
}

// PublishEvent is the resolver for the publishEvent field.
func (r *mutationResolver) PublishEvent(ctx context.Context, input model.PublishEventInput) (*model.PublishEventPayload, error) {
	e := newEvent(&input)
	e.Traceparent = traceOf(ctx)
	results, err := r.scope(ctx).Publish(ctx, []webhook.NewEvent{e})
	if err != nil {
		errs, err := userErrors(err)
		return &model.PublishEventPayload{UserErrors: errs}, err
	}
	errs, err := userErrors(results[0].Err)
	return &model.PublishEventPayload{Event: results[0].Event, Duplicate: results[0].Duplicate, UserErrors: errs}, err
}

// PublishEvents is the resolver for the publishEvents field.
func (r *mutationResolver) PublishEvents(ctx context.Context, input model.PublishEventsInput) (*model.PublishEventsPayload, error) {
	if e := checkCount(len(input.Events)); e != nil {
		return &model.PublishEventsPayload{Results: []*model.PublishEventResult{}, UserErrors: []*model.UserError{userError(e)}}, nil
	}
	events := make([]webhook.NewEvent, len(input.Events))
	trace := traceOf(ctx)
	for i, e := range input.Events {
		events[i] = newEvent(e)
		events[i].Traceparent = trace
	}
	published, err := r.scope(ctx).Publish(ctx, events)
	if err != nil {
		errs, err := userErrors(err)
		return &model.PublishEventsPayload{Results: []*model.PublishEventResult{}, UserErrors: errs}, err
	}
	results := make([]*model.PublishEventResult, len(published))
	stored := make([]*webhook.Event, 0, len(published))
	for i, p := range published {
		results[i] = publishResult(ctx, i, len(published), p)
		if p.Event != nil {
			stored = append(stored, p.Event)
		}
	}
	together(r.loaders(ctx), stored)
	return &model.PublishEventsPayload{Results: results, UserErrors: []*model.UserError{}}, nil
}

// Event is the resolver for the event field.
func (r *queryResolver) Event(ctx context.Context, id webhook.ID) (*webhook.Event, error) {
	return one(ctx, r.scope(ctx).EventsByID, id)
}

// Events is the resolver for the events field.
func (r *queryResolver) Events(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.EventFilter, allTenants bool) (*model.Connection[webhook.Event], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	return events.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// Equals is the resolver for the equals field.
func (r *dataFilterResolver) Equals(ctx context.Context, obj *filter.Data, data []byte) error {
	if obj.Equals = data; data == nil {
		obj.Equals = []byte("null") // which is a value
	}
	return nil
}

// Event returns EventResolver implementation.
func (r *Resolver) Event() EventResolver { return &eventResolver{r} }

// DataFilter returns DataFilterResolver implementation.
func (r *Resolver) DataFilter() DataFilterResolver { return &dataFilterResolver{r} }

type (
	eventResolver      struct{ *Resolver }
	dataFilterResolver struct{ *Resolver }
)
