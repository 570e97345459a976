package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Token is the resolver for the token field.
func (r *auditActorResolver) Token(ctx context.Context, obj *model.AuditActor) (*webhook.Token, error) {
	return load(ctx, &r.loaders(ctx).tokens, obj.Entry, auditToken)
}

// Before is the resolver for the before field.
func (r *auditChangeResolver) Before(ctx context.Context, obj *webhook.AuditChange) ([]byte, error) {
	return obj.Before, nil
}

// After is the resolver for the after field.
func (r *auditChangeResolver) After(ctx context.Context, obj *webhook.AuditChange) ([]byte, error) {
	return obj.After, nil
}

// Actor is the resolver for the actor field.
func (r *auditEntryResolver) Actor(ctx context.Context, obj *webhook.AuditEntry) (*model.AuditActor, error) {
	return &model.AuditActor{Entry: obj, Operator: from(ctx).caller.Operator}, nil
}

// Tenant is the resolver for the tenant field.
func (r *auditEntryResolver) Tenant(ctx context.Context, obj *webhook.AuditEntry) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, auditTenant)
}

// Newest is the resolver for the newest field.
func (r *auditLogChangeResolver) Newest(ctx context.Context, obj *model.AuditLogChange) (*webhook.AuditEntry, error) {
	newest, err := obj.Of.AuditLog(ctx, store.AuditFilter{}, store.Page{First: 1})
	if err != nil || len(newest.Items) == 0 {
		return nil, err
	}
	return newest.Items[0], nil
}

// AuditLog is the resolver for the auditLog field.
func (r *queryResolver) AuditLog(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.AuditFilter, allTenants bool) (*model.Connection[webhook.AuditEntry], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.registered(ctx, allTenants, f.TenantID)
	if err != nil {
		return nil, err
	}
	return auditLog.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// AuditLog is the resolver for the auditLog field.
func (r *subscriptionResolver) AuditLog(ctx context.Context, allTenants bool) (<-chan *model.AuditLogChange, error) {
	return r.auditLogChanges(ctx, allTenants)
}

// AuditActor returns AuditActorResolver implementation.
func (r *Resolver) AuditActor() AuditActorResolver { return &auditActorResolver{r} }

// AuditChange returns AuditChangeResolver implementation.
func (r *Resolver) AuditChange() AuditChangeResolver { return &auditChangeResolver{r} }

// AuditEntry returns AuditEntryResolver implementation.
func (r *Resolver) AuditEntry() AuditEntryResolver { return &auditEntryResolver{r} }

// AuditLogChange returns AuditLogChangeResolver implementation.
func (r *Resolver) AuditLogChange() AuditLogChangeResolver { return &auditLogChangeResolver{r} }

type (
	auditActorResolver     struct{ *Resolver }
	auditChangeResolver    struct{ *Resolver }
	auditEntryResolver     struct{ *Resolver }
	auditLogChangeResolver struct{ *Resolver }
)
