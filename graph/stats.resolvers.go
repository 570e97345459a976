package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Stats is the resolver for the stats field.
func (r *queryResolver) Stats(ctx context.Context, rangeArg list.TimeRange, filter *store.StatsFilter) (*model.Stats, error) {
	return r.statsFor(ctx, rangeArg, filter)
}

// AsOf is the resolver for the asOf field.
func (r *statsResolver) AsOf(ctx context.Context, obj *model.Stats) (*time.Time, error) {
	sum, err := totals(ctx, obj)
	return &sum.asOf, err
}

// Totals is the resolver for the totals field.
func (r *statsResolver) Totals(ctx context.Context, obj *model.Stats) (*model.StatsValues, error) {
	sum, err := totals(ctx, obj)
	return model.NewStatsValues(sum.Counts), err
}

// Series is the resolver for the series field.
func (r *statsResolver) Series(ctx context.Context, obj *model.Stats, bucketMs *int, limit int) ([]*model.StatsBucket, error) {
	return series(ctx, obj, bucketMs, limit)
}

// By is the resolver for the by field.
func (r *statsResolver) By(ctx context.Context, obj *model.Stats, dimension model.StatsDimension, first int) (*model.StatsGroups, error) {
	return groups(ctx, r.loaders(ctx), obj, dimension, first)
}

// Backlog is the resolver for the backlog field.
func (r *statsResolver) Backlog(ctx context.Context, obj *model.Stats) (*model.Backlog, error) {
	return backlogOf(ctx, obj)
}

// Webhook is the resolver for the webhook field.
func (r *statsGroupResolver) Webhook(ctx context.Context, obj *model.StatsGroup) (*webhook.Webhook, error) {
	return load(ctx, &r.loaders(ctx).webhooks, obj, groupOf(model.StatsDimensionWebhook))
}

// Tenant is the resolver for the tenant field.
func (r *statsGroupResolver) Tenant(ctx context.Context, obj *model.StatsGroup) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, groupOf(model.StatsDimensionTenant))
}

// Usage is the resolver for the usage field.
func (r *tenantResolver) Usage(ctx context.Context, obj *webhook.Tenant) (*model.TenantUsage, error) {
	u := &model.TenantUsage{Tenant: obj, Webhooks: r.Store.WebhookCount(obj.ID)}
	if n, ok := r.Store.StoredEvents(obj.ID); ok {
		u.StoredEvents = &n
	}
	return u, nil
}

// Backlog is the resolver for the backlog field.
func (r *tenantUsageResolver) Backlog(ctx context.Context, obj *model.TenantUsage) (*model.Backlog, error) {
	owed, err := load(ctx, &r.loaders(ctx).owed, obj.Tenant, tenantID)
	if err != nil {
		return nil, err
	}
	return backlog(owed), nil
}

// Stats is the resolver for the stats field.
func (r *tenantUsageResolver) Stats(ctx context.Context, obj *model.TenantUsage, rangeArg list.TimeRange) (*model.Stats, error) {
	if err := list.CheckRange("range", rangeArg); err != nil {
		return nil, err
	}
	return statsTogether(ctx, r.loaders(ctx), "statsOfTenants", rangeArg, r.registry(ctx).StatsOf, obj.Tenant, tenantID)
}

// Health is the resolver for the health field.
func (r *webhookResolver) Health(ctx context.Context, obj *webhook.Webhook) (*model.WebhookHealth, error) {
	return health(ctx, r.loaders(ctx), obj)
}

// Stats is the resolver for the stats field.
func (r *webhookResolver) Stats(ctx context.Context, obj *webhook.Webhook, rangeArg list.TimeRange) (*model.Stats, error) {
	if err := list.CheckRange("range", rangeArg); err != nil {
		return nil, err
	}
	return statsTogether(ctx, r.loaders(ctx), "statsOfWebhooks", rangeArg, r.reach(ctx).StatsOf, obj, webhookID)
}

// Stats returns StatsResolver implementation.
func (r *Resolver) Stats() StatsResolver { return &statsResolver{r} }

// StatsGroup returns StatsGroupResolver implementation.
func (r *Resolver) StatsGroup() StatsGroupResolver { return &statsGroupResolver{r} }

// TenantUsage returns TenantUsageResolver implementation.
func (r *Resolver) TenantUsage() TenantUsageResolver { return &tenantUsageResolver{r} }

type (
	statsResolver       struct{ *Resolver }
	statsGroupResolver  struct{ *Resolver }
	tenantUsageResolver struct{ *Resolver }
)
