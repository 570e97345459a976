package sender

import (
	"sync/atomic"
	"testing"
	"time"
)

// When the clock is set, nothing is sent twice or forgotten, and new events are sent at once. A waiting delivery is sent within
// seconds if it is due by the new clock, and that much later if the clock was set back.
func TestClockJumps(t *testing.T) {
	const wait = 30 * time.Minute
	for name, jump := range map[string]time.Duration{
		"an hour forward": time.Hour, "an hour back": -time.Hour, "a day forward": 24 * time.Hour, "a day back": -24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			var offset atomic.Int64
			clock := func() time.Time {
				return time.Now().Add(time.Duration(offset.Load())).Round(0) // strips the monotonic reading, which setting a clock does not change
			}
			bubble(t, func(c *Config) { c.Now = clock }, func(t *testing.T, w *world) {
				w.now = clock
				waiting, busy := w.add("waiting"), w.add("busy")
				w.run(t)
				due := clock().Add(wait)
				w.backlog(waiting, 1, due)
				w.sender.Due(waiting.ID, due)
				pass(time.Minute)
				if n := w.count(waiting); n != 0 {
					t.Fatalf("%d attempts before the time", n)
				}
				offset.Store(int64(jump))
				w.publish(w.sender, busy, 10)
				w.backlog(busy, 1, clock()) // and one that must be claimed
				w.sender.Due(busy.ID, clock())
				pass(time.Second)
				if n := w.count(busy); n != 2 {
					t.Errorf("%d of 2 new events were sent", n)
				}
				pass(longestWait)
				if n := w.count(waiting); n != 1 && jump > 0 || n != 0 && jump < 0 {
					t.Errorf("%d attempts after the jump", n)
				}
				pass(wait + max(0, -jump))
				if n := w.count(waiting); n != 1 {
					t.Errorf("%d attempts in the end", n)
				}
			})
		})
	}
}
