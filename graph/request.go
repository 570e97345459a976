package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
)

// request is what an operation has of its own: its caller, the caller's part of the store and of its tokens and tenants, and
// the loaders of the response that is being made. A stream has many responses, so what one of them read is gone with it.
type request struct {
	caller   *auth.Caller
	store    *store.Scope
	registry *store.Registry
	stream   bool
	pull     any // what a subscription's resolver left for resolveStream

	once sync.Once // makes read: most attempts that are streamed need no loader
	read *loaders
}

func (r *request) loaders() *loaders {
	r.once.Do(func() { r.read = newLoaders(r.store, r.registry) })
	return r.read
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

// AroundOperations refuses every operation without a caller (auth.From), and every mutation of which the caller may not run a
// field, and gives the others their part of the store and their loaders. It must be among the middleware of whatever executes the schema.
func AroundOperations(s *store.Store) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		caller := auth.From(ctx)
		if caller == nil || caller.Tenant == nil {
			return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{unauthenticated()}})
		}
		if errs := refused(graphql.GetOperationContext(ctx), caller); errs != nil {
			return graphql.OneShot(&graphql.Response{Errors: errs})
		}
		scope, known := s.In(caller.Tenant.ID), s.Registry(&caller.Tenant.ID)
		if caller.Operator {
			known = s.Registry(nil)
		}
		stream := graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription
		with := func(ctx context.Context) context.Context {
			return context.WithValue(ctx, requestKey{}, &request{caller: caller, store: scope, registry: known, stream: stream})
		}
		respond := next(with(ctx))
		return func(ctx context.Context) *graphql.Response { return respond(with(ctx)) }
	}
}
