package live

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A watcher of an audit log is told at first, and then of new entries of its tenant, or as a watcher of the whole log of any: at most once a
// second, and never of other changes.
func TestAuditWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewChanges(nil, DefaultPace())
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		tenant, other := webhook.NewID(time.Now()), webhook.NewID(time.Now().Add(time.Hour))
		own, whole := c.WatchAuditLog(ctx, tenant), c.WatchAuditLog(ctx, store.AllTenants)
		told := func(w *AuditWatcher, after time.Duration) {
			t.Helper()
			began := time.Now()
			if err := w.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != after {
				t.Errorf("it is told after %v, want %v", took, after)
			}
		}
		quiet := func(w *AuditWatcher) {
			t.Helper()
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			if w.Next(ctx) == nil {
				t.Error("it is told that nothing changed")
			}
		}
		told(own, 0)
		told(whole, 0)
		for range 10 {
			c.Changed([]store.Change{{Tenant: tenant, Audit: true}})
		}
		told(own, time.Second)
		told(whole, 0)
		quiet(own)
		quiet(whole)
		c.Changed([]store.Change{{Tenant: other, Audit: true}, {Tenant: tenant}, {Tenant: tenant, Webhook: other}})
		quiet(own)
		told(whole, 0)
		c.Changed([]store.Change{{Audit: true}}) // of operators
		quiet(own)
		told(whole, 0)
		c.Changed([]store.Change{{}}) // anything
		told(own, 0)
		told(whole, time.Second)
		cancel()
		synctest.Wait()
		if c.Following() || len(c.audits) > 0 {
			t.Error("watchers remain")
		}
	})
}

// Watchers that are many are told less often: each of them reads the log then.
func TestManyAuditWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := DefaultPace()
		pace.Resyncs = 10
		c := NewChanges(nil, pace)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var w *AuditWatcher
		for range 50 {
			w = c.WatchAuditLog(ctx, store.AllTenants)
		}
		for want := range 2 {
			began := time.Now()
			if err := w.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != time.Duration(want)*5*time.Second {
				t.Errorf("message %d comes after %v", want, took)
			}
			c.Changed([]store.Change{{Audit: true}})
		}
	})
}
