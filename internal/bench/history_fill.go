package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A history is written directly into the tables that a server has created, because publishing and delivering it would take hours.
// Only this file of the bench knows the tables; TestHistoryIsAsServersWrite compares its rows with a server's.

// pieceAttempts is the number of attempts that one transaction inserts.
const pieceAttempts = 20_000

// filler writes a history into a database.
type filler interface {
	write(ctx context.Context, p *piece) error
	// end backdates the tenants and webhooks to the start of the history, and leaves the database as a server does.
	end(ctx context.Context, g *generator) error
	close(ctx context.Context) error
}

// fill writes everything that g generates, and calls said with the number of attempts so far.
func fill(ctx context.Context, g *generator, to filler, said func(attempts int)) error {
	pieces := make(chan *piece, 2)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(pieces)
		for {
			p := g.next(pieceAttempts)
			if p == nil {
				return nil
			}
			select {
			case pieces <- p:
			case <-both.Done():
				return both.Err()
			}
		}
	})
	group.Go(func() error {
		done := 0
		for p := range pieces {
			if err := to.write(both, p); err != nil {
				return err
			}
			done += len(p.attempts)
			said(done)
		}
		return both.Err()
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return to.end(ctx, g)
}

const (
	eventColumns    = "id, tenant_id, type, timestamp, created_at, test, data"
	deliveryColumns = "id, tenant_id, event_id, webhook_id, event_type, status, attempt_count, schedule_start, triggered_by, due_at, claimed_by, created_at, completed_at, failure_reason"
	attemptColumns  = "id, tenant_id, webhook_id, delivery_id, event_id, number, status, error, message, triggered_by, " +
		"started_at, duration_us, dns_us, connect_us, tls_us, first_byte_us, url, request_headers, signed_by, response_status, " +
		"response_headers, response_body, response_truncated"
)

// values appends the values of eventColumns. Times are stamps, ids are webhook.IDs, and NULL is nil or the zero stamp.
func (e *eventRow) values(row []any) []any {
	return append(row, e.id, e.tenant, e.kind, e.at, e.at, false, e.data)
}

// values appends the values of deliveryColumns.
func (d *deliveryRow) values(row []any) []any {
	var reason any
	if d.failed {
		reason = string(webhook.FailureRetriesExhausted)
	}
	return append(row, d.id, d.event.tenant, d.event.id, d.hook.ID, d.event.kind, string(d.status), int64(d.attempts), int64(0), string(webhook.TriggerSchedule),
		d.due, nil, d.at, d.completed, reason)
}

// values appends the values of attemptColumns.
func (a *attemptRow) values(row []any) []any {
	d, took := a.delivery, a.took.Microseconds()
	status, message, code, answered := webhook.AttemptSucceeded, "", any(nil), any(int64(200))
	headers, body, truncated, firstByte := "Content-Length: 2\r\nContent-Type: text/plain; charset=utf-8\r\n", []byte("ok"), false, took-40
	if f := a.failure; f != nil {
		status, message, code, answered = webhook.AttemptFailed, f.text(), string(f.code), any(int64(f.status))
		headers, body = "Content-Length: 22\r\nContent-Type: application/json\r\n", []byte(`{"error":"unavailable"}`)
		if f.status == 0 {
			headers, body, answered, firstByte = "", nil, nil, 0
		}
	}
	var response any
	if body != nil {
		response = body
	}
	return append(row, a.id, d.event.tenant, d.hook.ID, d.id, d.event.id, int64(a.number), string(status), code, message, string(webhook.TriggerSchedule),
		a.started, took, int64(0), int64(0), int64(0), firstByte, d.hook.URL, a.headers, d.hook.Secret[:], answered,
		headers, response, truncated)
}

// aged are the statements that backdate what a server has just created. The parameters are times: the start of the history, and
// when webhooks were disabled.
const (
	agedTenants  = "UPDATE tenants SET created_at = ?"
	agedWebhooks = "UPDATE webhooks SET created_at = ?, updated_at = ?"
	agedDisabled = "UPDATE webhooks SET updated_at = ?, disabled_at = ? WHERE NOT enabled"
	agedSecrets  = "UPDATE secrets SET created_at = ?"
	agedStarts   = "UPDATE starts SET started_at = ?"
	agedStore    = "UPDATE store SET created_at = ?"
	failingHook  = "UPDATE webhooks SET failing_since = ? WHERE id = ?"
	// Without these the server would count the whole history when it starts, and fold that while it is measured.
	gauges = `INSERT INTO stats_webhooks (webhook, tenant_id, pending, succeeded_at, failed_at, failures) SELECT w.seq, w.tenant_id,
		(SELECT COUNT(*) FROM deliveries d WHERE d.webhook_id = w.id AND d.due_at IS NOT NULL), 0, 0, 0 FROM webhooks w WHERE true ON CONFLICT DO NOTHING`
)

// aged executes these statements.
func aged(g *generator, run func(text string, args ...any) error) error {
	begun := g.from - stamp(time.Hour.Microseconds())
	disabled := g.until - stamp(heldFor.Microseconds())
	errs := []error{
		run(agedTenants, begun), run(agedWebhooks, begun, begun), run(agedDisabled, disabled, disabled), run(agedSecrets, begun), run(agedStarts, begun), run(agedStore, begun), run(gauges),
	}
	for _, t := range g.tenants {
		for _, h := range t.Hooks {
			if h.failing > 0 {
				errs = append(errs, run(failingHook, h.failing, h.ID))
			}
		}
	}
	return errors.Join(errs...)
}

// sqliteFiller writes to a SQLite database; a crash may corrupt it.
type sqliteFiller struct {
	db    *sql.DB
	conn  *sql.Conn
	ready map[string]driver.Stmt
	row   []any
	args  []driver.NamedValue
}

// insertRows is the number of rows that one statement inserts: 23 columns stay below SQLite's 32,766 parameters.
const insertRows = 256

func newSQLiteFiller(ctx context.Context, dir string) (_ *sqliteFiller, err error) {
	f := &sqliteFiller{ready: map[string]driver.Stmt{}}
	path := (&url.URL{Path: filepath.Join(dir, "hookgraph.db")}).EscapedPath()
	if f.db, err = sql.Open(sqliteDriver, "file:"+path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close(ctx))
		}
	}()
	if f.conn, err = f.db.Conn(ctx); err != nil {
		return nil, err
	}
	for _, pragma := range []string{"journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -524288"} {
		if err := f.exec(ctx, "PRAGMA "+pragma); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *sqliteFiller) exec(ctx context.Context, text string, args ...any) error {
	for i, v := range args {
		args[i] = sqliteValue(v)
	}
	_, err := f.conn.ExecContext(ctx, text, args...)
	return err
}

// sqliteValue converts a value to its representation in SQLite.
func sqliteValue(v any) any {
	switch v := v.(type) {
	case webhook.ID:
		return v[:]
	case stamp:
		if v == 0 {
			return nil
		}
		return int64(v)
	}
	return v
}

// write implements filler.
func (f *sqliteFiller) write(ctx context.Context, p *piece) error {
	if err := f.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := f.insert(ctx, "events", eventColumns, len(p.events), func(i int, row []any) []any { return p.events[i].values(row) }); err != nil {
		return err
	}
	if err := f.insert(ctx, "deliveries", deliveryColumns, len(p.deliveries), func(i int, row []any) []any { return p.deliveries[i].values(row) }); err != nil {
		return err
	}
	if err := f.insert(ctx, "attempts", attemptColumns, len(p.attempts), func(i int, row []any) []any { return p.attempts[i].values(row) }); err != nil {
		return err
	}
	return f.exec(ctx, "COMMIT")
}

func (f *sqliteFiller) insert(ctx context.Context, table, columns string, rows int, values func(i int, row []any) []any) error {
	width := strings.Count(columns, ",") + 1
	one := "(?" + strings.Repeat(", ?", width-1) + ")"
	for from := 0; from < rows; {
		n := insertRows
		if rows-from < n {
			n = 1
		}
		text := "INSERT INTO " + table + " (" + columns + ") VALUES " + one + strings.Repeat(", "+one, n-1)
		f.row = f.row[:0]
		for i := range n {
			f.row = values(from+i, f.row)
		}
		if err := f.run(ctx, text); err != nil {
			return fmt.Errorf("insert %s: %w", table, err)
		}
		from += n
	}
	return nil
}

// run executes a statement with the parameters in f.row, bypassing database/sql, which would copy each of them.
func (f *sqliteFiller) run(ctx context.Context, text string) error {
	for len(f.args) < len(f.row) {
		f.args = append(f.args, driver.NamedValue{Ordinal: len(f.args) + 1})
	}
	args := f.args[:len(f.row)]
	for i, v := range f.row {
		args[i].Value = sqliteValue(v)
	}
	return f.conn.Raw(func(conn any) (err error) {
		stmt := f.ready[text]
		if stmt == nil {
			if stmt, err = conn.(driver.ConnPrepareContext).PrepareContext(ctx, text); err != nil {
				return err
			}
			f.ready[text] = stmt
		}
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
		if err != nil {
			return err
		}
		if err = rows.Next(nil); errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, rows.Close())
	})
}

// end implements filler.
func (f *sqliteFiller) end(ctx context.Context, g *generator) error {
	err := aged(g, func(text string, args ...any) error { return f.exec(ctx, text, args...) })
	for _, stmt := range f.ready {
		err = errors.Join(err, f.conn.Raw(func(any) error { return stmt.Close() }))
	}
	clear(f.ready)
	for _, pragma := range []string{"synchronous = FULL", "locking_mode = NORMAL", "journal_mode = WAL"} {
		err = errors.Join(err, f.exec(ctx, "PRAGMA "+pragma))
	}
	return err
}

// close implements filler.
func (f *sqliteFiller) close(context.Context) error {
	var err error
	if f.conn != nil {
		err = f.conn.Close()
	}
	return errors.Join(err, f.db.Close())
}

// postgresFiller copies into a PostgreSQL database.
type postgresFiller struct {
	conn *pgx.Conn
	days map[int64]bool // the days since 1970 that have partitions
}

func newPostgresFiller(ctx context.Context, url string) (*postgresFiller, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	f := &postgresFiller{conn: conn, days: map[int64]bool{}}
	if _, err := conn.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return nil, errors.Join(err, f.close(ctx))
	}
	return f, nil
}

// day returns the number of days since 1970, in UTC.
func (s stamp) day() int64 { return int64(s) / (86400 * 1_000_000) }

func dayStart(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// partition creates the partitions of the day, with the server's names.
func (f *postgresFiller) partition(ctx context.Context, day int64) error {
	if f.days[day] {
		return nil
	}
	from, to := dayStart(day), dayStart(day+1)
	for _, t := range []string{"events", "deliveries", "attempts"} {
		if _, err := f.conn.Exec(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s_%s PARTITION OF %s FOR VALUES FROM ('%s') TO ('%s')",
			t, from.Format("20060102"), t, from.Format(time.DateOnly), to.Format(time.DateOnly))); err != nil {
			return fmt.Errorf("create partitions: %w", err)
		}
	}
	f.days[day] = true
	return nil
}

// write implements filler.
func (f *postgresFiller) write(ctx context.Context, p *piece) (err error) {
	for _, e := range p.events {
		if err := f.partition(ctx, e.at.day()); err != nil {
			return err
		}
	}
	tx, err := f.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	// A row's seq is the transaction's id, with the row's number within it in the lower 20 bits.
	var seq int64
	if err := tx.QueryRow(ctx, "SELECT (pg_current_xact_id()::text::bigint + xid_base) << 20 FROM store").Scan(&seq); err != nil {
		return err
	}
	if err := f.copy(ctx, tx, "events", eventColumns, seq, len(p.events),
		func(i int, row []any) (int64, []any) { return p.events[i].at.day(), p.events[i].values(row) }); err != nil {
		return err
	}
	if err := f.copy(ctx, tx, "deliveries", deliveryColumns, seq, len(p.deliveries),
		func(i int, row []any) (int64, []any) {
			return p.deliveries[i].event.at.day(), p.deliveries[i].values(row)
		}); err != nil {
		return err
	}
	if err := f.copy(ctx, tx, "attempts", attemptColumns, seq, len(p.attempts),
		func(i int, row []any) (int64, []any) {
			return p.attempts[i].delivery.event.at.day(), p.attempts[i].values(row)
		}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (f *postgresFiller) copy(ctx context.Context, tx pgx.Tx, table, columns string, seq int64, rows int, values func(i int, row []any) (day int64, all []any)) error {
	var row []any
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, append([]string{"day", "seq"}, strings.Split(columns, ", ")...), pgx.CopyFromSlice(rows, func(i int) ([]any, error) {
		var day int64
		day, row = values(i, append(row[:0], nil, seq+int64(i)))
		row[0] = dayStart(day)
		for c, v := range row {
			row[c] = postgresValue(v)
		}
		return row, nil
	}))
	if err != nil {
		return fmt.Errorf("copy %s: %w", table, err)
	}
	return nil
}

// postgresValue converts a value to what pgx accepts.
func postgresValue(v any) any {
	switch v := v.(type) {
	case webhook.ID:
		return [16]byte(v)
	case stamp:
		if v == 0 {
			return nil
		}
		return v.time()
	}
	return v
}

// end implements filler.
func (f *postgresFiller) end(ctx context.Context, g *generator) error {
	err := aged(g, func(text string, args ...any) error {
		for i, v := range args {
			args[i] = postgresValue(v)
			text = strings.Replace(text, "?", "$"+strconv.Itoa(i+1), 1)
		}
		_, err := f.conn.Exec(ctx, text, args...)
		return err
	})
	if err != nil {
		return err
	}
	// Autovacuum would have done this while a history grows for a month.
	_, err = f.conn.Exec(ctx, "VACUUM (ANALYZE)")
	return err
}

// close implements filler.
func (f *postgresFiller) close(ctx context.Context) error {
	return f.conn.Close(context.WithoutCancel(ctx))
}
