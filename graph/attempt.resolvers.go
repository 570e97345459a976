package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func (r *attemptRequestResolver) Body(ctx context.Context, obj *model.AttemptRequest) (string, error) {
	e, err := required(from(ctx).events.load(ctx, obj.Attempt.EventID))
	if err != nil {
		return "", err
	}
	return string(e.AppendBody(nil)), nil
}

func (r *deliveryAttemptResolver) Message(ctx context.Context, obj *webhook.Attempt) (*string, error) {
	if obj.Message == "" {
		return nil, nil
	}
	return &obj.Message, nil
}

func (r *deliveryAttemptResolver) DurationMs(ctx context.Context, obj *webhook.Attempt) (int, error) {
	return int((time.Duration(obj.DurationUs) * time.Microsecond).Round(time.Millisecond).Milliseconds()), nil
}

func (r *deliveryAttemptResolver) Timings(ctx context.Context, obj *webhook.Attempt) (*model.AttemptTimings, error) {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return &model.AttemptTimings{
		DNSMs:       ms(obj.DNSUs),
		ConnectMs:   ms(obj.ConnectUs),
		TLSMs:       ms(obj.TLSUs),
		FirstByteMs: ms(obj.FirstByteUs),
		TotalMs:     ms(obj.DurationUs),
	}, nil
}

func (r *deliveryAttemptResolver) Delivery(ctx context.Context, obj *webhook.Attempt) (*webhook.Delivery, error) {
	return required(from(ctx).deliveries.load(ctx, obj.DeliveryID))
}

func (r *deliveryAttemptResolver) Event(ctx context.Context, obj *webhook.Attempt) (*webhook.Event, error) {
	return required(from(ctx).events.load(ctx, obj.EventID))
}

func (r *deliveryAttemptResolver) Webhook(ctx context.Context, obj *webhook.Attempt) (*webhook.Webhook, error) {
	return from(ctx).webhooks.load(ctx, obj.WebhookID)
}

func (r *deliveryAttemptResolver) Request(ctx context.Context, obj *webhook.Attempt) (*model.AttemptRequest, error) {
	return &model.AttemptRequest{Attempt: obj}, nil
}

func (r *deliveryAttemptResolver) Response(ctx context.Context, obj *webhook.Attempt) (*model.AttemptResponse, error) {
	if obj.ResponseStatus == nil {
		return nil, nil
	}
	return &model.AttemptResponse{Attempt: obj}, nil
}

func (r *queryResolver) Attempt(ctx context.Context, id webhook.ID) (*webhook.Attempt, error) {
	return from(ctx).attempts.load(ctx, id)
}

func (r *queryResolver) Attempts(ctx context.Context, first *int, after *string, last *int, before *string, filter *store.AttemptFilter) (*model.Connection[webhook.Attempt], error) {
	f, err := attemptFilter(filter)
	if err != nil {
		return nil, err
	}
	s := from(ctx).store
	return list(ctx, ofAttempts, arguments{first, after, last, before}, f, attemptSeq, s.Attempts, s.CountAttempts)
}

func (r *Resolver) AttemptRequest() AttemptRequestResolver { return &attemptRequestResolver{r} }

func (r *Resolver) DeliveryAttempt() DeliveryAttemptResolver { return &deliveryAttemptResolver{r} }

type (
	attemptRequestResolver  struct{ *Resolver }
	deliveryAttemptResolver struct{ *Resolver }
)
