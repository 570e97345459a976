package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/transfer"
)

type copyCmd struct {
	From   string `required:"" placeholder:"DIR" help:"Directory of the SQLite database. Stop its server first."`
	To     string `required:"" placeholder:"URL" help:"postgres:// URL of a new PostgreSQL database."`
	DryRun bool   `help:"Only check whether the database can be copied, and how large it is."`
	config.Logging
}

// Run copies a SQLite database to PostgreSQL. Run again after an interruption, it continues.
func (c *copyCmd) Run(ctx context.Context, env *Env) error {
	target := config.Storage{Database: c.To}
	if err := target.Check(env.Getenv); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "--database:", "--to:"))
	}
	if c.To = target.Database; !store.IsPostgres(c.To) {
		return errors.New("--to: must be the postgres:// URL of a PostgreSQL database")
	}
	source := config.Storage{Database: c.From}
	if err := source.Check(func(string) string { return "" }); err != nil || store.IsPostgres(source.Database) {
		return errors.New("--from: must be the directory of a SQLite database")
	}
	log := c.Logger(env.Stderr)
	from, to := store.At(c.From), store.At(c.To)
	from.Logger, to.Logger, from.MasterKeys, to.MasterKeys = log, log, target.MasterKeys, target.MasterKeys
	shown := ""
	tables, err := transfer.Copy(ctx, transfer.CopyOptions{From: from, To: to, DryRun: c.DryRun, Progress: func(table string, done, of int64) {
		if state := fmt.Sprintf("%s: %d %%", table, 100*done/max(of, 1)); state != shown {
			shown = state
			_, _ = fmt.Fprintln(env.Stderr, state)
		}
	}})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TABLE\tROWS\tSHA-256")
	for _, t := range tables {
		sum := t.Sum
		if sum == "" {
			sum = "-"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\n", t.Name, t.Rows, sum)
	}
	return w.Flush()
}
