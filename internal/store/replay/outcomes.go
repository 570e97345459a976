package replay

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Outcomes is what one transaction does with deliveries of replays. The zero value has none, and costs nothing.
type Outcomes struct{ all []outcome }

type outcome struct {
	replay    webhook.ID
	delivery  int64
	first     bool // it is the first attempt since the replay made it due, or there was none
	attempted bool
	ended     webhook.DeliveryStatus // "": it goes on, or has ended before
}

// Attempted notes a recorded attempt of a delivery that is part of the replay, and then is of that status. ended says that it has ended by that.
// The claim may say another replay: the delivery was canceled and retried while its attempt ran, and has left it.
func (o *Outcomes) Attempted(replay *webhook.ID, d *webhook.Delivery, status webhook.DeliveryStatus, ended bool) {
	if replay == nil {
		return
	}
	one := outcome{replay: *replay, delivery: d.Seq, attempted: true, first: d.Trigger != webhook.TriggerSchedule}
	if ended {
		one.ended = status
	}
	o.all = append(o.all, one)
}

// Ended notes that a delivery ends without an attempt, or leaves the replay: it is skipped if it was not sent yet, and else has failed.
func (o *Outcomes) Ended(replay *webhook.ID, delivery int64) {
	if replay != nil {
		o.all = append(o.all, outcome{replay: *replay, delivery: delivery, first: true, ended: webhook.Canceled})
	}
}

// Retried notes that a delivery that waits is retried by hand: it leaves the replay if it was not sent yet.
func (o *Outcomes) Retried(replay *webhook.ID, delivery int64) {
	if replay != nil {
		o.all = append(o.all, outcome{replay: *replay, delivery: delivery, first: true})
	}
}

// Any reports whether there are any.
func (o *Outcomes) Any() bool { return len(o.all) > 0 }

// tally is how the counters of a replay change.
type tally struct{ started, succeeded, failed, skipped int }

// Write takes deliveries out of the queues, in one statement, and counts. Rows of replays are changed in the order of their ids, so that
// two transactions never wait for each other. A transaction in the name of a tenant gives that.
func (o *Outcomes) Write(b *dialect.Tx, db dialect.DB, tenant *webhook.ID) error {
	waited, err := o.leave(b, db, tenant)
	if err != nil {
		return err
	}
	of := map[webhook.ID]*tally{}
	for _, one := range o.all {
		t := of[one.replay]
		if t == nil {
			t = &tally{}
			of[one.replay] = t
		}
		left := waited[one.delivery]
		switch {
		case left && one.attempted:
			t.started++
		case left:
			t.skipped++
			continue
		}
		switch one.ended {
		case webhook.DeliverySucceeded:
			t.succeeded++
		case webhook.DeliveryFailed, webhook.Canceled:
			t.failed++
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(of), func(x, y webhook.ID) int { return cmp.Compare(string(x[:]), string(y[:])) }) {
		t := of[id]
		if *t == (tally{}) {
			continue
		}
		more, args := "", append(append([]any{t.started, t.succeeded, t.failed, t.skipped}, paced(b)...), id)
		if tenant != nil {
			more, args = " AND tenant_id = ?", append(args, *tenant)
		}
		if err := b.DB.Exec("UPDATE replays SET started = started + ?, succeeded = succeeded + ?, failed = failed + ?, skipped = skipped + ?, "+pace+" WHERE id = ?"+more, args...).Error; err != nil {
			return fmt.Errorf("count deliveries of a replay: %w", err)
		}
	}
	return nil
}

// leave takes out of the queues what waits there, and returns it.
func (o *Outcomes) leave(b *dialect.Tx, db dialect.DB, tenant *webhook.ID) (map[int64]bool, error) {
	var seqs []int64
	for _, one := range o.all {
		if one.first {
			seqs = append(seqs, one.delivery)
		}
	}
	if len(seqs) == 0 {
		return nil, nil
	}
	text, arg := db.Among("delivery", seqs)
	more, args := "", []any{arg, false}
	if tenant != nil {
		more, args = " AND tenant_id = ?", append(args, *tenant)
	}
	var left []int64
	if err := b.DB.Raw("DELETE FROM replay_queue WHERE "+text+" AND parked = ?"+more+" RETURNING delivery", args...).Scan(&left).Error; err != nil {
		return nil, fmt.Errorf("leave the queues of replays: %w", err)
	}
	was := make(map[int64]bool, len(left))
	for _, seq := range left {
		was[seq] = true
	}
	return was, nil
}
