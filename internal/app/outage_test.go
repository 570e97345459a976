package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// ask sends a request and returns the status, the first error's code on any surface, and Retry-After.
func (c *client) ask(t *testing.T, method, path, accept, body string) (status int, code, retryAfter string) {
	t.Helper()
	a := c.do(t, method, path, body, http.Header{"Accept": {accept}})
	answer := a.body
	for line := range bytes.Lines(answer) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok { // the first event
			answer = data
			break
		}
	}
	var is struct {
		Error  struct{ Code string }
		Errors []struct {
			Code       string
			Extensions struct{ Code string }
		}
		Data struct {
			Done *struct{ UserErrors []struct{ Code string } }
		}
	}
	if err := json.Unmarshal(answer, &is); err != nil {
		t.Fatalf("%s %s: %d %s", method, path, a.status, answer)
	}
	code = is.Error.Code
	if len(is.Errors) > 0 && code == "" {
		code = is.Errors[0].Extensions.Code
	}
	if is.Data.Done != nil && len(is.Data.Done.UserErrors) > 0 && code == "" {
		code = is.Data.Done.UserErrors[0].Code
	}
	return a.status, code, a.header.Get("Retry-After")
}

// nextMessage reads a WebSocket's next message other than a ping: its type, and the code of its first error.
func nextMessage(ctx context.Context, conn *websocket.Conn) (kind, code string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := wsjson.Read(ctx, conn, &m); err != nil {
			return "", "", err
		}
		var list []struct{ Extensions struct{ Code string } }
		var answer struct {
			Errors []struct{ Extensions struct{ Code string } }
		}
		switch _ = json.Unmarshal(m.Payload, &list); {
		case m.Type == "ping":
			_ = wsjson.Write(ctx, conn, map[string]any{"type": "pong"})
			continue
		case len(list) > 0:
			code = list[0].Extensions.Code
		case json.Unmarshal(m.Payload, &answer) == nil && len(answer.Errors) > 0:
			code = answer.Errors[0].Extensions.Code
		}
		return m.Type, code, nil
	}
}

// While PostgreSQL is unreachable every surface says that trying again may help, for known and unknown tokens: UNAVAILABLE, 503,
// and a close code after which clients retry. When it is back all of them work.
func TestDatabaseAway(t *testing.T) {
	server := webhooktest.StartPostgres(t)
	database := server.Database(t)
	p := boot(t, database)
	c := &client{p.url, p.token}
	receiver := webhooktest.NewReceiver(t)
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL}, &struct{}{})
	w := c.watch(t, "")
	cursor := watching(t, c, w)
	open := c.socket(t) // authenticated before the outage
	if kind, _, err := nextMessage(t.Context(), open); kind != "connection_ack" || err != nil {
		t.Fatal(kind, err)
	}
	read := document("{ webhooks { nodes { id } } }")
	write := document(`mutation { done: publishEvent(input: {type: "a.b", data: 1}) { event { id } userErrors { code } } }`)
	stream := document(fmt.Sprintf("subscription { deliveryAttempts(after: %q) { cursor node { event { type } } } }", cursor))
	const plain, events = "application/json", "text/event-stream"

	health := func(path string) int { return c.do(t, "GET", path, "", nil).status }
	if ready := health("/readyz"); ready != http.StatusOK {
		t.Errorf("/readyz before: %d", ready)
	}
	server.Stop(t)
	webhooktest.Eventually(t, "/readyz tells that PostgreSQL is away", func() bool { return health("/readyz") == http.StatusServiceUnavailable })
	if alive := health("/livez"); alive != http.StatusOK {
		t.Errorf("/livez: %d", alive)
	}
	for _, remembered := range []bool{true, false} {
		if !remembered {
			time.Sleep(1100 * time.Millisecond) // the subject: longer than tokens are cached
		}
		for name, ask := range map[string][4]string{
			"GraphQL query": {"POST", "/graphql", plain, read}, "GraphQL mutation": {"POST", "/graphql", plain, write},
			"server-sent events": {"POST", "/graphql", events, stream}, "a query by server-sent events": {"POST", "/graphql", events, read},
			"REST read": {"GET", "/v1/webhooks", plain, ""}, "REST publish": {"POST", "/v1/events", plain, `{"type": "a.b", "data": 1}`},
			"REST write": {"POST", "/v1/webhooks", plain, `{"url": "https://example.com/"}`},
		} {
			status, code, retryAfter := c.ask(t, ask[0], ask[1], ask[2], ask[3])
			if code != "UNAVAILABLE" || status != http.StatusOK && (status != http.StatusServiceUnavailable || retryAfter == "") || strings.HasPrefix(name, "REST") && status == http.StatusOK {
				t.Errorf("%s, token remembered %v: %d %s, Retry-After %q", name, remembered, status, code, retryAfter)
			}
		}
	}
	for id, query := range map[string]string{"a read": read, "a stream": stream} {
		if err := wsjson.Write(t.Context(), open, map[string]any{"type": "subscribe", "id": id, "payload": json.RawMessage(query)}); err != nil {
			t.Fatal(err)
		}
		kind, code, err := nextMessage(t.Context(), open)
		for kind == "complete" {
			kind, code, err = nextMessage(t.Context(), open)
		}
		if code != "UNAVAILABLE" || err != nil {
			t.Errorf("%s on an open WebSocket: %s %s %v", id, kind, code, err)
		}
	}
	if _, _, err := nextMessage(t.Context(), c.socket(t)); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("connection_init: %v, want 1013", err)
	}

	server.Start(t)
	var status int
	var code string
	webhooktest.Eventually(t, "what is written when PostgreSQL is back is stored", func() bool {
		status, code, _ = c.ask(t, "POST", "/graphql", plain, write)
		return status == http.StatusOK && code == ""
	}, func() string { return fmt.Sprint(status, code) })
	webhooktest.Eventually(t, "/readyz tells that PostgreSQL is back", func() bool { return health("/readyz") == http.StatusOK })
	if got := c.watch(t, cursor).next(t); got.Cursor == "" {
		t.Error("no attempt after it is back")
	}
}
