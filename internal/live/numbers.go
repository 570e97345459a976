package live

import (
	"context"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Numbers hands out editions of values that are computed from statistics: a new one when statistics change and when a minute begins,
// because ranges slide, but at most one per Pace.Numbers. All watchers of a subject get the same edition, so it is read once; a slow
// watcher gets the newest one when it asks. There is no goroutine: a waiting watcher makes the edition that is due.
type Numbers[V any] struct {
	c *Changes

	mu       sync.Mutex // guards what follows, and subjects; taken after the mutex of Changes
	subjects map[string]*subject[V]
	byTenant map[webhook.ID]map[*subject[V]]bool // those of all tenants under the zero id
	rest     map[webhook.ID]time.Time            // until when no edition is made for the tenant
}

// Subject says what a watcher of numbers wants.
type Subject[V any] struct {
	Tenant  webhook.ID   // who asks
	Tenants []webhook.ID // whose statistics it is of; nil: of all tenants
	Key     string       // names the subject among those of the tenant
	// Make returns an edition, which is read later. It must not call the Numbers; spent takes how long reading took.
	Make func(now time.Time, spent func(time.Duration)) V
}

// subject is a Subject with watchers.
type subject[V any] struct {
	Subject[V]

	watchers int
	edition  V
	number   int           // of editions so far
	made     time.Time     // the edition
	stale    bool          // statistics have changed since
	news     chan struct{} // closed when it becomes stale, or there is a new edition
}

// NewNumbers returns a Numbers that c tells of changes.
func NewNumbers[V any](c *Changes) *Numbers[V] {
	n := &Numbers[V]{c: c, subjects: map[string]*subject[V]{}, byTenant: map[webhook.ID]map[*subject[V]]bool{}, rest: map[webhook.ID]time.Time{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers = append(c.numbers, n.changed)
	return n
}

// changed notes that statistics of the tenant have changed; the zero id means any tenant.
func (n *Numbers[V]) changed(tenant webhook.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if tenant == (webhook.ID{}) {
		for _, s := range n.subjects {
			s.changed()
		}
		return
	}
	for _, of := range []webhook.ID{tenant, {}} {
		for s := range n.byTenant[of] {
			s.changed()
		}
	}
}

func (s *subject[V]) changed() {
	if !s.stale {
		s.stale = true
		s.tell()
	}
}

func (s *subject[V]) tell() {
	close(s.news)
	s.news = make(chan struct{})
}

// NumbersWatcher gets the editions of a subject. Next must not be called concurrently.
type NumbersWatcher[V any] struct {
	n    *Numbers[V]
	s    *subject[V]
	seen int // the number of the last edition it got
}

// Watch starts a watcher, which ends with ctx.
func (n *Numbers[V]) Watch(ctx context.Context, of Subject[V]) *NumbersWatcher[V] {
	key := of.Tenant.String() + of.Key
	n.mu.Lock()
	s := n.subjects[key]
	if s == nil {
		s = &subject[V]{Subject: of, stale: true, news: make(chan struct{})}
		n.subjects[key] = s
		for _, id := range s.tenants() {
			if n.byTenant[id] == nil {
				n.byTenant[id] = map[*subject[V]]bool{}
			}
			n.byTenant[id][s] = true
		}
	}
	s.watchers++
	n.mu.Unlock()
	n.c.count.Add(1)
	context.AfterFunc(ctx, func() { n.leave(key, s) })
	return &NumbersWatcher[V]{n: n, s: s}
}

// leave removes a watcher, and the subject with the last one.
func (n *Numbers[V]) leave(key string, s *subject[V]) {
	n.c.count.Add(-1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.watchers--; s.watchers > 0 {
		return
	}
	delete(n.subjects, key)
	for _, id := range s.tenants() {
		if delete(n.byTenant[id], s); len(n.byTenant[id]) == 0 {
			delete(n.byTenant, id)
		}
	}
}

// tenants returns the ids under which the subject is found when statistics change.
func (s *subject[V]) tenants() []webhook.ID {
	if s.Tenants == nil {
		return []webhook.ID{{}}
	}
	return s.Tenants
}

// Next waits for an edition that is newer than the last one. The error is ctx's.
func (w *NumbersWatcher[V]) Next(ctx context.Context) (V, error) {
	for {
		edition, wait, news := w.look(time.Now())
		if wait == 0 {
			return edition, ctx.Err()
		}
		timer := time.NewTimer(wait)
		select {
		case <-news:
			timer.Stop()
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return edition, ctx.Err()
		}
	}
}

// look returns an edition, which it makes if one is due; otherwise how long to wait before looking again, and a channel that says to do so
// earlier.
func (w *NumbersWatcher[V]) look(now time.Time) (edition V, wait time.Duration, news <-chan struct{}) {
	n, s := w.n, w.s
	n.mu.Lock()
	defer n.mu.Unlock()
	minute := s.made.Truncate(time.Minute).Add(time.Minute)
	due := s.made.Add(n.c.pace.Numbers)
	if rest := n.rest[s.Tenant]; rest.After(due) {
		due = rest
	}
	switch old := s.stale || !now.Before(minute); {
	case s.number == 0 || old && !now.Before(due):
		s.stale = false
		s.number++
		s.made = now
		s.edition = s.Make(now, func(took time.Duration) { n.spent(s.Tenant, took) })
		s.tell()
	case w.seen == s.number && old:
		return edition, max(1, due.Sub(now)), s.news
	case w.seen == s.number:
		return edition, max(1, minute.Sub(now)), s.news
	}
	w.seen = s.number
	return s.edition, 0, nil
}

// spent notes how long reading for the tenant took; nothing new is read for a multiple of that (Pace.Rest).
func (n *Numbers[V]) spent(tenant webhook.ID, took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	from := n.rest[tenant]
	if from.Before(now) {
		from = now
	}
	if len(n.rest) > maxRests {
		clear(n.rest)
	}
	n.rest[tenant] = from.Add(time.Duration(n.c.pace.Rest) * took)
}

// maxRests bounds the tenants that are remembered to rest.
const maxRests = 10_000
