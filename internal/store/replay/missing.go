package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// sendMissing makes deliveries that a webhook never had, as many as may wait to be sent. While the webhook is disabled they wait, as new ones do.
func (w *Worker) sendMissing(ctx context.Context, r *webhook.Replay, in *Input, waiting map[webhook.ID]int) (moved bool, err error) {
	id := in.Filter.WebhookIDs[0]
	to := w.Target(id)
	switch {
	case to == nil && len(waiting) > 0:
		return w.stopped(ctx, r, id, nil)
	case to == nil:
		return true, w.fail(ctx, r, "the webhook was deleted")
	case !to.Enabled:
		return false, nil
	case r.Cursor >= r.UntilSeq:
		return w.finish(ctx, r, waiting)
	}
	pace := w.pace(r)
	n := pace.Allowed(r.RatePerSecond, waiting, time.Now())
	if n == 0 {
		return false, nil
	}
	kept, err := w.Kept(ctx, r.TenantID)
	if err != nil {
		return false, err
	}
	found, end, err := list.Next(ctx, w.Events(ctx, r.TenantID, in.Missing(to, kept)), r.Cursor, r.UntilSeq, n)
	if err != nil {
		return false, err
	}
	pace.Took(len(found))
	var lines []webhook.ID
	for _, e := range found {
		if line := dialect.LineOf(to, e); line != nil {
			lines = append(lines, *line)
		}
	}
	err = w.Change(ctx, r.TenantID, 4*len(found), lines, func(b *Tx) error {
		step := &making{Replay: r, webhook: id, found: found, to: end}
		moved = false
		if err := step.run(b, w.DB); err != nil {
			return err
		}
		moved = step.to > r.Cursor
		return nil
	})
	return moved && err == nil, err
}

// making is one step.
type making struct {
	*webhook.Replay

	webhook webhook.ID
	found   []*webhook.Event // as they were read
	to      int64            // the replay has looked at everything up to here
}

// run makes the deliveries that are missing still, and makes them due. The job comes first, as in Step.Run.
func (m *making) run(b *Tx, db dialect.DB) error {
	to := b.Target(m.webhook)
	if to == nil || !to.Enabled {
		m.to = m.Cursor
		return nil
	}
	res := b.DB.Exec("UPDATE replays SET status = 'RUNNING' WHERE id = ? AND cursor = ? AND status IN ('QUEUED', 'RUNNING')", m.ID, m.Cursor)
	if res.Error != nil || res.RowsAffected == 0 {
		m.to = m.Cursor
		return res.Error
	}
	missing, err := m.missing(b, db)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		claims := make([]*dialect.Claimed, len(missing))
		for i, e := range missing {
			claims[i] = &dialect.Claimed{Event: e, Target: to, Delivery: webhook.Delivery{
				ID: webhook.NewID(b.Now), TenantID: e.TenantID, EventID: e.ID, WebhookID: to.ID,
				Status: webhook.Pending, Trigger: webhook.TriggerReplay, CreatedAt: b.Now.UTC().Truncate(time.Microsecond),
				Line: dialect.LineOf(to, e), PayloadVersion: to.PayloadVersion, ExpiresAt: e.ExpiresAt,
			}}
		}
		if err := b.Insert(claims); err != nil {
			return err
		}
		seqs, events := make([]int64, len(claims)), make([]webhook.ID, len(claims))
		for i, made := range claims {
			seqs[i], events[i] = made.Delivery.Seq, made.Event.ID
			made.Delivery.ReplayID = &m.ID
		}
		if err := (&Step{Replay: m.Replay}).make(b.Tx, db, seqs, events); err != nil {
			return err
		}
		made := make([]Moved, len(claims))
		for i, claimed := range claims {
			made[i] = Moved{to, claimed.Event.Type, claimed.Delivery.Line}
		}
		if err := b.Advance(made); err != nil {
			return err
		}
	}
	if err := b.DB.Exec("UPDATE replays SET cursor = ?, "+more+" WHERE id = ?", m.to, len(missing), len(missing), len(missing), m.ID).Error; err != nil {
		return fmt.Errorf("move a replay: %w", err)
	}
	return nil
}

// missing returns those of the events that exist still, and of which the webhook has no delivery. An event whose deliveries are being made ends the
// step: the webhook may be among those that get one.
func (m *making) missing(b *Tx, db dialect.DB) ([]*webhook.Event, error) {
	if len(m.found) == 0 {
		return nil, nil
	}
	events := make([]webhook.ID, len(m.found))
	for i, e := range m.found {
		events[i] = e.ID
	}
	var open, exist, had []webhook.ID
	among, arg := db.AmongIDs("event_id", events)
	if err := b.DB.Raw("SELECT event_id FROM fanouts WHERE "+among, arg).Scan(&open).Error; err != nil {
		return nil, fmt.Errorf("look for open fan-outs: %w", err)
	}
	published, dates := days(db, "day", events)
	if err := b.DB.Raw("SELECT event_id FROM deliveries WHERE webhook_id = ? AND "+among+published, append([]any{m.webhook, arg}, dates...)...).Scan(&had).Error; err != nil {
		return nil, fmt.Errorf("look for deliveries: %w", err)
	}
	among, arg = db.AmongIDs("id", events)
	if err := b.DB.Raw("SELECT id FROM events WHERE "+among+published, append([]any{arg}, dates...)...).Scan(&exist).Error; err != nil {
		return nil, fmt.Errorf("look for events: %w", err)
	}
	is := map[webhook.ID]bool{}
	for _, id := range exist {
		is[id] = true
	}
	for _, id := range had {
		delete(is, id)
	}
	var missing []*webhook.Event
	for _, e := range m.found {
		if slices.Contains(open, e.ID) {
			m.to = e.Seq - 1
			break
		}
		if is[e.ID] {
			missing = append(missing, e)
		}
	}
	return missing, nil
}
