package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// totals returns a tenant's statistics of all time.
func totals(tb testing.TB, c *store.Scope, f store.StatsFilter) *stats.Counts {
	tb.Helper()
	sum, _, err := c.Stats(store.TimeRange{}, f).Totals(tb.Context())
	must(tb, err)
	return sum
}

// A range may end in any year, as far as a time can be written: reading it costs what there is to read, and its series ends before the year
// 10000, which no time can be written in.
func TestStatisticsUntilTheEndOfTime(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.c"})
		must(t, s.FoldStatistics(t.Context()))
		last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		for name, f := range map[string]store.StatsFilter{
			"all": {}, "webhook and type": {WebhookIDs: []webhook.ID{w.ID}, EventTypes: []string{"a.b"}},
		} {
			of := c.Stats(store.TimeRange{To: &last}, f)
			sum, _, err := of.Totals(t.Context())
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if want := int64(2 - len(f.EventTypes)); sum.Get(stats.Owed) != want {
				t.Errorf("%s: counted %d deliveries, want %d", name, sum.Get(stats.Owed), want)
			}
			if of.To.Year() != 9999 {
				t.Errorf("%s: the range ends %v", name, of.To)
			}
		}
		from, width := last.Add(-time.Hour), 14*24*time.Hour
		for _, during := range []store.TimeRange{{From: &from}, {From: &from, To: &last}} {
			of := c.Stats(during, store.StatsFilter{})
			counts, _, err := of.Series(t.Context(), &width, 10)
			if end := of.From.Add(time.Duration(len(counts)) * width); err != nil || end.Year() != 9999 {
				t.Errorf("the series ends %v: %v", end, err)
			}
		}
	})
}

// journaled returns the number of rows in the journal.
func journaled(tb testing.TB, s *store.Store) int64 {
	tb.Helper()
	n, err := s.Count("stats_journal")
	must(tb, err)
	return n
}

// However the fold divides the journal into transactions, and however many nodes fold concurrently, everything is counted once and the journal is
// empty afterwards.
func TestFoldInPieces(t *testing.T) {
	each(t, func(t *suite) {
		few := store.Options{Tuning: tuned(func(to *store.Tuning) { to.FoldRows = 3 })}
		s := t.Open(t, few)
		others := []*store.Store{s}
		if t.Kind == "postgres" {
			others = append(others, t.Open(t, few))
		}
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		register(t, c, webhook.New{Enabled: true})
		var folding sync.WaitGroup
		stop := make(chan struct{})
		for _, other := range others {
			folding.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := other.FoldStatistics(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		const calls = 40
		for i := range calls {
			publish(t, c, webhook.NewEvent{Type: fmt.Sprintf("a.n%d", i%7)}, webhook.NewEvent{Type: fmt.Sprintf("b.n%d", i%5)})
		}
		must(t, s.Flush(t.Context()))
		close(stop)
		folding.Wait()
		must(t, s.FoldStatistics(t.Context()))
		if n := journaled(t, s); n != 0 {
			t.Errorf("%d rows are left in the journal", n)
		}
		if sum := totals(t, c, store.StatsFilter{}); sum.Get(stats.Events) != 2*calls || sum.Get(stats.Owed) != 4*calls {
			t.Errorf("counted %d events and %d deliveries, want %d and %d", sum.Get(stats.Events), sum.Get(stats.Owed), 2*calls, 4*calls)
		}
		if sum := totals(t, c, store.StatsFilter{EventTypes: []string{"a.n0"}}); sum.Get(stats.Events) != 6 || sum.Get(stats.Owed) != 12 {
			t.Errorf("counted %d events and %d deliveries of a type, want 6 and 12", sum.Get(stats.Events), sum.Get(stats.Owed))
		}
		owed, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Backlog(t.Context())
		if err != nil || owed.Due != 4*calls {
			t.Errorf("%+v are owed, want %d, %v", owed, 4*calls, err)
		}
	})
}

// While a minute lasts, rows of the journal are merged and no row of statistics is written; when it is over, its counts are added to rows
// once. Statistics say the same all the time.
func TestFoldWaitsForTheMinute(t *testing.T) {
	each(t, func(t *suite) {
		now := time.Now()
		s := t.Fresh().Rest(t, store.Options{
			Now:    storetest.Stopped(now).Now, // PostgreSQL has a clock of its own
			Tuning: tuned(func(to *store.Tuning) { to.FoldRows, to.MergeRows, to.PartKeys = 5, 4, 3 }),
		})
		c := tenant(t, s, "a")
		first := register(t, c, webhook.New{Enabled: true})
		register(t, c, webhook.New{Enabled: true})
		const calls, types, parts = 20, 3, 3 // of 3 keys: a type has one of its own, and one of each webhook
		agree := func(when string, published int64) {
			t.Helper()
			all, of := totals(t, c, store.StatsFilter{}), totals(t, c, store.StatsFilter{WebhookIDs: []webhook.ID{first.ID}, EventTypes: []string{"a.n0", "a.n1"}})
			owed, err := c.Stats(store.TimeRange{}, store.StatsFilter{}).Backlog(t.Context())
			must(t, err)
			if all.Get(stats.Events) != published || all.Get(stats.Owed) != 2*published || owed.Due != 2*published || of.Get(stats.Owed) != published/calls*14 {
				t.Errorf("%s: %d events, %d deliveries, %d of them due, and %d of two types, after %d events", when,
					all.Get(stats.Events), all.Get(stats.Owed), owed.Due, of.Get(stats.Owed), published)
			}
			wrong, err := s.CheckBacklog(t.Context())
			if err != nil || len(wrong) > 0 {
				t.Errorf("%s: %+v are miscounted, %v", when, wrong, err)
			}
		}
		for round := range int64(3) {
			for i := range calls {
				publish(t, c, webhook.NewEvent{Type: fmt.Sprintf("a.n%d", i%types)})
			}
			agree("before folding", calls*(round+1))
			must(t, s.FoldAt(t.Context(), now))
			if n := journaled(t, s); n > parts {
				t.Errorf("%d rows of the journal after it was merged, want at most %d", n, parts)
			}
			if n := s.StatsRows(t, 1) + s.StatsRows(t, 60); n > 0 && t.Kind == "sqlite" {
				t.Errorf("%d rows of statistics while the minute lasts", n)
			}
			agree("merged", calls*(round+1))
		}
		must(t, s.FoldAt(t.Context(), now.Add(2*time.Minute)))
		if n, rows := journaled(t, s), s.StatsRows(t, 1); n > 0 || rows == 0 {
			t.Errorf("after the minute there are %d rows of the journal and %d of minutes", n, rows)
		}
		agree("folded", 3*calls)
	})
}

// A gauge that differs from the pending deliveries of its webhook is found, whichever way it is wrong, and no other.
func TestWrongGaugesAreFound(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		less, more, right := register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true})
		publish(t, c, make([]webhook.NewEvent, 3)...)
		claim(t, s, more.ID, 2)
		claim(t, s, right.ID, 2)
		must(t, s.FoldStatistics(t.Context()))
		publish(t, c, webhook.NewEvent{}) // in the journal
		if wrong, err := s.CheckBacklog(t.Context()); err != nil || len(wrong) > 0 {
			t.Fatalf("%+v are wrong, %v", wrong, err)
		}
		must(t, s.Exec(fmt.Sprintf("UPDATE stats_webhooks SET pending = pending - 1 WHERE webhook = %d", less.Seq)))
		must(t, s.Exec(fmt.Sprintf("UPDATE stats_webhooks SET pending = pending + 5 WHERE webhook = %d", more.Seq)))
		wrong, err := s.CheckBacklog(t.Context())
		must(t, err)
		if len(wrong) != 2 || wrong[0].Webhook != less.ID || wrong[0].Gauge != 3 || wrong[0].Waiting != 4 || wrong[1].Webhook != more.ID || wrong[1].Gauge != 9 || wrong[1].Tenant != more.TenantID {
			t.Errorf("found %+v", wrong)
		}
	})
}

// A database that has no statistics gets those of what it stores when it is opened, once, whatever was deleted: those that were counted as it
// happened, of deliveries that were not retried.
func TestExistingDataIsCountedOnce(t *testing.T) {
	each(t, func(t *suite) {
		at := t.Fresh()
		s, end := at.Serve(t, store.Options{})
		c := tenant(t, s, "a")
		hooks := []*webhook.Webhook{register(t, c, webhook.New{Enabled: true, RetryScheduleMs: []int{}}), register(t, c, webhook.New{Enabled: true}), register(t, c, webhook.New{Enabled: true})}
		publish(t, c, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.b"}, webhook.NewEvent{Type: "a.c"}, webhook.NewEvent{Type: "a.c"})
		for i, hook := range hooks[:2] {
			claims, _ := claim(t, s, hook.ID, 3)
			for j, claimed := range claims {
				record(t, s, claimed, 200+300*((i+j)%2), func(r *store.Result) { r.Attempt.DurationUs = int64(1000 * (j + 1)) })
			}
		}
		if _, _, err := c.UpdateWebhook(t.Context(), hooks[1].ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
			t.Fatal(err)
		}
		must(t, c.DeleteWebhook(t.Context(), hooks[2].ID))
		must(t, s.CancelDeleted(t.Context()))
		b := tenant(t, s, "b")
		gone := register(t, b, webhook.New{Enabled: true})
		publish(t, b, webhook.NewEvent{})
		must(t, s.Registry(nil).DeleteTenant(t.Context(), gone.TenantID))
		look := func(s *store.Store) map[string]any {
			c := s.In(hooks[0].TenantID)
			seen := map[string]any{}
			add := func(name string, f store.StatsFilter) {
				sum, _, err := c.Stats(store.TimeRange{}, f).Totals(t.Context())
				must(t, err)
				seen[name], seen[name+" statuses"], seen[name+" durations"], seen[name+" latency"] = tallyOf(sum), fmt.Sprint(sum.Statuses), fmt.Sprint(sum.Duration), fmt.Sprint(sum.Latency)
				owed, err := c.Stats(store.TimeRange{}, f).Backlog(t.Context())
				must(t, err)
				seen[name+" backlog"] = [2]int64{owed.Due, owed.Held}
			}
			add("all", store.StatsFilter{})
			for i, hook := range hooks {
				add(fmt.Sprint("webhook ", i), store.StatsFilter{WebhookIDs: []webhook.ID{hook.ID}})
				add(fmt.Sprint("a.b of webhook ", i), store.StatsFilter{WebhookIDs: []webhook.ID{hook.ID}, EventTypes: []string{"a.b"}})
			}
			add("a.c", store.StatsFilter{EventTypes: []string{"a.c"}})
			found, err := c.Health(t.Context(), []webhook.ID{hooks[0].ID, hooks[1].ID})
			must(t, err)
			for i, hook := range hooks[:2] {
				is := found[hook.ID]
				seen[fmt.Sprint("health ", i)] = [4]any{is.FailuresInARow, is.Pending, time.Since(*is.LastSuccessAt) < time.Hour, time.Since(*is.LastFailureAt) < time.Hour}
			}
			return seen
		}
		want := look(s)
		if want["all"].(tally).owed != 12 || want["all"].(tally).ok != 3 || want["all"].(tally).bad != 3 || want["webhook 2"].(tally).canceled != 4 {
			t.Fatalf("before: %v", want)
		}
		must(t, end())
		shared, err := store.Open(t.Context(), at(store.Options{Shared: true}))
		must(t, err)
		for _, table := range []string{"stats", "stats_types", "stats_webhooks", "stats_journal"} {
			must(t, shared.Exec("DELETE FROM "+table))
		}
		must(t, shared.Close())
		for range 2 {
			s, end := at.Serve(t, store.Options{})
			if diff := cmp.Diff(want, look(s), cmp.AllowUnexported(tally{})); diff != "" {
				t.Errorf("counted (-as it happened +from rows):\n%s", diff)
			}
			must(t, s.FoldStatistics(t.Context()))
			if diff := cmp.Diff(want, look(s), cmp.AllowUnexported(tally{})); diff != "" {
				t.Errorf("folded (-as it happened +from rows):\n%s", diff)
			}
			must(t, end())
		}
	})
}

// What is counted when a database is opened is many rows of the journal, because a transaction that folds decodes whole ones.
func TestExistingDataIsFoldedInParts(t *testing.T) {
	each(t, func(t *suite) {
		at := t.Fresh()
		s, end := at.Serve(t, store.Options{})
		c := tenant(t, s, "a")
		const types = 3000
		for from := 0; from < types; from += 500 {
			events := make([]webhook.NewEvent, 500)
			for i := range events {
				events[i].Type = fmt.Sprint("t.", from+i)
			}
			publish(t, c, events...)
		}
		must(t, end())
		s, err := store.Open(t.Context(), at(store.Options{Shared: true}))
		must(t, err)
		for _, table := range []string{"stats", "stats_types", "stats_webhooks", "stats_journal"} {
			must(t, s.Exec("DELETE FROM "+table))
		}
		must(t, s.Close())
		s = at.Open(t, store.Options{})
		if n, err := s.Count("stats_journal"); n < types/512 || err != nil {
			t.Errorf("%d types are in %d rows of the journal, %v", types, n, err)
		}
	})
}

// Statistics outlive the events that they count, for as long as they are kept; minutes for two days, and hours and days after that.
func TestStatisticsOutliveEvents(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{StatsRetention: 30 * 24 * time.Hour})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		claims, _ := claim(t, s, w.ID, 1)
		record(t, s, claims[0], 200)
		must(t, s.FoldStatistics(t.Context()))
		if _, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.CountEvents(t.Context(), store.EventFilter{}); n != 0 || err != nil {
			t.Fatalf("%d events are left, %v", n, err)
		}
		for _, step := range []struct {
			after time.Duration
			grain map[int64]bool // that still have rows
			want  int64
		}{
			{time.Hour, map[int64]bool{1: true, 60: true, 1440: true}, 1},
			{50 * time.Hour, map[int64]bool{60: true, 1440: true}, 1},
			{29 * 24 * time.Hour, map[int64]bool{60: true, 1440: true}, 1},
			{32 * 24 * time.Hour, map[int64]bool{}, 0},
		} {
			must(t, s.ExpireStatistics(t.Context(), time.Now().Add(step.after)))
			for _, grain := range []int64{1, 60, 1440} {
				if n := s.StatsRows(t, grain); n > 0 != step.grain[grain] {
					t.Errorf("after %v there are %d rows of %d minutes", step.after, n, grain)
				}
			}
			// Minutes are only read while they are kept.
			from := store.TimeRange{From: new(time.Now().Add(-60 * time.Hour))}
			sum, _, err := c.Stats(from, store.StatsFilter{WebhookIDs: []webhook.ID{w.ID}, EventTypes: []string{"humanization.completed"}}).Totals(t.Context())
			if err != nil || sum.Get(stats.Succeeded) != step.want || sum.Latency.Bins.Count() != step.want {
				t.Errorf("after %v statistics have %d successes, want %d, %v", step.after, sum.Get(stats.Succeeded), step.want, err)
			}
		}
	})
}

// The first types of a tenant have their own statistics; further ones are in the totals, and together in one group.
func TestTypesAreCapped(t *testing.T) {
	s := storetest.SQLite.New(t).Open(t, store.Options{})
	c := tenant(t, s, "a")
	var events []webhook.NewEvent
	for i := range statistics.MaxTypes + 20 {
		events = append(events, webhook.NewEvent{Type: fmt.Sprintf("job.n%d", i)})
	}
	publish(t, c, events[:statistics.MaxTypes]...)
	must(t, s.FoldStatistics(t.Context()))
	publish(t, c, events...)
	must(t, s.FoldStatistics(t.Context()))
	if n, err := s.Count("stats_types"); n != statistics.MaxTypes+1 || err != nil {
		t.Errorf("%d types have statistics, want %d and the others, %v", n, statistics.MaxTypes, err)
	}
	all := c.Stats(store.TimeRange{}, store.StatsFilter{})
	groups, others, err := all.By(t.Context(), store.ByType, 10)
	must(t, err)
	if len(groups) != 10 || groups[0].Counts.Get(stats.Events) != 2 || others.Get(stats.Events) != 2*(statistics.MaxTypes-10)+20 {
		t.Errorf("%d groups of %d events, and %d others", len(groups), groups[0].Counts.Get(stats.Events), others.Get(stats.Events))
	}
	if n := totals(t, c, store.StatsFilter{}).Get(stats.Events); n != 2*statistics.MaxTypes+20 {
		t.Errorf("%d events in all", n)
	}
}

// Nothing remains of a deleted tenant, and its counts in the journal are dropped.
func TestDeletedTenantHasNoStatistics(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{Tuning: lingering()})
		gone, stays := tenant(t, s, "gone"), tenant(t, s, "stays")
		for _, c := range []*store.Scope{gone, stays} {
			register(t, c, webhook.New{Enabled: true})
			publish(t, c, webhook.NewEvent{})
		}
		must(t, s.FoldStatistics(t.Context()))
		publish(t, gone, webhook.NewEvent{})
		owner, err := s.TenantByName(t.Context(), "gone")
		must(t, err)
		must(t, s.Registry(nil).DeleteTenant(t.Context(), owner.ID))
		must(t, s.FoldStatistics(t.Context()))
		webhooktest.Eventually(t, "every row of the tenant goes", func() bool {
			rows, err := s.RowsOf(t.Context(), owner.ID)
			return err == nil && len(rows) == 0
		})
		if n := totals(t, stays, store.StatsFilter{}).Get(stats.Owed); n != 1 {
			t.Errorf("the other tenant has %d deliveries", n)
		}
		all := s.Registry(nil).Stats(store.TimeRange{}, store.StatsFilter{AllTenants: true})
		if sum, _, err := all.Totals(t.Context()); err != nil || sum.Get(stats.Events) != 1 {
			t.Errorf("all tenants have %d events, %v", sum.Get(stats.Events), err)
		}
	})
}

// A transaction adds one row to the journal, however many events, deliveries and attempts it has; one without any adds none.
func TestOneRowATransaction(t *testing.T) {
	for name, o := range map[string]store.Options{
		"sqlite":   {Dir: t.TempDir()},
		"postgres": {URL: webhooktest.Postgres(t), MasterKeys: [][]byte{webhooktest.MasterKey}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), o) // without its work by the clock, which folds
			must(t, err)
			defer s.Close()
			c := tenant(t, s, "a")
			w := register(t, c, webhook.New{Enabled: true})
			grew := func(what string, most int64, do func()) {
				before := journaled(t, s)
				do()
				if n := journaled(t, s) - before; n > most || most > 0 && n < 1 {
					t.Errorf("%s added %d rows, want at most %d", what, n, most)
				}
			}
			grew("publishing 50 events", 1, func() { publish(t, c, make([]webhook.NewEvent, 50)...) })
			var claims []*store.Claimed
			grew("claiming", 0, func() { claims, _ = claim(t, s, w.ID, 50) })
			release := s.Hold(t)
			for _, claimed := range claims {
				must(t, s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
					Status: webhook.AttemptSucceeded, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), ResponseStatus: new(200),
				}}))
			}
			grew("recording 50 attempts at once", 2, func() { // the first may be in the transaction that was held
				release()
				must(t, s.Flush(t.Context()))
			})
			grew("changing a webhook", 0, func() {
				_, _, err := c.UpdateWebhook(t.Context(), w.ID, webhook.Patch{Enabled: webhook.Some(false)}, nil)
				must(t, err)
			})
		})
	}
}
