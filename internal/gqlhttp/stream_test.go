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
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var disturbances = flag.Int("stream.disturbances", 300, "how many stalls, drops and reconnects TestStreamIsWhole makes")

// viewer is a client that watches through all disturbances.
type viewer struct {
	b      *backend
	filter store.AttemptFilter
	events bool // server-sent events instead of WebSocket
	rng    *rand.Rand

	first  string // its first subscription
	cursor string // of the last attempt that it saw
	open   stream
	seen   []string
	last   string // the last attempt that it will see, once known
	over   bool   // it has seen last
}

// connect resumes the stream at any of the servers. A client of server-sent events repeats its first request, with the id of the
// last event.
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

// A client sees every attempt that matches its filter once and in order through stalls, drops, reconnects to any server, new
// subscriptions on the same socket, and stopping servers, while attempts are recorded; on PostgreSQL by two nodes at once, with
// servers on both.
func TestStreamIsWhole(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testStreamIsWhole(t, webhooktest.Store(t, nil))
	})
	t.Run("postgres", func(t *testing.T) {
		url := webhooktest.Postgres(t)
		node := func(o *store.Options) { *o = store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}} }
		testStreamIsWhole(t, webhooktest.Store(t, node), webhooktest.Store(t, node))
	})
}

func testStreamIsWhole(t *testing.T, stores ...*store.Store) {
	t.Helper()
	const hooks, viewers = 4, 12
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	b := backendOn(t, hooks, stores...)
	b.record(t, 0, 1, 2, 3) // attempts to begin after

	servers := newFleet(t, b)

	trace := &trace{index: map[string]int{}, at: make([]int, viewers), moved: make(chan struct{}, 1)}
	for _, n := range b.nodes {
		n.store.Start(dispatcher{n}, func(attempts []*webhook.Attempt) {
			if n == b.node {
				trace.add(attempts)
			}
			if rand.IntN(4) == 0 {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // watchers may read attempts before they are notified
			}
			n.tell(attempts)
		})
	}
	var left atomic.Int64 // disturbances
	left.Store(int64(*disturbances))
	ended := make(chan struct{}) // closed when recording has ended, and each viewer's last attempt is known
	var wg sync.WaitGroup
	all := make([]*viewer, viewers)
	for i := range all {
		v := &viewer{b: b, events: i%3 == 0, rng: rand.New(rand.NewPCG(uint64(i), 7)), filter: filterOf(b, i)}
		v.first = []string{servers.log.Cursor(b.owner, 0), "", "-PT1H"}[i%3]
		if i >= 9 {
			v.first = servers.log.Cursor(b.owner, 0)
		}
		all[i] = v
		wg.Go(func() {
			if err := v.run(ctx, servers.any, &left, ended, func(id string) { trace.saw(i, id) }); err != nil {
				t.Errorf("viewer %d: %v", i, err)
				left.Store(0)
			}
			if v.open != nil {
				v.open.drop()
			}
		})
	}

	started := time.Now()
	var writers sync.WaitGroup
	for i, n := range b.nodes {
		writers.Go(func() {
			for rng := rand.New(rand.NewPCG(uint64(i), 2)); left.Load() > 0 && ctx.Err() == nil; {
				batch := make([]int, 1+rng.IntN([]int{20, 20, 20, 400}[rng.IntN(4)]))
				for i := range batch {
					batch[i] = rng.IntN(hooks)
				}
				n.record(t, batch...)
				trace.wait([]int{0, 0, 50, 1000}[rng.IntN(4)]) // most watch the end of the log, some are far behind
			}
		})
	}
	stopped := make(chan struct{})
	go func() { // servers are replaced
		defer close(stopped)
		for old := int64(*disturbances); left.Load() > 0 && ctx.Err() == nil; time.Sleep(time.Millisecond) { // viewers only count disturbances
			if now := left.Load(); old-now > 50 {
				old = now
				servers.replace()
			}
		}
	}()
	writers.Wait()
	<-stopped
	endStream(t, b, all, ended, &wg)
	total := checkSeen(t, b, all)
	t.Logf("%d attempts seen in %v, through %d disturbances and %d servers", total, time.Since(started).Round(time.Millisecond), *disturbances, servers.made)
}

// endStream waits until every viewer has seen its last attempt.
func endStream(t *testing.T, b *backend, all []*viewer, ended chan<- struct{}, wg *sync.WaitGroup) {
	t.Helper()
	for _, n := range b.nodes {
		for range 10 { // so that every filter has a last attempt
			n.record(t, 0, 1, 2, 3)
		}
	}
	b.record(t, 0) // after this, the node has all attempts of the others
	for _, v := range all {
		if history := b.history(t, v.filter); len(history) > 0 {
			v.last = history[len(history)-1]
		}
	}
	close(ended)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		wg.Wait()
	}()
	for waiting := true; waiting; { // a viewer that has seen its last attempt waits for more
		select {
		case <-finished:
			waiting = false
		case <-time.After(20 * time.Millisecond):
			b.record(t, 0, 1, 2, 3)
		}
	}
	b.record(t, 0)
}

// checkSeen checks that each viewer saw what is stored, from its first attempt to its last, and returns the total number seen.
func checkSeen(t *testing.T, b *backend, all []*viewer) (total int) {
	t.Helper()
	for i, v := range all {
		if !v.over {
			t.Errorf("viewer %d did not see its last", i)
			continue
		}
		want := b.history(t, v.filter)
		if v.first == "" {
			want = want[max(slices.Index(want, v.seen[0]), 0):] // from where it began
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
	return total
}

// fleet is servers on the same database, some with a shorter tail than others.
type fleet struct {
	t    *testing.T
	b    *backend
	log  *live.Log // of the first
	made int

	mu      sync.RWMutex // guards servers
	servers []*frontend
}

func newFleet(t *testing.T, b *backend) *fleet {
	t.Helper()
	s := &fleet{t: t, b: b}
	for range 4 {
		s.servers = append(s.servers, s.fresh())
	}
	s.log = s.servers[0].log
	return s
}

func (s *fleet) fresh() *frontend {
	s.made++
	tail := []int{0, 20_000, 1 << 20}[s.made%3]
	return s.b.serve(s.t, tail, func(c *gqlhttp.Config) { c.CloseTimeout = 100 * time.Millisecond })
}

func (s *fleet) any(rng *rand.Rand) *frontend {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.servers[rng.IntN(len(s.servers))]
}

// replace stops the oldest server after starting another.
func (s *fleet) replace() {
	s.mu.Lock()
	gone := s.servers[0]
	s.servers = append(s.servers[1:], s.fresh())
	s.mu.Unlock()
	gone.stop()
}

// trace knows the viewers' positions, so that attempts are recorded about as fast as they are seen. Otherwise the disturbances
// would be over while most of the log is unread.
type trace struct {
	mu    sync.Mutex     // guards the fields below
	index map[string]int // of attempts, in the log
	at    []int          // each viewer
	moved chan struct{}  // holds one signal
}

func (r *trace) add(attempts []*webhook.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range attempts {
		r.index[a.ID.String()] = len(r.index)
	}
}

func (r *trace) saw(viewer int, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.index[id]; ok {
		r.at[viewer] = i
	}
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// wait waits until the viewers are on average less than the given number of attempts behind, or do not move.
func (r *trace) wait(most int) {
	for {
		r.mu.Lock()
		behind := 0
		for _, at := range r.at {
			behind += len(r.index) - at
		}
		behind /= len(r.at)
		r.mu.Unlock()
		if behind <= most {
			return
		}
		select {
		case <-r.moved:
		case <-time.After(50 * time.Millisecond): // for example viewers whose filter matches little
			return
		}
	}
}

// filterOf returns filters of every kind.
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

// run reads, with disturbances, until the viewer has seen its last attempt.
func (v *viewer) run(ctx context.Context, server func(*rand.Rand) *frontend, left *atomic.Int64, ended <-chan struct{}, saw func(id string)) error {
	closing := false
	for ctx.Err() == nil {
		if !closing {
			select {
			case <-ended:
				closing = true
				v.over = slices.Contains(v.seen, v.last)
			default:
			}
		}
		if v.over {
			return nil
		}
		if v.open == nil {
			if err := v.connect(ctx, server(v.rng)); err != nil {
				if v.open != nil {
					v.open.drop()
					v.open = nil
				}
				continue // that server is stopping
			}
		}
		r, err := v.open.next(ctx)
		if err != nil {
			if len(r.errors()) > 0 && r.Errors[0].Extensions.Code != "UNAVAILABLE" { // as a server says that is stopping
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
		id := r.Data.DeliveryAttempts.Node.ID
		v.seen = append(v.seen, id)
		v.over = closing && id == v.last
		saw(id)
		if v.rng.IntN(6) == 0 && left.Add(-1) >= 0 {
			if err := v.disturb(ctx); err != nil {
				v.open.drop()
				v.open = nil
			}
		}
	}
	return ctx.Err()
}

// disturb stalls, drops the connection, or subscribes on it again.
func (v *viewer) disturb(ctx context.Context) error {
	s, isSocket := v.open.(*socket)
	switch n := v.rng.IntN(10); {
	case n < 5:
		time.Sleep(time.Duration(v.rng.IntN(30)) * time.Millisecond) // how long the viewer stalls
	case n < 7 && isSocket:
		return s.subscribe(ctx, operation(watch, v.filter, v.cursor))
	default:
		v.open.drop()
		v.open = nil
	}
	return nil
}
