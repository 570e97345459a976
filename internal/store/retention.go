package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
		seqs := make([]int64, n)
		first, last := rows[0].PublishedAt, rows[0].PublishedAt
		for i, d := range rows {
			seqs[i], first, last = d.Seq, min(first, d.PublishedAt), max(last, d.PublishedAt)
			if h != nil && h.DeletedAt == nil && !webhook.Operational(d.Type) {
				told.add(h, webhook.TypeDeliveryFailed, failedDelivery{
					DeliveryID: d.ID, EventID: d.EventID, EventType: d.Type, AttemptCount: d.AttemptCount, FailureReason: webhook.FailureExpired,
				})
			}
		}
		among, arg := s.db.among("seq", seqs)
		published, days := s.db.published("day", first.time(), last.time())
		if err := b.tx.Exec("UPDATE deliveries SET status = 'FAILED', failure_reason = ?, due_at = NULL, completed_at = ? WHERE "+among+published,
			append([]any{webhook.FailureExpired, at(b.now), arg}, days...)...).Error; err != nil {
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

// Bounds of removing events: of how many one step looks, and how many rows one transaction removes, whatever hangs on an event.
const (
	pruneEvents = 200
	pruneRows   = 2000
)

// removal is events that are being removed with everything that hangs on them, some rows in each transaction.
type removal struct {
	ids []webhook.ID
	on  *day // of them all, where tables are partitioned by it; nil: of any
	// retention leaves alone what is owed, as somebody may have retried a delivery meanwhile, and notes how far the log of attempts
	// has been taken. Else nobody can see them any more.
	retention bool
	check     bool // all of an event's deliveries are looked at first: they are few
}

// remove removes the events, and reports how many.
func (s *Store) remove(ctx context.Context, tenant webhook.ID, r removal) (events int, err error) {
	for done := false; !done; {
		err := s.changeFor(ctx, tenant, pruneRows, func(b *batch) (err error) {
			events, done, err = b.removeSome(&r)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("remove events: %w", err)
		}
	}
	return events, nil
}

// where is the condition that a table's rows are of the events.
func (r *removal) where(column, dayColumn string) (text string, args []any) {
	text, args = column+" IN ?", []any{r.ids}
	if r.on != nil {
		text, args = text+" AND "+dayColumn+" = ?", append(args, r.on.start())
	}
	return text, args
}

func (b *batch) removeSome(r *removal) (events int, done bool, err error) {
	owed := ""
	if r.retention {
		owed = " AND d.status <> 'PENDING'"
	}
	if r.check {
		where, args := r.where("events.id", "events.day")
		still := *r // the batch may be written again
		still.ids = nil
		if err := b.tx.Raw("SELECT id FROM events WHERE "+where+" AND "+noneOwed(b.s.db), args...).Scan(&still.ids).Error; err != nil {
			return 0, false, err
		}
		r = &still
	}
	if len(r.ids) == 0 {
		return 0, true, nil
	}
	where, args := r.where("d.event_id", "d.day")
	var seqs []int64
	if err := b.tx.Raw("SELECT a.seq FROM deliveries d JOIN attempts a ON a.delivery_id = d.id"+b.s.db.sameDay("a", "d")+" WHERE "+where+owed+
		" LIMIT ?"+b.s.db.skipLocked("d"), append(args, pruneRows)...).Scan(&seqs).Error; err != nil {
		return 0, false, err
	}
	if err := b.removeAttempts(r, seqs); err != nil {
		return 0, false, err
	}
	left := pruneRows - len(seqs)
	if left <= 0 {
		return 0, false, nil
	}
	inner, outer := strings.ReplaceAll(where+owed, "d.", ""), ""
	if r.retention {
		outer = " AND status <> 'PENDING'"
	}
	res := b.tx.Exec("DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE "+inner+" LIMIT ?)"+outer, append(args, left)...)
	if res.Error != nil || res.RowsAffected == int64(left) {
		return 0, false, res.Error
	}
	where, args = r.where("events.id", "events.day")
	var ids []webhook.ID
	unused := " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + b.s.db.sameDay("d", "events") + ")"
	if r.retention {
		unused += " AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
	}
	if err := b.tx.Raw("SELECT id FROM events WHERE "+where+unused, args...).Scan(&ids).Error; err != nil || len(ids) == 0 {
		return 0, true, err
	}
	gone := removal{ids: ids, on: r.on}
	where, args = gone.where("id", "day")
	for _, text := range []string{"DELETE FROM idempotency_keys WHERE event_id IN ?", "DELETE FROM fanouts WHERE event_id IN ?"} {
		if err := b.tx.Exec(text, ids).Error; err != nil {
			return 0, false, err
		}
	}
	return len(ids), true, b.tx.Exec("DELETE FROM events WHERE "+where, args...).Error
}

// removeAttempts removes attempts by their Seqs.
func (b *batch) removeAttempts(r *removal, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	if last := slices.Max(seqs); r.retention {
		if err := b.tx.Exec("UPDATE store SET pruned_attempt = ? WHERE pruned_attempt < ?", last, last).Error; err != nil {
			return err
		}
	}
	text, arg := b.s.db.among("seq", seqs)
	args := []any{arg}
	if r.on != nil {
		text, args = text+" AND day = ?", append(args, r.on.start())
	}
	return b.tx.Exec("DELETE FROM attempts WHERE "+text, args...).Error
}

// noneOwed is the condition that nothing is owed of an event.
func noneOwed(db dialect) string {
	return "NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + db.sameDay("d", "events") + " AND d.status = 'PENDING')" +
		" AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
}

// candidate is an event that retention may remove.
type candidate struct {
	Seq  int64
	ID   webhook.ID
	Size int // how many deliveries it has
}

// removals puts candidates together, so that all the deliveries of each can be looked at in one transaction; an event with more
// stands alone.
func removals(found []candidate, on *day) []removal {
	var list []removal
	size := 0
	for _, c := range found {
		if size += c.Size; len(list) == 0 || size > pruneRows {
			list = append(list, removal{on: on, retention: true, check: c.Size <= pruneRows})
			size = c.Size
		}
		last := &list[len(list)-1]
		last.ids = append(last.ids, c.ID)
	}
	return list
}

// removeAll removes what retention may.
func (s *Store) removeAll(ctx context.Context, found []candidate, on *day) (events int, err error) {
	for _, r := range removals(found, on) {
		n, err := s.remove(ctx, webhook.ID{}, r)
		if err != nil {
			return events, err
		}
		events += n
	}
	return events, nil
}
