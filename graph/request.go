package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
)

// request is what an operation has of its own: its caller, the caller's part of the store, and the loaders of the response
// that is being made. A stream has many responses, so what one of them read is gone with it.
type request struct {
	caller  *auth.Caller
	store   *store.Scope
	loaders *loaders
	end     *ending
}

// ending is why a stream ended, until it was told.
type ending struct {
	mu  sync.Mutex // guards err
	err error
}

type requestKey struct{}

// from returns the operation's request. Without AroundOperations there is none, and no resolver runs.
func from(ctx context.Context) *request {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		panic("graph: AroundOperations is missing")
	}
	return r
}

// set keeps the error that a stream ends with. The stream's channel is closed after it.
func (e *ending) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// take returns what set was given, once.
func (e *ending) take() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.err
	e.err = nil
	return err
}

// AroundOperations refuses every operation without a caller (auth.From), and gives the others their part of the store and
// their loaders. It must be among the middleware of whatever executes the schema.
func AroundOperations(s *store.Store) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		caller := auth.From(ctx)
		if caller == nil || caller.Tenant == nil {
			return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{unauthenticated()}})
		}
		scope, end := s.In(caller.Tenant.ID), &ending{}
		with := func(ctx context.Context) context.Context {
			r := &request{caller: caller, store: scope, loaders: newLoaders(scope), end: end}
			return context.WithValue(ctx, requestKey{}, r)
		}
		respond := next(with(ctx))
		return func(ctx context.Context) *graphql.Response { return respond(with(ctx)) }
	}
}

// AroundResponses ends a stream that broke with a response that has errors only. It is for transports that have no way of
// their own to end a stream (Resolver.EndStream).
func AroundResponses(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil {
		return resp
	}
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil
	}
	if err := r.end.take(); err != nil {
		graphql.AddError(ctx, err)
		return &graphql.Response{Errors: graphql.GetErrors(ctx)}
	}
	return nil
}
