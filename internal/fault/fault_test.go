package fault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/fault"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/live"
	_ "github.com/hookgraph/hookgraph/internal/store/postgres" // whose errors the test classifies
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Every error of store, auth and live has one code and one status, says whether trying again helps, and has its log level:
// temporary ones are warnings, unexpected ones errors, and callers' mistakes are not logged. Wrapping changes nothing.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   string
		status int
		log    fault.Log
	}{
		{auth.ErrUnauthenticated, fault.Unauthenticated, 401, fault.Quiet},
		{&auth.TooManyFailures{RetryAfter: time.Second}, fault.RateLimited, 429, fault.Quiet},
		{auth.ErrForbidden, fault.Forbidden, 403, fault.Quiet},
		{auth.ErrUnknownTenant, fault.Forbidden, 403, fault.Quiet},
		{auth.ErrUnnamedTenant, fault.Forbidden, 403, fault.Quiet},
		{&auth.MissingPermission{Needs: auth.Needs{Operator: true}}, fault.Forbidden, 403, fault.Quiet},
		{&intake.Full{Of: "token"}, fault.RateLimited, 429, fault.Quiet},
		{&intake.Full{}, fault.Unavailable, 503, fault.Quiet},
		{webhook.ErrID, fault.BadUserInput, 422, fault.Quiet},
		{webhook.ErrCursor, fault.BadUserInput, 422, fault.Quiet},
		{webhook.ErrCursorLost, fault.CursorLost, 410, fault.Quiet},
		{&webhook.CursorLost{Oldest: 7}, fault.CursorLost, 410, fault.Quiet},
		{&webhook.CursorExpired{Oldest: 7}, fault.CursorExpired, 410, fault.Quiet},
		{webhook.ErrNotFound, fault.NotFound, 404, fault.Quiet},
		{webhook.ErrBusy, fault.Unavailable, 503, fault.Quiet},
		{webhook.ErrUnavailable, fault.Unavailable, 503, fault.Warning},
		{&pgconn.PgError{Code: "57P01"}, fault.Unavailable, 503, fault.Warning},
		{&pgconn.PgError{Code: "XX001"}, fault.Internal, 500, fault.Fault},
		{sql.ErrConnDone, fault.Unavailable, 503, fault.Warning},
		{context.DeadlineExceeded, fault.Unavailable, 503, fault.Quiet},
		{context.Canceled, fault.Canceled, 503, fault.Quiet},
		{live.ErrClosed, fault.Unavailable, 503, fault.Quiet},
		{errors.New("a mistake"), fault.Internal, 500, fault.Fault},
	} {
		for _, err := range []error{c.err, fmt.Errorf("read it: %w", c.err), errors.Join(errors.New("besides"), c.err)} {
			told := fault.Of(err)
			if told.Code != c.code || told.Status != c.status || told.Log != c.log || told.Message == "" {
				t.Errorf("%v: %+v, want %s, %d, log %d", err, told, c.code, c.status, c.log)
			}
			if again := c.status == http.StatusTooManyRequests || c.status == http.StatusServiceUnavailable && c.code != fault.Canceled; told.Retry() != again {
				t.Errorf("%v: may be tried again: %v", err, told.Retry())
			}
		}
	}
}

// An error because the caller has disconnected is CANCELED and not logged; a fault of the server stays one even then.
func TestInCanceledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	away, broken := fmt.Errorf("%w: interrupted", webhook.ErrUnavailable), errors.New("a mistake")
	if told := fault.In(ctx, away); told.Code != fault.Unavailable || told.Log != fault.Warning {
		t.Errorf("%+v", told)
	}
	cancel()
	if told := fault.In(ctx, away); told.Code != fault.Canceled || told.Log != fault.Quiet {
		t.Errorf("of a caller that has gone: %+v", told)
	}
	if told := fault.In(ctx, broken); told.Code != fault.Internal || told.Log != fault.Fault {
		t.Errorf("a mistake, of a caller that has gone: %+v", told)
	}
}
