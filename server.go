// Command hookgraph is a self-hosted webhook service with a GraphQL API. This file reads the configuration, opens, wires,
// serves and stops; what is wired is in graph and internal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/web/graphiql"
)

const (
	tailBytes     = 32 << 20         // of attempts, held for watchers that keep up
	stopTimeout   = 10 * time.Second // for each step of stopping
	pruneInterval = time.Hour
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hookgraph:", err)
		os.Exit(1)
	}
}

// run is the whole program. It ends when ctx does.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	return cli.Run(ctx, cli.Env{Args: args, Getenv: getenv, Stdout: stdout, Stderr: stderr, Serve: serve})
}

func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(cli.Running)) (err error) {
	if cfg.AllowPrivateTargets {
		log.WarnContext(ctx, "webhooks may reach loopback and private addresses over plain http; never allow this in production")
	}
	client, err := egress.New(egress.Config{AllowPrivate: cfg.AllowPrivateTargets, Allow: cfg.AllowTarget, Deny: cfg.DenyTarget})
	if err != nil {
		return err
	}
	defer client.Close()
	st, err := store.Open(ctx, store.Options{
		Dir: cfg.Database, Logger: log, MaxDataBytes: int(cfg.MaxPayload), CheckURL: client.ValidateURL, MasterKey: cfg.MasterKey,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	token, err := auth.Bootstrap(ctx, st, cfg.BootstrapToken)
	if err != nil {
		return err
	}
	tail := live.New(st, tailBytes)
	st.OnAttempts(tail.Append)
	authenticator := auth.New(st)

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: web.New(web.Config{
			Store: st, Auth: authenticator, GraphiQL: graphiql.Handler(),
			Logger: log, MaxDataBytes: int(cfg.MaxPayload),
		}),
		// No WriteTimeout: streams last; gqlhttp puts a deadline on each of their writes.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients' broken handshakes and the like
	}

	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", cfg.Listen, err)
		}
		return nil
	})
	running.Go(func() error { return prune(ctx, st, cfg.Retention, log) })
	running.Go(func() error {
		<-ctx.Done()
		log.InfoContext(ctx, "stopping")
		return stop(context.WithoutCancel(ctx), server, st)
	})
	ready(cli.Running{URL: baseURL(listener.Addr()), Token: token})
	return running.Wait()
}

// stop ends what is running, in the order of the flow: first no more calls, then no more attempts, then what is recorded of
// them is committed.
func stop(ctx context.Context, server *http.Server, st *store.Store) error {
	step := func(name string, f func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, stopTimeout)
		defer cancel()
		if err := f(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return errors.Join(
		step("finish requests", server.Shutdown),
		step("flush", st.Flush),
	)
}

// prune removes what is older than retention, now and every hour; 0 keeps everything.
func prune(ctx context.Context, st *store.Store, retention time.Duration, log *slog.Logger) error {
	if retention == 0 {
		return nil
	}
	tick := time.NewTicker(pruneInterval)
	defer tick.Stop()
	for {
		switch n, err := st.Prune(ctx, time.Now().Add(-retention)); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.ErrorContext(ctx, "retention failed; the next try is in an hour", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "removed old events", slog.Int("events", n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// baseURL is how this machine reaches the server.
func baseURL(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
