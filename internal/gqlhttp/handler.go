// Package gqlhttp serves a GraphQL schema at one URL: GraphQL over HTTP (GET and POST), server-sent events and
// WebSocket, with a guard that refuses hostile documents before they are validated.
//
// It knows protocols, not the product: Config provides the caller, the texts of resolvers' errors and the meaning of the schema.
// Everything that a client can make grow has a limit here.
package gqlhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// Config configures a Handler. The zero value of every field except Authenticate means the documented default.
type Config struct {
	// Authenticate turns a bearer token ("" if the client sent none) into a context that carries the caller. The
	// context must derive from r.Context(). r is the HTTP request, for WebSocket the upgrade request. tenant is the
	// value of the Hookgraph-Tenant header or, for WebSocket, of the connection_init payload's entry of that name.
	//
	// An error refuses the caller: 401, or close 4403. A *gqlerror.Error is shown to the client, and its code FORBIDDEN,
	// RATE_LIMITED, UNAVAILABLE or INTERNAL_SERVER_ERROR makes it 403, 429, 503 or 500 (close 4403, or 1013 for those that can be
	// retried). Any other error is shown as UNAUTHENTICATED, without its text. If Authenticate is nil, all callers are refused.
	Authenticate func(r *http.Request, token, tenant string) (context.Context, error)
	// Alive is called for each open stream every AliveInterval, with the caller's context; false closes the stream (WebSocket
	// 4403, SSE an UNAUTHENTICATED error). It must be cheap and return within AliveInterval. If nil, streams stay open.
	Alive func(ctx context.Context) bool
	// Holder returns the tenant and token that the caller's bodies, streams and running operations count for. If nil, they are
	// bounded only in total.
	Holder func(ctx context.Context) intake.Holder
	// Charge is called before an operation runs, with its cost, and returns how long the caller must wait before it can afford
	// it; more than zero refuses it as RATE_LIMITED with extensions.retryAfterMs. If nil, cost is not rationed.
	Charge func(ctx context.Context, cost int) time.Duration

	// ErrorPresenter translates what resolvers return. The default masks every error as INTERNAL_SERVER_ERROR with the
	// request id and logs it. Errors of the protocol, the guard and validation do not pass through it. A panic arrives as
	// an error that wraps ErrPanic, and has been logged.
	ErrorPresenter graphql.ErrorPresenterFunc
	// ReadAgain reports whether a resolver failed because rows changed while the operation read them. A query is then executed again,
	// up to four times, and its client gets the last answer. May be nil.
	ReadAgain func(err error) bool
	// AroundOperations wraps execution as gqlgen's middleware of that name. May be nil.
	AroundOperations graphql.OperationMiddleware

	// Logger gets panics and masked errors, never documents, variables or tokens. Default: slog.Default().
	Logger *slog.Logger

	// AllowedOrigins are the origins ("https://app.example.com"), besides the server's own, that may open a WebSocket; "*"
	// allows all. Requests without an Origin header do not come from a browser and are allowed.
	AllowedOrigins []string
	// DisableIntrospection refuses __schema and __type.
	DisableIntrospection bool
	// TrustedDocuments, when not nil, are the only documents that run: SHA-256 in lower-case hex to document. Clients
	// send the document, or only its hash as for a persisted query.
	TrustedDocuments map[string]string

	// MaxBodyBytes bounds a request body and a WebSocket message. Default 1 MiB.
	MaxBodyBytes int64
	// Bodies reads request bodies and WebSocket messages, and bounds their total size in memory. Default: 64 times
	// MaxBodyBytes.
	Bodies *intake.Bodies
	// MaxStreams bounds the WebSockets and SSE streams of authenticated callers. A tenant gets a quarter, a token an eighth. More
	// are refused with 503, or 429 if the caller has its share, and close 1013. Default 10,000.
	//
	// WebSockets that are not authenticated yet are counted separately: an eighth as many, and half of that for one address.
	// Beyond that, those that have waited longest are closed.
	MaxStreams int
	// MaxOperationsPerConnection bounds the operations running at once on one WebSocket. Default 100.
	MaxOperationsPerConnection int
	// Operations bounds the operations running at once. Default 100,000, of one tenant 4,000, of one token 1,000.
	Operations intake.Limits
	// Observe is called when an operation has ended, or was refused, with the caller's context; it must not block. May be nil.
	Observe func(ctx context.Context, o *Observed)
	// OnFull is called when an operation or a stream is refused because too many are open; it must not block. May be nil.
	OnFull func(what string, h intake.Holder, full *intake.Full)
	// DocumentCacheBytes bounds the parsed documents kept, by estimate. Default 16 MiB.
	DocumentCacheBytes int
	// PersistedQueryBytes bounds the automatic persisted queries kept. Default 4 MiB.
	PersistedQueryBytes int
	// Compress wraps the handler that writes the answer of a query, to compress it if the client accepts that. Answers of
	// mutations, which may hold secrets, and streams are not wrapped. If nil, nothing is compressed.
	Compress func(http.Handler) http.Handler

	// MaxAnswerBytes bounds the answer of an operation, and each message of a subscription: a larger one is answered with the error
	// ANSWER_TOO_LARGE. What is read and copied to produce it is bounded by four times that. The schema counts both with the meter
	// of its context (meter.From). Default 8 MiB.
	//
	// All answers that have not been written yet hold up to twelve times that together, those of one tenant half of it. An operation
	// that finds none left waits briefly, and is then refused as RATE_LIMITED, or as UNAVAILABLE if other tenants hold it.
	// Operations that cost more than 100 also wait for their turn.
	MaxAnswerBytes int
	// Limits bounds each document.
	Limits Limits

	// OperationTimeout bounds a query or mutation. Default 30 s. Subscriptions have no deadline.
	OperationTimeout time.Duration
	// InitTimeout bounds the time until a WebSocket's connection_init has been accepted. Default 10 s.
	InitTimeout time.Duration
	// WriteTimeout is how long a client may take to read each piece (intake.Piece) of what is written to it, before it is
	// dropped; on a WebSocket up to an eighth more. Default 10 s.
	WriteTimeout time.Duration
	// PingInterval is the time between WebSocket pings and between SSE heartbeats. Default 20 s. A WebSocket client that does
	// not answer a ping within half of it, plus the time to read what was sent before the ping, is dropped.
	PingInterval time.Duration
	// AliveInterval is the time between calls of Alive. Default 2 s.
	AliveInterval time.Duration
	// CloseTimeout is how long a client may take to answer a close, and how long running queries and mutations of a
	// WebSocket may still take when the server shuts down. Default 2 s.
	CloseTimeout time.Duration
}

func (c Config) withDefaults() Config {
	withDefault(&c.Logger, slog.Default())
	withDefault(&c.MaxBodyBytes, 1<<20)
	if c.Bodies == nil {
		c.Bodies = intake.NewBodies(64*c.MaxBodyBytes, c.MaxBodyBytes)
	}
	withDefault(&c.MaxStreams, 10_000)
	withDefault(&c.MaxOperationsPerConnection, 100)
	withDefault(&c.Operations, intake.Limits{Total: 100_000, Tenant: 4000, Token: 1000})
	withDefault(&c.DocumentCacheBytes, 16<<20)
	withDefault(&c.PersistedQueryBytes, 4<<20)
	withDefault(&c.MaxAnswerBytes, 8<<20)
	withDefault(&c.OperationTimeout, 30*time.Second)
	withDefault(&c.InitTimeout, 10*time.Second)
	withDefault(&c.WriteTimeout, 10*time.Second)
	withDefault(&c.PingInterval, 20*time.Second)
	withDefault(&c.AliveInterval, 2*time.Second)
	withDefault(&c.CloseTimeout, 2*time.Second)
	c.Limits = c.Limits.withDefaults()
	if c.Authenticate == nil {
		c.Authenticate = func(*http.Request, string, string) (context.Context, error) {
			return nil, errors.New("no authentication is configured")
		}
	}
	return c
}

// Handler serves GraphQL. It is safe for concurrent use. Create one with New, and call Shutdown before the HTTP server's.
type Handler struct {
	cfg    Config
	engine *engine

	closing chan struct{} // closed by Shutdown
	drained chan struct{} // closed when closing and the last stream has ended

	operations *intake.Pool  // running
	held       *intake.Pool  // streams of authenticated callers
	strangers  *intake.Lobby // WebSockets that are not authenticated yet
	beats      pulse         // of all WebSockets
	checks     pulse         // of those that are authenticated

	sent [2]atomic.Int64 // messages of subscriptions, as events and over WebSockets

	mu      sync.Mutex // guards the fields below
	closed  bool
	streams map[*openStream]struct{}
}

// openStream is a WebSocket or SSE response being served. hurry, if not nil, is called when the server shuts down. It must not
// block, and makes the stream end soon, even if a write blocks.
type openStream struct {
	hurry  func()
	socket bool // a WebSocket
}

// New returns a handler for the schema.
func New(schema graphql.ExecutableSchema, cfg Config) *Handler {
	cfg = cfg.withDefaults()
	h := &Handler{
		cfg:        cfg,
		engine:     newEngine(schema, cfg),
		closing:    make(chan struct{}),
		drained:    make(chan struct{}),
		operations: intake.NewPool(cfg.Operations),
		held:       intake.NewPool(streamLimits(cfg.MaxStreams)),
		strangers:  intake.NewLobby(max(cfg.MaxStreams/8, 16)),
		streams:    make(map[*openStream]struct{}),
		beats:      pulse{interval: cfg.PingInterval / 2, visit: (*socket).beat},
		checks:     pulse{interval: cfg.AliveInterval, visit: (*socket).checkAlive},
	}
	if full := cfg.OnFull; full != nil {
		h.operations.OnFull(func(h intake.Holder, of *intake.Full) { full("operations", h, of) })
		h.held.OnFull(func(h intake.Holder, of *intake.Full) { full("streams", h, of) })
	}
	return h
}

// streamLimits gives a tenant a quarter of all streams, and a token an eighth.
func streamLimits(all int) intake.Limits {
	total := int64(all)
	return intake.Limits{Total: total, Tenant: max(total/4, 1), Token: max(total/8, 1)}
}

// ServeHTTP answers one request. It returns when the response is complete, for SSE when the stream has ended, for a WebSocket as
// soon as it is open.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(identified(r.Context()))
	if isUpgrade(r) {
		h.serveWebSocket(w, r)
		return
	}
	h.serveHTTP(w, r)
}

// Shutdown ends all streams and waits for them: WebSockets close with 1001, SSE responses end without a complete event,
// so that clients resume elsewhere. It takes up to twice CloseTimeout, whatever the clients do. From then on, new streams are
// answered 503; plain requests are still served, and http.Server.Shutdown waits for them. It returns ctx's error if ctx ends
// first.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.closing)
		for s := range h.streams {
			if s.hurry != nil {
				s.hurry()
			}
		}
		if len(h.streams) == 0 {
			close(h.drained)
		}
	}
	h.mu.Unlock()
	select {
	case <-h.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
