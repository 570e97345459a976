package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/client"
)

// The subscriptions of dashboards: of deliveries, and of numbers.
const (
	changesQuery = `subscription { deliveries { kind matches webhookId delivery {
		id status attemptCount nextAttemptAt completedAt event { id type } lastAttempt { number status error } } } }`
	changesOfQuery = `subscription ($id: ID!) { deliveries(filter: {webhookIds: [$id]}) { kind matches webhookId delivery {
		id status attemptCount nextAttemptAt completedAt event { id type } lastAttempt { number status error } } } }`
	numbersQuery = `subscription { stats(range: {from: "-PT1H"}) { from totals { events attempts successRate latencyMs(quantile: 0.95) }
		series { from values { attempts } } backlog { due held } } }`
)

// dashboards measures the highest rate to many webhooks with as many subscribers of deliveries, half of them of all and half of one webhook
// each, and a tenth as many of statistics; and before and after that without.
func (b *bench) dashboards(ctx context.Context, r *Result) (err error) {
	ids, err := b.webhooks(ctx, b.Watch)
	if err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	before, err := b.unwatched(ctx, r, b.Watch)
	if err != nil {
		return err
	}
	r.Streamed = new(int64)
	half := (b.Watch + 1) / 2
	var all []*watchers
	leave := func() (err error) {
		for _, w := range all {
			err = errors.Join(err, w.close())
		}
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	for _, part := range []struct {
		query string
		ids   []string
	}{{changesQuery, make([]string, half)}, {changesOfQuery, ids[:b.Watch-half]}, {numbersQuery, make([]string, (b.Watch+9)/10)}} {
		w, err := b.subscribe(ctx, part.query, part.ids, 0)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	l := newLoad(b, 1, b.Watch)
	w, err := l.run(ctx, "with dashboards", b.Duration, l.closed)
	if err != nil {
		return err
	}
	b.fill(r, w)
	for _, w := range all {
		*r.Streamed += w.got.Load()
	}
	if err := errors.Join(leave(), l.check(ctx, r)); err != nil {
		return err
	}
	after, err := b.unwatched(ctx, r, b.Watch)
	if err != nil {
		return err
	}
	r.DeliveredPerSWithout = new((before + after) / 2)
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// webhooks creates webhooks, one for each type of events.
func (b *bench) webhooks(ctx context.Context, n int) (ids []string, err error) {
	ids = make([]string, n)
	b.progress.say("creating webhooks: %d", n)
	for i := range ids {
		if ids[i], err = b.server.createWebhook(ctx, b.receiver.url(healthy, i), []string{eventType(i)}, true, nil); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// watch measures the highest rate to many webhooks with one subscriber for each, and before and after that without: the database
// grows meanwhile.
func (b *bench) watch(ctx context.Context, r *Result) error {
	ids, err := b.webhooks(ctx, b.Watch)
	if err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	before, err := b.unwatched(ctx, r, b.Watch)
	if err != nil {
		return err
	}
	watchers, err := b.subscribe(ctx, watchQuery, ids, 0)
	if err != nil {
		return err
	}
	defer func() { _ = watchers.close() }()
	l := newLoad(b, 1, b.Watch)
	w, err := l.run(ctx, "with subscribers", b.Duration, l.closed)
	if err != nil {
		return err
	}
	b.fill(r, w)
	if err := l.check(ctx, r); err != nil {
		return err
	}
	if err := watchers.wait(ctx, int64(len(l.due))); err != nil {
		return err
	}
	r.Streamed = new(int64)
	*r.Streamed = watchers.got.Load()
	if err := watchers.close(); err != nil {
		return err
	}
	after, err := b.unwatched(ctx, r, b.Watch)
	if err != nil {
		return err
	}
	r.DeliveredPerSWithout = new((before + after) / 2)
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// unwatched delivers to the webhooks without subscribers, for half of the duration, and returns the rate.
func (b *bench) unwatched(ctx context.Context, r *Result, hooks int) (perS float64, err error) {
	l := newLoad(b, 1, hooks)
	w, err := l.run(ctx, "without subscribers", b.Duration/2, l.closed)
	if err != nil {
		return 0, err
	}
	return float64(w.deliveries) / w.seconds, l.check(ctx, r)
}

// greedyPause is the time that greedy's subscriber takes for each attempt: it reads a few hundred per second.
const greedyPause = 5 * time.Millisecond

const greedyQuery = `subscription { deliveryAttempts { cursor node {
	id number status error message trigger startedAt durationMs event { id type data } webhook { id url }
	request { url headers { name value } body } response { status headers { name value } body truncated }
} } }`

// greedy measures the highest rate to one webhook, without and with a subscriber that selects every field of every attempt and
// cannot keep up.
func (b *bench) greedy(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(healthy, 0), []string{eventType(0)}, true, nil); err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	before, err := b.unwatched(ctx, r, 1)
	if err != nil {
		return err
	}
	watchers, err := b.subscribe(ctx, greedyQuery, []string{""}, greedyPause)
	if err != nil {
		return err
	}
	defer func() { _ = watchers.close() }()
	l := newLoad(b, 1, 1)
	w, err := l.run(ctx, "with a greedy subscriber", b.Duration, l.closed)
	if err != nil {
		return err
	}
	r.Streamed = new(int64)
	*r.Streamed = watchers.got.Load()
	b.fill(r, w)
	if err := errors.Join(watchers.close(), l.check(ctx, r)); err != nil {
		return err
	}
	after, err := b.unwatched(ctx, r, 1)
	if err != nil {
		return err
	}
	r.DeliveredPerSWithout = new((before + after) / 2)
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// watchers are subscribers of the stream of attempts, each on a WebSocket of its own.
type watchers struct {
	cancel context.CancelFunc
	group  *errgroup.Group
	got    atomic.Int64 // attempts
	closed bool
}

// subscribe opens one subscription for each webhook's id, which may be "", and returns when the server has started all. Each
// subscriber takes pause for an attempt.
func (b *bench) subscribe(ctx context.Context, query string, ids []string, pause time.Duration) (*watchers, error) {
	token, err := b.anotherToken(ctx)
	if err != nil {
		return nil, err
	}
	watcher := &client.Client{URL: b.server.URL, Token: token}
	b.progress.say("subscribing: %d", len(ids))
	w := &watchers{}
	running, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	w.group, running = errgroup.WithContext(running)
	opening, ctx := errgroup.WithContext(ctx)
	opening.SetLimit(32)
	for _, id := range ids {
		opening.Go(func() error {
			r := client.Request{Query: query}
			if id != "" {
				r.Variables = map[string]any{"id": id}
			}
			s, err := watcher.Subscribe(ctx, r)
			if err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
			w.group.Go(func() error { return w.read(running, s, pause) })
			return nil
		})
	}
	if err := opening.Wait(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// anotherToken creates a token for the subscribers, so that they do not use up the publisher's limits.
func (b *bench) anotherToken(ctx context.Context) (token string, err error) {
	c, err := child.Start(ctx, child.Spec{Program: b.Program, Environ: b.Environ, Dir: b.dir, Name: "token", Args: []string{
		"token", "create", "--operator", "--database", b.database(), "--name", "watch",
	}})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Wait()) }()
	return c.Line(ctx)
}

const watchQuery = `subscription ($id: ID!) { deliveryAttempts(filter: {webhookIds: [$id]}) {
	cursor node { id number status error startedAt durationMs response { status } }
} }`

// read counts attempts until ctx ends. It does not parse them: the subscribers share the machine with the server.
func (w *watchers) read(ctx context.Context, s *client.Subscription, pause time.Duration) error {
	defer func() { _ = s.Close() }()
	// Closing the connection when ctx ends is cheaper than a cancelable context for each read.
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	reading := context.WithoutCancel(ctx)
	for {
		text, err := s.Read(reading)
		if err == nil && bytes.Contains(text, []byte(`"errors":`)) {
			err = fmt.Errorf("the server sent %s", text)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		w.got.Add(1)
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// wait waits until want attempts have arrived, or none has for a while.
func (w *watchers) wait(ctx context.Context, want int64) error {
	last, moved := int64(-1), time.Now()
	for {
		n := w.got.Load()
		if n != last {
			last, moved = n, time.Now()
		}
		if n >= want || time.Since(moved) > drainPatience {
			return nil
		}
		select {
		case <-time.After(time.Second / 20):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close ends the subscriptions; it may be called again.
func (w *watchers) close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.cancel()
	return w.group.Wait()
}
