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
		op := graphql.GetOperationContext(ctx)
		stream := op.Operation.Operation == ast.Subscription
		if !stream { // streams share what they read
			scope = scope.Lean(lean(op.Operation.SelectionSet))
		}
		with := func(ctx context.Context) context.Context {
			return context.WithValue(ctx, requestKey{}, &request{caller: caller, store: scope, registry: known, stream: stream})
		}
		respond := next(with(ctx))
		return func(ctx context.Context) *graphql.Response { return fitting(ctx, respond(with(ctx))) }
	}
}

// lean says which payloads an operation selects nowhere, and its rows need not have.
func lean(set ast.SelectionSet) store.Lean {
	l := store.Lean{NoData: true, NoBodies: true}
	seen := map[*ast.FragmentDefinition]bool{}
	var look func(set ast.SelectionSet)
	look = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.ObjectDefinition != nil {
					switch sel.ObjectDefinition.Name + "." + sel.Name {
					case "Event.data", "AttemptRequest.body":
						l.NoData = false
					case "AttemptResponse.body", "AttemptResponse.bodyBase64":
						l.NoBodies = false
					}
				}
				look(sel.SelectionSet)
			case *ast.InlineFragment:
				look(sel.SelectionSet)
			case *ast.FragmentSpread:
				if sel.Definition != nil && !seen[sel.Definition] {
					seen[sel.Definition] = true
					look(sel.Definition.SelectionSet)
				}
			}
		}
	}
	look(set)
	return l
}
