package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cli"
	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/metrics"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// scrapers limits the connections to the metrics: there are a few programs at most that read them, and a page of the runtime's profiles takes long.
const scrapers = 8

// measuring serves the metrics.
type measuring struct {
	server   *http.Server
	listener net.Listener
	log      *slog.Logger
}

// openMetrics creates the metrics, and listens for those who read them. An address that was asked for must be free.
func (s *server) openMetrics(ctx context.Context) error {
	kind := "sqlite"
	if store.IsPostgres(s.cfg.Database) {
		kind = "postgres"
	}
	s.metrics = metrics.New(metrics.Config{
		Store: s.store, Sender: s.sender.Stats, Short: s.sender.Short, Version: cli.Version(), Database: kind, Retention: s.cfg.Retention,
		Watched: func() live.Stats { return s.tail.Stats() },
		Streams: func() gqlhttp.Stats { return s.api.Stats() },
		Tasks:   func() []upkeep.Stat { return s.upkeep.Stats() },
		Spans:   s.traces.Stats, Files: s.openFiles, Certificate: func() time.Time { return s.certificate.Expires() },
	})
	at := s.cfg.MetricsAt()
	if at == "" {
		return nil
	}
	port, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	switch {
	case err == nil:
	case s.cfg.MetricsListen != nil:
		return config.NotListening("--metrics-listen", at, err)
	default:
		s.log.WarnContext(ctx, "metrics are not served: their address is taken; set --metrics-listen to another one, or to off", slog.String("listen", at), slog.Any("error", err))
		return nil
	}
	s.measuring = &measuring{log: s.log, listener: netutil.LimitListener(port, scrapers), server: &http.Server{
		Handler:           s.metrics.Handler(s.cfg.MetricsPprof),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // of a profile
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
	return nil
}

// openFiles returns how many files the process has open, and may have open, unless that is not known.
func (s *server) openFiles() (open int, limit uint64, ok bool) {
	open, ok = s.opened.Count()
	limit, err := config.OpenFiles()
	return open, limit, ok && err == nil
}

// serve serves until the server is closed. m may be nil.
func (m *measuring) serve() error {
	if m == nil {
		return nil
	}
	m.log.Info("metrics are served", slog.String("url", "http://"+m.listener.Addr().String()+"/metrics"))
	if err := m.server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// close ends all connections. m may be nil.
func (m *measuring) close() {
	if m != nil {
		_ = m.server.Close()
		_ = m.listener.Close() // if it has not served
	}
}

// observe counts and logs an operation of GraphQL.
func (s *server) observe(ctx context.Context, o *gqlhttp.Observed) {
	s.metrics.Operation(o)
	level := slog.LevelDebug
	if s.cfg.LogRequests {
		level = slog.LevelInfo
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", intake.RequestID(ctx)), slog.String("transport", string(o.Transport)), slog.String("type", o.Kind),
		slog.String("name", o.Name[:min(len(o.Name), maxLoggedName)]), slog.String("code", o.Code), slog.Int("responses", o.Messages), slog.Duration("took", o.Took),
	}
	if c := auth.From(ctx); c != nil {
		attrs = append(attrs, slog.Any("token_id", c.Token.ID))
		if c.Tenant != nil {
			attrs = append(attrs, slog.Any("tenant_id", c.Tenant.ID))
		}
	}
	s.log.LogAttrs(ctx, level, "operation", attrs...)
}

const maxLoggedName = 128
