package live

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// auditTopic is the watchers of one tenant's audit log, or of the whole log under store.AllTenants. The mutex of Changes guards it.
type auditTopic struct {
	watchers int
	version  int           // the number of changes so far
	news     chan struct{} // closed at the next change
}

func (t *auditTopic) changed() {
	t.version++
	close(t.news)
	t.news = make(chan struct{})
}

// audited tells watchers that entries were added: the tenant's, or with the zero id those of no tenant. The caller must hold mu.
func (c *Changes) audited(tenant webhook.ID) {
	for _, of := range []webhook.ID{tenant, store.AllTenants} {
		if t := c.audits[of]; t != nil {
			t.changed()
		}
	}
}

// AuditWatcher is told that entries were added to an audit log. Next must not be called concurrently.
type AuditWatcher struct {
	c    *Changes
	t    *auditTopic
	seen int       // the version of the last message; -1 before the first
	told time.Time // when it was
}

// WatchAuditLog starts a watcher of the tenant's audit log, or with store.AllTenants of the whole log, which ends with ctx.
func (c *Changes) WatchAuditLog(ctx context.Context, tenant webhook.ID) *AuditWatcher {
	c.mu.Lock()
	t := c.audits[tenant]
	if t == nil {
		t = &auditTopic{news: make(chan struct{})}
		c.audits[tenant] = t
	}
	t.watchers++
	c.count.Add(1)
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.count.Add(-1)
		if t.watchers--; t.watchers == 0 {
			delete(c.audits, tenant)
		}
	})
	return &AuditWatcher{c: c, t: t, seen: -1}
}

// Next returns at once the first time, then after changes, at most once in Pace.Again, and less often if there are many watchers
// (Pace.Resyncs): each of them reads the log then. What was committed before it returns can be read. The error is ctx's.
func (w *AuditWatcher) Next(ctx context.Context) error {
	for {
		w.c.mu.Lock()
		version, news := w.t.version, w.t.news
		pause := max(w.c.pace.Again, time.Duration(float64(w.t.watchers)/w.c.pace.Resyncs*float64(time.Second)))
		w.c.mu.Unlock()
		var wait <-chan time.Time
		switch {
		case w.seen < 0:
			w.seen, w.told = version, time.Now()
			return ctx.Err()
		case w.seen != version:
			rest := time.Until(w.told.Add(pause))
			if rest <= 0 {
				w.seen, w.told = version, time.Now()
				return ctx.Err()
			}
			wait, news = time.After(rest), nil
		}
		select {
		case <-news:
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
