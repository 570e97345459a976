// Package intake bounds what callers hold of the server at a time: the bytes of incoming bodies, streams, running operations,
// connections. Each is bounded in total, for one tenant and for one token, so that no tenant can use up what the others need. It
// knows nothing about what it counts.
package intake

import "sync"

// Holder is the tenant and token that something counts for. A zero field means none: an operator token has no tenant whose share
// it could use up, and what has no token is bounded only in total.
type Holder struct {
	Tenant, Token [16]byte
	// Apart means a share of the tenant beside its own, as large.
	Apart bool
}

// Full is a refusal: nothing was taken. The same call may succeed once something has been released.
type Full struct {
	// Of names the limit that was reached: "tenant" or "token" if the holder itself has its whole share, "" if it is the
	// server's limit.
	Of string
}

// Error implements error; callers may be shown it.
func (e *Full) Error() string {
	if e.Of == "" {
		return "the server has too much to do at once"
	}
	return "this " + e.Of + " has too much under way at once"
}

// Limits bounds a Pool. A share less than 1 means the total.
type Limits struct {
	Total, Tenant, Token int64
}

// Pool is an amount of something that callers take and release. It is safe for concurrent use.
type Pool struct {
	limits Limits
	onFull func(Holder, *Full) // may be nil

	mu      sync.Mutex // guards the fields below
	used    int64
	tenants map[share]int64 // what each holds; without entries of 0
	tokens  map[share]int64
}

// share is what Limits.Tenant or Limits.Token bounds.
type share struct {
	of    [16]byte
	apart bool
}

// NewPool returns a Pool of which nothing is taken.
func NewPool(l Limits) *Pool {
	if l.Tenant < 1 {
		l.Tenant = l.Total
	}
	if l.Token < 1 {
		l.Token = l.Tenant
	}
	return &Pool{limits: l, tenants: map[share]int64{}, tokens: map[share]int64{}}
}

// OnFull sets a function that is called for each refusal. It must be called before p is used; f must not block.
func (p *Pool) OnFull(f func(Holder, *Full)) { p.onFull = f }

// Take takes n, or returns a *Full and takes nothing. The same holder must Give back what it took.
func (p *Pool) Take(h Holder, n int64) error {
	full := p.take(h, n)
	if full == nil {
		return nil
	}
	if p.onFull != nil {
		p.onFull(h, full)
	}
	return full
}

func (p *Pool) take(h Holder, n int64) *Full {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case h.Token != [16]byte{} && p.tokens[share{h.Token, h.Apart}]+n > p.limits.Token:
		return &Full{Of: "token"}
	case h.Tenant != [16]byte{} && p.tenants[share{h.Tenant, h.Apart}]+n > p.limits.Tenant:
		return &Full{Of: "tenant"}
	case p.used+n > p.limits.Total:
		return &Full{}
	}
	p.add(h, n)
	return nil
}

// Give returns n to the pool.
func (p *Pool) Give(h Holder, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(h, -n)
}

// add adds n to what h holds. The caller must hold p.mu.
func (p *Pool) add(h Holder, n int64) {
	p.used += n
	count(p.tenants, share{h.Tenant, h.Apart}, n)
	count(p.tokens, share{h.Token, h.Apart}, n)
}

func count(held map[share]int64, key share, n int64) {
	if key.of == [16]byte{} {
		return
	}
	if held[key] += n; held[key] == 0 {
		delete(held, key)
	}
}

// Used returns how much is taken.
func (p *Pool) Used() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}
