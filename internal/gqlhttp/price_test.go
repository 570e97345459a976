package gqlhttp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// answer is the response to a query.
type answer struct {
	Data   any
	Errors []struct {
		Message    string
		Extensions struct {
			Code  string
			Field []string
			Limit int
		}
	}
	Extensions struct{ Cost struct{ Requested int } }
}

func (b *backend) query(t *testing.T, f *frontend, document string, variables map[string]any) *answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+b.token)
	resp, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{}
	if err := json.Unmarshal(text, a); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

// values counts the values in an answer: each field, and each object of a list.
func values(v any) int {
	switch v := v.(type) {
	case map[string]any:
		n := 0
		for name, value := range v {
			if name == "__typename" {
				continue
			}
			n += values(value)
			if list, ok := value.([]any); !ok || !slices.ContainsFunc(list, func(e any) bool { _, ok := e.(map[string]any); return ok }) {
				n++
			}
		}
		return n
	case []any:
		n := 0
		for _, element := range v {
			if object, ok := element.(map[string]any); ok {
				n += 1 + values(object)
			}
		}
		return n
	}
	return 0
}

// full is a backend whose lists are longer than their pages: 24 webhooks, and 24 events that all of them receive.
func full(t *testing.T) *backend {
	t.Helper()
	const n = 24
	b := newBackend(t, 0, nil)
	for i := range n {
		if _, _, err := b.scope.CreateWebhook(t.Context(), webhook.New{
			URL: fmt.Sprintf("https://example.com/%d", i), Events: []string{"full"}, Enabled: true, RetryScheduleMs: []int{},
			Headers: []*webhook.NewHeader{{Name: "X-One", Value: new("1")}, {Name: "X-Two", Value: new("2")}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	events := slices.Repeat([]webhook.NewEvent{{Type: "full", Data: json.RawMessage("1")}}, n)
	if _, err := b.scope.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for range n * n {
		select {
		case claimed := <-b.taken:
			r := result(claimed)
			r.Attempt.Status, r.Attempt.Error, r.Attempt.Message = webhook.AttemptSucceeded, nil, "" // a failure would publish an operational event
			if err := b.store.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a delivery was not handed over")
		}
	}
	if err := b.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// A list costs what it returns, however it is selected: without arguments, with null, with variables that are absent or have
// defaults, from the end, and within other lists.
func TestPriceIsWhatIsReturned(t *testing.T) {
	b := full(t)
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) { c.Limits.Cost = 1_000_000 })
	const twenty = 20
	for _, c := range []struct {
		document  string
		variables map[string]any
		want      int
	}{
		{`{ webhooks { nodes { id } } }`, nil, 1 + twenty*2},
		{`{ webhooks { edges { cursor node { id } } } }`, nil, 1 + twenty*4},
		{`{ webhooks { nodes { id } pageInfo { hasNextPage endCursor } } }`, nil, 1 + twenty*2 + 3},
		{`{ webhooks(first: null) { nodes { id } } }`, nil, 1 + twenty*2},
		{`query($n: Int) { webhooks(first: $n) { nodes { id } } }`, nil, 1 + twenty*2},
		{`query($n: Int) { webhooks(first: $n, last: $n) { nodes { id } } }`, map[string]any{"n": nil}, 1 + twenty*2},
		{`query($n: Int = 3) { webhooks(first: $n) { nodes { id } } }`, nil, 1 + 3*2},
		{`query($n: Int = 3) { webhooks(last: $n) { nodes { id } } }`, map[string]any{"n": 23}, 1 + 23*2},
		{`{ webhooks(last: 5) { nodes { id headers { name value } } } }`, nil, 1 + 5*(2+20*3)},
		{`{ events { nodes { id deliveries { nodes { id } } } } }`, nil, 1 + twenty*(1+1+1+twenty*2)},
		{
			`{ events(first: 3) { nodes { deliveries { nodes { id webhook { deliveries { nodes { id status } } } } } } } }`, nil,
			1 + 3*(1+1+twenty*(1+1+1+1+twenty*3)),
		},
		{
			`{ webhooks(first: 2) { ...W } } fragment W on WebhookConnection { nodes { ...N } } fragment N on Webhook { attempts { edges { node { id } } } }`, nil,
			1 + 2*(1+1+twenty*3),
		},
	} {
		a := b.query(t, f, c.document, c.variables)
		if a.Extensions.Cost.Requested != c.want || len(a.Errors) > 0 {
			t.Errorf("%s: priced as %d, want %d %v", c.document, a.Extensions.Cost.Requested, c.want, a.Errors)
		}
		if n := values(a.Data); n != c.want && !strings.Contains(c.document, "headers") { // there are fewer headers than the cost assumes
			t.Errorf("%s: priced as %d, and %d were returned", c.document, c.want, n)
		}
	}
}

// A count costs what it may read, for each of the elements that it is selected in.
func TestPriceOfCounts(t *testing.T) {
	b := full(t)
	f := b.serve(t, 1<<20, nil)
	for _, c := range []struct {
		document  string
		variables map[string]any
		want      int
	}{
		{`{ events { count { count } } }`, nil, 1 + 1 + 100 + 1},
		{`{ events(first: 50) { count(limit: 1) { count precision } } }`, nil, 1 + 1 + 1 + 2},
		{`query($l: Int! = 250) { events { count(limit: $l) { count } } }`, nil, 1 + 1 + 3 + 1},
		{`query($l: Int! = 250) { events { count(limit: $l) { count } } }`, map[string]any{"l": 100_000}, 1 + 1 + 1000 + 1},
		// A list that is searched looks at ten rows for each that it counts.
		{`{ webhooks { count { count } } }`, nil, 1 + 1 + 1000 + 1},
		{`{ events(filter: {types: ["a.b"]}) { count { count } } }`, nil, 1 + 1 + 1000 + 1},
		{
			`{ events(filter: {tags: ["x"]}) { ...C nodes { deliveries { ...D } } } } fragment C on EventConnection { count(limit: 100) { count } } fragment D on DeliveryConnection { count(limit: 100) { count } }`,
			nil, 1 + 1 + 10 + 1 + 20*(1+1+1+1+1),
		},
		{`query($f: EventFilter) { events(filter: $f) { count { count } } }`, map[string]any{"f": map[string]any{"types": []string{"a.b"}}}, 1 + 1 + 1000 + 1},
		{`query($f: EventFilter) { events(filter: $f) { count { count } } }`, map[string]any{"f": map[string]any{"types": nil}}, 1 + 1 + 100 + 1},
		{`{ events(filter: {}) { count { count } } }`, nil, 1 + 1 + 100 + 1},
		{`{ deliveries(orderBy: {field: NEXT_ATTEMPT_AT}) { count { count } } }`, nil, 1 + 1 + 1000 + 1},
		{`query($o: DeliveryOrder) { deliveries(orderBy: $o) { count { count } } }`, map[string]any{"o": map[string]any{"field": "NEXT_ATTEMPT_AT"}}, 1 + 1 + 1000 + 1},
		{`query($f: DeliveryOrderField!) { deliveries(orderBy: {field: $f}) { count { count } } }`, map[string]any{"f": "NEXT_ATTEMPT_AT"}, 1 + 1 + 1000 + 1},
		{`{ deliveries(filter: {statuses: [PENDING]}) { facets(limit: 15) { precision } } }`, nil, 1 + 1 + 15 + 1},
		{`{ webhooks { nodes { deliveries(filter: {statuses: [FAILED]}) { count(limit: 100) { count } } } } }`, nil, 1 + 20*(1+1+1+10+1)},
		{`{ webhooks { nodes { deliveries { count(limit: 100) { count } } } } }`, nil, 1 + 20*(1+1+1+1+1)},
		{`{ deliveries { facets { precision } } }`, nil, 1 + 1 + 100 + 1},
		{`{ deliveries { facets(limit: 15) { errors { value count } eventTypes { value } } } }`, nil, 1 + 1 + 2 + 9*3 + 100*2},
		{`{ eventTypes(first: 2) { nodes { webhooks(first: 3) { nodes { id } count(limit: 20) { count } } } } }`, nil, 1 + 2*(1+1+3*2+1+2+1)},
		{`{ events(first: 3) { nodes { schemaErrors { path message } } } }`, nil, 1 + 3*(1+50+5*2)},
		{`{ previewDelivery(input: {}) { matches } }`, nil, 10 + 1},
		{`{ previewDelivery(input: {}) { request { method body headers { name } } } }`, nil, 10 + 10 + 1 + 10 + 20},
		{`{ previewDelivery(input: {}) { matchedOfRecent(last: 1) { matched of } } }`, nil, 10 + 100 + 2},
		{`{ debugSignature(input: {attemptId: "00000000-0000-7000-8000-000000000000"}) { valid causes { code advice } } }`, nil, 500 + 1 + 12*3},
		{`{ search(text: "full") { __typename } }`, nil, 20 * (1 + 15)},
		{`{ search(text: "full", first: 1) { ... on Event { id } } }`, nil, 1 + 1 + 300},
	} {
		a := b.query(t, f, c.document, c.variables)
		if a.Extensions.Cost.Requested != c.want || len(a.Errors) > 0 {
			t.Errorf("%s: priced as %d, want %d %v", c.document, a.Extensions.Cost.Requested, c.want, a.Errors)
		}
	}
	a := b.query(t, f, `{ webhooks(first: 100) { nodes { deliveries(first: 1) { count { count } } } } }`, nil)
	if len(a.Errors) != 1 || a.Data != nil {
		t.Errorf("a hundred counts of ten thousand: %v", a)
	}
	a = b.query(t, f, `{ deliveries { exact: count(limit: 576) { count precision } more: count(limit: 575) { count precision } }
		webhooks(first: 1) { nodes { deliveries { exact: count(limit: 24) { count precision } more: count(limit: 5) { count precision } } } } }`, nil)
	got, err := json.Marshal(a.Data)
	want := `{"deliveries":{"exact":{"count":576,"precision":"EXACT"},"more":{"count":575,"precision":"AT_LEAST"}},` +
		`"webhooks":{"nodes":[{"deliveries":{"exact":{"count":24,"precision":"EXACT"},"more":{"count":5,"precision":"AT_LEAST"}}}]}}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An import costs what it compiles and checks, and the most changes that it may return: of 500 declared types all are removed, and as many are added. What
// docs/event-types.md selects of them is within the limit.
func TestPriceOfImports(t *testing.T) {
	b := full(t)
	f := b.serve(t, 1<<20, nil)
	types := func(name string) map[string]any {
		hooks := map[string]any{}
		for i := range webhook.MaxEventTypes {
			hooks[fmt.Sprintf("%s.n%d", name, i)] = map[string]any{"post": map[string]any{"description": "x", "deprecated": true, "x-hookgraph-validation": "WARN", "requestBody": map[string]any{
				"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"type": "object"}, "example": map[string]any{}}},
			}}}
		}
		return map[string]any{"doc": map[string]any{"openapi": "3.1.0", "webhooks": hooks}}
	}
	run := func(selection string, of map[string]any) *answer {
		return b.query(t, f, "mutation($doc: JSON!) { importEventTypes(input: {openApi: $doc, deleteMissing: true}) { "+selection+" } }", of)
	}
	const documented = "changes { name kind fields breaking webhookCount violation } unchangedCount userErrors { code field message }"
	for _, c := range []struct {
		selection string
		want      int
	}{
		{"unchangedCount", 900 + 1},
		{"userErrors { message }", 900 + 2},
		{"changes { name }", 900 + 2*webhook.MaxEventTypes*2},
		{"changes { name kind fields }", 900 + 2*webhook.MaxEventTypes*4},
	} {
		if a := run(c.selection, types("a")); a.Extensions.Cost.Requested != c.want {
			t.Errorf("%s: priced as %d, want %d %v", c.selection, a.Extensions.Cost.Requested, c.want, a.Errors)
		}
	}
	a := run(documented, types("b"))
	if n := values(a.Data); len(a.Errors) > 0 || n > a.Extensions.Cost.Requested || n < 2*webhook.MaxEventTypes*7 {
		t.Errorf("priced as %d, and %d were returned %v", a.Extensions.Cost.Requested, n, a.Errors)
	}
}

// No query returns more values than its cost.
func TestNothingCostsLessThanItReturns(t *testing.T) {
	b := full(t)
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) {
		c.Limits.Cost, c.Limits.Depth = 30_000, 30
	})
	g := &generator{schema: graph.New(&graph.Resolver{}).Schema(), ids: map[string]string{}}
	webhooks, err := b.scope.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := b.scope.Events(t.Context(), store.EventFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	g.ids["webhook"], g.ids["event"], g.ids["node"] = webhooks.Items[0].ID.String(), events.Items[0].ID.String(), webhooks.Items[1].ID.String()
	ran, most := 0, 0
	for range 150 {
		document := "query($n: Int, $m: Int = 7) { webhooks(first: $n, last: $m) { nodes { id } } more: __typename ...Q } fragment Q on Query " + g.selections(g.schema.Query, 7)
		a := b.query(t, f, document, nil)
		n := values(a.Data)
		if len(a.Errors) > 0 && !strings.Contains(a.Errors[0].Message, "the operation costs") {
			t.Fatalf("%v\n%s", a.Errors, document)
		}
		if n > a.Extensions.Cost.Requested {
			t.Fatalf("priced as %d, and %d were returned:\n%s", a.Extensions.Cost.Requested, n, document)
		}
		if a.Data != nil {
			ran, most = ran+1, max(most, n)
		}
	}
	if ran < 50 || most < 1000 {
		t.Errorf("only %d queries ran, and returned at most %d values", ran, most)
	}
}

// generator generates queries of what a tenant may read.
type generator struct {
	schema *ast.Schema
	ids    map[string]string
}

func (g *generator) selections(d *ast.Definition, depth int) string {
	var b strings.Builder
	b.WriteString("{ __typename")
	var objects, scalars []*ast.FieldDefinition
	for _, f := range d.Fields {
		of := g.schema.Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__"), ofOperators(f), f.Name == "tenant", d == g.schema.Query && f.Name == "nodes":
		case of.Kind == ast.Scalar || of.Kind == ast.Enum:
			scalars = append(scalars, f)
		case depth > 0:
			objects = append(objects, f)
		}
	}
	pick := func(from []*ast.FieldDefinition, most int) {
		for i, at := range rand.Perm(len(from)) {
			if i >= most {
				break
			}
			f := from[at]
			fmt.Fprintf(&b, " a%d%s: %s%s", i, f.Name, f.Name, g.arguments(f))
			if of := g.schema.Types[f.Type.Name()]; of.Kind == ast.Object {
				b.WriteString(" " + g.selections(of, depth-1))
			} else if of.Kind == ast.Union {
				b.WriteString(" { ... on Webhook " + g.selections(g.schema.Types["Webhook"], depth-1) + " }")
			} else if of.Kind == ast.Interface {
				b.WriteString(" { id ... on Webhook " + g.selections(g.schema.Types["Webhook"], depth-1) + " }")
			}
		}
	}
	pick(scalars, rand.IntN(3))
	pick(objects, 1+rand.IntN(2))
	b.WriteString(" }")
	return b.String()
}

// ofOperators reports whether a tenant may not read the field.
func ofOperators(f *ast.FieldDefinition) bool {
	needs := f.Directives.ForName("needs")
	return needs != nil && needs.Arguments.ForName("operator") != nil
}

func (g *generator) arguments(f *ast.FieldDefinition) string {
	switch {
	case f.Arguments.ForName("id") != nil:
		id := g.ids[f.Name]
		return fmt.Sprintf("(id: %q)", id)
	case f.Arguments.ForName("name") != nil:
		return `(name: "full")`
	case f.Arguments.ForName("text") != nil:
		return []string{`(text: "full")`, `(text: "example.com", first: 30)`}[rand.IntN(2)]
	case f.Name == "previewDelivery":
		return fmt.Sprintf("(input: {eventId: %q})", g.ids["event"])
	case f.Name == "debugSignature":
		return `(input: {webhookId: "` + g.ids["webhook"] + `", headers: [], body: ""})`
	case f.Arguments.ForName("input") != nil:
		return "(input: {kind: ALL, filter: {createdAt: {from: \"-PT2H\"}}})"
	case f.Arguments.ForName("range") != nil:
		return `(range: {from: "-PT2H"})`
	case f.Arguments.ForName("quantile") != nil:
		return "(quantile: 0.5)"
	case f.Arguments.ForName("dimension") != nil:
		return []string{"(dimension: WEBHOOK)", "(dimension: EVENT_TYPE, first: 2)", "(dimension: ATTEMPT_ERROR)"}[rand.IntN(3)]
	case f.Arguments.ForName("limit") != nil:
		return "(limit: 10)"
	case f.Arguments.ForName("first") == nil:
		return ""
	}
	return []string{"", "", "(first: null)", "(first: $n)", "(last: $m)", "(first: 3)", "(last: 30)", "(first: 2, last: null)"}[rand.IntN(8)]
}
