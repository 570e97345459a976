package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// verdict is the outcome of a request: "ok", or the kind of refusal, independent of how a surface spells it.
type verdict string

// verdictOf derives it from a status and the codes of a response.
func verdictOf(status int, answer string) verdict {
	for _, kind := range []struct {
		status int
		texts  []string
		is     verdict
	}{
		{401, []string{`"UNAUTHENTICATED"`}, "unauthenticated"},
		{403, []string{`"FORBIDDEN"`}, "forbidden"},
		{0, []string{`"NOT_ALLOWED"`}, "not allowed"},
		{415, nil, "media type"},
		{413, []string{`"TOO_LONG"`}, "too long"},
		{0, []string{`"INVALID"`, `"BAD_USER_INPUT"`, `"OUT_OF_RANGE"`, `"REQUIRED"`, `"GRAPHQL_VALIDATION_FAILED"`}, "input"},
		{400, []string{`"MALFORMED"`}, "malformed"},
	} {
		if status == kind.status || slices.ContainsFunc(kind.texts, func(s string) bool { return strings.Contains(answer, s) }) {
			return kind.is
		}
	}
	if status < 300 {
		return "ok"
	}
	return verdict(fmt.Sprint(status, " ", answer))
}

// surfaces publish an event with the given JSON members over each surface, with additional header fields, and return the verdict.
func (c *client) surfaces(t *testing.T, header http.Header, event map[string]string) map[string]verdict {
	t.Helper()
	post := func(path, accept, body string) verdict {
		fields := http.Header{"Accept": {accept}}
		maps.Copy(fields, header)
		a := c.do(t, "POST", path, body, fields)
		return verdictOf(a.status, string(a.body))
	}
	object := func(spell func(string) string, quote bool) string {
		var b bytes.Buffer
		for name, value := range event {
			if quote {
				name = `"` + spell(name) + `"`
			}
			fmt.Fprintf(&b, ", %s: %s", name, value)
		}
		return "{" + strings.TrimPrefix(b.String(), ", ") + "}"
	}
	snake := func(s string) string { return strings.ReplaceAll(s, "idempotencyKey", "idempotency_key") }
	same := func(s string) string { return s }
	payload := fmt.Sprintf(`{"query": "mutation ($input: PublishEventInput!) { publishEvent(input: $input) { event { id } userErrors { code } } }", "variables": {"input": %s}}`, object(same, true))
	return map[string]verdict{
		"REST":               post("/v1/events", "*/*", object(snake, true)),
		"GraphQL":            post("/graphql", "application/graphql-response+json", payload),
		"server-sent events": post("/graphql", "text/event-stream", payload),
		"WebSocket":          c.overSocket(t, header, payload),
	}
}

// overSocket runs an operation on a WebSocket whose upgrade request has the header's fields, including the token.
func (c *client) overSocket(t *testing.T, header http.Header, payload string) verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fields := http.Header{"Authorization": {"Bearer " + c.token}}
	maps.Copy(fields, header)
	conn, res, err := websocket.Dial(ctx, strings.Replace(c.url, "http", "ws", 1)+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: fields})
	if err != nil {
		return verdictOf(res.StatusCode, err.Error())
	}
	defer func() { _ = conn.CloseNow() }()
	if err := wsjson.Write(ctx, conn, map[string]string{"type": "connection_init"}); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Write(ctx, conn, map[string]any{"type": "subscribe", "id": "1", "payload": json.RawMessage(payload)}); err != nil {
		return "forbidden"
	}
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := wsjson.Read(ctx, conn, &m); err != nil {
			if websocket.CloseStatus(err) == 4403 && strings.Contains(err.Error(), "tenant") {
				return "forbidden"
			}
			if websocket.CloseStatus(err) == 4403 {
				return "unauthenticated"
			}
			return verdict(err.Error())
		}
		if m.Type == "next" || m.Type == "error" {
			return verdictOf(200, string(m.Payload))
		}
	}
}

// with returns a header with one field.
func with(name string, values ...string) http.Header {
	return http.Header{http.CanonicalHeaderKey(name): values}
}

// The same request gets the same verdict from REST, GraphQL over HTTP, server-sent events and WebSocket.
func TestSurfacesAgree(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	good := func(name, value string) map[string]string {
		e := map[string]string{"type": `"a.b"`, "data": "1"}
		if value == "" {
			delete(e, name)
		} else {
			e[name] = value
		}
		return e
	}
	plain := good("data", "1")
	token := "Bearer " + p.token
	for name, request := range map[string]struct {
		header http.Header
		event  map[string]string
		want   verdict
	}{
		"nothing unusual":         {nil, plain, "ok"},
		"scheme in another case":  {with("Authorization", "bEARER "+p.token), plain, "ok"},
		"white space":             {with("Authorization", "Bearer   "+p.token+"  "), plain, "ok"},
		"no token":                {with("Authorization"), plain, "unauthenticated"},
		"another scheme":          {with("Authorization", "Basic "+p.token), plain, "unauthenticated"},
		"two tokens":              {with("Authorization", token, "Bearer hg_another"), plain, "unauthenticated"},
		"one token twice":         {with("Authorization", token, token), plain, "unauthenticated"},
		"own tenant":              {with("Hookgraph-Tenant", webhook.DefaultTenant), plain, "ok"},
		"an empty tenant":         {with("Hookgraph-Tenant", ""), plain, "forbidden"},
		"two empty tenants":       {with("Hookgraph-Tenant", "", ""), plain, "forbidden"},
		"unknown tenant":          {with("Hookgraph-Tenant", "nobody"), plain, "forbidden"},
		"two tenants":             {with("Hookgraph-Tenant", webhook.DefaultTenant, webhook.DefaultTenant), plain, "forbidden"},
		"null for what is absent": {nil, good("timestamp", "null"), "ok"},
		"null for a key":          {nil, good("idempotencyKey", "null"), "ok"},
		"null for a type":         {nil, good("type", "null"), "input"},
		"null as data":            {nil, good("data", "null"), "ok"},
		"no data":                 {nil, good("data", ""), "input"},
		"a type that is none":     {nil, good("type", `"a b"`), "input"},
		"a reserved type":         {nil, good("type", `"hookgraph.test"`), ""},
		"a number as a type":      {nil, good("type", "1"), "input"},
		"a time":                  {nil, good("timestamp", `"2026-04-23T12:00:00.123456789+02:00"`), "ok"},
		"a time with a comma":     {nil, good("timestamp", `"2026-04-23T12:00:00,5Z"`), "input"},
		"a short hour":            {nil, good("timestamp", `"2026-04-23T1:00:00Z"`), "input"},
		"a large offset":          {nil, good("timestamp", `"2026-04-23T12:00:00+99:00"`), "input"},
		"a date":                  {nil, good("timestamp", `"2026-04-23"`), "input"},
		"a number as a time":      {nil, good("timestamp", "1776938400"), "input"},
		"before 1970":             {nil, good("timestamp", `"1969-12-31T23:59:59Z"`), "input"},
		"a long key":              {nil, good("idempotencyKey", `"`+strings.Repeat("k", webhook.MaxIdempotencyKeyBytes+1)+`"`), ""},
		"an empty key":            {nil, good("idempotencyKey", `""`), "input"},
		"an empty ordering key":   {nil, good("orderingKey", `""`), "input"},
		"a key with a control":    {nil, good("idempotencyKey", `"\u0007"`), "input"},
		"an unknown member":       {nil, good("nothing", "1"), "input"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.surfaces(t, request.header, request.event)
			for surface, is := range got {
				if request.want == "" { // any verdict, but the same on all
					request.want = is
				}
				if is != request.want || is == "ok" && strings.HasPrefix(name, "a reserved") {
					t.Errorf("%s: %s, want %s of all of %v", surface, is, request.want, got)
				}
			}
		})
	}
}

// Every surface that has media types or origins checks them alike.
func TestSurfacesAgreeOnHeaders(t *testing.T) {
	p := boot(t, t.TempDir(), "--allowed-origins", "https://*.example.com")
	c := &client{p.url, p.token}
	for name, header := range map[string]http.Header{
		"another media type": with("Content-Type", "text/plain"), "another charset": with("Content-Type", "application/json; charset=latin1"),
		"two media types": with("Content-Type", "application/json", "text/plain"), "compressed": with("Content-Encoding", "gzip"),
	} {
		for surface, is := range c.surfaces(t, header, map[string]string{"type": `"a.b"`, "data": "1"}) {
			if surface != "WebSocket" && is != "media type" { // WebSocket messages have no media type
				t.Errorf("%s, %s: %s", surface, name, is)
			}
		}
	}
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "https://APP.example.com": true, "https://example.com": false, "https://a.b.example.com": false,
		"https://app.example.com.evil.com": false, "http://app.example.com": false, "https://evil.com/.example.com": false,
	} {
		asked := (&client{url: p.url}).do(t, "OPTIONS", "/graphql", "", http.Header{"Authorization": nil, "Origin": {origin}, "Access-Control-Request-Method": {"POST"}})
		if got := asked.header.Get("Access-Control-Allow-Origin") != ""; got != want {
			t.Errorf("%s over HTTP: %v", origin, got)
		}
		got := c.overSocket(t, with("Origin", origin), `{"query": "{ viewer { operator } }"}`)
		if (got == "ok") != want || !want && got != "forbidden" {
			t.Errorf("%s over WebSocket: %s", origin, got)
		}
	}
}
