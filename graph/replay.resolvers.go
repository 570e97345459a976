package graph

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ReplayDeliveries is the resolver for the replayDeliveries field.
func (r *mutationResolver) ReplayDeliveries(ctx context.Context, input replay.Input) (*model.ReplayDeliveriesPayload, error) {
	if input.Kind == webhook.ReplayCancel {
		errs, err := userErrors(&webhook.Invalid{Field: "kind", Code: webhook.CodeInvalid, Message: "must be FAILED, ALL or MISSING: use cancelDeliveries to cancel deliveries"})
		return &model.ReplayDeliveriesPayload{UserErrors: errs}, err
	}
	made, errs, err := r.createReplay(ctx, &input)
	return &model.ReplayDeliveriesPayload{Replay: made, UserErrors: errs}, err
}

// CancelDeliveries is the resolver for the cancelDeliveries field.
func (r *mutationResolver) CancelDeliveries(ctx context.Context, input model.CancelDeliveriesInput) (*model.CancelDeliveriesPayload, error) {
	in := replay.Input{Kind: webhook.ReplayCancel, Filter: given(input.Filter), Note: input.Note, IdempotencyKey: input.IdempotencyKey}
	made, errs, err := r.createReplay(ctx, &in)
	return &model.CancelDeliveriesPayload{Replay: made, UserErrors: errs}, err
}

// UpdateReplay is the resolver for the updateReplay field.
func (r *mutationResolver) UpdateReplay(ctx context.Context, input model.UpdateReplayInput) (*model.UpdateReplayPayload, error) {
	p := webhook.ReplayPatch{RatePerSecond: opt(input.RatePerSecond)}
	if input.Paused != nil {
		p.Paused = webhook.Some(*input.Paused)
	}
	changed, err := r.changing(ctx).UpdateReplay(ctx, input.ID, p)
	errs, err := userErrors(err)
	return &model.UpdateReplayPayload{Replay: changed, UserErrors: errs}, err
}

// CancelReplay is the resolver for the cancelReplay field.
func (r *mutationResolver) CancelReplay(ctx context.Context, input model.CancelReplayInput) (*model.CancelReplayPayload, error) {
	canceled, err := r.changing(ctx).CancelReplay(ctx, input.ID)
	errs, err := userErrors(err)
	return &model.CancelReplayPayload{Replay: canceled, UserErrors: errs}, err
}

// ReplayPreview is the resolver for the replayPreview field.
func (r *queryResolver) ReplayPreview(ctx context.Context, input replay.Input) (*model.ReplayPreview, error) {
	p, err := r.preview(ctx, &input)
	errs, err := userErrors(err)
	if err != nil || len(errs) > 0 {
		return refusedPreview(errs), err
	}
	return r.previewed(ctx, p, input.RatePerSecond), nil
}

// Replay is the resolver for the replay field.
func (r *queryResolver) Replay(ctx context.Context, id webhook.ID) (*webhook.Replay, error) {
	return one(ctx, r.scope(ctx).ReplaysByID, id)
}

// Replays is the resolver for the replays field.
func (r *queryResolver) Replays(ctx context.Context, first *int, after *string, last *int, before *string) (*model.Connection[webhook.Replay], error) {
	return replays.resolve(ctx, r.Resolver, r.scope(ctx), arguments{first, after, last, before}, noFilter{})
}

// Filter is the resolver for the filter field.
func (r *replayResolver) Filter(ctx context.Context, obj *webhook.Replay) ([]byte, error) {
	if err := meter.From(ctx).Take(len(obj.Filter)); err != nil {
		return nil, err
	}
	return []byte(obj.Filter), nil
}

// EstimatedCompletionAt is the resolver for the estimatedCompletionAt field.
func (r *replayResolver) EstimatedCompletionAt(ctx context.Context, obj *webhook.Replay) (*time.Time, error) {
	return obj.EstimatedCompletionAt(r.Store.Now()), nil
}

// Deliveries is the resolver for the deliveries field.
func (r *replayResolver) Deliveries(ctx context.Context, obj *webhook.Replay, first *int, after *string, last *int, before *string, filter *list.DeliveryFilter) (*model.Connection[webhook.Delivery], error) {
	f, err := checked(filter)
	if err != nil {
		return nil, err
	}
	return deliveriesOfReplays.resolve(ctx, r.Resolver, obj, arguments{first, after, last, before}, f)
}

// ReplayProgress is the resolver for the replayProgress field.
func (r *subscriptionResolver) ReplayProgress(ctx context.Context, id webhook.ID) (<-chan *webhook.Replay, error) {
	return nil, r.progress(ctx, id) // the stream is pulled
}

// Webhook is the resolver for the webhook field.
func (r *webhookCountResolver) Webhook(ctx context.Context, obj *model.WebhookCount) (*webhook.Webhook, error) {
	return load(ctx, &r.loaders(ctx).webhooks, obj, countedWebhook)
}

// Replay returns ReplayResolver implementation.
func (r *Resolver) Replay() ReplayResolver { return &replayResolver{r} }

// WebhookCount returns WebhookCountResolver implementation.
func (r *Resolver) WebhookCount() WebhookCountResolver { return &webhookCountResolver{r} }

type (
	replayResolver       struct{ *Resolver }
	webhookCountResolver struct{ *Resolver }
)
