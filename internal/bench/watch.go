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
	"github.com/hookgraph/hookgraph/internal/bench/peer"
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
// each, and a tenth as many of statistics.
func (b *bench) dashboards(ctx context.Context, r *Result) error {
	ids, err := b.webhooks(ctx, b.Watch)
	if err != nil {
		return err
	}
	half := (b.Watch + 1) / 2
	return b.compare(ctx, r, b.Watch, watching{name: "with dashboards", parts: []part{
		{query: changesQuery, ids: make([]string, half)},
		{query: changesOfQuery, ids: ids[:b.Watch-half]},
		{query: numbersQuery, ids: make([]string, (b.Watch+9)/10)},
	}})
}

// webhooks creates webhooks, one for each type of events.
func (b *bench) webhooks(ctx context.Context, n int) (ids []string, err error) {
	ids = make([]string, n)
	b.progress.say("creating webhooks: %d", n)
	for i := range ids {
		if ids[i], err = b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, i), []string{peer.EventType(i)}, true, nil); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// watch measures the highest rate to many webhooks with one subscriber for each.
func (b *bench) watch(ctx context.Context, r *Result) error {
	ids, err := b.webhooks(ctx, b.Watch)
	if err != nil {
		return err
	}
	return b.compare(ctx, r, b.Watch, watching{name: "with subscribers", parts: []part{{query: watchQuery, ids: ids}}, whole: true})
}

// watching is a load with subscribers.
type watching struct {
	name  string
	parts []part
	whole bool // the subscribers get a message for each attempt, and are waited for
}

// part is subscribers with one query: one for each webhook's id, which may be "". Each takes pause for a message.
type part struct {
	query string
	ids   []string
	pause time.Duration
}

// compare measures the highest rate to webhooks with subscribers, and before and after that without: the database grows meanwhile.
func (b *bench) compare(ctx context.Context, r *Result, hooks int, with watching) error {
	if err := b.bare(ctx); err != nil {
		return err
	}
	before, err := b.unwatched(ctx, r, hooks)
	if err != nil {
		return err
	}
	if err := b.watched(ctx, r, hooks, with); err != nil {
		return err
	}
	after, err := b.unwatched(ctx, r, hooks)
	if err != nil {
		return err
	}
	r.DeliveredPerSWithout = new((before + after) / 2)
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// watched measures the highest rate with subscribers.
func (b *bench) watched(ctx context.Context, r *Result, hooks int, with watching) (err error) {
	all := make([]*watchers, 0, len(with.parts))
	leave := func() (err error) {
		for _, w := range all {
			err = errors.Join(err, w.close())
		}
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	for _, p := range with.parts {
		w, err := b.subscribe(ctx, p)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	l := newLoad(b, 1, hooks)
	w, err := l.run(ctx, with.name, b.Duration, l.closed)
	if err != nil {
		return err
	}
	b.fill(r, w)
	if with.whole {
		if err := l.check(ctx, r); err != nil {
			return err
		}
	}
	r.Streamed = new(int64)
	for _, w := range all {
		if with.whole {
			if err := w.wait(ctx, int64(len(l.due))); err != nil {
				return err
			}
		}
		*r.Streamed += w.got.Load()
	}
	if with.whole {
		return leave()
	}
	return errors.Join(leave(), l.check(ctx, r))
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

// greedy measures the highest rate to one webhook with a subscriber that selects every field of every attempt and cannot keep up.
func (b *bench) greedy(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), []string{peer.EventType(0)}, true, nil); err != nil {
		return err
	}
	return b.compare(ctx, r, 1, watching{name: "with a greedy subscriber", parts: []part{{query: greedyQuery, ids: []string{""}, pause: greedyPause}}})
}

// watchers are subscribers, each on a WebSocket of its own.
type watchers struct {
	cancel context.CancelFunc
	group  *errgroup.Group
	got    atomic.Int64 // messages
	closed bool
}

// subscribe opens the subscriptions of a part, and returns when the server has started all.
func (b *bench) subscribe(ctx context.Context, p part) (*watchers, error) {
	as := make([]*client.Client, (len(p.ids)+perToken-1)/perToken)
	for i := range as {
		token, err := b.anotherToken(ctx)
		if err != nil {
			return nil, err
		}
		as[i] = &client.Client{URL: b.server.URL, Token: token}
	}
	b.progress.say("subscribing: %d", len(p.ids))
	w := &watchers{}
	running, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	w.group, running = errgroup.WithContext(running)
	opening, ctx := errgroup.WithContext(ctx)
	opening.SetLimit(32)
	for i, id := range p.ids {
		opening.Go(func() error {
			r := client.Request{Query: p.query}
			if id != "" {
				r.Variables = map[string]any{"id": id}
			}
			s, err := as[i/perToken].Subscribe(ctx, r)
			if err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
			w.group.Go(func() error { return w.read(running, s, p.pause) })
			return nil
		})
	}
	if err := opening.Wait(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// perToken is the number of subscribers with one token. A token gets an eighth of the streams that the server's descriptors allow, which must do
// with the usual limit, too.
const perToken = 250

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

// read counts messages until ctx ends. It does not parse them: the subscribers share the machine with the server.
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

// wait waits until want messages have arrived, or none has for a while.
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
