package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// seqBits is how many bits of a seq number the rows of one transaction; the others are the transaction's id.
const seqBits = 20

// pgBatch is what a transaction knows of itself.
type pgBatch struct {
	next    map[*table]int64 // the seq of the next row
	version int64            // of webhooks, once lockTargets was called
}

// errFenced says that this node's claims were taken from it: it must join again before it may write.
var errFenced = errors.New("this node's lease has ended")

// transaction implements dialect. When it is unknown whether the commit has happened, it finds out.
func (p *postgresDB) transaction(b *batch, do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if p.lease.Load() != nil {
		if err := p.makeDays(ctx, time.Now()); err != nil {
			return err
		}
	}
	if p.rejoin.Load() {
		if err := p.join(ctx); err != nil {
			return err
		}
	}
	begun, err := p.try(ctx, b, do)
	if errors.Is(err, errFenced) { // nothing was done
		if err := p.join(ctx); err != nil {
			return err
		}
		begun, err = p.try(ctx, b, do)
	}
	if err == nil {
		return nil
	}
	if !begun || !lost(err) {
		return err // it is not there
	}
	return p.resolve(b, err)
}

// lost reports whether the error is of the connection, or of the server's end: nothing is known of the transaction then.
func lost(err error) bool {
	refused := (*pgconn.PgError)(nil)
	if errors.As(err, &refused) {
		return refused.Code[:2] == "57"
	}
	return !expected(err)
}

func (p *postgresDB) try(ctx context.Context, b *batch, do func() error) (begun bool, err error) {
	p.number++
	b.pg = pgBatch{}
	err = p.s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		b.tx = tx
		if err := p.begin(ctx, b); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		begun = true
		if err := do(); err != nil {
			return err
		}
		return p.noteTargets(b)
	})
	if err == nil && b.pg.version > 0 {
		p.known.Store(b.pg.version)
	}
	return begun, err
}

// begin renews the lease, so that nobody can take the claims before the transaction ends; learns its id and the time; and
// looks whether others have changed webhooks.
func (p *postgresDB) begin(ctx context.Context, b *batch) error {
	var first, version int64
	var now time.Time
	var row *sql.Row
	l := p.lease.Load()
	started := time.Now()
	if l == nil {
		row = b.sqlTx().QueryRowContext(ctx, `SELECT (pg_current_xact_id()::text::bigint + xid_base) << $1::int, webhooks, clock_timestamp() FROM store`, seqBits)
	} else {
		row = b.sqlTx().QueryRowContext(ctx, `UPDATE nodes SET batch = $2, expires_at = clock_timestamp() + $4::interval FROM store
			WHERE nodes.seq = $1 AND nodes.voided_at IS NULL
			RETURNING (pg_current_xact_id()::text::bigint + store.xid_base) << $3::int, store.webhooks, clock_timestamp()`, l.node, p.number, seqBits, leaseTime)
	}
	err := row.Scan(&first, &version, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return errFenced
	}
	if err != nil {
		return err
	}
	if l != nil {
		l.renewed(started)
	}
	b.now = now.UTC()
	b.pg.next = map[*table]int64{eventsTable: first, deliveriesTable: first, attemptsTable: first}
	if version > p.known.Load() {
		return p.readTargets(b, version)
	}
	return nil
}

// readTargets takes over what others have changed up to the version.
func (p *postgresDB) readTargets(b *batch, version int64) error {
	changed, err := p.s.readTargets(b.tx, "version > ?", p.known.Load())
	if err != nil {
		return err
	}
	p.s.routes.change(changed)
	p.known.Store(version)
	for _, to := range changed {
		p.s.dispatcher().Changed(to)
	}
	return nil
}

// lockTargets implements dialect.
func (p *postgresDB) lockTargets(b *batch) error {
	if b.pg.version > 0 {
		return nil
	}
	var version int64
	if err := b.tx.Raw("UPDATE store SET webhooks = webhooks + 1 RETURNING webhooks").Scan(&version).Error; err != nil {
		return fmt.Errorf("lock webhooks: %w", err)
	}
	b.pg.version = version
	if version-1 > p.known.Load() {
		return p.readTargets(b, version-1)
	}
	return nil
}

// noteTargets marks the webhooks that were changed, for the others.
func (p *postgresDB) noteTargets(b *batch) error {
	if len(b.targets) == 0 {
		return nil
	}
	if err := p.lockTargets(b); err != nil {
		return err
	}
	ids := make([]webhook.ID, 0, len(b.targets))
	for id := range b.targets {
		ids = append(ids, id)
	}
	if err := b.tx.Exec("UPDATE webhooks SET version = ? WHERE id IN ?", b.pg.version, ids).Error; err != nil {
		return fmt.Errorf("note changed webhooks: %w", err)
	}
	return nil
}

// resolveTime is how long a batch waits for word of its commit.
const resolveTime = 10 * time.Second

// resolve finds out whether a transaction that the connection was lost in has been committed, from the number that it wrote
// down. When PostgreSQL stays away the node gives up its claims, so that none is left that nobody knows of.
func (p *postgresDB) resolve(b *batch, err error) error {
	l := p.lease.Load()
	if l == nil {
		return err
	}
	p.s.log.Warn("connection lost during commit; checking whether it succeeded", slog.Any("error", err))
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		var number int64
		// Waits for the transaction's end when it is running still.
		asked := p.side.QueryRowContext(ctx, "SELECT batch FROM nodes WHERE seq = $1 AND voided_at IS NULL FOR UPDATE", l.node).Scan(&number)
		switch {
		case asked == nil && number == p.number:
			if b.pg.version > 0 {
				p.known.Store(b.pg.version)
			}
			return nil
		case asked == nil:
			return err
		case errors.Is(asked, sql.ErrNoRows):
			return err // the claims are void already
		}
		select {
		case <-ctx.Done():
			l.end()
			p.rejoin.Store(true)
			return err
		case <-time.After(wait):
		}
	}
}

// columnTypes are those that columns of history have.
var columnTypes = map[string]string{
	"id": "uuid", "tenant_id": "uuid", "event_id": "uuid", "webhook_id": "uuid", "delivery_id": "uuid",
	"timestamp": "timestamptz", "created_at": "timestamptz", "due_at": "timestamptz", "started_at": "timestamptz",
	"data": "bytea", "response_body": "bytea", "signed_by": "bytea",
	"claimed_by": "bigint", "duration_us": "bigint", "dns_us": "bigint", "connect_us": "bigint", "tls_us": "bigint", "first_byte_us": "bigint",
	"number": "integer", "response_status": "integer", "response_truncated": "boolean",
	"type": "text", "event_type": "text", "triggered_by": "text", "status": "text", "error": "text", "message": "text", "url": "text",
	"request_headers": "text", "response_headers": "text", "tags": "text",
}

// pgInsertion inserts any number of rows, given column by column, in one statement.
func pgInsertion(t *table) string {
	columns := strings.Split(t.columns, ", ")
	arrays, names := []string{"$1::date[]", "$2::bigint[]"}, "day, seq"
	for i, c := range columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+3)+"::"+columnTypes[c]+"[]")
	}
	fixed, values := "", ""
	if t.fixed != "" {
		fixed, values = ", "+t.fixed, ", "+t.values
	}
	return "INSERT INTO " + t.name + " (" + names + ", " + t.columns + fixed + ") SELECT *" + values + " FROM unnest(" + strings.Join(arrays, ", ") + ")"
}

var pgInsertions = map[*table]string{
	eventsTable: pgInsertion(eventsTable), deliveriesTable: pgInsertion(deliveriesTable), attemptsTable: pgInsertion(attemptsTable),
}

// insert implements dialect.
func (p *postgresDB) insert(b *batch, t *table, rows int, when func(i int) time.Time, row func(p *params, i int)) (first int64, err error) {
	first = b.pg.next[t]
	b.pg.next[t] += int64(rows)
	if first>>seqBits != (first+int64(rows))>>seqBits {
		return 0, fmt.Errorf("one transaction cannot write %d rows more", rows)
	}
	width := strings.Count(t.columns, ",") + 1
	columns := make([][]any, width)
	for c := range columns {
		columns[c] = make([]any, rows)
	}
	days, seqs := make([]time.Time, rows), make([]int64, rows)
	var values params
	for i := range rows {
		days[i], seqs[i] = dayOf(when(i)).start(), first+int64(i)
		values.reset(0)
		row(&values, i)
		for c, v := range values.values {
			if text, ok := v.(string); ok {
				v = storable(text)
			}
			columns[c][i] = v
		}
	}
	args := make([]any, 0, width+2)
	args = append(args, days, seqs)
	for _, c := range columns {
		args = append(args, c)
	}
	_, err = b.sqlTx().ExecContext(b.context(), pgInsertions[t], args...)
	return first, err
}

// storable is the text as PostgreSQL takes it: receivers answer with any bytes.
func storable(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// context is the transaction's.
func (b *batch) context() context.Context { return b.tx.Statement.Context }

// Where PostgreSQL knows nothing of a table that has just begun to grow, it must have one way only to find these rows: by
// their seq. IS TRUE keeps it from the index on claimed_by, and joining by day from looking through all of a day.
const (
	pgSucceeded = `UPDATE deliveries SET attempt_count = attempt_count + 1, claimed_by = NULL, due_at = NULL, triggered_by = 'SCHEDULE',
		status = 'SUCCEEDED', completed_at = $5
		WHERE day = $1 AND seq = ANY ($3) AND (claimed_by = $2) IS TRUE AND attempt_count = $4 RETURNING seq, status, schedule_start`
	pgFinish = `UPDATE deliveries d SET attempt_count = v.n, claimed_by = NULL, triggered_by = 'SCHEDULE',
		status = CASE WHEN d.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN 'CANCELED' ELSE v.status END,
		due_at = CASE WHEN d.status = 'CANCELED' THEN NULL ELSE v.due_at END,
		completed_at = CASE WHEN d.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN d.completed_at ELSE v.completed_at END,
		failure_reason = CASE WHEN d.status <> 'CANCELED' AND v.status = 'FAILED' THEN 'RETRIES_EXHAUSTED' END
		FROM unnest($1::date[], $3::bigint[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[])
		AS v (day, seq, n, status, due_at, completed_at)
		WHERE d.day = v.day AND d.seq = v.seq AND (d.claimed_by = $2) IS TRUE AND d.attempt_count = v.n - 1
		RETURNING d.seq, d.status, d.schedule_start`
)

// finish implements dialect: one statement for those that succeed after as many attempts, which are most, and one for the others.
func (p *postgresDB) finish(b *batch, outcomes []outcome) (map[int64]finished, error) {
	type group struct {
		day      day
		attempts int
	}
	held := make(map[int64]finished, len(outcomes))
	node := p.lease.Load().node
	succeeded := map[group][]int64{}
	var others []*outcome
	for i := range outcomes {
		o := &outcomes[i]
		d := &o.Claimed.Delivery
		switch l := o.Claimed.lease; {
		case l == nil || l.node != node: // lost
		case o.status == webhook.DeliverySucceeded:
			g := group{dayOf(o.Claimed.Event.CreatedAt), d.AttemptCount}
			succeeded[g] = append(succeeded[g], d.Seq)
		default:
			others = append(others, o)
		}
	}
	for g, seqs := range succeeded {
		slices.Sort(seqs) // in one order, so that two transactions never wait for each other
		if err := b.finished(held, pgSucceeded, g.day.start(), node, seqs, g.attempts, at(b.now)); err != nil {
			return nil, err
		}
	}
	if len(others) == 0 {
		return held, nil
	}
	slices.SortFunc(others, func(a, b *outcome) int { return cmp.Compare(a.Claimed.Delivery.Seq, b.Claimed.Delivery.Seq) })
	n := len(others)
	days, seqs, numbers, statuses := make([]time.Time, n), make([]int64, n), make([]int32, n), make([]string, n)
	due, completed := make([]any, n), make([]any, n)
	for i, o := range others {
		d := &o.Claimed.Delivery
		days[i], seqs[i], statuses[i] = dayOf(o.Claimed.Event.CreatedAt).start(), d.Seq, string(o.status)
		numbers[i] = int32(d.AttemptCount + 1) //nolint:gosec // a small count
		due[i], completed[i] = maybeAt(o.due), maybeAt(o.completed)
	}
	return held, b.finished(held, pgFinish, days, node, seqs, numbers, statuses, due, completed)
}

// finished runs a statement that finishes deliveries, and notes which.
func (b *batch) finished(held map[int64]finished, text string, args ...any) error {
	rows, err := b.sqlTx().QueryContext(b.context(), text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		var is finished
		if err := rows.Scan(&seq, &is.status, &is.start); err != nil {
			return err
		}
		held[seq] = is
	}
	return rows.Err()
}

// claimedBy implements dialect.
func (p *postgresDB) claimedBy(claimed *Claimed) int64 {
	claimed.lease = p.lease.Load()
	return claimed.lease.node
}

const pgDue = `SELECT d.seq, d.id, d.event_id, d.attempt_count, d.schedule_start, d.triggered_by, d.created_at, e.seq, e.type,
	e.timestamp, e.created_at, e.data FROM deliveries d JOIN events e ON e.day = d.day AND e.id = d.event_id
	WHERE d.webhook_id = $1 AND d.due_at <= $2 ORDER BY d.due_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED`

// claim implements dialect. What another node claims at the same time is passed over.
func (p *postgresDB) claim(b *batch, to *Target, n, maxBytes int) ([]*Claimed, error) {
	rows, err := b.sqlTx().QueryContext(b.context(), pgDue, to.ID, at(b.now), n)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var claims []*Claimed
	left := maxBytes
	for rows.Next() {
		claimed, err := scanClaimed(rows, to)
		if err != nil {
			return nil, err
		}
		if left -= claimed.Size(); left < 0 && len(claims) > 0 {
			break
		}
		claimed.lease = p.lease.Load()
		claims = append(claims, claimed)
	}
	if err := errors.Join(rows.Close(), rows.Err()); err != nil {
		return nil, err
	}
	return claims, p.move(b, claims, "UPDATE deliveries SET claimed_by = $1, due_at = NULL WHERE day = $2 AND seq = ANY ($3)")
}

// move runs a statement of this node's on claimed deliveries, for each day that they are of.
func (p *postgresDB) move(b *batch, claims []*Claimed, text string, more ...any) error {
	type key struct {
		day
		node int64
	}
	groups := map[key][]int64{}
	for _, claimed := range claims {
		k := key{dayOf(claimed.Event.CreatedAt), claimed.lease.node}
		groups[k] = append(groups[k], claimed.Delivery.Seq)
	}
	for k, seqs := range groups {
		slices.Sort(seqs)
		args := append([]any{k.node, k.start(), seqs}, more...)
		if _, err := b.sqlTx().ExecContext(b.context(), text, args...); err != nil {
			return err
		}
	}
	return nil
}

// nextDue implements dialect.
func (p *postgresDB) nextDue(b *batch, to *Target) (*time.Time, error) {
	var due *micros
	err := b.sqlTx().QueryRowContext(b.context(),
		"SELECT due_at FROM deliveries WHERE webhook_id = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1", to.ID).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return maybeTime(due), err
}

// unclaim implements dialect.
func (p *postgresDB) unclaim(b *batch, claims []*Claimed) error {
	return p.move(b, claims, `UPDATE deliveries SET claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN $4::timestamptz END
		WHERE (claimed_by = $1) IS TRUE AND day = $2 AND seq = ANY ($3)`, at(b.now))
}

// rows implements dialect.
func (p *postgresDB) rows(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		value := "(value ->> " + strconv.Itoa(i) + ")"
		if c.kind == "timestamptz" {
			value = "timestamptz 'epoch' + " + value + "::bigint * interval '1 microsecond'"
		} else {
			value += "::" + c.kind
		}
		list[i] = value + " AS " + c.name
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM json_array_elements(CAST(? AS text)::json))"
}

// skipLocked implements dialect.
func (p *postgresDB) skipLocked(of string) string { return " FOR UPDATE OF " + of + " SKIP LOCKED" }

// among implements dialect.
func (p *postgresDB) among(column string, values []int64) (text string, arg any) {
	list := strings.Trim(string(compactJSON(values)), "[]")
	return column + " = ANY (CAST(CAST(? AS text) AS bigint[]))", "{" + list + "}"
}

// published implements dialect.
func (p *postgresDB) published(column string, from, to time.Time) (text string, args []any) {
	return " AND " + column + " BETWEEN ? AND ?", []any{dayOf(from).start(), dayOf(to).start()}
}
