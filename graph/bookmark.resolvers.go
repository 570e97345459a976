package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bookmarks is the resolver for the bookmarks field.
func (r *queryResolver) Bookmarks(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.BookmarkFilter) (*model.Connection[webhook.Bookmark], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return bookmarks.resolve(ctx, r.Resolver, r.scope(ctx), arguments{first, after, last, before}, f)
}
