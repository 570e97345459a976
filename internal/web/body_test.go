package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const anEvent = `{"type": "a.b", "data": {}}`

// A body that breaks off is answered 400, one that is too large 413, on every endpoint that accepts a body. After ten thousand of
// them all memory is released.
func TestBrokenBodies(t *testing.T) {
	bodies := intake.NewBodies(256<<20, 16<<20)
	calls := intake.NewPool(web.CallLimits())
	a := newAPI(t, withBodies(bodies), withCalls(calls))
	id := a.id(t, a.kallima)
	endpoints := []struct{ method, path string }{
		{"POST", "/v1/events"}, {"POST", "/v1/webhooks"}, {"PATCH", "/v1/webhooks/" + id},
	}
	broken := []struct {
		name   string
		begin  string
		then   io.Reader
		length int64
		status int
	}{
		{"broken off", `{"type"`, iotest.ErrReader(io.ErrUnexpectedEOF), 100, 400},
		{"broken off at once", "", iotest.ErrReader(io.ErrUnexpectedEOF), -1, 400},
		{"announced too large", "{}", iotest.ErrReader(io.EOF), 1 << 30, 413},
		{"too large", "{", spaces{}, -1, 413},
		{"no JSON", `{"type"`, iotest.ErrReader(io.EOF), -1, 400},
		{"no object", "1", iotest.ErrReader(io.EOF), -1, 422},
	}
	for i := range 10_000 {
		b, at := broken[i%len(broken)], endpoints[i/len(broken)%len(endpoints)]
		if b.name == "too large" && i > 100 {
			continue // it is 16 MiB
		}
		r := httptest.NewRequestWithContext(t.Context(), at.method, at.path, io.MultiReader(strings.NewReader(b.begin), b.then))
		r.ContentLength = b.length
		r.Header.Set("Authorization", "Bearer "+a.kallima)
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		a.handler.ServeHTTP(rec, r)
		if rec.Code != b.status {
			t.Fatalf("%s %s, %s: %d %s", at.method, at.path, b.name, rec.Code, rec.Body)
		}
		if held := bodies.Held(); held != 0 {
			t.Fatalf("%s %s, %s: %d bytes are held", at.method, at.path, b.name, held)
		}
		if under := calls.Used(); under != 0 {
			t.Fatalf("%s %s, %s: %d calls are under way", at.method, at.path, b.name, under)
		}
	}
	if res := a.do(t, a.northwind, "POST", "/v1/events", anEvent); res.StatusCode != http.StatusAccepted {
		t.Errorf("another tenant's event: %d", res.StatusCode)
	}
}

// The number of concurrent calls of a token and of its tenant is limited, from authentication to response, also of calls without a
// body. Others are served meanwhile, and so is the next call when one has ended.
func TestCallsHaveAShare(t *testing.T) {
	calls := intake.NewPool(intake.Limits{Total: 100, Tenant: 3, Token: 2})
	a := newAPI(t, withCalls(calls))
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	second, _ := webhooktest.Token(t, a.store, "kallima")
	var held []net.Conn
	for _, token := range []string{a.kallima, a.kallima, second} {
		held = append(held, upload(t, server, token, "Content-Length: 100", "{"))
	}
	webhooktest.Eventually(t, "all are under way", func() bool { return calls.Used() == 3 })
	for _, refused := range []struct{ token, method, path, body, of string }{
		{a.kallima, "POST", "/v1/events", anEvent, "token"},
		{a.kallima, "GET", "/v1/webhooks", "", "token"},
		{second, "GET", "/v1/webhooks", "", "tenant"},
	} {
		res := a.do(t, refused.token, refused.method, refused.path, refused.body)
		if text := read(t, res); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" || !strings.Contains(text, "this "+refused.of) {
			t.Errorf("%s %s: %d %s", refused.method, refused.path, res.StatusCode, text)
		}
	}
	for _, token := range []string{a.northwind, a.operator} {
		if res := a.do(t, token, "POST", "/v1/events", anEvent, "Hookgraph-Tenant: northwind"); res.StatusCode != http.StatusAccepted {
			t.Errorf("another's call: %d %s", res.StatusCode, read(t, res))
		}
	}
	_ = held[0].Close()
	webhooktest.Eventually(t, "one has ended", func() bool { return calls.Used() == 2 })
	if res := a.do(t, a.kallima, "POST", "/v1/events", anEvent); res.StatusCode != http.StatusAccepted {
		t.Errorf("the next: %d", res.StatusCode)
	}
}

// A call counts until its response is sent, however it ends: after ten thousand that are refused, fail, or panic during the
// response, none is counted.
func TestCallsFindTheirShareBack(t *testing.T) {
	calls := intake.NewPool(intake.Limits{Total: 3, Tenant: 2, Token: 1})
	charged := 0
	a := newAPI(t, withCalls(calls), func(c *web.Config) {
		c.Charge = func(*auth.Caller, int) time.Duration {
			if charged++; charged%2 == 0 {
				return time.Second
			}
			return 0
		}
	})
	for i := range 10_000 {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/webhooks", nil)
		r.Header.Set("Authorization", "Bearer "+a.kallima)
		w := &gone{ResponseRecorder: httptest.NewRecorder(), calls: calls}
		func() {
			defer func() { _ = recover() }()
			a.handler.ServeHTTP(w, r)
		}()
		if want := int64(charged % 2); w.under != want {
			t.Fatalf("%d: %d under way while it is answered %d, want %d", i, w.under, w.Code, want)
		}
		if under := calls.Used(); under != 0 {
			t.Fatalf("%d: %d are under way", i, under)
		}
	}
}

// gone is a client whose connection panics on write.
type gone struct {
	*httptest.ResponseRecorder

	calls *intake.Pool
	under int64
}

func (w *gone) Write([]byte) (int, error) {
	w.under = w.calls.Used()
	panic(http.ErrAbortHandler)
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// upload opens a connection, and sends the head of a request and the start of its body.
func upload(t *testing.T, server *httptest.Server, token, head, begin string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // limits the wait for a response that never comes
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n%s",
		token, head, begin)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func status(t *testing.T, conn net.Conn) int {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// The same over a connection: an incomplete upload is answered at once, and nothing stays held.
func TestBrokenUploads(t *testing.T) {
	bodies := intake.NewBodies(256<<20, 16<<20)
	a := newAPI(t, withBodies(bodies))
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name, head, begin string
		want              int
	}{
		{"a bad chunk", "Transfer-Encoding: chunked", "5\r\n{\"typ\r\nnonsense\r\n", 400},
		{"cut within a chunk", "Transfer-Encoding: chunked", "50\r\n{\"typ", 400},
		{"short", "Content-Length: 100", "{", 400},
		{"announced too large", "Content-Length: 100000000", "{", 413},
		{"not wanted", "Content-Encoding: gzip\r\nContent-Length: 100", "{", 415},
	} {
		conn := upload(t, server, a.kallima, c.head, c.begin)
		if c.want == 400 {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		if got := status(t, conn); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for _, token := range []string{"", "guess", a.operator} { // the server does not wait for the rest of these, which never comes
		if got := status(t, upload(t, server, token, "Content-Length: 100\r\nHookgraph-Tenant: nobody", "{")); got != 401 && got != 403 {
			t.Errorf("token %q: %d", token, got)
		}
	}
	for range 100 {
		_ = upload(t, server, a.kallima, "Content-Length: 10000000", strings.Repeat(" ", 10_000)).Close()
	}
	webhooktest.Eventually(t, "all is given back", func() bool { return bodies.Held() == 0 })
}

// Stalled uploads of one tenant, with any number of tokens, take only its share of the memory; another tenant's calls are served
// meanwhile.
func TestSlowUploadsHaveAShare(t *testing.T) {
	bodies := intake.NewBodies(1<<20, 100<<10)
	a := newAPI(t, withBodies(bodies))
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	refused := 0
	for range 3 {
		token, _ := webhooktest.Token(t, a.store, "kallima")
		for range 20 {
			held := bodies.Held()
			conn := upload(t, server, token, "Content-Length: 50000", strings.Repeat(" ", 10_000))
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				_, _ = conn.Read(make([]byte, 1))
			}()
			webhooktest.Eventually(t, "the upload is read, or refused", func() bool {
				select {
				case <-answered:
					refused++
					return true
				default:
					return bodies.Held() >= held+10_000
				}
			})
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	if held := bodies.Held(); held > 300<<10 {
		t.Errorf("%d bytes are held of 1 MiB", held)
	}
	if res := a.do(t, a.northwind, "POST", "/v1/events", anEvent); res.StatusCode != http.StatusAccepted {
		t.Errorf("another tenant's event: %d", res.StatusCode)
	}
}
