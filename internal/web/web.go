// Package web is all HTTP that is not GraphQL: the REST surface, health, and the frame around every request (its id, its
// log line, what browsers may do with the answer, and what happens when a handler panics). It decides nothing about
// webhooks: it translates, calls the store, and translates back.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Config is what the handler needs. Every field must be given but those that say otherwise.
type Config struct {
	Store *store.Store
	Auth  *auth.Authenticator
	// GraphQL is mounted at /graphql; nil: nothing is.
	GraphQL http.Handler
	// GraphiQL is mounted at /graphiql and below; nil: nothing is.
	GraphiQL http.Handler
	// Schema is served at /schema.graphql; "": nothing is.
	Schema string
	Logger *slog.Logger
	// MaxDataBytes bounds the data of one event; 0: webhook.DefaultMaxDataBytes.
	MaxDataBytes int
	// MaxReadingBytes bounds the request bodies held at a time; 0: 256 MiB. Beyond it calls are answered 503.
	MaxReadingBytes int64
}

const (
	// maxWebhookBody has room for 100 event types of 128 bytes, a URL of 2,048 and 8 KiB of headers, each byte escaped as six.
	maxWebhookBody = 192 << 10
	// maxEventsBody bounds an array of events, whose number and size together would allow far more.
	maxEventsBody   = 16 << 20
	defaultReading  = 256 << 20
	bodyReadTimeout = 30 * time.Second
	readyTimeout    = 2 * time.Second
)

type server struct {
	Config
	reading *semaphore.Weighted // bytes of request bodies
}

// New makes the handler of the whole program.
func New(c Config) http.Handler {
	if c.MaxDataBytes == 0 {
		c.MaxDataBytes = webhook.DefaultMaxDataBytes
	}
	if c.MaxReadingBytes == 0 {
		c.MaxReadingBytes = defaultReading
	}
	s := &server{Config: c, reading: semaphore.NewWeighted(c.MaxReadingBytes)}

	mux := http.NewServeMux()
	mux.HandleFunc("/livez", s.livez)
	mux.HandleFunc("/readyz", s.readyz)
	mux.Handle("/v1/webhooks", s.resource(methods{
		http.MethodGet:  {run: s.listWebhooks},
		http.MethodPost: {run: s.createWebhook, maxBody: maxWebhookBody},
	}))
	mux.Handle("/v1/webhooks/{id}", s.resource(methods{
		http.MethodGet:    {run: s.getWebhook},
		http.MethodPatch:  {run: s.updateWebhook, maxBody: maxWebhookBody},
		http.MethodDelete: {run: s.deleteWebhook},
	}))
	mux.Handle("/v1/events", s.resource(methods{
		// White space in data may go before it is measured, so the body of a single event may be larger than its data.
		http.MethodPost: {run: s.publish, maxBody: max(maxEventsBody, 4*int64(c.MaxDataBytes))},
	}))
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
	return s.frame(mux)
}

func (s *server) livez(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyz says whether the database answers.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.Store.Ping(ctx); err != nil {
		s.Logger.WarnContext(ctx, "not ready", slog.Any("error", err))
		plain(w, http.StatusServiceUnavailable, "the database does not answer")
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
	s.fail(w, r, &failure{status: http.StatusNotFound, detail: detail{Code: codeNotFound, Message: "there is nothing at this path"}})
}
