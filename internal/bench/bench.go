// Package bench measures what a machine delivers: it runs the real server, a receiver and, as the limit, a sender that stores
// nothing, each in a process of its own on loopback, and publishes through the public API. It is a client like any other: it knows
// the server's command line, its API and the size of its database's files. The one exception is history_fill.go, which writes a
// long history into the tables.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
)

// Options says what to measure, and for how long.
type Options struct {
	Scenarios []string      // empty: all
	Duration  time.Duration // of each measurement; a scenario takes about two to four of them
	JSON      bool          // one object a line on Stdout instead of a table

	Program string // the hookgraph program; "": this one
	// Environ is the environment of the programs that the bench starts, as of os.Environ; HOOKGRAPH_ variables are left out.
	Environ []string
	Backlog int // deliveries of backlog and replay
	Watch   int // webhooks, and as many subscribers, of watch; flood has ten times as many webhooks
	History int // attempts of history, and of retention at most retentionAttempts
	// Keep is a directory that keeps the database of history, and has it from an earlier run; "": the database is removed.
	Keep string
	// Outstanding bounds the deliveries that are published and not yet delivered in scenarios that load the server fully. Batch is
	// the number of deliveries that one call makes.
	Outstanding, Batch int
	// Compare is a file with results of an earlier run as JSON; "": nothing is compared.
	Compare string
	// CPUProfile is a file that the server writes a CPU profile to; "": none.
	CPUProfile string

	// Database is the URL of a PostgreSQL server on which the bench may create databases; "" means SQLite. Replicas is how many
	// servers share the database.
	Database string
	Replicas int

	Stdout, Stderr io.Writer // results and progress
}

// Result is what a scenario measured. What does not apply to it, or cannot be measured on this system, is nil.
type Result struct {
	Scenario           string   `json:"scenario"`
	Events             int64    `json:"events"`                // accepted in the whole scenario
	Deliveries         int64    `json:"deliveries"`            // of these events, that arrived
	BarePerS           *float64 `json:"bare_per_s"`            // requests of the bare sender
	DeliveredPerS      *float64 `json:"delivered_per_s"`       // while measuring, like all fields below
	Ratio              *float64 `json:"ratio"`                 // delivered_per_s / bare_per_s; replay: / throughput_per_s
	AcceptedPerS       *float64 `json:"accepted_per_s"`        // events
	P50Ms              *float64 `json:"p50_ms"`                // from the start of the publishing request to the arrival
	P99Ms              *float64 `json:"p99_ms"`                // the same
	CPUUsPerDelivery   *float64 `json:"cpu_us_per_delivery"`   // of the server
	RSSMB              *float64 `json:"rss_mb"`                // the server's peak
	DBBytesPerDelivery *float64 `json:"db_bytes_per_delivery"` // of the database's files
	Lost               *int64   `json:"lost"`                  // deliveries of accepted events that never arrived, and never will
	Duplicates         *int64   `json:"duplicates"`            // deliveries that arrived again

	// Deliveries that have not arrived yet, by what the API says of them.
	Pending int64 `json:"pending,omitempty"` // another attempt is due
	Failed  int64 `json:"failed,omitempty"`  // the receiver was not reached, or too slow, until no retry was left

	// Only in some scenarios.
	P99MsWithout            *float64 `json:"p99_ms_without,omitempty"`              // mixed: without the bad webhooks; retention and replay: without it
	DeliveredPerSWithout    *float64 `json:"delivered_per_s_without,omitempty"`     // watch, greedy and dashboards: without subscribers; filters: without filters
	CPUUsPerDeliveryWithout *float64 `json:"cpu_us_per_delivery_without,omitempty"` // filters: without filters
	Streamed                *int64   `json:"streamed,omitempty"`                    // watch and greedy: attempts that the subscribers got; dashboards: messages
	FirstDeliveryMs         *float64 `json:"first_delivery_ms,omitempty"`           // backlog: from the start of the process

	Singles   []*SingleResult  `json:"singles,omitempty"` // single
	TLS       []*TLSResult     `json:"tls,omitempty"`
	Floods    []*FloodResult   `json:"floods,omitempty"`
	Queries   []*QueryResult   `json:"queries,omitempty"` // history
	Retention *RetentionResult `json:"retention,omitempty"`
	Replay    *ReplayResult    `json:"replay,omitempty"`

	// Compared has this result's figures divided by those of the result that it is compared with, by their paths, such as
	// delivered_per_s or singles.rest.64.p50_ms.
	Compared map[string]float64 `json:"compared,omitempty"`

	// On PostgreSQL: the statements that all replicas sent from start to stop, per delivery.
	StatementsPerDelivery *float64 `json:"statements_per_delivery,omitempty"`
}

// scenario is one kind of load.
type scenario struct {
	name  string
	run   func(ctx context.Context, b *bench, r *Result) error
	ports int  // of the receiver
	tls   bool // the receiver speaks it, too
	asked bool // it runs only when it is selected by name, and it starts its own server
}

var scenarios = []scenario{
	{name: "throughput", run: func(ctx context.Context, b *bench, r *Result) error { return b.throughput(ctx, r, 1) }, ports: 1},
	{name: "fanout", run: func(ctx context.Context, b *bench, r *Result) error { return b.throughput(ctx, r, 10) }, ports: 10},
	{name: "latency", run: func(ctx context.Context, b *bench, r *Result) error { return b.latency(ctx, r) }, ports: 1},
	{name: "single", run: func(ctx context.Context, b *bench, r *Result) error { return b.single(ctx, r) }, ports: 1},
	{name: "large", run: func(ctx context.Context, b *bench, r *Result) error { return b.large(ctx, r) }, ports: 1},
	{name: "tls", run: func(ctx context.Context, b *bench, r *Result) error { return b.overTLS(ctx, r) }, ports: 1, tls: true},
	{name: "tenants", run: func(ctx context.Context, b *bench, r *Result) error { return b.tenants(ctx, r) }, ports: 100},
	{name: "mixed", run: func(ctx context.Context, b *bench, r *Result) error { return b.mixed(ctx, r) }, ports: 100},
	{name: "backlog", run: func(ctx context.Context, b *bench, r *Result) error { return b.backlog(ctx, r) }, ports: 2},
	{name: "watch", run: func(ctx context.Context, b *bench, r *Result) error { return b.watch(ctx, r) }, ports: 100},
	{name: "greedy", run: func(ctx context.Context, b *bench, r *Result) error { return b.greedy(ctx, r) }, ports: 1},
	{name: "dashboards", run: func(ctx context.Context, b *bench, r *Result) error { return b.dashboards(ctx, r) }, ports: 100},
	{name: "filters", run: func(ctx context.Context, b *bench, r *Result) error { return b.filters(ctx, r) }, ports: 1},
	{name: "flood", run: func(ctx context.Context, b *bench, r *Result) error { return b.flood(ctx, r) }, ports: 10},
	{name: "history", run: func(ctx context.Context, b *bench, r *Result) error { return b.history(ctx, r) }, ports: 1, asked: true},
	{name: "retention", run: func(ctx context.Context, b *bench, r *Result) error { return b.retention(ctx, r) }, ports: 1, asked: true},
	{name: "replay", run: func(ctx context.Context, b *bench, r *Result) error { return b.replay(ctx, r) }, ports: 2, asked: true},
}

// Names are the scenarios in their order.
func Names() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// Run measures. It ends its processes and removes its files in any case. With an error it also returns what was measured before. That a
// delivery was lost is an error too, after all scenarios have run.
func Run(ctx context.Context, o Options) ([]*Result, error) {
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if o.Duration < time.Second/10 {
		return nil, errors.New("--duration: must be at least 100ms")
	}
	for _, n := range []struct {
		flag            string
		is, least, most int
	}{
		{"--backlog", o.Backlog, 1, math.MaxInt},
		{"--watch", o.Watch, 1, 10_000},
		{"--history", o.History, 1000, math.MaxInt},
		{"--outstanding", o.Outstanding, 1, math.MaxInt},
		{"--batch", o.Batch, 1, 1000},
	} {
		switch {
		case n.is >= n.least && n.is <= n.most:
		case n.most == math.MaxInt:
			return nil, fmt.Errorf("%s: must be at least %d", n.flag, n.least)
		default:
			return nil, fmt.Errorf("%s: must be from %d to %d", n.flag, n.least, n.most)
		}
	}
	o.Replicas = max(o.Replicas, 1)
	if o.Replicas > 1 && o.Database == "" {
		return nil, errors.New("--replicas: several servers share a PostgreSQL database only; name a server with --database")
	}
	if o.Program == "" {
		var err error
		if o.Program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	earlier, err := readEarlier(o.Compare)
	if err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	var results []*Result
	var lost []error
	report := newReport(o.Stdout, o.JSON)
	for _, s := range scenarios {
		if !slices.Contains(o.Scenarios, s.name) && (s.asked || len(o.Scenarios) > 0) {
			continue
		}
		r := &Result{Scenario: s.name}
		if err := measure(ctx, &o, &s, r); err != nil {
			return results, fmt.Errorf("%s: %w", s.name, err)
		}
		if r.Compared, err = earlier.compare(r); err != nil {
			return results, err
		}
		results = append(results, r)
		if err := report.add(r); err != nil {
			return results, err
		}
		if r.Lost != nil && *r.Lost > 0 {
			lost = append(lost, fmt.Errorf("%s: %d deliveries of accepted events are lost", s.name, *r.Lost))
		}
	}
	return results, errors.Join(lost...)
}

// bench is one run of one scenario.
type bench struct {
	*Options
	progress *progress
	dir      string // for all files; removed at the end
	receiver *receiverClient
	server   *server
	rates    []float64 // of the bare sender
	dbBefore int64
	postgres *postgres // nil: SQLite

	// For the scenarios history and retention:
	data  string   // the server's data directory; "": in dir
	token string   // the operator's; "": a new one
	serve []string // additional arguments of the server
}

func measure(ctx context.Context, o *Options, s *scenario, r *Result) (err error) {
	b := &bench{Options: o, progress: newProgress(o.Stderr, s.name)}
	defer b.progress.end()
	if b.dir, err = os.MkdirTemp("", "hookgraph-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	on := peer.Listeners{Plain: s.ports}
	if s.tls {
		on.TLS, on.HTTP2 = 1+tlsHosts(o), 1
	}
	if b.receiver, err = b.startReceiver(ctx, on); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.receiver.process.Stop()) }()
	defer func() {
		if b.postgres != nil {
			err = errors.Join(err, b.postgres.drop(ctx))
		}
	}()
	if !s.asked {
		if err := b.startServer(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.server.stop()) }()
	}
	if err := s.run(ctx, b, r); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if len(b.rates) > 0 {
		r.BarePerS = new(b.bareRate())
		if r.DeliveredPerS != nil {
			r.Ratio = new(*r.DeliveredPerS / *r.BarePerS)
		}
	}
	return nil
}
