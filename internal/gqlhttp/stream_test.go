package gqlhttp_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

var disturbances = flag.Int("stream.disturbances", 300, "how many stalls, drops and reconnects TestStreamIsWhole makes")

// viewer is a client that watches through everything.
type viewer struct {
	b      *backend
	filter store.AttemptFilter
	events bool // server-sent events instead of WebSocket
	rng    *rand.Rand

	first  string // what it asked for at its very beginning
	cursor string // of the last that it saw
	open   stream
	seen   []string
}

// connect opens the stream where it was left, at any of the servers. A client of server-sent events sends what it asked
// for at first again, with the id of the last event.
func (v *viewer) connect(ctx context.Context, f *frontend) error {
	after := v.cursor
	if after == "" {
		after = v.first
	}
	if v.events {
		e, err := v.b.listen(ctx, f, operation(watch, v.filter, v.first), v.cursor)
		if err != nil {
			return err
		}
		v.open = e
		return nil
	}
	s, err := v.b.dial(ctx, f)
	if err != nil {
		return err
	}
	v.open = s
	return s.subscribe(ctx, operation(watch, v.filter, after))
}

// Whatever becomes of a client's connection, it sees every attempt that it asked for once and in order: stalls, drops,
// reconnects to this server or another, new subscriptions on the same socket, and servers that stop, while attempts go on
// being recorded.
func TestStreamIsWhole(t *testing.T) {
	const hooks, viewers = 4, 12
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	b := newBackend(t, hooks, nil)
	b.record(t, 0, 1, 2, 3) // something to begin after

	var mu sync.RWMutex // guards servers
	tails := []int{0, 20_000, 1 << 20}
	fresh := func(i int) *frontend {
		return b.serve(t, tails[i%len(tails)], func(c *gqlhttp.Config) { c.CloseTimeout = 100 * time.Millisecond })
	}
	servers := []*frontend{fresh(0), fresh(1), fresh(2)}
	anyOf := func(rng *rand.Rand) *frontend {
		mu.RLock()
		defer mu.RUnlock()
		return servers[rng.IntN(len(servers))]
	}

	var left atomic.Int64 // disturbances
	left.Store(int64(*disturbances))
	ended := make(chan struct{})    // nothing more is recorded
	last := make([]string, viewers) // what each sees last; to be read after ended
	var wg sync.WaitGroup
	all := make([]*viewer, viewers)
	for i := range all {
		v := &viewer{b: b, events: i%3 == 0, rng: rand.New(rand.NewPCG(uint64(i), 7)), filter: filterOf(b, i)}
		v.first = []string{servers[0].log.Cursor(0), "latest", time.Now().Add(-time.Hour).Format(time.RFC3339)}[i%3]
		if i >= 9 {
			v.first = servers[0].log.Cursor(0)
		}
		all[i] = v
		wg.Go(func() {
			if err := v.run(ctx, anyOf, &left, ended, func() string { return last[i] }); err != nil {
				t.Errorf("viewer %d: %v", i, err)
				left.Store(0)
			}
			if v.open != nil {
				v.open.drop()
			}
		})
	}

	started := time.Now()
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 0; left.Load() > 0 && ctx.Err() == nil; n++ {
		batch := make([]int, 1+rng.IntN(200))
		for i := range batch {
			batch[i] = rng.IntN(hooks)
		}
		b.record(t, batch...)
		if n%100 == 99 { // a server goes, and another comes
			made := fresh(n / 100)
			mu.Lock()
			old := servers[0]
			servers = append(servers[1:], made)
			mu.Unlock()
			old.stop()
		}
	}
	for range 10 { // so that every filter has something to end with
		b.record(t, 0, 1, 2, 3)
	}
	for i, v := range all {
		if history := b.history(t, v.filter); len(history) > 0 {
			last[i] = history[len(history)-1]
		}
	}
	close(ended)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		wg.Wait()
	}()
	for waiting := true; waiting; { // who has seen its last already waits for more
		select {
		case <-finished:
			waiting = false
		case <-time.After(20 * time.Millisecond):
			b.record(t, 0, 1, 2, 3)
		}
	}
	total := 0
	for i, v := range all {
		if !slices.Contains(v.seen, last[i]) {
			t.Errorf("viewer %d did not see its last", i)
			continue
		}
		want := b.history(t, v.filter)
		if v.first == "latest" {
			want = want[max(slices.Index(want, v.seen[0]), 0):] // from wherever it began
		}
		want = want[:min(len(v.seen), len(want))]
		for j := range max(len(want), len(v.seen)) {
			if j >= len(want) || j >= len(v.seen) || want[j] != v.seen[j] {
				t.Errorf("viewer %d: attempt %d of %d is wrong; it saw %d", i, j, len(want), len(v.seen))
				break
			}
		}
		total += len(v.seen)
	}
	t.Logf("%d attempts seen in %v, through %d disturbances", total, time.Since(started).Round(time.Millisecond), *disturbances)
}

// filterOf makes filters of every kind.
func filterOf(b *backend, i int) (f store.AttemptFilter) {
	switch i % 6 {
	case 1:
		f.WebhookIDs = []webhook.ID{b.hooks[0].ID}
	case 2:
		f.WebhookIDs, f.Statuses = []webhook.ID{b.hooks[1].ID, b.hooks[2].ID}, []webhook.AttemptStatus{webhook.AttemptSucceeded}
	case 3:
		f.EventTypes = []string{eventType(3), eventType(0)}
	case 4:
		f.Errors = []webhook.ErrorCode{webhook.ErrorTimeout, webhook.ErrorDNS}
	case 5:
		f.Triggers = []webhook.Trigger{webhook.TriggerManual}
	}
	return f
}

// run reads and is disturbed, until it has seen what is last.
func (v *viewer) run(ctx context.Context, server func(*rand.Rand) *frontend, left *atomic.Int64, ended <-chan struct{}, last func() string) error {
	done := func() bool {
		select {
		case <-ended:
			return slices.Contains(v.seen, last())
		default:
			return false
		}
	}
	for ctx.Err() == nil {
		if v.open == nil {
			if err := v.connect(ctx, server(v.rng)); err != nil {
				if v.open != nil {
					v.open.drop()
					v.open = nil
				}
				continue // that server is going
			}
		}
		if done() {
			return nil
		}
		r, err := v.open.next(ctx)
		if err != nil {
			if len(r.errors()) > 0 {
				return err
			}
			v.open.drop()
			v.open = nil
			continue
		}
		if len(r.Errors) > 0 {
			return errOf(r)
		}
		v.cursor = r.Data.DeliveryAttempts.Cursor
		v.seen = append(v.seen, r.Data.DeliveryAttempts.Node.ID)
		if v.rng.IntN(6) == 0 && left.Add(-1) >= 0 {
			if err := v.disturb(ctx); err != nil {
				v.open.drop()
				v.open = nil
			}
		}
	}
	return ctx.Err()
}

// disturb stalls, drops the connection, or subscribes anew on it.
func (v *viewer) disturb(ctx context.Context) error {
	s, isSocket := v.open.(*socket)
	switch n := v.rng.IntN(10); {
	case n < 5:
		time.Sleep(time.Duration(v.rng.IntN(30)) * time.Millisecond)
	case n < 7 && isSocket:
		return s.subscribe(ctx, operation(watch, v.filter, v.cursor))
	default:
		v.open.drop()
		v.open = nil
	}
	return nil
}
