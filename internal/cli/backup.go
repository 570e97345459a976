package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/transfer"
)

// Advice for PostgreSQL, which has tools of its own.
const (
	postgresBackup = "the database is PostgreSQL: back it up with pg_dump --format=custom, or with what archives its log, and keep " + config.EnvMasterKey +
		" apart from the dump, because secrets cannot be opened without it; see docs/operating.md#backups-of-postgresql"
	postgresRestore = "the database is PostgreSQL: restore a dump with pg_restore into a new database while no replica runs, and start the replicas with the same " +
		config.EnvMasterKey + "; see docs/operating.md#backups-of-postgresql"
	postgresCompact = "the database is PostgreSQL, which makes free space usable again by itself (autovacuum), and drops whole days"
)

// directory returns the directory of a SQLite database.
func directory(s *config.Storage, env *Env, elsewhere string) (string, error) {
	err := s.Check(env.Getenv)
	if store.IsPostgres(s.Database) {
		return "", errors.New(elsewhere)
	}
	return s.Database, err
}

type backupCmd struct {
	config.Storage

	To         string       `arg:"" placeholder:"DIR|-" help:"The new directory of the backup, or - to write a tar archive to the standard output."`
	WithoutKey bool         `help:"Leave the master key out. The backup is worthless without it: keep it elsewhere."`
	MaxLog     config.Bytes `default:"4GiB" help:"Give the backup up when SQLite's log has become this long: nothing can be removed from it meanwhile."`
}

// Run backs up a SQLite database, which a server may be using.
func (c *backupCmd) Run(ctx context.Context, env *Env) error {
	dir, err := directory(&c.Storage, env, postgresBackup)
	if err != nil {
		return err
	}
	if c.MaxLog < 1 {
		return errors.New("--max-log: must be at least 1")
	}
	o := transfer.BackupOptions{
		Dir: dir, Keys: c.MasterKeys, WithoutKey: c.WithoutKey, MaxLog: int64(c.MaxLog), Version: version(), Progress: saying(env.Stderr),
	}
	if c.To == "-" {
		if isTerminal(env.Stdout) {
			return errors.New("the standard output is a terminal: redirect it, or name a directory")
		}
		m, err := transfer.WriteBackup(ctx, o, env.Stdout)
		if err != nil {
			return err
		}
		return c.said(env.Stderr, "the standard output", m)
	}
	m, err := transfer.Backup(ctx, o, c.To)
	if err != nil {
		return err
	}
	return c.said(env.Stdout, c.To, m)
}

func (c *backupCmd) said(w io.Writer, to string, m *transfer.Manifest) error {
	_, err := fmt.Fprintf(w, "backed up to %s: %v of %s, whole and checked\n", to, config.Bytes(m.Bytes).Rounded(), m.CreatedAt.Format("2006-01-02 15:04:05 MST"))
	if err == nil && !m.HasKey {
		_, err = fmt.Fprintf(w, "the master key is not in it (%v): keep it, a restored database cannot be used without it\n", m.KeyIDs)
	}
	return err
}

type restoreCmd struct {
	config.Storage

	From string `arg:"" placeholder:"DIR|FILE|-" help:"A backup: its directory, its tar archive (also with gzip), or - to read the archive from the standard input."`
	Key  string `placeholder:"FILE" help:"The file of the master key, if the backup was made without it. It is copied into the directory."`
}

// Run makes a data directory of a backup.
func (c *restoreCmd) Run(ctx context.Context, env *Env) error {
	dir, err := directory(&c.Storage, env, postgresRestore)
	if err != nil {
		return err
	}
	o := transfer.RestoreOptions{From: c.From, Dir: dir, Keys: c.MasterKeys, KeyFile: c.Key, Actor: env.actor(), Progress: saying(env.Stderr)}
	if c.From == "-" {
		o.Stream = until(ctx, env.stdin())
	}
	m, err := transfer.Restore(ctx, o)
	if err != nil {
		return fmt.Errorf("nothing is restored: %w", err)
	}
	_, err = fmt.Fprintf(env.Stdout, `restored to %s: %s, as they were at %s
Start the server with --database %s. What was delivered after the backup is delivered again, tokens that were revoked after it are valid again,
and clients resume their streams from the position that CURSOR_LOST names.
`, c.Place(), config.Bytes(m.Bytes).Rounded(), m.CreatedAt.Format("2006-01-02 15:04:05 MST"), quoted(c.Place()))
	return err
}

type compactCmd struct {
	config.Storage
}

// Run makes a SQLite database smaller.
func (c *compactCmd) Run(ctx context.Context, env *Env) error {
	dir, err := directory(&c.Storage, env, postgresCompact)
	if err != nil {
		return err
	}
	o := transfer.CompactOptions{Dir: dir, Progress: saying(env.Stderr)}
	if o.Beside = transfer.InUse(dir); o.Beside {
		_, _ = fmt.Fprintln(env.Stderr, "a server uses the database: only free pages are removed. Stop it to have the whole database written again, which frees more.")
	}
	is, err := transfer.Compact(ctx, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "freed %s: %s before, %s now\n", config.Bytes(max(0, is.Before-is.After)).Rounded(), config.Bytes(is.Before).Rounded(), config.Bytes(is.After).Rounded())
	return err
}
