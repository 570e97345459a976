package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bare is an open database without a store, for work on the database as it is.
type Bare struct {
	q           *DB
	write, read *gorm.DB
	pool        *sql.DB // write's
}

// OpenBare opens an existing database. exclusive locks the directory, which fails while a server uses it.
func OpenBare(ctx context.Context, dir string, exclusive bool) (_ *Bare, err error) {
	b := &Bare{q: New(dir)}
	if err := b.q.Exists(); err != nil {
		return nil, fmt.Errorf("no database: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.write, b.read, err = b.q.Open(ctx, slog.New(slog.DiscardHandler), exclusive); err != nil {
		return nil, err
	}
	b.pool, err = b.write.DB()
	return b, err
}

// Close closes the database. The last to close it removes its log, which a connection that only reads could not.
func (b *Bare) Close() error {
	return errors.Join(dialect.ClosePool(b.read), dialect.ClosePool(b.write), b.q.Close())
}

// Pool has the connection that writes.
func (b *Bare) Pool() *sql.DB { return b.pool }

// Size returns the bytes of the database, also of pages that are in its log.
func (b *Bare) Size(ctx context.Context) (bytes int64, err error) {
	err = b.pool.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&bytes)
	return bytes, b.q.explained(err)
}

// Damage returns what SQLite's integrity check and its check of references find.
func (b *Bare) Damage(ctx context.Context) ([]string, error) {
	return b.q.Damage(b.read.WithContext(ctx))
}

// Schema returns the version of the database's schema, and the newest that this program knows.
func (b *Bare) Schema(ctx context.Context) (has, known int64, err error) {
	if err := b.pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&has); err != nil {
		return 0, 0, fmt.Errorf("read the version of the schema: %w", err)
	}
	steps, err := provider(b.pool)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range steps.ListSources() {
		known = max(known, s.Version)
	}
	return has, known, nil
}

// Restored has a database that was restored start over: it is another one than that from which the backup was made, nobody holds its deliveries,
// and cursors of what was committed after the backup are lost.
func (b *Bare) Restored(ctx context.Context, now dialect.Micros) (err error) {
	tx, err := b.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range append(startStatements(now),
		dialect.StartStatement{Text: "UPDATE store SET epoch = lower(hex(randomblob(8)))"},
		dialect.StartStatement{Text: "DELETE FROM nodes"},
		dialect.StartStatement{Text: "UPDATE deliveries SET " + dialect.Unclaims("?") + " WHERE claimed_by IS NOT NULL", Args: []any{now}},
	) {
		if _, err := tx.ExecContext(ctx, s.Text, s.Args...); err != nil {
			return fmt.Errorf("start over: %w", err)
		}
	}
	return tx.Commit()
}

// Audit adds an entry to the audit log, whose columns every schema has.
func (b *Bare) Audit(ctx context.Context, e *webhook.AuditEntry) error {
	if err := b.write.WithContext(ctx).Create(e).Error; err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}
