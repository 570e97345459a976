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
