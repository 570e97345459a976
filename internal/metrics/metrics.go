// Package metrics shows operators what a server does, in the format of Prometheus. It reads what the parts of the server count anyway when it is
// asked, and counts requests itself, so that a delivery costs nothing more. Labels have few values: none is a tenant, a webhook or a text of
// callers, unless the operator asks for tenants.
package metrics

import (
	"context"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/tracing/export"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/web"
)

// Config has what New needs. Every field must be set.
type Config struct {
	Store   Store
	Sender  func() sender.Stats
	Short   func() bool // sender.Sender.Short
	Watched func() live.Stats
	Streams func() gqlhttp.Stats
	Tasks   func() []upkeep.Stat
	Spans   func() export.Stats
	// Files returns how many files the process has open and may have open; false if that is not known.
	Files func() (open int, limit uint64, ok bool)
	// Certificate returns when the server's own certificate expires; zero without one.
	Certificate func() time.Time

	Version, Database string // of the program; the kind
	Retention         time.Duration
}

// Store is the part of *store.Store that metrics are read from; the methods are documented there.
type Store interface {
	Totals() (stats.Sums, map[stats.Tenant]stats.Sums)
	Writer() store.WriterStats
	Pruned() int64
	Ready(ctx context.Context) error
	Nodes(ctx context.Context) ([]store.Node, error)
	Overview(ctx context.Context) (*store.Overview, error)
}

// Metrics are the metrics of one server. Its methods may be called from any goroutine.
type Metrics struct {
	c        Config
	registry *prometheus.Registry
	seen     atomic.Pointer[overview] // nil: another replica shows it, or it is not known

	requests  *prometheus.CounterVec
	durations map[string]prometheus.Observer // by surface
	ops       *prometheus.CounterVec
	opTook    *prometheus.HistogramVec
}

type overview struct {
	*store.Overview

	at time.Time
}

const (
	// LookEvery is how often Look is to be called.
	LookEvery    = 15 * time.Second
	lookedFor    = 4 * LookEvery // longer ago, it is not shown any more
	readyTimeout = 2 * time.Second
)

// Buckets of durations, in seconds.
var (
	callBuckets     = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	attemptBuckets  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30}
	deliveryBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}
	writerBuckets   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// New returns the metrics of a server.
func New(c Config) *Metrics {
	m := &Metrics{c: c, registry: prometheus.NewRegistry(), durations: map[string]prometheus.Observer{}}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: httpRequests.Name, Help: httpRequests.Help}, httpRequests.Labels)
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: httpDuration.Name, Help: httpDuration.Help, Buckets: callBuckets}, httpDuration.Labels)
	m.ops = prometheus.NewCounterVec(prometheus.CounterOpts{Name: operations.Name, Help: operations.Help}, operations.Labels)
	m.opTook = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: operationDuration.Name, Help: operationDuration.Help, Buckets: callBuckets}, operationDuration.Labels)
	for _, s := range []string{rest, pages, health, description, testing} {
		m.durations[s] = took.WithLabelValues(s)
	}
	m.registry.MustRegister(m.requests, took, m.ops, m.opTook, &collector{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gatherer returns what is shown.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Handler serves the metrics at /metrics, and with profiles those of the process at /debug/pprof/.
func (m *Metrics) Handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	if profiles {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// Look reads what is the database's, if this is the replica that shows it: the oldest that runs. It is a task of upkeep.
func (m *Metrics) Look(ctx context.Context) error {
	nodes, err := m.c.Store.Nodes(ctx)
	if err != nil {
		return err
	}
	if len(nodes) == 0 || !nodes[0].This || nodes[0].EndedAt != nil {
		m.seen.Store(nil)
		return nil
	}
	o, err := m.c.Store.Overview(ctx)
	if err != nil {
		return err
	}
	m.seen.Store(&overview{o, time.Now()})
	return nil
}

// The surfaces of HTTP.
const (
	rest        = "rest"
	graphql     = "graphql"
	pages       = "pages"
	health      = "health"
	description = "description"
	testing     = "test-receiver"
)

// surface returns the surface of a route.
func surface(route string) string {
	switch {
	case strings.HasPrefix(route, "/v1/"):
		return rest
	case route == "/graphql":
		return graphql
	case route == "/livez" || route == "/readyz":
		return health
	case route == "/openapi.json" || route == "/schema.graphql":
		return description
	case strings.HasPrefix(route, "/test-receiver"):
		return testing
	}
	return pages
}

// Request counts an answered request.
func (m *Metrics) Request(s *web.Served) {
	method := s.Method
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default: // the caller's text
		method = "OTHER"
	}
	from := surface(s.Route)
	m.requests.WithLabelValues(from, s.Route, method, strconv.Itoa(s.Status)).Inc()
	if by := m.durations[from]; by != nil {
		by.Observe(s.Took.Seconds())
	}
}

// Operation counts an operation that has ended.
func (m *Metrics) Operation(o *gqlhttp.Observed) {
	kind, code := o.Kind, o.Code
	if kind == "" {
		kind = "invalid"
	}
	if code == "" {
		code = "OK"
	}
	m.ops.WithLabelValues(string(o.Transport), kind, code).Inc()
	if kind == "query" || kind == "mutation" {
		m.opTook.WithLabelValues(string(o.Transport), kind).Observe(o.Took.Seconds())
	}
}

// isReady asks the store.
func (m *Metrics) isReady() bool {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	return m.c.Store.Ready(ctx) == nil
}

var goVersion = runtime.Version()
