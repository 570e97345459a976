package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of one statement: 24 columns of maxRows stay below SQLite's 32,766 parameters, and the driver keeps memory for the largest
// statement.
const (
	maxRows     = 256
	maxRowBytes = 512 << 10 // a single row may be larger
)

// statement writes many rows at once. Rows are sent in powers of two, so that few prepared statements serve any number.
type statement struct {
	before, row, after string // the VALUES of n rows are between before and after
}

// form is a statement for a number of rows.
type form struct {
	*statement
	rows int
}

func (f form) text() string {
	return f.before + strings.Repeat(f.row+", ", f.rows-1) + f.row + f.after
}

// direct runs the statements of the hot path on the writer's connection, bypassing database/sql, which would convert and check
// every parameter again. They stay prepared as long as the connection lives. Only the writer uses it.
type direct struct {
	conn  *sql.Conn   // of the transaction
	on    driver.Conn // where the statements are prepared
	ready map[form]driver.Stmt
	args  []driver.NamedValue // of the running statement
	row   []driver.Value      // of its result
}

// begin must be called before each transaction. The statements of a connection that database/sql has dropped are gone.
func (d *direct) begin(conn *sql.Conn) error {
	d.conn = conn
	return conn.Raw(func(on any) error {
		if d.on != on {
			d.on, d.ready = on.(driver.Conn), map[form]driver.Stmt{}
		}
		return nil
	})
}

// close must be called before the connection closes; it may be called again.
func (d *direct) close(write *gorm.DB) error {
	if len(d.ready) == 0 {
		return nil
	}
	return write.Connection(func(db *gorm.DB) error {
		conn := db.Statement.ConnPool.(*sql.Conn)
		return errors.Join(d.begin(conn), conn.Raw(func(any) error {
			for _, stmt := range d.ready {
				_ = stmt.Close()
			}
			clear(d.ready)
			return nil
		}))
	})
}

// run runs a form of the statement in the transaction, and calls scan, which may be nil, for every row of the result. The values
// are valid only until scan returns.
func (d *direct) run(st *statement, rows int, args []driver.Value, scan func(row []driver.Value)) error {
	ctx := context.Background() // the transaction is the writer's: a caller's cancellation must not break it
	f := form{st, rows}
	for len(d.args) < len(args) {
		d.args = append(d.args, driver.NamedValue{Ordinal: len(d.args) + 1})
	}
	named := d.args[:len(args)]
	for i, v := range args {
		named[i].Value = v
	}
	return d.conn.Raw(func(any) (err error) {
		stmt := d.ready[f]
		if stmt == nil {
			if stmt, err = d.on.(driver.ConnPrepareContext).PrepareContext(ctx, f.text()); err != nil {
				return err
			}
			d.ready[f] = stmt
		}
		// The driver binds all parameters of a query at once, those of an execution one by one.
		found, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, named)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, found.Close()) }()
		d.row = append(d.row[:0], make([]driver.Value, len(found.Columns()))...)
		for {
			switch err := found.Next(d.row); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			scan(d.row)
		}
	})
}

// chunks calls f with the bounds of runs of rows, each a power of two in length.
func chunks(rows int, f func(from, to int) error) error {
	for from := 0; from < rows; {
		n := powerOfTwo(min(maxRows, rows-from))
		if err := f(from, from+n); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// powerOfTwo returns the largest power of two that is at most n.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// Rows implements dialect.DB.
func (q *DB) Rows(columns []dialect.Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		value := "value ->> " + strconv.Itoa(i)
		if c.Kind == "uuid" {
			value = "unhex(" + value + ", '-')"
		}
		list[i] = value + " AS " + c.Name
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM json_each(?))"
}

// LowerASCII implements dialect.DB.
func (q *DB) LowerASCII(column string) string { return "lower(" + column + ")" }

// SkipLocked implements dialect.DB. There is no other node.
func (q *DB) SkipLocked(string) string { return "" }

// Among implements dialect.DB.
func (q *DB) Among(column string, values []int64) (text string, arg any) {
	return column + " IN (SELECT value FROM json_each(?))", string(dialect.CompactJSON(values))
}

// AmongIDs implements dialect.DB.
func (q *DB) AmongIDs(column string, ids []webhook.ID) (text string, arg any) {
	return column + " IN (SELECT unhex(value, '-') FROM json_each(?))", string(dialect.CompactJSON(ids))
}

// Published implements dialect.DB.
func (q *DB) Published(string, time.Time, time.Time) (text string, args []any) { return "", nil }
