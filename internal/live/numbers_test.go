package live

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// numbered is a Numbers whose editions are the times at which they were made.
func numbered(t *testing.T) (*Changes, *Numbers[time.Time], func(tenant webhook.ID, key string) Subject[time.Time]) {
	t.Helper()
	c := NewChanges(nil, DefaultPace())
	t.Cleanup(c.Close)
	return c, NewNumbers[time.Time](c), func(tenant webhook.ID, key string) Subject[time.Time] {
		return Subject[time.Time]{Tenant: tenant, Tenants: []webhook.ID{tenant}, Key: key, Make: func(now time.Time, _ func(time.Duration)) time.Time { return now }}
	}
}

// An edition comes at first, when the tenant's statistics change, at most one a second, and when a minute begins; all watchers get the same.
func TestNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, subject := numbered(t)
		ctx, cancel := context.WithCancel(t.Context())
		tenant, other := webhook.NewID(time.Now()), webhook.NewID(time.Now().Add(time.Hour))
		w, second := n.Watch(ctx, subject(tenant, "a")), n.Watch(ctx, subject(tenant, "a"))
		all := n.Watch(ctx, Subject[time.Time]{Tenant: other, Key: "all", Make: subject(other, "").Make})
		next := func(w *NumbersWatcher[time.Time]) time.Time {
			t.Helper()
			e, err := w.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		first := next(w)
		if next(second) != first {
			t.Error("two watchers of one subject get different editions")
		}
		next(all)
		time.Sleep(100 * time.Millisecond)
		for range 10 {
			c.Changed([]store.Change{{Tenant: tenant}})
		}
		c.Changed([]store.Change{{Tenant: other}})
		e := next(w)
		if since := e.Sub(first); since != time.Second {
			t.Errorf("the next edition comes after %v", since)
		}
		if next(second) != e {
			t.Error("two watchers of one subject get different editions")
		}
		if next(all) != e {
			t.Error("a watcher of all tenants gets none")
		}
		c.Changed([]store.Change{{Tenant: other}})
		minute := next(w)
		if minute.Truncate(time.Minute) != minute || minute.Sub(e) > time.Minute {
			t.Errorf("the next edition without changes comes at %v, the last one was at %v", minute, e)
		}
		cancel()
		synctest.Wait()
		if _, err := w.Next(ctx); err == nil {
			t.Error("there is an edition after the end")
		}
		if c.Following() || len(n.subjects)+len(n.byTenant) > 0 {
			t.Error("something is left of the watchers")
		}
	})
}

// The longer a tenant's editions take to read, the fewer there are.
func TestNumbersRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, subject := numbered(t)
		tenant := webhook.NewID(time.Now())
		slow := subject(tenant, "slow")
		var spent func(time.Duration)
		slow.Make = func(now time.Time, took func(time.Duration)) time.Time {
			spent = took
			return now
		}
		w := n.Watch(t.Context(), slow)
		before, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(500 * time.Millisecond)
			spent(500 * time.Millisecond)
			c.Changed([]store.Change{{Tenant: tenant}})
			e, err := w.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if since := e.Sub(before); since != 2500*time.Millisecond {
				t.Errorf("an edition that takes half a second is followed by one after %v", since)
			}
			before = e
		}
	})
}
