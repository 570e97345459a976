package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
)

// DeliveryAttempts is the resolver for the deliveryAttempts field.
func (r *subscriptionResolver) DeliveryAttempts(ctx context.Context, filter *store.AttemptFilter, after *string) (<-chan *model.StreamedDeliveryAttempt, error) {
	f, err := attemptFilter(filter)
	if err != nil {
		return nil, err
	}
	return r.stream(ctx, f, r.resumeAfter(ctx, after))
}
