package live

import (
	"context"
	"errors"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const latest = "latest" // the cursor that means now

// Cursor is the cursor of the attempt with this Seq, for watchers of the tenant. Watch goes on right after it.
func (l *Log) Cursor(tenant webhook.ID, seq int64) string {
	return l.src.Cursor(cursor.Stream, tenant, seq)
}

// parseTime reads a time; a cursor is never one.
func parseTime(s string) (time.Time, bool) {
	t, err := webhook.ParseTime(s)
	return t, err == nil
}

// place is the Seq after which a watcher begins, and whether it was given as a cursor of this database, and not as a time. lost
// is such a cursor of a place that the database does not have.
func (l *Log) place(ctx context.Context, tenant webhook.ID, after string, since time.Time, isTime bool) (seq int64, lost bool, err error) {
	if isTime {
		seq, err = l.src.AttemptBefore(ctx, since)
		return seq, false, err
	}
	seq, err = l.src.ReadCursor(ctx, cursor.Stream, tenant, after)
	if errors.Is(err, webhook.ErrCursorLost) {
		return seq, true, nil
	}
	return seq, false, err
}
