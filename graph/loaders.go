package graph

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// level is rows of one type that were read together. A query selects the same fields of each, so what a resolver needs for one row
// is read for all: one call of the store for each field of a query, for any number of rows, without waiting for siblings to ask.
type level[T any] struct{ rows []*T }

// loaders read rows for the resolvers of one response and keep them until it is complete. A mutation's payload is a level of its
// own, so changed rows are read again.
type loaders struct {
	webhooks   loader[*webhook.Webhook]
	events     loader[*webhook.Event]
	deliveries loader[*webhook.Delivery]
	replays    loader[*webhook.Replay]
	secrets    loader[[]*webhook.Secret]
	headers    loader[[]*webhook.CustomHeader]
	proofs     loader[*webhook.Authentication] // by webhook
	tenants    loader[*webhook.Tenant]
	payloads   loader[*webhook.Payload] // by webhook
	tokens     loader[*webhook.Token]
	attempts   loader[*webhook.Attempt]
	last       loader[*webhook.Attempt]  // by delivery
	keys       loader[string]            // idempotency keys by event
	health     loader[*store.Health]     // by webhook
	owed       loader[*store.Backlog]    // by tenant
	heads      loader[*webhook.Delivery] // of lines
	oldest     loader[*time.Time]        // when a webhook's first delivery that waits is due

	mu sync.Mutex // guards what follows
	// levels finds the level of a row by its pointer.
	levels map[any]any
	// lists has the loaders of lists and counts, by name and arguments.
	lists map[string]any
	// types has event types by their IDs, which do not tell their names.
	types map[webhook.ID]*webhook.EventType
}

func newLoaders(s *store.Scope, known *store.Registry) *loaders {
	l := &loaders{levels: map[any]any{}, lists: map[string]any{}, types: map[webhook.ID]*webhook.EventType{}}
	l.webhooks = loader[*webhook.Webhook]{of: l, fetch: rows(l, s.WebhooksByID)}
	l.events = loader[*webhook.Event]{of: l, fetch: rows(l, s.EventsByID)}
	l.deliveries = loader[*webhook.Delivery]{of: l, fetch: rows(l, s.DeliveriesByID)}
	l.replays = loader[*webhook.Replay]{of: l, fetch: rows(l, s.ReplaysByID)}
	l.secrets = loader[[]*webhook.Secret]{of: l, fetch: s.Secrets}
	l.headers = loader[[]*webhook.CustomHeader]{of: l, fetch: s.Headers}
	l.proofs = loader[*webhook.Authentication]{of: l, fetch: s.Authentications}
	l.payloads = loader[*webhook.Payload]{of: l, fetch: s.Payloads}
	l.tokens = loader[*webhook.Token]{of: l, fetch: rows(l, known.TokensByID)}
	l.attempts = loader[*webhook.Attempt]{of: l, fetch: rows(l, s.AttemptsByID)}
	l.last = loader[*webhook.Attempt]{of: l, fetch: rows(l, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
		return s.LastAttempts(ctx, ids, l.eventsOf)
	})}
	l.keys = loader[string]{of: l, fetch: s.IdempotencyKeys}
	l.health = loader[*store.Health]{of: l, fetch: s.Health}
	l.owed = loader[*store.Backlog]{of: l, fetch: known.BacklogOf}
	l.heads = loader[*webhook.Delivery]{of: l, fetch: rows(l, s.HeadsOfLines)}
	l.oldest = loader[*time.Time]{of: l, fetch: s.OldestDue}
	l.tenants = loader[*webhook.Tenant]{of: l, fetch: rows(l, known.TenantsByID)}
	return l
}

// together makes rows one level.
func together[T any](l *loaders, rows []*T) {
	one := &level[T]{rows: rows}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		l.levels[row] = one
	}
}

// siblings returns the level of a row; a row that was read alone is its own level.
func siblings[T any](l *loaders, row *T) *level[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.levels[row].(*level[T]); ok {
		return known
	}
	alone := &level[T]{rows: []*T{row}}
	l.levels[row] = alone
	return alone
}

// eventsOf returns the event of each delivery that the response has read.
func (l *loaders) eventsOf() map[webhook.ID]webhook.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := map[webhook.ID]webhook.ID{}
	for row := range l.levels {
		if d, ok := row.(*webhook.Delivery); ok {
			events[d.ID] = d.EventID
		}
	}
	return events
}

// know notes event types, for known.
func (l *loaders) know(types []*webhook.EventType) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range types {
		l.types[t.ID] = t
	}
}

// known returns the event types with the IDs.
func (l *loaders) known(ids []webhook.ID) []*webhook.EventType {
	l.mu.Lock()
	defer l.mu.Unlock()
	types := make([]*webhook.EventType, len(ids))
	for i, id := range ids {
		types[i] = l.types[id]
	}
	return types
}

type fetch[V any] func(context.Context, []webhook.ID) (map[webhook.ID]V, error)

// rows makes the rows found by ids one level.
func rows[T any](l *loaders, byID fetch[*T]) fetch[*T] {
	return func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*T, error) {
		found, err := byID(ctx, ids)
		all := make([]*T, 0, len(found))
		for _, row := range found {
			all = append(all, row)
		}
		together(l, all)
		return found, err
	}
}

// loader reads one value for each row of a level.
type loader[V any] struct {
	of    *loaders // to find levels
	fetch fetch[V]

	mu      sync.Mutex // guards batches
	batches map[any]*batch[V]
}

type batch[V any] struct {
	done  chan struct{} // closed when the fields below are set
	found map[webhook.ID]V
	err   error
}

var errLoader = errors.New("read ended early")

// load returns the value of a row, or the zero value if there is none. The first call reads it for the row's siblings too. A loader
// must always be called with the same key function.
func load[T, V any](ctx context.Context, l *loader[V], row *T, key func(*T) webhook.ID) (V, error) {
	all := siblings(l.of, row)
	l.mu.Lock()
	b, known := l.batches[all]
	if !known {
		if l.batches == nil {
			l.batches = map[any]*batch[V]{}
		}
		b = &batch[V]{done: make(chan struct{}), err: errLoader} // stays if fetch panics
		l.batches[all] = b
	}
	l.mu.Unlock()
	if known {
		<-b.done
		return b.found[key(row)], b.err
	}
	defer close(b.done)
	b.found, b.err = fetchFor(ctx, l, all.rows, key)
	return b.found[key(row)], b.err
}

// fetchFor reads the values of rows, by their keys.
func fetchFor[T, V any](ctx context.Context, l *loader[V], rows []*T, key func(*T) webhook.ID) (map[webhook.ID]V, error) {
	var ids []webhook.ID
	seen := make(map[webhook.ID]bool, len(rows))
	for _, row := range rows {
		if id := key(row); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	found, err := l.fetch(ctx, ids)
	if err != nil {
		err = &failure{err: err}
	}
	return found, err
}

// listed returns the loader for the given name and arguments.
func listed[V any](l *loaders, name string, args any, f fetch[V]) (*loader[V], error) {
	b, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	key := name + string(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.lists[key].(*loader[V]); ok {
		return known, nil
	}
	made := &loader[V]{of: l, fetch: f}
	l.lists[key] = made
	return made, nil
}

// one reads a single row by id; nil if there is none.
func one[T any](ctx context.Context, byID fetch[*T], id webhook.ID) (*T, error) {
	found, err := byID(ctx, []webhook.ID{id})
	return found[id], err
}

// required returns ErrRemoved instead of a nil row. Use it for rows that another row refers to: they exist, unless retention has
// removed both in between.
func required[T any](row *T, err error) (*T, error) {
	if err == nil && row == nil {
		return nil, webhook.ErrRemoved
	}
	return row, err
}
