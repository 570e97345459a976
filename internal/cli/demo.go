package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type demoCmd struct {
	Listen   string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address to listen on. Port 0 picks a free port."`
	Duration time.Duration `help:"Stop after this duration; the default is to run until Ctrl-C."`
	Attempts bool          `help:"Print each delivery attempt when it is recorded."`
}

// Run shows the product at work until ctx ends or the duration is over, and prints a summary. An invalid signature is an error.
func (c *demoCmd) Run(ctx context.Context, env *Env) (err error) {
	if err := config.CheckListen(c.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
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

	cfg := &config.Config{
		MetricsListen: new("off"),
		Storage:       config.Storage{Database: dir},
		Listen:        c.Listen, Timeout: webhook.DefaultTimeout, Concurrency: 64, MaxPayload: webhook.DefaultMaxDataBytes,
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

	d := &demo{out: env.Stdout, receiver: receiver, operator: &client.Client{URL: running.URL, Token: running.Token}, attempts: c.Attempts}
	for _, name := range []string{demoKallima, demoNorthwind} {
		d.tenants = append(d.tenants, &client.Client{URL: running.URL, Token: running.Token, Tenant: name})
	}
	err = d.play(ctx)
	stop()
	return errors.Join(err, <-ended, d.sum())
}

func (d *demo) play(ctx context.Context) error {
	if err := d.register(ctx); err != nil {
		return unlessOver(ctx, err)
	}
	if err := d.begin(ctx); err != nil {
		return unlessOver(ctx, err)
	}
	if err := d.introduce(ctx); err != nil {
		return unlessOver(ctx, err)
	}
	if d.attempts {
		d.printf(lineFormat, "TIME", "TENANT", "EVENT", "ATTEMPT", "RESULT", "TOOK", "NEXT")
	}
	group, ctx := errgroup.WithContext(ctx)
	watching := make(chan struct{}, len(d.tenants))
	for _, t := range d.tenants {
		group.Go(func() error { return unlessOver(ctx, d.watch(ctx, t, watching)) })
	}
	group.Go(func() error {
		d.report(ctx)
		return nil
	})
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

// How often the demo says what has happened. Each line has the link, so that it stays on the screen.
const (
	firstReport = 2 * time.Second
	nextReports = 15 * time.Second
)

// report prints what has happened until ctx ends.
func (d *demo) report(ctx context.Context) {
	timer := time.NewTimer(firstReport)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		d.mu.Lock()
		_, _ = fmt.Fprintf(d.out, "%s  %d events, %d attempts delivered, %d failed as they should; open %s\n", time.Now().Format(time.TimeOnly), d.published, d.succeeded, d.failed, d.dashboard)
		d.mu.Unlock()
		timer.Reset(nextReports)
	}
}

// unlessOver returns err, or nil if the end of the demo caused it.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the demo is over
	}
	return err
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

// watch counts a tenant's attempts, and prints them if that was asked for, until ctx ends.
func (d *demo) watch(ctx context.Context, t *client.Client, watching chan<- struct{}) error {
	s, err := t.Subscribe(ctx, client.Request{Query: `subscription {
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

// show counts an attempt, and prints a line for it if that was asked for.
func (d *demo) show(t *client.Client, a watched) {
	d.count(func() {
		if a.Error == "" {
			d.succeeded++
		} else {
			d.failed++
		}
	})
	if !d.attempts {
		return
	}
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
	d.printf(lineFormat, a.StartedAt.Local().Format(time.TimeOnly), t.Tenant, a.Event.Type, fmt.Sprintf("#%d", a.Number), result, took, next)
}

const lineFormat = "%-8s  %-9s  %-30s  %-7s  %-22s  %9s  %s\n"

func (d *demo) sum() error {
	verified, refused := d.receiver.counts()
	d.printf("\n%d events published; %d attempts delivered, %d failed as they should; %d signatures verified, %d did not.\n",
		d.published, d.succeeded, d.failed, verified, refused)
	if refused > 0 {
		return fmt.Errorf("%d signatures did not verify", refused)
	}
	return nil
}
