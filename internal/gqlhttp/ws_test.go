package gqlhttp

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/surface"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// wsClient speaks the protocol message by message.
type wsClient struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *server) dial(t *testing.T, opts *websocket.DialOptions) *wsClient {
	t.Helper()
	if opts == nil {
		opts = &websocket.DialOptions{}
	}
	if opts.Subprotocols == nil {
		opts.Subprotocols = []string{subprotocol}
	}
	opts.HTTPClient = s.Client()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 24)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &wsClient{t, conn}
}

// connect dials and initialises the connection.
func (s *server) connect(t *testing.T) *wsClient {
	t.Helper()
	c := s.dial(t, nil)
	c.send(`{"type":"connection_init","payload":{"token":"` + goodToken + `"}}`)
	c.expect(`{"type":"connection_ack"}`)
	return c
}

func (c *wsClient) send(m string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(m)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *wsClient) subscribe(id, document string) {
	c.t.Helper()
	doc, _ := json.Marshal(document)
	c.send(fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":{"query":%s}}`, id, doc))
}

func (c *wsClient) read() (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	_, data, err := c.conn.Read(ctx)
	return string(data), err
}

func (c *wsClient) receive() string {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *wsClient) expect(want string) {
	c.t.Helper()
	if got := c.receive(); got != want {
		c.t.Fatalf("got %s, want %s", got, want)
	}
}

// expectClose reads until the server closes, and compares the code.
func (c *wsClient) expectClose(want websocket.StatusCode) {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			if got := websocket.CloseStatus(err); got != want {
				c.t.Fatalf("got %v (%v), want %v", got, err, want)
			}
			return
		}
	}
}

const ack = `{"type":"connection_init","payload":{"token":"` + goodToken + `"}}`

// Each violation of the protocol has its close code.
func TestWebSocketCloseCodes(t *testing.T) {
	s := newServer(t, Config{})
	subscription := `{"id":"1","type":"subscribe","payload":{"query":"subscription{ticks{node}}"}}`
	for _, c := range []struct {
		name string
		send []string
		want websocket.StatusCode
	}{
		{"subscribe before ack", []string{subscription}, 4401},
		{"second init", []string{ack, ack}, 4429},
		{"duplicate id", []string{ack, subscription, subscription}, 4409},
		{"bad token", []string{`{"type":"connection_init","payload":{"token":"nope"}}`}, 4403},
		{"no token", []string{`{"type":"connection_init"}`}, 4403},
		{"init payload not an object", []string{`{"type":"connection_init","payload":"` + goodToken + `"}`}, 4400},
		{"init payload array", []string{`{"type":"connection_init","payload":[]}`}, 4400},
		{"not JSON", []string{"{"}, 4400},
		{"not UTF-8", []string{`{"type":"ping","payload":{"a":"` + "\xff" + `"}}`}, 4400},
		{"not an object", []string{"[]"}, 4400},
		{"null", []string{"null"}, 4400},
		{"empty", []string{""}, 4400},
		{"no type", []string{"{}"}, 4400},
		{"unknown type", []string{ack, `{"type":"start"}`}, 4400},
		{"server's type", []string{ack, `{"type":"next","id":"1"}`}, 4400},
		{"missing id", []string{ack, `{"type":"subscribe","payload":{"query":"{hello}"}}`}, 4400},
		{"empty id", []string{ack, `{"id":"","type":"subscribe","payload":{"query":"{hello}"}}`}, 4400},
		{"number id", []string{ack, `{"id":1,"type":"subscribe","payload":{"query":"{hello}"}}`}, 4400},
		{"missing payload", []string{ack, `{"id":"1","type":"subscribe"}`}, 4400},
		{"missing query", []string{ack, `{"id":"1","type":"subscribe","payload":{}}`}, 4400},
		{"variables not an object", []string{ack, `{"id":"1","type":"subscribe","payload":{"query":"{hello}","variables":1}}`}, 4400},
		{"complete without id", []string{ack, `{"type":"complete"}`}, 4400},
		{"ping payload not an object", []string{`{"type":"ping","payload":1}`}, 4400},
		{"too big", []string{`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`}, websocket.StatusMessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := s.dial(t, nil)
			for _, m := range c.send {
				client.send(m)
			}
			client.expectClose(c.want)
		})
	}
}

// A binary message is not part of the protocol.
func TestWebSocketBinary(t *testing.T) {
	s := newServer(t, Config{})
	c := s.dial(t, nil)
	if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte(ack)); err != nil {
		t.Fatal(err)
	}
	c.expectClose(4400)
}

// A client that does not initialise in time is closed with 4408, also while its token is being looked up.
func TestWebSocketInitTimeout(t *testing.T) {
	s := newServer(t, Config{
		InitTimeout: 30 * time.Millisecond,
		Authenticate: func(r *http.Request, _, _ string) (context.Context, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
	})
	s.dial(t, nil).expectClose(4408)
	c := s.dial(t, nil)
	c.send(ack)
	c.expectClose(4408)
}

// A client of another protocol gets a close code and a reason.
func TestWebSocketSubprotocol(t *testing.T) {
	s := newServer(t, Config{})
	s.dial(t, &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}}).expectClose(4406)
}

// The token may be in the payload, by either name, or in the upgrade request; the payload takes precedence.
func TestWebSocketToken(t *testing.T) {
	s := newServer(t, Config{})
	for name, c := range map[string]struct{ header, init string }{
		"token":         {"", `{"type":"connection_init","payload":{"token":"good-token"}}`},
		"authorization": {"", `{"type":"connection_init","payload":{"authorization":"bearer good-token","x":1}}`},
		"upgrade":       {"Bearer good-token", `{"type":"connection_init"}`},
		"both":          {"Bearer bad", `{"type":"connection_init","payload":{"Authorization":"Bearer good-token"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			opts := &websocket.DialOptions{HTTPHeader: http.Header{}}
			if c.header != "" {
				opts.HTTPHeader.Set("Authorization", c.header)
			}
			client := s.dial(t, opts)
			client.send(c.init)
			client.expect(`{"type":"connection_ack"}`)
		})
	}
}

// The operator's tenant may be in the payload, because browsers cannot set headers. What is there and names none is not taken for absent.
func TestWebSocketTenant(t *testing.T) {
	tenants := make(chan string, 1)
	s := newServer(t, Config{Authenticate: func(r *http.Request, token, tenant string) (context.Context, error) {
		tenants <- tenant
		return authenticate(r, token, tenant)
	}})
	for named, want := range map[string]string{`"kallima"`: "kallima", `null`: "", `""`: surface.Unnamed, `{"name": "kallima"}`: `{"name": "kallima"}`, `false`: "false"} {
		s.dial(t, nil).send(`{"type":"connection_init","payload":{"token":"good-token","Hookgraph-Tenant":` + named + `}}`)
		if got := <-tenants; got != want {
			t.Errorf("%s: got %q, want %q", named, got, want)
		}
	}
}

// A page of another origin cannot open a socket, unless it is allowed.
func TestWebSocketOrigin(t *testing.T) {
	s := newServer(t, Config{AllowedOrigins: []string{"https://app.example.com"}})
	for origin, allowed := range map[string]bool{
		"": true, s.URL: true, "https://app.example.com": true,
		"https://evil.example": false, "null": false, "https://app.example.com.evil.example": false, "http://app.example.com": false,
	} {
		opts := &websocket.DialOptions{Subprotocols: []string{subprotocol}, HTTPClient: s.Client(), HTTPHeader: http.Header{}}
		if origin != "" {
			opts.HTTPHeader.Set("Origin", origin)
		}
		conn, resp, err := websocket.Dial(t.Context(), s.URL, opts)
		if (err == nil) != allowed {
			t.Errorf("origin %q: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		} else if resp.StatusCode != http.StatusForbidden {
			t.Errorf("origin %q: %d", origin, resp.StatusCode)
		}
	}
}

// Operations of all kinds run, each ending with complete.
func TestWebSocketOperations(t *testing.T) {
	s := newServer(t, Config{})
	c := s.connect(t)
	c.send(`{"id":"q","type":"subscribe","payload":{"query":"query($n:String){hello(name:$n)}","variables":{"n":"you"}}}`)
	c.expect(`{"id":"q","type":"next","payload":{"data":{"hello":"hello you"},"extensions":{"cost":{"limit":10000,"requested":1}}}}`)
	c.expect(`{"id":"q","type":"complete"}`)
	c.subscribe("s", "subscription{ticks(count:2){node}}")
	c.expect(`{"id":"s","type":"next","payload":{"data":{"ticks":{"cursor":"c1",` + "\n" + `"node":1}},"extensions":{"cost":{"limit":10000,"requested":2}}}}`)
	c.expect(`{"id":"s","type":"next","payload":{"data":{"ticks":{"cursor":"c2",` + "\n" + `"node":2}}}}`)
	c.expect(`{"id":"s","type":"complete"}`)
	c.subscribe("s", `mutation{set(value:"again")}`) // an id is free once it has completed
	c.expect(`{"id":"s","type":"next","payload":{"data":{"set":"again"},"extensions":{"cost":{"limit":10000,"requested":1}}}}`)
	c.expect(`{"id":"s","type":"complete"}`)
}

// An operation that fails before or during the creation of its source gets an error, with no complete after it; then the id is
// free.
func TestWebSocketErrors(t *testing.T) {
	s := newServer(t, Config{})
	s.schema.End = func(ctx context.Context) { EndStream(ctx, errors.New("over")) }
	c := s.connect(t)
	for _, document := range []string{"{", "{nope}", "subscription{refused{node}}", "subscription{ends{node}}"} {
		c.subscribe("1", document)
		if m := c.receive(); !strings.HasPrefix(m, `{"id":"1","type":"error","payload":[{"message":`) {
			t.Errorf("%s: got %s", document, m)
		}
		c.send(`{"type":"ping"}`)
		c.expect(`{"type":"pong"}`)
	}
}

// A completed subscription is canceled, and nothing more is sent for it.
func TestWebSocketComplete(t *testing.T) {
	s := newServer(t, Config{MaxOperationsPerConnection: 1})
	c := s.connect(t)
	c.subscribe("1", "subscription{ticks{node}}")
	c.receive()
	c.send(`{"id":"1","type":"complete"}`)
	c.send(`{"id":"1","type":"complete"}`) // it may have crossed the server's complete
	c.send(`{"type":"ping","payload":{"n":1}}`)
	c.expect(`{"type":"pong","payload":{"n":1}}`)
	webhooktest.Eventually(t, "another operation may run", func() bool {
		c.subscribe("2", "{hello}")
		if strings.Contains(c.receive(), `"type":"error"`) {
			return false
		}
		c.expect(`{"id":"2","type":"complete"}`)
		return true
	})
}

// The number of operations on a connection is limited.
func TestWebSocketOperationLimit(t *testing.T) {
	s := newServer(t, Config{MaxOperationsPerConnection: 2})
	c := s.connect(t)
	c.subscribe("1", "subscription{ticks{node}}")
	c.receive()
	c.subscribe("2", "subscription{ticks{node}}")
	c.receive()
	c.subscribe("3", "{hello}")
	if m := c.receive(); !strings.Contains(m, `"type":"error"`) || !strings.Contains(m, codeRateLimited) {
		t.Errorf("got %s", m)
	}
}

// A panic during a response ends that operation with an internal error.
func TestWebSocketPanic(t *testing.T) {
	s := newServer(t, Config{})
	s.schema.End = func(context.Context) { panic("source") }
	c := s.connect(t)
	c.subscribe("1", "subscription{ends{node}}")
	if m := c.receive(); !strings.Contains(m, `"type":"error"`) || !strings.Contains(m, codeInternal) || strings.Contains(m, "source") {
		t.Errorf("got %s", m)
	}
	if !strings.Contains(s.log.String(), "source") {
		t.Errorf("log: %s", s.log)
	}
}

// The connection of a caller that loses access is closed, even if it is idle.
func TestWebSocketRevoked(t *testing.T) {
	s := newServer(t, Config{
		AliveInterval: 10 * time.Millisecond,
		Alive:         func(ctx context.Context) bool { return ctx.Value(callerKey{}) == nil },
	})
	s.connect(t).expectClose(4403)
}

// Shutdown closes sockets with 1001 in time, whether their clients answer or not.
func TestWebSocketShutdown(t *testing.T) {
	s := newServer(t, Config{CloseTimeout: 100 * time.Millisecond})
	polite, silent := s.connect(t), s.connect(t)
	for _, c := range []*wsClient{polite, silent} {
		c.subscribe("1", "subscription{ticks{node}}")
		c.receive()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	done := make(chan error)
	go func() { done <- s.handler.Shutdown(ctx) }()
	polite.expectClose(websocket.StatusGoingAway)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	silent.expectClose(websocket.StatusGoingAway)
	_, resp, err := websocket.Dial(t.Context(), s.URL, nil)
	if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after shutdown: %v", err)
	}
}

// A query that is running at shutdown still gets its response, if it is quick.
func TestWebSocketShutdownFinishesQueries(t *testing.T) {
	s := newServer(t, Config{OperationTimeout: 300 * time.Millisecond})
	running := make(chan struct{})
	s.schema.Waits = func(context.Context) { close(running) }
	c := s.connect(t)
	c.subscribe("1", "{waits}")
	<-running
	done := make(chan error)
	go func() { done <- s.handler.Shutdown(t.Context()) }()
	if m := c.receive(); !strings.Contains(m, `"type":"next"`) {
		t.Errorf("got %s", m)
	}
	c.expectClose(websocket.StatusGoingAway)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// wsRequest upgrades by hand, so that nothing is read, and subscribes.
func wsRequest(conn net.Conn) {
	upgradeByHand(conn)
	frame(conn, 1, ack)
	frame(conn, 1, `{"id":"1","type":"subscribe","payload":{"query":"`+endless+`"}}`)
}

func upgradeByHand(conn net.Conn) {
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + subprotocol + "\r\n\r\n"))
}

// frame writes one masked frame; the mask is zero.
func frame(conn net.Conn, opcode byte, payload string) {
	header := []byte{0x80 | opcode, 0x80 | 126}
	header = binary.BigEndian.AppendUint16(header, uint16(min(len(payload), math.MaxUint16)))
	_, _ = conn.Write(append(append(header, 0, 0, 0, 0), payload...))
}

// A client that stops reading is disconnected after WriteTimeout, although it sends pongs and messages.
func TestWebSocketStalled(t *testing.T) {
	var pulls atomic.Int64
	s := newServer(t, Config{WriteTimeout: 300 * time.Millisecond, CloseTimeout: 50 * time.Millisecond, PingInterval: time.Hour})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	conn := s.stalled(t, &pulls, wsRequest)
	defer func() { _ = conn.Close() }()
	webhooktest.Eventually(t, "the connection ends", func() bool {
		frame(conn, 10, "")
		frame(conn, 1, `{"type":"pong"}`)
		return s.handler.open() == 0
	})
}

// A client that stops reading can complete its subscription: no lock is held while a write blocks.
func TestWebSocketStalledComplete(t *testing.T) {
	var pulls atomic.Int64
	s := newServer(t, Config{CloseTimeout: 50 * time.Millisecond})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	conn := s.stalled(t, &pulls, wsRequest)
	defer func() { _ = conn.Close() }()
	frame(conn, 1, `{"id":"1","type":"complete"}`)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	ceases(t, &pulls)
}

// Shutdown does not wait for a client that does not read.
func TestWebSocketStalledShutdown(t *testing.T) {
	var pulls atomic.Int64
	s := newServer(t, Config{WriteTimeout: time.Hour, CloseTimeout: 50 * time.Millisecond})
	s.schema.Pulled = func(int) { pulls.Add(1) }
	conn := s.stalled(t, &pulls, wsRequest)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.handler.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

// A client that does not answer pings is disconnected.
func TestWebSocketPing(t *testing.T) {
	s := newServer(t, Config{PingInterval: 40 * time.Millisecond, CloseTimeout: 300 * time.Millisecond})
	c := s.dial(t, nil) // it does not read, so it answers no ping
	webhooktest.Eventually(t, "the connection ends", func() bool { return s.handler.open() == 0 })
	c.expectClose(websocket.StatusTryAgainLater)
}
