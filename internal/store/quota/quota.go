// Package quota knows each tenant's quotas and usage, so that publishing needs no lookup.
//
// Stored events are counted in memory: a call reserves its events before they are queued, so that concurrent calls cannot exceed
// the quota together. The database is counted at the start, after retention, and every few minutes; a count misses other replicas'
// later events. The server's own events, which are never refused, are included from the next count on.
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

	mu   sync.RWMutex // guards what follows
	of   map[webhook.ID]*Account
	sets uint64 // calls of New and Set
}

// Account is the quotas and usage of one tenant.
type Account struct {
	limits atomic.Pointer[webhook.Quotas]
	rate   bucket
	held   holding      // detail for refusals
	fast   atomic.Int64 // calls that were refused because of PublishRate, and that TakeRefused has not returned
	set    uint64       // the number of the last call of New or Set for this account; guarded by the book's mu

	mu     sync.Mutex // guards what follows
	stored int64      // events stored and reserved
	added  int64      // all additions to stored
	open   int64      // events of calls that are not settled: the database may have them or not
	known  bool       // whether stored is right: the tenant was new, or a count corrected it
}

// holding is what prevents retention from removing a tenant's events, looked up when a call is refused.
type holding struct {
	mu   sync.Mutex // held during the lookup
	at   time.Time  // time of the lookup; zero: never
	said atomic.Pointer[string]
}

// heldInterval is how long a lookup of holding is reused.
const heldInterval = time.Minute

// NewBook returns a book in which no tenant has its own quotas. held returns, as text for refused callers, what prevents retention
// from removing a tenant's events; it is called rarely.
func NewBook(defaults webhook.Quotas, held func(tenant webhook.ID) string, log *slog.Logger) *Book {
	return &Book{defaults: defaults, held: held, log: log, of: map[webhook.ID]*Account{}}
}

// Of returns the tenant's account.
func (q *Book) Of(tenant webhook.ID) *Account {
	q.mu.RLock()
	a := q.of[tenant]
	q.mu.RUnlock()
	if a != nil {
		return a
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.account(tenant)
}

// account returns the tenant's account, a new one with the default quotas if there was none. The caller must hold mu.
func (q *Book) account(tenant webhook.ID) *Account {
	a := q.of[tenant]
	if a == nil {
		a = &Account{}
		a.limit(q.defaults)
		q.of[tenant] = a
	}
	return a
}

// New opens the account of a tenant that was just created, and so has stored no events.
func (q *Book) New(tenant webhook.ID, l webhook.Quotas) {
	a := q.Set(tenant, l)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = true
}

// Set sets the tenant's quotas.
func (q *Book) Set(tenant webhook.ID, l webhook.Quotas) *Account {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.account(tenant)
	q.sets++
	a.set = q.sets
	a.limit(l)
	return a
}

// limit sets the quotas.
func (a *Account) limit(l webhook.Quotas) {
	if old := a.limits.Swap(&l); old != nil && *old == l {
		return
	}
	a.rate.set(float64(l.PublishRate), float64(l.Burst()), time.Now())
}

// Limits returns the tenant's quotas.
func (a *Account) Limits() webhook.Quotas { return *a.limits.Load() }

// Stored returns the counted number of the tenant's stored events.
func (a *Account) Stored() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stored
}

// Counted is Stored, and whether the number is known: the tenant is new, or its events were counted.
func (a *Account) Counted() (int64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stored, a.known
}

// TakeRefused returns how many calls were refused because they published too fast, since it was last called.
func (a *Account) TakeRefused() int { return int(a.fast.Swap(0)) }

// Left returns how many events the tenant may publish now.
func (a *Account) Left() float64 {
	a.rate.mu.Lock()
	defer a.rate.mu.Unlock()
	return a.rate.left
}

// Recount corrects the number of the tenant's stored events by count's result. Events of calls under way are in the result or not;
// once counted, the number stays as it is if it can be right, and is otherwise the largest that can be, so that the quota is kept.
func (a *Account) Recount(count func() (int, error)) error {
	a.mu.Lock()
	before := a.added - a.open
	a.mu.Unlock()
	n, err := count()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if least, most := int64(n), int64(n)+a.added-before; !a.known || a.stored < least || a.stored > most {
		a.stored, a.known = most, true
	}
	return nil
}

// Admit takes n events from the tenant's quotas, or returns an *Invalid with code QUOTA, or a *TooFast if waiting helps. The caller
// must call GiveBack for events that were not published, Forget for published ones that are not stored, and then Settle.
func (q *Book) Admit(tenant webhook.ID, n int) (*Account, error) {
	a := q.Of(tenant)
	l := a.limits.Load()
	if !a.reserve(n, l.Events) {
		q.Refused(tenant, "events", l.Events)
		return nil, &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d stored events; wait until retention removes some%s", l.Events, q.keeps(tenant, a))}
	}
	if l.PublishRate > 0 {
		if wait := a.rate.take(n, time.Now()); wait > 0 {
			a.Forget(n)
			a.Settle(n)
			a.fast.Add(1)
			q.Refused(tenant, "events a second", l.PublishRate)
			return nil, &webhook.TooFast{RetryAfter: wait, Invalid: &webhook.Invalid{
				Code:    webhook.CodeQuota,
				Message: fmt.Sprintf("the tenant may publish %d events per second; try again in %d ms", l.PublishRate, (wait+time.Millisecond-1)/time.Millisecond),
			}}
		}
	}
	return a, nil
}

// reserve adds n events to the stored ones unless they would be more than limit; 0 is no limit. Refused events are never counted,
// not even briefly: other calls would be refused because of them.
func (a *Account) reserve(n, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if limit > 0 && a.stored+int64(n) > int64(limit) {
		return false
	}
	a.stored += int64(n)
	a.added += int64(n)
	a.open += int64(n)
	return true
}

// Settle tells that a call that was admitted with n events has ended: what it stored is in the database.
func (a *Account) Settle(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open -= int64(n)
}

// Refused logs the refusal. The program's logger limits how often.
func (q *Book) Refused(tenant webhook.ID, of string, limit int) {
	q.log.Warn("call refused: the tenant has reached a quota", slog.Any("tenant", tenant), slog.String("quota", of), slog.Int("limit", limit))
}

// keeps tells a refused caller how many events wait for disabled webhooks, from the last heldInterval. Callers do not wait for each
// other.
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

// Forget returns n events to the quota of stored events; they still count as published.
func (a *Account) Forget(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stored -= int64(n)
	a.added -= int64(n)
}

// GiveBack returns n events that were admitted and not published.
func (a *Account) GiveBack(n int) {
	a.Forget(n)
	a.rate.giveBack(n)
}

// Limited returns the accounts of tenants whose stored events are limited.
func (q *Book) Limited() map[webhook.ID]*Account {
	return q.those(func(l *webhook.Quotas) bool { return l.Events > 0 })
}

// Paced returns the accounts of tenants whose rate of publishing is limited.
func (q *Book) Paced() map[webhook.ID]*Account {
	return q.those(func(l *webhook.Quotas) bool { return l.PublishRate > 0 })
}

func (q *Book) those(is func(l *webhook.Quotas) bool) map[webhook.ID]*Account {
	q.mu.RLock()
	defer q.mu.RUnlock()
	found := map[webhook.ID]*Account{}
	for id, a := range q.of {
		if is(a.limits.Load()) {
			found[id] = a
		}
	}
	return found
}

// Load sets the quotas of all tenants to those that read returns, and closes other accounts, except what New and Set did since read was
// called.
func (q *Book) Load(read func() (map[webhook.ID]webhook.Quotas, error)) error {
	q.mu.RLock()
	since := q.sets
	q.mu.RUnlock()
	all, err := read()
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, l := range all {
		if a := q.account(id); a.set <= since {
			a.limit(l)
		}
	}
	for id, a := range q.of {
		if _, there := all[id]; !there && a.set <= since {
			delete(q.of, id)
		}
	}
	return nil
}
