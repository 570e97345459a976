package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// unavailable wraps a database's error so that callers know that trying again may help. It leaves alone those with which it does
// not: a database that is broken, or a mistake of this package.
func unavailable(err error) error {
	if !Transient(err) || errors.Is(err, webhook.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", webhook.ErrUnavailable, err)
}

// Transient reports whether an error is the database's, and one that passes: it cannot be reached, has no room, is busy, or
// takes no writes for now. It is the one place that knows: errors of the drivers reach callers wrapped in many ways. A context's
// own error is not the database's.
func Transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return transientState(refused.Code)
	}
	if code, ok := sqliteCode(err); ok {
		return transientCode(code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true // also when the server was reached and turned out to be a standby
	}
	if _, ok := errors.AsType[filesGone](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, known := range []error{
		webhook.ErrUnavailable, errFenced, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return pgconn.SafeToRetry(err) || closedPool(err)
}

// filesGone is why the files of the database are not those that were opened. They may be put back.
type filesGone string

func (e filesGone) Error() string { return string(e) }

// closedPool is database/sql's error of a pool that was closed, which it does not export: the store is closing.
func closedPool(err error) bool {
	if err.Error() == "sql: database is closed" {
		return true
	}
	switch e := err.(type) { //nolint:errorlint // the walk itself unwraps
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), closedPool)
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && closedPool(inner)
	}
	return false
}

// transientState says so of an error code of PostgreSQL (its documentation, appendix A).
func transientState(code string) bool {
	switch code {
	case "25006", // read only: a standby, or a primary that has become one
		"25P03",                   // a transaction that was idle for too long
		"28000", "28P01", "3D000", // the operator is changing the password, or the database
		"40001", "40P01", // serialization, deadlock
		"40003", // completion unknown
		"55006", "55P03", "55P04",
		"57014",                                     // statement timeout, or canceled by the operator
		"57P01", "57P02", "57P03", "57P04", "57P05", // shut down, crashed, starting
		"58000", "58030": // the system's errors, input and output
		return true
	}
	switch code[:min(2, len(code))] {
	case "08", "53": // connections; disk full, out of memory, too many connections
		return true
	}
	return false
}

// Result codes of SQLite (https://www.sqlite.org/rescode.html), of which the lowest byte is the primary one.
const (
	sqlitePerm      = 3
	sqliteBusy      = 5
	sqliteLocked    = 6
	sqliteNoMem     = 7
	sqliteReadOnly  = 8
	sqliteInterrupt = 9
	sqliteIOErr     = 10
	sqliteCorrupt   = 11
	sqliteFull      = 13
	sqliteCantOpen  = 14
	sqliteProtocol  = 15
	sqliteNotADB    = 26

	sqliteIOErrCorruptFS = sqliteIOErr | 33<<8
	sqliteIOErrData      = sqliteIOErr | 32<<8
)

// transientCode says so of a result code of SQLite. What is corrupt stays so.
func transientCode(code int) bool {
	switch code {
	case sqliteIOErrCorruptFS, sqliteIOErrData:
		return false
	}
	switch code & 0xff {
	case sqlitePerm, sqliteBusy, sqliteLocked, sqliteNoMem, sqliteReadOnly, sqliteInterrupt, sqliteIOErr, sqliteFull, sqliteCantOpen, sqliteProtocol:
		return true
	}
	return false
}
