package app

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// U+0000, which PostgreSQL's text cannot contain, is an error that names the field wherever text is stored, matches nothing in
// filters, and is allowed in an event's data, on both databases and over both APIs.
func TestNUL(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		p := boot(t, database)
		c := &client{p.url, p.token}
		const hook = `{"url": "http://127.0.0.1:9/", "events": ["a.b"]}`
		if status := c.rest(t, "POST", "/v1/webhooks", hook, nil); status != http.StatusCreated {
			t.Fatal(status)
		}
		checkStoredNUL(t, c)
		checkSoughtNUL(t, c)
		const data = `{"nul":"a\u0000b"}`
		var made struct{ ID string }
		if status := c.rest(t, "POST", "/v1/events", `{"type": "a.b", "data": `+data+`}`, &made); status != http.StatusAccepted {
			t.Fatal(status)
		}
		var stored struct {
			Data struct {
				Event struct{ Data json.RawMessage }
			}
		}
		c.rest(t, "POST", "/graphql", document(`{ event(id: "`+made.ID+`") { data } }`), &stored)
		if !slices.Equal(stored.Data.Event.Data, []byte(data)) {
			t.Errorf("%s was stored as %s", data, stored.Data.Event.Data)
		}
	})
}

// checkStoredNUL checks that text to be stored is refused.
func checkStoredNUL(t *testing.T, c *client) {
	t.Helper()
	for _, mutation := range []struct{ call, asks, field string }{
		{`createWebhook(input: {url: "http://127.0.0.1:9/\u0000"})`, "webhook { id }", "input.url"},
		{`createWebhook(input: {url: "http://127.0.0.1:9/", description: "a\u0000"})`, "webhook { id }", "input.description"},
		{`createWebhook(input: {url: "http://127.0.0.1:9/", events: ["a\u0000"]})`, "webhook { id }", "input.events.0"},
		{`createWebhook(input: {url: "http://127.0.0.1:9/", headers: [{name: "X-A\u0000", value: "1"}]})`, "webhook { id }", "input.headers.0"},
		{`createWebhook(input: {url: "http://127.0.0.1:9/", headers: [{name: "X-A", value: "\u0000"}]})`, "webhook { id }", "input.headers.0"},
		{`publishEvent(input: {type: "a\u0000", data: 1})`, "event { id }", "input.type"},
		{`publishEvent(input: {type: "a.b", data: 1, idempotencyKey: "\u0000"})`, "event { id }", "input.idempotencyKey"},
		{`createToken(input: {name: "\u0000"})`, "token { id }", "input.name"},
		{`createTenant(input: {name: "\u0000"})`, "tenant { id }", "input.name"},
	} {
		var answer struct {
			Data struct {
				Done struct {
					UserErrors []struct {
						Code  string
						Field []string
					}
				}
			}
		}
		c.rest(t, "POST", "/graphql", document("mutation { done: "+mutation.call+" { "+mutation.asks+" userErrors { code field } } }"), &answer)
		if e := answer.Data.Done.UserErrors; len(e) != 1 || e[0].Code != "INVALID" || strings.Join(e[0].Field, ".") != mutation.field {
			t.Errorf("%s: %+v", mutation.call, e)
		}
	}
	for _, call := range []struct{ path, body, field string }{
		{"/v1/webhooks", `{"url": "http://127.0.0.1:9/\u0000"}`, "url"},
		{"/v1/webhooks", `{"url": "http://127.0.0.1:9/", "events": ["a\u0000"]}`, "events.0"},
		{"/v1/webhooks", `{"url": "http://127.0.0.1:9/", "headers": [{"name": "X-A", "value": "\u0000"}]}`, "headers.0"},
		{"/v1/events", `{"type": "a\u0000", "data": 1}`, "type"},
		{"/v1/events", `{"type": "a.b", "data": 1, "idempotency_key": "\u0000"}`, "idempotency_key"},
	} {
		var answer struct{ Error struct{ Code, Field string } }
		if status := c.rest(t, "POST", call.path, call.body, &answer); status != http.StatusUnprocessableEntity || answer.Error.Field != call.field {
			t.Errorf("%s: %d %+v", call.body, status, answer)
		}
	}
}

// checkSoughtNUL checks that a filter with it finds nothing or is an error that names the field, and that the same filter without
// it finds a row.
func checkSoughtNUL(t *testing.T, c *client) {
	t.Helper()
	id := c.publish(t, "a.b")
	for list, want := range map[string]int{
		`webhooks(filter: {url: "127\u0000"})`:                0,
		`tenants(filter: {name: "def\u0000"})`:                0,
		`deliveries(filter: {eventIds: ["` + id + `"]})`:      1,
		`webhooks(filter: {url: "127.0", eventType: "a.b"})`:  1,
		`webhooks(filter: {eventType: "a.b", enabled: true})`: 1,
		`tenants(filter: {name: "default"})`:                  1,
		`events(filter: {types: ["a.b"]}, first: 1)`:          1,
	} {
		var answer struct {
			Data struct {
				Found struct{ Count struct{ Count int } }
			}
			Errors json.RawMessage
		}
		c.rest(t, "POST", "/graphql", document("{ found: "+list+" { count { count } nodes { id } } }"), &answer)
		if answer.Data.Found.Count.Count != want || answer.Errors != nil {
			t.Errorf("%s: %d, want %d (%s)", list, answer.Data.Found.Count.Count, want, answer.Errors)
		}
	}
	for list, want := range map[string]string{
		`webhooks(filter: {eventType: "a.b\u0000"})`:          "filter.eventType",
		`events(filter: {types: ["a.b\u0000"]})`:              "filter.types.0",
		`events(filter: {types: ["a.b", "\u0000"]})`:          "filter.types.1",
		`deliveries(filter: {eventTypes: ["a.b\u0000"]})`:     "filter.eventTypes.0",
		`deliveries(filter: {eventTypes: ["\u0000", "a.b"]})`: "filter.eventTypes.0",
		`attempts(filter: {eventTypes: ["a.b\u0000"]})`:       "filter.eventTypes.0",
	} {
		var answer struct {
			Errors []struct {
				Extensions struct {
					Code  string
					Field []string
				}
			}
		}
		c.rest(t, "POST", "/graphql", document("{ found: "+list+" { nodes { id } } }"), &answer)
		if e := answer.Errors; len(e) != 1 || e[0].Extensions.Code != "BAD_USER_INPUT" || strings.Join(e[0].Extensions.Field, ".") != want {
			t.Errorf("%s: %+v, want an error at %s", list, e, want)
		}
	}
}

// document returns the request body of a GraphQL operation without variables.
func document(query string) string {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		panic(err)
	}
	return string(body)
}
