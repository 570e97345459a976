package webhooktest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// Received is one request to a Receiver.
type Received struct {
	Path   string
	Header http.Header
	Body   []byte
	At     time.Time
}

// Receiver is a real HTTP server on loopback.
type Receiver struct {
	URL string
	// Requests has every request, in order of arrival. The receiver blocks when 1,024 have not been read.
	Requests chan Received

	answer atomic.Pointer[http.HandlerFunc]
}

// NewReceiver starts a receiver that answers 204. The test's end stops it.
func NewReceiver(tb testing.TB) *Receiver {
	tb.Helper()
	r := &Receiver{Requests: make(chan Received, 1024)}
	r.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the sender went away: a failed attempt, not a request
		}
		r.Requests <- Received{Path: req.URL.Path, Header: req.Header, Body: body, At: time.Now()}
		(*r.answer.Load())(w, req)
	}))
	tb.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Answer changes how requests are answered from now on.
func (r *Receiver) Answer(f http.HandlerFunc) { r.answer.Store(&f) }

// Next waits for the next request, and fails the test if none arrives in time.
func (r *Receiver) Next(tb testing.TB) Received {
	tb.Helper()
	select {
	case got := <-r.Requests:
		return got
	case <-time.After(time.Minute):
		tb.Fatal("no request came")
		return Received{}
	}
}

// Refusing returns an address on loopback that refuses connections until the test ends. A connection holds its port, so that nobody
// listens there: the port of a listener that was closed may be another's by then.
func Refusing(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	holder, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = holder.Close() })
	return holder.LocalAddr().String()
}
