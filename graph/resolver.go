// Package graph is the GraphQL API. Resolvers translate, call and return; the rules are the domain's and the store's.
package graph

import (
	"context"
	_ "embed" // for SDL
	"maps"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
)

//go:generate go tool gqlgen generate
//go:generate go run ./internal/lean generated.go
//go:generate go test -run TestSchemaFile -update .

// SDL is the whole schema as text: schema.graphql, printed from the files beside it.
//
//go:embed schema.graphql
var SDL string

// Resolver is what the resolvers work on.
type Resolver struct {
	Store *store.Store
	Live  *live.Log
	// Settings are what the query server shows beside what is the same for every server. Nil: null.
	Settings *Settings
	// LastEventID is where a stream that gives no cursor goes on: the SSE header Last-Event-ID. Nil, or an empty answer,
	// means that there is none.
	LastEventID func(ctx context.Context) string
	// SetCursor tells the transport the cursor of the response that is being made. May be nil.
	SetCursor func(ctx context.Context, cursor string)
	// EndStream tells the transport why the subscription of ctx ends. It is called before the stream is closed, and the
	// transport presents the error.
	EndStream func(ctx context.Context, err error)

	shared *sharedReads // made by New
}

// Settings are a server's own.
type Settings struct {
	Version        string
	Retention      time.Duration // 0: forever
	DeliveryMaxAge time.Duration // 0: forever
	Timeout        time.Duration
	MaxDataBytes   int
	MaxCost        int // of one operation
	MaxAnswerBytes int
}

// New makes the executable schema. It runs only within AroundOperations, and its errors must go through a Presenter.
func New(r *Resolver) graphql.ExecutableSchema {
	r.shared = newSharedReads()
	return costed{NewExecutableSchema(Config{Schema: schema(), Resolvers: r, Directives: DirectiveRoot{Needs: needs}})}
}

// schema is the one that the files declare, without the directive @defer that gqlparser adds: what a query defers no
// transport of ours would deliver.
var schema = sync.OnceValue(func() *ast.Schema {
	s := *parsedSchema
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
})
