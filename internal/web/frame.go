package web

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// RequestIDHeader is set on every answer; the log has the same id.
const RequestIDHeader = "Hookgraph-Request-Id"

// Values of headers that every answer has: shared, so never changed.
var (
	noSniff    = []string{"nosniff"}
	noFrames   = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
)

// frame wraps every request. It generates the id: a client's could forge a log line. Handlers see the client's address in
// RemoteAddr, also behind a trusted proxy, then with port 0.
func (s *server) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := webhook.NewID(start).String()
		h := w.Header()
		h.Set(RequestIDHeader, id)
		h["X-Content-Type-Options"] = noSniff
		h["X-Frame-Options"] = noFrames
		h["Referrer-Policy"] = noReferrer
		h["Content-Security-Policy"] = noContent // pages set their own policy
		r = r.WithContext(intake.WithRequestID(r.Context(), id))
		addr, secure := s.client(r)
		if addr.IsValid() {
			r.RemoteAddr = netip.AddrPortFrom(addr, 0).String()
		}
		if secure {
			secured(h, r.Host)
		}
		rec := &recorder{ResponseWriter: w, base: s.BasePath}
		if r.Body != nil && r.Body != http.NoBody {
			rec.body = &watchedBody{ReadCloser: r.Body}
			r.Body = rec.body
		}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that net/http compares the same way
					panic(v)
				}
				s.panicked(rec, r, v)
			}
			s.served(r, rec, id, time.Since(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

// Served is a request that has been answered. For a WebSocket that is when it has opened.
type Served struct {
	Method, Route string // "" if no pattern matches
	Status        int    // 0 if nothing was answered
	Bytes         int64
	Took          time.Duration
}

// served counts and logs an answered request.
func (s *server) served(r *http.Request, rec *recorder, id string, took time.Duration) {
	if s.Observe != nil {
		s.Observe(&Served{Method: r.Method, Route: r.Pattern, Status: rec.status, Bytes: rec.bytes, Took: took})
	}
	level := slog.LevelDebug
	if s.LogRequests {
		level = slog.LevelInfo
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	at := r.URL.Path // never the query, which may hold a token
	attrs := []slog.Attr{
		slog.String("request_id", id), slog.String("method", r.Method), slog.String("route", r.Pattern), slog.String("path", at[:min(len(at), maxLoggedPath)]),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took),
	}
	if c := rec.caller; c != nil {
		attrs = append(attrs, slog.Any("token_id", c.Token.ID), slog.Any("tenant_id", c.Tenant.ID))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

const maxLoggedPath = 256

// below serves next below the base path, too, as a proxy asks that passes on paths as they come. Paths without it stay as they are: they are
// those of a proxy that removes it, of health checks, and of clients on this machine.
func (s *server) below(next http.Handler) http.Handler {
	if s.BasePath == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, is := strings.CutPrefix(r.URL.Path, s.BasePath)
		if is && at == "" {
			to := "/" // the recorder puts the base path before it
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		if !is || at[0] != '/' {
			next.ServeHTTP(w, r)
			return
		}
		inner := *r
		inner.URL = new(url.URL)
		*inner.URL = *r.URL
		// The base path has nothing that is escaped, so that both begin with it, or the raw one spells it otherwise.
		inner.URL.Path, inner.URL.RawPath = at, strings.TrimPrefix(r.URL.RawPath, s.BasePath)
		defer func() { r.Pattern = inner.Pattern }() // for the log
		next.ServeHTTP(w, &inner)
	})
}

// panicked logs a panic once. An answer that has begun is cut off, so that the client does not consider it complete.
func (s *server) panicked(w *recorder, r *http.Request, v any) {
	s.Logger.ErrorContext(r.Context(), "panic", slog.String("request_id", intake.RequestID(r.Context())),
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.fail(w, r, internal())
}

// watchedBody notes whether a body was read to its end.
type watchedBody struct {
	io.ReadCloser
	ended bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended = true
	}
	return n, err
}

// recorder records what was answered. It ensures that a refusal does not wait for an unread body, and that an answer does not wait
// for a client that does not read it: either would hold a connection for as long as the client chooses.
// http.ResponseController finds what it does not implement through Unwrap.
type recorder struct {
	http.ResponseWriter
	base   string       // put before a Location of this server, which is a path
	body   *watchedBody // nil: no body
	paced  atomic.Bool  // the handler sets the deadlines of its writes; a shutdown may set one concurrently
	status int          // 0: nothing yet
	bytes  int64
	caller *auth.Caller // of a REST call that is authenticated
}

// writeTimeout is how long a client may take to read each piece of an answer.
const writeTimeout = 10 * time.Second

// SetWriteDeadline is for http.ResponseController: handlers that use it set their own deadlines.
func (w *recorder) SetWriteDeadline(t time.Time) error {
	w.paced.Store(true)
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// limit sets the deadline of the next write: the connection still has that of the previous answer.
func (w *recorder) limit() error {
	if !w.paced.Load() {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout)) // not supported by tests' recorders
	}
	return nil
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
		if w.base != "" {
			if at := w.Header().Get("Location"); path.IsAbs(at) {
				w.Header().Set("Location", w.base+at)
			}
		}
		if status >= http.StatusBadRequest && w.body != nil && !w.body.ended {
			intake.Abandon(w.ResponseWriter)
		}
	}
	_ = w.limit()
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := intake.WritePieces(w.ResponseWriter, b, w.limit)
	w.bytes += int64(n)
	return n, err
}

// Compress wraps a handler that writes complete answers. It compresses them with gzip if the client accepts that (RFC 9110, section
// 12.5.3) and they are large enough. It must not be used for streams, nor for answers with a secret beside text that a stranger
// can choose: their size would reveal the secret (BREACH).
func Compress(h http.Handler) http.Handler { return compressed(h) }

// smallAnswer is the size below which compression gains too little.
const smallAnswer = 1 << 10

var compressed = func() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(smallAnswer),
		gzhttp.CompressionLevel(gzip.BestSpeed), // JSON shrinks to a tenth, and large answers cost little CPU
		gzhttp.EnableZstd(false),
		gzhttp.ContentTypeFilter(gzhttp.CompressAllContentTypeFilter),
	)
	if err != nil {
		panic(err) // the options are constant
	}
	return wrap
}()
