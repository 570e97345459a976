package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type demoCmd struct {
	Listen   string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address to listen on. Port 0 picks a free port."`
	Duration time.Duration `help:"Stop after this duration; the default is to run until Ctrl-C."`
}

// demo is one run: a server on a temporary database, and its clients.
type demo struct {
	out      io.Writer
	receiver *demoReceiver
	tenants  []*demoTenant

	mu        sync.Mutex // guards the counts and out
	published int
	succeeded int
	failed    int
}

// demoTenant is a customer: a client of the API with a token of its own.
type demoTenant struct {
	name   string
	client *client.Client
}

// Run shows the product at work until ctx ends or the duration is over, and prints a summary. An invalid signature is an error.
func (c *demoCmd) Run(ctx context.Context, env *Env) (err error) {
	if c.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	dir, err := os.MkdirTemp("", "hookgraph-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	receiver, err := newDemoReceiver(ctx)
	if err != nil {
		return err
	}
	defer receiver.close()
	d := &demo{out: env.Stdout, receiver: receiver}

	cfg := &config.Config{
		Storage: config.Storage{Database: dir},
		Listen:  c.Listen, Timeout: webhook.DefaultTimeout, Concurrency: 64, MaxPayload: webhook.DefaultMaxDataBytes,
		AllowPrivateTargets: true, // the receiver is on loopback
	}
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	// The server outlives ctx: at the end its clients leave before it stops.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	listening := make(chan Running, 1)
	ended := make(chan error, 1)
	go func() { ended <- env.Serve(serving, cfg, log, func(r Running) { listening <- r }) }()
	var running Running
	select {
	case running = <-listening:
	case err := <-ended:
		return err
	}

	err = d.play(ctx, dir, running, log)
	stop()
	return errors.Join(err, <-ended, d.sum())
}

func (d *demo) play(ctx context.Context, dir string, running Running, log *slog.Logger) error {
	if err := d.register(ctx, dir, running.URL, log); err != nil {
		return unlessOver(ctx, err)
	}
	first := d.tenants[0]
	d.printf("Hookgraph %s is listening on %s\n\n  Dashboard  %s/#token=%s\n             as tenant %s\n\n",
		version(), running.URL, running.URL, first.client.Token, first.name)
	d.printf("Two tenants, a receiver that fails now and then, and a trickle of events. Ctrl-C stops.\n\n")
	d.printf(lineFormat, "TIME", "TENANT", "EVENT", "ATTEMPT", "RESULT", "TOOK", "NEXT")
	group, ctx := errgroup.WithContext(ctx)
	watching := make(chan struct{}, len(d.tenants))
	for _, t := range d.tenants {
		group.Go(func() error { return unlessOver(ctx, d.watch(ctx, t, watching)) })
	}
	group.Go(func() error {
		for range d.tenants { // wait until everybody watches, then publish
			select {
			case <-watching:
			case <-ctx.Done():
				return nil
			}
		}
		return unlessOver(ctx, d.trickle(ctx))
	})
	return group.Wait()
}

// unlessOver returns err, or nil if the end of the demo caused it.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the demo is over
	}
	return err
}

// register creates two tenants with webhooks: one over GraphQL with quick retries, one over REST with the default ones.
func (d *demo) register(ctx context.Context, dir, url string, log *slog.Logger) error {
	for _, name := range []string{"kallima", "northwind"} {
		token, err := tenantToken(ctx, dir, name, log)
		if err != nil {
			return fmt.Errorf("tenant %s: %w", name, err)
		}
		d.tenants = append(d.tenants, &demoTenant{name: name, client: &client.Client{URL: url, Token: token}})
	}
	for _, events := range [][]string{nil, {"humanization.completed", "humanization.failed"}} {
		_, secret, err := d.tenants[0].client.CreateWebhook(ctx, map[string]any{
			"url": d.receiver.url("/kallima"), "events": events, "retryScheduleMs": []int{500, 1000, 2000, 4000},
		})
		if err != nil {
			return err
		}
		if err := d.receiver.trust("/kallima", secret); err != nil {
			return err
		}
	}
	var hook struct{ Secret string }
	err := d.tenants[1].client.REST(ctx, "/v1/webhooks", map[string]any{"url": d.receiver.url("/northwind"), "events": nil}, &hook)
	if err != nil {
		return err
	}
	return d.receiver.trust("/northwind", hook.Secret)
}

func tenantToken(ctx context.Context, dir, name string, log *slog.Logger) (token string, err error) {
	s, err := store.Open(ctx, store.Options{Dir: dir, Shared: true, Logger: log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	t, err := s.EnsureTenant(ctx, name)
	if err != nil {
		return "", err
	}
	token, _ = webhook.NewToken()
	_, err = s.AddToken(ctx, webhook.Token{TenantID: &t.ID, Name: "demo"}, token)
	return token, err
}

// trickle publishes events of a protein engineering platform, over GraphQL and REST in turn.
func (d *demo) trickle(ctx context.Context) error {
	kinds := []string{
		"humanization.started", "humanization.completed", "humanization.failed",
		"structure_prediction.started", "structure_prediction.completed", "structure_prediction.failed",
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		t := d.tenants[rand.IntN(len(d.tenants))] //nolint:gosec // a demo
		event := map[string]any{
			"type": kinds[rand.IntN(len(kinds))],                                                  //nolint:gosec // a demo
			"data": map[string]any{"job_id": fmt.Sprintf("job_%04d", i), "score": rand.IntN(100)}, //nolint:gosec // a demo
		}
		var err error
		if i%2 == 1 {
			err = t.client.REST(ctx, "/v1/events", event, nil)
		} else {
			err = t.client.Mutate(ctx, `mutation ($input: PublishEventInput!) {
				done: publishEvent(input: $input) { userErrors { message field } }
			}`, event, nil)
		}
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		d.count(func() { d.published++ })
		timer.Reset(time.Duration(200+rand.IntN(600)) * time.Millisecond) //nolint:gosec // a demo
	}
}

// watched is an attempt as watch selects it.
type watched struct {
	Number    int
	Error     string // "" if it succeeded
	StartedAt time.Time
	Timings   struct{ TotalMs float64 }
	Event     struct{ Type string }
	Delivery  struct{ NextAttemptAt *time.Time }
	Response  *struct{ Status int }
}

// watch prints a tenant's attempts until ctx ends.
func (d *demo) watch(ctx context.Context, t *demoTenant, watching chan<- struct{}) error {
	s, err := t.client.Subscribe(ctx, client.Request{Query: `subscription {
		deliveryAttempts { node {
			number error startedAt timings { totalMs } event { type } delivery { nextAttemptAt } response { status }
		} }
	}`})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	watching <- struct{}{}
	for {
		var is struct {
			DeliveryAttempts struct{ Node watched }
		}
		if err := s.Next(ctx, &is); err != nil {
			return err
		}
		d.show(t, is.DeliveryAttempts.Node)
	}
}

// show prints a line for an attempt.
func (d *demo) show(t *demoTenant, a watched) {
	took := fmt.Sprintf("%.1f ms", a.Timings.TotalMs)
	result, next := "", ""
	if a.Response != nil {
		result = fmt.Sprintf("%d ", a.Response.Status)
	}
	if a.Error == "" {
		result += "delivered"
	} else {
		result += a.Error
		if at := a.Delivery.NextAttemptAt; at != nil {
			next = "retry in " + max(time.Until(*at), 0).Round(100*time.Millisecond).String()
		}
	}
	d.count(func() {
		if a.Error == "" {
			d.succeeded++
		} else {
			d.failed++
		}
	})
	d.printf(lineFormat, a.StartedAt.Local().Format(time.TimeOnly), t.name, a.Event.Type, fmt.Sprintf("#%d", a.Number), result, took, next)
}

const lineFormat = "%-8s  %-9s  %-30s  %-7s  %-17s  %7s  %s\n"

func (d *demo) printf(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, format, args...)
}

func (d *demo) count(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *demo) sum() error {
	verified, refused := d.receiver.counts()
	d.printf("\n%d events published; %d attempts delivered, %d failed; %d signatures verified, %d did not.\n",
		d.published, d.succeeded, d.failed, verified, refused)
	if refused > 0 {
		return fmt.Errorf("%d signatures did not verify", refused)
	}
	return nil
}
