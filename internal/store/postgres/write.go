package postgres

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

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// seqBits is how many bits of a seq number the rows of one transaction; the others are the transaction's id.
const seqBits = 20

// pgBatch is the state of the running transaction.
type pgBatch struct {
	next    map[*dialect.Table]int64 // the seq of the next row
	version int64                    // of webhooks, once lockTargets was called
}

// errFenced says that this node's claims were taken from it: it must join again before it may write.
var errFenced = errors.New("this node's lease has ended")

// Transaction implements dialect.DB. When it is unknown whether the commit has happened, it finds out.
func (p *DB) Transaction(b *dialect.Tx, do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.CommitTime)
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
	if begun && lost(err) {
		return p.resolve(err)
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == codeDeadlock {
		return fmt.Errorf("%w: %w", dialect.ErrDeadlock, err)
	}
	return err // the transaction does not exist
}

// lost reports whether the connection or the server has ended, so that the outcome of the transaction is unknown.
func lost(err error) bool {
	refused := (*pgconn.PgError)(nil)
	if errors.As(err, &refused) {
		return refused.Code[:2] == "57"
	}
	return !dialect.Expected(err)
}

func (p *DB) try(ctx context.Context, b *dialect.Tx, do func() error) (begun bool, err error) {
	p.number++
	p.batch = pgBatch{}
	err = p.s.Write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		b.DB = tx
		if err := p.begin(ctx, b); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		begun = true
		if err := do(); err != nil {
			return err
		}
		return p.noteTargets(b)
	})
	if err == nil && p.batch.version > 0 {
		p.known.Store(p.batch.version)
	}
	return begun, err
}

// begin renews the lease, so that nobody can take the claims before the transaction ends; learns its id and the time; and
// looks whether others have changed webhooks.
func (p *DB) begin(ctx context.Context, b *dialect.Tx) error {
	var first, version int64
	var now time.Time
	var row *sql.Row
	l := p.lease.Load()
	started := time.Now()
	if l == nil {
		row = b.SQL().QueryRowContext(ctx, `SELECT (pg_current_xact_id()::text::bigint + xid_base) << $1::int, webhooks, clock_timestamp() FROM store`, seqBits)
	} else {
		row = b.SQL().QueryRowContext(ctx, `UPDATE nodes SET batch = $2, expires_at = clock_timestamp() + $4::interval FROM store
			WHERE nodes.seq = $1 AND nodes.voided_at IS NULL
			RETURNING (pg_current_xact_id()::text::bigint + store.xid_base) << $3::int, store.webhooks, clock_timestamp()`, l.Node, p.number, seqBits, leaseTime)
	}
	err := row.Scan(&first, &version, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return errFenced
	}
	if err != nil {
		return err
	}
	if l != nil {
		l.Renewed(started.Add(leaseFor))
	}
	b.Now = now.UTC()
	p.batch.next = map[*dialect.Table]int64{dialect.EventsTable: first, dialect.DeliveriesTable: first, dialect.AttemptsTable: first}
	if version > p.known.Load() {
		return p.readTargets(b, version)
	}
	return nil
}

// readTargets takes over what others have changed up to the version.
func (p *DB) readTargets(b *dialect.Tx, version int64) error {
	if err := p.s.TakeOver(b.DB, "version > ?", p.known.Load()); err != nil {
		return err
	}
	var tenants []webhook.ID
	if err := b.DB.Raw("SELECT id FROM tenants WHERE event_types > ?", p.known.Load()).Scan(&tenants).Error; err != nil {
		return fmt.Errorf("find changed event types: %w", err)
	}
	if err := p.s.TakeOverEventTypes(b.DB, tenants); err != nil {
		return err
	}
	p.known.Store(version)
	return nil
}

// LockTargets implements dialect.DB.
func (p *DB) LockTargets(b *dialect.Tx) error {
	if p.batch.version > 0 {
		return nil
	}
	var version int64
	if err := b.DB.Raw("UPDATE store SET webhooks = webhooks + 1 RETURNING webhooks").Scan(&version).Error; err != nil {
		return fmt.Errorf("lock webhooks: %w", err)
	}
	p.batch.version = version
	if version-1 > p.known.Load() {
		return p.readTargets(b, version-1)
	}
	return nil
}

// NoteEventTypes implements dialect.DB.
func (p *DB) NoteEventTypes(b *dialect.Tx, tenant webhook.ID) error {
	if err := p.LockTargets(b); err != nil {
		return err
	}
	if err := b.DB.Exec("UPDATE tenants SET event_types = ? WHERE id = ?", p.batch.version, tenant).Error; err != nil {
		return fmt.Errorf("record changed event types: %w", err)
	}
	return nil
}

// noteTargets marks changed webhooks for the other nodes.
func (p *DB) noteTargets(b *dialect.Tx) error {
	if len(b.Targets) == 0 {
		return nil
	}
	if err := p.LockTargets(b); err != nil {
		return err
	}
	ids := make([]webhook.ID, 0, len(b.Targets))
	for id := range b.Targets {
		ids = append(ids, id)
	}
	if err := b.DB.Exec("UPDATE webhooks SET version = ? WHERE id IN ?", p.batch.version, ids).Error; err != nil {
		return fmt.Errorf("record changed webhooks: %w", err)
	}
	return nil
}

// resolveTime limits how long a batch waits to learn whether it was committed.
const resolveTime = 10 * time.Second

// resolve finds out whether a transaction whose connection was lost has been committed, by the number that it recorded. If PostgreSQL stays
// unreachable, the node gives up its claims, so that no unknown claim remains.
func (p *DB) resolve(err error) error {
	l := p.lease.Load()
	if l == nil {
		return err
	}
	p.s.Log.Warn("connection lost during commit; checking whether it succeeded", slog.Any("error", err))
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		var number int64
		// Waits for the end of the transaction if it is still running.
		asked := p.side.QueryRowContext(ctx, "SELECT batch FROM nodes WHERE seq = $1 AND voided_at IS NULL FOR UPDATE", l.Node).Scan(&number)
		switch {
		case asked == nil && number == p.number:
			if p.batch.version > 0 {
				p.known.Store(p.batch.version)
			}
			return nil
		case asked == nil:
			return err
		case errors.Is(asked, sql.ErrNoRows):
			return err // the claims are void already
		}
		select {
		case <-ctx.Done():
			l.End()
			p.rejoin.Store(true)
			return err
		case <-time.After(wait):
		}
	}
}

// columnTypes are the types of columns in tables of history.
var columnTypes = map[string]string{
	"id": "uuid", "tenant_id": "uuid", "event_id": "uuid", "webhook_id": "uuid", "delivery_id": "uuid", "replay_id": "uuid", "line": "uuid",
	"timestamp": "timestamptz", "created_at": "timestamptz", "due_at": "timestamptz", "started_at": "timestamptz",
	"data": "bytea", "response_body": "bytea", "signed_by": "bytea",
	"claimed_by": "bigint", "duration_us": "bigint", "dns_us": "bigint", "connect_us": "bigint", "tls_us": "bigint", "first_byte_us": "bigint",
	"number": "integer", "response_status": "integer", "response_truncated": "boolean", "test": "boolean",
	"type": "text", "event_type": "text", "triggered_by": "text", "status": "text", "error": "text", "message": "text", "url": "text",
	"request_headers": "text", "response_headers": "text", "tags": "text", "ordering_key": "text", "place": "bigint", "payload_version": "bigint", "deliver_at": "timestamptz", "expires_at": "timestamptz",
	"traceparent": "text",
}

// pgInsertion inserts any number of rows, given column by column, in one statement.
func pgInsertion(t *dialect.Table) string {
	columns := strings.Split(t.Columns, ", ")
	arrays, names := []string{"$1::date[]", "$2::bigint[]"}, "day, seq"
	for i, c := range columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+3)+"::"+columnTypes[c]+"[]")
	}
	fixed, values := "", ""
	if t.Fixed != "" {
		fixed, values = ", "+t.Fixed, ", "+t.Values
	}
	return "INSERT INTO " + t.Name + " (" + names + ", " + t.Columns + fixed + ") SELECT *" + values + " FROM unnest(" + strings.Join(arrays, ", ") + ")"
}

var pgInsertions = map[*dialect.Table]string{
	dialect.EventsTable: pgInsertion(dialect.EventsTable), dialect.DeliveriesTable: pgInsertion(dialect.DeliveriesTable), dialect.AttemptsTable: pgInsertion(dialect.AttemptsTable),
}

// Insert implements dialect.DB.
func (p *DB) Insert(b *dialect.Tx, t *dialect.Table, rows int, when func(i int) time.Time, row func(p *dialect.Params, i int)) (first int64, err error) {
	first = p.batch.next[t]
	p.batch.next[t] += int64(rows)
	if first>>seqBits != (first+int64(rows))>>seqBits {
		return 0, fmt.Errorf("one transaction cannot write %d rows more", rows)
	}
	width := strings.Count(t.Columns, ",") + 1
	columns := make([][]any, width)
	for c := range columns {
		columns[c] = make([]any, rows)
	}
	days, seqs := make([]time.Time, rows), make([]int64, rows)
	var values dialect.Params
	for i := range rows {
		days[i], seqs[i] = dialect.DayOf(when(i)).Start(), first+int64(i)
		values.Reset(0)
		row(&values, i)
		for c, v := range values.Values {
			if text, ok := v.(string); ok {
				v = Storable(text)
			}
			columns[c][i] = v
		}
	}
	args := make([]any, 0, width+2)
	args = append(args, days, seqs)
	for _, c := range columns {
		args = append(args, c)
	}
	_, err = b.SQL().ExecContext(contextOf(b), pgInsertions[t], args...)
	return first, err
}

// Storable returns the text in a form that PostgreSQL accepts: receivers answer with any bytes.
func Storable(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// contextOf returns the context of the transaction.
func contextOf(b *dialect.Tx) context.Context { return b.DB.Statement.Context }

// PostgreSQL has no statistics of a table that has just begun to grow, so it must have only one way to find these rows: by their seq. IS
// TRUE excludes the index on claimed_by, and joining by day prevents it from reading a whole day.
const (
	pgSucceeded = "UPDATE deliveries SET " + dialect.Succeeds + `, completed_at = $5
		WHERE day = $1 AND seq = ANY ($3) AND (claimed_by = $2) IS TRUE AND attempt_count = $4 AND status = 'PENDING' RETURNING ` + dialect.Ended
	pgFinish = "UPDATE deliveries SET " + dialect.Ends + `
		FROM unnest($1::date[], $3::bigint[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[])
		AS v (day, seq, n, status, due_at, completed_at, reason)
		WHERE deliveries.day = v.day AND deliveries.seq = v.seq AND (deliveries.claimed_by = $2) IS TRUE AND deliveries.attempt_count = v.n - 1
		RETURNING ` + dialect.Ended
)

// Finish implements dialect.DB: one statement for deliveries that succeed after the same number of attempts, which are most, and one for
// all others.
func (p *DB) Finish(b *dialect.Tx, outcomes []dialect.Outcome) (map[int64]dialect.Finished, error) {
	type group struct {
		day      dialect.Day
		attempts int
	}
	held := make(map[int64]dialect.Finished, len(outcomes))
	node := p.lease.Load().Node
	succeeded := map[group][]int64{}
	var others []*dialect.Outcome
	for i := range outcomes {
		o := &outcomes[i]
		d := &o.Claimed.Delivery
		switch l := o.Claimed.Lease; {
		case l == nil || l.Node != node: // lost
		case o.Status == webhook.DeliverySucceeded:
			g := group{dialect.DayOf(o.Claimed.Event.CreatedAt), d.AttemptCount}
			succeeded[g] = append(succeeded[g], d.Seq)
		default:
			others = append(others, o)
		}
	}
	for g, seqs := range succeeded {
		slices.Sort(seqs) // in one order, so that two transactions never wait for each other
		if err := finishAll(b, held, pgSucceeded, g.day.Start(), node, seqs, g.attempts, dialect.At(b.Now)); err != nil {
			return nil, err
		}
	}
	// A success that is missing here was canceled in the meantime, or is no longer claimed.
	var canceled []*dialect.Outcome
	for i := range outcomes {
		o := &outcomes[i]
		l := o.Claimed.Lease
		if _, done := held[o.Claimed.Delivery.Seq]; !done && o.Status == webhook.DeliverySucceeded && l != nil && l.Node == node {
			canceled = append(canceled, o)
		}
	}
	was, err := lockStatuses(b, canceled)
	if err != nil {
		return nil, err
	}
	if others = append(others, canceled...); len(others) == 0 {
		return held, nil
	}
	if err := finishOthers(b, held, node, others); err != nil {
		return nil, err
	}
	for seq, is := range held {
		if before, known := was[seq]; known {
			is.Was = before
			held[seq] = is
		}
	}
	return held, nil
}

// lockStatuses locks deliveries, and returns their statuses.
func lockStatuses(b *dialect.Tx, of []*dialect.Outcome) (map[int64]webhook.DeliveryStatus, error) {
	if len(of) == 0 {
		return nil, nil
	}
	days, seqs := make([]time.Time, len(of)), make([]int64, len(of))
	for i, o := range of {
		days[i], seqs[i] = dialect.DayOf(o.Claimed.Event.CreatedAt).Start(), o.Claimed.Delivery.Seq
	}
	rows, err := b.SQL().QueryContext(contextOf(b), `SELECT d.seq, d.status FROM unnest($1::date[], $2::bigint[]) AS v (day, seq)
		JOIN deliveries d ON d.day = v.day AND d.seq = v.seq ORDER BY d.seq FOR UPDATE OF d`, days, seqs)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	is := map[int64]webhook.DeliveryStatus{}
	for rows.Next() {
		var seq int64
		var status webhook.DeliveryStatus
		if err := rows.Scan(&seq, &status); err != nil {
			return nil, err
		}
		is[seq] = status
	}
	return is, rows.Err()
}

// finishOthers finishes deliveries with any outcome.
func finishOthers(b *dialect.Tx, held map[int64]dialect.Finished, node int64, others []*dialect.Outcome) error {
	slices.SortFunc(others, func(a, b *dialect.Outcome) int { return cmp.Compare(a.Claimed.Delivery.Seq, b.Claimed.Delivery.Seq) })
	n := len(others)
	days, seqs, numbers, statuses, reasons := make([]time.Time, n), make([]int64, n), make([]int32, n), make([]string, n), make([]string, n)
	due, completed := make([]any, n), make([]any, n)
	for i, o := range others {
		d := &o.Claimed.Delivery
		days[i], seqs[i], statuses[i], reasons[i] = dialect.DayOf(o.Claimed.Event.CreatedAt).Start(), d.Seq, string(o.Status), string(o.Reason)
		numbers[i] = int32(d.AttemptCount + 1) //nolint:gosec // a small count
		due[i], completed[i] = dialect.MaybeAt(o.Due), dialect.MaybeAt(o.Completed)
	}
	return finishAll(b, held, pgFinish, days, node, seqs, numbers, statuses, due, completed, reasons)
}

// finishAll runs a statement that finishes deliveries, and records which ones it finished.
func finishAll(b *dialect.Tx, held map[int64]dialect.Finished, text string, args ...any) error {
	rows, err := b.SQL().QueryContext(contextOf(b), text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		var is dialect.Finished
		if err := rows.Scan(&seq, &is.Status, &is.Start, &is.Replay); err != nil {
			return err
		}
		if is.Was = webhook.Pending; is.Status == webhook.Canceled {
			is.Was = webhook.Canceled
		}
		held[seq] = is
	}
	return rows.Err()
}

// ClaimedBy implements dialect.DB.
func (p *DB) ClaimedBy(claimed *dialect.Claimed) int64 {
	claimed.Lease = p.lease.Load()
	return claimed.Lease.Node
}

const pgDue = "SELECT " + dialect.Due + ` FROM deliveries d JOIN events e ON e.day = d.day AND e.id = d.event_id
	WHERE d.webhook_id = $1 AND d.due_at <= $2 ORDER BY d.due_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED`

// Claim implements dialect.DB. It skips deliveries that another node claims at the same time.
func (p *DB) Claim(b *dialect.Tx, to *dialect.Target, n, maxBytes int) ([]*dialect.Claimed, error) {
	rows, err := b.SQL().QueryContext(contextOf(b), pgDue, to.ID, dialect.At(b.Now), n)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var claims []*dialect.Claimed
	left := maxBytes
	for rows.Next() {
		claimed, err := dialect.ScanClaimed(rows, to)
		if err != nil {
			return nil, err
		}
		if left -= claimed.Size(); left < 0 && len(claims) > 0 {
			break
		}
		claimed.Lease = p.lease.Load()
		claims = append(claims, claimed)
	}
	if err := errors.Join(rows.Close(), rows.Err()); err != nil {
		return nil, err
	}
	return claims, p.move(b, claims, "UPDATE deliveries SET claimed_by = $1, due_at = NULL WHERE day = $2 AND seq = ANY ($3)")
}

// move runs a statement on deliveries that this node has claimed, once for each of their days.
func (p *DB) move(b *dialect.Tx, claims []*dialect.Claimed, text string, more ...any) error {
	type key struct {
		dialect.Day
		node int64
	}
	groups := map[key][]int64{}
	for _, claimed := range claims {
		k := key{dialect.DayOf(claimed.Event.CreatedAt), claimed.Lease.Node}
		groups[k] = append(groups[k], claimed.Delivery.Seq)
	}
	for k, seqs := range groups {
		slices.Sort(seqs)
		args := append([]any{k.node, k.Start(), seqs}, more...)
		if _, err := b.SQL().ExecContext(contextOf(b), text, args...); err != nil {
			return err
		}
	}
	return nil
}

var pgNextDue = dialect.NextDue("$1")

// NextDue implements dialect.DB.
func (p *DB) NextDue(b *dialect.Tx, to *dialect.Target) (*time.Time, error) {
	var due *dialect.Micros
	err := b.SQL().QueryRowContext(contextOf(b), pgNextDue, to.ID).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return dialect.MaybeTime(due), err
}

// Unclaim implements dialect.DB.
func (p *DB) Unclaim(b *dialect.Tx, claims []*dialect.Claimed) error {
	return p.move(b, claims, "UPDATE deliveries SET "+dialect.Unclaims("$4::timestamptz")+`
		WHERE (claimed_by = $1) IS TRUE AND day = $2 AND seq = ANY ($3)`, dialect.At(b.Now))
}

// Rows implements dialect.DB.
func (p *DB) Rows(columns []dialect.Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		value := "(value ->> " + strconv.Itoa(i) + ")"
		if c.Kind == "timestamptz" {
			value = "timestamptz 'epoch' + " + value + "::bigint * interval '1 microsecond'"
		} else {
			value += "::" + c.Kind
		}
		list[i] = value + " AS " + c.Name
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM json_array_elements(CAST(? AS text)::json))"
}

// LowerASCII implements dialect.DB. What lower makes of I in a database for Turkish is not i.
func (p *DB) LowerASCII(column string) string { return "lower(" + column + ` COLLATE "C")` }

// SkipLocked implements dialect.DB.
func (p *DB) SkipLocked(of string) string { return " FOR UPDATE OF " + of + " SKIP LOCKED" }

// Among implements dialect.DB.
func (p *DB) Among(column string, values []int64) (text string, arg any) {
	list := strings.Trim(string(dialect.CompactJSON(values)), "[]")
	return column + " = ANY (CAST(CAST(? AS text) AS bigint[]))", "{" + list + "}"
}

// AmongIDs implements dialect.DB.
func (p *DB) AmongIDs(column string, ids []webhook.ID) (text string, arg any) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return column + " = ANY (CAST(CAST(? AS text) AS uuid[]))", "{" + strings.Join(list, ",") + "}"
}

// Published implements dialect.DB.
func (p *DB) Published(column string, from, to time.Time) (text string, args []any) {
	return " AND " + column + " BETWEEN ? AND ?", []any{dialect.DayOf(from).Start(), dialect.DayOf(to).Start()}
}
