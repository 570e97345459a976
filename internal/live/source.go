package live

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Source is the attempt log; *store.Store is one. What has been appended to a Log is in its Source: AttemptLog makes progress
// from every earlier place.
type Source interface {
	AttemptLog(ctx context.Context, tenant webhook.ID, f store.AttemptFilter, after int64, limit int) ([]*webhook.Attempt, int64, error)
	AttemptBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error)
	AttemptBefore(ctx context.Context, t time.Time) (seq int64, err error)
	Cursor(k cursor.Kind, tenant webhook.ID, seq int64) string
	ReadCursor(ctx context.Context, k cursor.Kind, tenant webhook.ID, text string) (seq int64, err error)
}
