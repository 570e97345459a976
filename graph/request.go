package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
)

// request is what one operation has of its own: its caller, the caller's part of the store, and the loaders.
type request struct {
	caller *auth.Caller
	store  *store.Scope
	loaders

	mu sync.Mutex
	// ended is why a stream ended, until it was told; mu guards it.
	ended error
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

// end keeps the error that a stream ends with. The stream's channel is closed after it.
func (r *request) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = err
}

// takeEnd returns what end was given, once.
func (r *request) takeEnd() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.ended
	r.ended = nil
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
		r := &request{caller: caller, store: s.In(caller.Tenant.ID)}
		r.loaders.init(r.store)
		respond := next(context.WithValue(ctx, requestKey{}, r))
		return func(ctx context.Context) *graphql.Response {
			return respond(context.WithValue(ctx, requestKey{}, r))
		}
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
	if err := r.takeEnd(); err != nil {
		graphql.AddError(ctx, err)
		return &graphql.Response{Errors: graphql.GetErrors(ctx)}
	}
	return nil
}
