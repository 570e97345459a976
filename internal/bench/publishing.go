package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/client"
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
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), nil, true, nil); err != nil {
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
			l.one = api.publish
			w, err := l.run(ctx, fmt.Sprintf("%s, %d connections", api.name, n), b.Duration/2, func(ctx context.Context) error { return l.each(ctx, n) })
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
func (l *load) each(ctx context.Context, n int) error {
	finish := context.WithoutCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	for range n {
		group.Go(func() error {
			for {
				hooks := l.take(ctx, 1)
				if hooks == nil {
					return nil
				}
				if err := l.publishOne(finish, hooks); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func (l *load) publishOne(ctx context.Context, hooks []int) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	id, err := l.one(ctx, hooks[0])
	if err == nil {
		l.took(hooks, []webhook.ID{id})
	}
	return err
}

// publishREST publishes an event through REST.
func (s *server) publishREST(ctx context.Context, hook int) (webhook.ID, error) {
	return publishAs(ctx, s.turn().Client, hook)
}

// publishAs publishes an event through REST for the client's tenant.
func publishAs(ctx context.Context, c *client.Client, hook int) (webhook.ID, error) {
	answer, err := c.Post(ctx, "/v1/events", appendEvent(make([]byte, 0, peer.PayloadBytes+64), hook, peer.PayloadBytes, time.Now()))
	if err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	var event struct{ ID webhook.ID }
	if err := json.Unmarshal(answer, &event); err != nil {
		return webhook.ID{}, fmt.Errorf("publish: %w", err)
	}
	return event.ID, nil
}

// large has events of 64 KiB, in calls of ten.
const (
	largeBytes  = 64 << 10
	largeEvents = 10
)

// large measures the highest rate of large events, which are published through REST as lists.
func (b *bench) large(ctx context.Context, r *Result) error {
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), nil, true, nil); err != nil {
		return err
	}
	bare := func() error {
		rate, err := b.bareTo(ctx, []string{b.receiver.url(peer.Bare, 0)}, largeBytes)
		b.rates = append(b.rates, rate)
		return err
	}
	if err := bare(); err != nil {
		return err
	}
	l := newLoad(b, 1, 1)
	l.many = func(ctx context.Context, hooks []int) ([]webhook.ID, error) {
		return b.server.publishList(ctx, hooks, largeBytes)
	}
	w, err := l.run(ctx, "64 KiB", b.Duration, func(ctx context.Context) error { return l.batches(ctx, largeEvents) })
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
	return bare()
}

// publishList publishes an event of the given size for each webhook's number through REST.
func (s *server) publishList(ctx context.Context, hooks []int, size int) ([]webhook.ID, error) {
	now := time.Now()
	b := make([]byte, 0, len(hooks)*(size+64)+2)
	for i, hook := range hooks {
		b = appendEvent(append(b, "[,"[min(i, 1)]), hook, size, now)
	}
	answer, err := s.turn().Post(ctx, "/v1/events", append(b, ']'))
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	var list struct{ Data []struct{ ID webhook.ID } }
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	ids := make([]webhook.ID, len(list.Data))
	for i, e := range list.Data {
		ids[i] = e.ID
	}
	if len(ids) != len(hooks) {
		return nil, fmt.Errorf("publish: %d results for %d events", len(ids), len(hooks))
	}
	return ids, nil
}

// tenants has as many tenants as watch has webhooks, each with ten webhooks. How often one publishes falls with its number as Zipf's law says.
const (
	tenantHooks       = 10
	tenantConnections = 64
	zipf              = 1.1
)

// tenants measures the highest rate of many tenants, each event in a call of its own and to one webhook.
func (b *bench) tenants(ctx context.Context, r *Result) error {
	clients, err := b.addTenants(ctx, b.Watch)
	if err != nil {
		return err
	}
	if err := b.bare(ctx); err != nil {
		return err
	}
	l := newLoad(b, 1, 1)
	l.from = 1                                                                                 // the receiver has the webhook 0 apart
	draw := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), zipf, 1, uint64(len(clients)-1))         //nolint:gosec // the same in each run
	l.choose = func(turn int) int { return int(draw.Uint64())*tenantHooks + turn%tenantHooks } //nolint:gosec // at most 10,000
	l.one = func(ctx context.Context, hook int) (webhook.ID, error) {
		return publishAs(ctx, clients[(hook-l.from)/tenantHooks], hook)
	}
	w, err := l.run(ctx, "tenants", b.Duration, func(ctx context.Context) error { return l.each(ctx, tenantConnections) })
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

// addTenants creates tenants, each with tenantHooks webhooks, and returns a client for each.
func (b *bench) addTenants(ctx context.Context, n int) ([]*client.Client, error) {
	clients := make([]*client.Client, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(publishers)
	for i := range clients {
		b.progress.say("creating %d tenants with %d webhooks: %d", n, tenantHooks, i)
		group.Go(func() error {
			c := b.operator()
			c.Tenant = fmt.Sprint("tenant-", i)
			clients[i] = c
			if _, err := b.addTenant(ctx, c.Tenant); err != nil {
				return err
			}
			for k := range tenantHooks {
				hook := 1 + i*tenantHooks + k
				if _, _, err := c.CreateWebhook(ctx, map[string]any{"url": b.receiver.url(peer.Healthy, hook), "events": []string{peer.EventType(hook)}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return clients, group.Wait()
}

// TLSResult is what tls measured with one kind of receivers.
type TLSResult struct {
	Protocol         string   `json:"protocol"` // http/1.1 or h2
	Hosts            int      `json:"hosts"`
	BarePerS         *float64 `json:"bare_per_s"`
	DeliveredPerS    *float64 `json:"delivered_per_s"`
	Ratio            *float64 `json:"ratio"` // delivered_per_s / bare_per_s
	P50Ms            *float64 `json:"p50_ms"`
	P99Ms            *float64 `json:"p99_ms"`
	CPUUsPerDelivery *float64 `json:"cpu_us_per_delivery"` // of the server
}

// tlsHosts is how many hosts tls sends to at most.
func tlsHosts(o *Options) int { return 2 * o.Watch }

// overTLS measures the highest rate to receivers of https: one with HTTP/1.1, one with HTTP/2, many with HTTP/1.1. The result's own fields are
// those of the first.
func (b *bench) overTLS(ctx context.Context, r *Result) error {
	at := 0 // the number of the next webhook
	for _, kind := range []struct {
		protocol  string
		addresses []string
	}{{"http/1.1", b.receiver.TLS[:1]}, {"h2", b.receiver.HTTP2}, {"http/1.1", b.receiver.TLS[1:]}} {
		hosts := len(kind.addresses)
		b.progress.say("creating webhooks: %d", hosts)
		bare := make([]string, hosts)
		for i, address := range kind.addresses {
			bare[i] = urlAt("https", address, peer.Bare, at+i)
			if _, err := b.server.createWebhook(ctx, urlAt("https", address, peer.Healthy, at+i), []string{peer.EventType(at + i)}, true, nil); err != nil {
				return err
			}
		}
		limit, err := b.bareTo(ctx, bare, peer.PayloadBytes)
		if err != nil {
			return err
		}
		l := newLoad(b, 1, hosts)
		l.from = at
		at += hosts
		w, err := l.run(ctx, fmt.Sprintf("%s, %d hosts", kind.protocol, hosts), b.Duration, l.closed)
		if err != nil {
			return err
		}
		if err := l.check(ctx, r); err != nil {
			return err
		}
		var one Result
		b.fill(&one, w)
		again, err := b.bareTo(ctx, bare, peer.PayloadBytes)
		if err != nil {
			return err
		}
		limit = (limit + again) / 2
		is := &TLSResult{
			Protocol: kind.protocol, Hosts: hosts, BarePerS: &limit, DeliveredPerS: one.DeliveredPerS, Ratio: new(*one.DeliveredPerS / limit),
			P50Ms: one.P50Ms, P99Ms: one.P99Ms, CPUUsPerDelivery: one.CPUUsPerDelivery,
		}
		if r.TLS = append(r.TLS, is); len(r.TLS) == 1 {
			b.fill(r, w)
			b.rates = append(b.rates, limit)
		}
	}
	return b.finish(ctx, r)
}
