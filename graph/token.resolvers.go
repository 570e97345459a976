package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// CreateToken is the resolver for the createToken field.
func (r *mutationResolver) CreateToken(ctx context.Context, input model.CreateTokenInput) (*model.CreateTokenPayload, error) {
	t, err := newToken(from(ctx).caller, &input)
	if err != nil {
		errs, err := userErrors(err)
		return &model.CreateTokenPayload{UserErrors: errs}, err
	}
	credential, _ := webhook.NewToken()
	made, err := r.managing(ctx).CreateToken(ctx, t, credential)
	if err != nil {
		errs, err := userErrors(err)
		return &model.CreateTokenPayload{UserErrors: errs}, err
	}
	return &model.CreateTokenPayload{Token: made, Credential: &credential, UserErrors: []*model.UserError{}}, nil
}

// RevokeToken is the resolver for the revokeToken field.
func (r *mutationResolver) RevokeToken(ctx context.Context, input model.RevokeTokenInput) (*model.RevokeTokenPayload, error) {
	t, err := r.managing(ctx).RevokeToken(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.RevokeTokenPayload{Token: t, UserErrors: errs}, err
}

// Token is the resolver for the token field.
func (r *queryResolver) Token(ctx context.Context, id webhook.ID) (*webhook.Token, error) {
	return one(ctx, r.registry(ctx).TokensByID, id)
}

// Tokens is the resolver for the tokens field.
func (r *queryResolver) Tokens(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.TokenFilter, allTenants bool) (*model.Connection[webhook.Token], error) {
	f := given(filter)
	in, err := r.registered(ctx, allTenants, f.TenantID)
	if err != nil {
		return nil, err
	}
	return tokens.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// Scopes is the resolver for the scopes field.
func (r *tokenResolver) Scopes(ctx context.Context, obj *webhook.Token) ([]webhook.TokenScope, error) {
	return obj.Scopes.List(), nil
}

// Tenant is the resolver for the tenant field.
func (r *tokenResolver) Tenant(ctx context.Context, obj *webhook.Token) (*webhook.Tenant, error) {
	return load(ctx, &r.loaders(ctx).tenants, obj, tokenTenant)
}

// CreatedBy is the resolver for the createdBy field.
func (r *tokenResolver) CreatedBy(ctx context.Context, obj *webhook.Token) (*webhook.Token, error) {
	return load(ctx, &r.loaders(ctx).tokens, obj, tokenCreator)
}

// Token returns TokenResolver implementation.
func (r *Resolver) Token() TokenResolver { return &tokenResolver{r} }

type tokenResolver struct{ *Resolver }
