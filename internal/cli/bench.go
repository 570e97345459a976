package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench"
)

type benchCmd struct {
	Scenarios []string      `arg:"" optional:"" name:"scenario" help:"What to measure: throughput, fanout, latency, mixed, backlog, watch, greedy. All when none is named."`
	Duration  time.Duration `default:"15s" help:"How long each measurement takes; a scenario makes about two to four."`
	JSON      bool          `help:"Print one JSON object for each scenario."`
	Backlog   int           `default:"1000000" help:"Due deliveries of the scenario backlog."`
	Watch     int           `default:"1000" help:"Webhooks, and as many subscribers, of the scenario watch."`

	Database string `env:"HOOKGRAPH_BENCH_DATABASE" secret:"" placeholder:"URL" help:"A PostgreSQL server to measure on, by the postgres:// URL of a database; the bench makes its own beside it and drops them. Without it SQLite."`
	Replicas int    `default:"1" help:"Servers that share the PostgreSQL database."`

	Outstanding int    `default:"800" hidden:""`
	Batch       int    `default:"100" hidden:""`
	CPUProfile  string `name:"cpuprofile" hidden:"" help:"A file for the server's CPU profile."`

	// What the bench starts in processes of their own.
	Role        string   `hidden:"" enum:",server,receiver,sender" default:""`
	Ports       int      `hidden:"" default:"1"`
	Concurrency int      `hidden:"" default:"1"`
	URLs        []string `name:"urls" hidden:""`
}

// Run measures this machine.
func (c *benchCmd) Run(ctx context.Context, env *Env) error {
	switch c.Role {
	case "server":
		return c.profiled(ctx, env)
	case "receiver":
		return bench.RunReceiver(ctx, os.Stdin, env.Stdout, c.Ports)
	case "sender":
		return bench.RunSender(ctx, os.Stdin, env.Stdout, c.URLs, c.Concurrency, c.Duration)
	}
	_, err := bench.Run(ctx, bench.Options{
		Scenarios: c.Scenarios, Duration: c.Duration, JSON: c.JSON, Backlog: c.Backlog, Watch: c.Watch,
		Outstanding: c.Outstanding, Batch: c.Batch, CPUProfile: c.CPUProfile, Database: c.Database, Replicas: c.Replicas, Stdout: env.Stdout, Stderr: env.Stderr,
	})
	return err
}

// profiled runs another command, whose words follow "--", and writes a CPU profile of it.
func (c *benchCmd) profiled(ctx context.Context, env *Env) (err error) {
	f, err := os.Create(c.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return Run(ctx, Env{Args: c.Scenarios, Getenv: env.Getenv, Stdout: env.Stdout, Stderr: env.Stderr, Serve: env.Serve})
}
