package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// CreatePortalLink is the resolver for the createPortalLink field.
func (r *mutationResolver) CreatePortalLink(ctx context.Context, input model.CreatePortalLinkInput) (*model.CreatePortalLinkPayload, error) {
	c := from(ctx).caller
	tenant := c.Tenant.ID
	if input.TenantID != nil {
		tenant = *input.TenantID
	}
	code, made, err := r.managing(ctx).CreatePortalLink(ctx, tenant, newPortalLink(c, &input))
	if err != nil {
		errs, err := userErrors(err)
		return &model.CreatePortalLinkPayload{UserErrors: errs}, err
	}
	return &model.CreatePortalLinkPayload{URL: new(r.Settings.PortalURL.Link(code)), PortalSession: made, UserErrors: []*model.UserError{}}, nil
}

// RevokePortalSession is the resolver for the revokePortalSession field.
func (r *mutationResolver) RevokePortalSession(ctx context.Context, input model.RevokePortalSessionInput) (*model.RevokePortalSessionPayload, error) {
	revoked, err := r.managing(ctx).RevokePortalSession(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.RevokePortalSessionPayload{PortalSession: revoked, UserErrors: errs}, err
}

// Tenant is the resolver for the tenant field.
func (r *portalSessionResolver) Tenant(ctx context.Context, obj *portal.Session) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, sessionTenant)
}

// Scopes is the resolver for the scopes field.
func (r *portalSessionResolver) Scopes(ctx context.Context, obj *portal.Session) ([]webhook.TokenScope, error) {
	return obj.Scopes, nil
}

// CreatedBy is the resolver for the createdBy field.
func (r *portalSessionResolver) CreatedBy(ctx context.Context, obj *portal.Session) (*webhook.Token, error) {
	return load(ctx, &r.loaders(ctx).tokens, obj, sessionCreator)
}

// PortalSessions is the resolver for the portalSessions field.
func (r *queryResolver) PortalSessions(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.PortalSessionFilter, allTenants bool) (*model.Connection[portal.Session], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.registered(ctx, allTenants, f.TenantID)
	if err != nil {
		return nil, err
	}
	return portalSessions.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// PortalSession returns PortalSessionResolver implementation.
func (r *Resolver) PortalSession() PortalSessionResolver { return &portalSessionResolver{r} }

type portalSessionResolver struct{ *Resolver }
