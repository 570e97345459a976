package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// request is the operation's state in the context: its caller, the payloads that its rows need not have, and the loaders of the
// current response. Each response of a stream has its own loaders.
type request struct {
	caller *auth.Caller
	lean   store.Lean
	stream bool
	pull   any // set by a subscription's resolver for resolveStream

	// Set by pull for its message:
	message *message       // which may be shared
	with    *live.Together // the deliveries that changed with the message's

	schemas *store.SchemaBudget

	once sync.Once // creates read lazily: most streamed attempts need no loader
	read *loaders
}

type requestKey struct{}

// from returns the operation's request, which AroundOperations sets before any resolver runs.
func from(ctx context.Context) *request {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		panic("graph: AroundOperations is missing")
	}
	return r
}

// scope returns the store's scope for the caller's tenant, without the payloads that the operation does not select.
func (r *Resolver) scope(ctx context.Context) *store.Scope {
	q := from(ctx)
	return r.Store.In(q.caller.Tenant.ID).Lean(q.lean)
}

// reach returns all that the caller may read: its tenant's part of the store, or, for an operator, the objects of all tenants. Only this
// function asks for that.
func (r *Resolver) reach(ctx context.Context) *store.Scope {
	q := from(ctx)
	if !q.caller.Operator {
		return r.scope(ctx)
	}
	return r.Store.Everyone().Lean(q.lean)
}

// among returns what a list or search is about: the call's tenant, or all tenants for an operator who asks for them.
func (r *Resolver) among(ctx context.Context, allTenants bool) (*store.Scope, error) {
	if !allTenants {
		return r.scope(ctx), nil
	}
	if !from(ctx).caller.Operator {
		return nil, errNotOperator
	}
	return r.reach(ctx), nil
}

var errNotOperator = &webhook.Invalid{Field: "allTenants", Code: webhook.CodeNotAllowed, Message: "must be false: only an operator token may read the objects of all tenants"}

// changing returns the store's scope for mutations: the audit log says that the caller makes them.
func (r *Resolver) changing(ctx context.Context) *store.Scope {
	return r.scope(ctx).By(from(ctx).caller.Actor(ctx))
}

// managing is registry for mutations, as changing is for scope.
func (r *Resolver) managing(ctx context.Context) *store.Registry {
	return r.registry(ctx).By(from(ctx).caller.Actor(ctx))
}

// registry returns the tokens, tenants and entries of the audit log that the caller may see.
func (r *Resolver) registry(ctx context.Context) *store.Registry {
	caller := from(ctx).caller
	if caller.Operator {
		return r.Store.Registry(nil)
	}
	return r.Store.Registry(&caller.Tenant.ID)
}

// registered returns what a list of tokens or the audit log is about, by the rule of among: the call's tenant, or for an operator the tenant that
// the filter names, or all.
func (r *Resolver) registered(ctx context.Context, allTenants bool, named *webhook.ID) (*store.Registry, error) {
	caller := from(ctx).caller
	if allTenants && !caller.Operator {
		return nil, errNotOperator
	}
	if allTenants || named != nil {
		return r.registry(ctx), nil
	}
	return r.Store.Registry(&caller.Tenant.ID), nil
}

// loaders returns the loaders of the current response.
func (r *Resolver) loaders(ctx context.Context) *loaders {
	q := from(ctx)
	q.once.Do(func() { q.read = newLoaders(r.reach(ctx), r.registry(ctx)) })
	return q.read
}

// AroundOperations refuses every operation without a caller (auth.From), and every mutation that selects a field the caller may not
// run. It gives the others their loaders. The executor of the schema must use it as middleware.
func AroundOperations(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	caller := auth.From(ctx)
	if caller == nil || caller.Tenant == nil {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{unauthenticated()}})
	}
	op := graphql.GetOperationContext(ctx)
	if errs := refused(op, caller); errs != nil {
		return graphql.OneShot(&graphql.Response{Errors: errs})
	}
	stream := op.Operation.Operation == ast.Subscription
	without := lean(op.Operation.SelectionSet)
	with := func(ctx context.Context) context.Context {
		return context.WithValue(ctx, requestKey{}, &request{caller: caller, lean: without, stream: stream, schemas: store.NewSchemaBudget(stream)})
	}
	respond := next(with(ctx))
	return func(ctx context.Context) *graphql.Response { return fitting(ctx, respond(with(ctx))) }
}

// traceOf returns the trace of the call, by the header field of its HTTP request: over a WebSocket that of the connection.
func traceOf(ctx context.Context) webhook.TraceParent {
	return webhook.TraceParentOf(graphql.GetOperationContext(ctx).Headers)
}

// lean returns the payloads that an operation does not select, so that its rows are read without them.
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
					case "Event.data", "Event.schemaErrors", "AttemptRequest.body":
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
