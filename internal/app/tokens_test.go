package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/web"
)

// A REST endpoint requires the scopes that the schema requires for the equivalent field.
func TestRoutesFollowTheSchema(t *testing.T) {
	schema := graph.New(&graph.Resolver{}).Schema()
	routes := web.Routes()
	if len(routes) < 6 {
		t.Errorf("only %d routes", len(routes))
	}
	for _, r := range routes {
		typeName, fieldName, _ := strings.Cut(r.Like, ".")
		var field *ast.FieldDefinition
		if d := schema.Types[typeName]; d != nil {
			field = d.Fields.ForName(fieldName)
		}
		if field == nil {
			t.Errorf("%s %s is like %q, which the schema has not", r.Method, r.Path, r.Like)
			continue
		}
		want := ruleOf(field)
		if r.Needs != want || want == (auth.Needs{}) {
			t.Errorf("%s %s needs %+v, %s needs %+v", r.Method, r.Path, r.Needs, r.Like, want)
		}
	}
}

// made is the payload of createToken.
type made struct {
	Token      struct{ ID string }
	Credential string
	UserErrors []struct{ Message string }
}

func (c *client) createToken(t *testing.T, input map[string]any) made {
	t.Helper()
	input["name"] = "test"
	var m made
	c.mutate(t, `mutation ($input: CreateTokenInput!) { done: createToken(input: $input) { token { id } credential userErrors { message } } }`, input, &m)
	if len(m.UserErrors) > 0 {
		t.Fatal(m.UserErrors)
	}
	return m
}

// lastEvent subscribes over server-sent events; the channel gets the last event's data when the stream has ended.
func (c *client) lastEvent(t *testing.T) <-chan string {
	t.Helper()
	res := c.events(t.Context(), t, "subscription { deliveryAttempts { cursor } }", nil, "")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("stream: %d", res.StatusCode)
	}
	ended := make(chan string, 1)
	go func() {
		last := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				last = data
			}
		}
		ended <- last
	}()
	return ended
}

// refused waits until a WebSocket and server-sent events have ended without an attempt, because their credential is not valid any more.
func refused(t *testing.T, socket *watcher, events <-chan string) {
	t.Helper()
	limit := time.After(time.Minute)
	got := socket.got
	for range 2 {
		select {
		case _, open := <-got:
			if open {
				t.Fatal("an attempt came from nowhere")
			}
			if websocket.CloseStatus(socket.err) != 4403 {
				t.Errorf("the socket ended with %v", socket.err)
			}
			got = nil
		case last := <-events:
			if !strings.Contains(last, "UNAUTHENTICATED") {
				t.Errorf("the events ended with %q", last)
			}
		case <-limit:
			t.Fatal("a stream outlives its credential")
		}
	}
}

// A token's WebSockets and server-sent events end within 5 seconds of its revocation or expiry; streams of other tokens continue.
func TestStreamsEndWithTheirToken(t *testing.T) {
	p := boot(t, t.TempDir())
	operator := &client{p.url, p.token}
	other := operator.watch(t, "")
	const promise = 5 * time.Second
	for _, how := range []string{"revoked", "expired"} {
		t.Run(how, func(t *testing.T) {
			for try := 1; ; try++ {
				input := map[string]any{}
				end := time.Now().Add(2 * time.Second)
				if how == "expired" {
					input["expiresAt"] = end.UTC().Format(time.RFC3339Nano)
				}
				m := operator.createToken(t, input)
				c := &client{p.url, m.Credential}
				socket, events := c.watch(t, ""), c.lastEvent(t)
				if how == "revoked" {
					operator.mutate(t, `mutation ($input: RevokeTokenInput!) { done: revokeToken(input: $input) { token { id } } }`,
						map[string]any{"id": m.Token.ID}, &m)
					end = time.Now()
				}
				refused(t, socket, events)
				took := time.Since(end)
				if took < promise {
					return
				}
				if try == 3 { // one slow run may be the machine's fault
					t.Fatalf("it took %v", took)
				}
			}
		})
	}
	select {
	case s, open := <-other.got:
		t.Errorf("another token's stream: %v %v", s, open)
	default:
	}
}

// An address that guesses must wait, over every transport; valid tokens, also new ones, still work from there.
func TestGuessesAreLimited(t *testing.T) {
	p := boot(t, t.TempDir())
	known := &client{p.url, p.token}
	made := p.command(t, "token", "create", "--operator", "--name", "new")
	if status := known.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
		t.Fatal(status)
	}
	unauthenticated := 0
	for (&client{p.url, fmt.Sprint("hg_guess", unauthenticated)}).rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusUnauthorized {
		if unauthenticated++; unauthenticated > 1000 {
			t.Fatal("nobody is told to wait")
		}
	}
	if unauthenticated < 10 {
		t.Errorf("told to wait after %d guesses", unauthenticated)
	}
	for name, request := range map[string][3]string{
		"REST": {"GET", "/v1/webhooks", ""},
		"HTTP": {"POST", "/graphql", "application/json"},
		"SSE":  {"POST", "/graphql", "text/event-stream"},
	} {
		a := (&client{p.url, "hg_another_" + name}).do(t, request[0], request[1], `{"query": "{ __typename }"}`, http.Header{"Accept": {request[2]}})
		if a.status != http.StatusTooManyRequests || a.retryAfter() < 1 || !json.Valid(a.body) || !strings.Contains(string(a.body), `"RATE_LIMITED"`) {
			t.Errorf("%s: %d, wait %q: %s", name, a.status, a.header.Get("Retry-After"), a.body)
		}
	}
	socket := (&client{p.url, "hg_one_more"}).watch(t, "")
	select {
	case <-socket.got:
		if websocket.CloseStatus(socket.err) != websocket.StatusTryAgainLater {
			t.Errorf("WebSocket: %v", socket.err)
		}
	case <-time.After(time.Minute):
		t.Error("the WebSocket stays open")
	}
	for range 5 {
		if status := known.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
			t.Errorf("one who got in before: %d", status)
		}
	}
	if status := (&client{p.url, made}).rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
		t.Errorf("one who is new: %d", status)
	}
	if err := wsjson.Write(t.Context(), known.watch(t, "").conn, map[string]any{"type": "ping"}); err != nil {
		t.Error(err)
	}
}

// The name of a token, which others may choose, steers no terminal.
func TestTokensOnATerminal(t *testing.T) {
	p := boot(t, t.TempDir())
	p.command(t, "token", "create", "--operator", "--name", "a\x1b[2J\tb\nc")
	list := p.command(t, "token", "list")
	line := strings.Split(list, "\n")[1]
	id, _, _ := strings.Cut(line, " ")
	for _, said := range []string{line, p.command(t, "token", "revoke", id)} {
		if strings.ContainsAny(list+said, "\x1b\t") || !strings.Contains(said, "a\uFFFD[2J b c") {
			t.Errorf("%q", said)
		}
	}
}

// A token created on the command line has the given scopes, is listed with them, and can be read over the API.
func TestTokensOfTheCommandLine(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.command(t, "token", "create", "--tenant", "kallima", "--create-tenant", "--name", "publisher", "--scope", "events:publish,webhooks:read", "--expires", "90d")}
	var viewer struct {
		Data struct {
			Viewer struct {
				Operator bool
				Tenant   struct{ Name string }
				Token    struct {
					Name      string
					Scopes    []string
					ExpiresAt time.Time
				}
			}
		}
	}
	if status := c.rest(t, "POST", "/graphql", `{"query": "{ viewer { operator tenant { name } token { name scopes expiresAt } } }"}`, &viewer); status != http.StatusOK {
		t.Fatal(status)
	}
	v := viewer.Data.Viewer
	if v.Operator || v.Tenant.Name != "kallima" || v.Token.Name != "publisher" || strings.Join(v.Token.Scopes, " ") != "WEBHOOKS_READ EVENTS_PUBLISH" ||
		time.Until(v.Token.ExpiresAt).Round(24*time.Hour) != 90*24*time.Hour {
		t.Errorf("%+v", v)
	}
	if status := c.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
		t.Errorf("list: %d", status)
	}
	var refused struct {
		Error struct{ Code, Message string }
	}
	if status := c.rest(t, "POST", "/v1/webhooks", `{"url": "https://example.com/"}`, &refused); status != http.StatusForbidden ||
		refused.Error.Code != "FORBIDDEN" || !strings.Contains(refused.Error.Message, "webhooks:write") {
		t.Errorf("create: %d %+v", status, refused)
	}
	c.publish(t, "a.b")
	p.stop() // stopping writes the last use
	for _, line := range strings.Split(p.command(t, "token", "list"), "\n")[1:] {
		if strings.Contains(line, "publisher") {
			if !strings.Contains(line, "webhooks:read,events:publish") || strings.Count(line, "  -") != 1 { // it is not revoked
				t.Errorf("listed as %q", line)
			}
			return
		}
	}
	t.Error("it is not listed")
}
