package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Rows reads the rows of one tenant; *store.Scope is one.
type Rows interface {
	DeliveriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error)
	LastAttempts(ctx context.Context, deliveries []webhook.ID, events func() map[webhook.ID]webhook.ID) (map[webhook.ID]*webhook.Attempt, error)
	EventsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error)
}

// Pace limits the cost of watchers of changes. Changes beyond it are not passed on one by one: watchers are told to fetch again.
type Pace struct {
	Gap      time.Duration // between two readings of a tenant's changes; changes of one delivery in between are one
	Again    time.Duration // between two requests to fetch again, for the watchers of one filter; more if there are many watchers:
	Resyncs  float64       // requests to fetch again a second, to all watchers of a tenant, once each has got its first
	Filter   float64       // changes a second that match one filter, and twice as many at once
	Rows     float64       // deliveries a second that are read for all watchers of a tenant, and twice as many at once
	Messages float64       // a second to all watchers of a tenant, and twice as many at once
	Readings int           // at a time
	Numbers  time.Duration // between two editions of numbers
	Nodes    time.Duration // between two messages to a watcher of nodes, if none joins or ends
	Rest     int           // after an edition, nothing is read for its tenant for this multiple of the time that reading took
}

// DefaultPace is the pace of a server.
func DefaultPace() Pace {
	return Pace{Gap: 100 * time.Millisecond, Again: time.Second, Resyncs: 200, Filter: 100, Rows: 200, Messages: 2000, Readings: 4, Numbers: time.Second, Nodes: 5 * time.Second, Rest: 4}
}

const (
	maxInbox   = 4096 // deliveries of a tenant that wait to be read; beyond that all watchers fetch again
	maxHooks   = 256  // webhooks of a tenant whose deliveries are to be fetched again; beyond that all are
	readChunk  = 200  // deliveries that one statement reads
	eventChunk = 16   // events with their payloads
	readWithin = 10 * time.Second
)

// Changes hands changes of deliveries to watchers. Unlike a Log it keeps nothing: a watcher that is told to fetch again, as each is at first,
// reads the list of deliveries, and from then on gets the changes in it.
//
// What has changed is collected by tenant, which costs the store's goroutines an entry in a map. One goroutine for each tenant with watchers
// reads the rows, once for all of its watchers, and offers them to those whose filter they match.
type Changes struct {
	rows  func(tenant webhook.ID) Rows
	pace  Pace
	reads chan struct{} // semaphore
	count atomic.Int64  // watchers, those of numbers and of news included

	serving sync.WaitGroup
	mu      sync.Mutex // guards what follows, and inboxes
	closed  bool
	tenants map[webhook.ID]*audience
	numbers []func(tenant webhook.ID) // to be told of changed statistics; the zero id means any tenant's
	news    map[subjectOf]*newsTopic
}

// NewChanges returns a Changes for the store's Follow. rows reads a tenant's rows. The caller closes it.
func NewChanges(rows func(tenant webhook.ID) Rows, pace Pace) *Changes {
	return &Changes{rows: rows, pace: pace, reads: make(chan struct{}, pace.Readings), tenants: map[webhook.ID]*audience{}, news: map[subjectOf]*newsTopic{}}
}

// RowsOf reads rows of the store.
func RowsOf(s *store.Store) func(tenant webhook.ID) Rows {
	return func(tenant webhook.ID) Rows {
		of := s.In(tenant)
		if tenant == store.AllTenants {
			of = s.Everyone()
		}
		return of.Lean(store.Lean{NoBodies: true})
	}
}

// Following implements store.Follower.
func (c *Changes) Following() bool { return c.count.Load() > 0 }

// Changed implements store.Follower.
func (c *Changes) Changed(list []store.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last webhook.ID
	for i := range list {
		change := &list[i]
		if change.Nodes {
			c.announce(subjectOf{nodes: true})
			continue
		}
		if change.Audit {
			c.audited(change.Tenant)
			continue
		}
		if change.Issues {
			c.issues(change.Tenant)
			continue
		}
		if change.Tenant == (webhook.ID{}) {
			for _, t := range c.news {
				t.changed()
			}
			for _, a := range c.tenants {
				a.in.everything()
				a.signal()
			}
		} else {
			c.tell(change.Tenant, change)
			c.tell(store.AllTenants, change)
		}
		if i == 0 || change.Tenant != last {
			for _, tell := range c.numbers {
				tell(change.Tenant)
			}
		}
		last = change.Tenant
	}
}

// tell adds a change to what a tenant's watchers may be told. The caller must hold mu.
func (c *Changes) tell(tenant webhook.ID, change *store.Change) {
	if a := c.tenants[tenant]; a != nil {
		a.in.put(change)
		a.signal()
	}
}

// Close ends all watchers of deliveries, and waits for the goroutines.
func (c *Changes) Close() {
	c.mu.Lock()
	c.closed = true
	var all []*ChangeWatcher
	for _, a := range c.tenants {
		all = append(all, a.watchers()...)
	}
	c.mu.Unlock()
	for _, w := range all {
		w.Close()
	}
	c.serving.Wait()
}

// Watch starts a watcher of changes of the tenant's deliveries, or with store.AllTenants of all tenants', that match f. f's slices must not be
// changed any more. The watcher is closed when ctx ends. The error is an *Invalid, or ErrClosed.
func (c *Changes) Watch(ctx context.Context, tenant webhook.ID, f store.DeliveryFilter) (*ChangeWatcher, error) {
	key, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("write filter: %w", err)
	}
	made, err := newTopic(tenant, string(key), f, c.pace)
	if err != nil {
		return nil, err
	}
	w := &ChangeWatcher{c: c, tenant: tenant, again: true, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	w.wake <- struct{}{}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	a := c.tenants[tenant]
	if a == nil {
		a = newAudience(c, tenant)
		c.tenants[tenant] = a
		c.serving.Go(a.serve)
	}
	w.topic = a.join(made, w)
	c.count.Add(1)
	c.mu.Unlock()
	context.AfterFunc(ctx, w.Close)
	return w, nil
}

// leave removes a watcher, and the tenant's goroutine with the last one.
func (c *Changes) leave(w *ChangeWatcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.Add(-1)
	if a := c.tenants[w.tenant]; a.part(w) {
		delete(c.tenants, w.tenant)
		a.stop()
	}
}

// inbox is the changes of a tenant that are not read yet. The mutex of Changes guards it.
type inbox struct {
	deliveries []*seen // in the order of their first changes, and
	seen       map[webhook.ID]*seen
	webhooks   map[webhook.ID]bool // whose deliveries are to be fetched again
	all        bool                // everything is to be fetched again
}

// seen is all changes of a delivery since it was last read.
type seen struct {
	store.Change // Attempt is the first of them

	newest *webhook.Attempt
}

func (in *inbox) everything() { *in = inbox{all: true} }

func (in *inbox) put(c *store.Change) {
	switch {
	case in.all || c.Webhook == (webhook.ID{}): // only statistics
		return
	case c.Delivery == (webhook.ID{}):
		if in.webhooks == nil {
			in.webhooks = map[webhook.ID]bool{}
		}
		in.webhooks[c.Webhook] = true
	default:
		if in.seen == nil {
			in.seen = map[webhook.ID]*seen{}
		}
		if s := in.seen[c.Delivery]; s != nil {
			s.merge(c)
		} else {
			s = &seen{Change: *c, newest: c.Attempt}
			in.seen[c.Delivery], in.deliveries = s, append(in.deliveries, s)
		}
	}
	if len(in.deliveries) > maxInbox || len(in.webhooks) > maxHooks {
		in.everything()
	}
}

// merge adds a later change. A delivery that is new stays new.
func (s *seen) merge(c *store.Change) {
	if s.Was == 0 || c.Was == 0 {
		s.Was = 0
	} else {
		s.Was |= c.Was
	}
	s.Is |= c.Is
	if a := c.Attempt; a != nil {
		if s.Attempt == nil || a.Number < s.Attempt.Number {
			s.Attempt = a
		}
		if s.newest == nil || a.Number > s.newest.Number {
			s.newest = a
		}
	}
}
