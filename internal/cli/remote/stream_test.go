package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/client"
)

// A stream goes on with the oldest attempt that is kept when retention has overtaken its cursor, and says so; work that fails gets the same
// attempt again; and a token that was revoked ends it.
func TestStreamIsTakenUpAgain(t *testing.T) {
	var mu sync.Mutex // guards cursors: connections follow one another, but may end later
	var cursors []any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		for {
			var m struct {
				Type    string
				Payload struct{ Variables map[string]any }
			}
			if wsjson.Read(r.Context(), conn, &m) != nil {
				return
			}
			say := func(text string) { _ = conn.Write(r.Context(), websocket.MessageText, []byte(text)) }
			switch m.Type {
			case "connection_init":
				say(`{"type":"connection_ack"}`)
			case "subscribe":
				mu.Lock()
				cursors = append(cursors, m.Payload.Variables["after"])
				mu.Unlock()
			case "ping":
				say(`{"type":"pong"}`)
				mu.Lock()
				n := len(cursors)
				mu.Unlock()
				switch n {
				case 1:
					say(`{"id":"1","type":"error","payload":[{"message":"gone","extensions":{"code":"CURSOR_EXPIRED","oldest":"kept"}}]}`)
				case 2, 3:
					say(`{"id":"1","type":"next","payload":{"data":{"done":{"cursor":"one","node":{"id":"1"}}}}}`)
				default:
					_ = conn.Close(4403, "revoked")
				}
				if n == 3 {
					_ = conn.Close(websocket.StatusGoingAway, "restart")
				}
			}
		}
	}))
	defer server.Close()
	var told strings.Builder
	a := &attempts{from: &client.Client{URL: server.URL, Token: "token"}, query: "subscription", after: "old", told: &told}
	worked := 0
	err := a.each(t.Context(), func(_ context.Context, raw json.RawMessage, cursor string) error {
		if worked++; worked == 1 {
			return &client.Error{Status: http.StatusServiceUnavailable}
		}
		if string(raw) != `{"id":"1"}` || cursor != "one" {
			t.Errorf("%s %s", raw, cursor)
		}
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	if websocket.CloseStatus(err) != 4403 || worked != 2 || !slices.Equal(cursors, []any{"old", "kept", "kept", "one"}) {
		t.Errorf("it ends with %v after %d attempts, from the cursors %v", err, worked, cursors)
	}
	if said := told.String(); strings.Count(said, "retention has removed") != 1 || strings.Count(said, "the connection is lost") != 2 {
		t.Error(said)
	}
}
