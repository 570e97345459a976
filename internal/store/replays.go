package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/ordering"
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
	Events    []*webhook.Event // of kind MISSING, whose deliveries do not exist yet, instead of Samples
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
	if in.Kind == webhook.ReplayMissing {
		return c.previewMissing(ctx, in)
	}
	r, err := c.deliveriesFor(ctx, in.Deliveries(c.s.Now()))
	if err != nil {
		return nil, err
	}
	p := &ReplayPreview{Events: []*webhook.Event{}}
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

// previewMissing is PreviewReplay for deliveries that do not exist yet.
func (c *Scope) previewMissing(ctx context.Context, in *ReplayInput) (*ReplayPreview, error) {
	id := in.Filter.WebhookIDs[0]
	to := c.webhookTarget(id)
	if to == nil {
		return nil, noWebhook()
	}
	kept, err := c.s.keptFor(ctx, c.tenant)
	if err != nil {
		return nil, err
	}
	n, err := c.missingBy(ctx, in.Missing(to, kept)).Count(ctx, previewCount)
	if err != nil {
		return nil, err
	}
	p := &ReplayPreview{Count: n, Samples: []*webhook.Delivery{}}
	if n.N > 0 {
		p.ByWebhook = []WebhookCount{{WebhookID: id, N: n.N}}
	}
	f := in.Missing(to, kept)
	sample, err := list.Read(ctx, c.eventsAlong(ctx, f.Path(c.tenant, c.s.db)), list.NewestFirst, Page{First: previewSamples})
	if err != nil {
		return nil, err
	}
	p.Events = sample.Items
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
	// Before a webhook is refused that was deleted since.
	if known, err := knownReplay(c.db(ctx), c.tenant, asked); known != nil || err != nil {
		return known, err
	}
	if in.Kind == webhook.ReplayMissing && c.webhookTarget(in.Filter.WebhookIDs[0]) == nil {
		return nil, noWebhook()
	}
	var made *webhook.Replay
	err = c.changeDeliveries(ctx, func(b *batch) error {
		known, err := b.oneMoreReplay(c.tenant, asked)
		if err != nil || known != nil {
			made = known
			return err
		}
		r := *asked // a copy, because the batch may be written again
		made, r.ID, r.CreatedAt, r.Cursor = &r, webhook.NewID(b.Now), b.Now.UTC().Truncate(time.Microsecond), replay.NotCounted
		last := "SELECT COALESCE(MAX(d.seq), 0) FROM deliveries d WHERE d.tenant_id = ?"
		if in.Kind == webhook.ReplayMissing {
			last = "SELECT COALESCE(MAX(e.seq), 0) FROM events e WHERE e.tenant_id = ?"
		}
		if err := b.DB.Raw(last, c.tenant).Scan(&r.UntilSeq).Error; err != nil {
			return fmt.Errorf("find where the replay ends: %w", err)
		}
		if err := b.DB.Create(&r).Error; err != nil {
			return fmt.Errorf("insert replay: %w", err)
		}
		return b.audit(c.by, &c.tenant, webhook.AuditReplayCreated, r.ID, webhook.AuditChanges(nil, r.AuditFields()))
	})
	if err != nil {
		return nil, err
	}
	defer dialect.Signal(c.s.replaying)
	counted, err := c.s.countReplay(ctx, made)
	if err == nil && counted == nil { // it was canceled meanwhile
		var found map[webhook.ID]*webhook.Replay
		found, err = c.ReplaysByID(ctx, []webhook.ID{made.ID})
		counted = found[made.ID]
	}
	if err != nil || counted == nil {
		return made, nil // it is stored, and whoever works on it counts it
	}
	return counted, nil
}

// countReplay gives a new replay its total, and returns it. It counts once the replay is stored: what is to be sent is certain by then, and
// nothing of it is sent before. It returns nil if the replay has its total, or has ended.
func (s *Store) countReplay(ctx context.Context, r *webhook.Replay) (*webhook.Replay, error) {
	n, err := s.In(r.TenantID).countFor(ctx, r)
	if err != nil {
		return nil, err
	}
	var counted *webhook.Replay
	return counted, s.changeFor(ctx, r.TenantID, 1, func(b *batch) (err error) {
		counted, err = replay.SetTotal(&b.Tx, r, n)
		return err
	})
}

// countFor counts what the replay is to send, or to cancel.
func (c *Scope) countFor(ctx context.Context, r *webhook.Replay) (Count, error) {
	in, err := replay.InputOf(r)
	if err != nil {
		return Count{AtLeast: true}, nil //nolint:nilerr // the replay fails for it
	}
	if in.Kind != webhook.ReplayMissing {
		l, err := c.deliveriesFor(ctx, in.Deliveries(r.CreatedAt))
		if err != nil {
			return Count{}, err
		}
		return l.CountUntil(ctx, r.UntilSeq, previewCount)
	}
	to := c.webhookTarget(in.Filter.WebhookIDs[0])
	if to == nil {
		return Count{AtLeast: true}, nil
	}
	kept, err := c.s.keptFor(ctx, c.tenant)
	if err != nil {
		return Count{}, err
	}
	return c.missingBy(ctx, in.Missing(to, kept)).CountUntil(ctx, r.UntilSeq, previewCount)
}

// webhookTarget returns the tenant's webhook; nil if it has none with the id.
func (c *Scope) webhookTarget(id webhook.ID) *Target {
	if to := c.s.routes.Get(id); to != nil && to.TenantID == c.tenant {
		return to
	}
	return nil
}

// noWebhook refuses a replay of kind MISSING for a webhook that the tenant does not have.
func noWebhook() error {
	return &webhook.Invalid{Field: "filter.webhookIds.0", Code: webhook.CodeNotFound, Message: "does not exist"}
}

// oneMoreReplay returns the replay that was created with the same key, and refuses one more than the tenant may have.
func (b *batch) oneMoreReplay(tenant webhook.ID, r *webhook.Replay) (known *webhook.Replay, err error) {
	// The tenant's row is locked, so that two replicas do not create one each.
	res := b.DB.Exec("UPDATE tenants SET name = name WHERE id = ? AND deleted_at IS NULL", tenant)
	if res.Error != nil || res.RowsAffected == 0 {
		return nil, errors.Join(res.Error, webhook.ErrNotFound)
	}
	if known, err = knownReplay(b.DB, tenant, r); known != nil || err != nil {
		return known, err
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

// knownReplay returns the replay that was created with the same key, which must have had the same input; nil if there is none.
func knownReplay(db *gorm.DB, tenant webhook.ID, r *webhook.Replay) (*webhook.Replay, error) {
	if r.IdempotencyKey == nil {
		return nil, nil
	}
	known, err := take[webhook.Replay](db.Table("replays AS r").Where("r.tenant_id = ? AND r.idempotency_key = ?", tenant, *r.IdempotencyKey))
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(known.InputHash, r.InputHash):
		return nil, &webhook.Invalid{Field: "idempotencyKey", Code: webhook.CodeConflict, Message: "was used for a replay with another input; use a new key"}
	}
	return known, nil
}

// UpdateReplay pauses, resumes or changes the rate of a replay. Errors: webhook.ErrNotFound; an *Invalid, with code CONFLICT if the replay
// has ended or is being canceled.
func (c *Scope) UpdateReplay(ctx context.Context, id webhook.ID, p webhook.ReplayPatch) (*webhook.Replay, error) {
	if err := webhook.CheckReplayRate(p.RatePerSecond.Value); err != nil {
		return nil, err
	}
	return c.changeReplay(ctx, id, webhook.AuditReplayUpdated, func(r *webhook.Replay) error {
		if p.RatePerSecond.Value != nil && r.Kind == webhook.ReplayCancel {
			return webhook.NoReplayRate()
		}
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
		set, args := "", []any{r.Status, r.RatePerSecond}
		if r.Status == webhook.ReplayRunning || r.Status == webhook.ReplayQueued { // it was resumed, or its rate has changed
			r.BeginPace(b.Now.UTC().Truncate(time.Microsecond))
			set, args = ", pace_since = ?, pace_done = ?", append(args, dialect.At(*r.PaceSince), r.PaceDone)
		}
		if err := b.DB.Exec("UPDATE replays SET status = ?, rate = ?"+set+" WHERE id = ? AND tenant_id = ?", append(args, id, c.tenant)...).Error; err != nil {
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

// replay works on all replays until none has anything to do, unless another replica does. It is no exclusive task, which others would
// wait for.
func (s *Store) replay(ctx context.Context) error {
	unlock, ok, err := s.TryLock(ctx, "replays")
	if err != nil || !ok {
		return err
	}
	defer unlock()
	w := &replay.Worker{
		DB: s.db, Read: s.read, Log: s.log, Now: s.opts.Now, Wake: s.replaying, Target: s.routes.Get, Kept: s.keptFor, CancelDeleted: s.cancelDeleted, Count: s.countReplay,
		Deliveries: func(ctx context.Context, tenant webhook.ID, f DeliveryFilter) *list.Reading[webhook.Delivery] {
			r := s.In(tenant).deliveriesBy(ctx, f)
			r.Rows = func() *gorm.DB { return replayedColumns(r.Bare()) }
			return r
		},
		Events: func(ctx context.Context, tenant webhook.ID, f EventFilter) *list.Reading[webhook.Event] {
			return s.In(tenant).missingBy(ctx, f)
		},
		Change: func(ctx context.Context, tenant webhook.ID, rows int, lines []webhook.ID, do func(b *replay.Tx) error) error {
			return s.changeLines(ctx, tenant, rows, lines, func(b *batch) error {
				return do(&replay.Tx{
					Tx: &b.Tx, Counts: b.counts, Target: b.living, Tell: b.tellLater, Due: func(id webhook.ID) { b.dueAt(id, b.Now) },
					Insert: func(claims []*Claimed) error {
						if err := ordering.Enter(&b.Tx, s.db, claims, b.lockMore); err != nil {
							return err
						}
						return b.addDeliveries(claims, nil)
					},
					Advance: func(of []replay.Moved) error {
						var left []leaving
						for _, d := range of {
							if d.Line != nil {
								left = append(left, leaving{line: d.Line, webhook: d.Target.ID})
							}
						}
						return b.advance(left)
					},
					Ended: b.tellEnded,
				})
			})
		},
	}
	return w.Run(ctx)
}

// replayedColumns selects what a step needs of deliveries, not what lists show.
func replayedColumns(q *gorm.DB) *gorm.DB {
	return q.Joins("LEFT JOIN webhooks w ON w.id = d.webhook_id").Select("d.seq, d.event_id, d.webhook_id, " + list.StatusShown + " AS status, d.completed_at")
}

// living is a webhook that is not deleted, as the transaction sees it; or nil.
func (b *batch) living(id webhook.ID) *Target {
	if to := b.target(id); to != nil && to.DeletedAt == nil {
		return to
	}
	return nil
}

// missingBy is the list of events of which a webhook has no delivery, without their data.
func (c *Scope) missingBy(ctx context.Context, f EventFilter) *list.Reading[webhook.Event] {
	return c.Lean(Lean{NoData: true}).eventsAlong(ctx, f.Path(c.tenant, c.s.db))
}

// keptFor returns the time from which on the tenant's events will be kept for a while: retention would remove an older one together with a
// delivery that is made meanwhile.
func (s *Store) keptFor(ctx context.Context, tenant webhook.ID) (time.Time, error) {
	t, err := take[webhook.Tenant](s.read.WithContext(ctx).Where("id = ?", tenant))
	if err != nil {
		return time.Time{}, err
	}
	now := s.opts.Now()
	keep := s.Retention(t)
	if keep.Keep == 0 {
		return time.Time{}, nil
	}
	return now.Add(-keep.Keep + min(keep.Keep/10, time.Hour)), nil
}

// leaveReplays counts what the transaction does with deliveries of replays: of one tenant, or, with nil, of any.
func (b *batch) leaveReplays(o *replay.Outcomes, of *webhook.ID) error {
	if !o.Any() {
		return nil
	}
	return o.Write(&b.Tx, b.s.db, of)
}
