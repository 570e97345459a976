package graph

import (
	"context"
	"errors"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// Headers is the resolver for the headers field.
func (r *attemptRequestResolver) Headers(ctx context.Context, obj *model.AttemptRequest) ([]*webhook.Header, error) {
	return headers(ctx, obj.Attempt.RequestHeaders)
}

// Body is the resolver for the body field.
func (r *attemptRequestResolver) Body(ctx context.Context, obj *model.AttemptRequest) (string, error) {
	e, err := required(ofAttempt(ctx, &r.shared.events, &r.loaders(ctx).events, obj.Attempt, attemptEvent))
	if err != nil {
		return "", err
	}
	if err := meter.From(ctx).Take(len(e.Data)); err != nil {
		return "", err
	}
	p, err := r.scope(ctx).PayloadOf(ctx, obj.Attempt)
	if err != nil {
		return "", err
	}
	b, err := p.Render(e, meter.From(ctx).Take)
	if _, is := errors.AsType[*payload.TooLong](err); is {
		return "", nil // it was not sent
	}
	return string(b.Bytes), err
}

// Headers is the resolver for the headers field.
func (r *attemptResponseResolver) Headers(ctx context.Context, obj *model.AttemptResponse) ([]*webhook.Header, error) {
	return headers(ctx, obj.Attempt.ResponseHeaders)
}

// Body is the resolver for the body field.
func (r *attemptResponseResolver) Body(ctx context.Context, obj *model.AttemptResponse) (string, error) {
	return text(ctx, obj.Attempt.ResponseBody)
}

// BodyBase64 is the resolver for the bodyBase64 field.
func (r *attemptResponseResolver) BodyBase64(ctx context.Context, obj *model.AttemptResponse) (*string, error) {
	return notText(ctx, obj.Attempt.ResponseBody)
}

// Message is the resolver for the message field.
func (r *deliveryAttemptResolver) Message(ctx context.Context, obj *webhook.Attempt) (*string, error) {
	if obj.Message == "" {
		return nil, nil
	}
	return &obj.Message, nil
}

// Explanation is the resolver for the explanation field.
func (r *deliveryAttemptResolver) Explanation(ctx context.Context, obj *webhook.Attempt) (*webhook.Explanation, error) {
	if obj.Status != webhook.AttemptFailed {
		return nil, nil
	}
	d, err := r.Delivery(ctx, obj)
	if err != nil {
		return nil, err
	}
	return webhook.Explain(obj, d), nil
}

// Timings is the resolver for the timings field.
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

// Delivery is the resolver for the delivery field.
func (r *deliveryAttemptResolver) Delivery(ctx context.Context, obj *webhook.Attempt) (*webhook.Delivery, error) {
	return required(ofAttempt(ctx, &r.shared.deliveries, &r.loaders(ctx).deliveries, obj, attemptDelivery))
}

// Event is the resolver for the event field.
func (r *deliveryAttemptResolver) Event(ctx context.Context, obj *webhook.Attempt) (*webhook.Event, error) {
	return required(ofAttempt(ctx, &r.shared.events, &r.loaders(ctx).events, obj, attemptEvent))
}

// Webhook is the resolver for the webhook field.
func (r *deliveryAttemptResolver) Webhook(ctx context.Context, obj *webhook.Attempt) (*webhook.Webhook, error) {
	return ofAttempt(ctx, &r.shared.webhooks, &r.loaders(ctx).webhooks, obj, attemptWebhook)
}

// Request is the resolver for the request field.
func (r *deliveryAttemptResolver) Request(ctx context.Context, obj *webhook.Attempt) (*model.AttemptRequest, error) {
	return &model.AttemptRequest{Attempt: obj}, nil
}

// Response is the resolver for the response field.
func (r *deliveryAttemptResolver) Response(ctx context.Context, obj *webhook.Attempt) (*model.AttemptResponse, error) {
	if obj.ResponseStatus == nil {
		return nil, nil
	}
	return &model.AttemptResponse{Attempt: obj}, nil
}

// Replay is the resolver for the replay field.
func (r *deliveryAttemptResolver) Replay(ctx context.Context, obj *webhook.Attempt) (*webhook.Replay, error) {
	if obj.ReplayID == nil {
		return nil, nil
	}
	return ofAttempt(ctx, &r.shared.replays, &r.loaders(ctx).replays, obj, attemptReplay)
}

// Attempt is the resolver for the attempt field.
func (r *queryResolver) Attempt(ctx context.Context, id webhook.ID) (*webhook.Attempt, error) {
	return one(ctx, r.scope(ctx).AttemptsByID, id)
}

// Attempts is the resolver for the attempts field.
func (r *queryResolver) Attempts(ctx context.Context, first *int, after *string, last *int, before *string, filter *list.AttemptFilter, allTenants bool) (*model.Connection[webhook.Attempt], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	in, err := r.among(ctx, allTenants)
	if err != nil {
		return nil, err
	}
	return attempts.resolve(ctx, r.Resolver, in, arguments{first, after, last, before}, f)
}

// AttemptRequest returns AttemptRequestResolver implementation.
func (r *Resolver) AttemptRequest() AttemptRequestResolver { return &attemptRequestResolver{r} }

// AttemptResponse returns AttemptResponseResolver implementation.
func (r *Resolver) AttemptResponse() AttemptResponseResolver { return &attemptResponseResolver{r} }

// DeliveryAttempt returns DeliveryAttemptResolver implementation.
func (r *Resolver) DeliveryAttempt() DeliveryAttemptResolver { return &deliveryAttemptResolver{r} }

type (
	attemptRequestResolver  struct{ *Resolver }
	attemptResponseResolver struct{ *Resolver }
	deliveryAttemptResolver struct{ *Resolver }
)
