package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
)

type migrateCmd struct {
	Status migrateStatusCmd `cmd:"" help:"List the migrations and whether each is applied."`
	Up     migrateUpCmd     `cmd:"" help:"Apply the missing migrations. Stop the server and back up the database first."`
}

type migrateStatusCmd struct {
	asJSON
	config.Storage
	config.Logging
}

// Run lists the migrations and changes nothing.
func (c *migrateStatusCmd) Run(ctx context.Context, env *Env) error {
	return migrate(ctx, env, c.Storage, c.Logging, false, c.JSON)
}

type migrateUpCmd struct {
	asJSON
	config.Storage
	config.Logging
}

// Run applies the missing migrations and lists all.
func (c *migrateUpCmd) Run(ctx context.Context, env *Env) error {
	return migrate(ctx, env, c.Storage, c.Logging, true, c.JSON)
}

// migration is a migration in JSON.
type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

func migrate(ctx context.Context, env *Env, s config.Storage, l config.Logging, up, asObjects bool) error {
	if err := s.Check(env.Getenv); err != nil {
		return err
	}
	o := store.At(s.Database) // after Check, which parses it
	o.Logger, o.MasterKeys = l.Logger(env.Stderr), s.MasterKeys
	list, err := store.Migrations(ctx, o, up)
	if err != nil {
		return err
	}
	if asObjects {
		all := make([]migration, len(list))
		for i, m := range list {
			all[i] = migration{m.Version, m.Name, m.Applied}
		}
		return objects(env.Stdout, all)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "VERSION\tNAME\tSTATE")
	for _, m := range list {
		state := "missing"
		if m.Applied {
			state = "applied"
		}
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, m.Name, state)
	}
	return w.Flush()
}
