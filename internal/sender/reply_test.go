package sender

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
)

// large responds with size bytes, or fewer if there is no room; it asks for room as egress does.
func large(d time.Duration, size int) func(context.Context, *egress.Request) egress.Result {
	return func(ctx context.Context, r *egress.Request) egress.Result {
		res := after(d, 200)(ctx, r)
		if res.Code != egress.OK {
			return res
		}
		for n := 2 * egress.FreeBodyBytes; ; n = min(2*n, size) {
			if granted, _ := r.Room.Grow(ctx, n); !granted {
				res.Truncated = true
				return res
			}
			if n >= size {
				break
			}
		}
		res.Body = make([]byte, size)
		return res
	}
}

// Large answers that are being read or recorded share a bounded number of bytes, a tenant at most half; beyond that only its
// attempts wait before they begin. Once answers are written they continue, and no answer was cut off.
func TestLargeAnswersWait(t *testing.T) {
	const hooks, room = 200, 4 << 20
	bubble(t, func(c *Config) { c.AnswerBytes = room }, func(t *testing.T, w *world) {
		first := w.add("large0")
		all := []*store.Target{first}
		for range hooks - 1 {
			all = append(all, w.add("large0", func(to *store.Target) { to.TenantID = first.TenantID }))
		}
		small, other := w.add("small", func(to *store.Target) { to.TenantID = first.TenantID }), w.add("other")
		w.client.set("large0", large(100*time.Millisecond, egress.MaxBodyBytes))
		w.client.set("other", large(10*time.Millisecond, egress.MaxBodyBytes))
		for _, to := range all {
			w.backlog(to, 1, time.Now())
		}
		w.run(t)
		pass(10 * time.Second) // now their answers are known to be large
		w.mu.Lock()
		w.stuck = true
		w.mu.Unlock()
		before := len(w.client.begun("large0"))
		for range 2 {
			for _, to := range all {
				w.publish(w.sender, to, 10)
			}
		}
		pass(10 * time.Second)
		if used := w.sender.answers.Used(); used > room/2 || used < room/4 {
			t.Errorf("%d bytes are held by one tenant, of %d", used, room)
		}
		if began, most := len(w.client.begun("large0"))-before, room/2/egress.MaxBodyBytes; began > most {
			t.Errorf("%d attempts were begun, at most %d should", began, most)
		}
		for range 3 {
			w.publish(w.sender, small, 10)
			w.publish(w.sender, other, 10)
		}
		pass(50 * time.Millisecond)
		if s, o := w.count(small), w.count(other); s != 3 || o != 3 {
			t.Errorf("recorded beside it: %d small ones of 3, %d of another tenant of 3", s, o)
		}
		w.mu.Lock()
		w.stuck = false
		for _, r := range w.unwritten {
			r.Written()
		}
		w.mu.Unlock()
		pass(30 * time.Second)
		for _, to := range all {
			if n := w.count(to); n != 3 {
				t.Fatalf("%d of 3 are recorded", n)
			}
		}
		for _, r := range w.attempts() {
			if r.Attempt.ResponseTruncated {
				t.Fatal("an answer was cut off")
			}
		}
	})
}

// However ten thousand attempts with large answers end, all room is released (bubble checks it).
func TestAnswersAreGivenBack(t *testing.T) {
	bubble(t, func(c *Config) { c.AnswerBytes = 1 << 20 }, func(t *testing.T, w *world) {
		to := w.add("any")
		w.client.set("any", func(ctx context.Context, r *egress.Request) egress.Result {
			size := rand.IntN(egress.MaxBodyBytes)
			res := large(time.Millisecond, size)(ctx, r)
			switch rand.IntN(8) {
			case 0:
				return egress.Result{Code: egress.Timeout, Message: "late"}
			case 1:
				return egress.Result{Code: egress.TooSlow, StatusCode: 200, Body: res.Body}
			case 2:
				panic("of a client")
			case 3:
				res.Header = map[string][]string{"X-Large": {string(make([]byte, 20<<10))}}
			case 4:
				return egress.Result{Code: egress.Canceled}
			}
			return res
		})
		w.backlog(to, 10_000, time.Now())
		w.run(t)
		for i := range 100 {
			w.fail(nil, nil)
			if i%10 == 9 {
				w.fail(nil, errors.New("not recorded"))
			}
			pass(100 * time.Millisecond)
		}
		w.fail(nil, nil)
		pass(time.Minute)
		if n := w.count(to); n < 1000 {
			t.Errorf("%d were recorded", n)
		}
	})
}
