package graph

import (
	"context"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/live"
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
	size func(V) int

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
	if known = known && time.Since(r.begun) < sharedFor; !known {
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
			return r.value, ctx.Err()
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
	for len(s.order) > maxShared || s.bytes > maxSharedBytes {
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

// sharedReads are the shared reads of a Resolver.
type sharedReads struct {
	// Of attempts, by their Seq.
	events     shared[int64, *webhook.Event]
	webhooks   shared[int64, *webhook.Webhook]
	deliveries shared[int64, *webhook.Delivery]
	replays    shared[int64, *webhook.Replay]

	// Of deliveries that streams share.
	eventOf   shared[*webhook.Delivery, *webhook.Event]
	webhookOf shared[*webhook.Delivery, *webhook.Webhook]
	lastOf    shared[*webhook.Delivery, *webhook.Attempt]

	resyncs shared[*live.DeliveryChange, *webhook.Webhook]
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
		if w == nil || w.Metadata == nil {
			return rowBytes
		}
		return rowBytes + len(*w.Metadata)
	}
	s := &sharedReads{}
	s.events.size, s.eventOf.size = ofEvent, ofEvent
	s.webhooks.size, s.webhookOf.size, s.resyncs.size = ofWebhook, ofWebhook, ofWebhook
	s.replays.size = func(*webhook.Replay) int { return 10 * rowBytes } // with its filter
	s.deliveries.size = func(*webhook.Delivery) int { return rowBytes }
	s.lastOf.size = func(a *webhook.Attempt) int {
		if a == nil {
			return rowBytes
		}
		return rowBytes + cap(a.ResponseBody) + len(a.ResponseHeaders)
	}
	return s
}

// ofAttempt reads an attempt's value: in a stream shared with the other streams, else together with the other attempts of the
// response.
func ofAttempt[V any](ctx context.Context, s *shared[int64, V], l *loader[V], a *webhook.Attempt, key func(*webhook.Attempt) webhook.ID) (V, error) {
	return sharedBy(ctx, s, l, a.Seq, a, key)
}

// ofDelivery is ofAttempt for a delivery.
func ofDelivery[V any](ctx context.Context, s *shared[*webhook.Delivery, V], l *loader[V], d *webhook.Delivery, key func(*webhook.Delivery) webhook.ID) (V, error) {
	return sharedBy(ctx, s, l, d, d, key)
}

// sharedBy reads a row's value: in a stream shared with the other streams by a key, else together with the other rows of the response.
func sharedBy[K comparable, T, V any](ctx context.Context, s *shared[K, V], l *loader[V], by K, row *T, key func(*T) webhook.ID) (V, error) {
	if !from(ctx).stream {
		return load(ctx, l, row, key)
	}
	return s.get(ctx, by, func(ctx context.Context) (V, error) { return load(ctx, l, row, key) })
}
