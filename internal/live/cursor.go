package live

import (
	"context"
	"errors"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// From is where a watcher begins: right after a cursor from Log.Cursor; without one, with the first kept attempt that was recorded
// at or after Since; the zero value means now.
type From struct {
	Cursor string
	Since  *time.Time // a future time means now
}

// now reports whether a watcher begins with the next recorded attempt.
func (f From) now() bool {
	return f.Cursor == "" && (f.Since == nil || f.Since.After(time.Now()))
}

// Cursor returns the cursor of the attempt with this Seq, for watchers of the tenant. Watch resumes right after it.
func (l *Log) Cursor(tenant webhook.ID, seq int64) string {
	return l.src.Cursor(cursor.Stream, tenant, seq)
}

// place returns the Seq after which a watcher begins. lost means that the database does not have the cursor's place.
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

// check returns an error if the log after seq is not complete. A lost cursor that retention has overtaken too is expired.
func check(seq, oldest, newest int64, lost bool) error {
	if oldest == 0 && newest > 0 {
		oldest = newest + 1 // all of it was removed
	}
	switch {
	case seq < oldest-1:
		return &webhook.CursorExpired{Oldest: oldest}
	case lost || seq > newest:
		return &webhook.CursorLost{Oldest: oldest}
	}
	return nil
}
