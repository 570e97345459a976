package sender

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// class decides how a gate's next request is counted, and which gates it takes turns with.
type class int

const (
	quick   class = iota // the receiver answers within lateAfter
	doubted              // it did, but many of its tenant's requests have become slow since; it has none in flight
	untried              // the receiver is unknown, and has no request in flight
	slow                 // it does not respond in time, or it fails; also further requests to unknown receivers
	classes
)

const (
	// lateAfter is the duration from which a request counts as slow.
	lateAfter = 300 * time.Millisecond
	// A gate becomes slow when its requests take longer than lateAfter on average, and quick when they take less than quickBelow:
	// one in between does not flap.
	quickBelow = 200 * time.Millisecond
	// longestSample limits a request's weight in the average, so that a few responses outweigh one hanging request.
	longestSample = time.Second
	// mostMoves bounds the gates that one call of nextQuick moves to another class.
	mostMoves = 100
)

// tenant is what the sender holds for the gates of one tenant. The sender's mu guards it.
type tenant struct {
	id    webhook.ID
	gates int // more than 0, unless it is spare

	quick, slow int // requests in flight, see Sender
	held        [kinds]holding
	lateBegun   time.Duration // start of the last request that became late

	ready   [classes]ready
	wanting [kinds]wanting
}

// kind is a kind of gate: those that keep up and the others have separate parts of the memory and of the claims.
type kind int

const (
	keepsUp kind = iota // of class quick
	other
	kinds
)

// holding counts the deliveries in memory, including those reserved, running or being released, and those that running claims may
// return.
type holding struct{ deliveries, bytes int }

func (h *holding) add(deliveries, bytes int) {
	h.deliveries += deliveries
	h.bytes += bytes
}

// ready lists a tenant's gates of one class that may send now.
type ready struct {
	turn  turn[tenant] // waiting while it has gates
	gates turns[gate]
}

// wanting lists a tenant's gates of one kind that may claim now.
type wanting struct {
	link   link[tenant] // in Sender.wanting while it has gates, unless parked
	gates  list[gate]
	parked bool // the tenant has its share of the memory, until some of it is released
}

func newTenant(id webhook.ID) *tenant {
	t := &tenant{id: id}
	for i := range t.ready {
		t.ready[i].turn.of = t
	}
	for i := range t.wanting {
		t.wanting[i].link.of = t
	}
	return t
}

// load returns the number of requests by which the tenants of a class are ordered.
func (t *tenant) load(c class) int {
	if c == quick || c == doubted {
		return t.quick + t.slow
	}
	return t.slow
}

// count adds to the requests in flight. The caller must hold s.mu.
func (s *Sender) count(t *tenant, quick, slow int) {
	was := t.slow > 0
	t.quick += quick
	t.slow += slow
	s.quick += quick
	s.slow += slow
	switch is := t.slow > 0; {
	case is && !was:
		s.slowTenants++
	case was && !is:
		s.slowTenants--
	}
	for c := range t.ready {
		t.ready[c].turn.set(t.load(class(c)))
	}
}

// class returns how the next request to g counts. The caller must hold s.mu.
func (s *Sender) class(g *gate) class {
	switch {
	case g.failing() || g.slow || g.late > 0 && g.quickAt < g.lateBegun:
		return slow
	case g.known && (g.quickAt >= g.tenant.lateBegun || !s.overflows(g.tenant)):
		return quick
	case g.running > 0:
		return slow
	case g.known:
		return doubted
	case g.target.FailingSince == nil:
		return untried
	}
	return slow
}

// overflows reports whether t has more slow requests than its share, because many of its receivers have begun to hang. While
// it does, only receivers that have responded since count as quick. The caller must hold s.mu.
func (s *Sender) overflows(t *tenant) bool { return t.slow > s.slowShare(t) }

// update puts g into the lists that it belongs to. It is called after every change of g. The caller must hold s.mu.
func (s *Sender) update(g *gate, now time.Time) {
	s.dropExpired(g, now)
	s.setKind(g)
	var wake time.Time
	mayRun, mayClaim := false, false
	if s.phase == serving {
		wake = g.expires // a closed gate has at most a probe
		if g.queue.len() > 0 && g.running < g.slots() {
			if at := latest(g.tokenAt(), g.rest); at.After(now) {
				wake = earliest(wake, at)
			} else {
				mayRun = true
			}
		}
		if g.open() && !g.claiming && !g.due.IsZero() {
			if at := latest(g.due, g.rest); at.After(now) {
				wake = earliest(wake, at)
			} else {
				mayClaim = g.roomForBacklog() > 0
			}
		}
	}
	s.setReady(g, mayRun)
	s.setWanting(g, mayClaim)
	if !wake.Equal(g.wake) {
		g.wake = wake
		s.alarms.set(g)
		if g.alarm == 0 {
			s.wakeUp()
		}
	}
	if g.empty() {
		s.spared(g, now)
	}
}

// setReady adds g to the gates that may send, or removes it. The caller must hold s.mu.
func (s *Sender) setReady(g *gate, may bool) {
	if !may {
		s.unready(g)
		return
	}
	c := s.class(g)
	if g.class != c {
		s.unready(g)
		g.class = c
	}
	s.joined++ // first in, first out
	order := s.joined
	if c == doubted { // the most recent to respond is first
		order = -int64(g.quickAt)
	}
	r := &g.tenant.ready[c]
	r.gates.add(&g.ready, g.running, order)
	s.ready[c].add(&r.turn, g.tenant.load(c), s.joined)
}

// unready removes g from the gates that may send. The caller must hold s.mu.
func (s *Sender) unready(g *gate) {
	if g.ready.in == nil {
		return
	}
	g.ready.remove()
	if r := &g.tenant.ready[g.class]; len(r.gates.heap) == 0 {
		r.turn.remove()
	}
}

// setWanting adds g to the gates that may claim, or removes it. The caller must hold s.mu.
func (s *Sender) setWanting(g *gate, may bool) {
	if may {
		w := &g.tenant.wanting[g.kind]
		w.gates.add(&g.place)
		if !w.parked {
			s.wanting[g.kind].add(&w.link)
		}
	} else {
		g.place.remove()
	}
	for i := range g.tenant.wanting {
		if w := &g.tenant.wanting[i]; w.gates.n == 0 {
			w.link.remove()
		}
	}
}

// charge adds to what g holds. The caller must hold s.mu.
func (s *Sender) charge(g *gate, deliveries, bytes int) {
	g.add(deliveries, bytes)
	s.hold(g, deliveries, bytes)
}

// hold adds it to the sums of g's tenant and of the sender.
func (s *Sender) hold(g *gate, deliveries, bytes int) {
	t := g.tenant
	t.held[g.kind].add(deliveries, bytes)
	s.held[g.kind].add(deliveries, bytes)
	if deliveries >= 0 {
		return
	}
	for i := range t.wanting {
		if w := &t.wanting[i]; w.parked {
			w.parked = false
			if w.gates.n > 0 {
				s.wanting[i].add(&w.link)
			}
		}
	}
}

// setKind moves what g holds to the part of its current kind. The caller must hold s.mu.
func (s *Sender) setKind(g *gate) {
	k := other
	if s.class(g) == quick {
		k = keepsUp
	}
	if k == g.kind {
		return
	}
	s.hold(g, -g.deliveries, -g.bytes)
	g.kind = k
	s.hold(g, g.deliveries, g.bytes)
}

// free returns the unused memory. The caller must hold s.mu.
func (s *Sender) free() holding {
	return holding{s.maxDeliveries - s.held[keepsUp].deliveries - s.held[other].deliveries, s.cfg.MemoryBytes - s.held[keepsUp].bytes - s.held[other].bytes}
}

// room returns how much of free g may still take. A gate, and if there are several also a tenant, holds at most as much as is left,
// so that greedy ones leave room. Deliveries for receivers that do not keep up have half of the memory. The caller must hold s.mu.
func (s *Sender) room(g *gate, free holding) holding {
	t := g.tenant
	switch {
	case g.kind == other:
		used := s.held[other]
		free = holding{min(free.deliveries, s.maxDeliveries/2-used.deliveries), min(free.bytes, s.cfg.MemoryBytes/2-used.bytes)}
	case s.crowd() == 1:
		return free
	}
	return holding{free.deliveries - t.held[g.kind].deliveries, free.bytes - t.held[g.kind].bytes}
}

// pick takes the next delivery to send; nil if none may be sent. The caller must hold s.mu.
//
// Requests in flight are counted in two parts. Requests to a receiver that responds within lateAfter count as quick: they
// always find a slot, whatever else hangs. They use at most half of the slots that slow ones leave, so that the other half
// remains if all of them begin to hang. A request counts as slow once it has run for lateAfter, and from its start if the
// receiver is slow, failing or unknown. Tenants with slow requests share the slow part equally, with a share kept for one
// more; a tenant keeps a quarter of its share for first requests to unknown webhooks. When many of a tenant's requests have
// become slow, each of its webhooks that was quick is tried with one request, few at a time.
func (s *Sender) pick(now time.Time) *task {
	s.age(now)
	s.blocked, s.moving = false, false
	if s.quick+s.slow >= s.cfg.Concurrency || s.shortage.pause.After(now) {
		return nil
	}
	for range classes {
		s.turn = (s.turn + 1) % classes
		if g := s.next(s.turn, now); g != nil {
			return s.start(g, now)
		}
	}
	return nil
}

// next returns the first gate of class c, if it may send. The caller must hold s.mu.
func (s *Sender) next(c class, now time.Time) *gate {
	switch c {
	case quick:
		return s.nextQuick(now)
	case doubted:
		return s.nextDoubted()
	}
	t := s.ready[c].first()
	if t == nil {
		return nil
	}
	share, most := s.slowShare(t), s.mostSlow
	if c == slow { // a part is kept for first requests, in each share and in total
		share, most = max(1, share-share/4), most-most/6
	}
	if t.slow >= share || s.slow >= most || t.slow > 0 && s.begun >= s.pace {
		s.paced = s.paced || s.begun >= s.pace
		return nil
	}
	return t.ready[c].gates.first()
}

// slowShare returns how many slow requests t may have, at least 1. The caller must hold s.mu.
func (s *Sender) slowShare(t *tenant) int {
	n := s.slowTenants
	if t.slow == 0 {
		n++
	}
	return max(1, s.share/min(n+1, s.crowd()))
}

// nextQuick is next for class quick. A tenant may use as many slots as it leaves free, so that k greedy ones leave one part in
// k+1 for the others; the same holds for a tenant's gates. The caller must hold s.mu.
func (s *Sender) nextQuick(now time.Time) *gate {
	for range mostMoves {
		t := s.ready[quick].first()
		if t == nil {
			return nil
		}
		g := t.ready[quick].gates.first()
		if s.class(g) != quick {
			s.update(g, now) // its class has changed since: its tenant's requests have become slow
			continue
		}
		room := (s.cfg.Concurrency-s.slow+1)/2 - s.quick
		paced := t.load(quick) > 0 && s.pace-s.quick < room
		if paced {
			room = s.pace - s.quick
		}
		most := room // of a tenant
		if s.overflows(t) {
			most = s.cfg.Concurrency - s.quick - s.slow
		}
		if room <= 0 || g.running > 0 && g.running >= room || s.crowd() > 1 && t.load(quick) > 0 && t.load(quick) >= most {
			s.blocked = true
			s.paced = s.paced || paced
			return nil
		}
		return g
	}
	s.moving = true
	return nil
}

// nextDoubted is next for class doubted: together they use a sixteenth of what slow requests leave. The caller must hold
// s.mu.
func (s *Sender) nextDoubted() *gate {
	t := s.ready[doubted].first()
	if t == nil {
		return nil
	}
	left := s.cfg.Concurrency - s.slow
	if s.slow >= s.mostSlow || s.doubts >= max(1, left/16) || s.crowd() > 1 && t.load(doubted) >= max(1, left-s.quick) {
		s.blocked = true
		return nil
	}
	return t.ready[doubted].gates.first()
}

// age recounts late requests as slow. The caller must hold s.mu.
func (s *Sender) age(now time.Time) {
	for t := s.young.first(); t != nil && s.clock()-t.begun >= lateAfter; t = s.young.first() {
		t.young.remove()
		t.late = true
		s.notDoubted(t)
		g := t.gate
		g.late++
		g.lateBegun = max(g.lateBegun, t.begun)
		g.tenant.lateBegun = max(g.tenant.lateBegun, t.begun)
		s.count(g.tenant, -1, 1)
		s.update(g, now)
	}
}

// lookAgain returns when, by clock, dispatch must run even if nothing happens, because a quick gate waits for a request to become
// late; false means never. The caller must hold s.mu.
func (s *Sender) lookAgain() (time.Duration, bool) {
	switch t := s.young.first(); {
	case s.phase != serving:
		return 0, false
	case s.moving:
		return 0, true
	case s.blocked && t != nil:
		return t.begun + lateAfter, true
	}
	return 0, false
}

// notDoubted undoes what start counted for a request to a gate of class doubted. The caller must hold s.mu.
func (s *Sender) notDoubted(t *task) {
	if t.doubted {
		t.doubted = false
		s.doubts--
	}
}
