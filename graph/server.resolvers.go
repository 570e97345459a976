package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
)

// Server is the resolver for the server field.
func (r *queryResolver) Server(ctx context.Context) (*model.Server, error) {
	if r.Settings == nil {
		return nil, nil
	}
	return r.Settings.shown(), nil
}
