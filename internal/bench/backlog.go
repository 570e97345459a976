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

	"github.com/hookgraph/hookgraph/internal/bench/peer"
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
	owed, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 1), []string{peer.EventType(1)}, false, nil)
	if err != nil {
		return err
	}
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), []string{peer.EventType(0)}, true, nil); err != nil {
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
	ThroughputPerS float64  `json:"throughput_per_s"` // of new events alone, in the same run
	PreviewMs      float64  `json:"preview_ms"`       // of all that has failed; the median
	PauseMs        *float64 `json:"pause_ms"`         // from the call until nothing of the replay is due or being sent; nil: it ended before
	P99MsRated     *float64 `json:"p99_ms_rated"`     // of new events beside a replay of replayRate deliveries a second
}

// Bounds of a replay on SQLite: at full speed it sends leastReplay of what new events reach alone, the server's memory stays below mostReplayMB, a
// preview takes less than mostPreviewMs, and a pause acts within mostPauseMs. Beside one at replayRate the p99 of new events grows less than mostMoved
// times.
const (
	leastReplay   = 0.7
	mostReplayMB  = 150
	mostPreviewMs = 100
	mostPauseMs   = 2000
	mostMoved     = 1.2
	replayRate    = 500
)

const (
	replayPreviews = 5
	replayInput    = `{"kind": "ALL", "filter": {"webhookIds": [%q]}%s}`
	steering       = 10 * time.Millisecond // between two looks at a replay
)

// replay has many deliveries fail, restarts the server, and replays them as fast as possible while new events are published for another webhook.
// It compares the rate with that of new events alone, and the latency of the new events with that without a replay, before and after, and with
// that beside a replay that has a rate. Then it replays again, and pauses that.
func (b *bench) replay(ctx context.Context, r *Result) (err error) {
	if err := b.startServer(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.stop()) }()
	owed, err := b.server.createWebhook(ctx, b.receiver.url(peer.Failing, 1), []string{peer.EventType(1)}, true, []int{})
	if err != nil {
		return err
	}
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), []string{peer.EventType(0)}, true, nil); err != nil {
		return err
	}
	is := &ReplayResult{}
	r.Replay = is
	w, err := b.fresh(ctx, r, "new events alone", (*load).closed)
	if err != nil {
		return err
	}
	is.ThroughputPerS = float64(w.deliveries) / w.seconds
	old := newLoad(b, 1, 1)
	old.from = 1
	if err := b.failed(ctx, old); err != nil {
		return err
	}
	if err := b.server.change(ctx, owed, map[string]any{"url": b.receiver.url(peer.Healthy, 1)}); err != nil {
		return err
	}
	before := b.dbBefore
	if err := b.server.stop(); err != nil { // so that its memory is that of the replay
		return err
	}
	if err := b.startServer(ctx); err != nil {
		return err
	}
	b.dbBefore = before
	return b.replayed(ctx, r, old, owed)
}

// fresh measures new events of the other webhook.
func (b *bench) fresh(ctx context.Context, r *Result, what string, put func(l *load, ctx context.Context) error) (w window, err error) {
	l := newLoad(b, 1, 1)
	if w, err = l.run(ctx, what, b.Duration, func(ctx context.Context) error { return put(l, ctx) }); err != nil {
		return w, err
	}
	return w, l.check(ctx, r)
}

// replayed measures replays of what has failed.
func (b *bench) replayed(ctx context.Context, r *Result, old *load, owed string) (err error) {
	steady := func(l *load, ctx context.Context) error { return l.steady(ctx, freshCalls, 0) }
	fast := fmt.Sprintf(replayInput, owed, "")
	if r.Replay.PreviewMs, err = b.preview(ctx, fast); err != nil {
		return err
	}
	first, err := b.fresh(ctx, r, "50 events a second", steady)
	if err != nil {
		return err
	}
	if _, err := b.createReplay(ctx, fast); err != nil {
		return err
	}
	if _, err := b.drainBacklog(ctx, old, int64(b.Backlog), r); err != nil {
		return err
	}
	r.Ratio = new(*r.DeliveredPerS / r.Replay.ThroughputPerS)
	if err := old.check(ctx, r); err != nil {
		return err
	}
	// The receiver has had everything from here on, and does not count it again.
	id, err := b.createReplay(ctx, fmt.Sprintf(replayInput, owed, fmt.Sprintf(`, "ratePerSecond": %d`, replayRate)))
	if err != nil {
		return err
	}
	beside, err := b.fresh(ctx, r, fmt.Sprintf("beside a replay of %d a second", replayRate), steady)
	if err != nil {
		return err
	}
	r.Replay.P99MsRated = beside.latency[0].Ms(0.99)
	if err := b.cancelReplay(ctx, id); err != nil {
		return err
	}
	last, err := b.fresh(ctx, r, "50 events a second", steady)
	if err != nil {
		return err
	}
	r.P99MsWithout = first.latency[0].Plus(last.latency[0]).Ms(0.99)
	if r.Replay.PauseMs, err = b.pauseReplay(ctx, fast); err != nil {
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
		if err := b.server.Query(ctx, []byte(`{"query": "query ($input: ReplayInput!) { replayPreview(input: $input) `+
			`{ deliveries { count } byWebhook { count } samples { id } userErrors { message } } }", "variables": {"input": `+input+`}}`), nil); err != nil {
			return 0, fmt.Errorf("preview a replay: %w", err)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func (b *bench) createReplay(ctx context.Context, input string) (id string, err error) {
	var done struct{ Replay struct{ ID string } }
	err = b.server.Mutate(ctx, `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) { replay { id } userErrors { message field } } }`,
		json.RawMessage(input), &done)
	if err != nil {
		return "", fmt.Errorf("create replay: %w", err)
	}
	return done.Replay.ID, nil
}

// steered is a replay as the bench looks at it.
type steered struct {
	Replay struct {
		Started     int
		CompletedAt *time.Time
	}
	Stats struct{ Backlog struct{ Due int } }
}

// steer looks at a replay until it is as wanted, or has ended.
func (b *bench) steer(ctx context.Context, id string, want func(is *steered) bool) (is steered, err error) {
	for {
		is = steered{}
		err := b.server.Query(ctx, []byte(`{"query": "{ replay(id: \"`+id+`\") { started completedAt } stats(range: {from: \"-PT1M\"}) { backlog { due } } }"}`), &is)
		if err != nil || is.Replay.CompletedAt != nil || want(&is) {
			return is, err
		}
		select {
		case <-time.After(steering):
		case <-ctx.Done():
			return is, ctx.Err()
		}
	}
}

// cancelReplay cancels a replay, unless it has ended, and waits for its end.
func (b *bench) cancelReplay(ctx context.Context, id string) error {
	if err := b.server.Mutate(ctx, `mutation ($input: CancelReplayInput!) { done: cancelReplay(input: $input) { replay { id } } }`,
		map[string]any{"id": id}, nil); err != nil {
		return fmt.Errorf("cancel replay: %w", err)
	}
	_, err := b.steer(ctx, id, func(*steered) bool { return false })
	return err
}

// pauseReplay replays everything again, and measures how long a pause takes to act; nil if the replay ends before.
func (b *bench) pauseReplay(ctx context.Context, input string) (ms *float64, err error) {
	b.progress.say("pausing")
	id, err := b.createReplay(ctx, input)
	if err != nil {
		return nil, err
	}
	if _, err := b.steer(ctx, id, func(is *steered) bool { return is.Replay.Started > b.Backlog/20 }); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := b.server.Mutate(ctx, `mutation ($input: UpdateReplayInput!) { done: updateReplay(input: $input) { replay { id } } }`,
		map[string]any{"id": id, "paused": true}, nil); err != nil {
		return nil, fmt.Errorf("pause replay: %w", err)
	}
	is, err := b.steer(ctx, id, func(is *steered) bool { return is.Stats.Backlog.Due == 0 })
	if err != nil || is.Replay.CompletedAt != nil {
		return nil, err
	}
	ms = new(float64(time.Since(began).Microseconds()) / 1000)
	return ms, b.cancelReplay(ctx, id)
}

// lines returns the results as text, and marks those that miss their bounds.
func (is *ReplayResult) lines(r *Result) []string {
	return []string{
		fmt.Sprintf("  new events alone: %.0f a second, the replay %s%s of it (at least %.1f); memory below %d MB%s",
			is.ThroughputPerS, show(r.Ratio, 2), mark(r.Ratio != nil && *r.Ratio < leastReplay), leastReplay, mostReplayMB, mark(r.RSSMB != nil && *r.RSSMB >= mostReplayMB)),
		fmt.Sprintf("  a preview: %.0f%s ms (less than %d); a pause acts after %s%s ms (at most %d)", is.PreviewMs, mark(is.PreviewMs >= mostPreviewMs), mostPreviewMs,
			show(is.PauseMs, 0), mark(is.PauseMs != nil && *is.PauseMs > mostPauseMs), mostPauseMs),
		fmt.Sprintf("  p99 of 50 new events a second: %s ms without a replay, %s%s ms beside one of %d a second (less than %.1f times)", show(r.P99MsWithout, 2),
			show(is.P99MsRated, 2), mark(is.P99MsRated != nil && r.P99MsWithout != nil && *is.P99MsRated >= mostMoved**r.P99MsWithout), replayRate, mostMoved),
	}
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
		if err := l.b.receiver.arrivals(ctx, func(a peer.Arrival, _ uint32) { delete(missing, a.Event) }); err != nil {
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
