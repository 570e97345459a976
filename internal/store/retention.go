package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// TryLock takes the lock of that name, which the processes that share the database have together, unless somebody holds it. Whoever
// has it calls unlock. It implements upkeep.Locker.
func (s *Store) TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	return s.db.TryLock(ctx, name)
}

// expirePiece is how many deliveries one transaction of ExpireDeliveries gives up.
const expirePiece = 200

// ExpireDeliveries gives up deliveries that have been due since before the time, those of disabled webhooks too, and reports how many. Webhooks
// are looked through in turn, some deliveries in each transaction.
func (s *Store) ExpireDeliveries(ctx context.Context, before time.Time) (int, error) {
	return s.expireDeliveries(ctx, func(webhook.ID) time.Time { return before })
}

// ExpireRetained is ExpireDeliveries for what has been due for longer than its tenant's events are kept.
func (s *Store) ExpireRetained(ctx context.Context) (int, error) {
	own, err := s.ownRetention(ctx)
	if err != nil {
		return 0, err
	}
	now := s.opts.Now()
	return s.expireDeliveries(ctx, func(tenant webhook.ID) time.Time {
		keep, ok := own[tenant]
		if !ok {
			keep = s.opts.Retention
		}
		return dialect.CutoffAt(now, keep).Before
	})
}

func (s *Store) expireDeliveries(ctx context.Context, before func(tenant webhook.ID) time.Time) (int, error) {
	targets, err := s.Targets(ctx)
	if err != nil {
		return 0, err
	}
	var busy error
	total := 0
	targets = slices.DeleteFunc(targets, func(h TargetDue) bool { return h.Due == nil || !h.Due.Before(before(h.Target.TenantID)) })
	for len(targets) > 0 {
		left := targets[:0]
		for _, h := range targets {
			n, err := s.expirePiece(ctx, h.Target, before(h.Target.TenantID))
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
		targets = left
	}
	return total, busy
}

func (s *Store) expirePiece(ctx context.Context, of *Target, before time.Time) (n int, err error) {
	err = s.changeFor(ctx, of.TenantID, expirePiece, func(b *batch) error {
		var rows []struct {
			Seq          int64
			ID           webhook.ID
			EventID      webhook.ID
			AttemptCount int
			Type         string
			PublishedAt  dialect.Micros
		}
		if err := b.DB.Raw(`SELECT d.seq, d.id, d.event_id, d.attempt_count, e.type, e.created_at AS published_at
			FROM deliveries d JOIN events e ON e.id = d.event_id`+s.db.SameDay("e", "d")+`
			WHERE d.webhook_id = ? AND d.due_at < ? ORDER BY d.due_at LIMIT ?`+s.db.SkipLocked("d"), of.ID, dialect.At(before), expirePiece).Scan(&rows).Error; err != nil {
			return fmt.Errorf("find deliveries that expire: %w", err)
		}
		if n = len(rows); n == 0 {
			return nil
		}
		var told notices
		to := b.target(of.ID)
		seqs := make([]int64, n)
		first, last := rows[0].PublishedAt, rows[0].PublishedAt
		for i, d := range rows {
			seqs[i], first, last = d.Seq, min(first, d.PublishedAt), max(last, d.PublishedAt)
			if to != nil && to.DeletedAt == nil && !webhook.Operational(d.Type) {
				told.add(to, webhook.TypeDeliveryFailed, failedDelivery{
					DeliveryID: d.ID, EventID: d.EventID, EventType: d.Type, AttemptCount: d.AttemptCount, FailureReason: webhook.FailureExpired,
				})
			}
		}
		among, arg := s.db.Among("seq", seqs)
		published, days := s.db.Published("day", first.Time(), last.Time())
		if err := b.DB.Exec("UPDATE deliveries SET status = 'FAILED', failure_reason = ?, due_at = NULL, completed_at = ? WHERE "+among+published,
			append([]any{webhook.FailureExpired, dialect.At(b.Now), arg}, days...)...).Error; err != nil {
			return fmt.Errorf("give deliveries up: %w", err)
		}
		return b.note(told)
	})
	return n, err
}

// CancelDeleted cancels what deleted webhooks are still owed, where a stop interrupted that.
func (s *Store) CancelDeleted(ctx context.Context) error {
	var gone []*webhook.Webhook
	err := s.read.WithContext(ctx).Raw(`SELECT id, tenant_id FROM webhooks WHERE deleted_at IS NOT NULL AND EXISTS
		(SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id AND d.due_at IS NOT NULL)`).Scan(&gone).Error
	if err != nil {
		return dialect.Unavailable(err)
	}
	for _, w := range gone {
		s.cancelDeleted(w.TenantID, w.ID)
	}
	return nil
}

// Bounds of removing an event that has more than pruneRows rows, and of deleting a tenant: what one transaction removes. Everybody waits for
// it, and a row with much data takes longer than others: it begins with a few and ends when its time is over.
const (
	pruneRows  = 2000
	pruneFirst = 32 // rows of its first statement; each that is quick has the next take twice as many, up to pruneMost
	pruneMost  = 512
	pruneTime  = 8 * time.Millisecond
)

// pace says how many rows the statements of a transaction that removes may take.
type pace struct {
	left, next    int
	begun, looked time.Time
}

func newPace() *pace {
	now := time.Now()
	return &pace{left: pruneRows, next: pruneFirst, begun: now, looked: now}
}

// rows is how many the next statement may take; 0 when the transaction has done enough, and it has done something.
func (p *pace) rows() int {
	if p.left == pruneRows {
		return p.next
	}
	now := time.Now()
	if now.Sub(p.begun) >= pruneTime {
		return 0
	}
	if now.Sub(p.looked) < pruneTime/8 {
		p.next = min(2*p.next, pruneMost)
	}
	p.looked = now
	return min(p.next, p.left)
}

// removal is events that are being removed with everything that hangs on them, some rows in each transaction.
type removal struct {
	ids      []webhook.ID
	from, to time.Time // when the first and the last of them were published
	// retention leaves alone what is owed, as somebody may have retried a delivery meanwhile, and notes how far the log of attempts
	// has been taken. Else nobody can see them any more.
	retention bool
}

// remove removes the events, and reports how many.
func (s *Store) remove(ctx context.Context, tenant webhook.ID, r removal) (events int, err error) {
	for done := false; !done; {
		var gone int
		err := s.changeFor(ctx, tenant, pruneRows, func(b *batch) (err error) {
			gone, done, err = b.removeSome(r)
			return err
		})
		if err != nil {
			return events, fmt.Errorf("remove events: %w", err)
		}
		events += gone
	}
	return events, nil
}

// where is a condition, and with it that rows are of the days on which the events were published.
func (r *removal) where(db dialect.DB, condition, dayColumn string, args ...any) (text string, all []any) {
	text, days := db.Published(dayColumn, r.from, r.to)
	return condition + text, append(args, days...)
}

// removeSome removes what one transaction may. Nothing else removes events: first their attempts, then their deliveries, then they and what
// else is of them.
func (b *batch) removeSome(r removal) (events int, done bool, err error) {
	if len(r.ids) == 0 {
		return 0, true, nil
	}
	p := newPace()
	for left := true; left; {
		n := p.rows()
		if n == 0 {
			return 0, false, nil
		}
		if left, err = b.removeDeliveries(&r, p, n); err != nil {
			return 0, false, err
		}
	}
	return b.removeBare(&r, p)
}

// removeDeliveries removes some deliveries, or some attempts of theirs, and reports whether there were any. It looks at about as many
// rows as it removes, however many there are.
func (b *batch) removeDeliveries(r *removal, p *pace, n int) (left bool, err error) {
	where, args := r.where(b.s.db, "event_id IN ?", "day", r.ids)
	if r.retention {
		where += " AND status <> 'PENDING'"
	}
	var rows []struct {
		Seq int64
		ID  webhook.ID
	}
	if err := b.DB.Raw("SELECT seq, id FROM deliveries WHERE "+where+" ORDER BY event_id, webhook_id LIMIT ?"+b.s.db.SkipLocked("deliveries"),
		append(args, n)...).Scan(&rows).Error; err != nil || len(rows) == 0 {
		return false, err
	}
	ids, seqs := make([]webhook.ID, len(rows)), make([]int64, len(rows))
	for i, row := range rows {
		ids[i], seqs[i] = row.ID, row.Seq
	}
	where, args = r.where(b.s.db, "delivery_id IN ?", "day", ids)
	var found []struct {
		Seq      int64
		TenantID webhook.ID
	}
	if err := b.DB.Raw("SELECT seq, tenant_id FROM attempts WHERE "+where+" LIMIT ?", append(args, n)...).Scan(&found).Error; err != nil {
		return false, err
	}
	if len(found) > 0 {
		attempts, last := make([]int64, len(found)), map[webhook.ID]int64{}
		for i, a := range found {
			attempts[i], last[a.TenantID] = a.Seq, max(last[a.TenantID], a.Seq)
		}
		if r.retention {
			if err := b.notePruned(last); err != nil {
				return false, err
			}
		}
		if err := b.removeRows(r, p, dialect.AttemptsTable, attempts); err != nil || len(attempts) == n { // there may be more of these deliveries
			return true, err
		}
		seqs = seqs[:min(len(seqs), p.rows())]
	}
	return true, b.removeRows(r, p, dialect.DeliveriesTable, seqs)
}

// removeRows removes rows by their Seqs.
func (b *batch) removeRows(r *removal, p *pace, t *dialect.Table, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	p.left -= len(seqs)
	among, arg := b.s.db.Among("seq", seqs)
	where, args := r.where(b.s.db, among, "day", arg)
	return b.DB.Exec("DELETE FROM "+t.Name+" WHERE "+where, args...).Error
}

// removeBare removes those of the events that have no deliveries any more.
func (b *batch) removeBare(r *removal, p *pace) (events int, done bool, err error) {
	where, args := r.where(b.s.db, "events.id IN ?", "events.day", r.ids)
	where += " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + b.s.db.SameDay("d", "events") + ")"
	if r.retention {
		where += " AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
	}
	var ids []webhook.ID
	if err := b.DB.Raw("SELECT id FROM events WHERE "+where, args...).Scan(&ids).Error; err != nil {
		return 0, false, err
	}
	p.next = pruneFirst / 4 // each may have megabytes of data
	for len(ids) > 0 {
		n := min(p.rows(), len(ids))
		if n == 0 {
			return events, false, nil
		}
		some := ids[:n]
		ids = ids[n:]
		p.left -= n
		for _, t := range dialect.LastFirst(dialect.TablesThat((*dialect.Table).BesideEvents)) {
			if err := b.DB.Exec("DELETE FROM "+t.Name+" WHERE "+t.Event+" IN ?", some).Error; err != nil {
				return 0, false, err
			}
		}
		where, args := r.where(b.s.db, "id IN ?", "day", some)
		if err := b.DB.Exec("DELETE FROM events WHERE "+where, args...).Error; err != nil {
			return 0, false, err
		}
		events += n
	}
	return events, true, nil
}
