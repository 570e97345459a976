// Package transfer works on whole databases: it copies SQLite to PostgreSQL, backs up, restores and compacts SQLite.
package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
)

// CopyOptions are the options of Copy.
type CopyOptions struct {
	From store.Options // a SQLite database that no server uses
	To   store.Options // a PostgreSQL database; its MasterKeys must have those that the source is sealed with
	// DryRun only counts the source's rows, and checks whether they can be copied.
	DryRun   bool
	Progress func(Progress) // may be nil; called by Copy's own goroutine
}

// CopiedTable is the result for one table.
type CopiedTable struct {
	Name string
	Rows int64
	Sum  string // of all values of all rows in both databases, see sum; "" in a dry run
}

// ErrTargetInUse means that the target has rows that are not from this source.
var ErrTargetInUse = errors.New("the target is in use: copy into a new database")

// Copy copies a SQLite database to PostgreSQL: every row, with the same ids. After an interruption, calling it again resumes; no
// server starts on the target until it is complete. It returns what it has copied and verified.
func Copy(ctx context.Context, o CopyOptions) (_ []CopiedTable, err error) {
	if o.From.URL != "" || o.To.URL == "" {
		return nil, errors.New("a copy is from a SQLite directory to a PostgreSQL URL")
	}
	from := sqlite.New(o.From.Dir)
	if err := from.Exists(); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	src, err := store.OpenOn(ctx, o.From, from)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	c := &copier{CopyOptions: o, from: from, src: src}
	if err := c.checkKey(ctx); err != nil {
		return nil, err
	}
	o.To.Shared = true
	to := postgres.New(o.To.URL, postgres.Settings{})
	if c.dst, err = store.OpenOn(ctx, o.To, to); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	defer func() { err = errors.Join(err, c.dst.Close()) }()
	c.to = to
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	if !o.DryRun { // the journal of statistics stays behind
		if err := src.FoldStatistics(ctx); err != nil {
			return nil, fmt.Errorf("source: %w", err)
		}
	}
	tables, err := c.count(ctx)
	if err != nil || o.DryRun {
		return tables, err
	}
	if err := c.copyAll(ctx, tables); err != nil {
		return tables, err
	}
	return tables, c.end(ctx)
}

// count returns the tables to copy, with the number of their rows in the source.
func (c *copier) count(ctx context.Context) (tables []CopiedTable, err error) {
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		is := CopiedTable{Name: t.Name}
		if err := c.from.Reader().WithContext(ctx).Raw("SELECT COUNT(*) FROM " + t.Name).Scan(&is.Rows).Error; err != nil {
			return nil, fmt.Errorf("source: count %s: %w", t.Name, err)
		}
		tables = append(tables, is)
	}
	return tables, nil
}

// copyAll copies every table, then creates the dropped indexes, reads the target back, and has PostgreSQL count its statistics.
func (c *copier) copyAll(ctx context.Context, tables []CopiedTable) (err error) {
	to, err := openTarget(ctx, c.to)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer func() { err = errors.Join(err, to.close()) }()
	at := newEstimate(tables, c.Progress)
	declared := slices.Collect(dialect.TablesThat((*dialect.Table).Owned))
	layouts := make([]*layout, len(tables))
	for i := range tables {
		is := &tables[i]
		if layouts[i], err = c.layout(ctx, declared[i]); err != nil {
			return fmt.Errorf("copy %s: %w", is.Name, err)
		}
		at.step(Copying, is)
		if is.Rows, is.Sum, err = c.table(ctx, to, layouts[i], at); err != nil {
			return fmt.Errorf("copy %s: %w", is.Name, err)
		}
	}
	if err := to.makeIndexes(ctx, func(table string) {
		for i := range tables {
			if tables[i].Name == table {
				at.step(Indexing, &tables[i])
			}
		}
	}); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	for i := range tables {
		is := &tables[i]
		at.step(Checking, is)
		rows, sum, err := to.sum(ctx, layouts[i], at)
		if err != nil {
			return fmt.Errorf("check %s: %w", is.Name, err)
		}
		if rows != is.Rows || sum != is.Sum {
			return fmt.Errorf("check %s: the target does not have what the source has (%d rows of %d, checksums %.8s and %.8s): if the source was used since the copy began, copy into a new database", is.Name, rows, is.Rows, sum, is.Sum)
		}
	}
	if err := to.run(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("target: analyze: %w", err)
	}
	return nil
}

type copier struct {
	CopyOptions
	src, dst *store.Store
	from     *sqlite.DB   // of src
	to       *postgres.DB // of dst
	epoch    string       // the source's
	keyID    string
	pruned   int64
}

// checkKey returns an error if the target's servers could not open sealed values.
func (c *copier) checkKey(ctx context.Context) error {
	var is struct {
		Epoch, KeyID  string
		PrunedAttempt int64
	}
	if err := c.from.Reader().Raw("SELECT epoch, key_id, pruned_attempt FROM store").Scan(&is).Error; err != nil {
		return fmt.Errorf("source: %w", err)
	}
	c.epoch, c.keyID, c.pruned = is.Epoch, is.KeyID, is.PrunedAttempt
	keys, err := seal.OpenRing("", c.To.MasterKeys, false)
	if err != nil {
		return err
	}
	pool, err := c.from.Reader().DB()
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	sealed, err := sealedBy(ctx, pool)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	for _, s := range sealed {
		if _, err := keys.Key(s.id); err != nil {
			return fmt.Errorf("the master key must be moved too: %w", err)
		}
	}
	return nil
}

// begin marks the target for this copy, or finds the mark.
func (c *copier) begin(ctx context.Context) error {
	var there bool
	if err := c.to.Side().QueryRowContext(ctx, "SELECT to_regclass('copying') IS NOT NULL").Scan(&there); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if there {
		var epoch string
		if err := c.to.Side().QueryRowContext(ctx, "SELECT epoch FROM copying").Scan(&epoch); err != nil {
			return fmt.Errorf("target: %w", err)
		}
		if epoch != c.epoch {
			return fmt.Errorf("a copy of another database has begun: %w", ErrTargetInUse)
		}
		return nil
	}
	var used bool
	var text strings.Builder
	text.WriteString("SELECT EXISTS (SELECT 1 FROM nodes)")
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		text.WriteString(" OR EXISTS (SELECT 1 FROM " + t.Name + ")")
	}
	if err := c.to.Side().QueryRowContext(ctx, text.String()).Scan(&used); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if used {
		return ErrTargetInUse
	}
	if c.DryRun {
		return nil
	}
	return c.mark(ctx)
}

// end copies what belongs to the database as a whole, and opens the target to servers. The target has the source's starts and
// cursor key, so that cursors stay valid. Its next start is its own, with numbers above the copied ones, because the source may be
// used further.
func (c *copier) end(ctx context.Context) error {
	tx, err := c.to.Side().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		if !t.Numbered() {
			continue
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', 'seq'), (SELECT COALESCE(MAX(seq), 0) + 1 FROM %[1]s))", t.Name)); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	if err := c.copyKeys(ctx, tx); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := c.copyStarts(ctx, tx); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE store SET key_id = $1, pruned_attempt = $2, identity = 'copied'", c.keyID, c.pruned); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DROP TABLE copying, copying_tables, copying_indexes"); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	return nil
}

func (c *copier) copyKeys(ctx context.Context, tx *sql.Tx) error {
	var rows []struct {
		Name, KeyID string
		Sealed      []byte
	}
	if err := c.from.Reader().WithContext(ctx).Table("keys").Find(&rows).Error; err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM keys"); err != nil {
		return err
	}
	for _, k := range rows {
		if _, err := tx.ExecContext(ctx, "INSERT INTO keys (name, key_id, sealed) VALUES ($1, $2, $3)", k.Name, k.KeyID, k.Sealed); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) copyStarts(ctx context.Context, tx *sql.Tx) error {
	var list []*dialect.Start
	if err := c.from.Reader().WithContext(ctx).Order("seq").Find(&list).Error; err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM starts"); err != nil {
		return err
	}
	for _, s := range list {
		//nolint:gosec // the columns are a constant
		if _, err := tx.ExecContext(ctx, "INSERT INTO starts (id, started_at, "+dialect.StartColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			s.ID, s.StartedAt, s.Tenants, s.Tokens, s.Webhooks, s.Events, s.Deliveries, s.Attempts); err != nil {
			return err
		}
	}
	return nil
}
