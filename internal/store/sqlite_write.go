package store

import (
	"database/sql"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// insertion is the statement that inserts into a table.
func (t *table) insertion() *statement {
	columns, row := t.columns, "?"+strings.Repeat(", ?", strings.Count(t.columns, ","))
	if t.fixed != "" {
		columns, row = columns+", "+t.fixed, row+", "+t.values
	}
	return &statement{before: "INSERT INTO " + t.name + " (" + columns + ") VALUES ", row: "(" + row + ")"}
}

var insertions = map[*table]*statement{
	eventsTable:     eventsTable.insertion(),
	deliveriesTable: deliveriesTable.insertion(),
	attemptsTable:   attemptsTable.insertion(),
}

// insert is dialect's. The rows follow one another without gaps because the only writer is this transaction.
func (q *sqliteDB) insert(b *batch, t *table, rows int, _ func(i int) time.Time, values func(args []any, i int) []any) (first int64, err error) {
	args := make([]any, 0, 24*min(rows, maxRows))
	err = chunks(rows, func(from, to int) error {
		args = args[:0]
		for i := from; i < to; i++ {
			args = values(args, i)
		}
		res, err := q.exec(b, insertions[t], to-from, args)
		if err != nil {
			return err
		}
		last, err := res.LastInsertId()
		if from == 0 {
			first = last - int64(to-from) + 1
		}
		return err
	})
	return first, err
}

// finishDeliveries moves deliveries on, if this node still holds them and the attempt is the next. One that was canceled
// while its attempt ran stays so, unless the attempt succeeded.
var finishDeliveries = &statement{
	before: "WITH v (seq, n, status, due_at, completed_at) AS (VALUES ",
	row:    "(CAST(? AS bigint), CAST(? AS bigint), ?, ?, ?)",
	after: `) UPDATE deliveries SET attempt_count = v.n, claimed_by = NULL, triggered_by = 'SCHEDULE',
		status = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN 'CANCELED' ELSE v.status END,
		due_at = CASE WHEN deliveries.status = 'CANCELED' THEN NULL ELSE v.due_at END,
		completed_at = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN deliveries.completed_at ELSE v.completed_at END
		FROM v WHERE deliveries.seq = v.seq AND deliveries.claimed_by = ? AND deliveries.attempt_count = v.n - 1
		RETURNING deliveries.seq, deliveries.status, deliveries.schedule_start`,
}

// finishSucceeded is finishDeliveries for deliveries that succeed after the same number of attempts: the common case.
var finishSucceeded = &statement{
	before: `UPDATE deliveries SET attempt_count = attempt_count + 1, claimed_by = NULL, due_at = NULL, triggered_by = 'SCHEDULE',
		status = 'SUCCEEDED', completed_at = ? WHERE +claimed_by = ? AND attempt_count = ? AND seq IN (`,
	row:   "?",
	after: ") RETURNING seq, status, schedule_start",
}

// finish is dialect's.
func (q *sqliteDB) finish(b *batch, outcomes []outcome) (map[int64]finished, error) {
	held := make(map[int64]finished, len(outcomes))
	keep := func(r *sql.Rows) error {
		var seq int64
		var is finished
		err := r.Scan(&seq, &is.status, &is.start)
		held[seq] = is
		return err
	}
	succeeded := map[int][]int64{} // Seqs by attempt count
	var others []*outcome
	for i := range outcomes {
		o := &outcomes[i]
		if d := &o.Job.Delivery; o.status == webhook.DeliverySucceeded {
			succeeded[d.AttemptCount] = append(succeeded[d.AttemptCount], d.Seq)
		} else {
			others = append(others, o)
		}
	}
	for attempts, seqs := range succeeded {
		err := chunks(len(seqs), func(from, to int) error {
			args := make([]any, 0, to-from+3)
			args = append(args, at(b.now), q.node, attempts)
			for _, seq := range seqs[from:to] {
				args = append(args, seq)
			}
			return q.query(b, finishSucceeded, to-from, args, keep)
		})
		if err != nil {
			return nil, err
		}
	}
	return held, chunks(len(others), func(from, to int) error {
		args := make([]any, 0, 5*(to-from)+1)
		for _, o := range others[from:to] {
			args = append(args, o.Job.Delivery.Seq, o.Job.Delivery.AttemptCount+1, string(o.status), maybeAt(o.due), maybeAt(o.completed))
		}
		return q.query(b, finishDeliveries, to-from, append(args, q.node), keep)
	})
}

// claim is dialect's.
func (q *sqliteDB) claim(b *batch, h *Hook, n, maxBytes int) ([]*Job, error) {
	var jobs []*Job
	left := maxBytes
	full := false
	err := q.query(b, dueDeliveries, 1, []any{h.ID, at(b.now), n}, func(rows *sql.Rows) error {
		if full {
			return nil
		}
		j, err := scanJob(rows, h)
		if err != nil {
			return err
		}
		if left -= j.Size(); left < 0 && len(jobs) > 0 {
			full = true
			return nil
		}
		jobs = append(jobs, j)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return jobs, chunks(len(jobs), func(from, to int) error {
		args := []any{q.node}
		for _, j := range jobs[from:to] {
			args = append(args, j.Delivery.Seq)
		}
		_, err := q.exec(b, claimDeliveries, to-from, args)
		return err
	})
}

var nextDueDelivery = &statement{
	row: "SELECT due_at FROM deliveries WHERE webhook_id = ? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
}

var dueDeliveries = &statement{
	row: `SELECT d.seq, d.id, d.event_id, d.attempt_count, d.schedule_start, d.triggered_by, d.created_at, e.seq, e.type,
		e.timestamp, e.created_at, e.data FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.webhook_id = ? AND d.due_at <= ? ORDER BY d.due_at LIMIT ?`,
}

var claimDeliveries = &statement{
	before: "UPDATE deliveries SET claimed_by = ?, due_at = NULL WHERE seq IN (",
	row:    "?",
	after:  ")",
}

var unclaimDeliveries = &statement{
	before: `UPDATE deliveries SET claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN ? END
		WHERE claimed_by = ? AND seq IN (`,
	row:   "?",
	after: ")",
}

// nextDue is dialect's.
func (q *sqliteDB) nextDue(b *batch, h *Hook) (*time.Time, error) {
	var due *micros
	err := q.query(b, nextDueDelivery, 1, []any{h.ID}, func(r *sql.Rows) error { return r.Scan(&due) })
	return maybeTime(due), err
}

// unclaim is dialect's.
func (q *sqliteDB) unclaim(b *batch, jobs []*Job) error {
	return chunks(len(jobs), func(from, to int) error {
		args := []any{at(b.now), q.node}
		for _, j := range jobs[from:to] {
			args = append(args, j.Delivery.Seq)
		}
		_, err := q.exec(b, unclaimDeliveries, to-from, args)
		return err
	})
}
