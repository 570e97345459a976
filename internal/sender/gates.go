package sender

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

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

// spareGates is the number of empty gates that are kept, so that webhooks that are sent to often need no new ones.
const spareGates = 1024

// spared puts an empty gate behind the others that are spare, and retires the first ones of too many. The caller must hold s.mu.
func (s *Sender) spared(g *gate, now time.Time) {
	if g.target.DeletedAt != nil {
		s.retire(g)
		return
	}
	s.spare.add(&g.place)
	s.retireSpare(2, now) // more than the one that was added: there may be many, after some were needed for a time
}

// retireSpare retires up to n spare gates beyond those that are kept, and returns their number. Some may be needed longer. The caller
// must hold s.mu.
func (s *Sender) retireSpare(n int, now time.Time) (retired int) {
	for ; n > 0 && s.spare.n > s.maxSpare; n-- {
		g := s.spare.first()
		g.place.remove()
		if g.needed().After(now) {
			s.spare.add(&g.place)
			continue
		}
		s.retire(g)
		retired++
	}
	return retired
}

// retire removes an empty gate, and remembers what it learned. The caller must hold s.mu.
func (s *Sender) retire(g *gate) {
	g.place.remove()
	delete(s.gates, g.id)
	if g.open() && g.learned != unknown(s.cfg.PerWebhook) {
		s.learned[g.id] = g.learned
	} else {
		delete(s.learned, g.id)
	}
	if g.tenant.gates--; g.tenant.gates == 0 {
		delete(s.tenants, g.tenant.id)
		if len(s.spareTenants) < s.maxSpare {
			s.spareTenants = append(s.spareTenants, g.tenant)
		}
	}
}

// gate returns a webhook's gate, and creates it if necessary; it is spare then. The caller must hold s.mu.
func (s *Sender) gate(to *store.Target, now time.Time) *gate {
	g := s.gates[to.ID]
	if g != nil {
		return g
	}
	if g = s.spare.first(); g != nil && s.spare.n >= s.maxSpare && !g.needed().After(now) {
		s.retire(g)
		g.clear()
	} else {
		g = newGate()
	}
	g.id = to.ID
	g.tenant = s.tenant(to.TenantID)
	g.tenant.gates++
	var ok bool
	if g.learned, ok = s.learned[to.ID]; !ok {
		g.learned = unknown(s.cfg.PerWebhook)
	}
	s.gates[to.ID] = g
	s.setTarget(g, to)
	s.spare.add(&g.place)
	return g
}

// tenant returns a tenant, and creates it if necessary. The caller must hold s.mu.
func (s *Sender) tenant(id webhook.ID) *tenant {
	t := s.tenants[id]
	if t != nil {
		return t
	}
	if n := len(s.spareTenants); n > 0 {
		t, s.spareTenants = s.spareTenants[n-1], s.spareTenants[:n-1]
		t.id, t.lateBegun = id, 0
	} else {
		t = newTenant(id)
	}
	s.tenants[id] = t
	return t
}

// crowd returns how many tenants may have something to send: those that have gates, and those whose webhooks are all idle. The
// caller must hold s.mu.
func (s *Sender) crowd() int { return max(len(s.tenants), s.owners) }

// setTarget gives a gate a newer snapshot. A different receiver resets what was learned. The caller must hold s.mu.
func (s *Sender) setTarget(g *gate, to *store.Target) {
	old := g.target
	g.target = to
	g.own = newCustom(to.Headers, to.Authentication)
	if old == nil || old.URL != to.URL {
		g.url = nil
	}
	if renewed(old, to) {
		g.reset(s.cfg.PerWebhook)
	}
	g.setRate(to.RatePerSecond, s.nodes)
}

// renewed reports whether what was learned with the snapshot was says nothing about to: the URL has changed, or the webhook has
// been enabled.
func renewed(was, to *store.Target) bool {
	return was != nil && (was.URL != to.URL || to.Enabled && !was.Enabled)
}
