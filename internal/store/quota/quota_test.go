package quota

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A call refused for its number of events does not cause others to be refused, not even during the check.
func TestRefusedCallKeepsNobodyOut(t *testing.T) {
	q, tenant := NewBook(webhook.Quotas{Events: 1000}, func(webhook.ID) string { return "" }, slog.New(slog.DiscardHandler)), webhook.ID{1}
	var refused sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		refused.Go(func() {
			for !stop.Load() {
				if _, err := q.Admit(tenant, 1001); err == nil {
					t.Error("admitted more than the quota")
				}
			}
		})
	}
	for i := range 1000 {
		if _, err := q.Admit(tenant, 1); err != nil {
			t.Errorf("event %d: %v", i, err)
			break
		}
	}
	stop.Store(true)
	refused.Wait()
}

// A bucket gives what it holds and what has accrued since, and takes back what was not used.
func TestBucket(t *testing.T) {
	now := time.Now()
	var k bucket
	k.set(10, 100, now)
	if wait := k.take(100, now); wait != 0 {
		t.Errorf("a full bucket: wait %v", wait)
	}
	if wait := k.take(5, now.Add(100*time.Millisecond)); wait != 400*time.Millisecond {
		t.Errorf("four events too few: wait %v", wait)
	}
	k.giveBack(50)
	if wait := k.take(51, now.Add(100*time.Millisecond)); wait != 0 {
		t.Errorf("what was given back: wait %v", wait)
	}
	k.giveBack(1000)
	k.set(10, 50, now.Add(time.Hour))
	if wait := k.take(51, now.Add(time.Hour)); wait != 100*time.Millisecond {
		t.Errorf("more than a bucket that was made smaller: wait %v", wait)
	}
}

// A count of the database that overlaps calls never lets the tenant have more than its quota, whether it has seen their events or
// not; and it lets no call be refused too early if the number was right before.
func TestCountBesideCalls(t *testing.T) {
	for name, test := range map[string]struct {
		counted int // of 5 stored, 3 under way at the start of the count, and 2 admitted during it
		known   int // events that the book knows of the 5
		want    int64
	}{
		"none of the calls is seen":    {counted: 5, known: 5, want: 10},
		"all are seen":                 {counted: 10, known: 5, want: 10},
		"nothing is known of others":   {counted: 5, known: 0, want: 10},
		"the others, and all are seen": {counted: 10, known: 0, want: 15},
		"retention removed four":       {counted: 1, known: 5, want: 6},
	} {
		q := NewBook(webhook.Quotas{Events: 20}, func(webhook.ID) string { return "" }, slog.New(slog.DiscardHandler))
		a := q.Of(webhook.ID{1})
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		admit := func(n int) {
			_, err := q.Admit(webhook.ID{1}, n)
			must(err)
		}
		if test.known > 0 {
			must(a.Recount(func() (int, error) { return 0, nil }))
		}
		admit(test.known)
		a.Settle(test.known)
		admit(3)
		must(a.Recount(func() (int, error) { admit(2); return test.counted, nil }))
		if got := a.Stored(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
		a.Settle(5)
		must(a.Recount(func() (int, error) { return 10, nil }))
		if got := a.Stored(); got != 10 {
			t.Errorf("%s: %d after a count beside no call, want 10", name, got)
		}
	}
}

// A count beside the first calls of a new tenant counts none of them twice: it is known that there were no others.
func TestCountOfNewTenant(t *testing.T) {
	q := NewBook(webhook.Quotas{}, func(webhook.ID) string { return "" }, slog.New(slog.DiscardHandler))
	q.New(webhook.ID{1}, webhook.Quotas{Events: 3})
	a, err := q.Admit(webhook.ID{1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Recount(func() (int, error) { return 2, nil }); err != nil || a.Stored() != 2 {
		t.Error(a.Stored(), err)
	}
}

// Quotas that are read while a tenant is created and another is changed do not undo it; the next ones apply.
func TestLoadBesideChanges(t *testing.T) {
	few, many := webhook.Quotas{Events: 3}, webhook.Quotas{Events: 30}
	created, changed, deleted := webhook.ID{1}, webhook.ID{2}, webhook.ID{3}
	q := NewBook(webhook.Quotas{}, func(webhook.ID) string { return "" }, slog.New(slog.DiscardHandler))
	load := func(all map[webhook.ID]webhook.Quotas, meanwhile func()) {
		if err := q.Load(func() (map[webhook.ID]webhook.Quotas, error) { meanwhile(); return all, nil }); err != nil {
			t.Fatal(err)
		}
	}
	load(map[webhook.ID]webhook.Quotas{changed: few, deleted: few}, func() {})
	var account *Account
	load(map[webhook.ID]webhook.Quotas{changed: few}, func() {
		q.New(created, few)
		account = q.Of(created)
		q.Set(changed, many)
	})
	if q.Of(created) != account || q.Of(changed).Limits() != many {
		t.Errorf("undone: %v, %v", q.Of(created).Limits(), q.Of(changed).Limits())
	}
	if n := len(q.Limited()); n != 2 {
		t.Errorf("%d accounts are limited, want 2: the deleted tenant's is closed", n)
	}
	load(map[webhook.ID]webhook.Quotas{changed: few}, func() {})
	if n := len(q.Limited()); n != 1 || q.Of(changed).Limits() != few {
		t.Errorf("%d accounts are limited, %v: want 1, %v", n, q.Of(changed).Limits(), few)
	}
}
