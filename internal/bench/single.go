package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// SingleResult is what single measured with one number of connections.
type SingleResult struct {
	API              string   `json:"api"` // rest or graphql
	Connections      int      `json:"connections"`
	DeliveredPerS    *float64 `json:"delivered_per_s"`
	Ratio            *float64 `json:"ratio"` // delivered_per_s / bare_per_s
	P50Ms            *float64 `json:"p50_ms"`
	P99Ms            *float64 `json:"p99_ms"`
	CPUUsPerDelivery *float64 `json:"cpu_us_per_delivery"` // of the server
}

// singleConnections are the numbers of publishers, each with a connection of its own, that single measures one after the other.
var singleConnections = []int{1, 8, 64, 256}

// single measures publishers that send one event in each call and wait for its answer, as most do. The result's own fields are REST's with 64
// connections.
func (b *bench) single(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(healthy, 0), nil, true, nil); err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	for _, api := range []struct {
		name    string
		publish func(ctx context.Context, hook int) (webhook.ID, error)
	}{{"rest", b.server.publishREST}, {"graphql", b.server.publishOne}} {
		for _, n := range singleConnections {
			l := newLoad(b, 1, 1)
			w, err := l.run(ctx, fmt.Sprintf("%s, %d connections", api.name, n), b.Duration/2, func(ctx context.Context) error { return l.each(ctx, n, api.publish) })
			if err != nil {
				return err
			}
			if api.name == "rest" && n == 64 {
				b.fill(r, w)
			}
			var one Result
			b.fill(&one, w)
			r.Singles = append(r.Singles, &SingleResult{
				API: api.name, Connections: n, DeliveredPerS: one.DeliveredPerS, P50Ms: one.P50Ms, P99Ms: one.P99Ms, CPUUsPerDelivery: one.CPUUsPerDelivery,
			})
			if err := errors.Join(l.check(ctx, r), b.receiver.forget(ctx)); err != nil {
				return err
			}
		}
	}
	if err := b.finish(ctx, r); err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	for _, one := range r.Singles {
		one.Ratio = new(*one.DeliveredPerS / b.bareRate())
	}
	return nil
}

// each publishes one event a call from n goroutines, as fast as events are delivered, until ctx ends.
func (l *load) each(ctx context.Context, n int, publish func(ctx context.Context, hook int) (webhook.ID, error)) error {
	finish := context.WithoutCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	for range n {
		group.Go(func() error {
			for {
				hooks := l.take(ctx, 1)
				if hooks == nil {
					return nil
				}
				if err := l.publishOne(finish, hooks, publish); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func (l *load) publishOne(ctx context.Context, hooks []int, publish func(ctx context.Context, hook int) (webhook.ID, error)) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	id, err := publish(ctx, hooks[0])
	if err == nil {
		l.took(hooks, []webhook.ID{id})
	}
	return err
}

// publishREST publishes an event through REST.
func (s *server) publishREST(ctx context.Context, hook int) (webhook.ID, error) {
	answer, err := s.turn().Post(ctx, "/v1/events", appendEvent(make([]byte, 0, payloadBytes+64), hook, time.Now()))
	if err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	var event struct{ ID webhook.ID }
	if err := json.Unmarshal(answer, &event); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	return event.ID, nil
}

func reportSingles(singles []*SingleResult) (lines []string) {
	for _, s := range singles {
		lines = append(lines, fmt.Sprintf("  %-7s %3d connections: %s/s, ratio %s, p50 %s ms, p99 %s ms, cpu %s µs",
			s.API, s.Connections, show(s.DeliveredPerS, 0), show(s.Ratio, 2), show(s.P50Ms, 2), show(s.P99Ms, 2), show(s.CPUUsPerDelivery, 0)))
	}
	return lines
}
