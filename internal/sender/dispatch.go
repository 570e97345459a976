package sender

import (
	"net/url"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// task is an attempt to make: a delivery and the current state of its webhook. The sender's mu guards late,
// doubted and young.
type task struct {
	gate          *gate
	claimed       *store.Claimed
	target        *store.Target
	url           *url.URL // nil when target's URL cannot be parsed
	own           *custom  // target's headers, and that of its authentication; nil if it has none
	start         time.Time
	begun         time.Duration // start by Sender.clock
	took          time.Duration // duration of the request; 0 until it has ended
	period        int           // Sender.period in which begun counted it; -1: it was not counted
	late, doubted bool
	reply         reply
	body          body
	span          *tracing.Span // of the attempt; nil: it is not traced
	young         link[task]    // in Sender.young while it counts as quick
}

// dispatch starts the attempts and claims that are allowed now. The caller must hold s.mu.
func (s *Sender) dispatch(now time.Time) {
	for {
		t := s.pick(now)
		if t == nil {
			break
		}
		s.wg.Add(1)
		go s.work(t)
	}
	if at, ok := s.lookAgain(); ok && (!s.looking || at < s.lookAt) {
		s.wakeUp()
	}
	for s.phase == serving && s.claims < s.cfg.Claims && s.claimNext(now) {
	}
}

// claimNext starts the next claim. Quick gates and the others alternate; among them tenants take turns, and then a tenant's
// gates. It returns false if there is none, or no memory for any. The caller must hold s.mu.
func (s *Sender) claimNext(now time.Time) bool {
	for {
		if k := 1 - s.claimTurn; s.wanting[k].n > 0 {
			s.claimTurn = k
		}
		t := s.wanting[s.claimTurn].first()
		if t == nil {
			return false
		}
		w := &t.wanting[s.claimTurn]
		g := w.gates.first()
		n, bytes, shared := s.claimRoom(g)
		switch {
		case n > 0:
			w.link.remove() // the tenant's next turn comes after the others'
			g.due = time.Time{}
			g.claiming = true
			g.old += n
			s.claims++
			s.charge(g, n, bytes)
			s.update(g, now)
			if w.gates.n > 0 {
				s.wanting[s.claimTurn].add(&w.link)
			}
			s.wg.Add(1)
			go s.claim(g, n, bytes)
			return true
		case t.held[s.claimTurn].deliveries == 0:
			return false // no memory is left for any tenant
		case shared: // the tenant has its share; charge puts it back when some of it is released
			w.parked = true
			w.link.remove()
		default: // the gate has its share; update puts it back when some of it is released
			s.setWanting(g, false)
		}
	}
}

// start takes a delivery from g's queue and returns its task. The caller must hold s.mu.
func (s *Sender) start(g *gate, now time.Time) *task {
	c := g.class
	s.unready(g)
	it := g.queue.pop()
	if it.fresh {
		g.fresh--
	} else {
		g.old--
	}
	if g.url == nil {
		g.url, _ = url.Parse(g.target.URL) // nil makes the attempt fail
	}
	t := s.newTask()
	t.gate, t.claimed, t.target, t.url, t.own, t.start, t.begun = g, it.claimed, g.target, g.url, g.own, now, s.clock()
	t.period = -1
	t.reply = reply{room: s.answers, tenant: g.tenant.id, expect: int(g.answer)}
	g.takeToken(now)
	g.running++
	switch c {
	case doubted:
		t.doubted = true
		s.doubts++
		fallthrough
	case quick:
		s.young.add(&t.young)
		s.count(g.tenant, 1, 0)
	default:
		s.count(g.tenant, 0, 1)
		if s.cfg.Delay != nil {
			s.begun++
			t.period = s.period
		}
	}
	s.update(g, now)
	return t
}

// newTask returns a recycled task, or a new one. The caller must hold s.mu.
func (s *Sender) newTask() *task {
	n := len(s.tasks)
	if n == 0 {
		t := &task{}
		t.young.of = t
		return t
	}
	t := s.tasks[n-1]
	s.tasks = s.tasks[:n-1]
	return t
}

// ended removes t from what is in flight, and keeps it for newTask. The caller must hold s.mu.
func (s *Sender) ended(t *task) {
	g := t.gate
	g.running--
	if t.young.list != nil {
		t.young.remove()
		s.count(g.tenant, -1, 0)
	} else {
		s.count(g.tenant, 0, -1)
		if t.period == s.period {
			s.begun-- // it no longer uses the processors
		}
	}
	s.notDoubted(t)
	if t.late {
		g.late--
	}
	*t = task{young: link[task]{of: t}}
	s.tasks = append(s.tasks, t)
}

// work makes t's attempt, and then further attempts until served returns none.
func (s *Sender) work(t *task) {
	defer s.wg.Done()
	for t != nil {
		t = s.served(t, s.serve(t))
	}
}

// served processes an attempt's outcome and picks the next; nil if there is none.
func (s *Sender) served(t *task, v verdict) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	g, claimed := t.gate, t.claimed
	wasBad := g.failing() || g.slow
	wait := retryWait // before an unrecorded delivery is claimed again
	switch v.outcome {
	case success:
		s.made(t, v.reused, now)
		g.succeeded(g.running, s.cfg.PerWebhook)
	case failure:
		s.made(t, v.reused, now)
		g.failed(t.start, now)
	case unmade:
		wait = s.notMade(t, v, now)
	case interrupted:
	}
	if v.outcome >= success && t.took > 0 {
		g.learn(t.took, s.clock())
		g.answer = int32(t.reply.size) //nolint:gosec // at most largestAnswer
	}
	if !wasBad && (g.failing() || g.slow) {
		s.trim(g, g.quota()) // other gates make better use of the memory
	}
	s.ended(t)
	if v.recorded {
		s.charge(g, -1, -claimed.Size())
	} else {
		s.giveBack(g, claimed, wait)
	}
	s.update(g, now)
	next := s.pick(now)
	s.dispatch(now)
	s.checkIdle()
	return next
}

// claimRoom returns the most that a claim for g may take. If n is 0, there is no memory for it, and shared reports whether
// that is also true of the tenant's other gates of the same kind. The caller must hold s.mu.
func (s *Sender) claimRoom(g *gate) (n, bytes int, shared bool) {
	free := s.free()
	room := s.room(g, free)
	n = min(g.roomForBacklog(), (room.deliveries-g.deliveries)/2)
	bytes = min((room.bytes-g.bytes)/2, s.cfg.MemoryBytes/claimPart)
	if g.tenant.held[g.kind].deliveries == 0 { // a tenant that holds nothing may always hold one
		room = free
	}
	if g.deliveries == 0 {
		n = max(n, min(1, room.deliveries))
		if bytes < s.minClaim && room.bytes >= s.minClaim {
			bytes = s.minClaim
		}
	}
	if n <= 0 || bytes < s.minClaim {
		return 0, 0, room.deliveries < 1 || room.bytes < s.minClaim
	}
	return n, min(bytes, n*s.minClaim), false
}

// claim asks the store for deliveries of g.
func (s *Sender) claim(g *gate, n, bytes int) {
	defer s.wg.Done()
	claims, next, err := s.cfg.Store.Claim(s.attend, g.id, n, bytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	g.claiming = false
	g.old -= n
	s.claims--
	s.charge(g, -n, -bytes)
	switch {
	case err != nil:
		g.due = earliest(g.due, now.Add(retryWait))
		if !s.claimErr && s.phase == serving {
			s.log.Warn("deliveries cannot be claimed; trying again", "webhook_id", g.id.String(), "error", err)
		}
	case next != nil && len(claims) == 0 && !next.After(now):
		g.due = earliest(g.due, now.Add(emptyWait)) // another node has claimed it, or the clocks differ
	case next != nil:
		g.due = earliest(g.due, *next)
	}
	s.claimErr = err != nil
	for _, claimed := range claims {
		s.charge(g, 1, claimed.Size())
		if claimed.Target.UpdatedAt.After(g.target.UpdatedAt) {
			s.setTarget(g, claimed.Target) // newer than the snapshot of Changed
		}
		if s.phase != serving || !g.open() {
			s.giveBack(g, claimed, 0)
			continue
		}
		g.old++
		g.enqueue(item{claimed: claimed})
	}
	if !g.open() {
		s.trim(g, 0)
	}
	s.update(g, now)
	s.dispatch(now)
	s.checkIdle()
}

// returned is a claimed delivery to release.
type returned struct {
	gate    *gate
	claimed *store.Claimed
	wait    time.Duration // before it is claimed again
}

// trim releases queued deliveries beyond keep, the newest first. The caller must hold s.mu.
func (s *Sender) trim(g *gate, keep int) {
	for g.queue.len() > keep {
		it := g.queue.popLast()
		if it.fresh {
			g.fresh--
		} else {
			g.old--
		}
		s.giveBack(g, it.claimed, 0)
	}
}

// expiryPause is the least time between two looks through a queue for deliveries whose events have expired.
const expiryPause = 250 * time.Millisecond

// dropExpired releases queued deliveries whose events have expired, which the store then fails: they may wait long for their turn, behind a rate
// limit or a slow receiver. The caller must hold s.mu.
func (s *Sender) dropExpired(g *gate, now time.Time) {
	if g.queue.len() == 0 {
		g.expires = time.Time{}
	}
	if g.expires.IsZero() || now.Before(g.expires) {
		return
	}
	var next time.Time
	g.queue.remove(func(it *item) bool {
		d := &it.claimed.Delivery
		if d.ExpiresAt == nil || d.Trigger != webhook.TriggerSchedule {
			return false
		}
		if !d.Expired(now) {
			next = earliest(next, *d.ExpiresAt)
			return false
		}
		if it.fresh {
			g.fresh--
		} else {
			g.old--
		}
		s.giveBack(g, it.claimed, 0)
		return true
	})
	if g.expires = next; !next.IsZero() {
		g.expires = latest(next, now.Add(expiryPause))
	}
}

// giveBack releases the claim of a delivery of g that has left its queue. The delivery stays charged until then. The caller
// must hold s.mu.
func (s *Sender) giveBack(g *gate, claimed *store.Claimed, wait time.Duration) {
	if s.phase == ended {
		s.charge(g, -1, -claimed.Size())
		return
	}
	s.returns = append(s.returns, returned{gate: g, claimed: claimed, wait: wait})
	if !s.returning {
		s.returning = true
		s.wg.Add(1)
		go s.returnAll()
	}
}

// returnAll releases claims until none are left to release.
func (s *Sender) returnAll() {
	defer s.wg.Done()
	for {
		s.mu.Lock()
		batch := s.returns
		s.returns = nil
		if len(batch) == 0 {
			s.returning = false
			s.checkIdle()
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for part := range slices.Chunk(batch, 500) {
			s.returnSome(part)
		}
	}
}

func (s *Sender) returnSome(part []returned) {
	claims := make([]*store.Claimed, len(part))
	for i, r := range part {
		claims[i] = r.claimed
	}
	for {
		err := s.cfg.Store.Unclaim(s.finish, claims)
		if err == nil {
			break
		}
		if s.finish.Err() == nil {
			s.log.Warn("claims cannot be released; trying again", "deliveries", len(claims), "error", err)
		}
		select {
		case <-time.After(retryWait):
			continue
		case <-s.finish.Done(): // the claims end with the node's lease
		}
		break
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, r := range part {
		s.charge(r.gate, -1, -r.claimed.Size())
		r.gate.due = earliest(r.gate.due, now.Add(r.wait))
		s.update(r.gate, now)
	}
	s.dispatch(now)
}
