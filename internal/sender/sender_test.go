package sender

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An unknown receiver gets four requests at once, and twice as many after each window of successes, up to PerWebhook.
func TestSlowStart(t *testing.T) {
	bubble(t, func(c *Config) { c.PerWebhook = 64 }, func(t *testing.T, w *world) {
		to := w.add("a")
		w.client.set("a", after(100*time.Millisecond, 200))
		w.backlog(to, 2000, time.Now())
		w.run(t)
		for i, want := range []int{4, 8, 16, 32, 64, 64, 64} {
			if got := w.client.peak("a"); got != want {
				t.Errorf("window %d: %d requests in flight, want %d", i, got, want)
			}
			pass(100 * time.Millisecond)
		}
	})
}

// A receiver that begins to fail is sent fewer requests at once, then one at a time; when it recovers, the number grows again.
func TestShrinkAndRecover(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.client.set("a", after(100*time.Millisecond, 200))
		w.backlog(to, 20000, time.Now())
		w.run(t)
		pass(2 * time.Second)
		if got := w.client.peak("a"); got != 128 {
			t.Fatalf("%d requests in flight, want 128", got)
		}
		w.client.set("a", after(100*time.Millisecond, 503))
		pass(time.Second)
		w.client.peak("a")
		pass(time.Second)
		if got := w.client.peak("a"); got != 1 {
			t.Errorf("%d requests in flight to a failing receiver, want 1", got)
		}
		if held := w.sender.Stats().Held; held > probeQueue+1 {
			t.Errorf("%d deliveries are held for a failing receiver", held)
		}
		w.client.set("a", after(100*time.Millisecond, 200))
		pass(150 * time.Millisecond)
		w.client.peak("a")
		pass(100 * time.Millisecond)
		if got := w.client.peak("a"); got < 4 || got > 16 {
			t.Errorf("%d requests in flight right after recovery, want a few", got)
		}
		pass(3 * time.Second)
		if got := w.client.peak("a"); got < 64 {
			t.Errorf("%d requests in flight 3 s after recovery, want at least 64", got)
		}
	})
}

// Hanging webhooks, however many and with any backlog, do not delay the others by a millisecond: neither when they begin to hang at
// full speed, nor while they are probed.
func TestHangIsolation(t *testing.T) {
	for _, hanging := range []int{1, 10, 2000} {
		t.Run(fmt.Sprint(hanging), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				healthy := w.add("healthy")
				var bad []*store.Target
				for i := range hanging {
					to := w.add(fmt.Sprintf("bad%d", i))
					bad = append(bad, to)
					w.backlog(to, max(20, 20000/hanging), time.Now())
				}
				w.run(t)
				pass(time.Second) // ramps up
				for i := range bad {
					w.client.set(fmt.Sprintf("bad%d", i), hang)
				}
				for i := range 600 { // 60 s
					w.publish(w.sender, healthy, 100)
					pass(11 * time.Millisecond)
					if got := w.count(healthy); got != i+1 {
						t.Fatalf("event %d of the healthy webhook is late: %d delivered; %+v", i+1, got, w.sender.Stats())
					}
					pass(89 * time.Millisecond)
				}
				for i := range bad {
					w.client.set(fmt.Sprintf("bad%d", i), after(0, 200))
				}
			})
		})
	}
}

// When slots are scarce, webhooks with a backlog take turns: each gets the same share, whatever its backlog.
func TestFairShares(t *testing.T) {
	bubble(t, func(c *Config) { c.Concurrency = 9 }, func(t *testing.T, w *world) {
		targets := []*store.Target{w.add("a"), w.add("b"), w.add("c")}
		for i, to := range targets {
			w.backlog(to, 5000*(i+1), time.Now())
		}
		w.run(t)
		pass(10 * time.Second)
		most, least := 0, 1<<30
		for _, to := range targets {
			most, least = max(most, w.count(to)), min(least, w.count(to))
		}
		if least < most*9/10 || least == 0 {
			t.Errorf("shares from %d to %d", least, most)
		}
		if all, _ := w.client.limits(); all > 9 {
			t.Errorf("%d requests in flight, want at most 9", all)
		}
	})
}

// New events do not wait for a backlog of the same webhook, and do not prevent it from draining.
func TestNewEventsInterleaveWithBacklog(t *testing.T) {
	bubble(t, func(c *Config) { c.PerWebhook = 8 }, func(t *testing.T, w *world) {
		to := w.add("a")
		w.slow(5 * time.Millisecond)
		w.backlog(to, 10_000, time.Now().Add(-time.Hour))
		w.run(t)
		pass(time.Second)
		taken := 0
		for range 3000 { // as fast as it is delivered
			if w.publish(w.sender, to, 100) {
				taken++
			}
			pass(time.Millisecond)
		}
		before := w.count(to)
		if taken < 100 || taken > 1500 {
			t.Errorf("%d of 3,000 new events were taken while %d deliveries were made", taken, before)
		}
		if left := w.waiting(to); left > 10_000 {
			t.Errorf("the backlog has grown to %d", left)
		}
	})
}

// In each second as many attempts start as the webhook's rate allows, or slightly fewer, never more. Each node has its share, also
// while nodes join and leave.
func TestRateLimit(t *testing.T) {
	for _, is := range []struct{ rate, nodes int }{{1, 1}, {7, 1}, {100, 1}, {3000, 1}, {1, 3}, {7, 3}, {90, 3}, {3000, 2}} {
		t.Run(fmt.Sprint(is), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				to := w.add("a", func(to *store.Target) { to.RatePerSecond = &is.rate })
				w.client.set("a", after(time.Millisecond, 200))
				w.backlog(to, 9*is.rate, time.Now())
				w.sender.Nodes(is.nodes)
				w.run(t)
				pass(6 * time.Second)
				rate := (is.rate + is.nodes - 1) / is.nodes
				starts := w.client.begun("a")
				first := 0
				for i, at := range starts {
					for at.Sub(starts[first]) >= time.Second {
						first++
					}
					if n := i - first + 1; n > rate {
						t.Fatalf("%d attempts in one second", n)
					}
				}
				if want := 6 * is.rate / is.nodes; len(starts) < want*9/10 || len(starts) > want+rate {
					t.Errorf("%d attempts in 6 s, want nearly %d", len(starts), want)
				}
				w.sender.Nodes(2 * is.nodes)
				pass(6 * time.Second)
				if n, want := len(w.client.begun("a"))-len(starts), 6*is.rate/is.nodes/2; n < want*9/10-1 || n > want+rate {
					t.Errorf("%d attempts in 6 s with twice the nodes, want nearly %d", n, want)
				}
			})
		})
	}
}

// A retry that is due in 5 s is sent after 5 s, with one claim, however many other webhooks exist.
func TestDueWithoutScanning(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		for i := range 5000 {
			w.add(fmt.Sprintf("idle%d", i))
		}
		to := w.add("a")
		w.run(t)
		at := time.Now().Add(5 * time.Second)
		w.backlog(to, 1, at)
		w.sender.Due(to.ID, at)
		later := time.Now().Add(time.Hour)
		w.backlog(to, 1, later)
		w.sender.Due(to.ID, later)
		pass(5*time.Second - 1)
		if w.asked() != 0 {
			t.Errorf("%d claims before anything was due", w.asked())
		}
		pass(1)
		if got := w.client.begun("a"); len(got) != 1 || !got[0].Equal(at) {
			t.Errorf("attempts at %v, want one at %v", got, at)
		}
		pass(time.Hour)
		if got := w.count(to); got != 2 {
			t.Errorf("%d attempts, want 2", got)
		}
		if w.asked() != 2 {
			t.Errorf("%d claims, want 2", w.asked())
		}
	})
}

// A call of Due during a claim that does not see the delivery is not lost.
func TestDueDuringClaim(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.run(t)
		w.slow(time.Second)
		w.sender.Due(to.ID, time.Now())
		pass(time.Second / 2)
		w.sender.Due(to.ID, time.Now().Add(time.Second/4))
		pass(time.Minute)
		if w.asked() != 2 {
			t.Errorf("%d claims, want 2", w.asked())
		}
	})
}

// Deliveries held for a webhook that is disabled or deleted are released, not sent; enabling sends them.
func TestHeldWhileDisabled(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.client.set("a", after(time.Second, 200))
		w.backlog(to, 30, time.Now())
		w.run(t) // 4 are in flight
		reserved := newClaimed(to, time.Now(), 10)
		if !w.sender.Reserve(to, reserved.Size()) {
			t.Fatal("no room")
		}
		off := *to
		off.Enabled = false
		w.change(w.sender, &off)
		w.hold(reserved)
		w.sender.Take(reserved)
		pass(time.Minute)
		if got := w.count(to); got != 4 {
			t.Errorf("%d attempts, want the 4 that ran", got)
		}
		if w.waiting(to) != 27 || w.sender.Stats().Held != 0 {
			t.Errorf("%d given back, %d held", w.waiting(to), w.sender.Stats().Held)
		}
		if w.sender.Reserve(to, 1000) {
			t.Error("a disabled webhook has room")
		}
		w.change(w.sender, to)
		pass(time.Minute)
		if got := w.count(to); got != 31 {
			t.Errorf("%d attempts after enabling, want 31", got)
		}
		gone, now := *to, time.Now()
		gone.DeletedAt = &now
		w.change(w.sender, &gone)
		if n := w.sender.Stats().Gates; n != 0 {
			t.Errorf("%d webhooks are left", n)
		}
	})
}

// A disabled webhook is sent one probe at a time, at once, and nothing of what is held; one that is changed, or enabled meanwhile, harms nothing.
func TestProbe(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		off := *to
		off.Enabled = false
		w.client.set("a", after(time.Second, 500))
		w.backlog(to, 30, time.Now())
		w.change(w.sender, &off)
		w.run(t)
		probe := func() *store.Claimed {
			claimed := newClaimed(&off, time.Now(), 10)
			claimed.Event.Type = webhook.TypeProbe
			return claimed
		}
		for round := 1; round <= 20; round++ { // more than a failing receiver is sent at a time
			claimed := probe()
			if !w.sender.Reserve(&off, claimed.Size()) {
				t.Fatal("no room for a probe")
			}
			if w.sender.Reserve(&off, 10) {
				t.Fatal("room for another one")
			}
			w.hold(claimed)
			w.sender.Take(claimed)
			if w.sender.Reserve(&off, 10) {
				t.Fatal("room for another one, while it runs")
			}
			pass(time.Minute)
			if got := w.count(to); got != round || w.waiting(to) != 30 || w.sender.Stats().Held != 0 {
				t.Fatalf("round %d: %d attempts, %d wait, %d held", round, got, w.waiting(to), w.sender.Stats().Held)
			}
		}
		if w.asked() != 0 {
			t.Errorf("%d claims", w.asked())
		}
		claimed := probe()
		if !w.sender.Reserve(&off, claimed.Size()) {
			t.Fatal("no room for a probe")
		}
		w.sender.Release(&off, claimed.Size()) // its transaction failed
		if w.sender.Stats().Held != 0 {
			t.Errorf("%d held", w.sender.Stats().Held)
		}
		w.client.set("a", after(time.Second, 200))
		w.change(w.sender, to)
		pass(time.Minute)
		if got := w.count(to); got != 20+30 {
			t.Errorf("%d attempts after enabling, want 50", got)
		}
	})
}

// An attempt uses the webhook as it is when it starts, not as it was when the delivery was claimed.
func TestLatestSnapshot(t *testing.T) {
	bubble(t, func(c *Config) { c.PerWebhook = 1 }, func(t *testing.T, w *world) {
		to := w.add("old")
		w.backlog(to, 2, time.Now())
		w.run(t)
		moved := *to
		moved.URL = "https://new/hook"
		moved.UpdatedAt = time.Now()
		w.change(w.sender, &moved)
		pass(time.Second)
		if o, n := len(w.client.begun("old")), len(w.client.begun("new")); o != 1 || n != 1 {
			t.Errorf("%d attempts at the old URL and %d at the new, want 1 and 1", o, n)
		}
	})
}

// The end of Run lets attempts finish within Grace and records them, cancels the others, and releases the rest.
func TestShutdown(t *testing.T) {
	bubble(t, func(c *Config) { c.Grace = 5 * time.Second; c.Timeout = 30 * time.Second }, func(t *testing.T, w *world) {
		slow, stuck := w.add("slow"), w.add("stuck")
		w.client.set("slow", after(3*time.Second, 200))
		w.client.set("stuck", hang)
		w.backlog(slow, 100, time.Now())
		w.backlog(stuck, 100, time.Now())
		w.run(t)
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("Run ended after %v, want the grace of 5 s", took)
		}
		if a, b := w.count(slow), w.count(stuck); a != startLimit || b != 0 {
			t.Errorf("%d and %d attempts are recorded, want %d and 0", a, b, startLimit)
		}
		if n := w.waiting(slow) + w.waiting(stuck); n != 200-startLimit {
			t.Errorf("%d deliveries are due again, want %d", n, 200-startLimit)
		}
		if w.sender.Reserve(slow, 100) {
			t.Error("a sender that has ended has room")
		}
	})
}

// Nothing is accepted before Run, and reports of the store during the start are not lost.
func TestReserveBeforeRun(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.sender.Changed(nil, to)
		if w.publish(w.sender, to, 10) {
			t.Error("taken before Run")
		}
		w.run(t)
		pass(time.Second)
		if w.count(to) != 1 {
			t.Error("not sent")
		}
	})
}

// A tenant is busy while much of the memory is its deliveries, whatever its webhooks do with them; others are not.
func TestBusy(t *testing.T) {
	bubble(t, func(c *Config) { c.Concurrency = 100 }, func(t *testing.T, w *world) {
		many := w.join("many", crowd{tenant: "a", n: 1000})
		other := w.add("b")
		w.run(t)
		var reserved []*store.Target
		for _, to := range many {
			if w.sender.Busy(to.TenantID) {
				break
			}
			if w.sender.Reserve(to, 100) {
				reserved = append(reserved, to)
			}
		}
		if n, want := len(reserved), w.sender.maxDeliveries/8+1; n != want {
			t.Errorf("busy with %d deliveries, want %d", n, want)
		}
		if w.sender.Busy(other.TenantID) || w.sender.Busy(webhook.NewID(time.Now())) {
			t.Error("a tenant without deliveries is busy")
		}
		for i, to := range reserved {
			w.sender.Release(to, 100)
			if w.sender.Busy(to.TenantID) {
				t.Errorf("busy after %d releases", i+1)
			}
		}
	})
}

// A reservation counts until it is released; then there is room for the next one.
func TestRelease(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.run(t)
		n := 0
		for w.sender.Reserve(to, 2000) {
			n++
		}
		if want := max(minQueue, perLimit*startLimit); n != want {
			t.Errorf("%d reservations, want %d", n, want)
		}
		if s := w.sender.Stats(); s.Held != n || s.Bytes != 2000*n {
			t.Errorf("%+v", s)
		}
		for range n {
			w.sender.Release(to, 2000)
		}
		if !w.sender.Reserve(to, 2000) {
			t.Error("no room after release")
		}
		w.sender.Release(to, 2000)
	})
}

// After a failure of the store, the sender tries again a second later; nothing is lost.
func TestStoreErrors(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.backlog(to, 10, time.Now())
		w.fail(errors.New("disk on fire"), nil)
		w.run(t)
		pass(10*time.Second - 1)
		if w.asked() != 10 {
			t.Errorf("%d claims in 10 s, want one a second", w.asked())
		}
		w.fail(nil, errors.New("disk on fire"))
		pass(10 * time.Second)
		w.fail(nil, nil)
		pass(10 * time.Second)
		if w.count(to) != 10 {
			t.Errorf("%d recorded, want 10", w.count(to))
		}
	})
}

// A delivery whose event has expired while it waited in memory is not attempted, but released, unless a caller asked for it.
func TestExpiredIsNotAttempted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.add("a")
		w.client.set("a", after(time.Second, 200))
		w.backlog(to, 6, time.Now()) // four at once
		for i, claimed := range w.due[to.ID] {
			d := &claimed.Delivery
			if d.Trigger = webhook.TriggerSchedule; i > 0 {
				d.ExpiresAt = new(time.Now().Add(500 * time.Millisecond))
			}
			if i == 5 {
				d.Trigger = webhook.TriggerManual
			}
		}
		w.run(t)
		pass(3 * time.Second)
		if got, released := len(w.results), w.releases(); got != 5 || released != 1 {
			t.Errorf("%d attempts and %d releases, want 5 and 1", got, released)
		}
	})
}

// A claimed delivery whose event expires while it waits for its turn, behind a rate limit or a receiver that does not answer, is released within a
// second, and the store fails it then; what a caller asked for keeps its place. Others are sent at their time.
func TestExpiredWaitsForNoTurn(t *testing.T) {
	for name, prepare := range map[string]func(w *world) *store.Target{
		"rate": func(w *world) *store.Target {
			return w.add("a", func(to *store.Target) { to.RatePerSecond = new(1) })
		},
		"slow": func(w *world) *store.Target {
			to := w.add("a")
			w.client.set("a", after(10*time.Second, 200))
			return to
		},
	} {
		bubble(t, nil, func(t *testing.T, w *world) {
			to := prepare(w)
			w.backlog(to, 8, time.Now())
			for i, claimed := range w.due[to.ID] {
				d := &claimed.Delivery
				d.Trigger = webhook.TriggerSchedule
				switch {
				case i == 7: // the last in the queue
					d.Trigger, d.ExpiresAt = webhook.TriggerManual, new(time.Now().Add(1500*time.Millisecond))
				case i >= 5:
					d.ExpiresAt = new(time.Now().Add(time.Duration(1500+i) * time.Millisecond))
				}
			}
			w.run(t)
			pass(1400 * time.Millisecond)
			if n := w.releases(); n != 0 {
				t.Errorf("%s: %d were released before they expired", name, n)
			}
			pass(time.Second)
			if n := w.releases(); n != 2 {
				t.Errorf("%s: %d were released, want 2", name, n)
			}
			pass(30 * time.Second)
			if n, released := w.count(to), w.releases(); n != 6 || released != 2 {
				t.Errorf("%s: %d attempts and %d releases, want 6 and 2", name, n, released)
			}
		})
	}
}
