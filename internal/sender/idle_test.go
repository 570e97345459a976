package sender

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// free returns a sender that runs, whose store and network cost nothing.
func free(t testing.TB) *Sender {
	t.Helper()
	s := New(Config{Store: nothing{}, Client: instant{http.Header{"Content-Length": {"2"}}}, Grace: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// many returns deliveries, each to another webhook. The webhooks share a secret, which would otherwise keep memory too.
func many(n int) []*store.Claimed {
	now := time.Now()
	secrets := []*webhook.Secret{webhook.NewSecret(webhook.ID{}, webhook.ID{}, webhook.SchemeHMAC, now)}
	list := make([]*store.Claimed, n)
	for i := range list {
		to := &store.Target{Webhook: webhook.Webhook{ID: webhook.NewID(now), URL: fmt.Sprintf("https://receiver-%d.test/hook", i), Enabled: true}, Secrets: secrets}
		list[i] = newClaimed(to, now, 100)
	}
	return list
}

// deliver sends each delivery, and waits for it.
func deliver(s *Sender, list ...*store.Claimed) {
	for _, claimed := range list {
		for !s.Reserve(claimed.Target, claimed.Size()) {
			runtime.Gosched()
		}
		s.Take(claimed)
		for s.Stats().Held > 0 {
			runtime.Gosched()
		}
	}
}

// heapBytes returns the bytes that are in use.
func heapBytes() int {
	for range 3 { // pools keep what they hold for two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A webhook at rest costs the sender only what it learned about the receiver, and one that it has not sent to costs nothing.
func TestBytesAtRest(t *testing.T) {
	const n = 20_000
	s, list := free(t), many(n)
	before := heapBytes()
	deliver(s, list...)
	if each := (heapBytes() - before) / n; each > 150 {
		t.Errorf("%d bytes for each webhook", each)
	}
	runtime.KeepAlive(list)
}

// A delivery to a webhook that has no gate allocates the parsed URL, and nothing else that one to a busy webhook does not.
func TestAllocationsOfIdleWebhooks(t *testing.T) {
	s, list := free(t), many(3*spareGates)
	deliver(s, list...)
	i := 0
	idle := testing.AllocsPerRun(len(list), func() {
		deliver(s, list[i%len(list)])
		i++
	})
	busy := testing.AllocsPerRun(len(list), func() { deliver(s, list[0]) })
	if idle > busy+1 {
		t.Errorf("%v allocations, and %v for a busy webhook", idle, busy)
	}
}

// A delivery to a webhook that has no gate, because thousands of others were sent to since its last one.
func BenchmarkDeliveryToIdle(b *testing.B) {
	s, list := free(b), many(5_000)
	deliver(s, list...)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		deliver(s, list[i%len(list)])
		i++
	}
}

// noSpare makes gates go as soon as they are empty.
func noSpare(w *world) { w.sender.maxSpare = 0 }

// What a webhook's receiver has shown is remembered while the webhook is idle: one that keeps up counts as quick, and one that is
// down is sent one request at a time. A new URL, enabling and deletion end that.
func TestRememberedWhileIdle(t *testing.T) {
	for name, is := range map[string]struct {
		answer        respond
		burst         int // deliveries at once, before the webhook is idle
		change        func(to *store.Target)
		running, slow int // when many new deliveries come
	}{
		"quick":              {after(10*time.Millisecond, 200), 1, nil, 4, 0},
		"down":               {after(10*time.Millisecond, 500), 1, nil, 1, 1},
		"quick, and many":    {after(10*time.Millisecond, 200), 10, nil, 10, 0},
		"quick, renamed":     {after(10*time.Millisecond, 200), 1, func(to *store.Target) { to.Description = "new" }, 4, 0},
		"down, renamed":      {after(10*time.Millisecond, 500), 1, func(to *store.Target) { to.Description = "new" }, 1, 1},
		"quick, moved":       {after(10*time.Millisecond, 200), 1, func(to *store.Target) { to.URL += "/new" }, 4, 4},
		"down, moved":        {after(10*time.Millisecond, 500), 1, func(to *store.Target) { to.URL += "/new" }, 4, 4},
		"down, then enabled": {after(10*time.Millisecond, 500), 1, func(to *store.Target) { to.Enabled = !to.Enabled }, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				noSpare(w)
				to := w.join("a", crowd{tenant: "a", n: 1, answer: is.answer})[0]
				w.run(t)
				for range failingAfter {
					for range is.burst {
						w.publish(w.sender, to, 100)
					}
					pass(2 * time.Second)
				}
				if n := w.sender.Stats().Gates; n != 0 {
					t.Fatalf("%d gates although nothing is to be sent", n)
				}
				for is.change != nil {
					next := *to
					is.change(&next)
					next.UpdatedAt = time.Now()
					to = &next
					if w.change(w.sender, to); to.Enabled {
						break
					}
				}
				pass(time.Second)
				for range 10 {
					w.publish(w.sender, to, 100)
				}
				if s := w.sender.Stats(); s.Running != is.running || s.Slow != is.slow {
					t.Errorf("%d requests, %d of them slow; want %d and %d", s.Running, s.Slow, is.running, is.slow)
				}
				pass(time.Minute)
				gone, now := *to, time.Now()
				gone.DeletedAt = &now
				w.change(w.sender, &gone)
				if n := len(w.sender.learned); n != 0 {
					t.Errorf("%d deleted webhooks are remembered", n)
				}
			})
		})
	}
}

// A webhook's rate limit holds also when the webhook has been idle between two deliveries.
func TestRateOfIdleWebhook(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		noSpare(w)
		to := w.add("a", func(to *store.Target) { to.RatePerSecond = new(1) })
		w.run(t)
		for range 19 { // ten a second
			w.publish(w.sender, to, 100)
			pass(100 * time.Millisecond)
		}
		if n := len(w.client.begun("a")); n > 2 {
			t.Errorf("%d requests in 1.9 s, want one each second", n)
		}
		pass(time.Minute)
		if s := w.sender.Stats(); w.count(to) != 19 || s.Gates != 0 {
			t.Errorf("%d of 19 were sent; %+v", w.count(to), s)
		}
	})
}

// A tenant whose webhooks have all been idle finds room in memory, and a slot for its request, at once, beside one that takes as much
// as it can get.
func TestTenantWakesUp(t *testing.T) {
	set := func(c *Config) { c.Concurrency, c.MaxDataBytes, c.MemoryBytes = 64, 10_000, 1<<20 }
	bubble(t, set, func(t *testing.T, w *world) {
		noSpare(w)
		seldom := w.join("seldom", crowd{tenant: "b", n: 1})
		w.run(t)
		w.publish(w.sender, seldom[0], 100)
		pass(time.Second)
		greedy := w.join("greedy", crowd{tenant: "a", n: 20, answer: after(250*time.Millisecond, 200), backlog: 1000})
		for range 10 {
			for _, to := range greedy {
				for range 10 {
					w.publish(w.sender, to, 9_000)
				}
			}
			pass(time.Second)
			if n := len(w.sender.tenants); n != 1 {
				t.Fatalf("%d tenants have gates, want the greedy one only", n)
			}
			from := time.Now()
			if !w.publish(w.sender, seldom[0], 9_000) {
				t.Errorf("a new delivery was not taken: %+v", w.sender.Stats())
			}
			pass(100 * time.Millisecond)
			if waited, _ := w.waits(seldom, from); len(waited) != 1 || waited[0] > 0 {
				t.Errorf("waited for %v", waited)
			}
		}
	})
}
