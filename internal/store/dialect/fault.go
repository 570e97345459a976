package dialect

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

	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ErrDeadlock is returned by DB.Transaction if the database ended the transaction because it and another waited for each other. It may
// be repeated at once.
var ErrDeadlock = errors.New("the transaction and another waited for each other")

// Unavailable wraps a database's error if trying again may help. It returns others unchanged: a corrupt database, or a programming
// error.
func Unavailable(err error) error {
	if !Transient(err) || errors.Is(err, webhook.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", webhook.ErrUnavailable, err)
}

// Transient reports whether an error is a temporary one of the database: it is unreachable, full, busy, or temporarily read-only.
// The packages of the databases recognize their drivers' errors, however they are wrapped. A context's own error is not the
// database's.
func Transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	for _, judge := range judges {
		if passes, known := judge(err); known {
			return passes
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, known := range []error{
		webhook.ErrUnavailable, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return closedPool(err)
}

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

// ErrNoRoom is the error of a change that can be made later: the sender has no room for what it would send.
var ErrNoRoom = errors.New("the sender has no room")

// Expected reports whether the error is the change's own, and the database is well: the caller's mistake, or a statement that
// scoped refused before it reached the database.
func Expected(err error) bool {
	return errors.Is(err, webhook.ErrNotFound) || len(webhook.Invalids(err)) > 0 || errors.Is(err, scoped.ErrUnscoped) || errors.Is(err, ErrNoRoom)
}
