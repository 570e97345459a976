package store

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// logWindow bounds how much of the attempt log one call of AttemptLog searches, in rows.
const logWindow = 20_000

// AttemptLog reads the tenant's committed attempts that match, with Seq > after, in commit order, at most limit of them.
// scanned is the Seq up to which the log was searched: a reader goes on after it, also when nothing matched.
func (s *Store) AttemptLog(ctx context.Context, tenant webhook.ID, f AttemptFilter, after int64, limit int) (page []*webhook.Attempt, scanned int64, err error) {
	scanned = min(s.last.Load(), after+logWindow) // committed before the query below begins, so it sees all of it
	if scanned <= after {
		return nil, after, nil
	}
	q := f.narrow(s.In(tenant).attempts(ctx)).Where("a.seq > ? AND a.seq <= ?", after, scanned)
	if err := q.Order("a.seq").Limit(limit).Scan(&page).Error; err != nil {
		return nil, after, unavailable(err)
	}
	if len(page) == limit {
		scanned = page[limit-1].Seq
	}
	return page, scanned, nil
}

// AttemptBounds returns the Seq from which on every attempt is kept, and of the newest committed. Retention takes whole
// events, so older attempts may be there too; a reader that asks for what is between them would miss some and must be told.
// newest is known even when every attempt is gone: oldest is one more then. Both are 0 before the first attempt.
func (s *Store) AttemptBounds(ctx context.Context) (oldest, newest int64, err error) {
	newest = s.last.Load()
	if newest == 0 {
		return 0, 0, nil
	}
	var pruned int64
	if err := s.read.WithContext(ctx).Raw("SELECT pruned_attempt FROM store").Scan(&pruned).Error; err != nil {
		return 0, 0, unavailable(err)
	}
	return pruned + 1, newest, nil
}

// pruneEvents is how many events one transaction of Prune removes.
const pruneEvents = 200

// Prune removes events that were published before the time and whose deliveries are all completed, with everything that
// hangs on them, in small transactions, and reports how many events went.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	if err := s.cancelAllDeleted(ctx); err != nil {
		return 0, err
	}
	total, after := 0, int64(0)
	for {
		var gone []*webhook.Event
		err := s.change(ctx, func(b *batch) error {
			gone = nil
			if err := b.tx.Raw(`SELECT seq, id FROM events WHERE seq > ? AND created_at < ? AND NOT EXISTS
				(SELECT 1 FROM deliveries d WHERE d.event_id = events.id AND d.status = 'PENDING')
				ORDER BY seq LIMIT ?`, after, at(before), pruneEvents).Scan(&gone).Error; err != nil {
				return err
			}
			if len(gone) == 0 {
				return nil
			}
			ids := make([]webhook.ID, len(gone))
			for i, e := range gone {
				ids[i] = e.ID
			}
			for _, text := range []string{
				`UPDATE store SET pruned_attempt = COALESCE((SELECT MAX(seq) FROM attempts WHERE seq > pruned_attempt AND delivery_id IN
					(SELECT id FROM deliveries WHERE event_id IN ?)), pruned_attempt)`,
				"DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id IN ?)",
				"DELETE FROM deliveries WHERE event_id IN ?",
				"DELETE FROM idempotency_keys WHERE event_id IN ?",
				"DELETE FROM events WHERE id IN ?",
			} {
				if err := b.tx.Exec(text, ids).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += len(gone)
		if len(gone) < pruneEvents {
			return total, nil
		}
		after = gone[len(gone)-1].Seq
	}
}

// cancelAllDeleted goes on where a stop interrupted cancelDeleted.
func (s *Store) cancelAllDeleted(ctx context.Context) error {
	var ids []webhook.ID
	err := s.read.WithContext(ctx).Raw(`SELECT id FROM webhooks WHERE deleted_at IS NOT NULL AND EXISTS
		(SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id AND d.due_at IS NOT NULL)`).Scan(&ids).Error
	if err != nil {
		return unavailable(err)
	}
	for _, id := range ids {
		s.cancelDeleted(id)
	}
	return nil
}
