package intake

import (
	"context"
	"sync"
)

// Room is an amount of something that holders wait for, each in its own line. A holder may have at most as much as it leaves for
// all others: one alone half of the total, two a third each, so that a new one always finds some. Holders that have nothing are
// served before those that have something. It is safe for concurrent use.
type Room struct {
	total int64

	mu      sync.Mutex // guards the fields below
	used    int64
	lines   map[[16]byte]*roomLine // of holders that have something or wait
	waiting []*roomLine            // lines with waiters, in the order of their turns
}

type roomLine struct {
	held    int64
	waiters []*waiter // the oldest in front
}

type waiter struct {
	n       int64
	granted chan struct{}
}

// NewRoom returns a Room of which nothing is taken.
func NewRoom(total int64) *Room { return &Room{total: total, lines: map[[16]byte]*roomLine{}} }

// Key returns the key of the holder's line: its tenant, or its token if it has no tenant or counts apart from it.
func (h Holder) Key() [16]byte {
	if h.Tenant == [16]byte{} || h.Apart {
		return h.Token
	}
	return h.Tenant
}

// fits reports whether the line may have n more. The caller must hold r.mu.
func (r *Room) fits(l *roomLine, n int64) bool { return l.held+n <= r.total-r.used || r.used == 0 }

// TryTake takes n if that is possible without waiting.
func (r *Room) TryTake(key [16]byte, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tryTake(r.line(key), key, n)
}

// line returns the holder's line, and creates it if necessary; the caller must forget it if it stays unused. The caller must hold
// r.mu.
func (r *Room) line(key [16]byte) *roomLine {
	l := r.lines[key]
	if l == nil {
		l = &roomLine{}
		r.lines[key] = l
	}
	return l
}

// forget drops an unused line. The caller must hold r.mu.
func (r *Room) forget(key [16]byte, l *roomLine) {
	if l.held == 0 && len(l.waiters) == 0 {
		delete(r.lines, key)
	}
}

// starved reports whether a holder that has nothing waits. The caller must hold r.mu.
func (r *Room) starved() bool {
	for _, l := range r.waiting {
		if l.held == 0 {
			return true
		}
	}
	return false
}

func (r *Room) tryTake(l *roomLine, key [16]byte, n int64) bool {
	if len(l.waiters) > 0 || !r.fits(l, n) || r.starved() {
		r.forget(key, l)
		return false
	}
	l.held += n
	r.used += n
	return true
}

// Take waits until n is available, and takes it. The error is ctx's; then nothing was taken. A request for more than half of the
// total waits until no other holder has anything.
func (r *Room) Take(ctx context.Context, key [16]byte, n int64) (waited bool, err error) {
	r.mu.Lock()
	l := r.line(key)
	if r.tryTake(l, key, n) {
		r.mu.Unlock()
		return false, nil
	}
	l = r.line(key)
	w := &waiter{n: n, granted: make(chan struct{})}
	l.waiters = append(l.waiters, w)
	if len(l.waiters) == 1 {
		r.waiting = append(r.waiting, l)
	}
	r.mu.Unlock()
	select {
	case <-w.granted:
		return true, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range l.waiters {
		if l.waiters[i] == w {
			l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
			if len(l.waiters) == 0 {
				r.leave(l)
			}
			r.forget(key, l)
			r.grant() // waiters behind it may need less
			return true, ctx.Err()
		}
	}
	return true, nil // it was granted meanwhile
}

// leave removes a line without waiters from the turns. The caller must hold r.mu.
func (r *Room) leave(l *roomLine) {
	for i := range r.waiting {
		if r.waiting[i] == l {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			return
		}
	}
}

// Give returns n to the room.
func (r *Room) Give(key [16]byte, n int64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines[key]
	l.held -= n
	r.used -= n
	r.forget(key, l)
	r.grant()
}

// grant serves waiters: first holders that have nothing, and each line once before any has another turn. The caller must hold
// r.mu.
func (r *Room) grant() {
	for len(r.waiting) > 0 {
		next, starved := -1, false
		for i, l := range r.waiting {
			if l.held == 0 && !starved {
				starved, next = true, -1
			}
			if next < 0 && (l.held == 0 || !starved) && r.fits(l, l.waiters[0].n) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		l := r.waiting[next]
		w := l.waiters[0]
		l.waiters = l.waiters[1:]
		l.held += w.n
		r.used += w.n
		close(w.granted)
		r.leave(l)
		if len(l.waiters) > 0 {
			r.waiting = append(r.waiting, l)
		}
	}
}

// Used returns how much is taken.
func (r *Room) Used() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// Held returns how much the holder has.
func (r *Room) Held(key [16]byte) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lines[key]; l != nil {
		return l.held
	}
	return 0
}
