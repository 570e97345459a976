package sender

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// While goroutines wait long for a processor, few requests are in flight, and a tenant without any gets a slot at once; afterwards
// there are as many as before.
func TestPace(t *testing.T) {
	var delay atomic.Int64
	set := func(c *Config) { c.Delay = func() time.Duration { return time.Duration(delay.Load()) } }
	bubble(t, set, func(t *testing.T, w *world) {
		w.join("busy", crowd{tenant: "a", n: 100, answer: after(100*time.Millisecond, 200), backlog: 1500})
		other := w.join("other", crowd{tenant: "b", n: 1})
		w.run(t)
		pass(5 * time.Second)
		free := w.sender.Stats().Running
		least := paceFloor * runtime.GOMAXPROCS(0)
		if free < 4*least {
			t.Fatalf("%d requests in flight without a reason to hold any back", free)
		}

		delay.Store(int64(50 * time.Millisecond))
		pass(2 * time.Second)
		if n := w.sender.Stats().Running; n > least || n < least/2 {
			t.Errorf("%d requests in flight on a machine that is too busy, want %d", n, least)
		}
		from := time.Now()
		w.publish(w.sender, other[0], 100)
		pass(time.Second)
		if waited, _ := w.waits(other, from); len(waited) != 1 || waited[0] != 0 {
			t.Errorf("another tenant's waited for %v", waited)
		}

		delay.Store(0)
		pass(5 * time.Second)
		if n := w.sender.Stats().Running; n < free*9/10 {
			t.Errorf("%d requests in flight when the machine is not busy any more, %d before", n, free)
		}
	})
}

// On an overloaded machine, first requests to unknown webhooks start few at a time.
func TestPaceOfFirstRequests(t *testing.T) {
	set := func(c *Config) { c.Delay = func() time.Duration { return 50 * time.Millisecond } }
	bubble(t, set, func(t *testing.T, w *world) {
		w.run(t)
		pass(2 * time.Second) // nothing is in flight: the pace is at its minimum
		targets := w.join("new", crowd{tenant: "a", n: 1000, answer: after(time.Second, 200)})
		least := paceFloor * runtime.GOMAXPROCS(0)
		for _, to := range targets {
			w.sender.Changed(nil, to)
			w.publish(w.sender, to, 100)
		}
		pass(time.Millisecond)
		if n := w.sender.Stats().Running; n < 1 || n > least {
			t.Errorf("%d first requests at once, want %d", n, least)
		}
		pass(paceEvery)
		if n := w.sender.Stats().Running; n <= least || n > 2*least {
			t.Errorf("%d first requests after %v, want %d", n, paceEvery, 2*least)
		}
	})
}

// On an overloaded machine, first requests to webhooks that respond at once are not held back.
func TestPaceOfQuickAnswers(t *testing.T) {
	set := func(c *Config) { c.Delay = func() time.Duration { return 50 * time.Millisecond } }
	bubble(t, set, func(t *testing.T, w *world) {
		w.run(t)
		pass(2 * time.Second)
		hooks := w.join("new", crowd{tenant: "a", n: 3000, answer: after(time.Millisecond, 200)})
		for _, h := range hooks {
			w.sender.Changed(nil, h)
			w.publish(w.sender, h, 100)
		}
		pass(paceEvery + time.Millisecond)
		if n, least := len(w.attempts()), 1500; n < least {
			t.Errorf("%d requests in %v, want %d at least", n, paceEvery, least)
		}
	})
}

// On an overloaded machine, requests that end do not let more begin than those that began with them: first requests that take longer
// than a period of the pace would pile up otherwise.
func TestPaceOfLongerAnswers(t *testing.T) {
	set := func(c *Config) { c.Delay = func() time.Duration { return 50 * time.Millisecond } }
	bubble(t, set, func(t *testing.T, w *world) {
		w.run(t)
		pass(2 * time.Second)
		for _, h := range w.join("new", crowd{tenant: "a", n: 3000, answer: after(2*paceEvery+paceEvery/2, 200)}) {
			w.sender.Changed(nil, h)
			w.publish(w.sender, h, 100)
		}
		for range 20 {
			pass(paceEvery)
			if n, most := w.sender.Stats().Running, 4*paceFloor*runtime.GOMAXPROCS(0); n < 1 || n > most {
				t.Fatalf("%d requests in flight, of which as many as the pace begin in each period, want %d at most", n, most)
			}
		}
	})
}

// The delay covers the time since the previous call, and an idle process has none.
func TestSchedulingDelay(t *testing.T) {
	delay := SchedulingDelay()
	delay()
	if d := delay(); d < 0 || d > time.Minute {
		t.Errorf("%v", d)
	}
}
