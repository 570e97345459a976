// Package quota knows what each tenant may have and do, and how much of it it has and does, so that publishing needs no look-up.
//
// Stored events are counted in memory: a call reserves its events before they are queued, so that calls at the same time
// cannot go over the quota together. The database is counted at the start, after retention, and every few minutes; a count
// misses what is queued while it begins, and other replicas' events since theirs. The server's own events, which are never
// refused, count from the next count on.
package quota

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Book has an account of each tenant. Its methods may be called from any goroutine.
type Book struct {
	defaults webhook.Quotas
	held     func(tenant webhook.ID) string
	log      *slog.Logger

	mu sync.RWMutex // guards of
	of map[webhook.ID]*Account
}

// Account is one tenant's.
type Account struct {
	limits atomic.Pointer[webhook.Quotas]
	rate   bucket
	stored atomic.Int64
	added  atomic.Int64 // to stored, ever
	held   holding      // what a refusal says of it
}

// holding is what keeps retention from removing a tenant's events, looked up when somebody is refused.
type holding struct {
	mu   sync.Mutex // held while it is looked up
	at   time.Time  // when it was; zero: never
	said atomic.Pointer[string]
}

// heldInterval is how long it holds what keeps a tenant's events.
const heldInterval = time.Minute

// NewBook is a book of tenants without quotas of their own. held looks up what keeps retention from removing a tenant's events, in words
// for whoever is refused; it is asked once in a while.
func NewBook(defaults webhook.Quotas, held func(tenant webhook.ID) string, log *slog.Logger) *Book {
	return &Book{defaults: defaults, held: held, log: log, of: map[webhook.ID]*Account{}}
}

// Of is the tenant's account.
func (q *Book) Of(tenant webhook.ID) *Account {
	q.mu.RLock()
	a := q.of[tenant]
	q.mu.RUnlock()
	if a != nil {
		return a
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.of[tenant]; a != nil {
		return a
	}
	a = &Account{}
	a.Set(q.defaults)
	q.of[tenant] = a
	return a
}

// Set sets what the tenant may have and do.
func (a *Account) Set(l webhook.Quotas) {
	if old := a.limits.Swap(&l); old != nil && *old == l {
		return
	}
	a.rate.set(float64(l.PublishRate), float64(l.Burst()), time.Now())
}

// Limits are what the tenant may have and do.
func (a *Account) Limits() webhook.Quotas { return *a.limits.Load() }

// Stored is how many events the tenant is counted to have.
func (a *Account) Stored() int64 { return a.stored.Load() }

// Left is how many events the tenant may publish at once.
func (a *Account) Left() float64 {
	a.rate.mu.Lock()
	defer a.rate.mu.Unlock()
	return a.rate.left
}

// Recount sets how many events the tenant has to what count counts; what is admitted meanwhile counts too.
func (a *Account) Recount(count func() (int, error)) error {
	before := a.added.Load()
	n, err := count()
	if err == nil {
		a.stored.Store(int64(n) + a.added.Load() - before)
	}
	return err
}

// Admit takes n events from what the tenant may publish and store, or returns an *Invalid of code QUOTA, a *TooFast when
// waiting helps. The caller gives back what was not published, and forgets what was but takes no room.
func (q *Book) Admit(tenant webhook.ID, n int) (*Account, error) {
	a := q.Of(tenant)
	l := a.limits.Load()
	for {
		stored := a.stored.Load()
		if l.Events > 0 && stored+int64(n) > int64(l.Events) {
			q.Refused(tenant, "events", l.Events)
			return nil, &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d stored events; wait until retention removes some%s", l.Events, q.keeps(tenant, a))}
		}
		// What is refused is never counted, not even for a moment: it would have others refused.
		if a.stored.CompareAndSwap(stored, stored+int64(n)) {
			break
		}
	}
	a.added.Add(int64(n))
	if l.PublishRate > 0 {
		if wait := a.rate.take(n, time.Now()); wait > 0 {
			a.Forget(n)
			q.Refused(tenant, "events a second", l.PublishRate)
			return nil, &webhook.TooFast{RetryAfter: wait, Invalid: &webhook.Invalid{
				Code:    webhook.CodeQuota,
				Message: fmt.Sprintf("the tenant may publish %d events per second; try again in %d ms", l.PublishRate, (wait+time.Millisecond-1)/time.Millisecond),
			}}
		}
	}
	return a, nil
}

// Refused tells the operator. The program's logger bounds how often.
func (q *Book) Refused(tenant webhook.ID, of string, limit int) {
	q.log.Warn("call refused: the tenant has reached a quota", slog.Any("tenant", tenant), slog.String("quota", of), slog.Int("limit", limit))
}

// keeps tells a caller who is refused how many events wait for webhooks that are disabled, as it was within heldInterval. Callers
// do not wait for one another.
func (q *Book) keeps(tenant webhook.ID, a *Account) string {
	if a.held.mu.TryLock() {
		defer a.held.mu.Unlock()
		if now := time.Now(); a.held.at.IsZero() || now.Sub(a.held.at) >= heldInterval {
			a.held.at = now
			said := q.held(tenant)
			a.held.said.Store(&said)
		}
	}
	if said := a.held.said.Load(); said != nil {
		return *said
	}
	return ""
}

// Forget gives back n events' room; that they were published still counts.
func (a *Account) Forget(n int) {
	a.stored.Add(int64(-n))
	a.added.Add(int64(-n))
}

// GiveBack is for n events that were admitted and not published.
func (a *Account) GiveBack(n int) {
	a.Forget(n)
	a.rate.giveBack(n)
}

// Limited are the accounts of tenants whose stored events are limited.
func (q *Book) Limited() map[webhook.ID]*Account {
	q.mu.RLock()
	defer q.mu.RUnlock()
	limited := map[webhook.ID]*Account{}
	for id, a := range q.of {
		if a.limits.Load().Events > 0 {
			limited[id] = a
		}
	}
	return limited
}

// Load sets what these tenants may have and do, and forgets all others.
func (q *Book) Load(all map[webhook.ID]webhook.Quotas) {
	for id, may := range all {
		q.Of(id).Set(may)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.of {
		if _, there := all[id]; !there {
			delete(q.of, id)
		}
	}
}
