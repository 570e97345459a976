package transfer

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// layout is a table's columns as both databases have them.
type layout struct {
	*dialect.Table

	columns []dialect.Column // PostgreSQL's kinds
}

func (c *copier) layout(ctx context.Context, t *dialect.Table) (*layout, error) {
	var names []string
	if err := c.from.Reader().WithContext(ctx).Raw("SELECT name FROM pragma_table_info(?)", t.Name).Scan(&names).Error; err != nil {
		return nil, err
	}
	l := &layout{Table: t, columns: make([]dialect.Column, len(names))}
	for i, name := range names {
		l.columns[i].Name = name
		// With quote_all_identifiers, PostgreSQL writes some types in quotation marks.
		if err := c.to.Side().QueryRowContext(ctx, `SELECT replace(data_type, '"', '') FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = $1 AND column_name = $2`, t.Name, name).Scan(&l.columns[i].Kind); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	return l, nil
}

// names returns the columns of a row in the target, in the order of its fields.
func (l *layout) names() string {
	list := make([]string, len(l.columns))
	for i, c := range l.columns {
		list[i] = c.Name
	}
	if l.Daily {
		list = append(list, "day")
	}
	return strings.Join(list, ", ")
}

// query selects the source's rows along the table's key, with their event's time of publishing, which determines a row's day. CROSS
// JOIN prevents SQLite from starting with the events.
func (l *layout) query() string {
	list := make([]string, len(l.columns))
	for i, c := range l.columns {
		list[i] = "t." + c.Name
	}
	join := ""
	switch {
	case l.Daily && l.Table == dialect.EventsTable:
		list = append(list, "t.created_at")
	case l.Daily:
		list, join = append(list, "e.created_at"), " CROSS JOIN events e ON e.id = t."+l.Event
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + l.Name + " t" + join + " ORDER BY t." + l.Key
}

// chunk is rows to copy, in PostgreSQL's binary COPY format.
type chunk struct {
	text []byte
	rows int
	days []dialect.Day // the days of the rows
}

// chunkBytes is the size of the rows that one transaction copies. Tests reduce it.
var chunkBytes = 2 << 20

// source reads a table of SQLite once, from start to end.
type source struct {
	layout *layout
	skip   int64 // rows from the start that the target has already: they are only added to the sum
	sum    sum
	chunks chan *chunk
}

// read sends the rows as chunks, and closes the channel at the end.
func (s *source) read(ctx context.Context, db *sql.DB) (err error) {
	defer close(s.chunks)
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(on any) (err error) {
		// With a cancelable context, the driver would start a goroutine for each row.
		rows, err := on.(driver.QueryerContext).QueryContext(context.WithoutCancel(ctx), s.layout.query(), nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		return s.encodeAll(ctx, rows)
	})
}

// encodeAll bypasses database/sql, which would copy every value.
func (s *source) encodeAll(ctx context.Context, rows driver.Rows) error {
	row := make([]driver.Value, len(rows.Columns()))
	c := &chunk{}
	send := func() error {
		if c.rows == 0 {
			return ctx.Err()
		}
		select {
		case s.chunks <- c:
			c = &chunk{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return send()
		case err != nil:
			return err
		}
		from := len(c.text)
		if err := s.encode(c, row); err != nil {
			return err
		}
		s.sum.add(c.text[from:])
		if s.sum.rows <= s.skip {
			c.text = c.text[:from]
		} else {
			c.rows++
		}
		if len(c.text) >= chunkBytes || s.sum.rows%10_000 == 0 && ctx.Err() != nil {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// encode appends a row.
func (s *source) encode(c *chunk, row []driver.Value) (err error) {
	fields := len(s.layout.columns)
	if s.layout.Daily {
		fields++
	}
	c.text = binary.BigEndian.AppendUint16(c.text, uint16(fields)) //nolint:gosec // few
	for i, column := range s.layout.columns {
		if c.text, err = appendField(c.text, column.Kind, row[i]); err != nil {
			return fmt.Errorf("column %s: %w", column.Name, err)
		}
	}
	if !s.layout.Daily {
		return nil
	}
	var published dialect.Micros
	if err := published.Scan(row[len(row)-1]); err != nil {
		return fmt.Errorf("the time of an event: %w", err)
	}
	day := dialect.DayOf(published.Time())
	if !slices.Contains(c.days, day) {
		c.days = append(c.days, day)
	}
	since := day.Start().Sub(epoch) / (24 * time.Hour)
	c.text = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(c.text, 4), uint32(since)) //nolint:gosec // two's complement
	return nil
}

// epoch is the zero of PostgreSQL's timestamps.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// appendField appends a SQLite value as a field of the PostgreSQL type: its length and bytes.
func appendField(b []byte, kind string, v driver.Value) ([]byte, error) {
	if v == nil {
		return binary.BigEndian.AppendUint32(b, math.MaxUint32), nil
	}
	field := func(text []byte) []byte {
		return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...) //nolint:gosec // SQLite has at most 2 GB
	}
	number := func(n int64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n)) //nolint:gosec // two's complement
	}
	switch kind {
	case "uuid":
		if id, ok := v.([]byte); ok && len(id) == len(webhook.ID{}) {
			return field(id), nil
		}
	case "timestamp with time zone":
		if us, ok := v.(int64); ok {
			return number(us - epoch.UnixMicro()), nil
		}
	case "bigint":
		if n, ok := v.(int64); ok {
			return number(n), nil
		}
	case "integer":
		if n, ok := v.(int64); ok && n == int64(int32(n)) { //nolint:gosec // that is what is checked
			return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(n)), nil //nolint:gosec // two's complement
		}
	case "boolean":
		is, ok := v.(bool)
		if n, number := v.(int64); number {
			is, ok = n != 0, true
		}
		if ok && is {
			return field([]byte{1}), nil
		} else if ok {
			return field([]byte{0}), nil
		}
	case "text":
		switch text := v.(type) {
		case string:
			return field([]byte(postgres.Storable(text))), nil
		case []byte:
			return field([]byte(postgres.Storable(string(text)))), nil
		}
	case "bytea":
		switch text := v.(type) {
		case []byte:
			return field(text), nil
		case string:
			return field([]byte(text)), nil
		}
	}
	return nil, fmt.Errorf("%T cannot be copied as %s", v, kind)
}
