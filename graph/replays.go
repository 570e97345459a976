package graph

import (
	"context"
	"reflect"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxCounts is how many webhooks a preview tells.
const maxCounts = 100

// createReplay creates a replay for a mutation.
func (r *Resolver) createReplay(ctx context.Context, in *store.ReplayInput) (*webhook.Replay, []*model.UserError, error) {
	made, err := r.changing(ctx).CreateReplay(ctx, in)
	errs, err := userErrors(err)
	return made, errs, err
}

// preview tells what a replay would send.
func (r *Resolver) preview(ctx context.Context, in *store.ReplayInput) (*store.ReplayPreview, error) {
	return r.scope(ctx).PreviewReplay(ctx, in)
}

// previewed is a preview as the API has it.
func (r *Resolver) previewed(ctx context.Context, p *store.ReplayPreview, rate *int) *model.ReplayPreview {
	together(r.loaders(ctx), p.Samples)
	together(r.loaders(ctx), p.Events)
	shown := &model.ReplayPreview{
		Deliveries: model.Counted(p.Count), ByWebhook: []*model.WebhookCount{}, Samples: p.Samples, SampleEvents: p.Events, UserErrors: []*model.UserError{},
	}
	for _, one := range p.ByWebhook[:min(len(p.ByWebhook), maxCounts)] {
		shown.ByWebhook = append(shown.ByWebhook, &model.WebhookCount{WebhookID: one.WebhookID, Count: one.N})
	}
	together(r.loaders(ctx), shown.ByWebhook)
	if rate != nil {
		shown.EstimatedDurationMs = new(p.N * 1000 / *rate)
	}
	return shown
}

// refusedPreview is a preview of an input that breaks rules.
func refusedPreview(errs []*model.UserError) *model.ReplayPreview {
	return &model.ReplayPreview{
		Deliveries: &model.Count{Precision: model.CountPrecisionExact}, ByWebhook: []*model.WebhookCount{},
		Samples: []*webhook.Delivery{}, SampleEvents: []*webhook.Event{}, UserErrors: errs,
	}
}

// How often the progress of a replay is read: at first, and at last while it does not change.
const (
	progressEvery = 250 * time.Millisecond
	progressSlow  = time.Second
)

// progressAfter is how long the stream of a replay that has ended goes on while some of its deliveries are being retried.
const progressAfter = time.Minute

// isOver reports whether the stream of a replay ends: it has ended, and so have its deliveries, or they take long.
func isOver(r *webhook.Replay) bool {
	ended := r.Kind == webhook.ReplayCancel || r.Succeeded+r.Failed >= r.Started // what was canceled is not sent
	return r.CompletedAt != nil && (ended || time.Since(*r.CompletedAt) > progressAfter)
}

// progress streams a replay until it is over: as it is now, and whenever it has changed. The stream is pulled, as that of attempts is.
func (r *Resolver) progress(ctx context.Context, id webhook.ID) error {
	first, err := one(ctx, r.scope(ctx).ReplaysByID, id)
	if err != nil {
		return err
	}
	if first == nil {
		return &webhook.Invalid{Field: "id", Code: webhook.CodeNotFound, Message: "does not exist"}
	}
	var shown *webhook.Replay
	from(ctx).pull = func(ctx context.Context) (*webhook.Replay, bool) {
		if shown == nil {
			shown = first
			return shown, true
		}
		for wait := progressEvery; !isOver(shown); wait = min(2*wait, progressSlow) {
			select {
			case <-ctx.Done():
				return nil, false
			case <-time.After(wait):
			}
			now, err := one(ctx, r.scope(ctx).ReplaysByID, id)
			if err != nil && ctx.Err() == nil {
				r.EndStream(ctx, err)
			}
			if err != nil || now == nil {
				return nil, false
			}
			if !reflect.DeepEqual(now, shown) {
				shown = now
				return shown, true
			}
		}
		return nil, false
	}
	return nil
}
