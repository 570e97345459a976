// Package gqlhttp serves a GraphQL schema at one URL: GraphQL over HTTP (GET and POST), server-sent events and
// WebSocket, with a guard that refuses hostile documents before they are validated.
//
// It knows protocols, not the product: who the caller is, how a resolver's error reads and what the schema means come
// in through Config. Everything that a client can make grow has a limit here.
package gqlhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// Config says how a Handler behaves. The zero value of every field but Authenticate means the documented default.
type Config struct {
	// Authenticate turns a bearer token ("" when the client sent none) into a context that carries the caller. The
	// context must derive from r.Context(). r is the HTTP request, for WebSocket the upgrade request. tenant is the
	// value of the Hookgraph-Tenant header or, for WebSocket, of the connection_init payload's entry of that name.
	//
	// An error refuses the caller: 401, or close 4403. An error that is a *gqlerror.Error is shown as it is, and its
	// code FORBIDDEN, RATE_LIMITED, UNAVAILABLE or INTERNAL_SERVER_ERROR makes it 403, 429, 503 or 500 (close 4403, and 1013
	// for all that may be tried again); any other error is shown as UNAUTHENTICATED and nothing of its text. When Authenticate
	// is nil nobody gets in.
	Authenticate func(r *http.Request, token, tenant string) (context.Context, error)
	// Alive is asked every AliveInterval on open streams with the caller's context; false closes the stream (WebSocket
	// 4403, SSE an UNAUTHENTICATED error). It must be cheap and return within AliveInterval. When nil streams stay open.
	Alive func(ctx context.Context) bool
	// Holder says against whom is counted what the caller of a context holds: bytes of bodies, streams, running operations.
	// When nil all is bounded in total only.
	Holder func(ctx context.Context) intake.Holder
	// Charge is asked before an operation runs, with its cost, and returns how long the caller has to wait before it can
	// afford it; more than zero refuses it as RATE_LIMITED with extensions.retryAfterMs. When nil cost is not rationed.
	Charge func(ctx context.Context, cost int) time.Duration
	// RequestID names a request in logs and in masked errors. When nil, or for "", a random id is made.
	RequestID func(ctx context.Context) string

	// ErrorPresenter translates what resolvers return. The default masks every error as INTERNAL_SERVER_ERROR with the
	// request id and logs it. Errors of the protocol, the guard and validation do not pass through it. A panic arrives as
	// an error that wraps ErrPanic, and has been logged.
	ErrorPresenter graphql.ErrorPresenterFunc
	// AroundOperations wraps execution as gqlgen's middleware of that name. May be nil.
	AroundOperations graphql.OperationMiddleware

	// Logger gets panics and masked errors. Never documents, variables or tokens. Default: slog.Default().
	Logger *slog.Logger

	// AllowedOrigins are the origins ("https://app.example.com") that may open a WebSocket beside the server's own; "*"
	// allows all. Requests without an Origin header do not come from a browser and are allowed.
	AllowedOrigins []string
	// DisableIntrospection refuses __schema and __type.
	DisableIntrospection bool
	// TrustedDocuments, when not nil, are the only documents that run: SHA-256 in lower-case hex to document. Clients
	// send the document, or only its hash as for a persisted query.
	TrustedDocuments map[string]string

	// MaxBodyBytes bounds a request body and a WebSocket message. Default 1 MiB.
	MaxBodyBytes int64
	// Bodies reads request bodies and WebSocket messages, and bounds how much of them is held at a time. Default: up to 64
	// times MaxBodyBytes.
	Bodies *intake.Bodies
	// MaxStreams bounds the WebSocket connections and SSE streams of authenticated callers together. A tenant gets a quarter of
	// it, a token an eighth. More are refused with 503, or 429 when the caller has its share, and close 1013. Default 10,000.
	//
	// WebSockets that have not been authenticated yet are counted apart, an eighth as many, and half of that for one address:
	// beyond that those are closed that have waited longest.
	MaxStreams int
	// MaxOperationsPerConnection bounds the operations running at once on one WebSocket. Default 100.
	MaxOperationsPerConnection int
	// Operations bounds the operations running at once. Default 100,000, of one tenant 4,000, of one token 1,000.
	Operations intake.Limits
	// OnFull is called when an operation or a stream is refused because too many are open; it must not block. May be nil.
	OnFull func(what string, h intake.Holder, full *intake.Full)
	// DocumentCacheBytes bounds the parsed documents kept, by estimate. Default 16 MiB.
	DocumentCacheBytes int
	// PersistedQueryBytes bounds the automatic persisted queries kept. Default 4 MiB.
	PersistedQueryBytes int
	// Compress wraps what writes a complete answer of a query, and compresses it if the client takes that. The answers of
	// mutations, which may hold secrets, and streams are written as they are. When nil nothing is compressed.
	Compress func(http.Handler) http.Handler

	// MaxAnswerBytes bounds the answer of an operation, for a subscription each of its messages: more is answered with the error
	// ANSWER_TOO_LARGE. What is read and copied to make it is bounded by four times that. The schema counts both by the meter
	// of the context that it executes in (meter.From). Default 8 MiB.
	//
	// All answers together hold up to twelve times that until they have been written, those of one tenant half of it: an operation
	// that finds nothing left waits for a moment, and is refused as RATE_LIMITED, or UNAVAILABLE when others have it all.
	// Operations that cost more than 100 also wait for their turn.
	MaxAnswerBytes int
	// Limits is what one document may ask for.
	Limits Limits

	// OperationTimeout bounds a query or mutation. Default 30 s. Subscriptions have no deadline.
	OperationTimeout time.Duration
	// InitTimeout is how long a WebSocket may wait before its connection_init has been accepted. Default 10 s.
	InitTimeout time.Duration
	// WriteTimeout is how long a client may take to read each piece (intake.Piece) of what is written to it, before it is
	// dropped. Default 10 s.
	WriteTimeout time.Duration
	// PingInterval is the time between WebSocket pings and between SSE heartbeats. Default 10 s. A WebSocket client that
	// leaves a ping unanswered for half of it is dropped, but for the time that it needs to read what came before the ping.
	PingInterval time.Duration
	// AliveInterval is the time between calls of Alive. Default 2 s.
	AliveInterval time.Duration
	// CloseTimeout is how long a client may take to answer a close, and how long running queries and mutations of a
	// WebSocket may still take when the server shuts down. Default 2 s.
	CloseTimeout time.Duration
}

func withDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
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
	withDefault(&c.PingInterval, 10*time.Second)
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

// Handler serves GraphQL. It is safe for concurrent use. Make one with New, and call Shutdown before the HTTP server's.
type Handler struct {
	cfg    Config
	engine *engine

	closing chan struct{} // closed by Shutdown
	drained chan struct{} // closed when closing and the last stream has ended

	operations *intake.Pool  // running
	held       *intake.Pool  // streams of callers that are known
	strangers  *intake.Lobby // WebSockets of those that are not known yet

	mu      sync.Mutex // guards the fields below
	closed  bool
	streams map[*openStream]struct{}
}

// openStream is a WebSocket or SSE response being served. hurry, when not nil, is called when the server shuts down, must
// not block, and makes the stream end soon, also when a write blocks.
type openStream struct{ hurry func() }

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

func (h *Handler) authenticate(r *http.Request, token, tenant string) (context.Context, error) {
	ctx, err := h.cfg.Authenticate(r, token, tenant)
	if err == nil && ctx == nil {
		return nil, errors.New("authentication returned no context")
	}
	return ctx, err
}

// ServeHTTP answers one request. It returns when the response is complete, for SSE when the stream has ended, but for a
// WebSocket as soon as it is open.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(withRequestID(r.Context(), h.cfg.RequestID))
	if isUpgrade(r) {
		h.serveWebSocket(w, r)
		return
	}
	h.serveHTTP(w, r)
}

// Shutdown ends all streams and waits for them: WebSockets close with 1001, SSE responses end without a complete event,
// so that clients resume elsewhere. It takes up to twice CloseTimeout, whatever the clients do. New streams are answered
// 503 from then on; plain requests are still served, http.Server.Shutdown waits for those. Returns ctx's error when ctx
// ends first.
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

// enter registers a stream; false means that the server is shutting down.
func (h *Handler) enter(s *openStream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.streams[s] = struct{}{}
	return true
}

// onShutdown makes f what hurries a stream, and calls it when it is too late for that.
func (h *Handler) onShutdown(s *openStream, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.hurry = f
	if h.closed {
		f()
	}
}

// leave ends a stream: hurry is not called after it has returned.
func (h *Handler) leave(s *openStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
	if h.closed && len(h.streams) == 0 {
		close(h.drained)
	}
}

// holder is against whom what ctx's caller holds is counted.
func (h *Handler) holder(ctx context.Context) intake.Holder { return h.engine.holder(ctx) }

// acquire counts an operation of the caller, who has too many when it returns an error.
func (h *Handler) acquire(ctx context.Context) (release func(), err error) {
	who := h.holder(ctx)
	if err := h.operations.Take(who, 1); err != nil {
		return nil, err
	}
	return func() { h.operations.Give(who, 1) }, nil
}
