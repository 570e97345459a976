package transfer

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
)

// mark reserves the target for this copy: no server starts on it. It records and drops the indexes of tables that may be long,
// because creating them at the end takes a fifth of the time.
func (c *copier) mark(ctx context.Context) error {
	tx, err := c.to.Side().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "CREATE TABLE copying AS SELECT $1::text AS epoch", c.epoch); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	for _, text := range []string{
		"CREATE TABLE copying_tables (name text PRIMARY KEY, rows bigint NOT NULL)", // the number of copied rows of each table
		"CREATE TABLE copying_indexes (name text PRIMARY KEY, of text NOT NULL, definition text NOT NULL)",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	for t := range dialect.TablesThat((*dialect.Table).IsDaily) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO copying_indexes SELECT c.relname, $1::text, replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ')
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1::text)
			AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)`, t.Name); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT i.name FROM copying_indexes i LOOP EXECUTE format('DROP INDEX %I', name); END LOOP; END $$`); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	return nil
}

// target is a connection to PostgreSQL that copies.
type target struct {
	to   *postgres.DB
	conn *sql.Conn
}

func openTarget(ctx context.Context, to *postgres.DB) (*target, error) {
	conn, err := to.Side().Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &target{to: to, conn: conn}
	// Rows lost in a crash are copied again. Creating indexes of millions of rows, and reading them back, takes longer than a
	// server's statements.
	err = t.run(ctx, "SET synchronous_commit = off", "SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", "SET maintenance_work_mem = '256MB'")
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// close closes the connection, so that it is not reused with these settings.
func (t *target) close() error {
	err := t.conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		err = nil
	}
	if closed := t.conn.Close(); !errors.Is(closed, sql.ErrConnDone) {
		err = errors.Join(err, closed)
	}
	return err
}

// raw calls do with the connection.
func (t *target) raw(do func(conn *pgconn.PgConn) error) error {
	return t.conn.Raw(func(on any) error { return do(postgres.ConnOf(on).PgConn()) })
}

// run runs statements without parameters.
func (t *target) run(ctx context.Context, texts ...string) error {
	return t.raw(func(conn *pgconn.PgConn) error { return run(ctx, conn, texts...) })
}

func run(ctx context.Context, conn *pgconn.PgConn, texts ...string) error {
	for _, text := range texts {
		if _, err := conn.Exec(ctx, text).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// table copies the rows of a table that the target does not have yet, and returns the source's rows and sum.
func (c *copier) table(ctx context.Context, to *target, l *layout, at *estimate) (rows int64, total string, err error) {
	db, err := c.from.Reader().DB()
	if err != nil {
		return 0, "", err
	}
	s := &source{layout: l, chunks: make(chan *chunk, 2)}
	err = to.to.Side().QueryRowContext(ctx, "SELECT rows FROM copying_tables WHERE name = $1", l.Name).Scan(&s.skip)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, "", err
	}
	reading, cancel := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() { read <- s.read(reading, db) }()
	defer func() { // in any case
		cancel()
		for range s.chunks {
		}
	}()
	done := s.skip
	at.rows(int(done))
	for part := range s.chunks {
		done += int64(part.rows)
		if err := to.write(ctx, l, part, done); err != nil {
			return 0, "", err
		}
		at.rows(part.rows)
	}
	if err := <-read; err != nil {
		return 0, "", err
	}
	if s.sum.rows < s.skip {
		return 0, "", fmt.Errorf("the source has %d rows, and %d were copied before: it has changed, so begin again with a new target", s.sum.rows, s.skip)
	}
	return s.sum.rows, s.sum.String(), nil
}

// The header and trailer of PostgreSQL's binary COPY format.
const (
	copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyEnd    = "\xff\xff"
)

// write copies rows, and records in the same transaction the number of copied rows.
func (t *target) write(ctx context.Context, l *layout, c *chunk, done int64) error {
	for _, d := range c.days {
		if err := t.to.MakeDay(ctx, d); err != nil {
			return err
		}
	}
	return t.raw(func(conn *pgconn.PgConn) error {
		if err := run(ctx, conn, "BEGIN"); err != nil {
			return err
		}
		from := io.MultiReader(strings.NewReader(copyHeader), bytes.NewReader(c.text), strings.NewReader(copyEnd))
		tag, err := conn.CopyFrom(ctx, from, "COPY "+l.Name+" ("+l.names()+") FROM STDIN (FORMAT binary)")
		if err == nil && tag.RowsAffected() != int64(c.rows) {
			err = fmt.Errorf("%d rows of %d were copied", tag.RowsAffected(), c.rows)
		}
		if err == nil {
			err = run(ctx, conn, "INSERT INTO copying_tables VALUES ('"+l.Name+"', "+strconv.FormatInt(done, 10)+") ON CONFLICT (name) DO UPDATE SET rows = excluded.rows", "COMMIT")
		}
		if err != nil {
			return errors.Join(err, run(context.WithoutCancel(ctx), conn, "ROLLBACK"))
		}
		return nil
	})
}

// makeIndexes creates the indexes that mark has dropped, and removes each from the record.
func (t *target) makeIndexes(ctx context.Context, begins func(table string)) error {
	for {
		var name, of, definition string
		err := t.to.Side().QueryRowContext(ctx, "SELECT name, of, definition FROM copying_indexes ORDER BY of, name LIMIT 1").Scan(&name, &of, &definition)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		begins(of)
		if err := t.run(ctx, "BEGIN; "+definition+"; DELETE FROM copying_indexes WHERE name = '"+name+"'; COMMIT"); err != nil {
			return fmt.Errorf("make index %s: %w", name, err)
		}
	}
}

// sum reads all rows of a table, in storage order.
func (t *target) sum(ctx context.Context, l *layout, at *estimate) (rows int64, total string, err error) {
	w := &rowReader{at: at, header: len(copyHeader)}
	err = t.raw(func(conn *pgconn.PgConn) error {
		_, err := conn.CopyTo(ctx, w, "COPY (SELECT "+l.names()+" FROM "+l.Name+") TO STDOUT (FORMAT binary)")
		return err
	})
	if err == nil && (!w.ended || len(w.rest) > 0) {
		err = errors.New("the target's rows do not end")
	}
	at.rows(w.untold)
	return w.sum.rows, w.sum.String(), err
}

// rowReader is the writer for COPY's output, and adds up its rows.
type rowReader struct {
	at     *estimate
	header int // bytes of the header that are still missing
	rest   []byte
	ended  bool
	sum    sum
	untold int // rows
}

// Write implements io.Writer.
func (r *rowReader) Write(p []byte) (int, error) {
	n := len(p)
	if skip := min(r.header, n); skip > 0 {
		r.header -= skip
		p = p[skip:]
	}
	if len(r.rest) > 0 {
		r.rest = append(r.rest, p...)
		p = r.rest
	}
	for len(p) > 0 && !r.ended {
		row, err := firstRow(p)
		if err != nil {
			return 0, err
		}
		if row == 0 {
			break
		}
		if row == len(copyEnd) && bytes.Equal(p[:row], []byte(copyEnd)) {
			r.ended = true
		} else {
			r.sum.add(p[:row])
			if r.untold++; r.untold == 10_000 {
				r.at.rows(r.untold)
				r.untold = 0
			}
		}
		p = p[row:]
	}
	r.rest = append(r.rest[:0], p...)
	return n, nil
}

// firstRow returns the length of the first row; 0 if it is incomplete.
func firstRow(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, nil
	}
	fields, at := int(int16(binary.BigEndian.Uint16(p))), 2 //nolint:gosec // two's complement
	for range fields {
		if len(p) < at+4 {
			return 0, nil
		}
		n := int(int32(binary.BigEndian.Uint32(p[at:]))) //nolint:gosec // two's complement
		if n < -1 {
			return 0, errors.New("the target's rows cannot be read")
		}
		if at += 4 + max(n, 0); len(p) < at {
			return 0, nil
		}
	}
	return at, nil
}
