package graph

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of shared reads: how long a result serves later watchers, how many are kept, their bytes, and how long a read may take.
const (
	sharedFor      = time.Second
	maxShared      = 1024
	maxSharedBytes = 8 << 20
	sharedTimeout  = 10 * time.Second
)

// shared reads an attempt's event, webhook or delivery, or those of a delivery that has changed, once for all streams, because a thousand
// watchers ask for it at the same moment. A read serves one attempt or change only, its key, so nobody sees a state from before it; a late
// watcher reads again.
type shared[K comparable, V any] struct {
	size  func(V) int
	stays bool // results are kept as long as this is, and never read again

	mu    sync.Mutex // guards the fields below
	reads map[K]*read[K, V]
	order []*read[K, V] // complete ones, oldest first
	bytes int
}

type read[K comparable, V any] struct {
	key   K
	begun time.Time
	done  chan struct{} // closed when the fields below are set
	value V
	err   error
}

// get returns the key's value: the result of the first caller's fetch. Errors are not kept.
func (s *shared[K, V]) get(ctx context.Context, key K, fetch func(context.Context) (V, error)) (V, error) {
	s.mu.Lock()
	r, known := s.reads[key]
	if known = known && (s.stays || time.Since(r.begun) < sharedFor); !known {
		if s.reads == nil {
			s.reads = map[K]*read[K, V]{}
		}
		r = &read[K, V]{key: key, begun: time.Now(), done: make(chan struct{}), err: errLoader} // which stands when fetch panics
		s.reads[key] = r
	}
	s.mu.Unlock()
	if known {
		select {
		case <-r.done:
			return r.value, r.err
		case <-ctx.Done():
			var none V // r's is not set yet
			return none, ctx.Err()
		}
	}
	defer s.keep(r)
	// Others wait for the result, so the read must outlive this watcher.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedTimeout)
	defer cancel()
	r.value, r.err = fetch(ctx)
	return r.value, r.err
}

// keep ends a read.
func (s *shared[K, V]) keep(r *read[K, V]) {
	close(r.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.err != nil {
		s.drop(r)
		return
	}
	s.order = append(s.order, r)
	s.bytes += s.size(r.value)
	for !s.stays && (len(s.order) > maxShared || s.bytes > maxSharedBytes) {
		old := s.order[0]
		s.order[0] = nil
		s.order = s.order[1:]
		s.bytes -= s.size(old.value)
		s.drop(old)
	}
}

// drop removes a read, unless a later one has replaced it. The caller must hold mu.
func (s *shared[K, V]) drop(r *read[K, V]) {
	if s.reads[r.key] == r {
		delete(s.reads, r.key)
	}
}

// sharedKey is the key of a shared read of rows: what they belong to, and which payloads they are read without.
type sharedKey[K comparable] struct {
	of   K
	lean store.Lean
}

// sharedReads are the shared reads of a Resolver.
type sharedReads struct {
	// Of attempts, by their Seq.
	events     shared[sharedKey[int64], *webhook.Event]
	webhooks   shared[sharedKey[int64], *webhook.Webhook]
	deliveries shared[sharedKey[int64], *webhook.Delivery]
	replays    shared[sharedKey[int64], *webhook.Replay]

	// Of deliveries that streams share: those that were read together, or one.
	eventOf   shared[sharedKey[any], map[webhook.ID]*webhook.Event]
	webhookOf shared[sharedKey[any], map[webhook.ID]*webhook.Webhook]
	lastOf    shared[sharedKey[any], map[webhook.ID]*webhook.Attempt]

	resyncs shared[sharedKey[*live.DeliveryChange], *webhook.Webhook]
	circles circles // of streams
}

// rowBytes is the approximate size of a row without its payload.
const rowBytes = 1 << 10

func newSharedReads() *sharedReads {
	ofEvent := func(e *webhook.Event) int {
		if e == nil {
			return rowBytes
		}
		return rowBytes + cap(e.Data)
	}
	ofWebhook := func(w *webhook.Webhook) int {
		n := rowBytes
		if w != nil && w.Metadata != nil {
			n += len(*w.Metadata)
		}
		if w != nil && w.Filter != nil {
			n += len(*w.Filter)
		}
		return n
	}
	ofAttempt := func(a *webhook.Attempt) int {
		if a == nil {
			return rowBytes
		}
		return rowBytes + cap(a.ResponseBody) + len(a.ResponseHeaders)
	}
	s := &sharedReads{}
	s.events.size, s.eventOf.size = ofEvent, sizes(ofEvent)
	s.webhooks.size, s.webhookOf.size, s.resyncs.size = ofWebhook, sizes(ofWebhook), ofWebhook
	s.deliveries.size = func(*webhook.Delivery) int { return rowBytes }
	s.lastOf.size = sizes(ofAttempt)
	s.replays.size = func(*webhook.Replay) int { return 10 * rowBytes } // with its filter
	s.circles.texts.size = func(text []byte) int { return cap(text) }
	return s
}

// sizes is the size of several rows.
func sizes[V any](one func(V) int) func(map[webhook.ID]V) int {
	return func(all map[webhook.ID]V) int {
		sum := rowBytes
		for _, v := range all {
			sum += one(v)
		}
		return sum
	}
}

// ofAttempt reads an attempt's value: in a stream shared with the other streams, else together with the other attempts of the
// response.
func ofAttempt[V any](ctx context.Context, s *shared[sharedKey[int64], V], l *loader[V], a *webhook.Attempt, key func(*webhook.Attempt) webhook.ID) (V, error) {
	return sharedBy(ctx, s, l, a.Seq, a, key)
}

// ofDelivery is ofAttempt for a delivery. In a stream of changes it reads the values of all deliveries that changed with this one.
func ofDelivery[V any](ctx context.Context, s *shared[sharedKey[any], map[webhook.ID]V], l *loader[V], d *webhook.Delivery, key func(*webhook.Delivery) webhook.ID) (V, error) {
	q := from(ctx)
	if !q.stream {
		return load(ctx, l, d, key)
	}
	by, all := any(d), []*webhook.Delivery{d}
	if q.with != nil && slices.Contains(q.with.Deliveries, d) {
		by, all = q.with, q.with.Deliveries
	}
	found, err := s.get(ctx, sharedKey[any]{by, q.lean}, func(ctx context.Context) (map[webhook.ID]V, error) { return fetchFor(ctx, l, all, key) })
	return found[key(d)], err
}

// sharedBy reads a row's value: in a stream shared with the other streams by a key, else together with the other rows of the response.
func sharedBy[K comparable, T, V any](ctx context.Context, s *shared[sharedKey[K], V], l *loader[V], by K, row *T, key func(*T) webhook.ID) (V, error) {
	q := from(ctx)
	if !q.stream {
		return load(ctx, l, row, key)
	}
	return s.get(ctx, sharedKey[K]{by, q.lean}, func(ctx context.Context) (V, error) { return load(ctx, l, row, key) })
}
