package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/histogram"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	publishers = 8
	// How long a drain waits without an arrival before missing deliveries count as lost.
	drainPatience = 15 * time.Second
)

// load publishes events and keeps what was accepted.
type load struct {
	b       *bench
	fan     int // webhooks that each event goes to
	from    int // number of the first
	ignored func(hook int) bool
	one     func(ctx context.Context, hook int) (webhook.ID, error)      // publishes an event in a call of its own
	many    func(ctx context.Context, hooks []int) ([]webhook.ID, error) // publishes an event for each
	choose  func(turn int) int                                           // the number of an event's webhook, counted from from

	mu        sync.Mutex // guards the fields below
	turn      int
	accepted  int64 // events
	due       map[webhook.ID]int32
	promised  int64 // deliveries of events that were accepted or are being published
	delivered int64
	room      chan struct{} // closed when delivered has grown
}

func newLoad(b *bench, fan, hooks int) *load {
	return &load{
		b: b, fan: fan, one: b.server.publishOne, many: b.server.publishMany, choose: func(turn int) int { return turn % hooks },
		due: map[webhook.ID]int32{}, room: make(chan struct{}),
	}
}

// follow keeps delivered up to date until ctx ends.
func (l *load) follow(ctx context.Context) error {
	s, err := l.b.receiver.stats(ctx)
	if err != nil {
		return err
	}
	base := s.Deliveries
	return l.b.receiver.follow(ctx, func(n int64) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.delivered = n - base
		close(l.room)
		l.room = make(chan struct{})
	})
}

// take waits until another batch may be published, and returns the numbers of its webhooks; nil if ctx has ended.
func (l *load) take(ctx context.Context, events int) []int {
	for {
		l.mu.Lock()
		if ctx.Err() != nil {
			l.mu.Unlock()
			return nil
		}
		outstanding := l.promised - l.delivered
		if outstanding <= 0 || outstanding+int64(events*l.fan) <= int64(l.b.Outstanding) {
			defer l.mu.Unlock()
			return l.next(events)
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return nil
		}
	}
}

// next returns the next batch's webhooks. The caller must hold mu.
func (l *load) next(events int) []int {
	hooks := make([]int, events)
	for i := range hooks {
		hooks[i] = l.from + l.choose(l.turn)
		l.turn++
	}
	l.promised += int64(events * l.fan)
	return hooks
}

func (l *load) took(hooks []int, ids []webhook.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted += int64(len(ids))
	for i, id := range ids {
		if l.ignored != nil && l.ignored(hooks[i]) {
			continue
		}
		l.due[id] = int32(l.fan) //nolint:gosec // at most 10
	}
}

// closed publishes as fast as events are delivered, until ctx ends; it waits for its running calls.
func (l *load) closed(ctx context.Context) error { return l.batches(ctx, max(1, l.b.Batch/l.fan)) }

// batches does the same with the given number of events in a call.
func (l *load) batches(ctx context.Context, events int) error {
	finish := context.WithoutCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	for range publishers {
		group.Go(func() error {
			for {
				hooks := l.take(ctx, events)
				if hooks == nil {
					return nil
				}
				if err := l.publish(finish, hooks); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// publishTimeout limits an API call that outlives ctx.
const publishTimeout = 30 * time.Second

func (l *load) publish(ctx context.Context, hooks []int) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	ids, err := l.many(ctx, hooks)
	if err != nil {
		return err
	}
	l.took(hooks, ids)
	return nil
}

// steady makes calls at a fixed rate until ctx ends, however long each takes. A call of publishEvents has the given number of
// events; 0 means one for each event.
func (l *load) steady(ctx context.Context, perSecond, events int) error {
	finish := context.WithoutCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1000)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return group.Wait()
		case <-tick.C:
		}
		l.mu.Lock()
		hooks := l.next(max(1, events))
		l.mu.Unlock()
		group.Go(func() error {
			if events > 0 {
				return l.publish(finish, hooks)
			}
			return l.publishOne(finish, hooks)
		})
	}
}

// drain waits until everything has arrived, or nothing has arrived for a while.
func (l *load) drain(ctx context.Context) error {
	timer := time.NewTimer(drainPatience)
	defer timer.Stop()
	for {
		l.mu.Lock()
		missing, room := int64(len(l.due)*l.fan)-l.delivered, l.room
		l.mu.Unlock()
		if missing <= 0 {
			return nil
		}
		l.b.progress.say("waiting for %d deliveries", missing)
		select {
		case <-room:
			timer.Reset(drainPatience)
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// moment is a reading of all counters while a load runs.
type moment struct {
	at       time.Time
	got      peer.Received
	accepted int64
	cpu      time.Duration
	cpuKnown bool
}

func (l *load) moment(ctx context.Context) (m moment, err error) {
	if m.got, err = l.b.receiver.stats(ctx); err != nil {
		return m, err
	}
	m.at = time.Now()
	m.cpu, m.cpuKnown = l.b.server.cpu()
	l.mu.Lock()
	defer l.mu.Unlock()
	m.accepted = l.accepted
	return m, nil
}

// window is the difference between two moments.
type window struct {
	seconds             float64
	deliveries, accepts int64
	latency             [2]histogram.Counts
	cpu                 time.Duration
	cpuKnown            bool
}

func between(a, b moment) window {
	return window{
		seconds: b.at.Sub(a.at).Seconds(), deliveries: b.got.Deliveries - a.got.Deliveries, accepts: b.accepted - a.accepted,
		latency: [2]histogram.Counts{b.got.Latency[0].Since(a.got.Latency[0]), b.got.Latency[1].Since(a.got.Latency[1])},
		cpu:     b.cpu - a.cpu, cpuKnown: a.cpuKnown && b.cpuKnown,
	}
}

func (w window) all() histogram.Counts { return w.latency[0].Plus(w.latency[1]) }

// run starts the load, warms up, measures, and drains.
func (l *load) run(ctx context.Context, what string, d time.Duration, put func(context.Context) error) (w window, err error) {
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	loading, stopLoading := context.WithCancel(ctx)
	defer stopLoading()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.follow(following) })
	loaded := make(chan error, 1)
	go func() { loaded <- put(loading) }()
	wait := func(d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case err := <-loaded:
			loaded <- err
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	group.Go(func() error {
		defer stopFollowing()
		err := func() error {
			l.b.progress.say("%s: warming up", what)
			if err := wait(min(d/5, 2*time.Second)); err != nil {
				return err
			}
			from, err := l.moment(ctx)
			if err != nil {
				return err
			}
			for left := d; left > 0; left -= time.Second {
				l.b.progress.say("%s: %s", what, left.Round(time.Second/10))
				if err := wait(min(left, time.Second)); err != nil {
					return err
				}
			}
			to, err := l.moment(ctx)
			if err != nil {
				return err
			}
			w = between(from, to)
			return nil
		}()
		stopLoading()
		if ended := <-loaded; err == nil {
			err = ended
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return l.drain(ctx)
	})
	return w, group.Wait()
}
