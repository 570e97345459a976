package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
)

type doctorCmd struct {
	config.Storage
	config.Logging
	StatisticsRetention time.Duration `env:"HOOKGRAPH_STATISTICS_RETENTION" default:"9600h" help:"How long the server keeps statistics."`
	Quick               bool          `help:"Leave out what reads whole tables: damage of files and indexes, rows without their parents, pending deliveries that nobody attempts, ordering keys, and statistics."`
	Fix                 bool          `help:"Correct the numbers of pending and held deliveries where they differ from the deliveries. Nothing else is changed."`
}

// Run inspects the database, and reports an error if something is wrong.
func (c *doctorCmd) Run(ctx context.Context, env *Env) error {
	if err := c.Check(env.Getenv); err != nil {
		return err
	}
	o := store.At(c.Database)
	o.Logger, o.MasterKeys, o.StatsRetention = c.Logger(env.Stderr), c.MasterKeys, c.StatisticsRetention
	if c.Fix {
		if err := mend(ctx, env, o); err != nil {
			return err
		}
	}
	results, err := store.Inspect(ctx, o, c.Quick)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CHECK\tPROBLEMS")
	problems := 0
	for _, r := range results {
		problems += len(r.Problems)
		_, _ = fmt.Fprintf(w, "%s\t%d\n", r.Check, len(r.Problems))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, p := range r.Problems {
			_, _ = fmt.Fprintf(env.Stdout, "\n%s: %s\n  %s\n", r.Check, p.Text, p.Advice)
		}
	}
	if problems > 0 {
		return fmt.Errorf("problems found: %d", problems)
	}
	return nil
}

func mend(ctx context.Context, env *Env, o store.Options) error {
	wrong, err := store.MendBacklog(ctx, o)
	if err != nil {
		return fmt.Errorf("nothing is corrected: %w", err)
	}
	for _, m := range wrong {
		_, _ = fmt.Fprintf(env.Stdout, "corrected: webhook %s of tenant %s has %d deliveries that are pending or held; statistics had %d\n", m.Webhook, m.Tenant, m.Waiting, m.Gauge)
	}
	return nil
}
