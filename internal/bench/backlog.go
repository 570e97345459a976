package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	fillBatch      = 1000 // events a call
	fillPublishers = 4
	freshCalls     = 50 // new events a second for the other webhook while the backlog is drained
)

// backlog publishes many events for a disabled webhook, enables it, and restarts the server. From that start it measures how fast
// the backlog drains, and the latency of new events for another webhook meanwhile.
func (b *bench) backlog(ctx context.Context, r *Result) error {
	owed, err := b.server.createWebhook(ctx, b.receiver.url(healthy, 1), []string{eventType(1)}, false, nil)
	if err != nil {
		return err
	}
	if _, err := b.server.createWebhook(ctx, b.receiver.url(healthy, 0), []string{eventType(0)}, true, nil); err != nil {
		return err
	}
	old := newLoad(b, 1, 1)
	old.from = 1
	filled := time.Now()
	if err := old.fill(ctx, b.Backlog); err != nil {
		return err
	}
	r.AcceptedPerS = new(float64(old.accepted) / time.Since(filled).Seconds())
	if err := b.server.enable(ctx, owed, true); err != nil {
		return err
	}
	before := b.dbBefore
	if err := b.server.stop(); err != nil {
		return err
	}
	early, err := b.receiver.stats(ctx)
	if err != nil {
		return err
	}
	if early.Deliveries >= int64(b.Backlog) {
		return errors.New("the backlog was delivered before the server had stopped: choose a larger one with --backlog")
	}
	b.progress.say("starting with %d due", int64(b.Backlog)-early.Deliveries)
	if err := b.receiver.mark(ctx); err != nil {
		return err
	}
	if err := b.startServer(ctx); err != nil {
		return err
	}
	b.dbBefore = before

	w, err := b.drainBacklog(ctx, old, int64(b.Backlog)-early.Deliveries, r)
	if err != nil {
		return err
	}
	if w.got.FirstUs > 0 {
		r.FirstDeliveryMs = new(float64(w.got.FirstUs-b.server.process.Started.UnixMicro()) / 1000)
	}
	if err := old.check(ctx, r); err != nil {
		return err
	}
	return b.finish(ctx, r)
}

// fill publishes the given number of events, in large batches.
func (l *load) fill(ctx context.Context, events int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fillPublishers)
	for left := events; left > 0 && ctx.Err() == nil; left -= fillBatch {
		hooks := make([]int, min(left, fillBatch))
		for i := range hooks {
			hooks[i] = l.from
		}
		group.Go(func() error { return l.publish(ctx, hooks) })
		l.b.progress.say("publishing: %d", left)
	}
	return group.Wait()
}

// drainBacklog publishes new events until the backlog has been delivered, or has stopped shrinking for a while.
func (b *bench) drainBacklog(ctx context.Context, old *load, due int64, r *Result) (last moment, err error) {
	fresh := newLoad(b, 1, 1)
	loading, stop := context.WithCancel(ctx)
	defer stop()
	loaded := make(chan error, 1)
	go func() { loaded <- fresh.steady(loading, freshCalls, 0) }()

	first, err := fresh.moment(ctx)
	if err != nil {
		return first, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	moved, last := first, first
	var drained moment
	for {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case err := <-loaded:
			return last, err
		case <-tick.C:
		}
		if last, err = fresh.moment(ctx); err != nil {
			return last, err
		}
		arrived := last.got.Latency[1].Since(first.got.Latency[1]).Total()
		b.progress.say("draining: %d", due-int64(arrived)) //nolint:gosec // a count
		if last.got.Latency[1].Total() > moved.got.Latency[1].Total() {
			moved = last
		}
		if int64(arrived) >= due || last.at.Sub(moved.at) > drainPatience { //nolint:gosec // a count
			drained = moved
			break
		}
	}
	stop()
	if err := <-loaded; err != nil {
		return last, err
	}
	w := between(first, drained)
	if drained.got.FirstUs > 0 { // without the wait for the server
		w.seconds = min(w.seconds, drained.at.Sub(time.UnixMicro(drained.got.FirstUs)).Seconds())
	}
	r.DeliveredPerS = new(float64(w.deliveries) / w.seconds)
	r.P50Ms, r.P99Ms = w.latency[0].Ms(0.5), w.latency[0].Ms(0.99)
	if w.cpuKnown && w.deliveries > 0 {
		r.CPUUsPerDelivery = new(float64(w.cpu.Microseconds()) / float64(w.deliveries))
	}
	// Wait for the last new events, then check everything together.
	if err := fresh.settle(ctx); err != nil {
		return last, err
	}
	fresh.mu.Lock()
	defer fresh.mu.Unlock()
	old.mu.Lock()
	defer old.mu.Unlock()
	old.accepted += fresh.accepted
	maps.Copy(old.due, fresh.due)
	return last, nil
}

// settle waits until every event of the first webhook has arrived.
func (l *load) settle(ctx context.Context) error {
	until := time.Now().Add(drainPatience)
	for {
		missing := map[webhook.ID]bool{}
		l.mu.Lock()
		for id := range l.due {
			missing[id] = true
		}
		l.mu.Unlock()
		if err := l.b.receiver.arrivals(ctx, func(a arrival, _ uint32) { delete(missing, a.id) }); err != nil {
			return err
		}
		if len(missing) == 0 || time.Now().After(until) {
			return nil
		}
		select {
		case <-time.After(time.Second / 4):
		case <-ctx.Done():
			return fmt.Errorf("wait for new events: %w", ctx.Err())
		}
	}
}
