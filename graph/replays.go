package graph

import (
	"context"
	"reflect"
	"sync"
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

// marks are how far replays were that this process has shown: their pace is that of the last seconds, and not slowed down by a pause long ago.
type marks struct {
	mu   sync.Mutex
	seen map[webhook.ID]*marked
}

// marked is how far a replay was.
type marked struct {
	since, next webhook.ReplayMark // the one that counts, and the one after it
	stood       bool               // it was paused when it was last shown
}

// maxMarks is how many replays are remembered.
const maxMarks = 10_000

// since returns how far a replay was some time ago: when it was created or resumed, or at least webhook.PaceAfter ago if it was shown then.
func (m *marks) since(r *webhook.Replay, now time.Time) webhook.ReplayMark {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.CompletedAt != nil {
		delete(m.seen, r.ID)
		return r.Mark(now)
	}
	is := m.seen[r.ID]
	switch stands := r.Status != webhook.ReplayRunning && r.Status != webhook.ReplayQueued; {
	case is == nil:
		if m.seen == nil || len(m.seen) >= maxMarks {
			m.seen = map[webhook.ID]*marked{}
		}
		is = &marked{since: webhook.ReplayMark{At: r.CreatedAt}, next: r.Mark(now), stood: stands}
		m.seen[r.ID] = is
	case stands || is.stood:
		is.since, is.next, is.stood = r.Mark(now), r.Mark(now), stands
	case now.Sub(is.next.At) >= webhook.PaceAfter:
		is.since, is.next = is.next, r.Mark(now)
	}
	return is.since
}

// estimate is when a replay will be done; nil if that is not known.
func (r *Resolver) estimate(obj *webhook.Replay, now time.Time) *time.Time {
	return obj.EstimatedCompletionAt(now, r.marks.since(obj, now))
}
