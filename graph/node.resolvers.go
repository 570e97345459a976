package graph

import (
	"context"
	"fmt"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func (r *queryResolver) Node(ctx context.Context, id webhook.ID) (model.Node, error) {
	found, err := nodes(ctx, []webhook.ID{id})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

func (r *queryResolver) Nodes(ctx context.Context, ids []webhook.ID) ([]model.Node, error) {
	if len(ids) > maxNodes {
		return nil, &webhook.Invalid{Field: "ids", Code: webhook.CodeTooMany, Message: fmt.Sprintf("must have at most %d elements", maxNodes)}
	}
	return nodes(ctx, ids)
}

func (r *Resolver) Mutation() MutationResolver { return &mutationResolver{r} }

func (r *Resolver) Query() QueryResolver { return &queryResolver{r} }

func (r *Resolver) Subscription() SubscriptionResolver { return &subscriptionResolver{r} }

type (
	mutationResolver     struct{ *Resolver }
	queryResolver        struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
)
