package graph

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxBatch is how many keys one call of the store gets.
const maxBatch = 1000

// quiet is how long no further key must come before a batch is fetched. gqlgen resolves the fields of one level at the
// same time, so they come within microseconds of each other.
const quiet = 200 * time.Microsecond

// loader fetches together what resolvers ask for at the same time. It does not remember: a mutation later in the same
// operation sees fresh rows, and a stream that lives for days holds nothing.
type loader[V any] struct {
	fetch func(context.Context, []webhook.ID) (map[webhook.ID]V, error)

	mu   sync.Mutex
	open *batch[V] // takes keys still; mu guards it and its keys
}

type batch[V any] struct {
	keys  []webhook.ID
	known map[webhook.ID]bool
	done  chan struct{} // closed when found and err are set
	found map[webhook.ID]V
	err   error
}

// load returns the value of a key, the zero value when it has none.
func (l *loader[V]) load(ctx context.Context, key webhook.ID) (V, error) {
	l.mu.Lock()
	b := l.open
	leads := b == nil
	if leads {
		b = &batch[V]{known: map[webhook.ID]bool{}, done: make(chan struct{})}
		l.open = b
	}
	if !b.known[key] {
		b.known[key] = true
		b.keys = append(b.keys, key)
	}
	if len(b.keys) == maxBatch {
		l.open = nil
	}
	l.mu.Unlock()
	if leads { // The first one to ask fetches for all, so no goroutine is needed.
		l.gather(b)
		l.run(ctx, b)
	} else {
		<-b.done
	}
	return b.found[key], b.err
}

// loadAll returns the values of keys in their order, and zero values where there is none.
func (l *loader[V]) loadAll(ctx context.Context, keys []webhook.ID) ([]V, error) {
	values := make([]V, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	found, err := l.fetch(ctx, keys)
	for i, key := range keys {
		values[i] = found[key]
	}
	return values, err
}

// gather waits until b is full or no key came for a while, and closes it for more.
func (l *loader[V]) gather(b *batch[V]) {
	for size, still := 0, 0; still < 2; {
		time.Sleep(quiet)
		runtime.Gosched() // whoever is ready to ask goes first
		l.mu.Lock()
		if l.open != b {
			l.mu.Unlock()
			return
		}
		if len(b.keys) == size {
			still++
		} else {
			size, still = len(b.keys), 0
		}
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == b {
		l.open = nil
	}
}

func (l *loader[V]) run(ctx context.Context, b *batch[V]) {
	b.err = errLoader // stands when fetch panics
	defer close(b.done)
	found, err := l.fetch(ctx, b.keys)
	if err != nil {
		err = &failure{err: err}
	}
	b.found, b.err = found, err
}

var errLoader = errors.New("batch ended early")

// loaders are what one operation reads rows by id and pages by parent with.
type loaders struct {
	webhooks   loader[*webhook.Webhook]
	events     loader[*webhook.Event]
	deliveries loader[*webhook.Delivery]
	attempts   loader[*webhook.Attempt]
	secrets    loader[[]*webhook.Secret]
	nodes      loader[model.Node]

	pagesMu sync.Mutex
	// pages has a loader for each list and its arguments, as many as the document has; pagesMu guards it.
	pages map[string]any
}

func (l *loaders) init(s *store.Scope) {
	l.webhooks.fetch = s.WebhooksByID
	l.events.fetch = s.EventsByID
	l.deliveries.fetch = s.DeliveriesByID
	l.attempts.fetch = s.AttemptsByID
	l.secrets.fetch = s.Secrets
	l.nodes.fetch = nodesByID(s)
}

// of returns the operation's loader of what parents have under a name and arguments.
func of[V any](l *loaders, name string, args any, fetch func(context.Context, []webhook.ID) (map[webhook.ID]V, error)) (*loader[V], error) {
	b, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	key := name + string(b)
	l.pagesMu.Lock()
	defer l.pagesMu.Unlock()
	if known, ok := l.pages[key].(*loader[V]); ok {
		return known, nil
	}
	if l.pages == nil {
		l.pages = map[string]any{}
	}
	made := &loader[V]{fetch: fetch}
	l.pages[key] = made
	return made, nil
}

// required is a row that another row names, which therefore exists: unless retention removed both in between.
func required[T any](row *T, err error) (*T, error) {
	if err == nil && row == nil {
		return nil, webhook.ErrNotFound
	}
	return row, err
}
