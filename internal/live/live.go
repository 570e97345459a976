// Package live hands recorded attempts to watchers: the tail of the attempt log.
//
// A watcher is a cursor over the log. Near the end it reads a tail in memory that all watchers share; further back it
// reads the log itself, in pages. So a slow watcher is never dropped, skips nothing, and does not slow the sender or the
// other watchers. A watcher sees the attempts of its tenant that match its filter; the caller decides who may watch.
package live

import (
	"context"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	maxPending = 64       // attempts offered to a watcher one by one; beyond that it reads the tail
	maxPage    = 200      // attempts that one Next returns
	pageBytes  = 64 << 10 // target size of a page: a watcher whose client does not read holds one
	scanChunk  = 256      // entries of the tail that are copied under one lock
	maxReads   = 4        // pages that are read from the log at once, by all watchers together
	entryBytes = 512      // size of an attempt besides its text and bodies
)

// Log is the attempt log as watchers see it. It is safe for concurrent use.
type Log struct {
	src   Source
	max   int           // of bytes
	reads chan struct{} // semaphore of maxReads

	mu sync.Mutex // guards what follows, and the fields of watchers that say so
	// entries are the tail: all committed attempts with floor < Seq <= end. The one at entries[i] has the position
	// base+i; positions count all appended attempts.
	entries    []*webhook.Attempt
	base       uint64
	bytes      int
	started    bool // something was appended: floor and end are known
	floor, end int64
	byWebhook  map[webhook.ID][]*Watcher // with a filter on webhooks: under each of them
	byTenant   map[webhook.ID][]*Watcher // without
}

// New returns a log whose shared tail holds at most tailBytes of attempts, which may be few if answers are long. A watcher
// that is further behind reads the database, so a small tail only costs speed.
func New(src Source, tailBytes int) *Log {
	return &Log{
		src:       src,
		max:       tailBytes,
		reads:     make(chan struct{}, maxReads),
		byWebhook: map[webhook.ID][]*Watcher{},
		byTenant:  map[webhook.ID][]*Watcher{},
	}
}

// Append takes attempts after their commit, with ascending Seq within and across calls, and must get every committed one
// (store.Start). It returns at once, whatever watchers do. It keeps the attempts, which must not be changed afterwards.
// Calls must not be concurrent.
func (l *Log) Append(attempts []*webhook.Attempt) {
	if len(attempts) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		l.started = true
		l.floor = attempts[0].Seq - 1
	}
	for _, a := range attempts {
		position := l.base + uint64(len(l.entries))
		l.entries = append(l.entries, a)
		l.bytes += size(a)
		l.end = a.Seq
		if len(l.byWebhook) > 0 {
			for _, w := range l.byWebhook[a.WebhookID] {
				w.offer(a, position)
			}
		}
		if len(l.byTenant) > 0 {
			for _, tenant := range []webhook.ID{a.TenantID, store.AllTenants} {
				for _, w := range l.byTenant[tenant] {
					w.offer(a, position)
				}
			}
		}
	}
	l.evict()
}

// Watch starts a watcher of the tenant's attempts, or with store.AllTenants those of all tenants, that match f, beginning at from. f's slices
// must not be changed any more. The watcher is closed when ctx ends. Errors: webhook.ErrCursor for text that is not a cursor of the tenant's
// stream; *webhook.CursorExpired if retention has removed attempts after the cursor; *webhook.CursorLost if the database was restored from a
// backup older than the cursor; or an error of reading the log.
func (l *Log) Watch(ctx context.Context, tenant webhook.ID, f store.AttemptFilter, from From) (*Watcher, error) {
	w := &Watcher{
		log: l, tenant: tenant, filter: f,
		wake: make(chan struct{}, 1), closed: make(chan struct{}), limit: 2, // grows to what pageBytes hold
	}
	if from.now() {
		l.register(ctx, w)
		return w, nil
	}
	seq, lost, err := l.place(ctx, tenant, from)
	if err != nil {
		return nil, err
	}
	w.pos, w.behind, w.since = seq, true, time.Now()
	// Register first, then read the bounds: what is committed later is appended later, so that nothing is between.
	l.register(ctx, w)
	oldest, newest, err := l.src.AttemptBounds(ctx, tenant)
	if from.Cursor == "" {
		w.pos = max(w.pos, oldest-1) // attempts that retention had removed before were not requested
	} else if err == nil {
		err = check(seq, oldest, newest, lost)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Stats describes the watchers of a log.
type Stats struct {
	Watchers int
	Behind   int // of them, those that read the log in pages, because they resume or are slow
	// Lag is for how long the watcher that is the furthest behind has been so.
	Lag time.Duration
}

// Stats looks at each watcher.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	var is Stats
	now := time.Now()
	seen := map[*Watcher]bool{} // those with several webhooks are in several lists
	for _, index := range []map[webhook.ID][]*Watcher{l.byWebhook, l.byTenant} {
		for _, list := range index {
			for _, w := range list {
				if seen[w] {
					continue
				}
				seen[w] = true
				is.Watchers++
				if w.behind {
					is.Behind++
				}
				is.Lag = max(is.Lag, l.lag(w, now))
			}
		}
	}
	return is
}

// lag returns for how long the watcher has not read what it should have. The caller must hold mu.
func (l *Log) lag(w *Watcher, now time.Time) time.Duration {
	switch {
	case w.behind:
		return now.Sub(w.since)
	case len(w.pending) == 0 || len(l.entries) == 0:
		return 0
	}
	a := l.entries[0] // at least as old as what waits for it, if that is no longer here
	if at := w.pending[0]; at > l.base {
		a = l.entries[min(at-l.base, uint64(len(l.entries)-1))] //nolint:gosec // there are some
	}
	return now.Sub(a.StartedAt.Add(time.Duration(a.DurationUs) * time.Microsecond))
}
