package graph

import (
	"context"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of shared reads: how long a result serves later watchers, how many are kept, their bytes, and how long a read may take.
const (
	sharedFor      = time.Second
	maxShared      = 1024
	maxSharedBytes = 8 << 20
	sharedTimeout  = 10 * time.Second
)

// shared reads an attempt's event, webhook or delivery once for all streams, because a thousand watchers of the attempt ask for it
// at the same moment. A read serves one attempt only, so nobody sees a state from before it; a late watcher reads again.
type shared[V any] struct {
	size func(V) int

	mu    sync.Mutex // guards the fields below
	reads map[int64]*read[V]
	order []*read[V] // complete ones, oldest first
	bytes int
}

type read[V any] struct {
	seq   int64 // of the attempt
	begun time.Time
	done  chan struct{} // closed when the fields below are set
	value V
	err   error
}

// get returns the attempt's value: the result of the first caller's fetch. Errors are not kept.
func (s *shared[V]) get(ctx context.Context, a *webhook.Attempt, fetch func(context.Context) (V, error)) (V, error) {
	s.mu.Lock()
	r, known := s.reads[a.Seq]
	if known = known && time.Since(r.begun) < sharedFor; !known {
		if s.reads == nil {
			s.reads = map[int64]*read[V]{}
		}
		r = &read[V]{seq: a.Seq, begun: time.Now(), done: make(chan struct{}), err: errLoader} // which stands when fetch panics
		s.reads[a.Seq] = r
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
func (s *shared[V]) keep(r *read[V]) {
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
func (s *shared[V]) drop(r *read[V]) {
	if s.reads[r.seq] == r {
		delete(s.reads, r.seq)
	}
}

// sharedReads are the shared reads of a Resolver.
type sharedReads struct {
	events     shared[*webhook.Event]
	webhooks   shared[*webhook.Webhook]
	deliveries shared[*webhook.Delivery]
}

// rowBytes is the approximate size of a row without its payload.
const rowBytes = 1 << 10

func newSharedReads() *sharedReads {
	return &sharedReads{
		events: shared[*webhook.Event]{size: func(e *webhook.Event) int {
			if e == nil {
				return rowBytes
			}
			return rowBytes + cap(e.Data)
		}},
		webhooks: shared[*webhook.Webhook]{size: func(w *webhook.Webhook) int {
			if w == nil || w.Metadata == nil {
				return rowBytes
			}
			return rowBytes + len(*w.Metadata)
		}},
		deliveries: shared[*webhook.Delivery]{size: func(*webhook.Delivery) int { return rowBytes }},
	}
}

// ofAttempt reads an attempt's value: in a stream shared with the other streams, else together with the other attempts of the
// response.
func ofAttempt[V any](ctx context.Context, s *shared[V], l *loader[V], a *webhook.Attempt, key func(*webhook.Attempt) webhook.ID) (V, error) {
	if !from(ctx).stream {
		return load(ctx, l, a, key)
	}
	return s.get(ctx, a, func(ctx context.Context) (V, error) { return load(ctx, l, a, key) })
}
