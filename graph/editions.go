package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// edition has the statistics that all watchers of a subject are shown at one moment. What they select is read by the first watcher that
// selects it.
type edition struct {
	*store.Stats

	spent func(time.Duration)
	reads shared[string, any] // read once, so that all who have the edition have the same

	mu     sync.Mutex // guards series
	series map[string]*model.Series
}

func newEdition(s *store.Stats, spent func(time.Duration)) *edition {
	e := &edition{Stats: s, spent: spent, series: map[string]*model.Series{}}
	e.reads.stays = true
	e.reads.size = func(any) int { return 0 } // it is gone with the edition
	return e
}

// before returns a series that was read of the edition, by its arguments; nil if none was, or e is nil.
func (e *edition) before(key string) *model.Series {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.series[key]
}

// once implements model.Stats.Once.
func (e *edition) once(ctx context.Context, key string, read func(context.Context) (any, error)) (any, error) {
	return e.reads.get(ctx, key, func(ctx context.Context) (any, error) {
		defer func(began time.Time) { e.spent(time.Since(began)) }(time.Now())
		v, err := read(ctx)
		if series, ok := v.(*model.Series); ok && err == nil {
			series.Sums = sums(series.Counts)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.series[key] = series
		}
		return v, err
	})
}

// editions watches statistics until ctx ends. As in stream, the channel is nil.
func (r *Resolver) editions(ctx context.Context, during store.TimeRange, filter *store.StatsFilter) (<-chan *model.Stats, error) {
	of, tenants, err := r.statsAccess(ctx, during, filter)
	if err != nil {
		return nil, err
	}
	moving, text := movingRange(ctx, during)
	chosen, err := json.Marshal(filter)
	if err != nil {
		return nil, fmt.Errorf("write filter: %w", err)
	}
	w := r.numbers.Watch(ctx, live.Subject[*edition]{
		Tenant: from(ctx).caller.Tenant.ID, Tenants: tenants, Key: text + string(chosen),
		Make: func(now time.Time, spent func(time.Duration)) *edition { return newEdition(of(moving(now)), spent) },
	})
	circle, err := r.shared.circles.join(ctx)
	if err != nil {
		return nil, err
	}
	var last *edition // that the client has
	paid := true      // for the first message, when the operation began
	from(ctx).pull = func(ctx context.Context) (*model.Stats, bool) {
		e, err := w.Next(ctx)
		if err != nil || !paid && !r.pay(ctx) {
			return nil, false // the client is gone
		}
		paid = false
		if circle.several() {
			from(ctx).message = circle.message([2]*edition{last, e})
		}
		before := last.before
		last = e
		return &model.Stats{Stats: e.Stats, Once: e.once, Before: before}, true
	}
	return nil, nil // see stream
}

// pay waits until the caller can pay for one more message. It returns false when ctx ends before.
func (r *Resolver) pay(ctx context.Context) bool {
	for r.PayMessage != nil {
		wait := r.PayMessage(ctx)
		if wait == 0 {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// movingRange returns the range of the current field at the given time, and its text. Relative bounds move with time: the start in steps of
// the buckets of a series, so that the buckets keep their bounds.
func movingRange(ctx context.Context, during store.TimeRange) (at func(now time.Time) store.TimeRange, text string) {
	var given struct{ From, To *string }
	args := graphql.GetFieldContext(ctx).Field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	if raw, err := json.Marshal(args["range"]); err == nil {
		_ = json.Unmarshal(raw, &given) // it has been read as a range already
	}
	bound := func(text *string, fixed *time.Time) (at func(now time.Time) *time.Time, relative bool) {
		if text == nil || fixed == nil {
			return func(time.Time) *time.Time { return fixed }, false
		}
		if _, err := webhook.ParseTime(*text); err == nil {
			return func(time.Time) *time.Time { return fixed }, false
		}
		return func(now time.Time) *time.Time {
			t, err := webhook.ParseTimeBound(*text, now)
			if err != nil {
				return fixed
			}
			return &t
		}, true
	}
	begin, moves := bound(given.From, during.From)
	end, _ := bound(given.To, during.To)
	at = func(now time.Time) store.TimeRange {
		now = now.UTC()
		r := store.TimeRange{From: begin(now), To: end(now)}
		if moves {
			to := now
			if r.To != nil {
				to = *r.To
			}
			r.From = new(r.From.Truncate(store.StatsWidth(to.Sub(*r.From))))
		}
		return r
	}
	shown, _ := json.Marshal(given) //nolint:errchkjson // strings
	return at, string(shown)
}

var seed = maphash.MakeSeed()

// sums returns a number for each of the counts, by which they are compared; nil has 0.
func sums(counts []*stats.Counts) []uint64 {
	all := make([]uint64, len(counts))
	var text []byte
	for i, c := range counts {
		if c != nil {
			text = c.Append(text[:0])
			all[i] = maphash.Bytes(seed, text)
		}
	}
	return all
}
