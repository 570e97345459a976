//go:build cgo

package sqlite

import (
	"errors"
	"net/url"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

const driverName = "sqlite3"

// dialector opens the file with mattn/go-sqlite3.
func dialector(driver, path string, readOnly bool) gorm.Dialector {
	q := url.Values{
		"_busy_timeout": {"10000"}, // comes first in the driver too: switching to WAL takes a lock
		"_foreign_keys": {"on"},
		"_mutex":        {"no"}, // database/sql gives a connection to one goroutine at a time
	}
	if readOnly {
		q.Set("mode", "ro")
		q.Set("_query_only", "true")
	} else {
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL") // the driver's default is NORMAL, which loses acknowledged rows in a power failure
		q.Set("_txlock", "immediate")
		q.Set("_stmt_cache_size", "64") // statements that the writer runs as text stay prepared
	}
	return sqlite.New(sqlite.Config{DriverName: driver, DSN: "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()})
}

// sourceDSN opens an existing database as it is.
func sourceDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&_busy_timeout=10000"
}

// copyPages copies the database of a connection, which is in a transaction, to a file.
func copyPages(source any, to string, each func(done, of int) error) (err error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + (&url.URL{Path: to}).EscapedPath() + "?mode=rw&_journal_mode=OFF&_synchronous=OFF")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	copying, err := opened.(*sqlite3.SQLiteConn).Backup("main", source.(*sqlite3.SQLiteConn), "main")
	if err != nil {
		return err
	}
	err = steps(copying.Step, func() (remaining, of int) { return copying.Remaining(), copying.PageCount() }, each)
	if ended := copying.Finish(); err == nil {
		err = ended
	}
	return err
}

// sqliteCode returns the extended result code of an error of SQLite.
func sqliteCode(err error) (int, bool) {
	if refused, ok := errors.AsType[sqlite3.Error](err); ok {
		return int(refused.ExtendedCode) | int(refused.Code), true
	}
	if refused, ok := errors.AsType[sqlite3.ErrNo](err); ok {
		return int(refused), true
	}
	return 0, false
}
