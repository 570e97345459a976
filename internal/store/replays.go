package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/replay"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A replay is a row that says what to send again and how far that has come (package replay). Whoever has the lock works on all replays in
// turn, one step each: it reads deliveries as lists are read, outside of the writer, and has the writer make them due in one transaction
// with the replay's own row. What waits to be sent is in the replay's queue, with what it was before.

// ReplayInput says what is sent again, and how.
type ReplayInput = replay.Input

// ReplayPreview is what a replay would send.
type ReplayPreview struct {
	Count
	ByWebhook []WebhookCount // the most first
	Samples   []*webhook.Delivery
}

// WebhookCount is how many deliveries are to a webhook.
type WebhookCount = list.WebhookCount

// Bounds of a preview.
const (
	previewCount   = 10_000
	previewSamples = 5
)

// PreviewReplay tells what a replay with the input would send if it were created now. It looks at a bounded number of deliveries. The error
// joins an *Invalid for each broken rule.
func (c *Scope) PreviewReplay(ctx context.Context, in *ReplayInput) (*ReplayPreview, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	r := c.deliveriesBy(ctx, in.Deliveries(c.s.opts.Now()))
	p := &ReplayPreview{}
	var err error
	if p.ByWebhook, p.Count, err = list.CountByWebhook(ctx, r, previewCount); err != nil {
		return nil, err
	}
	sample, err := list.Read(ctx, r, list.NewestFirst, Page{First: previewSamples})
	if err != nil {
		return nil, err
	}
	p.Samples = sample.Items
	return p, nil
}

// CreateReplay stores a replay, which then begins. A key that the tenant has used before returns that replay. Errors: an *Invalid for each
// broken rule, with code CONFLICT for a used key with another input, and QUOTA when the tenant has too many replays with work to do.
func (c *Scope) CreateReplay(ctx context.Context, in *ReplayInput) (*webhook.Replay, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	asked, err := in.Replay(c.tenant)
	if err != nil {
		return nil, err
	}
	counted, err := c.PreviewReplay(ctx, &ReplayInput{Kind: in.Kind, Filter: in.Filter})
	if err != nil {
		return nil, err
	}
	if !counted.AtLeast {
		asked.Total = &counted.N
	}
	var made *webhook.Replay
	err = c.changeDeliveries(ctx, func(b *batch) error {
		known, err := b.oneMoreReplay(c.tenant, asked)
		if err != nil || known != nil {
			made = known
			return err
		}
		r := *asked // a copy, because the batch may be written again
		made, r.ID, r.CreatedAt = &r, webhook.NewID(b.Now), b.Now.UTC().Truncate(time.Microsecond)
		if err := b.DB.Raw("SELECT COALESCE(MAX(d.seq), 0) FROM deliveries d WHERE d.tenant_id = ?", c.tenant).Scan(&r.UntilSeq).Error; err != nil {
			return fmt.Errorf("find the last delivery: %w", err)
		}
		if err := b.DB.Create(&r).Error; err != nil {
			return fmt.Errorf("insert replay: %w", err)
		}
		return b.audit(c.by, &c.tenant, webhook.AuditReplayCreated, r.ID, webhook.AuditChanges(nil, r.AuditFields()))
	})
	if err != nil {
		return nil, err
	}
	dialect.Signal(c.s.replaying)
	return made, nil
}

// oneMoreReplay returns the replay that was created with the same key, and refuses one more than the tenant may have.
func (b *batch) oneMoreReplay(tenant webhook.ID, r *webhook.Replay) (known *webhook.Replay, err error) {
	// The tenant's row is locked, so that two replicas do not create one each.
	res := b.DB.Exec("UPDATE tenants SET name = name WHERE id = ? AND deleted_at IS NULL", tenant)
	if res.Error != nil || res.RowsAffected == 0 {
		return nil, errors.Join(res.Error, webhook.ErrNotFound)
	}
	if r.IdempotencyKey != nil {
		known, err = take[webhook.Replay](b.DB.Table("replays AS r").Where("r.tenant_id = ? AND r.idempotency_key = ?", tenant, *r.IdempotencyKey))
		switch {
		case err == nil && bytes.Equal(known.InputHash, r.InputHash):
			return known, nil
		case err == nil:
			return nil, &webhook.Invalid{Field: "idempotencyKey", Code: webhook.CodeConflict, Message: "was used for a replay with another input; use a new key"}
		case !errors.Is(err, webhook.ErrNotFound):
			return nil, err
		}
	}
	var n int
	if err := b.DB.Raw("SELECT COUNT(*) FROM replays r WHERE r.tenant_id = ? AND r.completed_at IS NULL", tenant).Scan(&n).Error; err != nil {
		return nil, fmt.Errorf("count replays: %w", err)
	}
	if n >= webhook.MaxReplays {
		return nil, &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has %d replays that are not completed; wait for one, or cancel one, first", n)}
	}
	return nil, nil
}

// UpdateReplay pauses, resumes or changes the rate of a replay. Errors: webhook.ErrNotFound; an *Invalid, with code CONFLICT if the replay
// has ended or is being canceled.
func (c *Scope) UpdateReplay(ctx context.Context, id webhook.ID, p webhook.ReplayPatch) (*webhook.Replay, error) {
	if err := webhook.CheckReplayRate(p.RatePerSecond.Value); err != nil {
		return nil, err
	}
	return c.changeReplay(ctx, id, webhook.AuditReplayUpdated, func(r *webhook.Replay) error {
		if r.CompletedAt != nil || r.Status == webhook.ReplayCanceling {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the replay has ended, or is being canceled; create a new one"}
		}
		if p.RatePerSecond.Set {
			r.RatePerSecond = p.RatePerSecond.Value
		}
		switch {
		case p.Paused.Set && p.Paused.Value:
			r.Status = webhook.ReplayPaused
		case p.Paused.Set && r.Status == webhook.ReplayPaused:
			r.Status = webhook.ReplayRunning
		}
		return nil
	})
}

// CancelReplay cancels a replay: what it has not sent becomes what it was. A canceled one stays so. Errors: webhook.ErrNotFound; an
// *Invalid with code CONFLICT if the replay has ended otherwise.
func (c *Scope) CancelReplay(ctx context.Context, id webhook.ID) (*webhook.Replay, error) {
	return c.changeReplay(ctx, id, webhook.AuditReplayCanceled, func(r *webhook.Replay) error {
		switch r.Status {
		case webhook.ReplayCanceling, webhook.ReplayCanceled:
			return nil
		case webhook.ReplayCompleted, webhook.ReplayStatusError:
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the replay has ended already"}
		}
		r.Status = webhook.ReplayCanceling
		return nil
	})
}

// changeReplay changes the status and the rate of a replay, as do says, which may refuse.
func (c *Scope) changeReplay(ctx context.Context, id webhook.ID, action webhook.AuditAction, do func(r *webhook.Replay) error) (*webhook.Replay, error) {
	var r webhook.Replay
	err := c.changeDeliveries(ctx, func(b *batch) error {
		r = webhook.Replay{}
		// The row is locked: a step may be moving it.
		if err := b.DB.Raw("UPDATE replays SET status = status WHERE id = ? AND tenant_id = ? RETURNING *", id, c.tenant).Scan(&r).Error; err != nil {
			return err
		}
		if r.ID.IsZero() {
			return webhook.ErrNotFound
		}
		before := r.AuditFields()
		if err := do(&r); err != nil {
			return err
		}
		changes := webhook.AuditChanges(before, r.AuditFields())
		if len(changes) == 0 {
			return nil
		}
		if err := b.DB.Exec("UPDATE replays SET status = ?, rate = ? WHERE id = ? AND tenant_id = ?", r.Status, r.RatePerSecond, id, c.tenant).Error; err != nil {
			return fmt.Errorf("change replay: %w", err)
		}
		return b.audit(c.by, &c.tenant, action, id, changes)
	})
	if err != nil {
		return nil, err
	}
	dialect.Signal(c.s.replaying)
	return &r, nil
}

func (c *Scope) replayList(ctx context.Context) *list.Reading[webhook.Replay] {
	return reading[webhook.Replay](ctx, c, list.Replays(c.tenant), func(q *gorm.DB) *gorm.DB { return q.Select("r.*") })
}

// Replays lists the tenant's replays, newest first.
func (c *Scope) Replays(ctx context.Context, p Page) (*List[webhook.Replay], error) {
	return list.Read(ctx, c.replayList(ctx), list.NewestFirst, p)
}

// CountReplaysTo counts what Replays lists, up to limit.
func (c *Scope) CountReplaysTo(ctx context.Context, limit int) (Count, error) {
	return c.replayList(ctx).Count(ctx, limit)
}

// ReplaysByID reads replays; ids that are absent or foreign are missing from the map.
func (c *Scope) ReplaysByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Replay, error) {
	q := c.table(ctx, list.ReplaysByID).Select("r.*")
	return list.ByID(q, nil, "r", ids, func(r *webhook.Replay) webhook.ID { return r.ID })
}

// DeliveriesOfReplays reads the same page of the deliveries that each replay made due last, newest first.
func (c *Scope) DeliveriesOfReplays(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return list.ReadOf(ctx, c.deliveryList(ctx, f.OfReplays(c.s.db)), ids, list.NewestFirst, p, func(d *webhook.Delivery) webhook.ID { return *d.ReplayID })
}

// CountDeliveriesOfReplays counts the deliveries of each replay, as CountDeliveriesOfEvents does.
func (c *Scope) CountDeliveriesOfReplays(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return c.deliveryList(ctx, f.OfReplays(c.s.db)).CountOf(ctx, ids, limit)
}

// FacetsOfReplays groups the deliveries of each replay, as DeliveryFacets does.
func (c *Scope) FacetsOfReplays(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return c.deliveryList(ctx, f.OfReplays(c.s.db)).FacetsOf(ctx, ids, limit)
}

// replays is the work on replays while there are any.
type replays struct {
	s     *Store
	paces map[webhook.ID]*replay.Pace
	after map[webhook.ID]int64 // how far the queue was looked through of one of which something is put back
	rest  map[webhook.ID]time.Time
}

// How long replays wait: for room, or for their rate, twice as long each time that there is none; and for what is being sent of one that
// is paused or canceled.
const (
	replayPause    = 25 * time.Millisecond
	longestPause   = 200 * time.Millisecond
	replayBackRest = 250 * time.Millisecond
)

// replay works on all replays until none has anything to do, unless another replica does. It is no exclusive task, which others would
// wait for.
func (s *Store) replay(ctx context.Context) error {
	unlock, ok, err := s.TryLock(ctx, "replays")
	if err != nil || !ok {
		return err
	}
	defer unlock()
	w := &replays{s: s, paces: map[webhook.ID]*replay.Pace{}, after: map[webhook.ID]int64{}, rest: map[webhook.ID]time.Time{}}
	pause := replayPause
	for ctx.Err() == nil {
		open, err := replay.Open(s.read.WithContext(ctx))
		if err != nil || len(open) == 0 {
			return errors.Join(err, s.forgetReplays(ctx))
		}
		moved, err := w.round(ctx, open)
		if err != nil {
			return err
		}
		if moved {
			pause = replayPause
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.replaying:
			clear(w.rest)
			pause = replayPause
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
	return nil
}

// round makes one step of each replay. What keeps one from going on keeps no other.
func (w *replays) round(ctx context.Context, open []*webhook.Replay) (moved bool, err error) {
	failed := 0
	for _, r := range open {
		did, wrong := w.advance(ctx, r)
		if wrong != nil {
			failed, err = failed+1, errors.Join(err, fmt.Errorf("replay %s: %w", r.ID, wrong))
		}
		moved = moved || did
	}
	if failed < len(open) && err != nil && ctx.Err() == nil {
		w.s.log.WarnContext(ctx, "a replay cannot go on yet", slog.Any("error", err))
		err = nil
	}
	return moved, err
}

// advance makes one step of a replay.
func (w *replays) advance(ctx context.Context, r *webhook.Replay) (moved bool, err error) {
	switch r.Status {
	case webhook.ReplayPaused:
		return w.back(ctx, r, nil)
	case webhook.ReplayCanceling:
		return w.cancel(ctx, r)
	}
	filter, err := replay.Filter(r)
	if err != nil {
		return true, w.change(ctx, r, 1, func(b *batch) error { return replay.Fail(&b.Tx, r, "the filter of the replay cannot be read") })
	}
	read := w.s.read.WithContext(ctx)
	waiting, err := replay.Waiting(read, r)
	if err != nil {
		return false, err
	}
	for id := range waiting {
		if to := w.s.routes.Get(id); to == nil || !to.Enabled {
			if moved, err = w.stopped(ctx, r, id, to); err != nil || moved {
				return moved, err
			}
		}
	}
	pace := w.paces[r.ID]
	if pace == nil {
		pace = &replay.Pace{}
		w.paces[r.ID] = pace
	}
	n := pace.Allowed(r.RatePerSecond, waiting, time.Now())
	step := &replay.Step{Replay: r, To: r.Cursor}
	if n > 0 {
		if step.Found, err = replay.Parked(read, r, n); err != nil {
			return false, err
		}
		step.Parked = len(step.Found) > 0
	}
	if n > 0 && !step.Parked {
		if r.Cursor >= r.UntilSeq {
			if len(waiting) > 0 {
				return false, nil
			}
			return true, w.change(ctx, r, 1, func(b *batch) error { return replay.Finish(&b.Tx, r) })
		}
		of := w.s.In(r.TenantID)
		if step.Found, step.To, err = list.Next(ctx, of.deliveriesBy(ctx, filter), r.Cursor, r.UntilSeq, n); err != nil {
			return false, err
		}
	}
	if n == 0 {
		return false, nil
	}
	pace.Took(len(step.Found))
	return true, w.step(ctx, step)
}

// step makes deliveries due.
func (w *replays) step(ctx context.Context, step *replay.Step) error {
	return w.change(ctx, step.Replay, 3*len(step.Found), func(b *batch) error {
		var told *Target
		due, _, err := step.Run(&b.Tx, b.s.db, b.target)
		for _, d := range due {
			b.counts.Owed(statsKey(d.Target, d.EventType), 1)
			b.tellOf(&told, d.Target)
			b.dueAt(d.Target.ID, b.Now)
		}
		return err
	})
}

// stopped puts back what waits for a webhook that was disabled, and cancels what waits for one that was deleted.
func (w *replays) stopped(ctx context.Context, r *webhook.Replay, id webhook.ID, to *Target) (moved bool, err error) {
	if to != nil {
		return w.back(ctx, r, &id)
	}
	var gone webhook.Webhook
	if err := w.s.read.WithContext(ctx).Raw("SELECT seq, id, tenant_id FROM webhooks WHERE id = ? AND deleted_at IS NOT NULL", id).Scan(&gone).Error; err != nil || gone.Seq == 0 {
		return false, dialect.Unavailable(err)
	}
	w.s.cancelDeleted(&gone)
	return false, nil
}

// back puts a piece of the queue back: of a webhook, or of all.
func (w *replays) back(ctx context.Context, r *webhook.Replay, of *webhook.ID) (moved bool, err error) {
	if time.Now().Before(w.rest[r.ID]) {
		return false, nil // what is left is being sent
	}
	var next int64
	err = w.change(ctx, r, 3*replay.StepRows, func(b *batch) error {
		piece := &replay.Back{Replay: r, Webhook: of, After: w.after[r.ID], N: replay.StepRows}
		var told *Target
		put, end, err := piece.Run(&b.Tx, b.s.db, b.target)
		for _, d := range put {
			b.counts.Recalled(statsKey(d.Target, d.EventType), 1)
			b.tellOf(&told, d.Target)
		}
		next, moved = end, len(put) > 0
		return err
	})
	if err == nil {
		w.after[r.ID] = next
		if next == 0 && !moved {
			w.rest[r.ID] = time.Now().Add(replayBackRest)
		}
	}
	return moved && err == nil, err
}

// cancel makes one step of canceling.
func (w *replays) cancel(ctx context.Context, r *webhook.Replay) (moved bool, err error) {
	if moved, err = w.back(ctx, r, nil); moved || err != nil {
		return moved, err
	}
	err = w.change(ctx, r, replay.StepRows, func(b *batch) error {
		left, err := replay.ForgetParked(&b.Tx, r, replay.StepRows)
		if moved = left; left || err != nil {
			return err
		}
		return replay.Finish(&b.Tx, r)
	})
	return moved, err
}

// change runs do in the turn of the replay's tenant.
func (w *replays) change(ctx context.Context, r *webhook.Replay, rows int, do func(b *batch) error) error {
	return w.s.changeFor(ctx, r.TenantID, rows, do)
}

// replaysFor is how long a replay is kept after it has ended.
const replaysFor = 90 * 24 * time.Hour

// forgetReplays removes replays that have ended long ago.
func (s *Store) forgetReplays(ctx context.Context) error {
	before := dialect.At(s.opts.Now().Add(-replaysFor))
	var old []int64
	if err := s.read.WithContext(ctx).Raw("SELECT seq FROM replays WHERE completed_at < ? ORDER BY completed_at LIMIT ?", before, deleteSome).Scan(&old).Error; err != nil || len(old) == 0 {
		return dialect.Unavailable(err)
	}
	return s.changeFor(ctx, webhook.ID{}, deleteSome, func(b *batch) error {
		return b.DB.Exec("DELETE FROM replays WHERE seq IN ?", old).Error
	})
}

// leaveReplays counts what the transaction does with deliveries of replays: of one tenant, or, with nil, of any.
func (b *batch) leaveReplays(o *replay.Outcomes, of *webhook.ID) error {
	if !o.Any() {
		return nil
	}
	return o.Write(&b.Tx, b.s.db, of)
}

// tellOf tells of changes of the webhook's deliveries, unless it was the last to be told.
func (b *batch) tellOf(last **Target, to *Target) {
	if *last != to {
		b.tellLater(Change{Tenant: to.TenantID, Webhook: to.ID})
		*last = to
	}
}
