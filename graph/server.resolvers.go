package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
)

// Server is the resolver for the server field.
func (r *queryResolver) Server(ctx context.Context) (*model.Server, error) {
	return r.Settings.shown(), nil
}
