package sender

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// update puts g into the lists that it belongs to. It is called after every change of g. The caller must hold s.mu.
func (s *Sender) update(g *gate, now time.Time) {
	if g.tenant != nil {
		s.setKind(g)
	}
	var wake time.Time
	mayRun, mayClaim := false, false
	if s.phase == serving && g.open() {
		if g.queue.len() > 0 && g.running < g.slots() {
			if at := latest(g.tokenAt(), g.rest); at.After(now) {
				wake = at
			} else {
				mayRun = true
			}
		}
		if !g.claiming && !g.due.IsZero() {
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
	if g.target != nil && g.target.DeletedAt != nil && g.deliveries == 0 && !g.claiming && s.phase > loading && s.gates[g.id] == g {
		delete(s.gates, g.id)
		if g.tenant.gates--; g.tenant.gates == 0 {
			delete(s.tenants, g.tenant.id)
		}
	}
}

// wakeUp makes watchClock recompute the earliest alarm.
func (s *Sender) wakeUp() {
	select {
	case s.poke <- struct{}{}:
	default: // a signal is already pending
	}
}

// clock is monotonic time.
func (s *Sender) clock() time.Duration { return time.Since(s.epoch) }

// checkIdle closes s.idle when Run has nothing left to wait for. The caller must hold s.mu.
func (s *Sender) checkIdle() {
	if s.phase != stopping || s.quick+s.slow > 0 || s.claims > 0 || s.reserved > 0 || s.returning {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// gate returns a webhook's gate, and creates it if necessary. The caller must hold s.mu.
func (s *Sender) gate(id webhook.ID) *gate {
	g := s.gates[id]
	if g == nil {
		g = newGate(id, s.cfg.PerWebhook)
		s.gates[id] = g
	}
	return g
}

// setTarget gives a gate a newer snapshot. A changed URL, or enabling the webhook, resets what was learned. The caller must
// hold s.mu.
func (s *Sender) setTarget(g *gate, to *store.Target) {
	old := g.target
	g.target = to
	if g.tenant == nil {
		t := s.tenants[to.TenantID]
		if t == nil {
			t = newTenant(to.TenantID)
			s.tenants[t.id] = t
		}
		t.gates++
		g.tenant = t
	}
	g.own = newCustom(to.Headers)
	if old == nil || old.URL != to.URL {
		g.url = nil
	}
	if old != nil && (old.URL != to.URL || to.Enabled && !old.Enabled) {
		g.reset(s.cfg.PerWebhook)
	}
	g.setRate(to.RatePerSecond, s.nodes)
}
