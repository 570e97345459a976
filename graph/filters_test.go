package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
)

// Conditions on payloads mean what the schema says: null is a value to be equal to, unless it is given beside contains; conditions hold
// together; and deliveries are found by their events'.
func TestDataFilters(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	a.createWebhook(ctx, "https://example.com/")
	for _, data := range []string{`{"id":1,"note":null}`, `{"id":2,"note":"a text"}`, `{"id":3}`, `{"id":[4,5],"note":"text"}`} {
		a.get(ctx, `mutation($d: JSON!) { publishEvent(input: {type: "a.b", data: $d}) { event { id } userErrors { message } } }`, vars{"d": json.RawMessage(data)})
	}
	for filter, want := range map[string]string{
		`[{path: "note", equals: null}]`:                              `1`,
		`[{path: "note", equals: null, contains: "text"}]`:            `4 2`,
		`[{path: "note", contains: "a t", equals: "a text"}]`:         `2`,
		`[{path: "note", contains: "text"}, {path: "id", equals: 5}]`: `4`,
		`[{path: "id", equals: 1.0}]`:                                 `1`,
		`{path: "id", equals: 3}`:                                     `3`,
		`[{path: "id", equals: "3"}]`:                                 ``,
		`[]`:                                                          `4 3 2 1`,
		`null`:                                                        `4 3 2 1`,
		`[{path: "note", contains: "text"}, {path: "note", equals: null}]`: ``,
	} {
		got := a.get(ctx, `{ events(filter: {data: `+filter+`}) { nodes { data } count { count precision } }
			deliveries(filter: {data: `+filter+`}) { nodes { event { data } } count { count precision } } }`, nil)
		for _, list := range []string{"events", "deliveries"} {
			var ids []string
			nodes, _ := got.at(list, "nodes").([]any)
			for i := range nodes {
				data := got.at(list, "nodes", i, "data")
				if list == "deliveries" {
					data = got.at(list, "nodes", i, "event", "data")
				}
				id := fmt.Sprint(data.(map[string]any)["id"])
				if id == "[4 5]" {
					id = "4"
				}
				ids = append(ids, id)
			}
			if strings.Join(ids, " ") != want || got.at(list, "count", "count") != float64(len(ids)) || got.at(list, "count", "precision") != "EXACT" {
				t.Errorf("%s with %s: %v, %v; want %s", list, filter, ids, got.at(list, "count"), want)
			}
		}
	}
}

// An empty list in a filter leaves everything in, as null does and as its description says, in every list.
func TestEmptyConditionsLeaveEverything(t *testing.T) {
	a := newAPI(t)
	s := newShelf(a, "kallima")
	schema := graph.New(&graph.Resolver{}).Schema()
	looked := 0
	for _, list := range schema.Query.Fields {
		filter := list.Arguments.ForName("filter")
		if filter == nil || !strings.HasSuffix(list.Type.Name(), "Connection") {
			continue
		}
		for _, condition := range schema.Types[filter.Type.Name()].Fields {
			if condition.Type.Elem == nil {
				continue
			}
			looked++
			got := a.get(s.ctx, fmt.Sprintf("{ all: %[1]s { nodes { id } } some: %[1]s(filter: {%[2]s: []}) { nodes { id } } }", list.Name, condition.Name), nil)
			all := got.at("all", "nodes").([]any)
			if diff := cmp.Diff(all, got.at("some", "nodes")); diff != "" || len(all) == 0 || !strings.Contains(condition.Description, "ull or empty means all") {
				t.Errorf("%s of %s: %q, and of %d (-all +some):\n%s", condition.Name, list.Name, condition.Description, len(all), diff)
			}
		}
	}
	if looked < 25 {
		t.Errorf("only %d conditions", looked)
	}
}

// A filter that can match nothing, or too much of one, is refused, and the error names the field.
func TestFilterErrorsNameTheField(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	many := func(one string) string { return "[" + strings.Repeat(one+",", 101) + "]" }
	for filter, want := range map[string]string{
		`deliveries(filter: {data: [{path: "a", equals: 1}, {path: "b.", contains: "x"}]})`:           "filter.data.1.path: ",
		`deliveries(filter: {data: [{path: "a"}]})`:                                                   "filter.data.0: ",
		`events(filter: {data: [{path: "a", equals: {b: 1}}]})`:                                       "filter.data.0.equals: ",
		`events(filter: {data: [{path: "a", contains: ""}]})`:                                         "filter.data.0.contains: ",
		`events(filter: {data: ` + many(`{path: "a", equals: 1}`) + `})`:                              "filter.data: ",
		`events(filter: {tags: ["a", ""]})`:                                                           "filter.tags.1: ",
		`deliveries(filter: {tags: ["` + strings.Repeat("x", 65) + `"]})`:                             "filter.tags.0: ",
		`deliveries(filter: {tags: ` + many(`"a"`) + `})`:                                             "filter.tags: ",
		`deliveries(filter: {httpStatuses: [{from: 500, to: 599}, {from: 2, to: 1}]})`:                "filter.httpStatuses.1: ",
		`attempts(filter: {httpStatuses: ` + many(`{from: 1}`) + `})`:                                 "filter.httpStatuses: ",
		`events(filter: {idempotencyKey: "` + strings.Repeat("x", 256) + `"})`:                        "filter.idempotencyKey: ",
		`webhooks(filter: {text: "` + strings.Repeat("x", 2049) + `"})`:                               "filter.text: ",
		`webhooks { nodes { deliveries(filter: {data: [{path: "", equals: 1}]}) { nodes { id } } } }`: "filter.data.0.path: ",
	} {
		if strings.HasPrefix(filter, "webhooks {") {
			a.createWebhook(ctx, "https://example.com/")
		} else {
			filter += " { nodes { id } }"
		}
		resp := a.run(ctx, "{ "+filter+" }", nil)
		if code(resp) != "BAD_USER_INPUT" || !strings.HasPrefix(resp.Errors[0].Message, want) {
			t.Errorf("%s: %v, want %s", filter, resp.Errors, want)
		}
	}
}

// Facets count the whole list, and the list of each row of a page, and the precision says when they do not cover all of it.
func TestFacets(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	hooks := []string{a.createWebhook(ctx, "https://example.com/1"), a.createWebhook(ctx, "https://example.com/2")}
	a.publish(ctx, 4)
	a.attempt(hooks[0], 3, true)
	a.attempt(hooks[1], 2, false)
	const facets = `facets%s { statuses { value count } eventTypes { value count } errors { value count } precision }`
	got := a.get(ctx, `{ deliveries(first: 1, filter: {eventTypes: ["a.*"]}) { all: `+fmt.Sprintf(facets, "")+` one: `+fmt.Sprintf(facets, "(limit: 1)")+` }
		webhooks { nodes { deliveries(first: 1) { `+fmt.Sprintf(facets, "")+` } } } none: deliveries(filter: {eventTypes: ["no"]}) { `+fmt.Sprintf(facets, "")+` } }`, nil)
	for way, want := range map[string]string{
		"deliveries.all":               `{"errors":[{"count":2,"value":"TIMEOUT"}],"eventTypes":[{"count":8,"value":"a.b"}],"precision":"EXACT","statuses":[{"count":5,"value":"PENDING"},{"count":3,"value":"SUCCEEDED"}]}`,
		"none.facets":                  `{"errors":[],"eventTypes":[],"precision":"EXACT","statuses":[]}`,
		"webhooks.0.deliveries.facets": `{"errors":[{"count":2,"value":"TIMEOUT"}],"eventTypes":[{"count":4,"value":"a.b"}],"precision":"EXACT","statuses":[{"count":4,"value":"PENDING"}]}`,
		"webhooks.1.deliveries.facets": `{"errors":[],"eventTypes":[{"count":4,"value":"a.b"}],"precision":"EXACT","statuses":[{"count":3,"value":"SUCCEEDED"},{"count":1,"value":"PENDING"}]}`,
	} {
		var steps []any
		for step := range strings.SplitSeq(way, ".") {
			switch step {
			case "0", "1":
				steps = append(steps, "nodes", int(step[0]-'0'))
			default:
				steps = append(steps, step)
			}
		}
		text, err := json.Marshal(got.at(steps...))
		if err != nil || string(text) != want {
			t.Errorf("%s: %s, want %s", way, text, want)
		}
	}
	if got.at("deliveries", "one", "precision") != "AT_LEAST" {
		t.Errorf("facets of one of eight: %v", got.at("deliveries", "one"))
	}
	for _, limit := range []int{0, 10_001} {
		if resp := a.run(ctx, fmt.Sprintf(`{ deliveries { facets(limit: %d) { precision } } }`, limit), nil); code(resp) != "BAD_USER_INPUT" {
			t.Errorf("facets of %d: %v", limit, resp.Errors)
		}
	}
}

// In every input that filters, and in every argument that narrows what is counted, an empty list leaves everything, as null does, and the
// description says so.
func TestEmptyListsMeanAll(t *testing.T) {
	schema := graph.New(&graph.Resolver{}).Schema()
	says := func(name, description string) {
		if !strings.Contains(strings.Join(strings.Fields(description), " "), "ull or empty means ") {
			t.Errorf("%s does not say what an empty list means: %q", name, description)
		}
	}
	for name, of := range schema.Types {
		for _, field := range of.Fields {
			if strings.HasSuffix(name, "Filter") && field.Type.Elem != nil {
				says(name+"."+field.Name, field.Description)
			}
			for _, arg := range field.Arguments {
				if name == "StatsValues" && arg.Type.Elem != nil {
					says(name+"."+field.Name+"."+arg.Name, arg.Description)
				}
			}
		}
	}
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 3)
	a.attempt(w, 2, true)
	for _, who := range []context.Context{ctx, a.operator("kallima")} {
		for _, filter := range []string{"null", "{}", "{tenantIds: []}", "{webhookIds: []}", "{eventTypes: []}", "{tenantIds: [], webhookIds: [], eventTypes: []}"} {
			got := a.get(who, `{ stats(range: {from: "-PT1H"}, filter: `+filter+`) { backlog { due } totals { events attempts(statuses: [], triggers: []) deliveries(statuses: []) } } }`, nil)
			want := map[string]any{"backlog": map[string]any{"due": 1.0}, "totals": map[string]any{"events": 3.0, "attempts": 2.0, "deliveries": 2.0}}
			if diff := cmp.Diff(want, got.at("stats")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", filter, diff)
			}
		}
	}
}

// A key, an ID, a type or a text to look for that is given empty is refused, and the error names the field: it nearly surely comes from a variable
// that was not set, and would mean no key, or everything. Null means that.
func TestEmptyTextsAreRefused(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	for _, test := range []struct{ field, operation string }{
		{"idempotencyKey", `mutation { made: publishEvent(input: {type: "a.b", data: 1, idempotencyKey: %s}) { userErrors { field code } } }`},
		{"orderingKey", `mutation { made: publishEvent(input: {type: "a.b", data: 1, orderingKey: %s}) { userErrors { field code } } }`},
		{"externalId", `mutation { made: createWebhook(input: {url: "https://example.com/", externalId: %s}) { userErrors { field code } } }`},
		{"eventType", `mutation { made: testWebhook(input: {id: "` + w + `", eventType: %s}) { userErrors { field code } } }`},
		{"idempotencyKey", `mutation { made: replayDeliveries(input: {filter: {}, idempotencyKey: %s}) { userErrors { field code } } }`},
		{"idempotencyKey", `mutation { made: cancelDeliveries(input: {filter: {}, idempotencyKey: %s}) { userErrors { field code } } }`},
		{"filter.idempotencyKey", `{ made: events(filter: {idempotencyKey: %s}) { nodes { id } } }`},
		{"filter.externalId", `{ made: webhooks(filter: {externalId: %s}) { nodes { id } } }`},
		{"filter.eventType", `{ made: webhooks(filter: {eventType: %s}) { nodes { id } } }`},
		{"filter.url", `{ made: webhooks(filter: {url: %s}) { nodes { id } } }`},
		{"filter.text", `{ made: webhooks(filter: {text: %s}) { nodes { id } } }`},
		{"filter.name", `{ made: eventTypes(filter: {name: %s}) { nodes { name } } }`},
	} {
		a.get(ctx, fmt.Sprintf(test.operation, "null"), nil)
		empty := fmt.Sprintf(test.operation, `""`)
		if strings.HasPrefix(test.field, "filter.") {
			resp := a.run(ctx, empty, nil)
			if code(resp) != "BAD_USER_INPUT" || !strings.HasPrefix(resp.Errors[0].Message, test.field+": must not be empty") {
				t.Errorf("%s: %v", empty, resp.Errors)
			}
			continue
		}
		want := []any{map[string]any{"field": []any{"input", test.field}, "code": "REQUIRED"}}
		if diff := cmp.Diff(want, a.get(ctx, empty, nil).at("made", "userErrors")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", empty, diff)
		}
	}
	got := a.get(ctx, `mutation { publishEvents(input: {events: [{type: "a.b", data: 1}, {type: "a.b", data: 1, idempotencyKey: ""}]}) { results { event { id } userErrors { field code } } } }`, nil)
	if got.at("publishEvents", "results", 1, "event") != nil || got.text("publishEvents", "results", 1, "userErrors", 0, "code") != "REQUIRED" {
		t.Errorf("in a list of events: %v", got)
	}
}
