package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// RequestIDHeader is on every answer; a report that names it can be found in the log.
const RequestIDHeader = "Hookgraph-Request-Id"

type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to; "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// frame is around every request. The id is our own: one that a client chose could forge a log line. Behind it RemoteAddr is
// the client's address, also when a trusted proxy stands between, with a port of 0.
func (s *server) frame(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := webhook.NewID(start).String()
		h := w.Header()
		h.Set(RequestIDHeader, id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // pages set their own
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		addr, secure := s.client(r)
		if addr.IsValid() {
			r.RemoteAddr = netip.AddrPortFrom(addr, 0).String()
		}
		if secure {
			secured(h, r.Host)
		}
		rec := &recorder{ResponseWriter: w}
		if r.Body != nil && r.Body != http.NoBody {
			rec.body = &watchedBody{ReadCloser: r.Body}
			r.Body = rec.body
		}
		defer func() { //nolint:contextcheck // r carries it
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that net/http compares the same way
					panic(v)
				}
				s.panicked(rec, r, v)
			}
			s.Logger.LogAttrs(r.Context(), slog.LevelDebug, "request",
				slog.String("request_id", id), slog.String("method", r.Method), slog.String("route", r.Pattern),
				slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", time.Since(start)))
		}()
		next.ServeHTTP(rec, r)
	})
}

// panicked logs a panic once. When an answer has begun it can only be cut off, so that the client does not take it for
// whole.
func (s *server) panicked(w *recorder, r *http.Request, v any) {
	s.Logger.ErrorContext(r.Context(), "panic", slog.String("request_id", RequestID(r.Context())),
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

// recorder notes what was answered. It sees to it that a refusal does not wait for a body that nobody reads, and an answer not for a
// client that does not read it: either would hold a connection for as long as the client likes. What it does not implement,
// http.ResponseController finds through Unwrap.
type recorder struct {
	http.ResponseWriter
	body   *watchedBody // nil: there is none
	paced  atomic.Bool  // the handler sets deadlines for what it writes; a stop does too, beside it
	status int          // 0: nothing yet
	bytes  int64
}

// writeTimeout is how long a client may take to read each piece of an answer.
const writeTimeout = 10 * time.Second

// SetWriteDeadline is for http.ResponseController: handlers that use it take care of their deadlines.
func (w *recorder) SetWriteDeadline(t time.Time) error {
	w.paced.Store(true)
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// limit bounds the next write. A connection keeps the deadline of the answer before.
func (w *recorder) limit() error {
	if !w.paced.Load() {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout)) // tests' recorder has none
	}
	return nil
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
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
