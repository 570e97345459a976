//go:build !cgo

package store

import (
	"errors"
	"net/url"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite" // the same file format without a C compiler
)

const sqliteDriver = "sqlite"

// sqliteDialector opens the file with modernc.org/sqlite.
func sqliteDialector(path string, readOnly bool) gorm.Dialector {
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
		DriverName: sqliteDriver,
		DSN:        "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode(),
	})
}

// sqliteCode is the primary result code that an error of SQLite has; 0 for others.
func sqliteCode(err error) int {
	var e *modernc.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
