// Package web is all HTTP that is not GraphQL: the REST surface, health, and the frame around every request (its id, its
// log line, what browsers may do with the answer, and the handling of panics). It has no rules about webhooks: it
// translates, calls the store, and translates back.
package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/openapi"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/surface"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// Config configures New. Every field must be set, unless its comment says otherwise.
type Config struct {
	Store *store.Store
	Auth  *auth.Authenticator
	// Charge takes the cost of a call from its caller's budget, and returns how long to wait if that is not enough. Nil: cost is
	// not rationed.
	Charge func(c *auth.Caller, cost int) time.Duration
	// GraphQL is mounted at /graphql, unless nil.
	GraphQL http.Handler
	// Pages are mounted by their patterns, such as /graphiql/; nil: none.
	Pages map[string]http.Handler
	// Schema is served at /schema.graphql, unless "".
	Schema string
	Logger *slog.Logger
	// MaxDataBytes bounds the data of one event; 0: webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// AllowedOrigins are the web origins whose pages may call the API; nil: only the server's own.
	AllowedOrigins []string
	// TrustedProxies are the addresses of reverse proxies whose X-Forwarded-For and -Proto are trusted; nil: none.
	TrustedProxies []netip.Prefix
	// Bodies reads request bodies, including GraphQL's; nil: one with MaxReadingBytes. A caller beyond its share is answered 429,
	// and everyone beyond the server's total 503.
	Bodies *intake.Bodies
	// Calls bounds the running REST calls; nil: one with CallLimits. A caller beyond its share is answered 429, and everyone beyond
	// the server's total 503.
	Calls *intake.Pool
	// Short reports whether this host lacks what deliveries need, so that they wait; nil: never.
	Short func() bool
	// Observe is called when a request has been answered; it must not block. Nil: nobody looks.
	Observe func(s *Served)
	// LogRequests logs each request, also where debugging is not logged.
	LogRequests bool
	// BasePath is where a proxy shows the server, such as /hooks; "" is the root.
	BasePath string
	// PortalURL returns the URL of the customer portal.
	PortalURL portal.URL
}

// CallLimits returns the limits of running REST calls of one server, which are those of GraphQL operations.
func CallLimits() intake.Limits { return intake.Limits{Total: 100_000, Tenant: 4000, Token: 1000} }

const (
	// maxWebhookBody has room for 100 event types of 128 bytes, a URL of 2,048 and 8 KiB of headers, each byte escaped as six.
	maxWebhookBody = 192 << 10
	// maxReplayBody has room for 100 IDs, types and tags of each kind, and for conditions on data of 8 KiB.
	maxReplayBody = 256 << 10
	// maxTypeBody has room for a schema of 64 KiB and an example as long, with the white space between.
	maxTypeBody = 512 << 10
	// maxEventsBody bounds an array of events; the limits of their number and size would allow far more.
	maxEventsBody = 16 << 20
	readyTimeout  = 2 * time.Second
)

// MaxReadingBytes is the default total of request bodies that one server holds at a time.
const MaxReadingBytes = 256 << 20

// MaxBody returns the size of the largest REST body if the data of an event may have maxData bytes. White space in data is removed
// before it is measured, so the body of a single event may be larger than its data.
func MaxBody(maxData int) int64 { return max(maxEventsBody, 4*int64(maxData)) }

// maxReceivedBody has room for the longest body that is sent, with some of its bytes escaped.
func maxReceivedBody(maxData int) int64 { return 2 * int64(payload.MaxBody(maxData)) }

type server struct {
	Config
	documents *intake.Pool // exported event types, each of some megabytes, until they are written
	payloads  *intake.Pool // events and attempts with their bodies, until they are written
}

// documentLimits bounds documents. A tenant's share leaves room for others.
var documentLimits = intake.Limits{Total: 32, Tenant: 4, Token: 2}

// payloadLimits bounds reads of one payload, each as long as the data of an event, a few times. A tenant's share leaves room for others.
var payloadLimits = intake.Limits{Total: 256, Tenant: 64, Token: 32}

// holdPayload makes room for an answer with a payload until that is written.
func (s *server) holdPayload(r *request) error {
	if err := s.payloads.Take(r.holder, 1); err != nil {
		return err
	}
	r.after = func() { s.payloads.Give(r.holder, 1) }
	return nil
}

// resources is the REST surface. Each endpoint requires the same scope as the equivalent GraphQL field (a test compares them).
func (s *server) resources() map[string]methods {
	read, write := auth.Needs{Scope: webhook.ScopeWebhooksRead}, auth.Needs{Scope: webhook.ScopeWebhooksWrite}
	watch, steer := auth.Needs{Scope: webhook.ScopeDeliveriesRead}, auth.Needs{Scope: webhook.ScopeDeliveriesWrite}
	admin := auth.Needs{Scope: webhook.ScopeAdmin}
	all := map[string]methods{
		"/v1/webhooks": {
			http.MethodGet:  {run: s.listWebhooks, needs: read, like: "Query.webhooks"},
			http.MethodPost: {run: s.createWebhook, needs: write, like: "Mutation.createWebhook", maxBody: maxWebhookBody},
		},
		"/v1/webhooks/{id}": {
			http.MethodGet:    {run: s.getWebhook, needs: read, like: "Query.webhook"},
			http.MethodPatch:  {run: s.updateWebhook, needs: write, like: "Mutation.updateWebhook", maxBody: maxWebhookBody},
			http.MethodDelete: {run: s.deleteWebhook, needs: write, like: "Mutation.deleteWebhook"},
		},
		"/v1/webhooks/{id}/test": {
			http.MethodPost: {run: s.testWebhook, needs: write, like: "Mutation.testWebhook", maxBody: maxTestBody},
		},
		"/v1/deliveries":             {http.MethodGet: {run: s.listDeliveries, needs: watch, like: "Query.deliveries"}},
		"/v1/deliveries/{id}":        {http.MethodGet: {run: s.getDelivery, needs: watch, like: "Query.delivery"}},
		"/v1/deliveries/{id}/retry":  {http.MethodPost: {run: s.retryDelivery, needs: steer, like: "Mutation.retryDelivery"}},
		"/v1/deliveries/{id}/cancel": {http.MethodPost: {run: s.cancelDelivery, needs: steer, like: "Mutation.cancelDelivery"}},
		"/v1/attempts":               {http.MethodGet: {run: s.listAttempts, needs: watch, like: "Query.attempts"}},
		"/v1/attempts/{id}":          {http.MethodGet: {run: s.getAttempt, needs: watch, like: "Query.attempt"}},
		"/v1/attempts/{id}/verify": {
			http.MethodPost: {run: s.verifyAttempt, needs: watch, like: "Query.debugSignature", maxBody: maxReceivedBody(s.MaxDataBytes)},
		},
		"/v1/webhooks/{id}/verify": {
			http.MethodPost: {run: s.verifyWebhook, needs: watch, also: read.Scope, like: "Query.debugSignature", maxBody: maxReceivedBody(s.MaxDataBytes)},
		},
		"/v1/replays": {
			http.MethodGet:  {run: s.listReplays, needs: watch, like: "Query.replays"},
			http.MethodPost: {run: s.createReplay, needs: steer, like: "Mutation.replayDeliveries", maxBody: maxReplayBody},
		},
		"/v1/replays/preview": {
			http.MethodPost: {run: s.previewReplay, needs: watch, like: "Query.replayPreview", maxBody: maxReplayBody},
		},
		"/v1/replays/{id}": {
			http.MethodGet:    {run: s.getReplay, needs: watch, like: "Query.replay"},
			http.MethodPatch:  {run: s.updateReplay, needs: steer, like: "Mutation.updateReplay", maxBody: maxReplayBody},
			http.MethodDelete: {run: s.cancelReplay, needs: steer, like: "Mutation.cancelReplay"},
		},
		"/v1/issues": {
			http.MethodGet: {run: s.listIssues, needs: read, like: "Query.issues"},
		},
		"/v1/issues/{id}": {
			http.MethodGet: {run: s.getIssue, needs: read, like: "Query.issue"},
		},
		"/v1/issues/{id}/acknowledge": {
			http.MethodPost: {run: s.acknowledgeIssue, needs: write, like: "Mutation.acknowledgeIssue"},
		},
		"/v1/event-types": {
			http.MethodGet: {run: s.listEventTypes, needs: read, like: "Query.eventTypes"},
		},
		// These two shadow event types of the same names.
		"/v1/event-types/openapi.json": {
			http.MethodGet: {run: s.exportOpenAPI, needs: read, like: "Query.eventTypes"},
			http.MethodPut: {run: s.importOpenAPI, needs: admin, like: "Mutation.importEventTypes", maxBody: openapi.MaxBytes},
		},
		"/v1/event-types/asyncapi.json": {
			http.MethodGet: {run: s.exportAsyncAPI, needs: read, like: "Query.eventTypes"},
		},
		"/v1/event-types/{name}": {
			http.MethodGet:    {run: s.getEventType, needs: read, like: "Query.eventType"},
			http.MethodPut:    {run: s.putEventType, needs: admin, like: "Mutation.putEventType", maxBody: maxTypeBody},
			http.MethodDelete: {run: s.deleteEventType, needs: admin, like: "Mutation.deleteEventType"},
		},
		"/v1/events/{id}": {http.MethodGet: {run: s.getEvent, needs: watch, like: "Query.event"}},
		"/v1/events": {
			http.MethodGet: {run: s.listEvents, needs: watch, like: "Query.events"},
			http.MethodPost: {
				run: s.publish, needs: auth.Needs{Scope: webhook.ScopeEventsPublish}, like: "Mutation.publishEvents",
				maxBody: MaxBody(s.MaxDataBytes), checks: true,
			},
		},
	}
	maps.Copy(all, s.portalResources(admin))
	return all
}

// Route is one endpoint of the REST surface.
type Route struct {
	Method, Path string
	Needs        auth.Needs
	Also         webhook.TokenScope // that it requires besides; "": none
	// Like is the equivalent field of the GraphQL schema, such as Query.webhooks.
	Like string
}

// Routes lists the REST surface, for tests that must not miss an endpoint.
func Routes() []Route {
	var all []Route
	for path, m := range (&server{}).resources() {
		for method, e := range m {
			all = append(all, Route{Method: method, Path: path, Needs: e.needs, Also: e.also, Like: e.like})
		}
	}
	return all
}

// New returns the handler of the whole program.
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
	s := &server{Config: c, documents: intake.NewPool(documentLimits), payloads: intake.NewPool(payloadLimits)}

	mux := http.NewServeMux()
	mux.HandleFunc("/livez", s.livez)
	mux.HandleFunc("/readyz", s.readyz)
	for path, m := range s.resources() {
		mux.Handle(path, s.resource(m))
	}
	s.portal(mux)
	mux.Handle("/openapi.json", s.description("application/json", s.described()))
	mux.HandleFunc("/", s.notFound)
	if c.GraphQL != nil {
		mux.Handle("/graphql", c.GraphQL)
	}
	if c.Schema != "" {
		mux.Handle("/schema.graphql", s.description("text/plain; charset=utf-8", c.Schema)) // browsers show it; GraphQL has no registered type
	}
	for pattern, page := range c.Pages {
		mux.Handle(pattern, page)
	}
	return s.frame(s.below(s.cors(mux)))
}

// cors lets pages of the allowed origins call the API and read its answers. Pages send a token; there are no cookies, so
// credentials are not allowed.
func (s *server) cors(next http.Handler) http.Handler {
	if len(s.AllowedOrigins) == 0 {
		return next
	}
	origins := surface.Origins(s.AllowedOrigins)
	options := cors.Options{
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
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

// state is one of the checks that /readyz makes.
type state struct {
	Name   string `json:"name"`
	Status string `json:"status"` // OK, WAITING or FAILED
	Text   string `json:"text,omitempty"`
}

// readyz reports whether the database responds and accepts writes. The store logs changes. With ?verbose it lists what it has looked at, as text or as
// JSON: nothing that the answer without it does not tell, because nobody has to present a token. What an operator should know is server { checks }.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	status, said := http.StatusOK, "ok"
	database, attempts := state{Name: "database", Status: "OK"}, state{Name: "attempts", Status: "OK"}
	if s.Short != nil && s.Short() {
		// The API works, and accepted events are stored: removing this server from rotation would deliver nothing sooner.
		attempts.Status, attempts.Text = "WAITING", "this host is short of what attempts need (descriptors, ports, memory, network); see the log"
		said = "ok, but deliveries wait: " + attempts.Text
	}
	if err := s.Store.Ready(ctx); err != nil {
		database.Status, database.Text = "FAILED", err.Error()
		status, said = http.StatusServiceUnavailable, "not ready: "+err.Error()
	}
	if !r.URL.Query().Has("verbose") {
		plain(w, status, said)
		return
	}
	checks := []state{{Name: "process", Status: "OK"}, database, attempts}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": status == http.StatusOK, "checks": checks})
		return
	}
	var text strings.Builder
	for _, c := range checks {
		_, _ = fmt.Fprintf(&text, "%-7s %s %s\n", c.Status, c.Name, c.Text)
	}
	plain(w, status, text.String()+said)
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
