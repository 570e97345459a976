package store

import (
	"database/sql"
	"fmt"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event that very many webhooks want is committed with a note instead of its deliveries, and its publisher is answered at once
// (I1, I17). The deliveries are made afterwards, in the order of the webhooks' Seq and in pieces: each piece moves the note on, or
// removes it, in the transaction that makes its deliveries, so that every one is made, once, whatever ends the process.
//
// Notes wait in the database. Some of each tenant's are in memory (package fanout), from where the writer takes them in turn. Replicas
// may work on the same note: the row is locked for a piece, and says where the next one begins.

// makePieces makes the pieces' deliveries.
func (b *batch) makePieces() error {
	if len(b.pieces) == 0 {
		return nil
	}
	seqs := make([]int64, len(b.pieces))
	for i, p := range b.pieces {
		seqs[i] = p.Seq
	}
	rows, err := b.DB.Raw("SELECT seq, after_webhook FROM fanouts WHERE seq IN ?"+b.s.db.SkipLocked("fanouts"), seqs).Rows()
	if err != nil {
		return fmt.Errorf("read fan-outs: %w", err)
	}
	after, err := pairs(rows)
	if err != nil {
		return fmt.Errorf("read fan-outs: %w", err)
	}
	if err := b.holdUp(); err != nil {
		return err
	}
	var claims []*Claimed
	var targets []*Target
	var done []int64
	for _, p := range b.pieces {
		if !p.Start(after) {
			continue
		}
		targets = b.s.routes.After(targets[:0], p.TenantID, p.Event.Type, p.After, p.LastWebhook, p.N)
		if p.Done = len(targets) < p.N; p.Done {
			done = append(done, p.Seq)
		} else {
			p.After = targets[len(targets)-1].Seq
		}
		p.Made = len(targets)
		from := len(claims)
		for _, to := range targets {
			if to = b.target(to.ID); to != nil && to.DeletedAt == nil && b.wants(p.Wanted, to, p.Event) {
				claims = append(claims, b.delivery(p.Event, to, webhook.TriggerSchedule))
			}
		}
		if b.s.fans.Careful(p.Seq) {
			missing, err := b.missing(claims[from:])
			if err != nil {
				return err
			}
			claims = claims[:from+len(missing)]
		}
	}
	reserved := len(b.reserved)
	if err := b.insertDeliveries(claims); err != nil {
		return err
	}
	taken := map[*webhook.Event]int{}
	for _, claimed := range b.reserved[reserved:] {
		taken[claimed.Event]++
	}
	b.s.dispatcher().Batch(func(t Dispatcher) {
		for _, p := range b.pieces {
			p.Wait = 2*taken[p.Event] < p.Made || t.Busy(p.TenantID)
		}
	})
	return b.moveNotes(done)
}

// queueBehindNotes marks the events whose deliveries are made later, although they are few, because a note with their ordering key comes first.
func (b *batch) queueBehindNotes(events []*incoming) error {
	var keyed []*incoming
	var rows [][]any
	for _, in := range events {
		if in.event.OrderingKey != nil && in.only == nil && b.s.routes.Ordered(in.event.TenantID) {
			rows = append(rows, []any{in.event.TenantID, *in.event.OrderingKey, len(keyed)})
			keyed = append(keyed, in)
		}
	}
	if len(keyed) == 0 {
		return nil
	}
	columns := []dialect.Column{{Name: "tenant_id", Kind: "uuid"}, {Name: "ordering_key", Kind: "text"}, {Name: "n", Kind: "integer"}}
	var behind []int
	err := b.DB.Raw("SELECT v.n FROM "+b.s.db.Rows(columns)+` AS v WHERE EXISTS
		(SELECT 1 FROM fanouts f WHERE f.tenant_id = v.tenant_id AND f.ordering_key = v.ordering_key)`, string(dialect.CompactJSON(rows))).Scan(&behind).Error
	if err != nil {
		return fmt.Errorf("look for fan-outs with an ordering key: %w", err)
	}
	for _, n := range behind {
		keyed[n].later = true
	}
	return nil
}

// keyed is an ordering key of a tenant.
type keyed struct {
	tenant webhook.ID
	key    string
}

// keyOf is the event's ordering key; the zero value if it has none.
func keyOf(e *webhook.Event) keyed {
	if e.OrderingKey == nil {
		return keyed{}
	}
	return keyed{e.TenantID, *e.OrderingKey}
}

// holdUp marks the pieces whose events come after another one with the same ordering key.
func (b *batch) holdUp() error {
	var keyed []int64
	for _, p := range b.pieces {
		if p.Waits = false; p.OrderingKey != nil {
			keyed = append(keyed, p.Seq)
		}
	}
	if len(keyed) == 0 {
		return nil
	}
	blocked, err := fanout.Blocked(b.DB, keyed)
	if err != nil {
		return err
	}
	for _, p := range b.pieces {
		p.Waits = blocked[p.Seq]
	}
	return nil
}

// moveNotes writes down how far the pieces have come.
func (b *batch) moveNotes(done []int64) error {
	if len(done) > 0 {
		if err := b.DB.Exec("DELETE FROM fanouts WHERE seq IN ?", done).Error; err != nil {
			return fmt.Errorf("end fan-outs: %w", err)
		}
	}
	for _, p := range b.pieces {
		if p.Done || p.Held || p.Waits {
			continue
		}
		if err := b.DB.Exec("UPDATE fanouts SET after_webhook = ?, size = ? WHERE seq = ?", p.After, max(1, p.Size-p.Made), p.Seq).Error; err != nil {
			return fmt.Errorf("move fan-out: %w", err)
		}
	}
	return nil
}

// missing leaves out deliveries that are there already, whoever made them.
func (b *batch) missing(claims []*Claimed) ([]*Claimed, error) {
	kept := claims[:0]
	for _, claimed := range claims {
		var n int64
		of, day := b.s.dayOf(claimed.Event.ID)
		if err := b.DB.Raw("SELECT COUNT(*) FROM deliveries WHERE event_id = ? AND webhook_id = ?"+of, append([]any{claimed.Event.ID, claimed.Target.ID}, day...)...).Scan(&n).Error; err != nil {
			return nil, fmt.Errorf("look for a delivery: %w", err)
		}
		if n == 0 {
			kept = append(kept, claimed)
		}
	}
	return kept, nil
}

// pairs reads rows of two numbers.
func pairs(rows *sql.Rows) (map[int64]int64, error) {
	defer func() { _ = rows.Close() }()
	found := map[int64]int64{}
	for rows.Next() {
		var k, v int64
		if err := rows.Scan(&k, &v); err != nil {
			return nil, err
		}
		found[k] = v
	}
	return found, rows.Err()
}
