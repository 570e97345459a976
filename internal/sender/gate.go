package sender

import (
	"net/url"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	startLimit   = 4  // concurrent requests to an unknown receiver
	failingAfter = 5  // failures in a row
	minQueue     = 32 // deliveries held for a gate that does not fail, however low its limit
	perLimit     = 16 // deliveries held for each request that may run: a claim brings many at once
	probeQueue   = 8  // deliveries held for a failing gate
)

// gate is what the sender holds for one webhook while it has something to do for it. The sender's mu guards it.
type gate struct {
	id     webhook.ID
	target *store.Target // the latest snapshot
	tenant *tenant
	url    *url.URL  // of target, parsed at the first attempt
	own    *custom   // the headers of target; nil when it has none
	due    time.Time // when a claim can return something; zero: never

	queue   queue     // claimed, to be sent
	expires time.Time // when the queue is to be looked through for what has expired; zero: nothing in it expires
	running int
	// Of the deliveries: new ones, reserved or queued, and claimed ones, queued or expected. They have separate parts of the queue,
	// so that new events and a backlog interleave.
	fresh, old int
	reserved   int // of fresh
	claiming   bool
	holding
	kind  kind       // the kind that its holding counts for
	class class      // that ready belongs to
	ready turn[gate] // waiting while the gate may send
	place link[gate] // in a list while it may claim, and in Sender.spare while it has nothing to do
	wake  time.Time  // when update is to be called
	alarm int        // index in alarms; -1: none

	rest time.Time // no sends or claims until then: this host could not make an attempt

	learned
	cut       time.Time     // when limit was last halved
	late      int           // requests in flight that have become late
	lateBegun time.Duration // start of the last request that became late, by the sender's clock

	interval time.Duration // between tokens of the rate limit; 0: no limit
	burst    time.Duration // how far ahead tokens may be used
	next     time.Time     // when the next token is due
}

// learned is what attempts have shown about a receiver. It is remembered when the gate goes, so it has no field that matters only
// while requests are in flight.
type learned struct {
	// limit bounds the running requests, like TCP's congestion window: each window of successes doubles it up to threshold, and
	// adds one beyond; a failure halves it, at most once per window.
	limit, threshold float32
	quickAt          time.Duration // time of the last answer within lateAfter, by the sender's clock
	average          time.Duration // of the last requests; 0: none has ended
	answer           int32         // bytes of the last answer
	failures         uint8         // in a row, up to failingAfter
	unmade           uint8         // attempts in a row that this host could not make, up to mostUnmade
	known            bool          // a request has been answered within lateAfter
	slow             bool          // by average, see quickBelow
}

// unknown is what is known about a new receiver.
func unknown(perWebhook int) learned {
	return learned{limit: float32(min(startLimit, perWebhook)), threshold: float32(perWebhook)}
}

func newGate() *gate {
	g := &gate{}
	g.clear()
	return g
}

// clear prepares an empty gate for another webhook. It keeps the queue's memory.
func (g *gate) clear() {
	*g = gate{queue: g.queue, alarm: -1, kind: other, ready: turn[gate]{of: g}, place: link[gate]{of: g}}
}

// reset discards what was learned about the receiver.
func (g *gate) reset(perWebhook int) { g.learned, g.cut = unknown(perWebhook), time.Time{} }

// open reports whether attempts to the webhook may be made; to may be nil.
func open(to *store.Target) bool { return to != nil && to.Enabled && to.DeletedAt == nil }

// open reports whether attempts may be made.
func (g *gate) open() bool { return open(g.target) }

// empty reports whether the gate has nothing to do and holds nothing.
func (g *gate) empty() bool { return g.deliveries == 0 && !g.claiming && (g.due.IsZero() || !g.open()) }

// needed returns until when an empty gate must be kept, because its rest and the tokens that it has used are not remembered.
func (g *gate) needed() time.Time { return latest(g.rest, g.next) }

// failing reports whether the receiver seems to be down. It is then sent one request at a time.
func (g *gate) failing() bool { return g.failures >= failingAfter }

// slots returns how many requests may run.
func (g *gate) slots() int {
	if g.failing() {
		return 1
	}
	return max(1, int(g.limit))
}

// quota returns how many deliveries may be queued.
func (g *gate) quota() int {
	if g.failing() {
		return probeQueue
	}
	q := max(minQueue, perLimit*g.slots())
	if g.interval > 0 { // two seconds' worth
		q = min(q, max(probeQueue, int(2*time.Second/g.interval)))
	}
	if g.slow { // likewise
		q = min(q, max(probeQueue, g.slots()*int(2*time.Second/g.average)))
	}
	return q
}

// newPart is the part of the quota reserved for new deliveries while there is a backlog; backlogPart is the rest.
func newPart(quota int) int     { return max(1, quota/4) }
func backlogPart(quota int) int { return max(1, quota-newPart(quota)) }

// roomForNew reports whether another new delivery may be queued.
func (g *gate) roomForNew(now time.Time) bool {
	q := g.quota()
	if g.claiming || !g.due.IsZero() && !g.due.After(now) {
		return g.fresh < newPart(q)
	}
	return g.fresh+g.old < q
}

// roomForBacklog returns how many deliveries a claim may return: 0, or at least half of the queue, because a small claim costs as
// much as a large one. A receiver that has not responded yet gets few.
func (g *gate) roomForBacklog() int {
	q := g.quota()
	part := backlogPart(q)
	if !g.known {
		part = min(part, probeQueue)
	}
	if room := min(part-g.old, q-g.old-g.fresh); 2*room >= part {
		return room
	}
	return 0
}

// succeeded learns from an attempt while running requests were in flight. The limit grows only if it is used.
func (g *gate) succeeded(running, perWebhook int) {
	switch {
	case g.failing(): // the receiver is back: ramp up again
		g.limit = float32(min(startLimit, perWebhook))
	case 2*running < g.slots():
	case g.limit < g.threshold:
		g.limit = min(g.limit+1, float32(perWebhook))
	default:
		g.limit = min(g.limit+1/g.limit, float32(perWebhook))
	}
	g.failures = 0
}

// failed learns from an attempt. One that began before the limit was last halved adds nothing.
func (g *gate) failed(started, now time.Time) {
	g.failures = min(g.failures+1, failingAfter)
	if g.failing() || started.Before(g.cut) {
		return
	}
	g.limit = max(1, g.limit/2)
	g.threshold = max(2, g.limit)
	g.cut = now
}

// learn updates the average with a request that ended at the given time.
func (g *gate) learn(took, at time.Duration) {
	if took <= lateAfter {
		g.known, g.quickAt = true, at
	}
	took = min(took, longestSample)
	if g.average == 0 {
		g.average = took
	} else {
		g.average += (took - g.average) / 4
	}
	g.average = max(1, g.average)
	g.slow = g.average > lateAfter || g.slow && g.average >= quickBelow
}

// setRate sets this node's share of a webhook's rate limit, in attempts per second. Tokens are evenly spaced, and up to 50 ms
// of them may be used at once, so that a high rate needs few alarms. In no second are there more than the share, rounded up.
func (g *gate) setRate(perSecond *int, nodes int) {
	if perSecond == nil {
		g.interval, g.burst, g.next = 0, 0, time.Time{}
		return
	}
	burst := max(1, *perSecond/nodes/20)
	left := time.Duration(*perSecond - (burst-1)*nodes)
	interval := (time.Duration(nodes)*time.Second + left - 1) / left // rounded up
	g.interval, g.burst = interval, time.Duration(burst-1)*interval
}

// tokenAt returns when the rate limit allows the next attempt.
func (g *gate) tokenAt() time.Time {
	if g.interval == 0 || g.next.IsZero() {
		return time.Time{}
	}
	return g.next.Add(-g.burst)
}

func (g *gate) takeToken(now time.Time) {
	if g.interval == 0 {
		return
	}
	if g.next.Before(now) {
		g.next = now
	}
	g.next = g.next.Add(g.interval)
}

// item is a delivery in a gate's queue.
type item struct {
	claimed *store.Claimed
	fresh   bool // handed over at publication, not claimed
}

// enqueue appends a delivery to the queue.
func (g *gate) enqueue(it item) {
	if d := &it.claimed.Delivery; d.ExpiresAt != nil && d.Trigger == webhook.TriggerSchedule {
		g.expires = earliest(g.expires, *d.ExpiresAt)
	}
	g.queue.push(it)
}

// queue is first in, first out. An empty queue holds no memory.
type queue struct {
	items []item
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(it item) {
	if q.head > 16 && 2*q.head > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, it)
}

func (q *queue) pop() item {
	it := q.items[q.head]
	q.items[q.head] = item{}
	q.head++
	if q.head == len(q.items) {
		q.head = 0
		q.items = q.items[:0]
		if cap(q.items) > 64 {
			q.items = nil
		}
	}
	return it
}

// remove removes those that gone tells, and calls it once for each item, in order.
func (q *queue) remove(gone func(it *item) bool) {
	kept := q.head
	for i := q.head; i < len(q.items); i++ {
		if !gone(&q.items[i]) {
			q.items[kept] = q.items[i]
			kept++
		}
	}
	clear(q.items[kept:])
	if q.items = q.items[:kept]; q.head == kept {
		q.items, q.head = nil, 0
	}
}

// popLast removes and returns the newest.
func (q *queue) popLast() item {
	last := len(q.items) - 1
	it := q.items[last]
	q.items[last] = item{}
	q.items = q.items[:last]
	if q.head == len(q.items) {
		q.items, q.head = nil, 0
	}
	return it
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
