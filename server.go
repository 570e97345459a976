// Command hookgraph is a self-hosted webhook service with a GraphQL API. This file reads the configuration, opens, wires,
// serves and stops; what is wired is in graph and internal.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/web/graphiql"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const (
	tailBytes      = 16 << 20         // of attempts, held for watchers that keep up
	stopTimeout    = 10 * time.Second // for each step of stopping
	upkeepInterval = time.Hour
	gcPercent      = 200 // most memory is needed for one request: with Go's 100 a delivery takes a tenth more of processor time
)

func main() {
	env := cli.Env{Args: os.Args[1:], Getenv: os.Getenv, Environ: os.Environ, Stdout: os.Stdout, Stderr: os.Stderr, Serve: serve}
	if err := cli.Run(untilSignal(), env); err != nil {
		fmt.Fprintln(os.Stderr, "hookgraph:", err)
		os.Exit(1)
	}
}

// untilSignal returns a context that a signal ends: SIGINT, SIGTERM, and SIGHUP, of which nothing need be read again (a TLS
// certificate is, by itself). A second SIGINT or SIGTERM ends the program at once; a second SIGHUP, which a terminal that is
// closed may send, does not. Under nohup SIGHUP stays ignored.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		cancel()
	}()
	return ctx
}

func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(cli.Running)) (err error) {
	defer stdlog.SetFlags(stdlog.Flags())
	defer stdlog.SetOutput(stdlog.Writer())
	stdlog.SetFlags(0) // a line begins with what is said
	stdlog.SetOutput(stray{log})
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if cfg.AllowPrivateTargets {
		log.WarnContext(ctx, "webhooks may reach loopback and private addresses over plain http; never allow this in production")
	}
	limit, err := config.OpenFiles()
	if err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	files, err := cfg.Descriptors(limit)
	if err != nil {
		return err
	}
	if files.Concurrency < cfg.Concurrency {
		log.WarnContext(ctx, "--concurrency is lower than it says, for want of open files; raise their limit (ulimit -n)",
			slog.Int("concurrency", files.Concurrency), slog.Uint64("open_files", limit))
	}
	client, err := egress.New(egress.Config{
		AllowPrivate: cfg.AllowPrivateTargets, Allow: cfg.AllowTarget, Deny: cfg.DenyTarget, Ports: cfg.TargetPort, Proxy: cfg.Proxy,
		MaxSockets: files.Outgoing, MaxIdle: files.Idle,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	options := store.At(cfg.Database)
	options.Logger, options.MaxDataBytes, options.MasterKeys = log, int(cfg.MaxPayload), cfg.MasterKeys
	options.CheckURL, options.CheckHeader, options.Quotas = client.ValidateURL, egress.ValidateHeader, cfg.Quotas()
	st, err := store.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	tail := live.New(st, tailBytes)
	st.OnAttempts(tail.Append)
	out := sender.New(sender.Config{
		Store: st, Client: client, Logger: log, Concurrency: files.Concurrency, Timeout: cfg.Timeout, MaxDataBytes: int(cfg.MaxPayload), Grace: stopTimeout - 3*time.Second,
	})
	st.SetTaker(out)
	authenticator := auth.New(st)
	authenticator.LogTo(log)
	var trusted map[string]string
	if cfg.TrustedDocuments != "" {
		if trusted, err = gqlhttp.ReadTrustedDocuments(cfg.TrustedDocuments); err != nil {
			return fmt.Errorf("--trusted-documents: %w", err)
		}
	}
	ration := auth.NewRation(cfg.CostRate, cfg.CostBurst)
	charge := func(c *auth.Caller, cost int) time.Duration {
		wait := ration.Charge(c, cost)
		if wait > 0 {
			log.Warn("a call is refused: its caller has spent what --cost-rate allows", slog.Any("tenant", c.Tenant.ID), slog.Any("token", c.Token.ID))
		}
		return wait
	}
	schema := graph.New(&graph.Resolver{Store: st, Live: tail, LastEventID: gqlhttp.LastEventID, EndStream: gqlhttp.EndStream})
	bodies := intake.NewBodies(web.MaxReadingBytes, web.MaxBody(int(cfg.MaxPayload)))
	bodies.OnFull(func(h intake.Holder, full *intake.Full) {
		log.Warn("calls are refused: too many bytes of bodies are being read", slog.Any("tenant", webhook.ID(h.Tenant)), slog.String("of", full.Of))
	})
	api := gqlhttp.New(schema, gqlhttp.Config{
		Authenticate:         graph.Authenticate(authenticator, log),
		Alive:                authenticator.Alive,
		Holder:               func(ctx context.Context) intake.Holder { return auth.Holder(auth.From(ctx)) },
		Charge:               func(ctx context.Context, cost int) time.Duration { return charge(auth.From(ctx), cost) },
		RequestID:            web.RequestID,
		ErrorPresenter:       graph.Presenter{Logger: log, RequestID: web.RequestID, Logged: func(err error) bool { return errors.Is(err, gqlhttp.ErrPanic) }}.Present,
		AroundOperations:     graph.AroundOperations(st),
		Logger:               log,
		AllowedOrigins:       cfg.AllowedOrigins,
		DisableIntrospection: cfg.DisableIntrospection,
		TrustedDocuments:     trusted,
		MaxStreams:           files.Streams,
		MaxBodyBytes:         1<<20 + 2*int64(cfg.MaxPayload), // room for an event of the largest size, escaped
		Bodies:               bodies,
		Compress:             web.Compress,
		MaxAnswerBytes:       8<<20 + 2*int(cfg.MaxPayload),
	})

	port, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	listener := web.NewListener(port, files.Incoming, log)
	defer func() { _ = listener.Close() }()
	sdl := graph.SDL
	if cfg.DisableIntrospection {
		sdl = ""
	}
	server := &http.Server{
		Handler: web.New(web.Config{
			Store: st, Auth: authenticator, Charge: charge, GraphQL: api, GraphiQL: graphiql.Handler(), Schema: sdl,
			Logger: log, MaxDataBytes: int(cfg.MaxPayload), AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxy,
			Bodies: bodies,
		}),
		// No WriteTimeout: streams last; gqlhttp puts a deadline on each of their writes, and lifts ReadTimeout for them.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ConnState:         listener.ConnState,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // clients' broken handshakes and the like
	}

	answer, scheme := server.Serve, "http"
	if cfg.TLSCert != "" {
		certificate, err := web.NewCertificate(cfg.TLSCert, cfg.TLSKey, log)
		if err != nil {
			return err
		}
		server.TLSConfig, scheme = certificate.Config(), "https"
		answer = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}

	// Last of all that may fail: a token that this makes is shown once, by a server that runs.
	token, err := auth.Bootstrap(ctx, st, cfg.BootstrapToken, log)
	if err != nil {
		return err
	}

	running, ctx := errgroup.WithContext(ctx)
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSending()
	sent := make(chan error, 1)
	running.Go(func() error {
		err := out.Run(sending)
		sent <- err
		return err
	})
	running.Go(func() error {
		if err := answer(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", cfg.Listen, err)
		}
		return nil
	})
	running.Go(func() error {
		authenticator.Run(ctx)
		return nil
	})
	running.Go(func() error { return upkeep(ctx, st, store.Keep{Events: cfg.Retention, Deliveries: cfg.MaxAge()}, log) })
	running.Go(func() error {
		<-ctx.Done()
		log.InfoContext(ctx, "stopping")
		// In the order of the flow: first no more calls, then no more attempts, then what is recorded of them is committed.
		// Streams end before requests are waited for, because they would not end by themselves.
		ctx := context.WithoutCancel(ctx)
		return errors.Join(
			step(ctx, "close streams", api.Shutdown),
			step(ctx, "finish requests", server.Shutdown),
			step(ctx, "stop sending", func(ctx context.Context) error {
				stopSending()
				select {
				case err := <-sent:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}),
			step(ctx, "flush", st.Flush),
		)
	})
	ready(cli.Running{URL: scheme + "://" + reached(listener.Addr()), Token: token})
	return running.Wait()
}

// stray takes what libraries write to the standard logger, which nothing of ours does. net/http's client has no other place
// to complain of a receiver that sends more than it was asked for, and repeats all of it: that goes nowhere.
type stray struct{ log *slog.Logger }

func (s stray) Write(line []byte) (int, error) {
	switch {
	case bytes.HasPrefix(line, []byte("Unsolicited response")):
		s.log.Debug("a receiver sent more than it was asked for")
	case bytes.HasPrefix(line, []byte("protocol error")), bytes.HasPrefix(line, []byte("http2: ")):
		s.log.Debug("a receiver broke the rules of HTTP/2")
	default:
		s.log.Warn("a library says", slog.String("text", string(bytes.TrimSpace(line))))
	}
	return len(line), nil
}

// step is one of stopping. None waits for ever.
func step(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// upkeep gives up and removes what is old, now and every hour.
func upkeep(ctx context.Context, st *store.Store, keep store.Keep, log *slog.Logger) error {
	tick := time.NewTicker(upkeepInterval)
	defer tick.Stop()
	for {
		done, err := st.Maintain(ctx, keep)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			log.ErrorContext(ctx, "upkeep failed; the next try is in an hour", slog.Any("error", err))
		}
		if done.Deliveries > 0 {
			log.WarnContext(ctx, "gave up deliveries that were due for too long", slog.Int("deliveries", done.Deliveries), slog.Duration("limit", keep.Deliveries))
		}
		if done.Events+done.Secrets > 0 {
			log.InfoContext(ctx, "removed what is old", slog.Int("events", done.Events), slog.Int("secrets", done.Secrets))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// reached is the host and port by which this machine reaches the server.
func reached(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
