package replay

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Step is deliveries that one transaction makes due.
type Step struct {
	*webhook.Replay

	Found  []*webhook.Delivery // as they were read: Seq, EventID, WebhookID, Status, CompletedAt and Line
	To     int64               // the replay has looked at everything up to here
	Parked bool                // they are parked, and the replay does not move
}

// Moved is a delivery that began to be owed, or is owed no longer.
type Moved struct {
	Target    *dialect.Target
	EventType string
	Line      *webhook.ID // nil: none
}

// Parked reads parked deliveries of the replay, the oldest first.
func Parked(read *gorm.DB, r *webhook.Replay, limit int) (found []*webhook.Delivery, err error) {
	err = read.Raw(`SELECT q.delivery AS seq, q.event AS event_id, q.webhook_id, q.status, q.completed_at, q.line FROM replay_queue q
		WHERE q.replay_id = ? AND q.parked = ? ORDER BY q.delivery LIMIT ?`, r.ID, true, limit).Scan(&found).Error
	return found, dialect.Unavailable(err)
}

// days is the condition on the partitions that deliveries of the events are in.
func days(db dialect.DB, column string, events []webhook.ID) (text string, args []any) {
	first, last := events[0].Time(), events[0].Time()
	for _, id := range events {
		if t := id.Time(); t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	return db.Published(column, first, last.Add(time.Second))
}

// stored is a delivery as the transaction finds it. Nobody else changes it until that ends.
type stored struct {
	Seq                int64
	WebhookID, EventID webhook.ID
	EventType          string
	Status             webhook.DeliveryStatus
	ClaimedBy          *int64
	CompletedAt        *dialect.Micros
	ReplayID           *webhook.ID
	Line               *webhook.ID
}

// among is a condition on deliveries, for statements.
type among struct {
	text string
	args []any
}

// amongDeliveries is the condition that deliveries have one of the seqs, and are of the events' days.
func amongDeliveries(db dialect.DB, alias string, seqs []int64, events []webhook.ID) among {
	text, arg := db.Among(alias+"seq", seqs)
	more, args := days(db, alias+"day", events)
	return among{text + more, append([]any{arg}, args...)}
}

// lock locks deliveries, but for those that somebody else is changing, and returns them by their Seq.
func lock(b *dialect.Tx, db dialect.DB, seqs []int64, events []webhook.ID) (map[int64]*stored, error) {
	of := amongDeliveries(db, "d.", seqs, events)
	var rows []*stored
	err := b.DB.Raw(`SELECT d.seq, d.webhook_id, d.event_id, d.event_type, d.status, d.claimed_by, d.completed_at, d.replay_id, d.line FROM deliveries d
		WHERE `+of.text+db.SkipLocked("d"), of.args...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("lock deliveries: %w", err)
	}
	is := make(map[int64]*stored, len(rows))
	for _, row := range rows {
		is[row.Seq] = row
	}
	return is, nil
}

// same reports whether the delivery is what it was when it was found.
func (is *stored) same(found *webhook.Delivery) bool {
	if is == nil || is.ClaimedBy != nil || is.Status != found.Status {
		return false
	}
	at := dialect.MaybeTime(is.CompletedAt)
	return at == nil && found.CompletedAt == nil || at != nil && found.CompletedAt != nil && at.Equal(*found.CompletedAt)
}

// NotCounted is the cursor of a new replay that has no total yet: nothing of it is sent before.
const NotCounted = -1

// SetTotal gives a new replay its total, unless they are too many, and returns it; nil if it had one, or has ended.
func SetTotal(b *dialect.Tx, r *webhook.Replay, n list.Count) (*webhook.Replay, error) {
	var total *int
	if !n.AtLeast {
		total = &n.N
	}
	return one(b, "UPDATE replays SET total = ?, cursor = 0 WHERE id = ? AND cursor = ? AND completed_at IS NULL", total, r.ID, NotCounted)
}

// more counts deliveries, given thrice, that the replay has come to. Those that it did not count at first raise its total, which is never below.
const more = "matched = matched + ?, total = CASE WHEN total < matched + ? THEN matched + ? ELSE total END"

// Run makes the deliveries due. The job comes first: ok is false when it is no longer where it was, and then nothing is done. What was
// changed meanwhile, and what goes to a webhook that is disabled or deleted, is skipped.
func (s *Step) Run(b *dialect.Tx, db dialect.DB, target func(id webhook.ID) *dialect.Target) (due []Moved, ok bool, err error) {
	matched, to := len(s.Found), s.To
	if s.Parked {
		matched, to = 0, s.Cursor
	}
	res := b.DB.Exec(`UPDATE replays SET cursor = ?, `+more+`, status = 'RUNNING' WHERE id = ? AND cursor = ? AND status IN ('QUEUED', 'RUNNING')`,
		to, matched, matched, matched, s.ID, s.Cursor)
	if res.Error != nil || res.RowsAffected == 0 {
		return nil, false, res.Error
	}
	if len(s.Found) == 0 {
		return nil, true, nil
	}
	seqs, events := make([]int64, len(s.Found)), make([]webhook.ID, len(s.Found))
	for i, d := range s.Found {
		seqs[i], events[i] = d.Seq, d.EventID
	}
	waits := map[int64]bool{}
	if s.Parked {
		if waits, err = s.parked(b, db, seqs); err != nil {
			return nil, false, err
		}
	}
	is, err := lock(b, db, seqs, events)
	if err != nil {
		return nil, false, err
	}
	var made, skipped []int64
	var of []webhook.ID
	for _, d := range s.Found {
		if s.Parked && !waits[d.Seq] {
			continue // somebody else has taken it
		}
		now := is[d.Seq]
		if to := target(d.WebhookID); to == nil || to.DeletedAt != nil || !to.Enabled || !now.same(d) {
			skipped = append(skipped, d.Seq)
		} else {
			made, of, due = append(made, d.Seq), append(of, d.EventID), append(due, Moved{to, now.EventType, now.Line})
		}
	}
	if err := s.skip(b, db, skipped); err != nil {
		return nil, false, err
	}
	return due, true, s.make(b, db, made, of)
}

// parked are those of the deliveries that are parked still.
func (s *Step) parked(b *dialect.Tx, db dialect.DB, seqs []int64) (map[int64]bool, error) {
	text, arg := db.Among("delivery", seqs)
	var found []int64
	if err := b.DB.Raw("SELECT delivery FROM replay_queue WHERE replay_id = ? AND parked = ? AND "+text, s.ID, true, arg).Scan(&found).Error; err != nil {
		return nil, fmt.Errorf("look for parked deliveries: %w", err)
	}
	is := make(map[int64]bool, len(found))
	for _, seq := range found {
		is[seq] = true
	}
	return is, nil
}

// skip counts deliveries as skipped.
func (s *Step) skip(b *dialect.Tx, db dialect.DB, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	if s.Parked {
		if err := leave(b, db, s.ID, seqs); err != nil {
			return err
		}
	}
	return count(b, s.ID, "skipped", len(seqs))
}

// leave removes deliveries from the replay's queue.
func leave(b *dialect.Tx, db dialect.DB, replay webhook.ID, seqs []int64) error {
	text, arg := db.Among("delivery", seqs)
	if err := b.DB.Exec("DELETE FROM replay_queue WHERE replay_id = ? AND "+text, replay, arg).Error; err != nil {
		return fmt.Errorf("leave a replay's queue: %w", err)
	}
	return nil
}

// count adds to a counter of the replay, which must be one of those that its pace counts.
func count(b *dialect.Tx, replay webhook.ID, counter string, n int) error {
	if err := b.DB.Exec("UPDATE replays SET "+counter+" = "+counter+" + ?, "+pace+" WHERE id = ?", append(append([]any{n}, paced(b)...), replay)...).Error; err != nil {
		return fmt.Errorf("count deliveries of a replay: %w", err)
	}
	return nil
}

// make notes what the deliveries are, and makes them due. Those that have a line are in it then, and the caller must advance it.
func (s *Step) make(b *dialect.Tx, db dialect.DB, seqs []int64, events []webhook.ID) error {
	if len(seqs) == 0 {
		return nil
	}
	of := amongDeliveries(db, "d.", seqs, events)
	var note *gorm.DB
	if s.Parked {
		text, arg := db.Among("delivery", seqs)
		note = b.DB.Exec("UPDATE replay_queue SET parked = ? WHERE replay_id = ? AND "+text, false, s.ID, arg)
	} else {
		note = b.DB.Exec(`INSERT INTO replay_queue
			(delivery, replay_id, tenant_id, webhook_id, event, parked, status, schedule_start, triggered_by, completed_at, failure_reason, replayed_by, line, place)
			SELECT d.seq, r.id, d.tenant_id, d.webhook_id, d.event_id, 1 = 0, d.status, d.schedule_start, d.triggered_by, d.completed_at, d.failure_reason, d.replay_id, d.line, d.place
			FROM replays r, deliveries d WHERE r.id = ? AND `+of.text, append([]any{s.ID}, of.args...)...)
	}
	if note.Error != nil {
		return fmt.Errorf("queue deliveries of a replay: %w", note.Error)
	}
	of = amongDeliveries(db, "deliveries.", seqs, events)
	if err := b.DB.Exec(`UPDATE deliveries SET status = 'PENDING', due_at = CASE WHEN line IS NULL THEN CAST(? AS timestamptz) END, completed_at = NULL,
		failure_reason = NULL, schedule_start = attempt_count, triggered_by = 'REPLAY', replay_id = ?,
		payload_version = (SELECT w.payload_version FROM webhooks w WHERE w.id = deliveries.webhook_id),
		place = CASE WHEN line IS NOT NULL THEN (SELECT e.seq FROM events e WHERE e.id = deliveries.event_id`+db.SameDay("e", "deliveries")+`) END WHERE `+of.text, append([]any{dialect.At(b.Now), s.ID}, of.args...)...).Error; err != nil {
		return fmt.Errorf("make deliveries of a replay due: %w", err)
	}
	return nil
}

// Finish completes the replay if it has looked at everything and nothing waits, and returns it; nil if it goes on. Of a completed one, everything
// was sent or skipped: those skipped include what it has counted but not found, because others took it or retention removed it.
func Finish(b *dialect.Tx, r *webhook.Replay) (*webhook.Replay, error) {
	return one(b, `UPDATE replays SET completed_at = ?, status = CASE WHEN status = 'CANCELING' THEN 'CANCELED' ELSE 'COMPLETED' END,
		skipped = CASE WHEN status <> 'CANCELING' AND total > matched THEN skipped + total - matched ELSE skipped END,
		matched = CASE WHEN status <> 'CANCELING' AND total > matched THEN total ELSE matched END,
		total = CASE WHEN status <> 'CANCELING' AND total IS NULL THEN matched ELSE total END
		WHERE id = ? AND (status = 'CANCELING' OR status IN ('QUEUED', 'RUNNING') AND cursor >= until_seq)
		AND NOT EXISTS (SELECT 1 FROM replay_queue q WHERE q.replay_id = replays.id)`, dialect.At(b.Now), r.ID)
}

// Fail ends a replay that cannot go on, and returns it; nil if it had ended.
func Fail(b *dialect.Tx, r *webhook.Replay, why string) (*webhook.Replay, error) {
	return one(b, "UPDATE replays SET completed_at = ?, status = 'FAILED', failure_reason = ? WHERE id = ? AND completed_at IS NULL",
		dialect.At(b.Now), why, r.ID)
}

// one runs a statement that changes a replay, and returns the replay if it did.
func one(b *dialect.Tx, statement string, args ...any) (*webhook.Replay, error) {
	var changed []*webhook.Replay
	if err := b.DB.Raw(statement+" RETURNING *", args...).Scan(&changed).Error; err != nil {
		return nil, fmt.Errorf("change a replay: %w", err)
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return changed[0], nil
}
