package live

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// subjectOf says what watchers of news read again: the audit log or the issues of a tenant, or under store.AllTenants of all of them, or the
// nodes.
type subjectOf struct {
	audit, issues webhook.ID
	nodes         bool
}

// newsTopic is the watchers of one subject. The mutex of Changes guards it.
type newsTopic struct {
	watchers int
	version  int           // the number of changes so far
	news     chan struct{} // closed at the next change
}

func (t *newsTopic) changed() {
	t.version++
	close(t.news)
	t.news = make(chan struct{})
}

// announce tells watchers that the subject has changed. The caller must hold mu.
func (c *Changes) announce(of subjectOf) {
	if t := c.news[of]; t != nil {
		t.changed()
	}
}

// audited tells watchers that entries were added: the tenant's, or with the zero id those of no tenant. The caller must hold mu.
func (c *Changes) audited(tenant webhook.ID) {
	c.announce(subjectOf{audit: tenant})
	c.announce(subjectOf{audit: store.AllTenants})
}

// issues tells watchers that issues of the tenant have changed. The caller must hold mu.
func (c *Changes) issues(tenant webhook.ID) {
	c.announce(subjectOf{issues: tenant})
	c.announce(subjectOf{issues: store.AllTenants})
}

// NewsWatcher is told that what it reads has changed. Next must not be called concurrently.
type NewsWatcher struct {
	c     *Changes
	t     *newsTopic
	every time.Duration // a message comes at least so often; 0: only after changes
	seen  int           // the version of the last message; -1 before the first
	told  time.Time     // when it was
}

// WatchAuditLog starts a watcher of the tenant's audit log, or with store.AllTenants of the whole log, which ends with ctx.
func (c *Changes) WatchAuditLog(ctx context.Context, tenant webhook.ID) *NewsWatcher {
	return c.watchNews(ctx, subjectOf{audit: tenant}, 0)
}

// WatchIssues starts a watcher of the tenant's issues, or with store.AllTenants of all tenants', which ends with ctx.
func (c *Changes) WatchIssues(ctx context.Context, tenant webhook.ID) *NewsWatcher {
	return c.watchNews(ctx, subjectOf{issues: tenant}, 0)
}

// WatchNodes starts a watcher of the nodes, which ends with ctx. It gets a message when a node joins or ends, and one in each Pace.Nodes.
func (c *Changes) WatchNodes(ctx context.Context) *NewsWatcher {
	return c.watchNews(ctx, subjectOf{nodes: true}, c.pace.Nodes)
}

func (c *Changes) watchNews(ctx context.Context, of subjectOf, every time.Duration) *NewsWatcher {
	c.mu.Lock()
	t := c.news[of]
	if t == nil {
		t = &newsTopic{news: make(chan struct{})}
		c.news[of] = t
	}
	t.watchers++
	c.count.Add(1)
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.count.Add(-1)
		if t.watchers--; t.watchers == 0 {
			delete(c.news, of)
		}
	})
	return &NewsWatcher{c: c, t: t, every: every, seen: -1}
}

// Next returns at once the first time, then after changes, at most once in Pace.Again, and less often if there are many watchers
// (Pace.Resyncs): each of them reads then. What was committed before it returns can be read. The error is ctx's.
func (w *NewsWatcher) Next(ctx context.Context) error {
	for {
		w.c.mu.Lock()
		version, news := w.t.version, w.t.news
		pause := max(w.c.pace.Again, time.Duration(float64(w.t.watchers)/w.c.pace.Resyncs*float64(time.Second)))
		w.c.mu.Unlock()
		rest := time.Until(w.told.Add(pause))
		if w.seen == version {
			rest = time.Until(w.told.Add(max(pause, w.every)))
		}
		var wait <-chan time.Time
		switch {
		case w.seen < 0, rest <= 0 && (w.seen != version || w.every > 0):
			w.seen, w.told = version, time.Now()
			return ctx.Err()
		case w.seen != version:
			wait, news = time.After(rest), nil
		case w.every > 0:
			wait = time.After(rest)
		}
		select {
		case <-news:
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
