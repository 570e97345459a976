package graph_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// A JSON variable is returned byte for byte: key order, notation of numbers, no HTML escapes.
func TestDataIsKept(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	const data = `{"z":1.10,"a":12345678901234567890,"n":1e400,"t":"<&>","o":{"b":null,"a":[1.0]}}`
	params := &graphql.RawParams{
		Query:     `mutation($data: JSON) { publishEvent(input: {type: "a.b", data: $data}) { event { data } userErrors { message } } }`,
		Variables: map[string]any{"data": json.RawMessage(data)},
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := a.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		t.Fatal(errs)
	}
	respond, ctx := a.exec.DispatchOperation(ctx, op)
	if resp := respond(ctx); !bytes.Contains(resp.Data, []byte(`"data":`+data+`}`)) {
		t.Errorf("%s %v", resp.Data, resp.Errors)
	}
	literal := a.run(a.as("kallima"), `mutation { publishEvent(input: {type: "a.b", data: {t: "<&>", n: [1, 2.5, null, true]}}) { event { data } } }`, nil)
	if want := `{"n":[1,2.5,null,true],"t":"<&>"}`; !strings.Contains(string(literal.Data), want) {
		t.Errorf("literal: %s %v", literal.Data, literal.Errors)
	}
	null := a.get(a.as("kallima"), `mutation { publishEvent(input: {type: "a.b", data: null}) { event { id data } userErrors { message } } }`, nil)
	if null.text("publishEvent", "event", "id") == "" || null.at("publishEvent", "event", "data") != nil {
		t.Errorf("null: %v", null)
	}
}

// Tags are shown as published, none as an empty list; the error of an invalid tag names it.
func TestTags(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	const query = `mutation($tags: [String!]) { publishEvent(input: {type: "a.b", data: 1, tags: $tags}) { event { id tags } userErrors { code field } } }`
	for given, want := range map[string]string{`["b", "a", "b"]`: `["b","a"]`, `[]`: `[]`, `null`: `[]`} {
		done := a.get(ctx, query, vars{"tags": json.RawMessage(given)})
		read := a.get(ctx, `{ event(id: "`+done.text("publishEvent", "event", "id")+`") { tags } }`, nil)
		for _, tags := range []any{done.at("publishEvent", "event", "tags"), read.at("event", "tags")} {
			if got, _ := json.Marshal(tags); string(got) != want {
				t.Errorf("%s: %s, want %s", given, got, want)
			}
		}
	}
	bad := a.get(ctx, query, vars{"tags": []string{"a", ""}})
	if got, _ := json.Marshal(bad.at("publishEvent", "userErrors", 0)); string(got) != `{"code":"REQUIRED","field":["input","tags","1"]}` {
		t.Errorf("an empty tag: %s", got)
	}
}

// deliverAt and expiresAt are shown as published, and when a delivery is due. A bad one is named.
func TestTimesOfEvents(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com"}) { webhook { id } } }`, nil)
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)
	const query = `mutation($at: DateTime, $until: DateTime) { publishEvent(input: {type: "a.b", data: 1, deliverAt: $at, expiresAt: $until, idempotencyKey: "k"}) {
		duplicate event { id deliverAt expiresAt deliveries { nodes { nextAttemptAt } } } userErrors { code field } } }`
	done := a.get(ctx, query, vars{"at": at, "until": "2100-01-01T00:00:00Z"})
	for _, got := range []any{done.at("publishEvent", "event", "deliverAt"), done.at("publishEvent", "event", "deliveries", "nodes", 0, "nextAttemptAt")} {
		if got != at {
			t.Errorf("%v, want %s", got, at)
		}
	}
	if got := done.at("publishEvent", "event", "expiresAt"); got != "2100-01-01T00:00:00Z" {
		t.Errorf("expires %v", got)
	}
	if again := a.get(ctx, query, vars{"at": at, "until": "2100-01-01T00:00:00Z"}); again.at("publishEvent", "duplicate") != true {
		t.Errorf("the same event: %v", again)
	}
	if other := a.get(ctx, query, vars{"at": at, "until": "2101-01-01T00:00:00Z"}); other.text("publishEvent", "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("another event: %v", other)
	}
	bad := a.get(ctx, query, vars{"at": at, "until": at})
	if got, _ := json.Marshal(bad.at("publishEvent", "userErrors", 0)); string(got) != `{"code":"OUT_OF_RANGE","field":["input","expiresAt"]}` {
		t.Errorf("expires when it is due: %s", got)
	}
}

// Each of several events has its own result, whose errors have its index; a single event too.
func TestPublishEvents(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	const query = `mutation($events: [PublishEventInput!]!) { publishEvents(input: {events: $events}) {
		results { event { id deliveries { count { count } nodes { webhook { id } status } } } duplicate userErrors { code field } } userErrors { code field } } }`
	data := a.get(ctx, query, vars{"events": []vars{
		{"type": "a.b", "data": 1, "idempotencyKey": "k", "timestamp": "2026-04-23T12:00:00.25+02:00"},
		{"type": "", "data": 1},
		{"type": "a.b", "data": 1, "idempotencyKey": "k", "timestamp": "2026-04-23T10:00:00.25Z"},
		{"type": "a.b", "data": 2, "idempotencyKey": "k"},
	}})
	result := func(way ...any) any { return data.at(append([]any{"publishEvents", "results"}, way...)...) }
	if result(0, "event", "deliveries", "nodes", 0, "webhook", "id") != w || result(0, "duplicate") != false {
		t.Errorf("first: %v", result(0))
	}
	if result(1, "event") != nil || data.text("publishEvents", "results", 1, "userErrors", 0, "field", 2) != "1" {
		t.Errorf("invalid: %v", result(1))
	}
	if result(2, "event", "id") != result(0, "event", "id") || result(2, "duplicate") != true {
		t.Errorf("duplicate: %v", result(2))
	}
	if result(3, "event") != nil || result(3, "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("conflict: %v", result(3))
	}

	alone := a.get(ctx, query, vars{"events": []vars{{"type": "", "data": 1}}})
	if got, _ := json.Marshal(alone.at("publishEvents", "results", 0, "userErrors", 0, "field")); string(got) != `["input","events","0","type"]` {
		t.Errorf("alone: %s", got)
	}
	for n, code := range map[int]string{0: "REQUIRED", 1001: "TOO_MANY"} {
		events := make([]vars, n)
		for i := range events {
			events[i] = vars{"type": "a", "data": 1}
		}
		if got := a.get(ctx, query, vars{"events": events}); got.text("publishEvents", "userErrors", 0, "code") != code {
			t.Errorf("%d events: %v", n, got)
		}
	}
	if got := a.get(ctx, `{ event(id: "`+data.text("publishEvents", "results", 0, "event", "id")+`") { timestamp } }`, nil); got.text("event", "timestamp") != "2026-04-23T10:00:00.25Z" {
		t.Errorf("timestamp: %v", got)
	}
}

// An event shows its idempotency key; null if it has none.
func TestIdempotencyKeyShown(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	published := a.get(ctx, `mutation { publishEvent(input: {type: "a.b", data: 1, idempotencyKey: "k1"}) { event { idempotencyKey } } }`, nil)
	a.publish(ctx, 1)
	list := a.get(ctx, `{ events { nodes { idempotencyKey } } }`, nil)
	if published.text("publishEvent", "event", "idempotencyKey") != "k1" || list.at("events", "nodes", 0, "idempotencyKey") != nil || list.text("events", "nodes", 1, "idempotencyKey") != "k1" {
		t.Errorf("got %v, %v", published, list)
	}
}

// An event says of each webhook whether it got it. The delivery requires a scope of its own; another tenant's event says nothing.
func TestEventMatches(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	made := a.get(ctx, `mutation($filter: JSON) {
		one: createWebhook(input: {url: "https://example.com/1"}) { webhook { id } }
		two: createWebhook(input: {url: "https://example.com/2", filter: $filter}) { webhook { id } }
		publishEvent(input: {type: "a.b", data: {n: 1}}) { event { id } } }`, vars{"filter": vars{"data": vars{"n": 2}}})
	id := made.text("publishEvent", "event", "id")
	const query = `query($id: ID!) { event(id: $id) { matches(first: 1) { nodes { webhook { id url } outcome reason settingsChangedSince delivery { status } }
		edges { cursor } pageInfo { hasNextPage endCursor } count { count } } } }`
	got := a.get(ctx, query, vars{"id": id})
	if got.text("event", "matches", "nodes", 0, "webhook", "id") != made.text("two", "webhook", "id") || got.at("event", "matches", "nodes", 0, "outcome") != "FILTERED" ||
		got.text("event", "matches", "nodes", 0, "reason") != "data.n is 1; the filter asks for 2" || got.at("event", "matches", "nodes", 0, "delivery") != nil ||
		got.at("event", "matches", "nodes", 0, "settingsChangedSince") != false || got.at("event", "matches", "count", "count") != 2.0 {
		t.Errorf("the first: %v", got)
	}
	next := a.get(ctx, `query($id: ID!, $after: String) { event(id: $id) { matches(first: 5, after: $after) { nodes { webhook { id } outcome reason delivery { status } } pageInfo { hasNextPage } } } }`,
		vars{"id": id, "after": got.text("event", "matches", "pageInfo", "endCursor")})
	if next.text("event", "matches", "nodes", 0, "webhook", "id") != made.text("one", "webhook", "id") || next.at("event", "matches", "nodes", 0, "outcome") != "DELIVERED" ||
		next.at("event", "matches", "nodes", 0, "delivery", "status") != "PENDING" || next.at("event", "matches", "nodes", 0, "reason") != nil || next.at("event", "matches", "pageInfo", "hasNextPage") != false {
		t.Errorf("the second: %v", next)
	}
	if other := a.get(a.as("other"), query, vars{"id": id}); other.at("event") != nil {
		t.Errorf("another tenant's event: %v", other)
	}
}
