package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
)

// Viewer is the resolver for the viewer field.
func (r *queryResolver) Viewer(ctx context.Context) (*model.Viewer, error) {
	c := from(ctx).caller
	return &model.Viewer{Operator: c.Operator, Tenant: c.Tenant, Token: c.Token, Portal: c.Token.Portal}, nil
}
