package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// CreateTenant is the resolver for the createTenant field.
func (r *mutationResolver) CreateTenant(ctx context.Context, input model.CreateTenantInput) (*model.CreateTenantPayload, error) {
	patch, err := tenantPatch(input.Quotas, input.RetentionMs, input.KeepFailedMs)
	var t *webhook.Tenant
	if err == nil {
		t, err = r.managing(ctx).CreateTenant(ctx, input.Name, patch)
	}
	errs, err := userErrors(err)
	return &model.CreateTenantPayload{Tenant: t, UserErrors: errs}, err
}

// UpdateTenant is the resolver for the updateTenant field.
func (r *mutationResolver) UpdateTenant(ctx context.Context, input model.UpdateTenantInput) (*model.UpdateTenantPayload, error) {
	patch, err := tenantPatch(input.Quotas, input.RetentionMs, input.KeepFailedMs)
	var t *webhook.Tenant
	if err == nil {
		t, err = r.managing(ctx).UpdateTenant(ctx, input.ID, patch)
	}
	errs, err := userErrors(err)
	return &model.UpdateTenantPayload{Tenant: t, UserErrors: errs}, err
}

// DeleteTenant is the resolver for the deleteTenant field.
func (r *mutationResolver) DeleteTenant(ctx context.Context, input model.DeleteTenantInput) (*model.DeleteTenantPayload, error) {
	errs, err := userErrors(r.managing(ctx).DeleteTenant(ctx, input.ID))
	if err != nil || len(errs) > 0 {
		return &model.DeleteTenantPayload{UserErrors: errs}, err
	}
	return &model.DeleteTenantPayload{DeletedTenantID: &input.ID, UserErrors: errs}, nil
}

// Tenant is the resolver for the tenant field.
func (r *queryResolver) Tenant(ctx context.Context, id webhook.ID) (*webhook.Tenant, error) {
	return one(ctx, r.registry(ctx).TenantsByID, id)
}

// Tenants is the resolver for the tenants field.
func (r *queryResolver) Tenants(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.TenantFilter) (*model.Connection[webhook.Tenant], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return tenants.resolve(ctx, r.Resolver, r.registry(ctx), arguments{first, after, last, before}, f)
}

// Quotas is the resolver for the quotas field.
func (r *tenantResolver) Quotas(ctx context.Context, obj *webhook.Tenant) (*model.TenantQuotas, error) {
	q := r.Store.Quotas(obj)
	bound := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	shown := &model.TenantQuotas{Webhooks: bound(q.Webhooks), Tokens: bound(q.Tokens), PortalSessions: bound(q.PortalSessions), StoredEvents: bound(q.Events), EventsPerSecond: bound(q.PublishRate)}
	if q.PublishRate > 0 {
		shown.EventBurst = bound(q.Burst())
	}
	return shown, nil
}

// RetentionMs is the resolver for the retentionMs field.
func (r *tenantResolver) RetentionMs(ctx context.Context, obj *webhook.Tenant) (*float64, error) {
	return milliseconds(obj.RetentionSeconds), nil
}

// KeepFailedMs is the resolver for the keepFailedMs field.
func (r *tenantResolver) KeepFailedMs(ctx context.Context, obj *webhook.Tenant) (*float64, error) {
	return milliseconds(obj.KeepFailedSeconds), nil
}

// Tokens is the resolver for the tokens field.
func (r *tenantResolver) Tokens(ctx context.Context, obj *webhook.Tenant, first *int, after *string, last *int, before *string, filter *list.TokenFilter) (*model.Connection[webhook.Token], error) {
	return tokensOfTenants.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, given(filter))
}

// Webhooks is the resolver for the webhooks field.
func (r *tenantResolver) Webhooks(ctx context.Context, obj *webhook.Tenant, first *int, after *string, last *int, before *string, filter *list.WebhookFilter, orderBy *model.WebhookOrder) (*model.Connection[webhook.Webhook], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return webhooksOfTenants(webhooksBy(orderBy, &f)).resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Events is the resolver for the events field.
func (r *tenantResolver) Events(ctx context.Context, obj *webhook.Tenant, first *int, after *string, last *int, before *string, filter *list.EventFilter) (*model.Connection[webhook.Event], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return eventsOfTenants.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Deliveries is the resolver for the deliveries field.
func (r *tenantResolver) Deliveries(ctx context.Context, obj *webhook.Tenant, first *int, after *string, last *int, before *string, filter *list.DeliveryFilter, orderBy *model.DeliveryOrder) (*model.Connection[webhook.Delivery], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	as, order := deliveriesBy(orderBy)
	f.Order = order
	return deliveriesOfTenants(as).resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// Tenant returns TenantResolver implementation.
func (r *Resolver) Tenant() TenantResolver { return &tenantResolver{r} }

type tenantResolver struct{ *Resolver }
