//go:build !cgo

package sqlite

import (
	"errors"
	"net/url"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite" // the same file format without a C compiler
)

const driverName = "sqlite"

// dialector opens the file with modernc.org/sqlite.
func dialector(driver, path string, readOnly bool) gorm.Dialector {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(on)"}}
	if readOnly {
		q.Set("mode", "ro")
		q.Add("_pragma", "query_only(true)")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(FULL)")
		q.Set("_txlock", "immediate")
	}
	return sqlite.New(sqlite.Config{
		DriverName: driver,
		DSN:        "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode(),
	})
}

// sourceDSN opens an existing database as it is.
func sourceDSN(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&_pragma=busy_timeout(10000)"
}

// copyPages copies the database of a connection, which is in a transaction, to a file.
func copyPages(source any, to string, each func(done, of int) error) error {
	copying, err := source.(interface {
		NewBackup(to string) (*modernc.Backup, error)
	}).NewBackup("file:" + (&url.URL{Path: to}).EscapedPath() + "?mode=rw&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	err = steps(func(pages int) (done bool, err error) {
		more, err := copying.Step(int32(pages)) //nolint:gosec // stepPages
		return !more, err
	}, func() (remaining, of int) { return copying.Remaining(), copying.PageCount() }, each)
	if ended := copying.Finish(); err == nil {
		err = ended
	}
	return err
}

// sqliteCode returns the extended result code of an error of SQLite.
func sqliteCode(err error) (int, bool) {
	if refused, ok := errors.AsType[*modernc.Error](err); ok {
		return refused.Code(), true
	}
	return 0, false
}
