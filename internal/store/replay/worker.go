package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Worker works on all replays in turn, one step each: it reads deliveries as lists are read, outside of the writer, and has the writer make
// them due in one transaction with the replay's own row. What waits to be sent is in the replay's queue, with what it was before.
type Worker struct {
	DB   dialect.DB
	Read *gorm.DB
	Log  *slog.Logger
	Now  func() time.Time
	// Wake has a value when a replay was created or changed by this process.
	Wake <-chan struct{}
	// Deliveries and Events return lists of a tenant; those of events have no data.
	Deliveries func(ctx context.Context, tenant webhook.ID, f list.DeliveryFilter) *list.Reading[webhook.Delivery]
	Events     func(ctx context.Context, tenant webhook.ID, f list.EventFilter) *list.Reading[webhook.Event]
	// Kept returns the time from which on the tenant's events will be kept for a while.
	Kept func(ctx context.Context, tenant webhook.ID) (time.Time, error)
	// Target returns a webhook; nil if it is deleted.
	Target func(id webhook.ID) *dialect.Target
	// Change runs a transaction that writes about the given number of rows, in the turn of the tenant. The zero id means several tenants.
	// Deliveries of the lines may enter or leave them.
	Change func(ctx context.Context, tenant webhook.ID, rows int, lines []webhook.ID, do func(b *Tx) error) error
	// CancelDeleted cancels what a deleted webhook is owed.
	CancelDeleted func(w *webhook.Webhook)
	// Count gives a new replay its total.
	Count func(ctx context.Context, r *webhook.Replay) (*webhook.Replay, error)

	paces map[webhook.ID]*Pace
	after map[webhook.ID]int64 // how far the queue was looked through of one of which something is put back
	rest  map[webhook.ID]time.Time
	turn  int64 // the Seq of the last replay that made a step; 0: the first one's turn comes next
	moved bool  // something was done since then
}

// Tx is a transaction of the store's writer.
type Tx struct {
	*dialect.Tx

	Target func(id webhook.ID) *dialect.Target // as the transaction sees it; nil: it is deleted
	Counts *stats.Delta
	Due    func(id webhook.ID)                   // a delivery of the webhook can be claimed
	Tell   func(c dialect.Change)                // what was changed, for those who watch
	Insert func(claims []*dialect.Claimed) error // new deliveries, which are due
	// Advance promotes the next deliveries of the lines that deliveries have entered or left.
	Advance func(of []Moved) error
	// Ended tells that the replay has ended.
	Ended func(r *webhook.Replay) error
}

// How long replays wait: for room, or for their rate, twice as long each time that there is none; and for what is being sent of one that
// is paused or canceled.
const (
	pauseFirst = 25 * time.Millisecond
	pauseMost  = 200 * time.Millisecond
	backRest   = 250 * time.Millisecond
)

// countTime is how long whoever creates a replay may take to count it, and to answer with its total. The worker counts it after that.
const countTime = 5 * time.Second

// Run works until no replay has anything to do. Only one process may run it; if two do, nothing is made due twice.
func (w *Worker) Run(ctx context.Context) error {
	w.paces, w.after, w.rest = map[webhook.ID]*Pace{}, map[webhook.ID]int64{}, map[webhook.ID]time.Time{}
	pause := pauseFirst
	for ctx.Err() == nil {
		back, on, err := Open(w.Read.WithContext(ctx), w.turn)
		if err == nil && len(back)+len(on) == 0 && w.turn > 0 {
			w.turn = 0
			continue
		}
		if err != nil || len(back)+len(on) == 0 {
			return errors.Join(err, w.forget(ctx))
		}
		if err := w.round(ctx, back, on); err != nil {
			return err
		}
		switch {
		case w.turn > 0: // there are others
			continue
		case w.moved:
			w.moved, pause = false, pauseFirst
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.Wake:
			clear(w.rest)
			pause = pauseFirst
		case <-time.After(pause):
			pause = min(2*pause, pauseMost)
		}
	}
	return nil
}

// roundTime is how long steps are made until replays are looked for that were paused or canceled meanwhile.
const roundTime = 500 * time.Millisecond

// round makes one step of each replay: first of those of which something is put back. What keeps one from going on keeps no other.
func (w *Worker) round(ctx context.Context, back, on []*webhook.Replay) (err error) {
	failed, made := 0, 0
	step := func(r *webhook.Replay) {
		made++
		did, wrong := w.advance(ctx, r)
		if wrong != nil {
			failed, err = failed+1, errors.Join(err, fmt.Errorf("replay %s: %w", r.ID, wrong))
		}
		w.moved = w.moved || did
	}
	for _, r := range back {
		step(r)
	}
	begun, all := time.Now(), len(on) < openMost
	for _, r := range on {
		step(r)
		if w.turn = r.Seq; time.Since(begun) > roundTime && r != on[len(on)-1] {
			all = false
			break
		}
	}
	if all {
		w.turn = 0
	}
	if failed < made && err != nil && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "a replay cannot go on yet", slog.Any("error", err))
		err = nil
	}
	return err
}

// advance makes one step of a replay.
func (w *Worker) advance(ctx context.Context, r *webhook.Replay) (moved bool, err error) {
	switch r.Status {
	case webhook.ReplayPaused:
		return w.back(ctx, r, nil)
	case webhook.ReplayCanceling:
		return w.cancel(ctx, r)
	}
	in, err := InputOf(r)
	if err != nil {
		return true, w.fail(ctx, r, "the filter of the replay cannot be read")
	}
	if r.Cursor == NotCounted {
		if age := w.Now().Sub(r.CreatedAt); age >= 0 && age < countTime {
			return false, nil
		}
		counted, err := w.Count(ctx, r)
		return counted != nil, err
	}
	if r.Kind == webhook.ReplayCancel {
		return w.cancelSome(ctx, r, in)
	}
	waiting, err := Waiting(w.Read.WithContext(ctx), r)
	if err != nil {
		return false, err
	}
	if r.Kind == webhook.ReplayMissing {
		return w.sendMissing(ctx, r, in, waiting)
	}
	for id := range waiting {
		if to := w.Target(id); to == nil || !to.Enabled {
			if moved, err = w.stopped(ctx, r, id, to); err != nil || moved {
				return moved, err
			}
		}
	}
	return w.send(ctx, r, in, waiting)
}

// send makes deliveries due, as many as may wait to be sent.
func (w *Worker) send(ctx context.Context, r *webhook.Replay, in *Input, waiting map[webhook.ID]int) (moved bool, err error) {
	pace := w.pace(r)
	n := pace.Allowed(r.RatePerSecond, waiting, time.Now())
	if n == 0 {
		return false, nil
	}
	step := &Step{Replay: r, To: r.Cursor}
	if step.Found, err = Parked(w.Read.WithContext(ctx), r, n); err != nil {
		return false, err
	}
	if step.Parked = len(step.Found) > 0; !step.Parked {
		if r.Cursor >= r.UntilSeq {
			return w.finish(ctx, r, waiting)
		}
		of := w.Deliveries(ctx, r.TenantID, in.Deliveries(r.CreatedAt))
		if step.Found, step.To, err = list.Next(ctx, of, r.Cursor, r.UntilSeq, n); err != nil {
			return false, err
		}
	}
	pace.Took(len(step.Found))
	return true, w.Change(ctx, r.TenantID, 3*len(step.Found), linesOf(step.Found), func(b *Tx) error {
		due, _, err := step.Run(b.Tx, w.DB, b.Target)
		if err != nil {
			return err
		}
		b.owed(due)
		return b.Advance(due)
	})
}

// linesOf are the lines of deliveries that have one.
func linesOf(found []*webhook.Delivery) (lines []webhook.ID) {
	for _, d := range found {
		if d.Line != nil {
			lines = append(lines, *d.Line)
		}
	}
	return lines
}

// pace is how fast the replay goes.
func (w *Worker) pace(r *webhook.Replay) *Pace {
	pace := w.paces[r.ID]
	if pace == nil {
		pace = &Pace{}
		w.paces[r.ID] = pace
	}
	return pace
}

// owed counts and tells that deliveries became due.
func (b *Tx) owed(due []Moved) {
	var told *dialect.Target
	for _, d := range due {
		b.Counts.Owed(d.key(), 1)
		b.tell(&told, d.Target)
		b.Due(d.Target.ID)
	}
}

// tell tells of changes of the webhook's deliveries, unless it was the last to be told.
func (b *Tx) tell(last **dialect.Target, to *dialect.Target) {
	if *last != to {
		b.Tell(dialect.Change{Tenant: to.TenantID, Webhook: to.ID})
		*last = to
	}
}

// key is what the delivery counts for.
func (d Moved) key() stats.Key {
	return stats.Key{Tenant: stats.Tenant(d.Target.TenantID), Webhook: d.Target.Seq, Type: d.EventType}
}

// finish completes a replay that has looked at everything, once nothing waits.
func (w *Worker) finish(ctx context.Context, r *webhook.Replay, waiting map[webhook.ID]int) (moved bool, err error) {
	if len(waiting) > 0 {
		return false, nil
	}
	delete(w.paces, r.ID)
	return true, w.Change(ctx, r.TenantID, 1, nil, func(b *Tx) error { return b.ended(Finish(b.Tx, r)) })
}

// fail ends a replay that cannot go on.
func (w *Worker) fail(ctx context.Context, r *webhook.Replay, why string) error {
	delete(w.paces, r.ID)
	return w.Change(ctx, r.TenantID, 1, nil, func(b *Tx) error { return b.ended(Fail(b.Tx, r, why)) })
}

// ended tells that a replay has ended, if it has.
func (b *Tx) ended(r *webhook.Replay, err error) error {
	if err != nil || r == nil {
		return err
	}
	return b.Ended(r)
}

// stopped puts back what waits for a webhook that was disabled, and cancels what waits for one that was deleted.
func (w *Worker) stopped(ctx context.Context, r *webhook.Replay, id webhook.ID, to *dialect.Target) (moved bool, err error) {
	if to != nil {
		return w.back(ctx, r, &id)
	}
	var gone webhook.Webhook
	if err := w.Read.WithContext(ctx).Raw("SELECT seq, id, tenant_id FROM webhooks WHERE id = ? AND deleted_at IS NOT NULL", id).Scan(&gone).Error; err != nil || gone.Seq == 0 {
		return false, dialect.Unavailable(err)
	}
	w.CancelDeleted(&gone)
	return false, nil
}

// back puts a piece of the queue back: of a webhook, or of all.
func (w *Worker) back(ctx context.Context, r *webhook.Replay, of *webhook.ID) (moved bool, err error) {
	if time.Now().Before(w.rest[r.ID]) {
		return false, nil // what is left is being sent
	}
	var next int64
	piece := &Back{Replay: r, Webhook: of, After: w.after[r.ID], N: StepRows}
	lines, err := piece.lines(w.Read.WithContext(ctx))
	if err != nil {
		return false, err
	}
	err = w.Change(ctx, r.TenantID, 3*StepRows, lines, func(b *Tx) error {
		var told *dialect.Target
		put, end, err := piece.Run(b.Tx, w.DB, b.Target)
		for _, d := range put {
			b.Counts.Recalled(d.key(), 1)
			b.tell(&told, d.Target)
		}
		if next, moved = end, len(put) > 0; err != nil {
			return err
		}
		return b.Advance(put)
	})
	if err == nil {
		w.after[r.ID] = next
		if next == 0 && !moved {
			w.rest[r.ID] = time.Now().Add(backRest)
		}
	}
	return moved && err == nil, err
}

// cancel makes one step of canceling.
func (w *Worker) cancel(ctx context.Context, r *webhook.Replay) (moved bool, err error) {
	if moved, err = w.back(ctx, r, nil); moved || err != nil {
		return moved, err
	}
	delete(w.paces, r.ID)
	err = w.Change(ctx, r.TenantID, StepRows, nil, func(b *Tx) error {
		left, err := ForgetParked(b.Tx, r, StepRows)
		if moved = left; left || err != nil {
			return err
		}
		return b.ended(Finish(b.Tx, r))
	})
	return moved, err
}

// Replays that have ended are removed keptFor later, forgotten of them at a time.
const (
	keptFor   = 90 * 24 * time.Hour
	forgotten = 500
)

// forget removes replays that have ended long ago.
func (w *Worker) forget(ctx context.Context) error {
	before := dialect.At(w.Now().Add(-keptFor))
	var old []int64
	if err := w.Read.WithContext(ctx).Raw("SELECT seq FROM replays WHERE completed_at < ? ORDER BY completed_at LIMIT ?", before, forgotten).Scan(&old).Error; err != nil || len(old) == 0 {
		return dialect.Unavailable(err)
	}
	return w.Change(ctx, webhook.ID{}, forgotten, nil, func(b *Tx) error { return b.DB.Exec("DELETE FROM replays WHERE seq IN ?", old).Error })
}
