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
		told := func(w *NewsWatcher, after time.Duration) {
			t.Helper()
			began := time.Now()
			if err := w.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != after {
				t.Errorf("it is told after %v, want %v", took, after)
			}
		}
		quiet := func(w *NewsWatcher) {
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
		if c.Following() || len(c.news) > 0 {
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
		var w *NewsWatcher
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

// A watcher of nodes is told at first, when a node joins or ends, at most once a second, and otherwise every five seconds.
func TestNodesWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewChanges(nil, DefaultPace())
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		w, audit := c.WatchNodes(ctx), c.WatchAuditLog(ctx, store.AllTenants)
		if err := audit.Next(ctx); err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct {
			changes []store.Change
			after   time.Duration
		}{
			{nil, 0},
			{nil, 5 * time.Second},
			{[]store.Change{{Nodes: true}, {Nodes: true}}, time.Second},
			{nil, 5 * time.Second},
			{[]store.Change{{Audit: true}, {Tenant: webhook.NewID(time.Now())}}, 5 * time.Second},
			{[]store.Change{{}}, time.Second},
		} {
			c.Changed(step.changes)
			began := time.Now()
			if err := w.Next(ctx); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != step.after {
				t.Errorf("message %d comes after %v, want %v", i, took, step.after)
			}
		}
		if err := audit.Next(ctx); err != nil { // the entry above
			t.Fatal(err)
		}
		c.Changed([]store.Change{{Nodes: true}})
		short, end := context.WithTimeout(ctx, time.Hour)
		defer end()
		if audit.Next(short) == nil {
			t.Error("a watcher of the audit log is told of nodes")
		}
		cancel()
		synctest.Wait()
		if c.Following() || len(c.news) > 0 {
			t.Error("watchers remain")
		}
	})
}
