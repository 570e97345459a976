package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/removal"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Retain removes events older than their tenant's retention, with all their rows. Each tenant is checked at intervals that depend
// on its retention, so Retain may be called often.
func (s *Store) Retain(ctx context.Context) error {
	now := s.opts.Now()
	return s.prune(ctx, dialect.CutoffAt(now, s.opts.Retention), now, true)
}

// Prune is Retain without the intervals, with a cutoff instead of the default retention. It returns the number of removed events.
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	p := newPruner(s)
	err := p.run(ctx, dialect.Cutoff{Before: before, Failed: before}, s.opts.Now(), false)
	return p.removed, err
}

func (s *Store) prune(ctx context.Context, rest dialect.Cutoff, now time.Time, due bool) error {
	return newPruner(s).run(ctx, rest, now, due)
}

// ownRetention reads the retention of tenants that have their own.
func (s *Store) ownRetention(ctx context.Context) (map[webhook.ID]webhook.Retention, error) {
	var tenants []*webhook.Tenant
	if err := s.read.WithContext(ctx).Where("deleted_at IS NULL AND (retention_seconds IS NOT NULL OR keep_failed_seconds IS NOT NULL)").Find(&tenants).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	own := make(map[webhook.ID]webhook.Retention, len(tenants))
	for _, t := range tenants {
		own[t.ID] = t.Retention(s.opts.Retention)
	}
	return own, nil
}

// Retention returns how long the tenant's events are kept.
func (s *Store) Retention(t *webhook.Tenant) webhook.Retention { return t.Retention(s.opts.Retention) }

const (
	retainLeast = 10 * time.Second // between two searches for expired events
	retainMost  = time.Hour

	tellAfter = 5 * time.Second // a longer run is logged
	tellEvery = 30 * time.Second
)

// retainEvery returns the interval at which events with this retention are searched for.
func retainEvery(keep time.Duration) time.Duration { return min(max(keep/20, retainLeast), retainMost) }

// pruner removes what has expired, once.
type pruner struct {
	*pacer

	removed     int // events
	begun, told time.Time
	announced   bool
}

func newPruner(s *Store) *pruner {
	now := time.Now()
	return &pruner{pacer: newPacer(s), begun: now, told: now}
}

// due reports whether it is time to search for expired events of a tenant, or with the zero id of all tenants without their own retention.
func (s *Store) due(tenant webhook.ID, is retained) bool {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	last := s.retained[tenant]
	return last.keep != is.keep || last.others != is.others || is.at.Sub(last.at) >= retainEvery(is.keep.Keep) || is.at.Before(last.at)
}

// searched notes that all expired events were removed of those that were due. After a failure they stay due: it must not look like a success at the
// next run, which would find nothing to do.
func (s *Store) searched(list map[webhook.ID]retained) {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	if s.retained == nil {
		s.retained = map[webhook.ID]retained{}
	}
	maps.Copy(s.retained, list)
}

// retained is when expired events were last searched for, and with what retention.
type retained struct {
	at     time.Time
	keep   webhook.Retention
	others string // tenants with a retention of their own
}

// run removes expired events of the tenants that are due, or of all.
func (p *pruner) run(ctx context.Context, rest dialect.Cutoff, now time.Time, byTurns bool) (err error) {
	s := p.s
	own, err := s.ownRetention(ctx)
	if err != nil {
		return err
	}
	all, turns := dialect.Expiry{Oldest: rest}, map[webhook.ID]retained{}
	turn := func(tenant webhook.ID, is retained) bool {
		if byTurns && !s.due(tenant, is) {
			return false
		}
		turns[tenant] = is
		return true
	}
	var others []webhook.ID
	var names strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(own), func(a, b webhook.ID) int { return slices.Compare(a[:], b[:]) }) {
		keep := own[id]
		others = append(others, id)
		names.Write(id[:])
		c := dialect.CutoffAt(now, keep)
		all.Add(c)
		if !c.Before.IsZero() && turn(id, retained{now, keep, ""}) {
			all.Cohorts = append(all.Cohorts, dialect.Cohort{Cutoff: c, Tenant: &id})
		}
	}
	if !rest.Before.IsZero() && turn(webhook.ID{}, retained{now, s.opts.Retention, names.String()}) {
		all.Cohorts = append(all.Cohorts, dialect.Cohort{Cutoff: rest, But: others})
	}
	if len(all.Cohorts) == 0 {
		return nil
	}
	if err := s.CancelDeleted(ctx); err != nil {
		return err
	}
	err = s.db.Prune(ctx, p, &all)
	if p.removed > 0 {
		err = errors.Join(err, s.countStored(ctx))
	}
	if p.removed > 0 || p.announced {
		s.log.InfoContext(ctx, "removed events that are older than the retention", slog.Int("events", p.removed), slog.Duration("took", time.Since(p.begun).Round(time.Millisecond)))
	}
	if err == nil && !all.Oldest.Failed.IsZero() {
		err = s.pruneStarts(ctx, all.Oldest.Failed)
	}
	if err == nil && byTurns {
		s.searched(turns)
	}
	return err
}

// Take implements dialect.Pruner: it removes the candidates of a cohort that may still be removed.
func (p *pruner) Take(ctx context.Context, of *dialect.Cohort, found []dialect.Candidate) error {
	for len(found) > 0 {
		first := removal.Group(found, p.budget)[0]
		size := 0
		for _, c := range found[:len(first.IDs)] {
			size += 1 + c.Size
		}
		found = found[len(first.IDs):]
		first.Retention = true
		if size > removal.Rows { // one event with very many rows
			n, err := p.remove(ctx, webhook.ID{}, first)
			if p.count(n); err != nil {
				return err
			}
			p.tell(ctx)
			continue
		}
		n := 0
		err := p.take(ctx, webhook.ID{}, size, func(b *batch) (_ int, err error) {
			n, err = removal.Whole(&b.Tx, b.s.db, of, first)
			return size, err
		})
		if p.count(n); err != nil {
			return fmt.Errorf("remove events: %w", err)
		}
		p.tell(ctx)
	}
	return nil
}

// count counts events that were removed.
func (p *pruner) count(events int) {
	p.removed += events
	p.s.pruned.Add(int64(events))
}

// Dropped implements dialect.Pruner.
func (p *pruner) Dropped(ctx context.Context, events int) {
	p.count(events)
	p.tell(ctx)
}

// Piece implements dialect.Pruner.
func (p *pruner) Piece(ctx context.Context, most int, do func(b *dialect.Tx, n int) error) error {
	return p.piece(ctx, webhook.ID{}, most, func(b *batch, n int) (int, error) { return n, do(&b.Tx, n) })
}

// tell logs the progress of a long run.
func (p *pruner) tell(ctx context.Context) {
	now := time.Now()
	if !p.announced && now.Sub(p.begun) < tellAfter || p.announced && now.Sub(p.told) < tellEvery {
		return
	}
	p.announced, p.told = true, now
	p.s.log.InfoContext(ctx, "removing events that are older than the retention", slog.Int("events", p.removed), slog.Duration("since", now.Sub(p.begun).Round(time.Second)))
}

// expirePiece is how many deliveries one transaction of ExpireDeliveries fails at most.
const expirePiece = 200

// ExpireDeliveries fails deliveries that have been due since before the time, also those of disabled webhooks, and returns their
// number. It goes through the webhooks in turn, some deliveries in each transaction.
func (s *Store) ExpireDeliveries(ctx context.Context, before time.Time) (int, error) {
	return s.expireDeliveries(ctx, func(webhook.ID) time.Time { return before })
}

// ExpireRetained is ExpireDeliveries for deliveries that have been due for longer than their tenant's retention.
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

// oldestWaiting reads when the first delivery that waits in line for a webhook was created, for those that have one.
func (s *Store) oldestWaiting(ctx context.Context) (map[webhook.ID]time.Time, error) {
	var rows []struct {
		ID    webhook.ID
		Since *dialect.Micros
	}
	err := s.read.WithContext(ctx).Raw(`SELECT w.id, (SELECT d.created_at FROM deliveries d WHERE d.webhook_id = w.id AND d.place > 0
		ORDER BY d.place LIMIT 1) AS since FROM webhooks w WHERE w.deleted_at IS NULL`).Scan(&rows).Error
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	oldest := map[webhook.ID]time.Time{}
	for _, row := range rows {
		if row.Since != nil {
			oldest[row.ID] = row.Since.Time()
		}
	}
	return oldest, nil
}

func (s *Store) expireDeliveries(ctx context.Context, before func(tenant webhook.ID) time.Time) (int, error) {
	targets, err := s.storedTargets(ctx)
	if err != nil {
		return 0, err
	}
	var busy error
	total := 0
	waits, err := s.oldestWaiting(ctx)
	if err != nil {
		return 0, err
	}
	p := newPacer(s)
	for _, h := range targets {
		if since, waiting := waits[h.Target.ID]; waiting && since.Before(before(h.Target.TenantID)) {
			n, err := s.expireWaiting(ctx, p, h.Target, before(h.Target.TenantID))
			if total += n; errors.Is(err, webhook.ErrBusy) {
				busy = err
			} else if err != nil {
				return total, err
			}
		}
	}
	targets = slices.DeleteFunc(targets, func(h TargetDue) bool { return h.Due == nil || !h.Due.Before(before(h.Target.TenantID)) })
	for len(targets) > 0 {
		left := targets[:0]
		for _, h := range targets {
			n, more, err := s.expirePiece(ctx, p, h.Target, before(h.Target.TenantID))
			if errors.Is(err, webhook.ErrBusy) { // the tenant's own work is in its way: the others do not wait for that
				busy = err
				continue
			}
			if err != nil {
				return total, err
			}
			if total += n; more {
				left = append(left, h)
			}
		}
		targets = left
	}
	return total, busy
}

// expiring is a delivery that is given up.
type expiring struct {
	Seq          int64
	ID           webhook.ID
	EventID      webhook.ID
	WebhookID    webhook.ID
	AttemptCount int
	ReplayID     *webhook.ID
	Type         string
	PublishedAt  dialect.Micros
	Line         *webhook.ID
	// Of those that wait in line:
	Place       int64
	TriggeredBy webhook.Trigger
	CreatedAt   dialect.Micros
	// Gone: its webhook is deleted, and the next two are that webhook's.
	Gone       bool
	WebhookSeq int64
	TenantID   webhook.ID
}

const expiringColumns = "SELECT d.seq, d.id, d.event_id, d.webhook_id, d.attempt_count, d.replay_id, d.line, d.place, d.triggered_by, d.created_at, e.type, e.created_at AS published_at"

// expirePiece gives up some of the webhook's deliveries that are due since before the time. The next of their lines follow in a transaction of
// their own, which locks the lines first: until then nothing of them is due.
func (s *Store) expirePiece(ctx context.Context, p *pacer, of *Target, before time.Time) (n int, more bool, err error) {
	var left []leaving
	err = p.piece(ctx, of.TenantID, expirePiece, func(b *batch, most int) (int, error) {
		var rows []expiring
		if err := b.DB.Raw(expiringColumns+` FROM deliveries d JOIN events e ON e.id = d.event_id`+s.db.SameDay("e", "d")+`
			WHERE d.webhook_id = ? AND d.due_at < ? ORDER BY d.due_at LIMIT ?`+s.db.SkipLocked("d"), of.ID, dialect.At(before), most).Scan(&rows).Error; err != nil {
			return 0, fmt.Errorf("find deliveries that expire: %w", err)
		}
		n, left = len(rows), nil
		more = n == most
		for _, d := range rows {
			if d.Line != nil {
				left = append(left, leaving{d.Line, of.ID, true})
			}
		}
		return n, b.giveUp(of, rows, "due_at IS NOT NULL")
	})
	if err != nil || len(left) == 0 {
		return n, more, err
	}
	return n, more, s.advanceLines(ctx, of.TenantID, left)
}

// Deliveries that have not succeeded when their event's ExpiresAt comes, of enabled and disabled webhooks alike. What a caller asked for is not
// among them: it has another trigger, until it was attempted.
const lateCondition = " d.expires_at <= ? AND d.status = 'PENDING' AND d.triggered_by = 'SCHEDULE' AND d.claimed_by IS NULL"

// ExpireEvents ends deliveries whose event has expired, and returns their number: they fail, or are canceled if their webhook is deleted. Those that
// are claimed end when their claim does.
func (s *Store) ExpireEvents(ctx context.Context) (total int, err error) {
	var found []int
	find := "SELECT 1 FROM deliveries d WHERE" + lateCondition + " ORDER BY d.expires_at LIMIT 1"
	if err := s.read.WithContext(ctx).Raw(find, dialect.At(s.opts.Now())).Scan(&found).Error; err != nil || len(found) == 0 {
		return 0, dialect.Unavailable(err)
	}
	p := newPacer(s)
	for more := true; more; {
		var left []leaving
		n := 0
		err := p.piece(ctx, webhook.ID{}, expirePiece, func(b *batch, most int) (int, error) {
			var rows []expiring
			if err := b.DB.Raw(expiringColumns+", w.deleted_at IS NOT NULL AS gone, w.seq AS webhook_seq, w.tenant_id FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id JOIN events e ON e.id = d.event_id"+
				b.s.db.SameDay("e", "d")+" WHERE"+lateCondition+" ORDER BY d.expires_at LIMIT ?"+s.db.SkipLocked("d"), dialect.At(b.Now), most).Scan(&rows).Error; err != nil {
				return 0, fmt.Errorf("find deliveries of expired events: %w", err)
			}
			more = len(rows) == most
			n, left, err = b.giveUpLate(rows)
			return n, err
		})
		if err != nil {
			return total, err
		}
		if len(left) > 0 {
			if err := s.advanceLines(ctx, webhook.ID{}, left); err != nil {
				return total, err
			}
		}
		total, more = total+n, more && n > 0
	}
	return total, nil
}

// giveUpLate fails deliveries whose event has expired, and cancels those of deleted webhooks. It returns their number, and the lines that the
// former were at the head of.
func (b *batch) giveUpLate(rows []expiring) (n int, left []leaving, err error) {
	const state = "status = 'PENDING' AND claimed_by IS NULL"
	of := map[webhook.ID][]expiring{}
	var order []webhook.ID
	for _, d := range rows {
		if of[d.WebhookID] == nil {
			order = append(order, d.WebhookID)
		}
		of[d.WebhookID] = append(of[d.WebhookID], d)
		if d.Line != nil && !d.Gone {
			left = append(left, leaving{d.Line, d.WebhookID, true})
		}
	}
	for _, id := range order {
		late, to := of[id], b.target(id)
		switch {
		case late[0].Gone:
			open := make([]openDelivery, len(late))
			for i, d := range late {
				open[i] = openDelivery{d.Seq, d.EventID}
			}
			canceled, err := b.cancelOpen(&webhook.Webhook{ID: id, Seq: late[0].WebhookSeq, TenantID: late[0].TenantID}, open, state)
			if err != nil {
				return 0, nil, err
			}
			n += canceled
		case to == nil: // another replica has just made the webhook
		default:
			if err := b.giveUp(to, late, state); err != nil {
				return 0, nil, err
			}
			n += len(late)
		}
	}
	return n, left, nil
}

// giveUpReleased fails those of the deliveries whose event has expired before they were attempted. Their claims have just been released.
func (b *batch) giveUpReleased(claims []*Claimed) error {
	var seqs []int64
	var first, last time.Time
	for _, claimed := range claims {
		if !claimed.Delivery.Expired(b.Now) {
			continue
		}
		at := claimed.Event.CreatedAt
		if seqs = append(seqs, claimed.Delivery.Seq); first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	among, arg := b.s.db.Among("d.seq", seqs)
	published, days := b.s.db.Published("d.day", first, last)
	var rows []expiring
	err := b.DB.Raw(expiringColumns+" FROM deliveries d JOIN events e ON e.id = d.event_id"+b.s.db.SameDay("e", "d")+" WHERE"+lateCondition+" AND "+among+published,
		append([]any{dialect.At(b.Now), arg}, days...)...).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("find released deliveries of expired events: %w", err)
	}
	_, _, err = b.giveUpLate(rows)
	return err
}

// advanceLines is batch.advance in a transaction of its own.
func (s *Store) advanceLines(ctx context.Context, tenant webhook.ID, left []leaving) error {
	lines := make([]webhook.ID, len(left))
	for i, l := range left {
		lines[i] = *l.line
	}
	return s.changeLines(ctx, tenant, len(left), lines, func(b *batch) error { return b.advance(left) })
}

// giveUp fails deliveries that are still in the state.
func (b *batch) giveUp(of *Target, rows []expiring, state string) error {
	if len(rows) == 0 {
		return nil
	}
	var told notices
	var left replay.Outcomes
	to := b.target(of.ID)
	seqs := make([]int64, len(rows))
	first, last := rows[0].PublishedAt, rows[0].PublishedAt
	for i, d := range rows {
		b.counts.Ended(statsKey(of, d.Type), stats.Failed, 1, true)
		left.Ended(d.ReplayID, d.Seq)
		seqs[i], first, last = d.Seq, min(first, d.PublishedAt), max(last, d.PublishedAt)
		if to != nil && to.DeletedAt == nil && !webhook.Operational(d.Type) {
			told.add(to, webhook.TypeDeliveryFailed, failedDelivery{
				DeliveryID: d.ID, EventID: d.EventID, EventType: d.Type, AttemptCount: d.AttemptCount, FailureReason: webhook.FailureExpired,
			})
		}
	}
	among, arg := b.s.db.Among("seq", seqs)
	published, days := b.s.db.Published("day", first.Time(), last.Time())
	if err := b.DB.Exec("UPDATE deliveries SET status = 'FAILED', failure_reason = ?, due_at = NULL, place = CASE WHEN place = 0 THEN 0 END, completed_at = ? WHERE "+state+" AND "+among+published,
		append([]any{webhook.FailureExpired, dialect.At(b.Now), arg}, days...)...).Error; err != nil {
		return fmt.Errorf("give deliveries up: %w", err)
	}
	b.tellLater(Change{Tenant: of.TenantID, Webhook: of.ID})
	if err := b.leaveReplays(&left, nil); err != nil {
		return err
	}
	return b.note(told)
}

// expireWaiting gives up what has waited in line since before the time, because what it waits for holds it up, or very many are before it. It
// searches from the front of all lines, the oldest events, and returns their number.
func (s *Store) expireWaiting(ctx context.Context, p *pacer, of *Target, before time.Time) (total int, err error) {
	for after, more := int64(0), true; more; {
		at, n := after, 0
		err := p.piece(ctx, of.TenantID, expirePiece, func(b *batch, most int) (int, error) {
			var rows []expiring
			if err := b.DB.Raw(expiringColumns+` FROM deliveries d JOIN events e ON e.id = d.event_id`+s.db.SameDay("e", "d")+`
				WHERE d.webhook_id = ? AND d.place > ? ORDER BY d.place LIMIT ?`+s.db.SkipLocked("d"), of.ID, after, most).Scan(&rows).Error; err != nil {
				return 0, fmt.Errorf("find deliveries that expire in line: %w", err)
			}
			more = len(rows) == most
			old := rows[:0]
			for _, d := range rows {
				at = d.Place
				if d.TriggeredBy == webhook.TriggerSchedule { // others were asked for again, later
					if !d.CreatedAt.Time().Before(before) {
						more = false
						break
					}
					old = append(old, d)
				}
			}
			n = len(old)
			return max(n, 1), b.giveUp(of, old, "place > 0")
		})
		if err != nil {
			return total, err
		}
		after, total = at, total+n
	}
	return total, nil
}

// CancelDeleted cancels the remaining open deliveries of deleted webhooks, if a stop interrupted that.
func (s *Store) CancelDeleted(ctx context.Context) error {
	var gone []*webhook.Webhook
	err := s.read.WithContext(ctx).Raw(`SELECT seq, id, tenant_id FROM webhooks WHERE deleted_at IS NOT NULL AND EXISTS
		(SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id AND d.due_at IS NOT NULL) OR deleted_at IS NOT NULL AND EXISTS
		(SELECT 1 FROM deliveries d WHERE d.webhook_id = webhooks.id AND d.place > 0)`).Scan(&gone).Error
	if err != nil {
		return dialect.Unavailable(err)
	}
	for _, w := range gone {
		s.cancelDeleted(w)
	}
	return nil
}

// DefaultAuditRetention is how long entries of the audit log are kept unless Options say otherwise.
const DefaultAuditRetention = 400 * 24 * time.Hour

const (
	expireAuditEvery = time.Hour // between two searches for expired entries
	auditPiece       = 500       // entries that one transaction removes
)

// AuditRetention is how long entries of the audit log are kept.
func (s *Store) AuditRetention() time.Duration {
	return cmp.Or(s.opts.AuditRetention, DefaultAuditRetention)
}

// ExpireAuditLog removes entries that are older than they are kept, some in each transaction. It is work by the clock.
func (s *Store) ExpireAuditLog(ctx context.Context) error {
	before := dialect.At(s.opts.Now().Add(-s.AuditRetention()))
	var expired []int64
	find := "SELECT seq FROM audit_log WHERE created_at < ? ORDER BY created_at LIMIT ?"
	if err := s.read.WithContext(ctx).Raw(find, before, 1).Scan(&expired).Error; err != nil {
		return dialect.Unavailable(err)
	}
	p := newPruner(s)
	for more := len(expired) > 0; more; {
		err := p.Piece(ctx, auditPiece, func(b *dialect.Tx, n int) error {
			res := b.DB.Exec("DELETE FROM audit_log WHERE seq IN ("+find+")", before, n)
			more = res.RowsAffected == int64(n)
			return res.Error
		})
		if err != nil {
			return fmt.Errorf("remove old entries of the audit log: %w", err)
		}
	}
	return nil
}
