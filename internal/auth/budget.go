package auth

import (
	"container/heap"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// budgets gives each key a budget that fills up at a steady rate. It remembers at most max keys. A further key replaces the one
// with the fullest budget and inherits what that has left. So no crowd of keys spends more than max budgets hold, and a key that
// has spent much is not forgotten.
type budgets[K comparable] struct {
	rate  rate.Limit
	burst int
	max   int

	mu     sync.Mutex // guards what is below
	of     map[K]*budget[K]
	byFull fullest[K]
}

// budget is represented by the time at which it is full: the later that is, the less it holds.
type budget[K comparable] struct {
	key    K
	fullAt time.Time
	place  int // in byFull
}

func newBudgets[K comparable](r rate.Limit, burst, limit int) *budgets[K] {
	return &budgets[K]{rate: r, burst: burst, max: limit, of: map[K]*budget[K]{}}
}

// wait returns the time until the key's budget has something left; 0 if it has.
func (b *budgets[K]) wait(k K) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[k]
	if l == nil {
		return 0
	}
	return b.until(l, 1, time.Now())
}

// longest keeps sums of durations from overflowing.
const longest = 100 * 365 * 24 * time.Hour

// filling returns how long a budget takes to fill up by n.
func (b *budgets[K]) filling(n int) time.Duration {
	return time.Duration(min(float64(n)/float64(b.rate)*float64(time.Second), float64(longest)))
}

// until returns the time until a budget holds n.
func (b *budgets[K]) until(l *budget[K], n int, now time.Time) time.Duration {
	wait := l.fullAt.Sub(now) - b.filling(b.burst-n)
	if wait <= 0 {
		return 0
	}
	return max(wait, time.Millisecond)
}

// spend takes n from the key's budget and returns 0, or takes nothing and returns the time until it holds n. A full budget pays
// for any n, so that nothing is refused forever.
func (b *budgets[K]) spend(k K, n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	l := b.budget(k, now)
	n = min(n, b.burst)
	if wait := b.until(l, n, now); wait > 0 {
		return wait
	}
	if l.fullAt.Before(now) {
		l.fullAt = now
	}
	l.fullAt = l.fullAt.Add(b.filling(n))
	heap.Fix(&b.byFull, l.place)
	return 0
}

// short returns how long spending n from the key's budget would have to wait; it takes nothing.
func (b *budgets[K]) short(k K, n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	return b.until(b.budget(k, now), min(n, b.burst), now)
}

// budget returns the key's budget. The caller must hold b.mu.
func (b *budgets[K]) budget(k K, now time.Time) *budget[K] {
	if l := b.of[k]; l != nil {
		return l
	}
	l := &budget[K]{key: k, fullAt: now}
	if len(b.of) >= b.max {
		l = b.byFull[0] // it stays the fullest
		delete(b.of, l.key)
		l.key = k
	} else {
		heap.Push(&b.byFull, l)
	}
	b.of[k] = l
	return l
}

// fullest is a heap of budgets, ordered by the time at which they are full.
type fullest[K comparable] []*budget[K]

func (f fullest[K]) Len() int           { return len(f) }
func (f fullest[K]) Less(i, j int) bool { return f[i].fullAt.Before(f[j].fullAt) }

func (f fullest[K]) Swap(i, j int) {
	f[i], f[j] = f[j], f[i]
	f[i].place, f[j].place = i, j
}

func (f *fullest[K]) Push(l any) {
	l.(*budget[K]).place = len(*f)
	*f = append(*f, l.(*budget[K]))
}

func (f *fullest[K]) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// RateLimit limits what callers may spend per second: the cost of GraphQL operations and REST calls. All tokens of a tenant share
// its budget, so that more tokens gain nothing; one token may spend half of it, so that a runaway client leaves something for the
// others. An operator token has a budget of its own, whichever tenant its calls are about. So have all portal sessions of a tenant, half as large
// as the tenant's, of which one session may spend half: customers in the portal take nothing from their tenant's programs.
type RateLimit struct {
	mu        sync.Mutex // held while both budgets of a call are checked and charged
	tenants   *budgets[webhook.ID]
	tokens    *budgets[webhook.ID]
	operators *budgets[webhook.ID]
	portals   *budgets[webhook.ID] // of tenants
	sessions  *budgets[webhook.ID]
}

// rateLimitsMax bounds the tenants, and the tokens, whose spending is remembered.
const rateLimitsMax = 10_000

// NewRateLimit allows perSecond for each tenant and each operator token, and burst at once; 0 means twice perSecond. A cost above
// burst counts as burst. If perSecond is 0, it returns nil, which allows everything.
func NewRateLimit(perSecond, burst int) *RateLimit {
	if perSecond == 0 {
		return nil
	}
	if burst == 0 {
		burst = 2 * perSecond
	}
	part := func(n int) *budgets[webhook.ID] {
		return newBudgets[webhook.ID](rate.Limit(perSecond)/rate.Limit(n), max(burst/n, 1), rateLimitsMax)
	}
	return &RateLimit{tenants: part(1), operators: part(1), tokens: part(2), portals: part(2), sessions: part(4)}
}

// Charge takes a cost from the caller's budgets. If there is not enough left, it takes nothing, and returns how long the caller
// must wait.
func (r *RateLimit) Charge(c *Caller, cost int) time.Duration {
	if r == nil || c == nil {
		return 0
	}
	if c.Token.TenantID == nil {
		return r.operators.spend(c.Token.ID, cost)
	}
	all, one := r.tenants, r.tokens
	if c.Token.Portal {
		all, one = r.portals, r.sessions
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait := max(all.short(*c.Token.TenantID, cost), one.short(c.Token.ID, cost)); wait > 0 {
		return wait
	}
	return max(all.spend(*c.Token.TenantID, cost), one.spend(c.Token.ID, cost))
}
