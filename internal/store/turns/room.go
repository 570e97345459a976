package turns

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Room is memory that tenants share. A tenant may hold as much as it leaves free, so that there is always room for others, and one
// that holds nothing comes first: a small call never waits for another tenant's large ones (I12, I16).
type Room struct {
	mu      sync.Mutex // guards what follows
	total   int64
	free    int64
	tenants map[webhook.ID]*tenantRoom // that hold memory, or wait
	ring    []*tenantRoom              // waiting tenants, in the order of their turns
}

// tenantRoom is a tenant's part of a Room.
type tenantRoom struct {
	tenant  webhook.ID
	held    int64
	waiting []*roomWaiter // longest waiting first
}

type roomWaiter struct {
	bytes   int64
	granted chan struct{} // closed when it has the memory
}

var errNoRoom = errors.New("too many calls of this tenant are waiting")

// NewRoom returns a Room of the given size in bytes.
func NewRoom(total int64) *Room {
	return &Room{total: total, free: total, tenants: map[webhook.ID]*tenantRoom{}}
}

// Take waits for n bytes for the tenant, and returns a function that returns them, to be called once. More than a quarter of the
// room counts as a quarter.
func (r *Room) Take(ctx context.Context, tenant webhook.ID, n int64) (giveBack func(), err error) {
	n = min(n, r.total/4)
	r.mu.Lock()
	t := r.tenants[tenant]
	if t == nil {
		t = &tenantRoom{tenant: tenant}
		r.tenants[tenant] = t
	}
	giveBack = func() { r.giveBack(t, n) }
	if len(t.waiting) == 0 && (t.held == 0 || len(r.ring) == 0) && r.fits(t, n) {
		r.grant(t, n)
		r.mu.Unlock()
		return giveBack, nil
	}
	if len(t.waiting) >= maxWaiting {
		r.mu.Unlock()
		return nil, errNoRoom
	}
	w := &roomWaiter{bytes: n, granted: make(chan struct{})}
	if t.waiting = append(t.waiting, w); len(t.waiting) == 1 {
		r.ring = append(r.ring, t)
	}
	r.mu.Unlock()
	select {
	case <-w.granted:
		return giveBack, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-w.granted: // granted meanwhile
		r.release(t, n)
	default:
		r.leave(t, w)
	}
	r.serve()
	return nil, ctx.Err()
}

// fits reports whether the tenant may have n bytes now. The caller must hold mu, here and below.
func (r *Room) fits(t *tenantRoom, n int64) bool {
	return n <= r.free && (t.held == 0 || t.held+n <= r.free-n)
}

func (r *Room) grant(t *tenantRoom, n int64) {
	t.held += n
	r.free -= n
}

func (r *Room) giveBack(t *tenantRoom, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(t, n)
	r.serve()
}

func (r *Room) release(t *tenantRoom, n int64) {
	t.held -= n
	r.free += n
	r.forget(t)
}

// serve grants waiting requests that fit, tenants in turn.
func (r *Room) serve() {
	for first, passed := false, 0; passed < len(r.ring); {
		t := r.ring[0]
		n := t.waiting[0].bytes
		r.ring = append(r.ring[1:], t)
		if r.fits(t, n) && (t.held == 0 || !first) {
			r.grant(t, n)
			close(t.waiting[0].granted)
			r.leave(t, t.waiting[0])
			passed = 0
			continue
		}
		first = first || t.held == 0 // released memory goes to this one, before those that hold some
		passed++
	}
}

// leave removes a waiter from its tenant, and the tenant from the ring if it was its last.
func (r *Room) leave(t *tenantRoom, w *roomWaiter) {
	t.waiting = slices.DeleteFunc(t.waiting, func(other *roomWaiter) bool { return other == w })
	if len(t.waiting) == 0 {
		r.ring = slices.DeleteFunc(r.ring, func(other *tenantRoom) bool { return other == t })
	}
	r.forget(t)
}

func (r *Room) forget(t *tenantRoom) {
	if t.held == 0 && len(t.waiting) == 0 && r.tenants[t.tenant] == t {
		delete(r.tenants, t.tenant)
	}
}

// Free returns the free bytes, and the size.
func (r *Room) Free() (free, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.free, r.total
}
