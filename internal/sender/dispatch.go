package sender

import (
	"net/url"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
)

const (
	healthy = 0 // index in Sender.ready
	failing = 1
)

// task is an attempt to be made: a delivery with the webhook as it is now.
type task struct {
	gate  *gate
	job   *store.Job
	hook  *store.Hook
	url   *url.URL // nil when hook's URL can not be parsed
	own   *custom  // hook's headers; nil when it has none
	probe bool     // the gate was failing
	start time.Time
}

// update puts g into the lists that it belongs to. It is called after every change of g. It wants mu.
func (s *Sender) update(g *gate, now time.Time) {
	var wake time.Time
	mayRun, mayClaim := false, false
	if s.phase == serving && g.open() {
		if g.queue.len() > 0 && g.running < g.slots() {
			if at := g.tokenAt(); at.After(now) {
				wake = at
			} else {
				mayRun = true
			}
		}
		if !g.claiming && !g.due.IsZero() {
			if g.due.After(now) {
				wake = earliest(wake, g.due)
			} else {
				mayClaim = g.roomForBacklog() > 0
			}
		}
	}
	switch {
	case !mayRun:
		g.ready.remove()
	case g.failing():
		s.ready[failing].add(&g.ready)
	default:
		s.ready[healthy].add(&g.ready)
	}
	if mayClaim {
		s.wanting.add(&g.wanting)
	} else {
		g.wanting.remove()
	}
	if !wake.Equal(g.wake) {
		g.wake = wake
		s.alarms.set(g)
		if g.alarm == 0 {
			select {
			case s.poke <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
	if g.hook != nil && g.hook.DeletedAt != nil && g.jobs == 0 && !g.claiming && s.phase > loading {
		delete(s.gates, g.id)
	}
}

// dispatch starts what may run and what may be claimed. It wants mu.
func (s *Sender) dispatch(now time.Time) {
	for {
		t, ok := s.pick(now)
		if !ok {
			break
		}
		s.wg.Add(1)
		go s.work(t)
	}
	for s.phase == serving && s.claims < s.cfg.Claims {
		g := s.wanting.first()
		if g == nil {
			break
		}
		n, bytes := s.claimRoom(g)
		if n == 0 {
			if g.jobs == 0 {
				break // the memory is used up, for every gate
			}
			g.wanting.remove() // it has its share; update puts it back when something of it ends
			continue
		}
		g.due = time.Time{}
		g.claiming = true
		g.old += n
		s.claims++
		s.charge(g, n, bytes)
		s.update(g, now)
		s.wg.Add(1)
		go s.claim(g, n, bytes)
	}
}

// pick takes the next delivery to send, of the gate whose turn it is; false when none may be sent. It wants mu.
//
// A gate may use as many slots as are free, so that k greedy gates leave one part in k+1 for the others, and one that
// hangs can not take them all before its limit has shrunk. Gates that fail are served in turn with the healthy ones,
// and have at most half of the slots together.
func (s *Sender) pick(now time.Time) (task, bool) {
	free := s.cfg.Concurrency - s.running
	if free <= 0 {
		return task{}, false
	}
	s.turn ^= 1
	for _, kind := range [2]int{s.turn, s.turn ^ 1} {
		if kind == failing && s.probes >= s.maxProbes {
			continue
		}
		l := &s.ready[kind]
		// Only gates with requests in flight are passed over, so there are at most Concurrency of them.
		for range l.n {
			g := l.first()
			g.ready.remove()
			if g.running > 0 && g.running >= free {
				l.add(&g.ready)
				continue
			}
			return s.start(g, now), true
		}
	}
	return task{}, false
}

// start takes a delivery of g, which is in no ready list. It wants mu.
func (s *Sender) start(g *gate, now time.Time) task {
	it := g.queue.pop()
	if it.fresh {
		g.fresh--
	} else {
		g.old--
	}
	if g.url == nil {
		g.url, _ = url.Parse(g.hook.URL) // nil makes the attempt fail
	}
	t := task{gate: g, job: it.job, hook: g.hook, url: g.url, own: g.own, probe: g.failing(), start: now}
	g.takeToken(now)
	g.running++
	s.running++
	if t.probe {
		s.probes++
	}
	s.update(g, now)
	return t
}

// work makes attempts for as long as there are some that it may make.
func (s *Sender) work(t task) {
	defer s.wg.Done()
	for more := true; more; {
		v := s.serve(&t)
		t, more = s.served(&t, v)
	}
}

// served takes an attempt's outcome and picks the next.
func (s *Sender) served(t *task, v verdict) (task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	g := t.gate
	switch v.outcome {
	case success:
		g.succeeded(g.running, s.cfg.PerWebhook)
	case failure:
		was := g.failing()
		g.failed(t.start, now)
		if g.failing() && !was {
			s.trim(g, g.quota()) // its memory is better used by others
		}
	case interrupted:
	}
	g.running--
	s.running--
	if t.probe {
		s.probes--
	}
	if v.recorded {
		s.charge(g, -1, -t.job.Size())
	} else {
		s.giveBack(g, t.job, retryWait)
	}
	s.update(g, now)
	next, ok := s.pick(now)
	s.dispatch(now)
	s.checkIdle()
	return next, ok
}

// claimRoom is how much a claim for g may bring; 0 when there is no memory for it. It wants mu.
func (s *Sender) claimRoom(g *gate) (n, bytes int) {
	freeJobs, freeBytes := s.maxJobs-s.jobs, s.cfg.MemoryBytes-s.bytes
	n = min(g.roomForBacklog(), (freeJobs-g.jobs)/2)
	bytes = min((freeBytes-g.bytes)/2, s.cfg.MemoryBytes/8)
	if g.jobs == 0 { // whoever has nothing may have one
		n = max(n, min(1, freeJobs))
		if bytes < s.minClaim && freeBytes >= s.minClaim {
			bytes = s.minClaim
		}
	}
	if n <= 0 || bytes < s.minClaim {
		return 0, 0
	}
	return n, min(bytes, n*s.minClaim)
}

// claim asks the store for deliveries of g.
func (s *Sender) claim(g *gate, n, bytes int) {
	defer s.wg.Done()
	jobs, next, err := s.cfg.Store.Claim(s.attend, g.id, n, bytes)
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
			s.log.Warn("claim deliveries", "webhook_id", g.id.String(), "error", err)
		}
	case next != nil && len(jobs) == 0 && !next.After(now):
		g.due = earliest(g.due, now.Add(emptyWait)) // somebody else holds it, or the clocks differ
	case next != nil:
		g.due = earliest(g.due, *next)
	}
	s.claimErr = err != nil
	for _, job := range jobs {
		s.charge(g, 1, job.Size())
		if g.hook == nil || job.Hook.UpdatedAt.After(g.hook.UpdatedAt) {
			s.setHook(g, job.Hook) // read after what Changed told
		}
		if s.phase != serving || !g.open() {
			s.giveBack(g, job, 0)
			continue
		}
		g.old++
		g.queue.push(item{job: job})
	}
	if !g.open() {
		s.trim(g, 0)
	}
	s.update(g, now)
	s.dispatch(now)
	s.checkIdle()
}

// returned is a claimed delivery that is given back.
type returned struct {
	gate *gate
	job  *store.Job
	wait time.Duration // before it is claimed again
}

// trim gives back what is queued beyond keep, the newest first. It wants mu.
func (s *Sender) trim(g *gate, keep int) {
	for g.queue.len() > keep {
		it := g.queue.popLast()
		if it.fresh {
			g.fresh--
		} else {
			g.old--
		}
		s.giveBack(g, it.job, 0)
	}
}

// giveBack has a job of g, which is in no queue any more, unclaimed. It stays charged until that is done. It wants mu.
func (s *Sender) giveBack(g *gate, job *store.Job, wait time.Duration) {
	if s.phase == ended {
		s.charge(g, -1, -job.Size())
		return
	}
	s.returns = append(s.returns, returned{gate: g, job: job, wait: wait})
	if !s.returning {
		s.returning = true
		s.wg.Add(1)
		go s.returnAll()
	}
}

// returnAll gives back until there is nothing left.
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
	jobs := make([]*store.Job, len(part))
	for i, r := range part {
		jobs[i] = r.job
	}
	for {
		err := s.cfg.Store.Unclaim(s.finish, jobs)
		if err == nil {
			break
		}
		if s.finish.Err() == nil {
			s.log.Warn("give claims back", "deliveries", len(jobs), "error", err)
		}
		select {
		case <-time.After(retryWait):
			continue
		case <-s.finish.Done(): // the claims end with the node's
		}
		break
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, r := range part {
		s.charge(r.gate, -1, -r.job.Size())
		r.gate.due = earliest(r.gate.due, now.Add(r.wait))
		s.update(r.gate, now)
	}
	s.dispatch(now)
}
