package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tokens is the resolver for the tokens field.
func (r *tenantResolver) Tokens(ctx context.Context, obj *webhook.Tenant, first *int, after *string, last *int, before *string, filter *store.TokenFilter) (*model.Connection[webhook.Token], error) {
	known := from(ctx).registry
	return sublist(ctx, "tokens of tenants", ofTokens, obj, tenantID, arguments{first, after, last, before}, given(filter), tokenSeq,
		known.TokensOf, known.CountTokensOf)
}

// Tenant returns TenantResolver implementation.
func (r *Resolver) Tenant() TenantResolver { return &tenantResolver{r} }

type tenantResolver struct{ *Resolver }
