package graph

import (
	"context"
	"fmt"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Node is the resolver for the node field.
func (r *queryResolver) Node(ctx context.Context, id webhook.ID) (model.Node, error) {
	found, refused, err := r.nodes(ctx, []webhook.ID{id})
	if err != nil {
		return nil, err
	}
	return found[0], refused[0]
}

// Nodes is the resolver for the nodes field.
func (r *queryResolver) Nodes(ctx context.Context, ids []webhook.ID) ([]model.Node, error) {
	if len(ids) > maxNodes {
		return nil, &webhook.Invalid{Field: "ids", Code: webhook.CodeTooMany, Message: fmt.Sprintf("must have at most %d elements", maxNodes)}
	}
	found, refused, err := r.nodes(ctx, ids)
	addErrors(ctx, refused)
	return found, err
}

// Mutation returns MutationResolver implementation.
func (r *Resolver) Mutation() MutationResolver { return &mutationResolver{r} }

// Query returns QueryResolver implementation.
func (r *Resolver) Query() QueryResolver { return &queryResolver{r} }

// Subscription returns SubscriptionResolver implementation.
func (r *Resolver) Subscription() SubscriptionResolver { return &subscriptionResolver{r} }

type (
	mutationResolver     struct{ *Resolver }
	queryResolver        struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)
