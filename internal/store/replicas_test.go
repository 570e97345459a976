package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var claims = flag.Int("store.claims", 2000, "deliveries of TestClaimersShare")

// replicas opens the same PostgreSQL database several times.
func replicas(t *testing.T, n int) []*store.Store {
	t.Helper()
	return tunedReplicas(t, n, nil)
}

func tunedReplicas(t *testing.T, n int, tuning *store.Tuning) []*store.Store {
	t.Helper()
	url := webhooktest.Postgres(t)
	stores := make([]*store.Store, n)
	for i := range stores {
		stores[i] = tunedNode(t, url, tuning)
	}
	return stores
}

func node(t *testing.T, url string) *store.Store {
	t.Helper()
	return tunedNode(t, url, nil)
}

func tunedNode(t *testing.T, url string, tuning *store.Tuning) *store.Store {
	t.Helper()
	s := resting(t, url, tuning)
	webhooktest.Upkeep(t, s)
	return s
}

// resting opens a node without periodic work: it writes only on request.
func resting(t *testing.T, url string, tuning *store.Tuning) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}, Tuning: tuning})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Eight nodes that claim concurrently share the deliveries: each is claimed once. None uses more connections than docs/operating.md
// says.
func TestClaimersShare(t *testing.T) {
	url := webhooktest.Postgres(t)
	stores := make([]*store.Store, 8)
	for i := range stores {
		stores[i] = node(t, url)
	}
	c := tenant(t, stores[0], "a")
	w := register(t, c, webhook.New{Enabled: true})
	for left := *claims; left > 0; left -= 1000 {
		events := make([]webhook.NewEvent, min(left, 1000))
		for i := range events {
			events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage("1")}
		}
		publish(t, c, events...)
	}
	var mu sync.Mutex
	claimed := map[webhook.ID]int{}
	var claimers sync.WaitGroup
	busy := make([]int, len(stores))
	for i, s := range stores {
		claimers.Go(func() {
			for empty := 0; empty < 3; {
				claims, _, err := s.Claim(context.Background(), w.ID, 50, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				if len(claims) == 0 {
					empty++
					continue
				}
				mu.Lock()
				for _, d := range claims {
					claimed[d.Delivery.ID]++
				}
				busy[i] += len(claims)
				mu.Unlock()
			}
		})
	}
	claimers.Wait()
	if len(claimed) != *claims {
		t.Errorf("%d of %d were claimed", len(claimed), *claims)
	}
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	t.Log("shares:", busy)
	if n := connections(t, url, stores); n > 8*11 {
		t.Errorf("8 nodes have %d connections, want 11 each at most", n)
	}
}

// connections counts the connections of nodes that use all at once.
func connections(t *testing.T, url string, stores []*store.Store) (n int) {
	t.Helper()
	var readers sync.WaitGroup
	for _, s := range stores {
		for range 50 {
			readers.Go(func() {
				if err := s.Ping(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	readers.Wait()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'hookgraph' AND datname = current_database()").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A change of a webhook on one node applies to the next event that another publishes.
func TestWebhooksOfOtherNodes(t *testing.T) {
	stores := replicas(t, 2)
	a, b := tenant(t, stores[0], "a"), tenant(t, stores[1], "a")
	owed := func(want int, when string) {
		t.Helper()
		e := publish(t, b, webhook.NewEvent{})[0].Event
		if n, err := b.CountDeliveries(t.Context(), store.DeliveryFilter{EventIDs: []webhook.ID{e.ID}}); n != want || err != nil {
			t.Errorf("%s: %d deliveries, want %d (%v)", when, n, want, err)
		}
	}
	for range 20 {
		w := register(t, a, webhook.New{Enabled: true})
		owed(1, "made")
		if _, _, err := a.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Events: webhook.Some([]string{"x.y"})}, nil); err != nil {
			t.Fatal(err)
		}
		owed(0, "other events")
		if _, _, err := a.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Events: webhook.Some[[]string](nil), Enabled: webhook.Some(false)}, nil); err != nil {
			t.Fatal(err)
		}
		publish(t, b, webhook.NewEvent{})
		if claims, _ := claim(t, stores[1], w.ID, 1); len(claims) != 0 {
			t.Error("claimed for a webhook that another node has disabled")
		}
		if err := a.DeleteWebhook(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		owed(0, "deleted")
	}
}

// Two nodes that change different fields of a webhook at the same time lose neither change.
func TestNodesChangeOneWebhook(t *testing.T) {
	stores := replicas(t, 2)
	a, b := tenant(t, stores[0], "a"), tenant(t, stores[1], "a")
	w := register(t, a, webhook.New{Enabled: true})
	for n := range 20 {
		description, url := fmt.Sprint("n", n), fmt.Sprintf("https://example.com/%d", n)
		var both sync.WaitGroup
		for _, change := range []func() error{
			func() error {
				_, _, err := a.UpdateWebhook(context.Background(), w.ID, webhook.Patch{Description: webhook.Some(description)}, nil)
				return err
			},
			func() error {
				_, _, err := b.UpdateWebhook(context.Background(), w.ID, webhook.Patch{URL: webhook.Some(url)}, nil)
				return err
			},
		} {
			both.Go(func() {
				if err := change(); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		found, err := a.WebhooksByID(t.Context(), []webhook.ID{w.ID})
		if err != nil || found[w.ID].Description != description || found[w.ID].URL != url {
			t.Fatalf("round %d: %+v (%v)", n, found[w.ID], err)
		}
	}
}

// I7: a node whose lease another has voided, as after it was frozen, writes nothing under its old lease: its claims belong to the
// other, and it continues as a new node.
func TestVoidedNode(t *testing.T) {
	t.Parallel()
	stores := replicas(t, 2)
	frozen, other := stores[0], stores[1]
	c := tenant(t, frozen, "a")
	w := register(t, c, webhook.New{Enabled: true})
	publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
	claims, _ := claim(t, frozen, w.ID, 2)
	if len(claims) != 2 || claims[0].Lost() {
		t.Fatalf("%d claimed", len(claims))
	}
	if err := other.Expire(t.Context(), frozen); err != nil {
		t.Fatal(err)
	}
	var taken []*store.Claimed
	webhooktest.Eventually(t, "the other node takes both over", func() bool {
		more, _ := claim(t, other, w.ID, 2)
		taken = append(taken, more...)
		return len(taken) >= 2
	})
	if len(taken) != 2 {
		t.Fatalf("the other node took %d over", len(taken))
	}
	record(t, frozen, claims[0], 500)
	if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != 0 || err != nil {
		t.Errorf("a voided node wrote %d attempts (%v)", n, err)
	}
	if !claims[1].Lost() {
		t.Error("the claim does not know that it is lost")
	}
	if e := publish(t, c, webhook.NewEvent{})[0]; e.Err != nil {
		t.Error(e.Err)
	}
	for _, claimed := range taken {
		record(t, other, claimed, 200)
	}
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliverySucceeded}}); n != 2 || err != nil {
		t.Errorf("%d succeeded, want 2 (%v)", n, err)
	}
}

// I8: every node gets all nodes' attempts, each once, in the same order, which is that of the log.
func TestLogOfAllNodes(t *testing.T) {
	const each = 200
	stores := replicas(t, 3)
	told := make([][]int64, len(stores))
	var mu sync.Mutex
	for i, s := range stores {
		s.Start(nil, func(attempts []*webhook.Attempt) {
			mu.Lock()
			defer mu.Unlock()
			for _, a := range attempts {
				told[i] = append(told[i], a.Seq)
			}
		})
	}
	c := tenant(t, stores[0], "a")
	w := register(t, c, webhook.New{Enabled: true})
	for range len(stores) {
		publish(t, c, make([]webhook.NewEvent, each)...)
	}
	var nodes sync.WaitGroup
	for _, s := range stores {
		nodes.Go(func() {
			status := 200
			for n := 0; n < each; {
				claims, _, err := s.Claim(context.Background(), w.ID, min(7, each-n), 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				n += len(claims)
				for _, claimed := range claims {
					r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: &status}}
					if err := s.Record(context.Background(), r); err != nil {
						t.Error(err)
					}
				}
			}
			if err := s.Flush(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	want := each * len(stores)
	webhooktest.Eventually(t, "every node gets all attempts", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(told, func(seqs []int64) bool { return len(seqs) < want })
	})
	mu.Lock()
	defer mu.Unlock()
	for i, seqs := range told {
		if len(seqs) != want || !slices.IsSorted(seqs) || !slices.Equal(seqs, told[0]) {
			t.Errorf("node %d got %d attempts, want %d; in order: %v", i, len(seqs), want, slices.IsSorted(seqs))
		}
	}
}

// I8: after a crash PostgreSQL reuses transaction ids of which nothing had reached the disk. Attempts with such ids are also in the
// log of a node that had read beyond them, and of one that started meanwhile.
func TestLogAfterLostIDs(t *testing.T) {
	url := webhooktest.Postgres(t)
	told := make(chan string, 10)
	tell := func(s *store.Store, name string) {
		s.Start(nil, func(attempts []*webhook.Attempt) {
			for range attempts {
				told <- name
			}
		})
	}
	first := node(t, url)
	tell(first, "first")
	c := tenant(t, first, "a")
	w := register(t, c, webhook.New{Enabled: true})
	// The ids that the crash will lose: nothing is written with them.
	if err := first.Exec("UPDATE store SET xid_base = xid_base + 1000"); err != nil {
		t.Fatal(err)
	}
	if err := first.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := node(t, url)
	tell(second, "second")
	if err := first.Exec("UPDATE store SET xid_base = xid_base - 1000"); err != nil {
		t.Fatal(err)
	}
	publish(t, c, webhook.NewEvent{})
	claims, _ := claim(t, first, w.ID, 1)
	record(t, first, claims[0], 200)
	missing := map[string]bool{"first": true, "second": true}
	timeout := time.After(time.Minute)
	for len(missing) > 0 {
		select {
		case name := <-told:
			if !missing[name] {
				t.Errorf("the %s node was told twice", name)
			}
			delete(missing, name)
		case <-timeout:
			t.Fatalf("not told: %v", missing)
		}
	}
	owner, err := first.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*store.Store{first, second} {
		if log, _, err := s.AttemptLog(t.Context(), owner.ID, store.AttemptFilter{}, 0, 10); len(log) != 1 || err != nil {
			t.Errorf("%d attempts in the log, %v", len(log), err)
		}
	}
}

// Every node knows the number of nodes, at once when it starts, and soon after another starts or stops.
func TestNodesAreCounted(t *testing.T) {
	t.Parallel() // with TestVoidedNode, because both wait for nodes to check others
	url := webhooktest.Postgres(t)
	first, second := &counter{}, &counter{}
	a := node(t, url)
	a.Start(first, nil)
	first.await(t, 1)
	b := node(t, url)
	b.Start(second, nil)
	if n := second.nodes.Load(); n != 2 {
		t.Errorf("a node that came knows of %d, want 2", n)
	}
	first.await(t, 2)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	first.await(t, 1)
}

// counter is a dispatcher that only counts nodes.
type counter struct {
	instant
	nodes atomic.Int64
}

func (c *counter) Reserve(*store.Target, int) bool { return false }
func (c *counter) Nodes(n int)                     { c.nodes.Store(int64(n)) }
func (*counter) Claimed() int                      { return 0 }
func (c *counter) Batch(do func(store.Dispatcher)) { do(c) }

func (c *counter) await(t *testing.T, want int64) {
	t.Helper()
	webhooktest.Eventually(t, fmt.Sprintf("there are %d nodes", want), func() bool { return c.nodes.Load() == want },
		func() string { return fmt.Sprintf("there are %d", c.nodes.Load()) })
}

// Replicas that start together on an empty database create its schema once.
func TestNodesStartTogether(t *testing.T) {
	server := webhooktest.StartPostgres(t)
	url := server.Database(t)
	var nodes sync.WaitGroup
	for range 4 {
		nodes.Go(func() {
			s, err := store.Open(context.Background(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
}

// A replica whose clock differs from the database's is told by its own clock when a delivery is due: it neither asks for it all the time before, nor
// sends it late. What has just failed is in the preview of a replay.
func TestDueByTheReplicasClock(t *testing.T) {
	each(t, func(t *suite) {
		for name, ahead := range map[string]time.Duration{"right": 0, "an hour ahead": time.Hour, "a minute behind": -time.Minute, "an hour behind": -time.Hour} {
			now := func() time.Time { return time.Now().Add(ahead) }
			s := t.Fresh().Rest(t, store.Options{Now: now})
			c := tenant(t, s, "a")
			w := register(t, c, webhook.New{Enabled: true, Events: []string{"a.b"}, RetryScheduleMs: []int{1_000_000}})
			publish(t, c, webhook.NewEvent{Type: "a.b"})
			claims, _ := claim(t, s, w.ID, 1)
			if len(claims) != 1 {
				t.Fatalf("%s: %d are due at once", name, len(claims))
			}
			dead := register(t, c, webhook.New{Enabled: true, Events: []string{"c.d"}, RetryScheduleMs: []int{}})
			publish(t, c, webhook.NewEvent{Type: "c.d"})
			failed, _ := claim(t, s, dead.ID, 1)
			record(t, s, failed[0], 500)
			preview, err := c.PreviewReplay(t.Context(), &store.ReplayInput{Kind: webhook.ReplayFailed})
			must(t, err)
			if preview.N != 1 {
				t.Errorf("%s: a replay of what has just failed would send %d, want 1", name, preview.N)
			}
			alarm := &alarms{at: make(chan time.Time, 100)}
			s.Start(alarm, nil)
			record(t, s, claims[0], 500)
			_, next := claim(t, s, w.ID, 1)
			all, err := s.Targets(t.Context())
			must(t, err)
			if len(all) != 2 || all[0].Due == nil || next == nil {
				t.Fatalf("%s: %+v, next %v", name, all, next)
			}
			for what, due := range map[string]time.Time{"a claim": *next, "a start": *all[0].Due, "the sender": <-alarm.at} {
				if in := due.Sub(now()); in < 800*time.Second || in > 1200*time.Second {
					t.Errorf("%s: %s says that it is due in %v, want 1000 seconds", name, what, in)
				}
			}
		}
	})
}

// alarms is a sender that notes when deliveries are due. It has no room.
type alarms struct {
	store.Dispatcher // not called otherwise
	at               chan time.Time
}

func (a *alarms) Batch(do func(store.Dispatcher)) { do(a) }
func (*alarms) Nodes(int)                         {}
func (*alarms) Claimed() int                      { return 0 }
func (*alarms) Changed(_, _ *store.Target)        {}
func (a *alarms) Due(_ webhook.ID, at time.Time)  { a.at <- at }
