package auth

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// budgets gives each key a budget that fills up at a steady rate. It remembers at most max keys.
type budgets[K comparable] struct {
	rate  rate.Limit
	burst int
	max   int

	mu sync.Mutex // guards of
	of map[K]*rate.Limiter
}

func newBudgets[K comparable](r rate.Limit, burst, limit int) *budgets[K] {
	return &budgets[K]{rate: r, burst: burst, max: limit, of: map[K]*rate.Limiter{}}
}

// wait is how long until the key's budget has something left; 0 when it has.
func (b *budgets[K]) wait(k K) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[k]
	if l == nil {
		return 0
	}
	return b.until(l, 1)
}

// until is how long until a budget holds n.
func (b *budgets[K]) until(l *rate.Limiter, n float64) time.Duration {
	left := l.Tokens()
	if left >= n {
		return 0
	}
	return max(time.Duration((n-left)/float64(b.rate)*float64(time.Second)), time.Millisecond)
}

// spend takes n from the key's budget and returns 0, or takes nothing and returns how long it takes to fill up to n. A full
// budget pays for anything, so that nothing is out of reach forever.
func (b *budgets[K]) spend(k K, n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.budget(k)
	n = min(n, b.burst)
	if l.AllowN(time.Now(), n) {
		return 0
	}
	return b.until(l, float64(n))
}

// short is how long spending n from the key's budget would have to wait; it takes nothing.
func (b *budgets[K]) short(k K, n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until(b.budget(k), float64(min(n, b.burst)))
}

// budget is the key's. mu must be held.
func (b *budgets[K]) budget(k K) *rate.Limiter {
	l := b.of[k]
	if l == nil {
		if len(b.of) >= b.max {
			b.forget()
		}
		l = rate.NewLimiter(b.rate, b.burst)
		b.of[k] = l
	}
	return l
}

// forget makes room: full budgets go, which are as good as new, and when there is none, all.
func (b *budgets[K]) forget() {
	for k, l := range b.of {
		if l.Tokens() >= float64(b.burst) {
			delete(b.of, k)
		}
	}
	if len(b.of) >= b.max {
		clear(b.of)
	}
}

// Ration limits what callers may spend in a second: the cost of GraphQL operations and of REST calls. All tokens of a tenant
// share its budget, so that making more of them gives nothing, and one of them may spend half of it, so that one that runs wild
// leaves the others theirs. An operator's token has a budget of its own, whichever tenant its calls are about.
type Ration struct {
	mu        sync.Mutex // held while both budgets of a call are asked and taken from
	tenants   *budgets[webhook.ID]
	tokens    *budgets[webhook.ID]
	operators *budgets[webhook.ID]
}

// rationsMax bounds the tenants, and the tokens, whose spending is remembered.
const rationsMax = 10_000

// NewRation allows perSecond for each tenant and each operator's token, and burst at once, twice as much when that is 0. Nil,
// which allows everything, when perSecond is 0.
func NewRation(perSecond, burst int) *Ration {
	if perSecond == 0 {
		return nil
	}
	if burst == 0 {
		burst = 2 * perSecond
	}
	whole := func() *budgets[webhook.ID] { return newBudgets[webhook.ID](rate.Limit(perSecond), burst, rationsMax) }
	return &Ration{
		tenants: whole(), operators: whole(),
		tokens: newBudgets[webhook.ID](rate.Limit(perSecond)/2, max(burst/2, 1), rationsMax),
	}
}

// Charge takes a cost from what the caller may spend. When there is not enough left it takes nothing, and returns how long
// the caller has to wait.
func (r *Ration) Charge(c *Caller, cost int) time.Duration {
	if r == nil || c == nil {
		return 0
	}
	if c.Token.TenantID == nil {
		return r.operators.spend(c.Token.ID, cost)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait := max(r.tenants.short(*c.Token.TenantID, cost), r.tokens.short(c.Token.ID, cost)); wait > 0 {
		return wait
	}
	return max(r.tenants.spend(*c.Token.TenantID, cost), r.tokens.spend(c.Token.ID, cost))
}
