package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNoShrinking means that free pages of this database can only be removed while nobody uses it.
var ErrNoShrinking = errors.New("this database was created without incremental vacuum: stop the server, and compact it then")

// Bounds of shrinking a database beside a server, which writes in between.
const (
	besidePages = 64
	besideRest  = 20 * time.Millisecond // at least, and as long as the piece took
)

// Vacuum writes the whole database again, without free pages and with every table in order. Nobody else may use it. It needs as much room again, twice: for
// a temporary file, and in the log.
func (b *Bare) Vacuum(ctx context.Context) error {
	for _, text := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := b.pool.ExecContext(ctx, text); err != nil {
			return b.q.explained(fmt.Errorf("compact: %w", err))
		}
	}
	return nil
}

// Shrink removes free pages, in pieces, while a server uses the database. each is called after a piece with the number of pages that are still free.
func (b *Bare) Shrink(ctx context.Context, each func(free int)) error {
	conn, err := b.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var mode, free int
	if err := conn.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil {
		return b.q.explained(err)
	}
	if mode != autoVacuumIncremental {
		return ErrNoShrinking
	}
	for before := -1; ; before = free {
		begun := time.Now()
		if err := shrinkPiece(ctx, conn); err != nil {
			return b.q.explained(fmt.Errorf("compact: %w", err))
		}
		if err := conn.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return b.q.explained(err)
		}
		each(free)
		if free == 0 || free == before {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(besideRest, time.Since(begun))):
		}
	}
	var busy, log, copied int
	return b.q.explained(conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &copied))
}

func shrinkPiece(ctx context.Context, conn *sql.Conn) (err error) {
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", besidePages))
	if err != nil {
		return err
	}
	for rows.Next() { // each step moves a page
	}
	return errors.Join(rows.Err(), rows.Close())
}
