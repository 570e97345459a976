package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench"
	"github.com/hookgraph/hookgraph/internal/bench/child"
	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/config"
)

type benchCmd struct {
	Scenarios []string      `arg:"" optional:"" name:"scenario" help:"What to measure: throughput, fanout, latency, single, large, tls, tenants, mixed, backlog, watch, greedy, dashboards, filters, flood, history, retention, replay. The default is all but the last three."`
	Duration  time.Duration `default:"15s" help:"Duration of each measurement; a scenario has two to four."`
	JSON      bool          `help:"Print one JSON object for each scenario."`
	Backlog   int           `default:"1000000" help:"Number of due deliveries in the scenario backlog, and of failed ones in replay."`
	Watch     int           `default:"1000" help:"Number of webhooks, and of subscribers, in the scenario watch; of tenants in tenants, and half the number of hosts in tls."`
	History   int           `default:"10000000" help:"Number of attempts that the database has in the scenarios history and retention, in the latter at most 500,000."`
	Compare   string        `type:"path" placeholder:"FILE" help:"File with the output of an earlier run with --json; each figure is also printed as a ratio to its."`
	Keep      string        `type:"path" placeholder:"DIR" help:"Directory that keeps the database of the scenario history for the next run, which does not fill it again."`

	Database string `env:"HOOKGRAPH_BENCH_DATABASE" secret:"" placeholder:"URL" help:"The postgres:// URL of a database on the PostgreSQL server to measure; the bench creates and drops databases of its own on that server. The default is SQLite."`
	Replicas int    `default:"1" help:"Number of servers that share the PostgreSQL database."`

	Outstanding int    `default:"800" hidden:""`
	Batch       int    `default:"100" hidden:""`
	CPUProfile  string `name:"cpuprofile" hidden:"" help:"File to write the server's CPU profile to."`

	// Commands that the bench runs in processes of their own.
	Role        string   `hidden:"" enum:",server,receiver,sender" default:""`
	Ports       int      `hidden:"" default:"1"`
	TLSPorts    int      `name:"tls-ports" hidden:""`
	HTTP2Ports  int      `name:"http2-ports" hidden:""`
	Concurrency int      `hidden:"" default:"1"`
	Bytes       int      `hidden:""`
	URLs        []string `name:"urls" hidden:""`
}

// Run measures this machine.
func (c *benchCmd) Run(ctx context.Context, env *Env) error {
	switch c.Role {
	case "server":
		return c.serve(ctx, env)
	case "receiver":
		return peer.RunReceiver(ctx, os.Stdin, env.Stdout, peer.Listeners{Plain: c.Ports, TLS: c.TLSPorts, HTTP2: c.HTTP2Ports})
	case "sender":
		return peer.RunSender(ctx, os.Stdin, env.Stdout, peer.Sending{URLs: c.URLs, Concurrency: c.Concurrency, Duration: c.Duration, Bytes: c.Bytes})
	}
	_, err := bench.Run(ctx, bench.Options{
		Scenarios: c.Scenarios, Duration: c.Duration, JSON: c.JSON, Backlog: c.Backlog, Watch: c.Watch, History: c.History, Keep: c.Keep, Compare: c.Compare,
		Outstanding: c.Outstanding, Batch: c.Batch, CPUProfile: c.CPUProfile, Database: c.Database, Replicas: c.Replicas, Environ: env.environ(), Stdout: env.Stdout, Stderr: env.Stderr,
	})
	return err
}

// serve runs the server with the arguments after "--" and tells the bench where it listens. With --cpuprofile it writes a CPU
// profile. It ends with the bench, however that ends.
func (c *benchCmd) serve(ctx context.Context, env *Env) (err error) {
	ctx, cancel := child.WithParent(ctx, os.Stdin)
	defer cancel()
	if c.CPUProfile != "" {
		f, err := os.Create(c.CPUProfile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	serve := func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(Running)) error {
		return env.Serve(ctx, cfg, log, func(r Running) {
			_ = json.NewEncoder(env.Stdout).Encode(bench.Listening{URL: r.URL})
			ready(r)
		})
	}
	return Run(ctx, Env{Args: c.Scenarios, Getenv: env.Getenv, Stdout: io.Discard, Stderr: env.Stderr, Serve: serve, OwnProcess: env.OwnProcess})
}
