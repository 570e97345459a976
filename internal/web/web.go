// Package web is all HTTP that is not GraphQL: the REST surface, health, and the frame around every request (its id, its
// log line, what browsers may do with the answer, and what happens when a handler panics). It decides nothing about
// webhooks: it translates, calls the store, and translates back.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/cors"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/surface"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Config is what the handler needs. Every field must be given but those that say otherwise.
type Config struct {
	Store *store.Store
	Auth  *auth.Authenticator
	// Charge takes the cost of a call from what its caller may spend, and returns how long to wait when that is not enough.
	// Nil: nothing is rationed.
	Charge func(c *auth.Caller, cost int) time.Duration
	// GraphQL is mounted at /graphql; nil: nothing is.
	GraphQL http.Handler
	// GraphiQL is mounted at /graphiql and below; nil: nothing is.
	GraphiQL http.Handler
	// Schema is served at /schema.graphql; "": nothing is.
	Schema string
	Logger *slog.Logger
	// MaxDataBytes bounds the data of one event; 0: webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// AllowedOrigins are the web origins whose pages may call the API; nil: only the server's own.
	AllowedOrigins []string
	// TrustedProxies are where reverse proxies are that say truly whom they speak for; nil: there are none.
	TrustedProxies []netip.Prefix
	// Bodies reads request bodies, GraphQL's among them; nil: one with MaxReadingBytes. Who sends more than its share at a time is
	// answered 429, and beyond what the server holds calls are answered 503.
	Bodies *intake.Bodies
	// Calls bounds the REST calls that are under way, until they are answered; nil: one with CallLimits. Who has more at a time than
	// its share is answered 429, and beyond what the server takes calls are answered 503.
	Calls *intake.Pool
	// Short reports that this host lacks what deliveries need, so that they wait; nil: it never does.
	Short func() bool
}

// CallLimits are what one server takes of REST calls at a time: as many as of GraphQL operations.
func CallLimits() intake.Limits { return intake.Limits{Total: 100_000, Tenant: 4000, Token: 1000} }

const (
	// maxWebhookBody has room for 100 event types of 128 bytes, a URL of 2,048 and 8 KiB of headers, each byte escaped as six.
	maxWebhookBody = 192 << 10
	// maxEventsBody bounds an array of events, whose number and size together would allow far more.
	maxEventsBody = 16 << 20
	readyTimeout  = 2 * time.Second
)

// MaxReadingBytes is how much of request bodies one server should hold at a time.
const MaxReadingBytes = 256 << 20

// MaxBody is the size of the largest body that the REST surface takes, when the data of an event may have maxData bytes. White
// space in data may go before it is measured, so the body of a single event may be larger than its data.
func MaxBody(maxData int) int64 { return max(maxEventsBody, 4*int64(maxData)) }

type server struct{ Config }

// resources are the REST surface: what each endpoint needs of a token is what the field of the GraphQL API that does the
// same needs (a test compares them).
func (s *server) resources() map[string]methods {
	read, write := auth.Needs{Scope: webhook.ScopeWebhooksRead}, auth.Needs{Scope: webhook.ScopeWebhooksWrite}
	return map[string]methods{
		"/v1/webhooks": {
			http.MethodGet:  {run: s.listWebhooks, needs: read, like: "Query.webhooks"},
			http.MethodPost: {run: s.createWebhook, needs: write, like: "Mutation.createWebhook", maxBody: maxWebhookBody},
		},
		"/v1/webhooks/{id}": {
			http.MethodGet:    {run: s.getWebhook, needs: read, like: "Query.webhook"},
			http.MethodPatch:  {run: s.updateWebhook, needs: write, like: "Mutation.updateWebhook", maxBody: maxWebhookBody},
			http.MethodDelete: {run: s.deleteWebhook, needs: write, like: "Mutation.deleteWebhook"},
		},
		"/v1/events": {
			http.MethodPost: {
				run: s.publish, needs: auth.Needs{Scope: webhook.ScopeEventsPublish}, like: "Mutation.publishEvents",
				maxBody: MaxBody(s.MaxDataBytes),
			},
		},
	}
}

// Route is one endpoint of the REST surface.
type Route struct {
	Method, Path string
	Needs        auth.Needs
	// Like is the field of the GraphQL schema that does the same, such as Query.webhooks.
	Like string
}

// Routes lists the REST surface, for tests that must not miss an endpoint.
func Routes() []Route {
	var all []Route
	for path, m := range (&server{}).resources() {
		for method, e := range m {
			all = append(all, Route{Method: method, Path: path, Needs: e.needs, Like: e.like})
		}
	}
	return all
}

// New makes the handler of the whole program.
func New(c Config) http.Handler {
	if c.MaxDataBytes == 0 {
		c.MaxDataBytes = webhook.DefaultMaxDataBytes
	}
	if c.Bodies == nil {
		c.Bodies = intake.NewBodies(MaxReadingBytes, MaxBody(c.MaxDataBytes))
	}
	if c.Calls == nil {
		c.Calls = intake.NewPool(CallLimits())
	}
	s := &server{c}

	mux := http.NewServeMux()
	mux.HandleFunc("/livez", s.livez)
	mux.HandleFunc("/readyz", s.readyz)
	for path, m := range s.resources() {
		mux.Handle(path, s.resource(m))
	}
	mux.HandleFunc("/", s.notFound)
	if c.GraphQL != nil {
		mux.Handle("/graphql", c.GraphQL)
	}
	if c.Schema != "" {
		mux.Handle("/schema.graphql", s.schema())
	}
	if c.GraphiQL != nil {
		mux.Handle("/graphiql", c.GraphiQL)
		mux.Handle("/graphiql/", c.GraphiQL)
		mux.Handle("GET /{$}", http.RedirectHandler("/graphiql", http.StatusFound))
	}
	return s.frame(s.cors(mux))
}

// cors lets pages of the allowed origins call the API, and read its answers. Calls are made with a token that the page
// has; there are no cookies, so credentials are not allowed.
func (s *server) cors(next http.Handler) http.Handler {
	if len(s.AllowedOrigins) == 0 {
		return next
	}
	origins := surface.Origins(s.AllowedOrigins)
	options := cors.Options{
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Accept", "Authorization", "Content-Type", idempotencyKeyHeader, "Last-Event-ID", surface.TenantHeader},
		ExposedHeaders: []string{RequestIDHeader, "Location", "Retry-After"},
		MaxAge:         int((10 * time.Minute).Seconds()),
	}
	if origins.All() {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginFunc = origins.Allow
	}
	return cors.New(options).Handler(next)
}

func (s *server) livez(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyz says whether the database answers and takes what is written. The store logs it when that changes.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.Store.Ready(ctx); err != nil {
		plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	if s.Short != nil && s.Short() {
		// The API works, and what it takes is kept: without this server in turn nothing would be delivered sooner.
		plain(w, http.StatusOK, "ok, but deliveries wait: this host is short of what attempts need (descriptors, ports, memory, network); see the log")
		return
	}
	plain(w, http.StatusOK, "ok")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, &failure{status: http.StatusNotFound, detail: detail{Code: codeNotFound, Message: "this path does not exist; the API is at /graphql and /v1/"}})
}
