package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FileName is the name of the database in its directory.
const FileName = databaseFile

// stepPages is the number of pages that are copied between two looks at the context.
const stepPages = 512

// Snapshot is how far a copy of the database has come.
type Snapshot struct {
	Pages, Of int
	PageSize  int   // in bytes
	Log       int64 // bytes of the write-ahead log, which grows by what is written meanwhile
}

// Snapshot copies the database, as it is at one moment, to an empty file. A server may be using it, in this process too, so the file is opened
// by SQLite only: closing it otherwise would release SQLite's locks. It calls begun once the moment is fixed, and each after every few pages; their
// errors end it. Neither may be nil.
func (q *DB) Snapshot(ctx context.Context, to string, begun func() error, each func(Snapshot) error) (err error) {
	db, err := sql.Open(driverName, sourceDSN(q.path()))
	if err != nil {
		return fmt.Errorf("open %s: %w", q.path(), err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return q.explained(fmt.Errorf("open %s: %w", q.path(), err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// The transaction keeps the moment: without it, a write between two steps would make the copy start over.
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return q.explained(err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	var tables, pageSize int
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*), (SELECT page_size FROM pragma_page_size) FROM sqlite_schema").Scan(&tables, &pageSize); err != nil {
		return q.explained(err)
	}
	if err := begun(); err != nil {
		return err
	}
	err = conn.Raw(func(source any) error {
		return copyPages(source, to, func(done, of int) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			is := Snapshot{Pages: done, Of: of, PageSize: pageSize}
			if log, err := os.Stat(q.path() + "-wal"); err == nil {
				is.Log = log.Size()
			}
			return each(is)
		})
	})
	if code, _ := sqliteCode(err); code != sqliteIOErrRead && code != sqliteIOErrShortRead { // what is written is the copy, and not the database
		switch code & 0xff {
		case sqliteFull:
			return fmt.Errorf("%s: the disk is full: %w", filepath.Dir(to), err)
		case sqliteIOErr:
			return fmt.Errorf("%s: the disk reports errors: %w", filepath.Dir(to), err)
		}
	}
	return q.explained(err)
}

// errStalled means that a step copied nothing.
var errStalled = errors.New("the copy of the database does not go on: another process keeps it locked")

// steps copies by calls of step until it is done.
func steps(step func(pages int) (done bool, err error), left func() (remaining, of int), each func(done, of int) error) error {
	for before := -1; ; {
		done, err := step(stepPages)
		if err != nil {
			return err
		}
		remaining, of := left()
		if err := each(of-remaining, of); err != nil || done {
			return err
		}
		if remaining == before {
			return errStalled
		}
		before = remaining
	}
}
