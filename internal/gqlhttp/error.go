package gqlhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// Codes that this package puts into an error's extensions.code.
const (
	codeUnauthenticated = "UNAUTHENTICATED"
	codeForbidden       = "FORBIDDEN"
	codeBadInput        = "BAD_USER_INPUT"
	codeRateLimited     = "RATE_LIMITED"
	codeUnavailable     = "UNAVAILABLE"
	codeTooComplex      = "QUERY_TOO_COMPLEX"
	codeAnswerTooLarge  = "ANSWER_TOO_LARGE"
	codeInternal        = "INTERNAL_SERVER_ERROR"
	codeParse           = errcode.ParseFailed
	codeValidation      = errcode.ValidationFailed

	// Apollo's clients expect these two.
	codePersistedNotFound     = "PERSISTED_QUERY_NOT_FOUND"
	codePersistedNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED"
)

// ErrPanic is wrapped by the error that an ErrorPresenter gets when a resolver has panicked. The panic has been logged with its
// stack.
var ErrPanic = errors.New("panic in a resolver")

func newError(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

func errorList(code, message string) gqlerror.List {
	return gqlerror.List{newError(code, message)}
}

func codeOf(err *gqlerror.Error) string {
	code, _ := err.Extensions["code"].(string)
	return code
}

// identified returns a context that has a request's id, which masked errors show as extensions.requestId: a random one unless ctx has one.
// All operations of one WebSocket share the id of its upgrade request.
func identified(ctx context.Context) context.Context {
	if intake.RequestID(ctx) != "" {
		return ctx
	}
	return intake.WithRequestID(ctx, rand.Text())
}

func internalError(ctx context.Context) *gqlerror.Error {
	err := newError(codeInternal, "internal server error")
	err.Extensions["requestId"] = intake.RequestID(ctx)
	return err
}

// maskErrors is the default presenter.
func maskErrors(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		if !errors.Is(err, ErrPanic) {
			log.ErrorContext(ctx, "resolver error", slog.String("request_id", intake.RequestID(ctx)), slog.Any("error", err))
		}
		masked := internalError(ctx)
		if located, ok := errors.AsType[*gqlerror.Error](err); ok {
			masked.Path, masked.Locations = located.Path, located.Locations
		}
		return masked
	}
}

// safePresenter shields execution from a presenter that panics or returns nil: gqlgen would drop the error or crash.
func safePresenter(present graphql.ErrorPresenterFunc, log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) (shown *gqlerror.Error) {
		defer func() {
			if v := recover(); v != nil {
				logPanic(ctx, log, v)
				shown = internalError(ctx)
			}
		}()
		if shown = present(ctx, err); shown == nil {
			shown = internalError(ctx)
		}
		return shown
	}
}

// noteChanges notes the errors of which changed is true, for a query to be executed again.
func noteChanges(present graphql.ErrorPresenterFunc, changed func(error) bool) graphql.ErrorPresenterFunc {
	if changed == nil {
		return present
	}
	return func(ctx context.Context, err error) *gqlerror.Error {
		if s, ok := ctx.Value(streamKey{}).(*stream); ok && changed(err) {
			s.noteChanged()
		}
		return present(ctx, err)
	}
}

func logPanic(ctx context.Context, log *slog.Logger, v any) {
	log.ErrorContext(ctx, "panic", slog.String("request_id", intake.RequestID(ctx)), slog.Any("panic", v),
		slog.String("stack", string(debug.Stack())))
}

// retryAfter sets Retry-After (RFC 9110, section 10.2.3), in whole seconds, if err has a time.
func retryAfter(h http.Header, err *gqlerror.Error) {
	if ms, ok := err.Extensions["retryAfterMs"].(int64); ok && codeOf(err) == codeRateLimited {
		h.Set("Retry-After", strconv.FormatInt((ms+999)/1000, 10))
	}
}

// refusal turns an error of Config.Authenticate into an error for the client, and a status.
func refusal(err error) (*gqlerror.Error, int) {
	var shown *gqlerror.Error
	if !errors.As(err, &shown) {
		return newError(codeUnauthenticated, "a valid token is required"), http.StatusUnauthorized
	}
	switch codeOf(shown) {
	case codeForbidden:
		return shown, http.StatusForbidden
	case codeRateLimited:
		return shown, http.StatusTooManyRequests
	case codeUnavailable:
		return shown, http.StatusServiceUnavailable
	case codeInternal:
		return shown, http.StatusInternalServerError
	}
	return shown, http.StatusUnauthorized
}

// tooMuch returns the error for an *intake.Full, and its status: RATE_LIMITED if the caller has its whole share, UNAVAILABLE if
// others have theirs. Both pass quickly.
func tooMuch(err error) (*gqlerror.Error, int) {
	full, ok := errors.AsType[*intake.Full](err)
	if !ok || full.Of == "" {
		return newError(codeUnavailable, "the server is overloaded; try again"), http.StatusServiceUnavailable
	}
	shown := newError(codeRateLimited, full.Error()+"; try again when some of them have ended")
	shown.Extensions["retryAfterMs"] = int64(1000)
	return shown, http.StatusTooManyRequests
}
