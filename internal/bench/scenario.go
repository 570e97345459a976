package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/histogram"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
)

const bareConcurrency = 128 // as many as the server has running for one webhook at most

// bare measures the bare sender, on as many of the receiver's addresses as the server's webhooks use.
func (b *bench) bare(ctx context.Context) error {
	urls := make([]string, min(len(b.receiver.Plain), 100))
	for i := range urls {
		urls[i] = b.receiver.url(peer.Bare, i)
	}
	rate, err := b.bareTo(ctx, urls, peer.PayloadBytes)
	b.rates = append(b.rates, rate)
	return err
}

// bareTo returns the rate of a bare sender that sends events of the given size to urls.
func (b *bench) bareTo(ctx context.Context, urls []string, size int) (rate float64, err error) {
	d := max(b.Duration/4, time.Second/4)
	b.progress.say("bare sender: %s", d)
	c, err := b.start(ctx, "sender", "--role", "sender", "--duration", d.String(), "--concurrency", fmt.Sprint(bareConcurrency),
		"--bytes", fmt.Sprint(size), "--urls", strings.Join(urls, ","))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	line, err := c.Line(ctx)
	if err != nil {
		return 0, err
	}
	var s peer.Sent
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		return 0, fmt.Errorf("bare sender: %w", err)
	}
	return float64(s.Requests) / s.Seconds, b.receiver.forget(ctx)
}

// bareRate returns the mean rate of the bare sender so far.
func (b *bench) bareRate() float64 {
	sum := 0.0
	for _, v := range b.rates {
		sum += v
	}
	return sum / float64(len(b.rates))
}

// fill sets the result's fields from a window.
func (b *bench) fill(r *Result, w window) {
	r.DeliveredPerS = new(float64(w.deliveries) / w.seconds)
	r.AcceptedPerS = new(float64(w.accepts) / w.seconds)
	r.P50Ms, r.P99Ms = w.all().Ms(0.5), w.all().Ms(0.99)
	if w.cpuKnown && w.deliveries > 0 {
		r.CPUUsPerDelivery = new(float64(w.cpu.Microseconds()) / float64(w.deliveries))
	}
}

// finish stops the server and sets the result's fields for the whole scenario. Call it after the loads were checked.
func (b *bench) finish(ctx context.Context, r *Result) error {
	r.RSSMB = b.server.process.Peak()
	bytes := b.databaseBytes(ctx) - b.dbBefore
	if err := b.server.stop(); err != nil {
		return err
	}
	if r.Deliveries == 0 {
		return nil
	}
	r.DBBytesPerDelivery = new(float64(bytes) / float64(r.Deliveries))
	if b.postgres != nil {
		r.StatementsPerDelivery = new(float64(b.server.statements()) / float64(r.Deliveries))
	}
	if used, ok := b.server.process.CPU(); ok && r.CPUUsPerDelivery == nil {
		r.CPUUsPerDelivery = new(float64(used.Microseconds()) / float64(r.Deliveries))
	}
	return nil
}

// throughput measures the highest rate, with each event going to fan webhooks.
func (b *bench) throughput(ctx context.Context, r *Result, fan int) error {
	for i := range fan {
		if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, i), nil, true, nil); err != nil {
			return err
		}
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	l := newLoad(b, fan, 1)
	w, err := l.run(ctx, "delivering", b.Duration, l.closed)
	if err != nil {
		return err
	}
	b.fill(r, w)
	if err := l.check(ctx, r); err != nil {
		return err
	}
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// latency measures at a low rate: each event is published alone.
func (b *bench) latency(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), nil, true, nil); err != nil {
		return err
	}
	l := newLoad(b, 1, 1)
	w, err := l.run(ctx, "50 events a second", b.Duration, func(ctx context.Context) error { return l.steady(ctx, 50, 0) })
	if err != nil {
		return err
	}
	b.fill(r, w)
	if err := l.check(ctx, r); err != nil {
		return err
	}
	return b.finish(ctx, r)
}

// mixed has 100 webhooks, and 1,000 events a second in calls of 10, each to one webhook.
const (
	mixedHealthy  = 90
	mixedFailing  = 5
	mixedFlapping = 4
	mixedHanging  = 1
	mixedAll      = mixedHealthy + mixedFailing + mixedFlapping + mixedHanging
	mixedCalls    = 100 // a second
	mixedEvents   = 10  // a call
)

func mixedBehaviour(hook int) string {
	switch {
	case hook < mixedHealthy:
		return peer.Healthy
	case hook < mixedHealthy+mixedFailing:
		return peer.Failing
	case hook < mixedHealthy+mixedFailing+mixedFlapping:
		return peer.Flapping
	}
	return peer.Hanging
}

// mixed compares the latency of healthy webhooks beside bad ones with their latency alone, at the same rate. It measures alone,
// together, and alone again.
func (b *bench) mixed(ctx context.Context, r *Result) error {
	quick := make([]int, 30) // so that flapping receivers get their events before the end
	for i := range quick {
		quick[i] = 1000
	}
	bad := make([]string, 0, mixedAll-mixedHealthy)
	for i := range mixedAll {
		var retry []int
		if mixedBehaviour(i) == peer.Flapping {
			retry = quick
		}
		id, err := b.server.createWebhook(ctx, b.receiver.url(mixedBehaviour(i), i), []string{peer.EventType(i)}, true, retry)
		if err != nil {
			return err
		}
		if i >= mixedHealthy {
			bad = append(bad, id)
		}
	}
	var without histogram.Counts
	alone := func() error {
		l := newLoad(b, 1, mixedHealthy)
		w, err := l.run(ctx, "healthy webhooks alone", b.Duration/2, func(ctx context.Context) error {
			return l.steady(ctx, mixedCalls*mixedHealthy/mixedAll, mixedEvents)
		})
		if err != nil {
			return err
		}
		without = without.Plus(w.all())
		return l.check(ctx, r)
	}
	if err := alone(); err != nil {
		return err
	}
	l := newLoad(b, 1, mixedAll)
	l.ignored = func(hook int) bool {
		return mixedBehaviour(hook) == peer.Failing || mixedBehaviour(hook) == peer.Hanging
	}
	w, err := l.run(ctx, "with bad webhooks", b.Duration, func(ctx context.Context) error { return l.steady(ctx, mixedCalls, mixedEvents) })
	if err != nil {
		return err
	}
	b.fill(r, w)
	if err := l.check(ctx, r); err != nil {
		return err
	}
	for _, id := range bad {
		if err := b.server.enable(ctx, id, false); err != nil {
			return err
		}
	}
	if err := alone(); err != nil {
		return err
	}
	r.P99MsWithout = without.Ms(0.99)
	return b.finish(ctx, r)
}

// manyFilters is how many webhooks of a tenant may have a filter without an exact condition.
const manyFilters = 100

// filters measures the highest rate to one webhook beside many whose filters each event is matched with and none matches, and before and after that
// without these.
func (b *bench) filters(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), nil, true, nil); err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	var without window
	alone := func() error {
		l := newLoad(b, 1, 1)
		w, err := l.run(ctx, "without filters", b.Duration/2, l.closed)
		if err != nil {
			return err
		}
		without.seconds, without.deliveries = without.seconds+w.seconds, without.deliveries+w.deliveries
		without.cpu, without.cpuKnown = without.cpu+w.cpu, w.cpuKnown
		return l.check(ctx, r)
	}
	if err := alone(); err != nil {
		return err
	}
	b.progress.say("creating webhooks: %d", manyFilters)
	ids := make([]string, manyFilters)
	for i := range ids {
		filter := map[string]any{"data": map[string]any{"sent": map[string]any{"$lt": i + 1}}} // it is the time
		id, _, err := b.server.CreateWebhook(ctx, map[string]any{"url": b.receiver.url(peer.Healthy, 0), "filter": filter})
		if err != nil {
			return err
		}
		ids[i] = id
	}
	l := newLoad(b, 1, 1)
	w, err := l.run(ctx, fmt.Sprintf("with %d filters", manyFilters), b.Duration, l.closed)
	if err != nil {
		return err
	}
	b.fill(r, w)
	if err := l.check(ctx, r); err != nil {
		return err
	}
	for _, id := range ids {
		if err := b.server.remove(ctx, id); err != nil {
			return err
		}
	}
	if err := alone(); err != nil {
		return err
	}
	var is Result
	b.fill(&is, without)
	r.DeliveredPerSWithout, r.CPUUsPerDeliveryWithout = is.DeliveredPerS, is.CPUUsPerDelivery
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	return b.bare(ctx)
}

// remove deletes a webhook.
func (s *server) remove(ctx context.Context, id string) error {
	err := s.Mutate(ctx, `mutation ($input: DeleteWebhookInput!) { done: deleteWebhook(input: $input) { userErrors { message field } } }`, map[string]any{"id": id}, nil)
	if err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	return nil
}
