package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store/list"
)

// DeliveryAttempts is the resolver for the deliveryAttempts field.
func (r *subscriptionResolver) DeliveryAttempts(ctx context.Context, filter *list.AttemptFilter, after *string, since *time.Time) (<-chan *model.StreamedAttempt, error) {
	f, err := attemptFilter(filter)
	if err != nil {
		return nil, err
	}
	from, err := r.begin(ctx, after, since)
	if err != nil {
		return nil, err
	}
	return r.stream(ctx, f, from)
}
