package sender

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type respond = func(context.Context, *egress.Request) egress.Result

// crowd is a group of webhooks of one tenant that behave alike.
type crowd struct {
	tenant  string
	n       int
	answer  respond       // nil: within 10 ms
	every   time.Duration // between a webhook's events; 0: none
	backlog int           // of each webhook, when they join
	failing bool          // according to the store
}

// join registers the webhooks of a crowd. Their hosts are called name-0, name-1 and so on.
func (w *world) join(name string, c crowd) []*store.Target {
	targets := make([]*store.Target, c.n)
	for i := range targets {
		host := fmt.Sprintf("%s-%d", name, i)
		w.client.set(host, c.answer)
		targets[i] = w.add(host, func(to *store.Target) {
			to.TenantID = tenantID(c.tenant)
			if c.failing {
				to.FailingSince = &to.UpdatedAt
			}
		})
		w.backlog(targets[i], c.backlog, time.Now())
		if w.stop != nil { // it runs
			w.sender.Changed(nil, targets[i])
			w.sender.Due(targets[i].ID, time.Now())
		}
	}
	return targets
}

func tenantID(name string) (id webhook.ID) {
	copy(id[:], name)
	return id
}

// keepPublishing publishes an event to each webhook in every interval, at times of their own, until ctx ends.
func (w *world) keepPublishing(ctx context.Context, targets []*store.Target, every time.Duration) {
	if every == 0 {
		return
	}
	for i, to := range targets {
		go func() {
			wait := every * time.Duration(i) / time.Duration(len(targets))
			for {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return
				}
				w.publish(w.sender, to, 100)
				wait = every
			}
		}()
	}
}

// waits lists how long each delivery to the hooks, published at from or later, waited for its first request, and returns how many
// still wait.
func (w *world) waits(targets []*store.Target, from time.Time) (waited []time.Duration, waiting int) {
	of := map[webhook.ID]bool{}
	for _, to := range targets {
		of[to.ID] = true
		waiting += w.waiting(to)
	}
	for _, r := range w.attempts() {
		if d := &r.Claimed.Delivery; of[d.WebhookID] && !d.CreatedAt.Before(from) {
			waited = append(waited, r.Attempt.StartedAt.Sub(d.CreatedAt))
		}
	}
	slices.Sort(waited)
	return waited, waiting
}

// late responds before the deadline, but slowly.
var late = after(5*time.Second, 200)

// crowds is a case: healthy webhooks, and others beside them that behave badly.
var crowds = map[string]struct {
	healthy crowd
	later   time.Duration // delay before the first event of the healthy ones
	others  map[string]crowd
}{
	"thousands of two tenants": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond},
		others: map[string]crowd{
			"hanging": {tenant: "a", n: 2000, answer: hang, every: 3 * time.Second},
			"slow":    {tenant: "b", n: 2000, answer: late, every: 3 * time.Second},
		},
	},
	"thousands, and the same tenant's": {
		healthy: crowd{tenant: "b", n: 50, every: 100 * time.Millisecond},
		others: map[string]crowd{
			"hanging": {tenant: "a", n: 2000, answer: hang, every: 3 * time.Second},
			"slow":    {tenant: "b", n: 600, answer: late, every: 2 * time.Second},
		},
	},
	"520 of the only tenant": {
		healthy: crowd{tenant: "a", n: 1, every: 20 * time.Millisecond},
		others:  map[string]crowd{"slow": {tenant: "a", n: 520, answer: late, every: time.Second}},
	},
	"backlogs after a restart": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond, backlog: 10},
		others: map[string]crowd{
			"hanging": {tenant: "a", n: 2000, answer: hang, backlog: 10},
			"slow":    {tenant: "b", n: 2000, answer: late, backlog: 10},
		},
	},
	"the same tenant's that failed before a restart": {
		healthy: crowd{tenant: "a", n: 50, every: 100 * time.Millisecond},
		later:   5 * time.Second,
		others:  map[string]crowd{"failing": {tenant: "a", n: 4000, answer: hang, backlog: 10, failing: true}},
	},
	"seldom sent to": {
		healthy: crowd{tenant: "c", n: 300, every: 10 * time.Second},
		others: map[string]crowd{
			"hanging": {tenant: "a", n: 3000, answer: hang, every: 3 * time.Second},
			"slow":    {tenant: "b", n: 2000, answer: late, every: 3 * time.Second},
		},
	},
	"hundreds of tenants": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond},
		others: func() map[string]crowd {
			all := map[string]crowd{}
			for i := range 300 {
				all[fmt.Sprint("hanging", i)] = crowd{tenant: fmt.Sprint("t", i), n: 10, answer: hang, every: 2 * time.Second}
			}
			return all
		}(),
	},
	"10,000 that fail": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond},
		others: map[string]crowd{
			"failing": {tenant: "a", n: 10_000, answer: after(30*time.Millisecond, 500), every: 10 * time.Second, backlog: 5},
		},
	},
	"thousands that are quick enough, and greedy": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond},
		others:  map[string]crowd{"greedy": {tenant: "a", n: 3000, answer: after(250*time.Millisecond, 200), backlog: 20}},
	},
	"every fifth request hangs": {
		healthy: crowd{tenant: "c", n: 50, every: 100 * time.Millisecond},
		others:  map[string]crowd{"odd": {tenant: "a", n: 1000, answer: nowAndThen(5), every: 500 * time.Millisecond}},
	},
}

// A webhook whose receiver keeps up is sent every event at once, however many others, of its own or another tenant, hang, are slow
// or fail, and whatever the sender has learned of them.
func TestSlowOnesDelayNobody(t *testing.T) {
	for name, is := range crowds {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				w.slow(time.Millisecond) // a claim
				healthy := w.join("healthy", is.healthy)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				for name, c := range is.others {
					targets := w.join(name, c)
					w.keepPublishing(ctx, targets, c.every)
				}
				w.run(t)
				if is.healthy.backlog > 0 { // the healthy ones have a backlog too; 200 ms are too short to claim that of all four thousand
					pass(200 * time.Millisecond)
					if waited, waiting := w.waits(healthy, time.Time{}); waiting > 0 || len(waited) != is.healthy.n*is.healthy.backlog {
						t.Errorf("%d deliveries of the backlog were made, %d wait", len(waited), waiting)
					}
				}
				pass(is.later)
				from := time.Now()
				w.keepPublishing(ctx, healthy, is.healthy.every)
				pass(20 * time.Second)
				cancel()
				pass(time.Second)
				w.expectPrompt(t, healthy, from, 20*time.Second/is.healthy.every*time.Duration(is.healthy.n))
			})
		})
	}
}

// expectPrompt fails the test unless about n deliveries were made, each at once: within 20 ms, and 99 of 100 within 5 ms,
// which is half as long again as an attempt takes.
func (w *world) expectPrompt(t *testing.T, targets []*store.Target, from time.Time, n time.Duration) {
	t.Helper()
	waited, waiting := w.waits(targets, from)
	if waiting > 0 || len(waited) < int(n)*9/10 {
		t.Errorf("%d of about %d deliveries were attempted, %d wait; %+v", len(waited), n, waiting, w.sender.Stats())
		return
	}
	if p99, worst := waited[len(waited)*99/100], waited[len(waited)-1]; p99 > 5*time.Millisecond || worst > 20*time.Millisecond {
		t.Errorf("of %d deliveries one in a hundred waited for %v, and one for %v; %+v", len(waited), p99, worst, w.sender.Stats())
	}
}

// nowAndThen hangs on every nth request.
func nowAndThen(n int) respond {
	var asked atomic.Int64
	return func(ctx context.Context, r *egress.Request) egress.Result {
		if asked.Add(1)%int64(n) == 0 {
			return hang(ctx, r)
		}
		return after(10*time.Millisecond, 200)(ctx, r)
	}
}
