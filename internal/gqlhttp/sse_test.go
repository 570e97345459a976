package gqlhttp

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// eventStream reads an SSE response event by event.
type eventStream struct {
	t    *testing.T
	resp *http.Response
	scan *bufio.Scanner
}

func (s *server) stream(t *testing.T, document string) *eventStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that next does not wait forever
	t.Cleanup(cancel)
	accept := map[string]string{"Accept": mediaEvents}
	resp, err := s.Client().Do(s.request(t, http.MethodPost, "/", `{"query":"`+document+`"}`, accept).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	scan := bufio.NewScanner(resp.Body)
	scan.Split(func(data []byte, _ bool) (int, []byte, error) {
		if i := strings.Index(string(data), "\n\n"); i >= 0 {
			return i + 2, data[:i], nil
		}
		return 0, nil, nil
	})
	return &eventStream{t, resp, scan}
}

// next returns the next event as text; "" at the end of the stream.
func (e *eventStream) next() string {
	e.t.Helper()
	for e.scan.Scan() {
		if e.scan.Text() != ":" {
			return e.scan.Text()
		}
	}
	return ""
}

func (e *eventStream) expect(want ...string) {
	e.t.Helper()
	for _, w := range want {
		if got := e.next(); got != w {
			e.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// Events carry the cursor as their id, a line break within JSON does not break them, and complete has a data line.
func TestSSEEvents(t *testing.T) {
	s := newServer(t, Config{})
	e := s.stream(t, "subscription{a:ticks(count:2){cursor node}}")
	e.expect(
		"event: next\nid: c1\ndata: {\"data\":{\"a\":{\"cursor\":\"c1\",\ndata: \"node\":1}},\"extensions\":{\"cost\":{\"limit\":10000,\"requested\":3}}}",
		"event: next\nid: c2\ndata: {\"data\":{\"a\":{\"cursor\":\"c2\",\ndata: \"node\":2}}}",
		"event: complete\ndata:",
		"")
	if got := e.resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("got %q", got)
	}
}

// A query, a request error and a refused or failing subscription are streams too, for clients that accept only those.
func TestSSEAnswersEverything(t *testing.T) {
	s := newServer(t, Config{})
	s.schema.End = func(ctx context.Context) { EndStream(ctx, errors.New("over")) }
	for document, want := range map[string]string{
		"{hello}":                             `data: {"data":{"hello":"hello"},`,
		"{":                                   `data: {"errors":[{`,
		"{nope}":                              `data: {"errors":[{`,
		"subscription{refused{node}}":         `data: {"errors":[{`,
		"subscription{ends{node}}":            `data: {"errors":[{`,
		"subscription{resumed hello:resumed}": `data: {"errors":[{`,
	} {
		e := s.stream(t, document)
		if got := e.next(); !strings.HasPrefix(got, "event: next\n"+want) {
			t.Errorf("%s: got %q", document, got)
		}
		e.expect("event: complete\ndata:", "")
	}
}

// A subscription whose field is skipped has nothing to stream: that is the caller's mistake, on every transport, and costs nothing.
func TestSubscriptionToNothing(t *testing.T) {
	s := newServer(t, Config{Charge: func(context.Context, int) time.Duration {
		t.Error("a refused operation was charged")
		return 0
	}})
	c := s.connect(t)
	for _, document := range []string{
		"subscription{resumed @skip(if:true)}",
		"subscription{...@include(if:false){resumed}}",
		"subscription($no:Boolean=false){...F@include(if:$no)}fragment F on Subscription{resumed}",
	} {
		if got := s.stream(t, document).next(); !strings.Contains(got, "leave none") || !strings.Contains(got, codeValidation) {
			t.Errorf("%s: got %s", document, got)
		}
		c.subscribe("1", document)
		if m := c.receive(); !strings.HasPrefix(m, `{"id":"1","type":"error"`) || !strings.Contains(m, "leave none") {
			t.Errorf("%s: got %s", document, m)
		}
	}
}

// Last-Event-ID reaches the resolver, by GET and POST, if it could have come from an id line.
func TestSSELastEventID(t *testing.T) {
	s := newServer(t, Config{})
	s.schema.Resumed = LastEventID
	for id, want := range map[string]string{"c41": "c41", "": "", "é": "", strings.Repeat("x", 1025): ""} {
		header := map[string]string{"Accept": mediaEvents, "Last-Event-ID": id}
		for _, a := range []answer{
			s.post(t, `{"query":"subscription{resumed}"}`, header),
			s.do(t, s.request(t, http.MethodGet, "/?query=subscription{resumed}", "", header)),
		} {
			if !strings.Contains(a.body, `"resumed":"`+want+`"`) {
				t.Errorf("%q: got %s", id, a.body)
			}
		}
	}
}

// A client that accepts every type gets a stream for a subscription and JSON for a query.
func TestSSEAmongOthers(t *testing.T) {
	s := newServer(t, Config{})
	accept := map[string]string{"Accept": "application/json, text/event-stream"}
	if a := s.post(t, `{"query":"{hello}"}`, accept); a.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("query: %v", a.header)
	}
	if a := s.post(t, `{"query":"subscription{ticks(count:1){node}}"}`, accept); !strings.HasPrefix(a.body, ":\n\nevent: next\n") {
		t.Errorf("subscription: %q", a.body)
	}
}

// A cursor belongs to one response; one that would end an id line is ignored, and outside of a stream there is none.
func TestSetCursor(t *testing.T) {
	ctx, s := withStream(t.Context(), "")
	SetCursor(t.Context(), "outside")
	for _, cursor := range []string{"x\nid: y", "x\ry", "x\x00"} {
		SetCursor(ctx, cursor)
		if got := s.takeCursor(); got != "" {
			t.Errorf("%q: got %q", cursor, got)
		}
	}
	SetCursor(ctx, "x")
	if first, second := s.takeCursor(), s.takeCursor(); first != "x" || second != "" {
		t.Errorf("got %q and %q, want x once", first, second)
	}
}

// An idle stream has heartbeats.
func TestSSEHeartbeat(t *testing.T) {
	s := newServer(t, Config{PingInterval: 5 * time.Millisecond})
	e := s.stream(t, "subscription{ticks{node}}")
	e.next()
	for range 3 {
		if !e.scan.Scan() || e.scan.Text() != ":" {
			t.Fatalf("got %q", e.scan.Text())
		}
	}
}

// The stream of a caller that loses access ends with an error that says so.
func TestSSERevoked(t *testing.T) {
	var revoked atomic.Bool
	s := newServer(t, Config{AliveInterval: 10 * time.Millisecond, Alive: func(context.Context) bool { return !revoked.Load() }})
	e := s.stream(t, "subscription{ticks{node}}")
	e.next()
	revoked.Store(true)
	if got := e.next(); !strings.Contains(got, codeUnauthenticated) {
		t.Errorf("got %q", got)
	}
	e.expect("event: complete\ndata:", "")
}

// A client's disconnection ends its subscription.
func TestSSEClientGone(t *testing.T) {
	s := newServer(t, Config{})
	e := s.stream(t, "subscription{ticks{node}}")
	e.next()
	_ = e.resp.Body.Close()
	webhooktest.Eventually(t, "the stream ends", func() bool { return s.handler.open() == 0 })
}

// Shutdown ends streams without complete, so that clients resume, and new ones are answered 503.
func TestSSEShutdown(t *testing.T) {
	s := newServer(t, Config{})
	e := s.stream(t, "subscription{ticks{node}}")
	e.next()
	if err := s.handler.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.expect("")
	if a := s.post(t, `{"query":"subscription{ticks{node}}"}`, map[string]string{"Accept": mediaEvents}); a.status != 503 {
		t.Errorf("got %d", a.status)
	}
}

// The number of streams of a server is limited.
func TestStreamLimit(t *testing.T) {
	s := newServer(t, Config{MaxStreams: 1})
	e := s.stream(t, "subscription{ticks{node}}")
	e.next()
	if a := s.post(t, `{"query":"subscription{ticks{node}}"}`, map[string]string{"Accept": mediaEvents}); a.status != 503 {
		t.Errorf("got %d", a.status)
	}
}

// stalled opens a connection that reads nothing, writes the request, and returns once the server's writes block: the endless
// subscription is no longer pulled, which also proves backpressure.
func (s *server) stalled(t *testing.T, pulls *atomic.Int64, request func(net.Conn)) net.Conn {
	t.Helper()
	conn := s.unread(t, request)
	webhooktest.Eventually(t, "the source is pulled", func() bool { return pulls.Load() > 0 })
	ceases(t, pulls)
	return conn
}

// ceases waits until the source is not pulled any more. Nothing signals that, so it must not be pulled for a while.
func ceases(t *testing.T, pulls *atomic.Int64) {
	t.Helper()
	last, since := int64(-1), time.Now()
	webhooktest.Eventually(t, "the source is not pulled any more", func() bool {
		if now := pulls.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
}

// unread opens a connection that reads nothing, and writes the request.
func (s *server) unread(t *testing.T, request func(net.Conn)) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	request(conn)
	return conn
}

const endless = `subscription{ticks(count:1000000000,size:50000){cursor}}`

func sseRequest(conn net.Conn) {
	body := `{"query":"` + endless + `"}`
	_, _ = conn.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n" +
		"Authorization: Bearer " + goodToken + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body))
}

// A client that stops reading is disconnected after WriteTimeout.
func TestSSEStalled(t *testing.T) {
	var pulls atomic.Int64
	s := newServer(t, Config{WriteTimeout: 300 * time.Millisecond})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	conn := s.stalled(t, &pulls, sseRequest)
	defer func() { _ = conn.Close() }()
	webhooktest.Eventually(t, "the stream ends", func() bool { return s.handler.open() == 0 })
}

// A thousand clients that stop reading and then disconnect harm nothing, with heartbeats running.
func TestSSEStalledThenGone(t *testing.T) {
	const rounds, clients = 10, 100
	var pulls atomic.Int64
	s := newServer(t, Config{PingInterval: time.Millisecond})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	for range rounds {
		pulls.Store(0)
		conns := make([]net.Conn, clients-1)
		for i := range conns {
			conns[i] = s.unread(t, sseRequest)
		}
		webhooktest.Eventually(t, "all stream", func() bool { return s.handler.open() == len(conns) })
		_ = s.stalled(t, &pulls, sseRequest).Close() // all are stalled
		for _, conn := range conns {
			_ = conn.Close()
		}
		webhooktest.Eventually(t, "the streams end", func() bool { return s.handler.open() == 0 })
	}
	if a := s.query(t, "{hello}", ""); a.status != 200 {
		t.Errorf("got %d", a.status)
	}
}

// Shutdown does not wait for a client that does not read.
func TestSSEStalledShutdown(t *testing.T) {
	var pulls atomic.Int64
	s := newServer(t, Config{WriteTimeout: time.Hour, CloseTimeout: 50 * time.Millisecond})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	conn := s.stalled(t, &pulls, sseRequest)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.handler.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}
