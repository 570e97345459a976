package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

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
	tables, err := transfer.Copy(ctx, transfer.CopyOptions{From: from, To: to, DryRun: c.DryRun, Progress: saying(env.Stderr)})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TABLE\tROWS\tSUM")
	for _, t := range tables {
		sum := t.Sum
		if sum == "" {
			sum = "-"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\n", t.Name, t.Rows, sum)
	}
	return w.Flush()
}

// saying writes how far a work on a database is, about once a second.
func saying(w io.Writer) func(transfer.Progress) {
	var last transfer.Progress
	var at time.Time
	return func(p transfer.Progress) {
		if p.Of == 0 {
			return
		}
		begins := p.Step != last.Step || p.Table != last.Table
		if !begins && time.Since(at) < time.Second {
			return
		}
		last, at = p, time.Now()
		text := strings.TrimSpace(fmt.Sprintf("%s %s", p.Step, p.Table))
		if p.Step != transfer.Indexing && (p.Table != "" || p.Done > 0) {
			text += fmt.Sprintf(": %d %%", 100*p.Done/p.Of)
		}
		if p.Left > 0 {
			text += fmt.Sprintf(", about %s left", p.Left.Round(time.Second))
		}
		_, _ = fmt.Fprintln(w, text)
	}
}
