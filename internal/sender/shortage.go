package sender

import (
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
)

const (
	firstRest = time.Second // after an attempt that this host could not make; doubles with each further one
	// longestRest limits the rest of a webhook, longestPause that of all.
	longestRest  = time.Minute
	longestPause = 15 * time.Second
	quiet        = 30 * time.Second // without such an attempt the shortage is over
	mostUnmade   = 10               // in a row, after which the rest is the longest
)

// shortage is what the sender knows about failures of this host (I20). Attempts that it could not make are not recorded; their
// deliveries are released and wait. The sender's mu guards it.
type shortage struct {
	pause  time.Time // no attempt starts before
	row    int       // consecutive pauses
	last   time.Time // when an attempt could last not be made; zero: no shortage
	unmade int       // since the last log line
	all    int64     // attempts that could not be made, since the sender was created
}

// rest returns how long to wait after the n-th failure in a row, n ≥ 1.
func rest(n int, longest time.Duration) time.Duration {
	return min(firstRest<<min(n-1, 10), longest)
}

// notMade records an attempt that this host could not make, and returns how long its delivery must wait. A failure that concerns
// only this receiver delays its webhook; one that concerns every attempt delays all. The caller must hold s.mu.
func (s *Sender) notMade(t *task, v verdict, now time.Time) time.Duration {
	h, g := &s.shortage, t.gate
	if h.last.IsZero() {
		s.log.Warn("this host cannot make attempts; none is recorded, and the deliveries wait",
			slog.String("reason", v.reason), slog.String("webhook_id", g.id.String()))
	}
	h.last = now
	h.unmade++
	h.all++
	if v.code == egress.Shortage && !t.start.Before(h.pause) { // else it began before the pause, and adds nothing
		h.row++
		h.pause = now.Add(rest(h.row, longestPause))
		s.wakeUp()
	}
	if t.start.Before(g.rest) {
		return max(0, g.rest.Sub(now))
	}
	g.unmade = min(g.unmade+1, mostUnmade)
	wait := rest(int(g.unmade), longestRest)
	g.rest = now.Add(wait)
	return wait
}

// Short reports whether this host could not make an attempt and has made no other since: deliveries wait, and none is lost. It
// becomes false when nothing has been tried for longer than a webhook rests.
func (s *Sender) Short() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.shortage.last.IsZero() && s.cfg.Now().Sub(s.shortage.last) < longestRest+quiet
}

// made records an attempt that this host could make, over a reused or new connection. The caller must hold s.mu.
func (s *Sender) made(t *task, reused bool, now time.Time) {
	t.gate.unmade = 0
	h := &s.shortage
	if h.last.IsZero() {
		return
	}
	if !reused && !t.start.Before(h.pause) {
		h.row = 0 // a new connection: the shortage has ended
	}
	if now.Sub(h.last) >= quiet {
		s.log.Info("this host can make attempts again", slog.Int("not_made", h.unmade), slog.Time("last", h.last))
		*h = shortage{all: h.all}
	}
}
