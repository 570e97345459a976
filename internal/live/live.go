// Package live hands recorded attempts to watchers: the tail of the attempt log.
package live

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Source is the attempt log; *store.Store is one.
type Source interface {
	AttemptLog(ctx context.Context, tenant webhook.ID, f store.AttemptFilter, after int64, limit int) ([]*webhook.Attempt, int64, error)
	AttemptBounds(ctx context.Context) (oldest, newest int64, err error)
	Epoch() string
}

type Log struct{}

// New makes a log whose shared tail holds at most tailBytes of attempts.
func New(src Source, tailBytes int) *Log { return &Log{} }

// Append takes attempts after commit, in commit order (store.OnAttempts).
func (l *Log) Append(attempts []*webhook.Attempt) {}

// Watch starts after a cursor: "" or "latest" is now, else what Cursor made. Errors: webhook.ErrCursor, *webhook.CursorExpired.
func (l *Log) Watch(ctx context.Context, tenant webhook.ID, f store.AttemptFilter, after string) (*Watcher, error) {
	return &Watcher{}, nil
}

// Cursor is the opaque cursor of an attempt.
func (l *Log) Cursor(seq int64) string { return "" }

type Watcher struct{}

// Next waits for the next attempts, at least one, in commit order. It ends with ctx or Close.
func (w *Watcher) Next(ctx context.Context) ([]*webhook.Attempt, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (w *Watcher) Close() {}
