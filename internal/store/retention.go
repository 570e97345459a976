package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Keep says how long the store keeps what is done, and tries what is not.
type Keep struct {
	Events     time.Duration // since they were published, when nothing is owed of them any more; 0 is forever
	Deliveries time.Duration // since they were due, then they are FAILED; 0 is forever
}

// Removed is what Maintain has done.
type Removed struct {
	Events     int
	Deliveries int // given up
	Secrets    int // whose overlap has ended
}

// Maintain gives up what has been owed for too long, removes what is old, and finishes what a stop has interrupted. One part that
// fails does not keep the others from being done.
func (s *Store) Maintain(ctx context.Context, keep Keep) (done Removed, err error) {
	var errs [4]error
	now := s.opts.Now()
	done.Secrets, errs[0] = s.PruneSecrets(ctx)
	errs[1] = s.cancelAllDeleted(ctx)
	if keep.Deliveries > 0 {
		done.Deliveries, errs[2] = s.ExpireDeliveries(ctx, now.Add(-keep.Deliveries))
	}
	if keep.Events > 0 {
		done.Events, errs[3] = s.Prune(ctx, now.Add(-keep.Events))
	}
	return done, errors.Join(errs[:]...)
}

// Prune removes events that were published before the time and whose deliveries are all completed, with everything that
// hangs on them, and reports how many events went.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	if err := s.cancelAllDeleted(ctx); err != nil {
		return 0, err
	}
	n, err := s.db.prune(ctx, before)
	if n > 0 {
		s.quotas.count(ctx)
	}
	return n, errors.Join(err, s.pruneStarts(ctx, before))
}

// expirePiece is how many deliveries one transaction of ExpireDeliveries gives up.
const expirePiece = 200

// ExpireDeliveries gives up deliveries that have been due since before the time, those of disabled webhooks too, and reports how many. Webhooks
// are looked through in turn, some deliveries in each transaction.
func (s *Store) ExpireDeliveries(ctx context.Context, before time.Time) (int, error) {
	hooks, err := s.Hooks(ctx)
	if err != nil {
		return 0, err
	}
	var busy error
	total := 0
	hooks = slices.DeleteFunc(hooks, func(h HookDue) bool { return h.Due == nil || !h.Due.Before(before) })
	for len(hooks) > 0 {
		left := hooks[:0]
		for _, h := range hooks {
			n, err := s.expirePiece(ctx, h.Hook, before)
			if errors.Is(err, webhook.ErrBusy) { // the tenant's own work is in its way: the others do not wait for that
				busy = err
				continue
			}
			if err != nil {
				return total, err
			}
			if total += n; n == expirePiece {
				left = append(left, h)
			}
		}
		hooks = left
	}
	return total, busy
}

func (s *Store) expirePiece(ctx context.Context, of *Hook, before time.Time) (n int, err error) {
	err = s.changeFor(ctx, of.TenantID, expirePiece, func(b *batch) error {
		var rows []struct {
			Seq          int64
			ID           webhook.ID
			EventID      webhook.ID
			AttemptCount int
			Type         string
			PublishedAt  micros
		}
		if err := b.tx.Raw(`SELECT d.seq, d.id, d.event_id, d.attempt_count, e.type, e.created_at AS published_at
			FROM deliveries d JOIN events e ON e.id = d.event_id`+s.db.sameDay("e", "d")+`
			WHERE d.webhook_id = ? AND d.due_at < ? ORDER BY d.due_at LIMIT ?`+s.db.skipLocked("d"), of.ID, at(before), expirePiece).Scan(&rows).Error; err != nil {
			return fmt.Errorf("find deliveries that expire: %w", err)
		}
		if n = len(rows); n == 0 {
			return nil
		}
		var told notices
		h := b.hook(of.ID)
		keys := make([][]any, n)
		for i, d := range rows {
			keys[i] = []any{d.Seq, d.PublishedAt.time().Format(time.DateOnly)}
			if h != nil && h.DeletedAt == nil && !webhook.Operational(d.Type) {
				told.add(h, webhook.TypeDeliveryFailed, failedDelivery{
					DeliveryID: d.ID, EventID: d.EventID, EventType: d.Type, AttemptCount: d.AttemptCount, FailureReason: webhook.FailureExpired,
				})
			}
		}
		if err := b.tx.Exec(`UPDATE deliveries AS d SET status = 'FAILED', failure_reason = ?, due_at = NULL, completed_at = ?
			FROM `+s.db.rows([]column{{"seq", "bigint"}, {"day", "date"}})+` AS v WHERE d.seq = v.seq`+s.db.sameDay("d", "v"),
			webhook.FailureExpired, at(b.now), string(compactJSON(keys))).Error; err != nil {
			return fmt.Errorf("give deliveries up: %w", err)
		}
		return b.note(told)
	})
	return n, err
}

// cancelAllDeleted goes on where a stop interrupted cancelDeleted.
func (s *Store) cancelAllDeleted(ctx context.Context) error {
	var gone []*webhook.Webhook
	err := s.read.WithContext(ctx).Raw(`SELECT id, tenant_id FROM webhooks WHERE deleted_at IS NOT NULL AND EXISTS
		(SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id AND d.due_at IS NOT NULL)`).Scan(&gone).Error
	if err != nil {
		return unavailable(err)
	}
	for _, w := range gone {
		s.cancelDeleted(w.TenantID, w.ID)
	}
	return nil
}
