package graph

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/auth"
)

// Authenticate finds the caller of a transport's request. Its errors are for callers: what is not theirs to know is
// logged.
func Authenticate(a *auth.Authenticator, logger *slog.Logger) func(r *http.Request, token, tenant string) (context.Context, error) {
	return func(r *http.Request, token, tenant string) (context.Context, error) {
		caller, err := a.Authenticate(r.Context(), token, tenant)
		switch {
		case err == nil:
			return auth.With(r.Context(), caller), nil
		case errors.Is(err, auth.ErrUnauthenticated):
			return nil, unauthenticated()
		case errors.Is(err, auth.ErrUnknownTenant):
			return nil, &gqlerror.Error{Message: "unknown tenant", Extensions: map[string]any{"code": CodeForbidden}}
		case errors.Is(err, auth.ErrForbidden):
			return nil, &gqlerror.Error{Message: "not allowed", Extensions: map[string]any{"code": CodeForbidden}}
		}
		if r.Context().Err() == nil { // else the caller is gone, and that is no fault
			logger.ErrorContext(r.Context(), "authentication failed", slog.Any("error", err))
		}
		return nil, &gqlerror.Error{
			Message: "the token could not be checked, try again", Extensions: map[string]any{"code": CodeInternal},
		}
	}
}

// CodeForbidden is the extensions.code of a caller that is known and may not do this.
const CodeForbidden = "FORBIDDEN"
