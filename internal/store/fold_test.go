package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// folding is a store without work by the clock, of which a test writes and folds the journal.
type folding struct {
	*store.Store

	tenant stats.Tenant
	at     time.Time
	tail   *statistics.Tail
}

// eachFolding runs a test on both databases.
func eachFolding(t *testing.T, test func(t *testing.T, s *folding)) {
	t.Helper()
	for name, o := range map[string]store.Options{
		"sqlite":   {Dir: t.TempDir(), Shared: true},
		"postgres": {URL: webhooktest.Postgres(t), MasterKeys: [][]byte{webhooktest.MasterKey}, Shared: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			owner, err := s.Registry(nil).CreateTenant(t.Context(), "a", webhook.TenantPatch{})
			if err != nil {
				t.Fatal(err)
			}
			test(t, &folding{s, stats.Tenant(owner.ID), time.Now(), &statistics.Tail{}})
		})
	}
}

// count adds a row to the journal for each of several transactions, in which each of the webhooks, from the first on, is owed a delivery of each
// type, and the given number of attempts fail.
func (f *folding) count(t *testing.T, transactions, first, webhooks, types, attempts int) {
	t.Helper()
	err := f.InTransaction(t.Context(), func(b *dialect.Tx) error {
		for range transactions {
			var d stats.Delta
			for hook := range webhooks {
				for kind := range types {
					k := stats.Key{Tenant: f.tenant, Webhook: int64(first + hook), Type: fmt.Sprint("a.n", kind)}
					d.Owed(k, 1)
					for i := range attempts {
						d.Attempted(k, stats.Attempt{Status: 500, DurationUs: int64(1000 * (i + 1))})
					}
				}
			}
			if err := f.Dialect().Journal(b, d.Append(nil, f.at.UnixMicro())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// owed returns how many deliveries statistics have, in total and of the first webhook, and how many are pending.
func (f *folding) owed(t *testing.T) (all, first, pending int64) {
	t.Helper()
	read := func(q statistics.Query) int64 {
		q.Tenant, q.From, q.To = new(webhook.ID(f.tenant)), f.at.Unix()/60-60, f.at.Unix()/60+60
		q.Widen(f.at)
		found, err := statistics.Read(f.Reader().WithContext(t.Context()), f.Dialect(), f.tail, q)
		if err != nil {
			t.Fatal(err)
		}
		if c := found.Groups[statistics.Group{}][0]; c != nil {
			return c.Get(stats.Owed)
		}
		return 0
	}
	states, err := statistics.States(t.Context(), f.Reader(), f.Dialect(), f.tail, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, is := range states {
		pending += is.Pending
	}
	return read(statistics.Query{}), read(statistics.Query{Webhooks: []int64{1}}), pending
}

func (f *folding) agree(t *testing.T, when string, all, first int64) {
	t.Helper()
	if a, b, c := f.owed(t); a != all || b != first || c != all {
		t.Errorf("%s: %d deliveries, of them %d of the first webhook, and %d pending; want %d, %d and %d", when, a, b, c, all, first, all)
	}
}

// A plan of which another node has done a part does nothing more: what that node took is counted once.
func TestPlanIsOvertaken(t *testing.T) {
	eachFolding(t, func(t *testing.T, f *folding) {
		t.Helper()
		f.count(t, 70, 1, 3, 2, 1)
		minute := f.at.Unix() / 60
		for _, of := range []int64{minute, statistics.NoMinute} {
			mine := statistics.Folder{DB: f.Dialect(), MergeRows: 4, PartKeys: 2}
			plan, err := mine.Plan(f.Reader().WithContext(t.Context()), of)
			if err != nil || plan == nil || !plan.Next() {
				t.Fatalf("nothing is planned: %v", err)
			}
			if err := f.FoldStatistics(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.count(t, 70, 1, 3, 2, 1) // on SQLite they have the numbers of those that are gone
			var did statistics.Done
			if err := f.InTransaction(t.Context(), func(b *dialect.Tx) (err error) {
				did, err = plan.Step(b, 100)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if plan.Committed(did); plan.Next() {
				t.Error("the plan goes on")
			}
		}
		f.agree(t, "overtaken", 3*70*6, 3*70*2)
	})
}

// Between two folds reads decode each row of the journal once, whatever they ask for, and their answers are exact.
func TestJournalIsDecodedOnce(t *testing.T) {
	eachFolding(t, func(t *testing.T, f *folding) {
		t.Helper()
		const rows, keys = 70, 6
		f.count(t, rows, 1, 3, 2, 1)
		for n := range int64(3) {
			f.agree(t, "again", rows*keys, rows*2)
			if f.tail.Decoded() > 2*rows { // the first read keeps nothing, if there may be no other
				t.Errorf("%d rows were decoded in round %d", f.tail.Decoded(), n)
			}
		}
		before := f.tail.Decoded()
		f.count(t, 1, 1, 3, 2, 1)
		f.agree(t, "one more", (rows+1)*keys, (rows+1)*2)
		if n := f.tail.Decoded() - before; n != 1 {
			t.Errorf("%d rows were decoded after one more", n)
		}
		if err := f.FoldStatistics(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.count(t, rows, 1, 3, 2, 1)
		for range 3 {
			f.agree(t, "folded", (2*rows+1)*keys, (2*rows+1)*2)
		}
	})
}

// Reads at the same time, while the journal grows and is folded, never miss or repeat a row.
func TestReadsShareTheJournal(t *testing.T) {
	eachFolding(t, func(t *testing.T, f *folding) {
		t.Helper()
		const rounds, readers = 30, 4
		var least atomic.Int64 // transactions that are committed
		var reading sync.WaitGroup
		for range readers {
			reading.Go(func() {
				for least.Load() < rounds {
					was := least.Load()
					all, _, pending := f.owed(t)
					if most := least.Load() + 1; all < was*6 || all > most*6 || pending < was*6 || pending > most*6 {
						t.Errorf("%d deliveries, %d pending, after %d to %d transactions", all, pending, was, most)
						return
					}
				}
			})
		}
		for n := range rounds {
			f.count(t, 1, 1, 3, 2, 1)
			least.Add(1)
			if n%5 == 4 {
				if err := f.FoldStatistics(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		reading.Wait()
		f.agree(t, "at the end", rounds*6, rounds*2)
	})
}

// Whichever transaction of a fold does not commit, everything is still counted once, and folded by those that follow.
func TestFoldThatFails(t *testing.T) {
	eachFolding(t, func(t *testing.T, f *folding) {
		t.Helper()
		lost := errors.New("lost")
		f.count(t, 70, 1, 3, 2, 1)
		folder := statistics.Folder{DB: f.Dialect(), MergeRows: 4, PartKeys: 2}
		for failed := 0; ; {
			plan, err := folder.Plan(f.Reader().WithContext(t.Context()), statistics.NoMinute)
			if err != nil {
				t.Fatal(err)
			}
			if plan == nil {
				if failed < 4 {
					t.Errorf("only %d transactions failed", failed)
				}
				break
			}
			for step := 0; plan.Next(); step++ {
				var did statistics.Done
				try := func(end error) error {
					return f.InTransaction(t.Context(), func(b *dialect.Tx) (err error) {
						if did, err = plan.Step(b, 4); err == nil {
							err = end
						}
						return err
					})
				}
				if err := try(lost); !errors.Is(err, lost) {
					t.Fatalf("the transaction did not fail: %v", err)
				}
				failed++
				f.agree(t, "failed", 70*6, 70*2)
				if step == 2 {
					break // and is planned again
				}
				if err := try(nil); err != nil {
					t.Fatal(err)
				}
				plan.Committed(did)
				f.agree(t, "went on", 70*6, 70*2)
			}
		}
	})
}

// If a minute has more keys than the journal may hold, they are added to rows before the minute is over, so that reads do not decode more
// and more.
func TestJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	owner, err := s.Registry(nil).CreateTenant(t.Context(), "a", webhook.TenantPatch{})
	if err != nil {
		t.Fatal(err)
	}
	f := &folding{s, stats.Tenant(owner.ID), time.Now(), nil}
	const webhooks, types, each = 4000, 7, 400
	for first := 1; first < webhooks; first += each {
		f.count(t, 2, first, each, types, 60) // their histogram takes 100 bytes
	}
	if err := f.FoldAt(t.Context(), f.at); err != nil {
		t.Fatal(err)
	}
	var bytes int64
	if err := f.Reader().Raw("SELECT COALESCE(SUM(length(data)), 0) FROM stats_journal").Scan(&bytes).Error; err != nil {
		t.Fatal(err)
	}
	if bytes > 2<<20 {
		t.Errorf("the journal has %d bytes", bytes)
	}
	f.agree(t, "folded", 2*webhooks*types, 2*types)
}
