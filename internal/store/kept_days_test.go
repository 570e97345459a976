package store_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// past is a PostgreSQL database whose clock can be set back, to publish old events.
type past struct {
	*store.Store

	daysAgo *atomic.Int64
	now     time.Time
}

func openPast(t *testing.T, o store.Options) past {
	t.Helper()
	p := past{daysAgo: new(atomic.Int64), now: time.Now()}
	o.MasterKeys, o.Now = [][]byte{webhooktest.MasterKey}, func() time.Time { return p.now.AddDate(0, 0, -int(p.daysAgo.Load())) }
	s, err := store.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	p.Store = s
	return p
}

// publishAgo publishes an event for each status the given number of days ago, and records that status as the response.
func (p past) publishAgo(t *testing.T, c *store.Scope, w *webhook.Webhook, days int64, statuses ...int) {
	t.Helper()
	must(t, p.MakeDay(t.Context(), p.now.AddDate(0, 0, -int(days))))
	p.daysAgo.Store(days)
	defer p.daysAgo.Store(0)
	publish(t, c, make([]webhook.NewEvent, len(statuses))...)
	p.send(t, w, statuses...)
}

// send claims a delivery for each status, and records that status as the response.
func (p past) send(t *testing.T, w *webhook.Webhook, statuses ...int) {
	t.Helper()
	claims, _ := claim(t, p.Store, w.ID, len(statuses))
	if len(claims) != len(statuses) {
		t.Fatalf("%d claimed, want %d", len(claims), len(statuses))
	}
	for i, claimed := range claims {
		record(t, p.Store, claimed, statuses[i])
	}
}

// report makes the connection that writes report its numbers to PostgreSQL's statistics, unless it did so within a second. Idle, it waits for ten.
func report(t *testing.T, p past) {
	t.Helper()
	must(t, p.Exec("SELECT 1"))
}

// Events kept of an expired day, such as failures, are read once, and again only if the day has changed or failures expire:
// searching for expired events costs nothing, however many are kept.
func TestKeptDaysAreReadOnce(t *testing.T) {
	const day = 24 * time.Hour
	p := openPast(t, store.Options{URL: webhooktest.Postgres(t), Retention: webhook.Retention{Keep: 5 * day, KeepFailed: 20 * day}})
	c := tenant(t, p.Store, "a")
	w := register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}})
	p.publishAgo(t, c, w, 10, 200, 500, 500, 200, 500)
	p.publishAgo(t, c, w, 9, 200, 500)
	reads := p.CountReads()
	left := func(want int) {
		t.Helper()
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != want || err != nil {
			t.Errorf("%d events are left, want %d (%v)", n, want, err)
		}
	}
	left(7)
	webhooktest.Eventually(t, "the days are no longer read", func() bool { // PostgreSQL's statistics are late
		reads()
		report(t, p)
		must(t, p.PruneAt(t.Context(), p.now))
		return len(reads()) == 0
	})
	left(4)
	failed, err := c.Deliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}}, store.Page{First: 10})
	must(t, err)
	_, err = c.RetryDelivery(t.Context(), failed.Items[0].ID)
	must(t, err)
	claims, _ := claim(t, p.Store, w.ID, 1)
	record(t, p.Store, claims[0], 200)
	webhooktest.Eventually(t, "an event whose delivery has succeeded since is removed", func() bool {
		report(t, p)
		must(t, p.PruneAt(t.Context(), p.now))
		n, err := c.CountEvents(t.Context(), store.EventFilter{})
		must(t, err)
		return n == 3
	})
	must(t, p.PruneAt(t.Context(), p.now.Add(13*day)))
	left(0)
}

// logged collects a store's log.
type logged struct {
	slog.Handler

	mu      sync.Mutex
	removed int64 // events, according to the log
	told    map[string]int
}

// count returns how often a message was logged.
func (l *logged) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[message]
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = map[string]int{}
	}
	l.told[r.Message]++
	if !strings.HasPrefix(r.Message, "removed events") {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "events" {
			l.removed += a.Value.Int64()
		}
		return true
	})
	return nil
}

// One replica at a time removes events, and none twice: a day is dropped after the longest retention of any tenant, and thinned
// before.
func TestReplicasRetain(t *testing.T) {
	const day = 24 * time.Hour
	url := webhooktest.Postgres(t)
	said := &logged{Handler: slog.DiscardHandler}
	o := store.Options{URL: url, Retention: webhook.Retention{Keep: 5 * day}, Logger: slog.New(said)}
	first := openPast(t, o)
	nodes := []past{first, openPast(t, o)}
	short := tenant(t, first.Store, "a")
	made, err := first.Registry(nil).CreateTenant(t.Context(), "longer", webhook.TenantPatch{RetentionSeconds: webhook.Some(new(int(20 * day / time.Second)))})
	must(t, err)
	longer := first.In(made.ID)
	statuses := make([]int, 40)
	for i := range statuses {
		statuses[i] = 200
	}
	for _, c := range []*store.Scope{short, longer} {
		w := register(t, c, webhook.New{Enabled: true})
		for _, ago := range []int64{30, 10, 0} {
			first.publishAgo(t, c, w, ago, statuses...)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running, rounds, most atomic.Int64
	var background sync.WaitGroup
	for _, n := range nodes {
		u := upkeep.New(n.Store, slog.New(slog.DiscardHandler), upkeep.Task{Name: "retention", Every: time.Millisecond, Exclusive: true, Run: func(ctx context.Context) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			defer rounds.Add(1)
			return n.PruneAt(ctx, n.now)
		}})
		background.Go(func() { u.Run(ctx) })
	}
	webhooktest.Eventually(t, "both have looked", func() bool { return rounds.Load() >= 20 })
	cancel()
	background.Wait()
	if most.Load() != 1 {
		t.Errorf("%d removed at the same time", most.Load())
	}
	if said.removed != 120 {
		t.Errorf("%d events were removed, want 120", said.removed)
	}
	for c, want := range map[*store.Scope]int{short: 40, longer: 80} {
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != want || err != nil {
			t.Errorf("%d events are left of a tenant, want %d (%v)", n, want, err)
		}
		if n, err := c.CountAttempts(t.Context(), store.AttemptFilter{}); n != want || err != nil {
			t.Errorf("%d attempts are left of a tenant, want %d (%v)", n, want, err)
		}
	}
	for ago, want := range map[int]int{30: 0, 10: 3, 0: 3} {
		if n, err := first.HasDay(t.Context(), first.now.AddDate(0, 0, -ago)); n != want || err != nil {
			t.Errorf("the day %d days ago has %d partitions, want %d (%v)", ago, n, want, err)
		}
	}
}
