package store

import (
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Costs of what a transaction holds. One is about what it takes to write a row; a transaction is filled up to what can be done in
// batchTime (writer.limit).
const (
	costBytes  = 1 << 10 // bytes of data that take as long as a row, most of it in the commit
	costKey    = 8       // looking for an idempotency key and taking it
	costChange = 16      // a change that does not say
	costResult = 2       // an attempt and its delivery

	// turnCost is what a line gets of a transaction before the next one has its turn.
	turnCost = 64
	// maxWaiting bounds the calls of a tenant that wait for the writer. The server's own are not bounded: they are few.
	maxWaiting = 4096
)

// work is what one caller wants written: exactly one of the two.
type work struct {
	publish *publishing
	change  *change
}

// lineOf names a line: what a tenant's callers want, and what the server does for it, each wait for their own. What the server does for
// nobody, or for many, is of the zero id.
type lineOf struct {
	tenant webhook.ID
	server bool
}

// turns holds what waits for the writer, and hands it out in turn: some of each line, the oldest first (I17).
type turns struct {
	ready chan struct{} // holds one signal while something waits

	mu         sync.Mutex // guards what follows
	lines      map[lineOf]*line
	ring       []*line // in the order of their turns
	free       []*line // empty, to be used again
	publishing int     // calls that wait, or are written in part
	changes    int
	last       webhook.ID // the tenant that called last
	mixed      time.Time  // when another one had called before it
}

// aloneAfter is how long no other tenant has called when one is alone.
const aloneAfter = time.Second

type line struct {
	of   lineOf
	work []work
	head int // of work: what is before has been taken
}

func newTurns() *turns {
	return &turns{ready: make(chan struct{}, 1), lines: map[lineOf]*line{}}
}

// add puts w at the end of the line, and reports whether there was room.
func (t *turns) add(of lineOf, w work) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[of]
	if l == nil {
		if n := len(t.free); n > 0 {
			l, t.free = t.free[n-1], t.free[:n-1]
		} else {
			l = &line{}
		}
		l.of = of
		t.lines[of] = l
		t.ring = append(t.ring, l)
	}
	if len(l.work)-l.head >= maxWaiting && !of.server {
		return false
	}
	if l.head > 64 && 2*l.head > len(l.work) {
		n := copy(l.work, l.work[l.head:])
		clear(l.work[n:])
		l.work, l.head = l.work[:n], 0
	}
	l.work = append(l.work, w)
	if !of.server && of.tenant != t.last {
		if !t.last.IsZero() {
			t.mixed = time.Now()
		}
		t.last = of.tenant
	}
	if w.publish != nil {
		t.publishing++
	} else {
		t.changes++
	}
	dialect.Signal(t.ready)
	return true
}

// waiting counts what waits, publishing that is written in part included.
func (t *turns) waiting() (publishing, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.publishing, t.changes
}

// alone reports whether one tenant at most has called lately.
func (t *turns) alone(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.mixed) >= aloneAfter
}

// fill moves work into the batch until it holds limit, or nothing waits. A batch that holds nothing gets something, whatever
// that costs.
func (t *turns) fill(b *batch, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ring) > 0 && b.cost < limit {
		l := t.ring[0]
		t.take(l, b, min(limit, b.cost+turnCost))
		copy(t.ring, t.ring[1:])
		if l.head < len(l.work) {
			t.ring[len(t.ring)-1] = l
			continue
		}
		t.ring[len(t.ring)-1] = nil
		t.ring = t.ring[:len(t.ring)-1]
		delete(t.lines, l.of)
		if l.work, l.head = l.work[:0], 0; cap(l.work) <= 256 && len(t.free) < 64 {
			t.free = append(t.free, l)
		}
	}
	if len(t.ring) > 0 {
		dialect.Signal(t.ready)
	}
}

// take is the line's turn: it moves work into the batch until that holds limit. Of calls that are large it takes a part.
func (t *turns) take(l *line, b *batch, limit int) {
	for l.head < len(l.work) && b.cost < limit {
		switch w := l.work[l.head]; {
		case w.change != nil:
			b.changes = append(b.changes, w.change)
			b.cost += w.change.cost
			t.changes--
		case !b.addEvents(w.publish, limit):
			return
		default:
			t.publishing--
		}
		l.work[l.head] = work{}
		l.head++
	}
}
