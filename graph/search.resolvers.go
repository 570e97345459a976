package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
)

// Search is the resolver for the search field.
func (r *queryResolver) Search(ctx context.Context, text string, first int, allTenants bool) ([]model.SearchHit, error) {
	return r.search(ctx, text, first, allTenants)
}
