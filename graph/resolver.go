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

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

//go:generate go tool gqlgen generate
//go:generate go run ./internal/lean generated.go
//go:generate go test -run TestSchemaFile -update .

// SDL is the whole schema as text: schema.graphql, printed from the files beside it.
//
//go:embed schema.graphql
var SDL string

// Resolver has the resolvers' dependencies.
type Resolver struct {
	Store *store.Store
	Live  *live.Log
	// Changes is the source of changes for streams of deliveries and statistics.
	Changes *live.Changes
	// Settings are this server's values for the query server.
	Settings Settings
	// Tasks returns the state of this node's background tasks. May be nil.
	Tasks func() []upkeep.Stat
	// Checks returns what this server finds when it examines itself, and when that was; fresh asks for a new run. May be nil.
	Checks func(ctx context.Context, fresh bool) ([]doctor.Result, time.Time, error)
	// LastEventID returns the SSE header Last-Event-ID, where a stream resumes; "" if there is none. May be nil.
	LastEventID func(ctx context.Context) string
	// SetCursor tells the transport the cursor of the current response. May be nil.
	SetCursor func(ctx context.Context, cursor string)
	// SetWait gives the transport a function that waits until the next response need not wait for anything to report; the transport calls it
	// before the response, which is on a stack that is less deep. May be nil.
	SetWait func(ctx context.Context, wait func(ctx context.Context))
	// EndStream tells the transport why the subscription of ctx ends. It is called before the stream is closed, and the
	// transport presents the error.
	EndStream func(ctx context.Context, err error)
	// PayMessage takes what one more message of a stream costs from its caller's budget, or returns how long to wait until it can. May be
	// nil.
	PayMessage func(ctx context.Context) time.Duration

	shared  *sharedReads // set by New, as is what follows
	numbers *live.Numbers[*edition]
}

// Settings are the settings of one server.
type Settings struct {
	Version        string
	Retention      webhook.Retention
	DeliveryMaxAge time.Duration // 0: forever
	AuditRetention time.Duration
	Timeout        time.Duration
	MaxDataBytes   int
	MaxCost        int // of one operation
	MaxAnswerBytes int
	// TestReceiver returns the URL of the server's own receiver, once it listens; nil: there is none.
	TestReceiver func() string
	// PortalURL returns the URL of the customer portal, once the server listens.
	PortalURL portal.URL
}

// shown returns the settings as the query server shows them.
func (s *Settings) shown() *model.Server {
	retries := webhook.DefaultSchedule[1:] // the first wait is before the first attempt
	schedule := make([]int, len(retries))
	for i, wait := range retries {
		schedule[i] = int(wait.Milliseconds())
	}
	var receiver *string
	if s.TestReceiver != nil {
		receiver = new(s.TestReceiver())
	}
	return &model.Server{
		TestReceiverURL: receiver,
		Version:         s.Version, RetentionMs: float64(s.Retention.Keep.Milliseconds()), KeepFailedMs: float64(s.Retention.KeepFailed.Milliseconds()),
		DeliveryMaxAgeMs: float64(s.DeliveryMaxAge.Milliseconds()), AuditRetentionMs: float64(s.AuditRetention.Milliseconds()),
		TimeoutMs: int(s.Timeout.Milliseconds()), RetryScheduleMs: schedule,
		Limits: &model.ServerLimits{
			DataBytes: s.MaxDataBytes, Events: webhook.MaxPublish, PageSize: maxPage, Nodes: maxNodes,
			OperationCost: s.MaxCost, ResponseBytes: s.MaxAnswerBytes,
			Retries: webhook.MaxRetries, RetryDelayMs: int(webhook.MaxRetryDelay.Milliseconds()),
			MinTimeoutMs: int(webhook.MinTimeout.Milliseconds()), MaxTimeoutMs: int(webhook.MaxTimeout.Milliseconds()),
			RatePerSecond: webhook.MaxRatePerSecond,
		},
	}
}

// New returns the executable schema. It must run within AroundOperations, and its errors must pass through a Presenter.
func New(r *Resolver) graphql.ExecutableSchema {
	r.shared = newSharedReads()
	if r.Changes != nil {
		r.numbers = live.NewNumbers[*edition](r.Changes)
	}
	return costed{NewExecutableSchema(Config{Schema: schema(), Resolvers: r, Directives: DirectiveRoot{Needs: needs}})}
}

// schema returns the schema that the files declare, without the directive @defer that gqlparser adds: no transport here delivers
// deferred parts.
var schema = sync.OnceValue(func() *ast.Schema {
	s := *parsedSchema
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
})
