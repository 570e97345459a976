package sender

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// When thousands of quick receivers of one tenant begin to hang at the same moment, other tenants' webhooks are not delayed, and
// the tenant's own quick ones wait once, until the others' requests have become late.
func TestTurnToHanging(t *testing.T) {
	for name, tenants := range map[string]struct{ turning, own, other string }{
		"of several tenants":  {"a", "a", "c"},
		"of the only tenant":  {"a", "a", "a"},
		"beside a slow crowd": {"a", "b", "c"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				turning := w.join("turning", crowd{tenant: tenants.turning, n: 1000})
				own := w.join("own", crowd{tenant: tenants.own, n: 20})
				seldom := w.join("seldom", crowd{tenant: tenants.own, n: 20})
				other := w.join("other", crowd{tenant: tenants.other, n: 20})
				w.run(t)
				w.keepPublishing(ctx, turning, 200*time.Millisecond)
				w.keepPublishing(ctx, own, 100*time.Millisecond)
				w.keepPublishing(ctx, seldom, time.Second)
				w.keepPublishing(ctx, other, 100*time.Millisecond)
				pass(2 * time.Second)
				for i := range turning {
					w.client.set(fmt.Sprintf("turning-%d", i), hang)
				}
				from := time.Now()
				pass(20 * time.Second)
				cancel()
				pass(time.Second)
				for _, is := range []struct {
					targets []*store.Target
					n       int
					longest time.Duration
				}{{own, 20 * 200, lateAfter}, {seldom, 20 * 20, time.Second}, {other, 20 * 200, 5 * time.Millisecond}} {
					if is.targets[0].TenantID != turning[0].TenantID {
						is.longest = 5 * time.Millisecond
					}
					waited, waiting := w.waits(is.targets, from)
					if len(waited) < is.n || waiting > 0 || waited[len(waited)-1] > is.longest {
						t.Errorf("%d of %d deliveries were attempted, %d wait, the last waited for %v, want at most %v; %+v",
							len(waited), is.n, waiting, waited[max(0, len(waited)-1)], is.longest, w.sender.Stats())
					}
				}
			})
		})
	}
}

// Slow webhooks share their part of the slots by tenant, then by webhook: thousands of hanging webhooks of one tenant leave
// another's few slow ones what they need, and those that want more get equal shares.
func TestSharesOfSlowOnes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		slow := after(5*time.Second, 200)
		w.join("hanging", crowd{tenant: "a", n: 2000, answer: hang, backlog: 30})
		few := w.join("few", crowd{tenant: "b", n: 20, answer: slow, backlog: 1500})
		many := w.join("many", crowd{tenant: "c", n: 1000, answer: slow, backlog: 100})
		w.run(t)
		pass(time.Minute) // the sender has learned their speed
		counts := func(targets []*store.Target) []int {
			n := map[webhook.ID]int{}
			for _, r := range w.attempts() {
				n[r.Attempt.WebhookID]++
			}
			all := make([]int, len(targets))
			for i, to := range targets {
				all[i] = n[to.ID]
			}
			return all
		}
		fewBefore, manyBefore := counts(few), counts(many)
		pass(2 * time.Minute)
		// 4,096/2 slots are for three tenants and one more, with a quarter of each share for first requests.
		share := defaultConcurrency / 2 / 3 * 3 / 4
		for _, c := range []struct {
			now, before []int
			least       int // of each webhook
		}{
			{counts(few), fewBefore, share / len(few) * 120 / 5},
			{counts(many), manyBefore, share * 120 / 5 / len(many)},
		} {
			for i := range c.now {
				c.now[i] -= c.before[i]
			}
			if most, least := slices.Max(c.now), slices.Min(c.now); least < c.least*9/10 || most > least+2 && most > least*6/5 {
				t.Errorf("%d to %d deliveries a webhook, want at least %d; %+v", least, most, c.least, w.sender.Stats())
			}
		}
	})
}

// A request that becomes late frees its place for another, without any other event.
func TestLateRequestMakesRoom(t *testing.T) {
	bubble(t, func(c *Config) { c.Concurrency = 2 }, func(t *testing.T, w *world) {
		targets := append(w.join("a", crowd{tenant: "a", n: 1}), w.join("b", crowd{tenant: "b", n: 1})...)
		w.run(t)
		for _, to := range targets {
			w.publish(w.sender, to, 100)
			pass(time.Second)
		}
		w.client.set("a-0", hang)
		w.publish(w.sender, targets[0], 100)
		pass(100 * time.Millisecond)
		from := time.Now()
		w.publish(w.sender, targets[1], 100)
		pass(time.Second)
		if waited, _ := w.waits(targets[1:], from); len(waited) != 1 || waited[0] != 200*time.Millisecond {
			t.Errorf("waited for %v, want 200 ms", waited)
		}
	})
}

// While a request is late, its webhook's further requests count as slow, until the receiver responds to one.
func TestLateUntilAnswered(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		to := w.join("a", crowd{tenant: "a", n: 1})[0]
		w.run(t)
		w.publish(w.sender, to, 100)
		pass(time.Second)
		w.client.set("a-0", hang)
		for _, step := range []struct {
			answer        respond
			running, slow int // after the next event
		}{{hang, 1, 0}, {hang, 2, 2}, {nil, 3, 3}, {nil, 3, 2}} {
			w.client.set("a-0", step.answer)
			w.publish(w.sender, to, 100)
			pass(1)
			if s := w.sender.Stats(); s.Running != step.running || s.Slow != step.slow {
				t.Errorf("%d requests in flight, %d of them slow; want %d and %d", s.Running, s.Slow, step.running, step.slow)
			}
			pass(lateAfter)
		}
	})
}

// One hanging request does not make a webhook slow, two in a row do, and a few quick responses make it quick again.
func TestAverage(t *testing.T) {
	g := newGate()
	for range 20 {
		g.learn(10*time.Millisecond, 0)
	}
	if g.learn(15*time.Second, 0); g.slow {
		t.Error("slow after one request that hung")
	}
	if g.learn(15*time.Second, 0); !g.slow {
		t.Error("quick after two requests that hung")
	}
	for range 20 {
		g.learn(15*time.Second, 0)
	}
	n := 0
	for ; g.slow; n++ {
		g.learn(10*time.Millisecond, 0)
	}
	if n < 2 || n > 7 {
		t.Errorf("quick again after %d quick answers", n)
	}
}

// Webhooks that were slow or failing and are quick again catch up, and from then on everything is sent at once.
func TestRecoveryOfMany(t *testing.T) {
	for name, bad := range map[string]respond{"slow": after(5*time.Second, 200), "hanging": hang, "failing": after(time.Millisecond, 500)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				targets := w.join("bad", crowd{tenant: "a", n: 1500, answer: bad})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w.run(t)
				w.keepPublishing(ctx, targets, time.Second)
				pass(20 * time.Second)
				for i := range targets {
					w.client.set(fmt.Sprintf("bad-%d", i), nil)
				}
				pass(20 * time.Second) // the last bad requests may take 15 s
				from := time.Now()
				pass(5 * time.Second)
				cancel()
				pass(time.Second)
				w.expectPrompt(t, targets, from, 5*1500)
				if s := w.sender.Stats(); s.Slow > 0 || s.Held > 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// Thousands of due webhooks of one tenant delay neither another tenant's claims nor those of its own quick webhooks.
func TestClaimsInTurn(t *testing.T) {
	bubble(t, func(c *Config) { c.Claims = 1 }, func(t *testing.T, w *world) {
		w.slow(10 * time.Millisecond)
		own := w.join("own", crowd{tenant: "a", n: 1})[0]
		other := w.join("other", crowd{tenant: "b", n: 1})[0]
		w.run(t)
		w.publish(w.sender, own, 100)
		pass(time.Second)
		w.join("due", crowd{tenant: "a", n: 2000, answer: hang, backlog: 20})
		pass(time.Second)
		for _, to := range []*store.Target{own, other} {
			at := time.Now()
			w.backlog(to, 1, at)
			w.sender.Due(to.ID, at)
			pass(time.Second)
			if waited, waiting := w.waits([]*store.Target{to}, at); waiting > 0 || waited[0] > 30*time.Millisecond {
				t.Errorf("waited for %v, %d wait still", waited, waiting)
			}
		}
		if n := w.asked(); n < 250 {
			t.Errorf("%d claims in 3 s, want one after the other", n)
		}
	})
}

// Deliveries that wait for slow receivers, of any number of tenants, do not fill the memory: new deliveries of other tenants and of
// their own quick webhooks are taken.
func TestMemoryInTurn(t *testing.T) {
	for _, is := range []struct{ tenants, hanging, greedy, large, burst int }{
		{tenants: 1, hanging: 500, greedy: 50, large: 100, burst: 1},
		{tenants: 1, hanging: 500, greedy: 50, large: 9_000, burst: 1},
		{tenants: 40, hanging: 50, large: 9_000, burst: 20},
	} {
		t.Run(fmt.Sprint(is), func(t *testing.T) {
			bubble(t, func(c *Config) { c.MemoryBytes, c.MaxDataBytes = 4<<20, 10_000 }, func(t *testing.T, w *world) {
				keepingUp := append(w.join("own", crowd{tenant: "0", n: 1}), w.join("other", crowd{tenant: "other", n: 1})...)
				w.run(t)
				for _, to := range keepingUp {
					w.publish(w.sender, to, 100)
				}
				pass(time.Second)
				many := w.join("greedy", crowd{tenant: "greedy", n: is.greedy, backlog: 1000})
				for i := range is.tenants {
					many = append(many, w.join("hanging", crowd{tenant: fmt.Sprint(i), n: is.hanging, answer: hang, backlog: 100})...)
				}
				for range 20 {
					for _, to := range many { // a delivery that is not taken is claimed
						w.publish(w.sender, to, is.large)
					}
					for _, to := range keepingUp {
						for range is.burst {
							if !w.publish(w.sender, to, 9_000) {
								t.Errorf("a new delivery was not taken: %+v", w.sender.Stats())
								return
							}
						}
					}
					pass(300 * time.Millisecond)
				}
			})
		})
	}
}

// Claims that run are charged for more than they mostly bring. Their webhooks' tenant has room for new deliveries beside them all the
// same: those that are not taken have to be claimed too, so that claims would never end.
func TestClaimsLeaveRoom(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		many := w.join("many", crowd{tenant: "a", n: 20})
		w.join("other", crowd{tenant: "b", n: 1})
		w.run(t)
		for _, to := range many {
			w.publish(w.sender, to, 100)
		}
		pass(time.Second)
		w.slow(time.Minute)
		now := time.Now()
		for _, to := range many[1:] {
			w.backlog(to, 100, now)
			w.sender.Due(to.ID, now)
		}
		pass(time.Second)
		if s := w.sender.Stats(); s.Claims != defaultClaims {
			t.Fatalf("%+v, want %d claims", s, defaultClaims)
		}
		if !w.publish(w.sender, many[0], 100) {
			t.Errorf("a new delivery was not taken: %+v", w.sender.Stats())
		}
	})
}

// However attempts, records and claims fail, 10,000 times: all sums are zero at the end.
func TestBooksOfBadAttempts(t *testing.T) {
	bubble(t, func(c *Config) { c.Concurrency, c.Timeout = 100, time.Second }, func(t *testing.T, w *world) {
		chance, answers := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(3, 4))
		bad := func(ctx context.Context, r *egress.Request) egress.Result {
			w.mu.Lock() // guards answers
			n, wait := answers.IntN(8), time.Duration(answers.IntN(500))*time.Millisecond
			w.mu.Unlock()
			switch n {
			case 0:
				panic("a transport that panics")
			case 1:
				return hang(ctx, r)
			case 2:
				return egress.Result{Code: egress.Canceled}
			case 3:
				return after(wait, 500)(ctx, r)
			}
			return after(wait, 200)(ctx, r)
		}
		var targets []*store.Target
		for i := range 10 {
			targets = append(targets, w.join(fmt.Sprint(i), crowd{tenant: fmt.Sprint(i / 2), n: 10, answer: bad})...)
		}
		w.run(t)
		for i := range 10_000 {
			w.publish(w.sender, targets[chance.IntN(len(targets))], 100)
			if i%100 > 0 {
				continue
			}
			var claims, records error
			if chance.IntN(3) == 0 {
				claims = errors.New("no claims")
			}
			if chance.IntN(3) == 0 {
				records = errors.New("no records")
			}
			w.fail(claims, records)
			w.change(w.sender, targets[chance.IntN(len(targets))])
			pass(100 * time.Millisecond)
			if err := check(w.sender); err != nil {
				t.Fatal(err)
			}
		}
		w.fail(nil, nil)
		for range 100 {
			if pass(time.Minute); len(w.attempts()) == 10_000 {
				break
			}
		}
		if err := check(w.sender); err != nil {
			t.Error(err)
		}
		if s := w.sender.Stats(); len(w.attempts()) != 10_000 || s.Held+s.Bytes+s.Running+s.Slow+s.Claims > 0 {
			t.Errorf("%d of 10,000 recorded; %+v", len(w.attempts()), s)
		}
	})
}
