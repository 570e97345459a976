package live

import (
	"context"
	"errors"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// From is where a watcher begins: right after a cursor that Log.Cursor made; without one at a time, with what was recorded from then on,
// of what is kept; the zero value is now.
type From struct {
	Cursor string
	Since  *time.Time // when it is yet to come, the same as now
}

// now reports whether a watcher begins with what is recorded from now on.
func (f From) now() bool {
	return f.Cursor == "" && (f.Since == nil || f.Since.After(time.Now()))
}

// Cursor is the cursor of the attempt with this Seq, for watchers of the tenant. Watch goes on right after it.
func (l *Log) Cursor(tenant webhook.ID, seq int64) string {
	return l.src.Cursor(cursor.Stream, tenant, seq)
}

// place is the Seq after which a watcher begins. lost is a cursor of a place that the database does not have.
func (l *Log) place(ctx context.Context, tenant webhook.ID, from From) (seq int64, lost bool, err error) {
	if from.Cursor == "" {
		seq, err = l.src.AttemptBefore(ctx, *from.Since)
		return seq, false, err
	}
	seq, err = l.src.ReadCursor(ctx, cursor.Stream, tenant, from.Cursor)
	if errors.Is(err, webhook.ErrCursorLost) {
		return seq, true, nil
	}
	return seq, false, err
}
