package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/bench/histogram"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// FloodResult is what a tenant that publishes 50 events a second, one a call, sees beside the flood of another tenant.
type FloodResult struct {
	Flood        string   `json:"flood"` // "none" comes first and last
	PublishP50Ms *float64 `json:"publish_p50_ms"`
	PublishP99Ms *float64 `json:"publish_p99_ms"`
	ArrivalP50Ms *float64 `json:"arrival_p50_ms"` // from the start of the publishing request to the arrival
	ArrivalP99Ms *float64 `json:"arrival_p99_ms"`
	FloodPerS    *float64 `json:"flood_per_s"` // deliveries of the flood that arrived and were answered 2xx
	RSSMB        *float64 `json:"rss_mb"`      // the server's peak since its start
}

// flood is what a tenant does to the server.
type flood struct {
	name      string
	webhooks  int
	behaviour string        // of their receivers
	calls     int           // at a time, one after the other; 0: one at the start, of events events
	every     time.Duration // between two calls; 0: as fast as they are answered
	events    int           // of a call
	bytes     int           // of an event
}

const (
	victimEvents  = 50 // a second
	floodWebhooks = 10_000
)

var noFlood = &flood{name: "none"}

// floods are measured one after the other.
var floods = []*flood{
	{name: "calls of 1,000 events", webhooks: 1, behaviour: peer.Healthy, calls: 8, events: 1000, bytes: peer.PayloadBytes},
	{name: "calls of 12 MB", webhooks: 1, behaviour: peer.Healthy, calls: 8, events: 48, bytes: 250_000},
	{name: "an event to 10,000 webhooks", webhooks: floodWebhooks, behaviour: peer.Healthy, events: 1, bytes: peer.PayloadBytes},
	{name: "100 events to 10,000 webhooks", webhooks: floodWebhooks, behaviour: peer.Healthy, events: 100, bytes: peer.PayloadBytes},
	{name: "10,000 failing webhooks", webhooks: floodWebhooks, behaviour: peer.Failing, calls: 1, every: time.Second, events: 1, bytes: peer.PayloadBytes},
}

// flood measures what one tenant's floods cost another.
func (b *bench) flood(ctx context.Context, r *Result) error {
	if _, err := b.addTenant(ctx, "victim"); err != nil {
		return err
	}
	b.server.Tenant = "victim"
	if _, err := b.server.createWebhook(ctx, b.receiver.url(peer.Healthy, 0), nil, true, nil); err != nil {
		return err
	}
	if err := b.beside(ctx, r, noFlood, nil); err != nil {
		return err
	}
	for i, f := range floods {
		if err := b.flooded(ctx, r, f, fmt.Sprintf("flood-%d", i+1)); err != nil {
			return err
		}
	}
	if err := b.beside(ctx, r, noFlood, nil); err != nil {
		return err
	}
	return b.finish(ctx, r)
}

// flooded measures beside the flood of a new tenant, which is deleted afterwards.
func (b *bench) flooded(ctx context.Context, r *Result, f *flood, name string) error {
	id, err := b.addTenant(ctx, name)
	if err != nil {
		return err
	}
	token, err := b.addToken(ctx, id) // what one token may have under way is bounded: the victim's calls are of another
	if err != nil {
		return err
	}
	by := &client.Client{URL: b.server.URL, Token: token, HTTP: b.server.HTTP}
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(publishers)
	webhooks := min(f.webhooks, b.Watch*10) // fewer in a test
	for n := 1; n <= webhooks; n++ {
		b.progress.say("%s: registering %d webhooks: %d", f.name, webhooks, n)
		group.Go(func() error {
			_, _, err := by.CreateWebhook(ctx2, map[string]any{"url": b.receiver.url(f.behaviour, n), "retryScheduleMs": []int{}})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := b.beside(ctx, r, f, by); err != nil {
		return err
	}
	return b.removeTenant(ctx, id)
}

// beside measures the victim beside a flood by another tenant.
func (b *bench) beside(ctx context.Context, r *Result, f *flood, by *client.Client) error {
	l := newLoad(b, 1, 1)
	var published histogram.Histogram
	l.one = func(ctx context.Context, hook int) (webhook.ID, error) {
		began := time.Now()
		id, err := b.server.publishREST(ctx, hook)
		published.Add(time.Since(began))
		return id, err
	}
	before, err := b.receiver.stats(ctx)
	if err != nil {
		return err
	}
	w, err := l.run(ctx, f.name, b.Duration, func(ctx context.Context) error {
		flooding, stop := context.WithCancel(ctx)
		defer stop()
		var group errgroup.Group
		group.Go(func() error { f.run(flooding, by); return nil })
		err := l.steady(ctx, victimEvents, 0)
		stop()
		return errors.Join(err, group.Wait())
	})
	if err != nil {
		return err
	}
	if err := b.victimArrived(ctx, before.Latency[0].Total()+uint64(len(l.due))); err != nil {
		return err
	}
	if err := errors.Join(l.check(ctx, r), b.receiver.forget(ctx)); err != nil {
		return err
	}
	calls := published.Counts()
	is := &FloodResult{
		Flood: f.name, PublishP50Ms: calls.Ms(0.5), PublishP99Ms: calls.Ms(0.99), ArrivalP50Ms: w.latency[0].Ms(0.5), ArrivalP99Ms: w.latency[0].Ms(0.99),
		FloodPerS: new(float64(w.latency[1].Total()) / w.seconds), RSSMB: b.server.process.Peak(),
	}
	r.Floods = append(r.Floods, is)
	if f == noFlood { // the row's own fields are those of the victim alone
		b.fill(r, w)
	}
	return nil
}

// victimArrived waits until the victim's deliveries have arrived, total since the start, or none has for a while. A load counts the flood's, too.
func (b *bench) victimArrived(ctx context.Context, total uint64) error {
	for seen, since := uint64(0), time.Now(); time.Since(since) < drainPatience; {
		is, err := b.receiver.stats(ctx)
		if err != nil || is.Latency[0].Total() >= total {
			return err
		}
		if n := is.Latency[0].Total(); n != seen {
			seen, since = n, time.Now()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// run floods until ctx ends. Calls that the server refuses are part of a flood.
func (f *flood) run(ctx context.Context, by *client.Client) {
	if by == nil {
		return
	}
	call := func() {
		_, _ = by.Post(ctx, "/v1/events", f.body())
	}
	if f.calls == 0 {
		call()
		return
	}
	var group errgroup.Group
	for range f.calls {
		group.Go(func() error {
			for ctx.Err() == nil {
				call()
				select {
				case <-ctx.Done():
				case <-time.After(f.every):
				}
			}
			return nil
		})
	}
	_ = group.Wait() // it returns no error
}

// body is the body of a call, as of now.
func (f *flood) body() []byte {
	now := time.Now()
	b := make([]byte, 0, f.events*(f.bytes+64))
	for i := range f.events {
		b = append(b, "[,"[min(i, 1)])
		b = append(b, `{"type":"bench.flood","data":`...)
		b = append(peer.AppendData(b, now, f.bytes), '}')
	}
	return append(b, ']')
}

// addTenant creates a tenant and returns its id.
func (b *bench) addTenant(ctx context.Context, name string) (id string, err error) {
	var made struct{ Tenant struct{ ID string } }
	err = b.operator().Mutate(ctx, `mutation ($input: CreateTenantInput!) { done: createTenant(input: $input) { tenant { id } userErrors { message field } } }`,
		map[string]any{"name": name}, &made)
	if err != nil {
		return "", fmt.Errorf("create tenant: %w", err)
	}
	return made.Tenant.ID, nil
}

// addToken creates a token of the tenant with all scopes, and returns its credential.
func (b *bench) addToken(ctx context.Context, tenant string) (credential string, err error) {
	var made struct{ Credential string }
	err = b.operator().Mutate(ctx, `mutation ($input: CreateTokenInput!) { done: createToken(input: $input) { credential userErrors { message field } } }`,
		map[string]any{"tenantId": tenant, "name": "flood"}, &made)
	if err != nil {
		return "", fmt.Errorf("create token: %w", err)
	}
	return made.Credential, nil
}

func (b *bench) removeTenant(ctx context.Context, id string) error {
	err := b.operator().Mutate(ctx, `mutation ($input: DeleteTenantInput!) { done: deleteTenant(input: $input) { userErrors { message field } } }`, map[string]any{"id": id}, nil)
	if err != nil {
		return fmt.Errorf("delete tenant: %w", err)
	}
	return nil
}

// operator is a client that acts for no tenant.
func (b *bench) operator() *client.Client {
	return &client.Client{URL: b.server.URL, Token: b.server.Token, HTTP: b.server.HTTP}
}

func reportFloods(all []*FloodResult) (lines []string) {
	for _, f := range all {
		lines = append(lines, fmt.Sprintf("  %-30s publish p50 %s, p99 %s ms; arrival p50 %s, p99 %s ms; the flood: %s/s; %s MB",
			f.Flood+":", show(f.PublishP50Ms, 2), show(f.PublishP99Ms, 2), show(f.ArrivalP50Ms, 2), show(f.ArrivalP99Ms, 2), show(f.FloodPerS, 0), show(f.RSSMB, 0)))
	}
	return lines
}
