package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// cancelSome cancels some of the deliveries that wait. What ends by itself before its turn comes does not count. One that another node is
// changing is waited for: after a failed attempt it would wait again.
func (w *Worker) cancelSome(ctx context.Context, r *webhook.Replay, in *Input) (moved bool, err error) {
	if r.Cursor >= r.UntilSeq {
		return w.finish(ctx, r, nil)
	}
	f := in.Deliveries(r.CreatedAt)
	found, to, err := list.Next(ctx, w.Deliveries(ctx, r.TenantID, f), r.Cursor, r.UntilSeq, StepRows)
	if err != nil {
		return false, err
	}
	err = w.Change(ctx, r.TenantID, 2*len(found), linesOf(found), func(b *Tx) error {
		step := &canceling{Replay: r, found: found, of: f.Statuses, to: to}
		moved = false
		if err := step.run(b, w.DB); err != nil {
			return err
		}
		moved = step.to > r.Cursor
		return nil
	})
	return moved && err == nil, err
}

// canceling is one step.
type canceling struct {
	*webhook.Replay

	found []*webhook.Delivery      // as they were read
	of    []webhook.DeliveryStatus // these are canceled
	to    int64                    // everything up to here is canceled, or has ended
}

// shown is what a delivery that waits for the webhook is to callers.
func shown(to *dialect.Target) webhook.DeliveryStatus {
	if to.Enabled {
		return webhook.Pending
	}
	return webhook.Held
}

// run cancels the deliveries. The job comes first, as in Step.Run.
func (s *canceling) run(b *Tx, db dialect.DB) error {
	res := b.DB.Exec("UPDATE replays SET status = 'RUNNING' WHERE id = ? AND cursor = ? AND status IN ('QUEUED', 'RUNNING')", s.ID, s.Cursor)
	if res.Error != nil || res.RowsAffected == 0 {
		s.to = s.Cursor
		return res.Error
	}
	var seqs []int64
	var events []webhook.ID
	var left Outcomes
	var ended []Moved
	if len(s.found) > 0 {
		all, of := make([]int64, len(s.found)), make([]webhook.ID, len(s.found))
		for i, d := range s.found {
			all[i], of[i] = d.Seq, d.EventID
		}
		is, err := lock(b.Tx, db, all, of)
		if err != nil {
			return err
		}
		var told *dialect.Target
		for _, d := range s.found {
			now, target := is[d.Seq], b.Target(d.WebhookID)
			if now == nil {
				s.to = d.Seq - 1
				break
			}
			if target == nil || now.Status != webhook.Pending || !slices.Contains(s.of, shown(target)) {
				continue
			}
			seqs, events = append(seqs, d.Seq), append(events, d.EventID)
			left.Ended(now.ReplayID, d.Seq)
			gone := Moved{target, now.EventType, now.Line}
			b.Counts.Ended(gone.key(), stats.Canceled, 1, true)
			ended = append(ended, gone)
			b.tell(&told, target)
		}
	}
	if err := left.Write(b.Tx, db, nil); err != nil {
		return err
	}
	if len(seqs) > 0 {
		of := amongDeliveries(db, "", seqs, events)
		err := b.DB.Exec("UPDATE deliveries SET status = 'CANCELED', due_at = NULL, place = CASE WHEN claimed_by IS NOT NULL THEN place END, completed_at = ?, replay_id = ? WHERE "+of.text, append([]any{dialect.At(b.Now), s.ID}, of.args...)...).Error
		if err != nil {
			return fmt.Errorf("cancel deliveries: %w", err)
		}
	}
	n := len(seqs)
	args := append(append([]any{s.to, n, n, n, n}, paced(b.Tx)...), s.ID)
	if err := b.DB.Exec("UPDATE replays SET cursor = ?, "+more+", started = started + ?, "+pace+" WHERE id = ?", args...).Error; err != nil {
		return fmt.Errorf("count canceled deliveries: %w", err)
	}
	return b.Advance(ended)
}
