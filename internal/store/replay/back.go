package replay

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Back is a piece of a replay's queue that one transaction puts back: what was not sent, and is not being sent, becomes what it was.
type Back struct {
	*webhook.Replay

	Webhook *webhook.ID // of this one only, because it is disabled; nil: of all, because the replay is paused or canceled
	After   int64       // the Seq of the last delivery that an earlier piece has looked at
	N       int         // deliveries that it looks at
}

// Run puts deliveries back, and returns those that are owed no longer and the Seq up to which it searched; 0 at the end of the queue.
// What is being sent stays in the queue until its attempt is recorded. What waits for a deleted webhook stays, too: that is canceled.
func (p *Back) Run(b *dialect.Tx, db dialect.DB, target func(id webhook.ID) *dialect.Target) (back []Moved, next int64, err error) {
	var status webhook.ReplayStatus
	if err := b.DB.Raw("UPDATE replays SET status = status WHERE id = ? RETURNING status", p.ID).Scan(&status).Error; err != nil {
		return nil, 0, fmt.Errorf("lock a replay: %w", err)
	}
	if status != p.Status {
		return nil, 0, nil // it goes on, or ends, otherwise
	}
	rows, err := p.queued(b.DB)
	if err != nil || len(rows) == 0 {
		return nil, 0, err
	}
	seqs, events := make([]int64, len(rows)), make([]webhook.ID, len(rows))
	for i, row := range rows {
		seqs[i], events[i] = row.Delivery, row.Event
	}
	is, err := lock(b, db, seqs, events)
	if err != nil {
		return nil, 0, err
	}
	var put []int64
	var of []webhook.ID
	for _, row := range rows {
		now, to := is[row.Delivery], target(row.WebhookID)
		if now == nil || now.ClaimedBy != nil || now.Status != webhook.Pending || now.ReplayID == nil || *now.ReplayID != p.ID || to == nil {
			continue
		}
		put, of, back = append(put, row.Delivery), append(of, row.Event), append(back, Moved{to, now.EventType, now.Line})
	}
	if next = rows[len(rows)-1].Delivery; len(rows) < p.N {
		next = 0
	}
	if len(put) == 0 {
		return nil, next, nil
	}
	return back, next, p.put(b, db, put, of)
}

// lines reads the lines of the deliveries that the piece may put back.
func (p *Back) lines(read *gorm.DB) (lines []webhook.ID, err error) {
	err = read.Raw(`SELECT q.line FROM (SELECT line FROM replay_queue WHERE replay_id = ? AND parked = ? AND delivery > ? ORDER BY delivery LIMIT ?) AS q
		WHERE q.line IS NOT NULL`, p.ID, false, p.After, p.N).Scan(&lines).Error
	return lines, dialect.Unavailable(err)
}

type queued struct {
	Delivery         int64
	WebhookID, Event webhook.ID
}

// queued reads the piece.
func (p *Back) queued(db *gorm.DB) (rows []queued, err error) {
	q := db.Table("replay_queue").Select("delivery, webhook_id, event").Where("replay_id = ? AND parked = ? AND delivery > ?", p.ID, false, p.After)
	if p.Webhook != nil {
		q = q.Where("webhook_id = ?", *p.Webhook)
	}
	if err := q.Order("delivery").Limit(p.N).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read a replay's queue: %w", err)
	}
	return rows, nil
}

// put puts deliveries back.
func (p *Back) put(b *dialect.Tx, db dialect.DB, seqs []int64, events []webhook.ID) error {
	if p.Kind == webhook.ReplayMissing {
		return p.unmake(b, db, seqs, events)
	}
	of := amongDeliveries(db, "deliveries.", seqs, events)
	if err := b.DB.Exec(`UPDATE deliveries SET status = q.status, due_at = NULL, completed_at = q.completed_at, failure_reason = q.failure_reason,
		schedule_start = q.schedule_start, triggered_by = q.triggered_by, replay_id = q.replayed_by, place = q.place
		FROM replay_queue q WHERE q.delivery = deliveries.seq AND q.replay_id = ? AND `+of.text, append([]any{p.ID}, of.args...)...).Error; err != nil {
		return fmt.Errorf("put deliveries of a replay back: %w", err)
	}
	if p.Status == webhook.ReplayPaused {
		text, arg := db.Among("delivery", seqs)
		if err := b.DB.Exec("UPDATE replay_queue SET parked = ? WHERE replay_id = ? AND "+text, true, p.ID, arg).Error; err != nil {
			return fmt.Errorf("park deliveries of a replay: %w", err)
		}
		return nil
	}
	if err := leave(b, db, p.ID, seqs); err != nil {
		return err
	}
	if p.Status != webhook.ReplayCanceling {
		return count(b, p.ID, "skipped", len(seqs))
	}
	return nil
}

// ForgetParked removes some of what is parked of a replay that is canceled: it is what it was. It reports whether there may be more.
func ForgetParked(b *dialect.Tx, r *webhook.Replay, n int) (left bool, err error) {
	res := b.DB.Exec(`DELETE FROM replay_queue WHERE replay_id = ? AND delivery IN
		(SELECT delivery FROM replay_queue WHERE replay_id = ? AND parked = ? ORDER BY delivery LIMIT ?)`, r.ID, r.ID, true, n)
	if res.Error != nil {
		return false, fmt.Errorf("forget parked deliveries: %w", res.Error)
	}
	return res.RowsAffected == int64(n), nil
}

// unmake removes deliveries that a replay has made and not sent, and has it look at their events again.
func (p *Back) unmake(b *dialect.Tx, db dialect.DB, seqs []int64, events []webhook.ID) error {
	if err := leave(b, db, p.ID, seqs); err != nil {
		return err
	}
	of := amongDeliveries(db, "", seqs, events)
	if err := b.DB.Exec("DELETE FROM deliveries WHERE "+of.text, of.args...).Error; err != nil {
		return fmt.Errorf("remove deliveries of a replay: %w", err)
	}
	among, arg := db.AmongIDs("id", events)
	published, dates := days(db, "day", events)
	var first int64
	if err := b.DB.Raw("SELECT COALESCE(MIN(seq), 1) FROM events WHERE "+among+published, append([]any{arg}, dates...)...).Scan(&first).Error; err != nil {
		return fmt.Errorf("find the first event that was not sent: %w", err)
	}
	err := b.DB.Exec("UPDATE replays SET matched = matched - ?, cursor = CASE WHEN cursor < ? THEN cursor ELSE ? END WHERE id = ?", len(seqs), first-1, first-1, p.ID).Error
	if err != nil {
		return fmt.Errorf("move a replay back: %w", err)
	}
	return nil
}
