package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
)

const (
	// checkpointPages is the length at which the write-ahead log is copied into the database (32 MiB): a page that many
	// transactions change is then copied once.
	checkpointPages = 4096
	checkpointEvery = 50 * time.Millisecond // between checks of its length, while there are commits
)

// checkpointer copies the write-ahead log into the database on its own connection. Otherwise the writer would do it inside a
// commit, and stop for 50 to 100 ms, mostly waiting for the disk.
type checkpointer struct {
	q         *DB
	db        *gorm.DB
	committed chan struct{} // holds one signal: the log has grown
}

func newCheckpointer(q *DB) (*checkpointer, error) {
	db, err := openFile(q.path(), false, 1)
	if err != nil {
		return nil, err
	}
	return &checkpointer{q: q, db: db, committed: make(chan struct{}, 1)}, nil
}

// grown reports a commit; c may be nil.
func (c *checkpointer) grown() {
	if c == nil {
		return
	}
	select {
	case c.committed <- struct{}{}:
	default:
	}
}

func (c *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.committed:
		}
		c.q.look()
		if err := c.shorten(ctx); err != nil && ctx.Err() == nil {
			c.q.s.Log.Warn("the write-ahead log cannot be truncated", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(checkpointEvery):
		}
	}
}

// shorten copies the log if it is long. Concurrent writes prevent it from starting over, so the writer copies that small rest
// between two transactions.
func (c *checkpointer) shorten(ctx context.Context) error {
	pages, copied, err := checkpoint(c.db.WithContext(ctx), "NOOP")
	if err != nil || pages-copied < checkpointPages {
		return err
	}
	if _, _, err := checkpoint(c.db.WithContext(ctx), "PASSIVE"); err != nil {
		return err
	}
	c.q.s.Between(ctx, func() { _, _, err = checkpoint(c.q.s.Write, "PASSIVE") })
	return err
}

// checkpoint returns the number of pages in the log, and how many of them are in the database. Pages that readers still need stay
// in the log.
func checkpoint(db *gorm.DB, mode string) (pages, copied int, err error) {
	var is struct{ Log, Checkpointed int }
	if err := db.Raw("PRAGMA wal_checkpoint(" + mode + ")").Scan(&is).Error; err != nil {
		return 0, 0, fmt.Errorf("checkpoint: %w", err)
	}
	return is.Log, is.Checkpointed, nil
}
