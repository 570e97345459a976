// Package turns shares resources between tenants by turns: the writer's transactions (Queue) and memory (Room). However much one
// tenant requests, another's turn comes soon (I12, I16, I17).
package turns

import (
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	// Turn is the cost of work that a line gets of a transaction before the next line has its turn.
	Turn = 64
	// maxWaiting limits the waiting calls of a tenant. The server's own are few, and not limited.
	maxWaiting = 4096
)

// Line identifies a line: the calls of a tenant and the server's work for it have separate lines. The server's work for no tenant,
// or several, has the zero id.
type Line struct {
	Tenant webhook.ID
	Server bool
}

// Queue holds the work waitings for the writer, and hands it out in turn: some of each line, the oldest first (I17).
type Queue[W any] struct {
	Ready chan struct{} // holds one signal while something waits

	aloneAfter time.Duration

	mu    sync.Mutex // guards what follows
	lines map[Line]*line[W]
	ring  []*line[W] // in the order of their turns
	free  []*line[W] // empty, for reuse
	calls int        // that wait
	count int64      // of tenants' calls so far
	last  webhook.ID // the tenant that called last
	mixed time.Time  // when it differed from the tenant before
}

type line[W any] struct {
	of   Line
	work []W
	head int // index of the first work that is not taken
}

// NewQueue returns an empty queue. A tenant is alone if no other one has called for aloneAfter.
func NewQueue[W any](aloneAfter time.Duration) *Queue[W] {
	return &Queue[W]{Ready: make(chan struct{}, 1), aloneAfter: aloneAfter, lines: map[Line]*line[W]{}}
}

// Add puts w at the end of the line, and reports whether there was room.
func (q *Queue[W]) Add(of Line, w W) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[of]
	if l == nil {
		if n := len(q.free); n > 0 {
			l, q.free = q.free[n-1], q.free[:n-1]
		} else {
			l = &line[W]{}
		}
		l.of = of
		q.lines[of] = l
		q.ring = append(q.ring, l)
	}
	if len(l.work)-l.head >= maxWaiting && !of.Server {
		return false
	}
	if l.head > 64 && 2*l.head > len(l.work) {
		n := copy(l.work, l.work[l.head:])
		clear(l.work[n:])
		l.work, l.head = l.work[:n], 0
	}
	l.work = append(l.work, w)
	q.calls++
	if !of.Server {
		q.count++
	}
	if !of.Server && of.Tenant != q.last {
		if !q.last.IsZero() {
			q.mixed = time.Now()
		}
		q.last = of.Tenant
	}
	dialect.Signal(q.Ready)
	return true
}

// Alone reports whether at most one tenant has called recently.
func (q *Queue[W]) Alone(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Sub(q.mixed) >= q.aloneAfter
}

// Waiting counts the waiting work, including work that is partly taken.
func (q *Queue[W]) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls
}

// Called counts the tenants' calls so far, that they made themselves.
func (q *Queue[W]) Called() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// Fill hands out waiting work until the cost reaches limit or nothing waits; cost is the cost so far. take takes a work, of a large
// one only as much as reaches about limit; it returns the cost then, and whether it took the whole work. At least one work is
// handed out, whatever its cost.
func (q *Queue[W]) Fill(cost, limit int, take func(w W, limit int) (cost int, all bool)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ring) > 0 && cost < limit {
		l := q.ring[0]
		cost = q.turn(l, cost, min(limit, cost+Turn), take)
		copy(q.ring, q.ring[1:])
		if l.head < len(l.work) {
			q.ring[len(q.ring)-1] = l
			continue
		}
		q.ring[len(q.ring)-1] = nil
		q.ring = q.ring[:len(q.ring)-1]
		delete(q.lines, l.of)
		if l.work, l.head = l.work[:0], 0; cap(l.work) <= 256 && len(q.free) < 64 {
			q.free = append(q.free, l)
		}
	}
	if len(q.ring) > 0 {
		dialect.Signal(q.Ready)
	}
}

// turn hands out some of the line's work. The caller must hold mu.
func (q *Queue[W]) turn(l *line[W], cost, limit int, take func(w W, limit int) (cost int, all bool)) int {
	var none W
	for l.head < len(l.work) && cost < limit {
		var all bool
		if cost, all = take(l.work[l.head], limit); !all {
			break
		}
		l.work[l.head] = none
		l.head++
		q.calls--
	}
	return cost
}
