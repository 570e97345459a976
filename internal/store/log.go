package store

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// AttemptLog reads the tenant's committed attempts that match, with Seq > after, in commit order, at most limit of them.
// scanned is the Seq up to which the log was searched: a reader goes on after it, also when nothing matched.
func (s *Store) AttemptLog(ctx context.Context, tenant webhook.ID, f AttemptFilter, after int64, limit int) (page []*webhook.Attempt, scanned int64, err error) {
	scanned, err = s.db.LogEnd(ctx, after) // committed before the query below begins, so it sees all of it
	if err != nil {
		return nil, after, dialect.Unavailable(err)
	}
	if scanned <= after {
		return nil, after, nil
	}
	q := where(s.In(tenant).logged(ctx), asides(f.conditions())).Where("a.seq > ? AND a.seq <= ?", after, scanned)
	if err := q.Order("a.seq").Limit(limit).Scan(&page).Error; err != nil {
		return nil, after, dialect.Unavailable(err)
	}
	if len(page) == limit {
		scanned = page[limit-1].Seq
	}
	return page, scanned, nil
}

// AttemptBounds returns the Seq from which on every attempt of the tenant is kept, of all tenants with the zero id, and of the newest
// that is committed of anybody. Retention takes whole
// events, so older attempts may be there too; a reader that asks for what is between them would miss some and must be told.
// newest is known even when every attempt is gone: oldest is one more then. Both are 0 before the first attempt.
func (s *Store) AttemptBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error) {
	if oldest, newest, err = s.db.LogBounds(ctx, tenant); err != nil {
		return 0, 0, dialect.Unavailable(err)
	}
	return oldest, newest, nil
}

// AttemptBefore returns a position in the attempt log, for AttemptLog to read after: what was recorded at or after t, to the
// millisecond and by the clock of who recorded it, comes after it. It is the newest Seq when nothing was.
func (s *Store) AttemptBefore(ctx context.Context, t time.Time) (int64, error) {
	// An id has the time of recording, and grows with Seq; there is no index by time to keep.
	_, high, err := s.AttemptBounds(ctx, webhook.ID{})
	if err != nil {
		return 0, err
	}
	var first int64
	if err := s.read.WithContext(ctx).Raw("SELECT COALESCE(MIN(seq), 0) FROM attempts").Scan(&first).Error; err != nil {
		return 0, dialect.Unavailable(err)
	}
	low := max(first-1, 0)
	for low < high {
		middle := low + (high-low)/2
		var next []struct {
			Seq int64
			ID  webhook.ID
		}
		err := s.read.WithContext(ctx).Raw("SELECT seq, id FROM attempts WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1", middle, high).Scan(&next).Error
		switch {
		case err != nil:
			return 0, dialect.Unavailable(err)
		case len(next) == 0 || next[0].ID.Time().UnixMilli() >= t.UnixMilli():
			high = middle
		default:
			low = next[0].Seq
		}
	}
	if low < first {
		return 0, nil
	}
	return low, nil
}
