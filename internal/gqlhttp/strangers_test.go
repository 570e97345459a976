package gqlhttp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// whole checks that nothing is held, and that no holder is remembered.
func (h *Handler) whole() bool {
	return h.open() == 0 && h.held.Used() == 0 && h.operations.Used() == 0 && h.strangers.Waiting() == 0 && h.cfg.Bodies.Held() == 0
}

// Unauthenticated sockets, however many, neither count as streams of authenticated callers nor lock anybody out.
func TestStrangersKeepNobodyOut(t *testing.T) {
	s := newServer(t, Config{MaxStreams: 8, InitTimeout: time.Hour})
	var strangers []*wsClient
	for range 100 {
		strangers = append(strangers, s.dial(t, nil))
		if n := s.handler.strangers.Waiting(); n > 8 {
			t.Fatalf("%d strangers wait", n)
		}
	}
	for range 4 {
		s.connect(t)
		s.stream(t, "subscription{ticks{node}}").next()
	}
	for _, c := range strangers[:80] { // the oldest were closed, and may reconnect
		c.expectClose(-1)
	}
	if used := s.handler.held.Used(); used != 8 {
		t.Errorf("%d streams are counted", used)
	}
}

// perToken authenticates "good-token" followed by anything; each tenant has two such tokens.
func perToken(c *Config) {
	type key struct{}
	c.Authenticate = func(r *http.Request, token, _ string) (context.Context, error) {
		if !strings.HasPrefix(token, goodToken) {
			return nil, errors.New("no such token")
		}
		return context.WithValue(r.Context(), key{}, token), nil
	}
	c.Holder = func(ctx context.Context) intake.Holder {
		h := intake.Holder{Tenant: [16]byte{1}}
		copy(h.Token[:], strings.TrimPrefix(ctx.Value(key{}).(string), goodToken)+".")
		return h
	}
}

// A token has a share of the streams, and so has its tenant, however many tokens it creates. Beyond it: 429, and a close after
// which clients retry.
func TestStreamShares(t *testing.T) {
	var refused sync.Map
	cfg := Config{MaxStreams: 16, OnFull: func(what string, _ intake.Holder, full *intake.Full) { refused.Store(what+" of the "+full.Of, true) }}
	perToken(&cfg)
	s := newServer(t, cfg)
	connect := func(token string) *wsClient {
		c := s.dial(t, nil)
		c.send(`{"type":"connection_init","payload":{"token":"` + goodToken + token + `"}}`)
		return c
	}
	events := func(token string) int {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		r := s.request(t, "POST", "/", `{"query":"subscription{ticks{node}}"}`,
			map[string]string{"Accept": mediaEvents, "Authorization": "Bearer " + goodToken + token})
		res, err := s.Client().Do(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode
	}
	first := connect("a")
	first.expect(`{"type":"connection_ack"}`)
	if got := events("a"); got != 200 {
		t.Errorf("within the share: %d", got)
	}
	if got := events("a"); got != 429 {
		t.Errorf("beyond the token's share: %d", got)
	}
	connect("a").expectClose(websocket.StatusTryAgainLater)
	if got := events("b"); got != 200 {
		t.Errorf("another token: %d", got)
	}
	connect("c").expect(`{"type":"connection_ack"}`)
	connect("d").expectClose(websocket.StatusTryAgainLater) // the tenant has reached its quarter
	if err := first.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	webhooktest.Eventually(t, "the share is given back", func() bool { return s.handler.held.Used() == 3 })
	connect("d").expect(`{"type":"connection_ack"}`)
	for _, of := range []string{"token", "tenant"} {
		if _, ok := refused.Load("streams of the " + of); !ok {
			t.Errorf("OnFull was not called when a %s had its share", of)
		}
	}
}

// A temporary refusal closes a socket with a code after which clients retry; only an invalid token and a missing scope are final.
func TestCloseOfRefusals(t *testing.T) {
	for code, want := range map[string]websocket.StatusCode{
		"": 4403, codeUnauthenticated: 4403, codeForbidden: 4403, codeRateLimited: 1013, codeUnavailable: 1013, codeInternal: 1013,
	} {
		s := newServer(t, Config{Authenticate: func(*http.Request, string, string) (context.Context, error) {
			if code == "" {
				return nil, errors.New("no such token")
			}
			return nil, &gqlerror.Error{Message: "not now", Extensions: map[string]any{"code": code}}
		}})
		c := s.dial(t, nil)
		c.send(ack)
		_, err := c.read()
		closed, ok := errors.AsType[websocket.CloseError](err)
		if !ok || closed.Code != want {
			t.Errorf("%q: %v, want %d", code, err, want)
		}
		if code != "" && !strings.Contains(closed.Reason, "not now") {
			t.Errorf("%q: the reason is %q", code, closed.Reason)
		}
	}
}

// Messages are limited to a small size before authentication, and to the size of a request afterwards.
func TestSizeOfStrangersMessages(t *testing.T) {
	s := newServer(t, Config{})
	big := `{"type":"ping","payload":{"x":"` + strings.Repeat("x", maxInitBytes) + `"}}`
	c := s.dial(t, nil)
	c.send(big)
	c.expectClose(websocket.StatusMessageTooBig)
	c = s.connect(t)
	c.send(big)
	if m := c.receive(); !strings.HasPrefix(m, `{"type":"pong"`) {
		t.Errorf("got %.100s", m)
	}
}

// After ten thousand clients that disconnect at any point, all budgets are whole: streams, operations, bodies, and unauthenticated
// sockets.
func TestBudgetsAreWholeAgain(t *testing.T) {
	cfg := Config{MaxStreams: 1000, CloseTimeout: 50 * time.Millisecond}
	perToken(&cfg)
	cfg.Operations = intake.Limits{Total: 50, Tenant: 20, Token: 10}
	s := newServer(t, cfg)
	documents := []string{"{hello}", "{waits}", "{panics}", "{", "subscription{ticks(count:3){node}}", "subscription{ends{node}}"}
	s.schema.End = func(context.Context) { panic("source") }
	s.schema.Waits = func(context.Context) {}

	// HTTP, without a connection: requests whose body or context ends in the middle.
	for i := range 9_000 {
		ctx, cancel := context.WithCancel(t.Context())
		body := fmt.Sprintf(`{"query":%q,"operationName":null}`, documents[i%len(documents)])
		cut := len(body)
		if i%3 == 0 {
			cut = rand.IntN(cut)
		}
		r := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader(body[:cut]))
		r.ContentLength = int64(len(body))
		if cut < len(body) {
			r.Body = http.NoBody
			r = httptest.NewRequestWithContext(ctx, "POST", "/", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(body))))
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", []string{mediaJSON, mediaEvents}[i/len(documents)%2])
		r.Header.Set("Authorization", "Bearer "+goodToken+string(rune('a'+i%5)))
		if i%2 == 0 {
			cancel()
		} else {
			time.AfterFunc(time.Millisecond, cancel)
		}
		s.handler.ServeHTTP(deadlines{httptest.NewRecorder()}, r)
		cancel()
	}
	// Connections: sockets that break at any point.
	for i := range 1_000 {
		c := s.dial(t, nil)
		for _, m := range []string{ack, `{"id":"1","type":"subscribe","payload":{"query":"` + documents[i%len(documents)] + `"}}`, ack}[:i%4] {
			c.send(m)
		}
		_ = c.conn.CloseNow()
	}
	webhooktest.Eventually(t, "all is given back", s.handler.whole)
	s.connect(t)
}

// deadlines is a response recorder that accepts deadlines, which streams need.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetReadDeadline(time.Time) error  { return nil }
func (deadlines) SetWriteDeadline(time.Time) error { return nil }
