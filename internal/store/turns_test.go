package store

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/routing"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func newCall(tenant byte, events int) *publishing {
	p := &publishing{tenant: webhook.ID{tenant}}
	for range events {
		in := &incoming{event: webhook.Event{TenantID: p.tenant, Type: "a.b"}}
		p.events = append(p.events, in)
	}
	return p
}

// newTestWriter returns the writer of a store without a database, in which each of four tenants has the given number of webhooks.
func newTestWriter(webhooks int) *writer {
	s := &Store{tuning: DefaultTuning(), routes: routing.New()}
	s.fans = fanout.New(context.Background(), nil, slog.New(slog.DiscardHandler), false, nil)
	for i := range webhooks {
		for tenant := range byte(4) {
			to := &Target{}
			to.ID, to.TenantID, to.Seq = webhook.ID{tenant, byte(i), byte(i >> 8), 1}, webhook.ID{tenant}, int64(i+1)
			s.routes.Change(map[webhook.ID]*Target{to.ID: to})
		}
	}
	return newWriter(s)
}

// However much one tenant publishes, another's calls are in the next transaction, and no transaction exceeds its limit. Alone, a
// tenant has all of it.
func TestTenantsTakeTurns(t *testing.T) {
	w := newTestWriter(3)
	add := func(tenant byte, call work) {
		if !w.calls.Add(turns.Line{Tenant: webhook.ID{tenant}}, call) {
			t.Fatal("no room")
		}
	}
	for range 8 {
		add(1, work{publish: newCall(1, 1000)})
	}
	first := &batch{s: w.s}
	if w.fillCalls(first, 1000); first.cost < 1000 || first.cost > 1003 || first.events != 250 || len(first.publish) != 1 {
		t.Errorf("alone, a tenant has %d events in %d parts, which cost %d of 1000", first.events, len(first.publish), first.cost)
	}
	small, change := newCall(2, 1), &change{cost: 1}
	add(2, work{publish: small})
	add(3, work{change: change})
	second := &batch{s: w.s}
	w.fillCalls(second, 1000)
	if n := len(second.publish); n != 2 || second.publish[1].publishing != small || len(second.changes) != 1 || second.cost > 1003 {
		t.Errorf("%d calls and %d changes are in the next transaction, which costs %d of 1000", n, len(second.changes), second.cost)
	}
	if p := second.publish[0]; p.from != first.publish[0].to || p.to-p.from < 200 {
		t.Errorf("the large call goes on with events %d to %d after %d", p.from, p.to, first.publish[0].to)
	}
}

// A transaction is long only while one tenant alone calls and no large fan-out waits: another tenant's call waits for one short
// transaction and its own.
func TestOthersShortenTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWriter(3)
		call := func(tenant byte) {
			w.calls.Add(turns.Line{Tenant: webhook.ID{tenant}}, work{publish: newCall(tenant, 1)})
			w.fillCalls(&batch{s: w.s}, maxBatch)
		}
		for range 3 {
			call(1)
		}
		w.calls.Add(turns.Line{Server: true}, work{change: &change{}})
		if n := w.limit(); n != minBatch {
			t.Errorf("alone: %d, want %d", n, minBatch)
		}
		call(2)
		if n := w.limit(); n != minShort {
			t.Errorf("with two: %d, want %d", n, minShort)
		}
		for range 3 {
			time.Sleep(w.s.tuning.AloneAfter / 2)
			call(2)
		}
		if n := w.limit(); n != minBatch {
			t.Errorf("alone again: %d, want %d", n, minBatch)
		}
		w.s.fans.Put(&fanout.Note{Seq: 1, TenantID: webhook.ID{1}, Event: &webhook.Event{}})
		if n := w.limit(); n != minShort {
			t.Errorf("beside a large fan-out: %d, want %d", n, minShort)
		}
		w.s.fans.Fill(0, maxBatch)
		w.learn(&batch{cost: 400, took: time.Millisecond})
		if n := w.limit(); n != 4000 { // 400 a millisecond
			t.Errorf("of a quick database: %d, want 4000", n)
		}
	})
}

// A few calls that wait beside a flood of results have every second transaction for themselves, so that they do not wait for the results'
// statements; a tenant that calls alone, and many calls, share transactions with the results.
func TestFewCallsAreWrittenApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name    string
			tenants int
			calls   int
			results int
			apart   bool
		}{
			{"a call", 2, 1, 200, true},
			{"some calls", 2, fewCalls, 200, true},
			{"many calls", 2, fewCalls + 1, 200, false},
			{"a call of a tenant that is alone", 1, 1, 200, false},
			{"a call and few results", 2, 1, 10, false},
		} {
			w := newTestWriter(3)
			for i := range 3 {
				w.calls.Add(turns.Line{Tenant: webhook.ID{byte(1 + i%c.tenants)}}, work{publish: newCall(byte(1+i%c.tenants), 1)})
			}
			w.fillCalls(&batch{s: w.s}, maxBatch)
			for i := range 2 {
				for range c.results {
					w.results <- &Result{Claimed: &Claimed{Event: &webhook.Event{}}}
				}
				for range c.calls {
					w.calls.Add(turns.Line{Tenant: webhook.ID{1}}, work{publish: newCall(1, 1)})
				}
				b := &batch{s: w.s}
				w.fill(b)
				apart := c.apart && i == 0
				if len(b.publish) == 0 || apart != (len(b.results) == 0) {
					t.Errorf("%s: transaction %d has %d calls and %d results", c.name, i, len(b.publish), len(b.results))
				}
			}
		}
	})
}

// Everything that waits is written once, a tenant's calls and their events in order; no waiting tenant gets less than its turn
// while another gets more.
func TestTurnsAreFair(t *testing.T) {
	w := newTestWriter(2)
	random := rand.New(rand.NewPCG(3, 4))
	var calls [4][]*publishing
	next := [4]int{} // the call being written
	waiting := 0
	for round := range 3000 {
		for range random.IntN(3) {
			if round > 2000 {
				break
			}
			tenant := byte(random.IntN(4))
			p := newCall(tenant, 1+random.IntN(1+random.IntN(200)))
			calls[tenant] = append(calls[tenant], p)
			w.calling.Add(1)
			w.calls.Add(turns.Line{Tenant: webhook.ID{tenant}}, work{publish: p})
			waiting++
		}
		b := &batch{s: w.s}
		w.fillCalls(b, 1+random.IntN(400))
		got := [4]int{} // events
		for _, part := range b.publish {
			tenant := part.tenant[0]
			if call := calls[tenant][next[tenant]]; part.publishing != call || part.from != written(call) || part.to <= part.from {
				t.Fatalf("events %d to %d of another call, or of one in another order", part.from, part.to)
			}
			for _, in := range part.events[part.from:part.to] {
				in.result = &Published{}
			}
			got[tenant] += part.to - part.from
			if part.to == len(part.events) {
				next[tenant]++
				waiting--
			}
		}
		for one := range got {
			for other := range got {
				left := next[one] < len(calls[one])
				if turn := turns.Turn/3 + 2; left && got[other] > got[one]+turn {
					t.Fatalf("a tenant that waits got %d events of a transaction, another %d", got[one], got[other])
				}
			}
		}
	}
	if n := w.calling.Load(); waiting != 0 || n != 0 || w.calls.Waiting() != 0 {
		t.Errorf("%d calls are left, %d are counted, %d wait", waiting, n, w.calls.Waiting())
	}
}

// written counts the call's events that have been in a batch.
func written(p *publishing) (n int) {
	for n < len(p.events) && p.events[n].result != nil {
		n++
	}
	return n
}

// An event for very many webhooks costs little, because its deliveries are created later; so does a call whose events have many
// deliveries in total.
func TestPriceBoundsDeliveriesOfACall(t *testing.T) {
	most := DefaultTuning()
	s := newTestWriter(most.FanOutAbove).s
	p := newCall(1, 1000)
	sum, inline := 0, 0
	for _, in := range p.events {
		sum += s.price(p, in)
		if !in.later {
			inline++
		}
	}
	if want := most.CallDeliveries / most.FanOutAbove; inline != want || sum > most.CallDeliveries+2*1000 {
		t.Errorf("%d events make their deliveries at once, want %d; all cost %d", inline, want, sum)
	}
	s = newTestWriter(most.FanOutAbove + 1).s
	if p := newCall(1, 1); s.price(p, p.events[0]) > 2 || !p.events[0].later {
		t.Errorf("an event for %d webhooks costs %d", most.FanOutAbove+1, p.events[0].cost)
	}
}
