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

// sqliteCode returns the extended result code of an error of SQLite.
func sqliteCode(err error) (int, bool) {
	if refused, ok := errors.AsType[*modernc.Error](err); ok {
		return refused.Code(), true
	}
	return 0, false
}
