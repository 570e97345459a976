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

// from returns the operation's request. Without an Extension there is none, and no resolver runs.
func from(ctx context.Context) *request {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		panic("graph: the executor does not use graph.Extension")
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

type extension struct{ store *store.Store }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
	graphql.ResponseInterceptor
} = extension{}

// Extension refuses every operation without a caller (auth.From), gives the others their part of the store and their
// loaders, and ends a stream that broke with a response of errors only. An executor must use exactly one.
func Extension(s *store.Store) graphql.HandlerExtension { return extension{s} }

// ExtensionName is part of graphql.HandlerExtension.
func (extension) ExtensionName() string { return "Hookgraph" }

// Validate is part of graphql.HandlerExtension.
func (extension) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation is part of graphql.OperationInterceptor.
func (e extension) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	caller := auth.From(ctx)
	if caller == nil || caller.Tenant == nil {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{unauthenticated()}})
	}
	r := &request{caller: caller, store: e.store.In(caller.Tenant.ID)}
	r.loaders.init(r.store)
	respond := next(context.WithValue(ctx, requestKey{}, r))
	return func(ctx context.Context) *graphql.Response {
		return respond(context.WithValue(ctx, requestKey{}, r))
	}
}

// InterceptResponse is part of graphql.ResponseInterceptor.
func (extension) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
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
