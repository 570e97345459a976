package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// ReplayResult is the speed of a replay, and its cost for others.
type ReplayResult struct {
	ThroughputPerS float64 `json:"throughput_per_s"` // of new events alone, in the same run
	PreviewMs      float64 `json:"preview_ms"`       // of all that has failed; the median
	PauseMs        float64 `json:"pause_ms"`         // from the call until nothing of the replay is due or being sent
}

const (
	replayPreviews = 5
	replayInput    = `{"kind": "ALL", "filter": {"webhookIds": [%q]}}`
)

// replay has many deliveries fail, and replays them as fast as possible while new events are published for another webhook. It compares the rate
// with that of new events alone, and the latency of the new events with that without a replay. Then it replays again, and pauses that.
func (b *bench) replay(ctx context.Context, r *Result) (err error) {
	if err := b.startServer(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.stop()) }()
	owed, err := b.server.createWebhook(ctx, b.receiver.url(failing, 1), []string{eventType(1)}, true, []int{})
	if err != nil {
		return err
	}
	if _, err := b.server.createWebhook(ctx, b.receiver.url(healthy, 0), []string{eventType(0)}, true, nil); err != nil {
		return err
	}
	is := &ReplayResult{}
	r.Replay = is
	alone := func(what string, put func(l *load, ctx context.Context) error) (w window, err error) {
		l := newLoad(b, 1, 1)
		if w, err = l.run(ctx, what, b.Duration, func(ctx context.Context) error { return put(l, ctx) }); err != nil {
			return w, err
		}
		return w, l.check(ctx, r)
	}
	w, err := alone("new events alone", (*load).closed)
	if err != nil {
		return err
	}
	is.ThroughputPerS = float64(w.deliveries) / w.seconds
	w, err = alone("50 events a second", func(l *load, ctx context.Context) error { return l.steady(ctx, freshCalls, 0) })
	if err != nil {
		return err
	}
	r.P99MsWithout = w.all().Ms(0.99)
	old := newLoad(b, 1, 1)
	old.from = 1
	if err := b.failed(ctx, old); err != nil {
		return err
	}
	if err := b.server.change(ctx, owed, map[string]any{"url": b.receiver.url(healthy, 1)}); err != nil {
		return err
	}
	input := fmt.Sprintf(replayInput, owed)
	if is.PreviewMs, err = b.preview(ctx, input); err != nil {
		return err
	}
	if _, err := b.createReplay(ctx, input); err != nil {
		return err
	}
	if _, err := b.drainBacklog(ctx, old, int64(b.Backlog), r); err != nil {
		return err
	}
	r.Ratio = new(*r.DeliveredPerS / is.ThroughputPerS)
	if err := old.check(ctx, r); err != nil {
		return err
	}
	if is.PauseMs, err = b.pauseReplay(ctx, input); err != nil {
		return err
	}
	return b.finish(ctx, r)
}

// failed publishes events for a webhook that fails, and waits until all deliveries have failed.
func (b *bench) failed(ctx context.Context, old *load) error {
	if err := old.fill(ctx, b.Backlog); err != nil {
		return err
	}
	for {
		var data struct {
			Stats struct{ Totals struct{ Deliveries int } }
		}
		if err := b.server.Query(ctx, []byte(`{"query": "{ stats(range: {from: \"-P1D\"}) { totals { deliveries(statuses: FAILED) } } }"}`), &data); err != nil {
			return err
		}
		left := b.Backlog - data.Stats.Totals.Deliveries
		if left <= 0 {
			return nil
		}
		b.progress.say("failing: %d", left)
		select {
		case <-time.After(time.Second / 4):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// preview measures previews of a replay.
func (b *bench) preview(ctx context.Context, input string) (ms float64, err error) {
	var took []float64
	for range replayPreviews {
		began := time.Now()
		if err := b.server.Query(ctx, []byte(`{"query": "query ($input: ReplayDeliveriesInput!) { replayPreview(input: $input) `+
			`{ deliveries { count } byWebhook { count } samples { id } } }", "variables": {"input": `+input+`}}`), nil); err != nil {
			return 0, fmt.Errorf("preview a replay: %w", err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func (b *bench) createReplay(ctx context.Context, input string) (id string, err error) {
	var done struct{ Replay struct{ ID string } }
	err = b.server.Mutate(ctx, `mutation ($input: ReplayDeliveriesInput!) { done: replayDeliveries(input: $input) { replay { id } userErrors { message field } } }`,
		json.RawMessage(input), &done)
	if err != nil {
		return "", fmt.Errorf("create replay: %w", err)
	}
	return done.Replay.ID, nil
}

// pauseReplay replays everything again, and measures how long a pause takes to act.
func (b *bench) pauseReplay(ctx context.Context, input string) (ms float64, err error) {
	b.progress.say("pausing")
	id, err := b.createReplay(ctx, input)
	if err != nil {
		return 0, err
	}
	var data struct {
		Replay struct{ Started, Matched, Skipped int }
		Stats  struct{ Backlog struct{ Due int } }
	}
	look := func() error {
		return b.server.Query(ctx, []byte(`{"query": "{ replay(id: \"`+id+`\") { started matched skipped } stats(range: {from: \"-PT1M\"}) { backlog { due } } }"}`), &data)
	}
	for data.Replay.Started < b.Backlog/10 {
		if err := look(); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	if err := b.server.Mutate(ctx, `mutation ($input: UpdateReplayInput!) { done: updateReplay(input: $input) { replay { id } userErrors { message field } } }`,
		map[string]any{"id": id, "paused": true}, nil); err != nil {
		return 0, fmt.Errorf("pause replay: %w", err)
	}
	for data.Stats.Backlog.Due = 1; data.Stats.Backlog.Due > 0; {
		if err := look(); err != nil {
			return 0, err
		}
	}
	ms = float64(time.Since(began).Microseconds()) / 1000
	return ms, b.server.Mutate(ctx, `mutation ($input: CancelReplayInput!) { done: cancelReplay(input: $input) { replay { id } userErrors { message field } } }`,
		map[string]any{"id": id}, nil)
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
