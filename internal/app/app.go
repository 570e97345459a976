// Package app is the server as a whole: it opens what the configuration names, wires it together, serves until its context ends,
// and stops in order. It has no logic of the product. Several servers may run in one process.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/datadir"
	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/metrics"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/store"
	_ "github.com/hookgraph/hookgraph/internal/store/postgres" // registers the database
	_ "github.com/hookgraph/hookgraph/internal/store/sqlite"   // registers the database
	"github.com/hookgraph/hookgraph/internal/testreceiver"
	"github.com/hookgraph/hookgraph/internal/tracing/export"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// tailBytes limits the recent attempts kept in memory for watchers.
const tailBytes = 16 << 20

// server is what one call of Serve opens and runs.
type server struct {
	cfg   *config.Config
	log   *slog.Logger
	files config.Descriptors // the division of the process's descriptors

	opened *config.Opened // nil: what is open cannot be counted

	certificate *web.Certificate  // nil without TLS
	trusted     map[string]string // documents; nil: all are allowed

	client  *egress.Client
	store   *store.Store
	tail    *live.Log
	changes *live.Changes
	sender  *sender.Sender
	upkeep  *upkeep.Upkeep
	metrics *metrics.Metrics
	checks  *doctor.Shared
	backups *backups         // nil without --backup-every
	traces  *export.Exporter // nil: nothing is traced
	manager *notifier        // nil without a service manager

	auth      *auth.Authenticator
	rateLimit *auth.RateLimit
	bodies    *intake.Bodies
	calls     *intake.Pool
	api       *gqlhttp.Handler
	http      *listening
	measuring *measuring // nil: metrics are not served
}

// Serve runs a server until ctx ends, and stops it in order. It calls ready once, when the server listens.
func Serve(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(cli.Running)) error {
	return serveUnder(ctx, nil, cfg, log, ready)
}

// serveUnder is Serve under a service manager, which may be nil.
func serveUnder(ctx context.Context, manager *notifier, cfg *config.Config, log *slog.Logger, ready func(cli.Running)) (err error) {
	s := &server{cfg: cfg, log: log, manager: manager}
	defer func() { err = errors.Join(err, s.close()) }() //nolint:contextcheck // what stops the server ends when its own time is over, not with ctx
	for _, open := range []func(context.Context) error{s.shareFiles, s.openBackups, s.tryPorts, s.readFiles, s.openTracing, s.openStore, s.openMetrics, s.openAPI, s.openUpkeep, s.listen} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	// This is the last step that can fail, so a new token, shown once, is shown by a server that runs.
	token, err := auth.Bootstrap(ctx, s.store, cfg.BootstrapToken, log)
	if err != nil {
		return err
	}
	return s.run(ctx, func() { ready(cli.Running{URL: s.http.url() + s.cfg.BasePath, Token: token}) })
}

// close releases what was opened, in reverse order.
func (s *server) close() error {
	var errs []error
	s.measuring.close()
	s.opened.Close()
	if s.http != nil {
		_ = s.http.listener.Close() // already closed if the server has run
	}
	if s.checks != nil {
		s.checks.Close()
	}
	if s.changes != nil {
		s.changes.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	s.traces.Close(context.Background())
	if s.client != nil {
		s.client.Close()
	}
	return errors.Join(errs...)
}

// shareFiles divides the process's file descriptors between attempts, clients and the database.
func (s *server) shareFiles(ctx context.Context) error {
	limit, err := config.OpenFiles()
	if err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if s.files, err = s.cfg.Descriptors(limit); err != nil {
		return err
	}
	if s.files.Concurrency < s.cfg.Concurrency {
		s.log.WarnContext(ctx, "--concurrency is reduced, because the limit of open files is too low; raise it (ulimit -n)",
			slog.Int("concurrency", s.files.Concurrency), slog.Uint64("open_files", limit))
	}
	s.opened = config.CountOpened()
	return nil
}

// openTracing starts what sends traces, if the operator has said where they go.
func (s *server) openTracing(ctx context.Context) (err error) {
	s.traces, err = export.Open(ctx, export.Options{Settings: s.cfg.Tracing, Version: cli.Version(), Host: s.describe(ctx).Host, Logger: s.log})
	return err
}

// openStore opens the database, the sender and the live stream.
func (s *server) openStore(ctx context.Context) (err error) {
	cfg := s.cfg
	if cfg.AllowPrivateTargets {
		s.log.WarnContext(ctx, "webhooks may reach loopback and private addresses over plain http; never allow this in production")
	}
	s.client, err = egress.New(egress.Config{
		AllowPrivate: cfg.AllowPrivateTargets, Allow: cfg.AllowTarget, Deny: cfg.DenyTarget, Ports: cfg.TargetPort, Proxy: cfg.Proxy,
		MaxSockets: s.files.Outgoing, MaxIdle: s.files.Idle,
	})
	if err != nil {
		return err
	}
	options := store.At(cfg.Database)
	options.Logger, options.MaxDataBytes, options.MasterKeys = s.log, int(cfg.MaxPayload), cfg.MasterKeys
	options.CheckURL, options.CheckHeader, options.Quotas, options.Retention = s.client.ValidateURL, egress.ValidateHeader, cfg.Quotas(), cfg.Kept()
	options.Process, options.CountTenants = s.describe(ctx), cfg.MetricsTenants
	options.Tracer = s.traces.Tracer()
	options.StatsRetention, options.AuditRetention = cfg.StatisticsRetention, cfg.AuditRetention
	if s.store, err = store.Open(ctx, options); err != nil {
		if errors.As(err, new(*fs.PathError)) || errors.Is(err, datadir.ErrInUse) {
			err = fmt.Errorf("--database: %w", err)
		}
		return err
	}
	s.tail = live.New(s.store, tailBytes)
	s.changes = live.NewChanges(live.RowsOf(s.store), live.DefaultPace())
	s.sender = sender.New(sender.Config{
		Store: s.store, Client: s.client, Logger: s.log, Concurrency: s.files.Concurrency, Timeout: cfg.Timeout,
		MaxDataBytes: int(cfg.MaxPayload), Grace: stopTimeout - 3*time.Second,
		Delay: sender.SchedulingDelay(), Tracer: s.traces.Tracer(),
	})
	s.checks = doctor.Share(doctor.Options{Config: cfg, Running: &doctor.Running{Ready: s.store.Ready, Inspect: s.store.Inspect, Backup: s.backups.failure}})
	s.store.Follow(s.changes)
	s.store.Start(s.sender, s.tail.Append)
	return nil
}

// describe returns what operators are shown of this process among the nodes.
func (s *server) describe(ctx context.Context) store.Process {
	host, err := os.Hostname()
	if err != nil {
		s.log.WarnContext(ctx, "the name of this host cannot be read; it is shown without one", slog.Any("error", err))
	}
	return store.Process{Host: host, Version: cli.Version()}
}

// openAPI creates the GraphQL API and the authentication of its callers.
func (s *server) openAPI(context.Context) error {
	cfg, log := s.cfg, s.log
	s.auth = auth.New(s.store)
	s.auth.LogTo(log)
	s.rateLimit = auth.NewRateLimit(cfg.CostRate, cfg.CostAtOnce())
	s.bodies = intake.NewBodies(web.MaxReadingBytes, web.MaxBody(int(cfg.MaxPayload)))
	full := func(what string, h intake.Holder, full *intake.Full) {
		log.Warn("call refused: too many at once", slog.String("what", what), slog.Any("tenant", webhook.ID(h.Tenant)), slog.String("of", full.Of))
	}
	s.bodies.OnFull(func(h intake.Holder, of *intake.Full) { full("bytes of request bodies", h, of) })
	s.calls = intake.NewPool(web.CallLimits())
	s.calls.OnFull(func(h intake.Holder, of *intake.Full) { full("REST calls", h, of) })
	maxAnswer := 8<<20 + 2*int(cfg.MaxPayload)
	var receiver func() string
	if s.testReceives() {
		receiver = func() string { return s.http.url() + testreceiver.Path + "200" }
	}
	schema := graph.New(&graph.Resolver{
		Store: s.store, Live: s.tail, Changes: s.changes, Tasks: func() []upkeep.Stat { return s.upkeep.Stats() }, Checks: s.checks.Results,
		LastEventID: gqlhttp.LastEventID, SetCursor: gqlhttp.SetCursor, SetWait: gqlhttp.SetWait, EndStream: gqlhttp.EndStream, PayMessage: gqlhttp.PayMessage,
		Settings: graph.Settings{
			Version: cli.Version(), Retention: cfg.Kept(), DeliveryMaxAge: cfg.MaxAge(), AuditRetention: s.store.AuditRetention(), Timeout: cfg.Timeout,
			MaxDataBytes: int(cfg.MaxPayload), MaxCost: config.MaxCost, MaxAnswerBytes: maxAnswer,
			TestReceiver: receiver, PortalURL: s.portalURL,
		},
	})
	s.api = gqlhttp.New(schema, gqlhttp.Config{
		Authenticate:         graph.Authenticate(s.auth, log),
		Alive:                s.auth.Alive,
		Holder:               func(ctx context.Context) intake.Holder { return auth.Holder(auth.From(ctx)) },
		Charge:               func(ctx context.Context, cost int) time.Duration { return s.charge(auth.From(ctx), cost) },
		ErrorPresenter:       graph.Presenter{Logger: log, Logged: func(err error) bool { return errors.Is(err, gqlhttp.ErrPanic) }}.Present,
		ReadAgain:            graph.ReadAgain,
		AroundOperations:     graph.AroundOperations,
		Logger:               log,
		AllowedOrigins:       cfg.AllowedOrigins,
		DisableIntrospection: cfg.DisableIntrospection,
		TrustedDocuments:     s.trusted,
		MaxStreams:           s.files.Streams,
		MaxBodyBytes:         1<<20 + 2*int64(cfg.MaxPayload), // room for an event of the largest size, escaped
		Bodies:               s.bodies,
		Observe:              s.observe,
		OnFull:               full,
		Compress:             web.Compress,
		Limits:               gqlhttp.Limits{Cost: config.MaxCost},
		MaxAnswerBytes:       maxAnswer,
	})
	return nil
}

// charge takes a call's cost from its caller's budget, or returns how long to wait.
func (s *server) charge(c *auth.Caller, cost int) time.Duration {
	wait := s.rateLimit.Charge(c, cost)
	if wait > 0 {
		s.log.Warn("call refused: the caller has used up --cost-rate", slog.Any("tenant", c.Tenant.ID), slog.Any("token", c.Token.ID))
	}
	return wait
}
