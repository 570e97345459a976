package sender

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// inBubble hides the test's deadline, which rapid must not ask for in a bubble.
type inBubble struct{ *testing.T }

// Whatever the load, the receivers and the changes of webhooks: the budgets for requests, deliveries and bytes hold at every
// moment, the sums agree with the gates, every delivery is sent once, recorded or released, and in the end all are delivered.
func TestBudgets(t *testing.T) {
	webhooktest.Checks(t, 100)
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			m, c := newMemory(), newReceivers()
			s := New(Config{
				Store: m, Client: c, Timeout: 5 * time.Second, Grace: time.Second,
				Concurrency:  rapid.IntRange(1, 20).Draw(t, "concurrency"),
				PerWebhook:   rapid.IntRange(1, 12).Draw(t, "per webhook"),
				MaxDataBytes: 10_000, MemoryBytes: rapid.IntRange(1, 300_000).Draw(t, "memory"),
				Claims: rapid.IntRange(1, 3).Draw(t, "claims"),
			})
			s.maxSpare = rapid.IntRange(0, 3).Draw(t, "spare gates")
			m.claimTime = rapid.SampledFrom([]time.Duration{0, time.Millisecond, 50 * time.Millisecond}).Draw(t, "claim time")
			targets := anyTargets(t, m)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- s.Run(ctx)
				close(done)
			}()
			defer func() { // also if a check fails
				cancel()
				for range done {
				}
			}()
			published := 0
			hook := func() int { return rapid.IntRange(0, len(targets)-1).Draw(t, "webhook") }
			t.Repeat(map[string]func(*rapid.T){
				"publish": func(*rapid.T) {
					i, size := hook(), rapid.IntRange(0, 9_000).Draw(t, "size")
					for range rapid.IntRange(1, 40).Draw(t, "n") {
						m.publish(s, targets[i], size)
						published++
					}
				},
				"receiver": func(*rapid.T) {
					c.set(fmt.Sprint(hook()), rapid.SampledFrom([]func(context.Context, *egress.Request) egress.Result{
						after(time.Millisecond, 200), after(300*time.Millisecond, 200), after(time.Millisecond, 500), hang, nowAndThen(2),
					}).Draw(t, "answer"))
				},
				"change": func(*rapid.T) {
					i := hook()
					h := *targets[i]
					h.Enabled = rapid.Bool().Draw(t, "enabled")
					h.UpdatedAt = time.Now()
					targets[i] = &h
					m.change(s, &h)
				},
				"pass": func(*rapid.T) { pass(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond) },
				"": func(t *rapid.T) {
					if err := check(s); err != nil {
						t.Fatal(err)
					}
					if all, one := c.limits(); all > s.cfg.Concurrency || one > s.cfg.PerWebhook {
						t.Fatalf("%d requests at once, %d to one webhook", all, one)
					}
				},
			})
			attemptAll(t, s, m, c, targets, published)
			pass(longestRest + longestWait)
			if st := s.Stats(); st.Gates > s.maxSpare {
				t.Errorf("%d gates are left when nothing is to be sent, want at most %d", st.Gates, s.maxSpare)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if len(m.wrong) > 0 || len(m.claimed) > 0 {
				t.Errorf("still claimed: %d; %v", len(m.claimed), m.wrong)
			}
			if st := s.Stats(); st.Held != 0 || st.Bytes != 0 || st.Running != 0 {
				t.Errorf("left in the books: %+v", st)
			}
		})
	})
}

// anyTargets draws webhooks of some tenants, some with a rate.
func anyTargets(t *rapid.T, m *memory) (targets []*store.Target) {
	for i := range rapid.IntRange(1, 6).Draw(t, "webhooks") {
		targets = append(targets, m.add(fmt.Sprint(i), func(to *store.Target) {
			to.TenantID = tenantID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant"))
			if rate := rapid.SampledFrom([]int{0, 0, 0, 20, 500}).Draw(t, "rate"); rate > 0 {
				to.RatePerSecond = &rate
			}
		}))
	}
	return targets
}

// attemptAll enables every webhook, makes every receiver respond, and waits until every delivery has been attempted.
func attemptAll(t *rapid.T, s *Sender, m *memory, c *receivers, targets []*store.Target, published int) {
	for i := range targets {
		c.set(fmt.Sprint(i), nil)
		h := *targets[i]
		h.Enabled, h.RatePerSecond, h.UpdatedAt = true, nil, time.Now()
		m.change(s, &h)
	}
	for range 60 {
		if pass(10 * time.Second); len(m.attempts()) == published {
			break
		}
	}
	if len(m.attempts()) != published {
		t.Errorf("%d of %d deliveries were attempted; %+v", len(m.attempts()), published, s.Stats())
	}
}

// check compares the sums with the gates, the tenants, and the budgets.
func check(s *Sender) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	type sums struct {
		held           [kinds]holding
		running, gates int
	}
	add := func(a sums, g *gate) sums {
		a.held[g.kind].add(g.deliveries, g.bytes)
		a.running += g.running
		a.gates++
		return a
	}
	var all sums
	reserved, late := 0, 0
	tenants := map[*tenant]sums{}
	for _, g := range s.gates {
		all, tenants[g.tenant] = add(all, g), add(tenants[g.tenant], g)
		reserved += g.reserved
		late += g.late
		queued := g.reserved + g.queue.len()
		if g.fresh < 0 || g.old < 0 || g.fresh+g.old < queued || !g.claiming && g.fresh+g.old != queued {
			return fmt.Errorf("%d new and %d old deliveries, %d queued", g.fresh, g.old, queued)
		}
		if g.fresh+g.old > max(minQueue, perLimit*s.cfg.PerWebhook) {
			return fmt.Errorf("%d deliveries are queued for one webhook", g.fresh+g.old)
		}
		if spare := g.place.list == &s.spare; spare != g.empty() {
			return fmt.Errorf("a gate is spare: %v, but empty: %v", spare, g.empty())
		}
		if g.late < 0 || g.late > g.running {
			return fmt.Errorf("%d of %d requests are late", g.late, g.running)
		}
	}
	if is := (sums{s.held, s.quick + s.slow, len(s.gates)}); is != all || reserved != s.reserved {
		return fmt.Errorf("sums differ: %v, %d reserved, and of the gates %v, %d", is, s.reserved, all, reserved)
	}
	if s.phase == serving && s.owners != s.cfg.Store.Owners() {
		return fmt.Errorf("%d tenants have webhooks, and the sender knows of %d", s.cfg.Store.Owners(), s.owners)
	}
	quick, slow, slowTenants := 0, 0, 0
	for t, want := range tenants {
		if is := (sums{t.held, t.quick + t.slow, t.gates}); is != want || s.tenants[t.id] != t {
			return fmt.Errorf("a tenant's sums differ: %v, and of its gates %v", is, want)
		}
		quick, slow = quick+t.quick, slow+t.slow
		if t.quick < 0 || t.slow < 0 {
			return fmt.Errorf("a tenant has %d quick requests and %d slow ones", t.quick, t.slow)
		}
		if t.slow > 0 {
			slowTenants++
		}
	}
	switch {
	case quick != s.quick || slow != s.slow || slowTenants != s.slowTenants || s.young.n != s.quick || late > s.slow:
		return fmt.Errorf("%d quick, %d slow of %d tenants, and of the tenants %d, %d of %d; %d young, %d late",
			s.quick, s.slow, s.slowTenants, quick, slow, slowTenants, s.young.n, late)
	case s.doubts < 0 || s.doubts > s.quick:
		return fmt.Errorf("%d of %d quick requests are doubted", s.doubts, s.quick)
	case len(s.tenants) != len(tenants):
		return fmt.Errorf("%d tenants, %d of them with gates", len(s.tenants), len(tenants))
	case s.quick+s.slow > s.cfg.Concurrency:
		return fmt.Errorf("%d requests are in flight, of %d", s.quick+s.slow, s.cfg.Concurrency)
	case s.slow-late > s.mostSlow:
		return fmt.Errorf("%d slow requests were started, of %d", s.slow-late, s.mostSlow)
	case s.free().deliveries < 0:
		return fmt.Errorf("%v are held, of %d deliveries", s.held, s.maxDeliveries)
	case s.free().bytes < 0:
		return fmt.Errorf("%v are held, of %d bytes", s.held, s.cfg.MemoryBytes)
	}
	return nil
}
