// Package graph is the GraphQL API. Resolvers translate, call and return; the rules are the domain's and the store's.
package graph

import (
	"context"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
)

//go:generate go tool gqlgen generate
//go:generate go test -run TestSchemaFile -update .

// Resolver is what the resolvers work on.
type Resolver struct {
	Store *store.Store
	Live  *live.Log
	// LastEventID is where a stream that gives no cursor goes on: the SSE header Last-Event-ID. Nil, or an empty answer,
	// means that there is none.
	LastEventID func(ctx context.Context) string
	// EndStream tells the transport why the subscription of ctx ends. It is called before the stream is closed, and the
	// transport presents the error. When nil, the error comes as a last response that has errors only.
	EndStream func(ctx context.Context, err error)
}

// New makes the executable schema. It runs only within AroundOperations; NewExecutor puts everything together.
func New(r *Resolver) graphql.ExecutableSchema {
	return NewExecutableSchema(Config{Resolvers: r})
}

// NewExecutor makes a gqlgen executor of the schema with everything that it needs, for transports that take one.
// Unexpected errors are logged to logger.
func NewExecutor(r *Resolver, logger *slog.Logger) *executor.Executor {
	e := executor.New(New(r))
	e.SetErrorPresenter(ErrorPresenter(logger))
	e.SetRecoverFunc(Recover)
	e.AroundOperations(AroundOperations(r.Store))
	e.AroundResponses(AroundResponses)
	return e
}
