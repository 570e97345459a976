package gqlhttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A refused caller learns why, also with an expired or revoked token: over HTTP, and in the reason of the WebSocket's close.
func TestRefusedCallersAreToldWhy(t *testing.T) {
	b := newBackend(t, 0, nil)
	f := b.serve(t, 1<<20, nil)
	token := func(expires *time.Time) (string, webhook.ID) {
		secret, _ := webhook.NewToken()
		made, err := b.store.AddToken(t.Context(), webhook.Token{TenantID: &b.owner, Name: "x", ExpiresAt: expires}, secret)
		if err != nil {
			t.Fatal(err)
		}
		return secret, made.ID
	}
	soon := time.Now().Add(50 * time.Millisecond)
	expired, _ := token(&soon)
	revoked, id := token(nil)
	if _, err := b.store.Registry(nil).RevokeToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(soon)) // the store takes no token that has expired, so this one must
	for want, fields := range map[string][]string{"several were sent": {"Bearer a", "Bearer b"}, "not of the form": {"Basic a"}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, strings.NewReader(`{"query": "{ viewer { operator } }"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": fields}
		resp, err := f.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" || !strings.Contains(string(text), want) {
			t.Errorf("%q: %d %s, want %s", fields, resp.StatusCode, text, want)
		}
	}
	for _, c := range []struct{ token, want string }{
		{"", "none was sent"}, {"hg_nothing", "unknown"}, {expired, "has expired"}, {revoked, "was revoked"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, strings.NewReader(`{"query": "{ viewer { operator } }"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := f.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 1000)
		n, _ := resp.Body.Read(text)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(text[:n]), c.want) {
			t.Errorf("HTTP: %d %s, want %s", resp.StatusCode, text[:n], c.want)
		}
		conn, _, err := websocket.Dial(t.Context(), f.URL, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"connection_init","payload":{"token":"`+c.token+`"}}`)); err != nil {
			t.Fatal(err)
		}
		_, _, err = conn.Read(t.Context())
		if websocket.CloseStatus(err) != 4403 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("WebSocket: %v, want %s", err, c.want)
		}
		_ = conn.CloseNow()
	}
}
