package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// maxRows bounds the rows of one statement: 24 columns of it stay below SQLite's 32,766 parameters.
const maxRows = 256

// statement writes many rows at once. Rows are sent in powers of two, so that few prepared statements serve any number.
type statement struct {
	before, row, after string   // the VALUES of n rows stand between before and after
	texts              sync.Map // rows -> text
}

func (st *statement) text(rows int) string {
	if text, ok := st.texts.Load(rows); ok {
		return text.(string) //nolint:forcetypeassert // only strings are stored
	}
	text := st.before + strings.Repeat(st.row+", ", rows-1) + st.row + st.after
	st.texts.Store(rows, text)
	return text
}

// chunks calls f with the bounds of runs of rows, each a power of two in length.
func chunks(rows int, f func(from, to int) error) error {
	for from := 0; from < rows; {
		n := maxRows
		for n > rows-from {
			n /= 2
		}
		if err := f(from, from+n); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// insert writes rows of values, and returns the Seq of the first: the others follow it without gaps, because the only
// writer is this transaction.
func (st *statement) insert(tx *gorm.DB, rows int, values func(args []any, i int) []any) (first int64, err error) {
	args := make([]any, 0, 24*min(rows, maxRows))
	err = chunks(rows, func(from, to int) error {
		args = args[:0]
		for i := from; i < to; i++ {
			args = values(args, i)
		}
		res, err := pool(tx).ExecContext(context.Background(), st.text(to-from), args...)
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

// pool is the transaction without GORM's builder, which would read each long statement again.
func pool(tx *gorm.DB) gorm.ConnPool { return tx.Statement.ConnPool }

// queryRows calls scan for every row.
func queryRows(tx *gorm.DB, text string, args []any, scan func(*sql.Rows) error) error {
	rows, err := pool(tx).QueryContext(context.Background(), text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
