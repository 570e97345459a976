// Package fault translates errors of the store, auth and live for callers: one table for GraphQL over HTTP, server-sent events and
// WebSocket, and for REST, so that all of them report the same errors as retryable, and none shows an internal one. Wrong input
// (webhook.Invalid) is not in it, because each surface has its own field names.
package fault

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/surface"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The codes: extensions.code of GraphQL, error.code of REST.
const (
	Unauthenticated = "UNAUTHENTICATED"
	Forbidden       = "FORBIDDEN"
	BadUserInput    = "BAD_USER_INPUT"
	NotFound        = "NOT_FOUND"
	CursorExpired   = "CURSOR_EXPIRED"
	CursorLost      = "CURSOR_LOST"
	RateLimited     = "RATE_LIMITED"
	Unavailable     = "UNAVAILABLE" // the same call may succeed in a moment
	Canceled        = "CANCELED"    // by the caller, who does not see it
	Internal        = "INTERNAL_SERVER_ERROR"
)

// Log says whether an error is logged when it is reported.
type Log int

// The ways to log an error.
const (
	Quiet   Log = iota // caused by the caller, or logged where it happened
	Warning            // an operator should act; callers may try again
	Fault              // unexpected
)

// Level is the level of the line in the log.
func (l Log) Level() slog.Level {
	if l == Fault {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// Told is an error as callers see it.
type Told struct {
	Code    string
	Status  int // of HTTP
	Message string
	// Wait is how long to wait before trying again; 0 if unknown.
	Wait time.Duration
	Log  Log
}

// Retry reports whether the same call may succeed later.
func (t *Told) Retry() bool { return t.Code == Unavailable || t.Code == RateLimited }

// Of translates an error for callers.
func Of(err error) Told {
	if limited, ok := errors.AsType[*auth.TooManyFailures](err); ok {
		return Told{RateLimited, http.StatusTooManyRequests, limited.Error(), limited.RetryAfter, Quiet}
	}
	if missing, ok := errors.AsType[*auth.MissingPermission](err); ok {
		return Told{Forbidden, http.StatusForbidden, missing.Error(), 0, Quiet}
	}
	if full, ok := errors.AsType[*intake.Full](err); ok {
		if full.Of != "" {
			return Told{RateLimited, http.StatusTooManyRequests, full.Error() + "; send further calls when earlier ones are answered", time.Second, Quiet}
		}
		return Told{Unavailable, http.StatusServiceUnavailable, full.Error() + "; try again", time.Second, Quiet}
	}
	if _, ok := errors.AsType[*webhook.CursorExpired](err); ok {
		return Told{CursorExpired, http.StatusGone, "retention has removed the elements after this cursor; resume after extensions.oldest, or read from the beginning", 0, Quiet}
	}
	for _, known := range table {
		if errors.Is(err, known.err) {
			return known.told
		}
	}
	if store.Transient(err) {
		return away
	}
	return Told{Internal, http.StatusInternalServerError, "internal server error", 0, Fault}
}

// away is a database that cannot be reached or written for now.
var away = Told{Unavailable, http.StatusServiceUnavailable, webhook.ErrUnavailable.Error(), time.Second, Warning}

// table has the sentinel errors. The first match counts, so more specific ones come first.
var table = []struct {
	err  error
	told Told
}{
	{surface.ErrSeveralTokens, Told{Unauthenticated, http.StatusUnauthorized, surface.ErrSeveralTokens.Error(), 0, Quiet}},
	{surface.ErrScheme, Told{Unauthenticated, http.StatusUnauthorized, surface.ErrScheme.Error(), 0, Quiet}},
	{auth.ErrNoToken, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrNoToken.Error(), 0, Quiet}},
	{auth.ErrUnknownToken, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrUnknownToken.Error(), 0, Quiet}},
	{auth.ErrRevokedToken, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrRevokedToken.Error(), 0, Quiet}},
	{auth.ErrExpiredToken, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrExpiredToken.Error(), 0, Quiet}},
	{auth.ErrLink, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrLink.Error(), 0, Quiet}},
	{auth.ErrUnauthenticated, Told{Unauthenticated, http.StatusUnauthorized, auth.ErrUnauthenticated.Error(), 0, Quiet}},
	{auth.ErrUnknownTenant, Told{Forbidden, http.StatusForbidden, "the tenant does not exist, or the token may not act for it; check the header Hookgraph-Tenant", 0, Quiet}},
	{auth.ErrUnnamedTenant, Told{Forbidden, http.StatusForbidden, "the header Hookgraph-Tenant is empty: name a tenant in it, or leave it out", 0, Quiet}},
	{auth.ErrNoSession, Told{Forbidden, http.StatusForbidden, auth.ErrNoSession.Error(), 0, Quiet}},
	{auth.ErrForbidden, Told{Forbidden, http.StatusForbidden, "not allowed", 0, Quiet}},
	{webhook.ErrID, Told{BadUserInput, http.StatusUnprocessableEntity, "must be a UUID", 0, Quiet}},
	{webhook.ErrCursor, Told{BadUserInput, http.StatusUnprocessableEntity, "must be a cursor that this server made, for this list and this tenant", 0, Quiet}},
	{webhook.ErrCursorLost, Told{CursorLost, http.StatusGone, "the database was restored from a backup older than this cursor; read the list from its beginning", 0, Quiet}},
	{webhook.ErrNotFound, Told{NotFound, http.StatusNotFound, "the object does not exist, or belongs to another tenant; check its id", 0, Quiet}},
	{webhook.ErrRemoved, Told{Unavailable, http.StatusServiceUnavailable, webhook.ErrRemoved.Error(), time.Second, Quiet}},
	{webhook.ErrBusy, Told{Unavailable, http.StatusServiceUnavailable, webhook.ErrBusy.Error(), time.Second, Quiet}},
	{webhook.ErrUnavailable, away},
	{live.ErrClosed, Told{Unavailable, http.StatusServiceUnavailable, "the stream was closed; try again", time.Second, Quiet}},
	{context.DeadlineExceeded, Told{Unavailable, http.StatusServiceUnavailable, "the operation took too long, and may or may not have taken effect; try again, publishing with the same idempotency key", time.Second, Quiet}},
	{context.Canceled, Told{Canceled, http.StatusServiceUnavailable, "the operation was canceled", 0, Quiet}},
}

// In is Of for an error of a call with this context. If the caller has gone, what looks like an unavailable database is the
// canceled context.
func In(ctx context.Context, err error) Told {
	told := Of(err)
	if told.Log == Warning && errors.Is(ctx.Err(), context.Canceled) {
		return Of(context.Canceled)
	}
	return told
}
