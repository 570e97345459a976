package store

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxRows bounds the rows of one statement: 24 columns of it stay below SQLite's 32,766 parameters.
const maxRows = 256

// statement writes many rows at once. Rows are sent in powers of two, so that few prepared statements serve any number.
type statement struct {
	before, row, after string // the VALUES of n rows stand between before and after
}

// form is a statement for a number of rows.
type form struct {
	*statement
	rows int
}

func (f form) text() string {
	return f.before + strings.Repeat(f.row+", ", f.rows-1) + f.row + f.after
}

// prepared keeps the statements of the hot path prepared across transactions. A statement can not be prepared for the
// database while a transaction has its only connection, so one that is new is sent as text and prepared before the next
// transaction. Only the writer uses it.
type prepared struct {
	db     *sql.DB
	ready  map[form]*sql.Stmt
	wanted map[form]string
}

func newPrepared(db *sql.DB) *prepared {
	return &prepared{db: db, ready: map[form]*sql.Stmt{}, wanted: map[form]string{}}
}

// prepare is called between transactions. What can not be prepared goes on as text.
func (p *prepared) prepare(ctx context.Context) {
	for f, text := range p.wanted {
		if stmt, err := p.db.PrepareContext(ctx, text); err == nil {
			p.ready[f] = stmt
		}
		delete(p.wanted, f)
	}
}

func (p *prepared) close() {
	for _, stmt := range p.ready {
		_ = stmt.Close()
	}
	clear(p.ready)
}

// exec runs a form of the statement in the batch's transaction.
func (q *sqliteDB) exec(b *batch, st *statement, rows int, args []any) (sql.Result, error) {
	ctx := context.Background() // the transaction is the writer's: no caller's end may break it
	f := form{st, rows}
	plain(args)
	if stmt, tx := q.prepared.ready[f], b.sqlTx(); stmt != nil && tx != nil {
		return tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	}
	text := f.text()
	q.prepared.wanted[f] = text
	return b.pool().ExecContext(ctx, text, args...)
}

// query runs a form of the statement in the batch's transaction, and calls scan for every row.
func (q *sqliteDB) query(b *batch, st *statement, rows int, args []any, scan func(*sql.Rows) error) error {
	ctx := context.Background() // as in exec
	f := form{st, rows}
	plain(args)
	var found *sql.Rows
	var err error
	if stmt, tx := q.prepared.ready[f], b.sqlTx(); stmt != nil && tx != nil {
		found, err = tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	} else {
		text := f.text()
		q.prepared.wanted[f] = text
		found, err = b.pool().QueryContext(ctx, text, args...)
	}
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		if err := scan(found); err != nil {
			return err
		}
	}
	return found.Err()
}

// pool is the transaction without GORM's builder, which would read each long statement again.
func (b *batch) pool() gorm.ConnPool {
	if tx := b.sqlTx(); tx != nil {
		return tx
	}
	return b.tx.Statement.ConnPool
}

// sqlTx is the transaction below GORM's own cache of statements, which prepares anew in every transaction.
func (b *batch) sqlTx() *sql.Tx {
	switch p := b.tx.Statement.ConnPool.(type) {
	case *sql.Tx:
		return p
	case *gorm.PreparedStmtTX:
		tx, _ := p.Tx.(*sql.Tx)
		return tx
	}
	return nil
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

// plain turns the store's types into the driver's own, for which database/sql needs no reflection.
func plain(args []any) {
	for i, a := range args {
		switch v := a.(type) {
		case webhook.ID:
			args[i] = v[:]
		case micros:
			args[i] = int64(v)
		case int:
			args[i] = int64(v)
		}
	}
}
