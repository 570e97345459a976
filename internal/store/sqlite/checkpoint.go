package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
)

const (
	// checkpointPages is how long the write-ahead log becomes before it is copied into the database (32 MiB): a page that
	// many transactions change is then copied once.
	checkpointPages = 4096
	checkpointEvery = 50 * time.Millisecond // between looks at its length, while there are commits
)

// checkpointer copies the write-ahead log into the database on a connection of its own, beside the writer, which would
// else stand still for it inside a commit: 50 to 100 ms of which most are the disk's.
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

// grown tells that there was a commit; c may be nil.
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

// shorten copies the log when it is long. What is written meanwhile keeps it from starting over, so the writer copies that
// small rest between two transactions.
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

// checkpoint returns how many pages the log has, and how many of them are in the database. What readers still need of the
// log is left.
func checkpoint(db *gorm.DB, mode string) (pages, copied int, err error) {
	var is struct{ Log, Checkpointed int }
	if err := db.Raw("PRAGMA wal_checkpoint(" + mode + ")").Scan(&is).Error; err != nil {
		return 0, 0, fmt.Errorf("checkpoint: %w", err)
	}
	return is.Log, is.Checkpointed, nil
}
