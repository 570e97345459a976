package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// insertion is the statement that inserts into a table. With OR FAIL, here and below, a failed statement leaves its changes to the rollback
// of the transaction. Otherwise SQLite keeps copies of every page that the statement changes, as many bytes as it writes to the log, in
// temporary files.
func insertion(t *dialect.Table) *statement {
	columns, row := t.Columns, "?"+strings.Repeat(", ?", strings.Count(t.Columns, ","))
	if t.Fixed != "" {
		columns, row = columns+", "+t.Fixed, row+", "+t.Values
	}
	return &statement{before: "INSERT OR FAIL INTO " + t.Name + " (" + columns + ") VALUES ", row: "(" + row + ")"}
}

var insertions = map[*dialect.Table]*statement{
	dialect.EventsTable:     insertion(dialect.EventsTable),
	dialect.DeliveriesTable: insertion(dialect.DeliveriesTable),
	dialect.AttemptsTable:   insertion(dialect.AttemptsTable),
}

var lastInserted = &statement{row: "SELECT last_insert_rowid()"}

// Insert implements dialect.DB. The rows follow one another without gaps because the only writer is this transaction.
func (q *DB) Insert(_ *dialect.Tx, t *dialect.Table, rows int, _ func(i int) time.Time, row func(p *dialect.Params, i int)) (first int64, err error) {
	p := &q.params
	p.Reset(strings.Count(t.Columns, ",") + 1)
	for next, waiting := 0, 0; next < rows || waiting > 0; {
		for ; next < rows && waiting < maxRows && p.Bytes < maxRowBytes; next++ {
			row(p, next)
			waiting++
		}
		n := powerOfTwo(waiting)
		if err := q.direct.run(insertions[t], n, p.Values[:n*p.Width], nil); err != nil {
			return 0, err
		}
		p.Drop(n)
		waiting -= n
	}
	err = q.direct.run(lastInserted, 1, nil, func(row []driver.Value) { first = row[0].(int64) - int64(rows) + 1 })
	return first, err
}

// finishDeliveries moves deliveries on, if this node still holds them and the attempt is the next.
var finishDeliveries = &statement{
	before: "WITH v (seq, n, status, due_at, completed_at, reason) AS (VALUES ",
	row:    "(CAST(? AS bigint), CAST(? AS bigint), ?, ?, ?, ?)",
	after: `) UPDATE OR FAIL deliveries SET ` + dialect.Ends + `
		FROM v WHERE deliveries.seq = v.seq AND deliveries.claimed_by = ? AND deliveries.attempt_count = v.n - 1
		RETURNING ` + dialect.Ended,
}

// finishSucceeded is finishDeliveries for deliveries that succeed after the same number of attempts and were not canceled: the common case.
var finishSucceeded = &statement{
	before: "UPDATE OR FAIL deliveries SET " + dialect.Succeeds + ", completed_at = ? WHERE +claimed_by = ? AND attempt_count = ? AND status = 'PENDING' AND seq IN (",
	row:    "?",
	after:  ") RETURNING " + dialect.Ended,
}

// Finish implements dialect.DB.
func (q *DB) Finish(b *dialect.Tx, outcomes []dialect.Outcome) (map[int64]dialect.Finished, error) {
	held := make(map[int64]dialect.Finished, len(outcomes))
	was := webhook.Pending
	keep := func(row []driver.Value) {
		seq, status, start := row[0].(int64), row[1].(string), row[2].(int64)
		is := dialect.Finished{Status: webhook.DeliveryStatus(status), Start: int(start), Was: was}
		if is.Status == webhook.Canceled || was == webhook.Canceled && is.Status == webhook.DeliverySucceeded {
			is.Was = webhook.Canceled
		}
		if of, ok := row[3].([]byte); ok {
			is.Replay = new(webhook.ID(of))
		}
		held[seq] = is
	}
	p := &q.params
	succeeded := map[int][]int64{} // Seqs by attempt count
	var others []*dialect.Outcome
	for i := range outcomes {
		o := &outcomes[i]
		if d := &o.Claimed.Delivery; o.Status == webhook.DeliverySucceeded {
			succeeded[d.AttemptCount] = append(succeeded[d.AttemptCount], d.Seq)
		} else {
			others = append(others, o)
		}
	}
	for attempts, seqs := range succeeded {
		err := chunks(len(seqs), func(from, to int) error {
			p.Reset(0)
			p.Time(b.Now)
			p.Int(q.node)
			p.Int(int64(attempts))
			for _, seq := range seqs[from:to] {
				p.Int(seq)
			}
			return q.direct.run(finishSucceeded, to-from, p.Values, keep)
		})
		if err != nil {
			return nil, err
		}
	}
	if err := q.finish(others, keep); err != nil {
		return nil, err
	}
	// A success that is missing here was canceled in the meantime, or is no longer claimed.
	var canceled []*dialect.Outcome
	for i := range outcomes {
		o := &outcomes[i]
		if _, done := held[o.Claimed.Delivery.Seq]; !done && o.Status == webhook.DeliverySucceeded {
			canceled = append(canceled, o)
		}
	}
	was = webhook.Canceled
	return held, q.finish(canceled, keep)
}

func (q *DB) finish(outcomes []*dialect.Outcome, keep func(row []driver.Value)) error {
	p := &q.params
	return chunks(len(outcomes), func(from, to int) error {
		p.Reset(0)
		for _, o := range outcomes[from:to] {
			p.Int(o.Claimed.Delivery.Seq)
			p.Int(int64(o.Claimed.Delivery.AttemptCount + 1))
			p.Text(string(o.Status))
			p.MaybeTime(o.Due)
			p.MaybeTime(o.Completed)
			p.Text(string(o.Reason))
		}
		p.Int(q.node)
		return q.direct.run(finishDeliveries, to-from, p.Values, keep)
	})
}

// Claim implements dialect.DB.
func (q *DB) Claim(b *dialect.Tx, to *dialect.Target, n, maxBytes int) ([]*dialect.Claimed, error) {
	var claims []*dialect.Claimed
	left := maxBytes
	rows, err := b.SQL().QueryContext(context.Background(), dueDeliveries, to.ID, dialect.At(b.Now), n)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		claimed, err := dialect.ScanClaimed(rows, to)
		if err != nil {
			return nil, err
		}
		if left -= claimed.Size(); left < 0 && len(claims) > 0 {
			break
		}
		claims = append(claims, claimed)
	}
	if err := errors.Join(rows.Close(), rows.Err()); err != nil {
		return nil, err
	}
	return claims, chunks(len(claims), func(from, to int) error {
		q.params.Reset(0)
		q.params.Int(q.node)
		for _, claimed := range claims[from:to] {
			q.params.Int(claimed.Delivery.Seq)
		}
		return q.direct.run(claimDeliveries, to-from, q.params.Values, nil)
	})
}

// The driver keeps these prepared.
var (
	nextDueDelivery = PlannedOnce(dialect.NextDue("?"))
	dueDeliveries   = PlannedOnce("SELECT " + dialect.Due + ` FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.webhook_id = ? AND d.due_at <= ? ORDER BY d.due_at LIMIT ?`)
)

var claimDeliveries = &statement{
	before: "UPDATE OR FAIL deliveries SET claimed_by = ?, due_at = NULL WHERE seq IN (",
	row:    "?",
	after:  ")",
}

var unclaimDeliveries = &statement{
	before: "UPDATE OR FAIL deliveries SET " + dialect.Unclaims("?") + " WHERE claimed_by = ? AND seq IN (",
	row:    "?",
	after:  ")",
}

// NextDue implements dialect.DB.
func (q *DB) NextDue(b *dialect.Tx, to *dialect.Target) (*time.Time, error) {
	var due *dialect.Micros
	err := b.SQL().QueryRowContext(context.Background(), nextDueDelivery, to.ID).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return dialect.MaybeTime(due), err
}

// Unclaim implements dialect.DB.
func (q *DB) Unclaim(b *dialect.Tx, claims []*dialect.Claimed) error {
	return chunks(len(claims), func(from, to int) error {
		q.params.Reset(0)
		q.params.Time(b.Now)
		q.params.Int(q.node)
		for _, claimed := range claims[from:to] {
			q.params.Int(claimed.Delivery.Seq)
		}
		return q.direct.run(unclaimDeliveries, to-from, q.params.Values, nil)
	})
}

// LockLines implements dialect.DB. There is no other writer.
func (q *DB) LockLines(*dialect.Tx, func() []webhook.ID) error { return nil }

var promoteHeads = PlannedOnce("UPDATE OR FAIL deliveries SET " + dialect.Promotes("?") + `
	WHERE place > 0 AND seq IN (SELECT (SELECT d.seq FROM deliveries d INDEXED BY deliveries_line
		WHERE d.line = unhex(v.value, '-') AND d.place IS NOT NULL ORDER BY d.place LIMIT 1) FROM json_each(?) v)
	RETURNING ` + dialect.HeadColumns)

// Promote implements dialect.DB.
func (q *DB) Promote(b *dialect.Tx, lines []webhook.ID) ([]dialect.Head, error) {
	rows, err := b.SQL().QueryContext(context.Background(), promoteHeads, dialect.At(b.Now), string(dialect.CompactJSON(lines)))
	if err != nil {
		return nil, err
	}
	return dialect.ScanHeads(rows)
}
