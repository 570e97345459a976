package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const putType = `mutation($input: PutEventTypeInput!) { putEventType(input: $input) {
	eventType { id name declared description schema validation example deprecatedAt webhookCount lastViolation } userErrors { code field message } } }`

// An event type is declared, changed in parts, listed beside those that were only published, and its declaration deleted; it keeps its ID.
func TestEventTypeLife(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("a")
	a.createWebhook(ctx, "https://example.com/all")
	got := a.get(ctx, putType, vars{"input": vars{"name": "order.paid", "description": "An order was paid.", "schema": vars{"type": "object"}, "example": vars{"id": 1}}})
	of := func(field string) any { return got.at("putEventType", "eventType", field) }
	if of("validation") != "WARN" || of("declared") != true || of("webhookCount") != 1.0 || got.at("putEventType", "eventType", "schema", "type") != "object" {
		t.Fatalf("declared: %v", got)
	}
	id := of("id")
	got = a.get(ctx, putType, vars{"input": vars{"name": "order.paid", "deprecated": true, "validation": "REJECT"}})
	if of("description") != "An order was paid." || of("deprecatedAt") == nil || of("id") != id {
		t.Fatalf("changed: %v", got)
	}
	got = a.get(ctx, putType, vars{"input": vars{"name": "order.paid", "schema": vars{"type": 1}, "example": nil}})
	if got.text("putEventType", "userErrors", 0, "field", 1) != "schema" || got.text("putEventType", "userErrors", 0, "code") != "INVALID" {
		t.Errorf("refused: %v", got)
	}
	got = a.get(ctx, `mutation { publishEvent(input: {type: "order.paid", data: [7]}) { event { id } userErrors { field message } } }`, nil)
	if got.text("publishEvent", "userErrors", 0, "field", 1) != "data" ||
		got.text("publishEvent", "userErrors", 0, "message") != "must be of type object, and is of type array (rule /type of the type's schema)" {
		t.Errorf("published: %v", got)
	}
	a.publish(ctx, 3)
	got = a.get(ctx, `query($id: ID!) { eventTypes(first: 1) { nodes { name declared lastPublishedAt stats(range: {from: "-PT1H"}) { totals { events } } } pageInfo { hasNextPage endCursor } count { count } }
		node(id: $id) { ... on EventType { name lastViolation } } eventType(name: "order.paid") { id } none: eventType(name: "x") { id } }`, vars{"id": id})
	if got.text("eventTypes", "nodes", 0, "name") != "a.b" || got.at("eventTypes", "nodes", 0, "declared") != false || got.at("eventTypes", "count", "count") != 2.0 ||
		got.at("eventTypes", "nodes", 0, "stats", "totals", "events") != 3.0 || got.text("eventTypes", "nodes", 0, "lastPublishedAt") == "" ||
		got.at("eventType", "id") != id || got.at("none") != nil {
		t.Errorf("listed: %v", got)
	}
	if got.text("node", "name") != "order.paid" || got.text("node", "lastViolation") != "data must be of type object, and is of type array (rule /type of the type's schema)" {
		t.Errorf("by ID: %v", got)
	}
	next := vars{"after": got.text("eventTypes", "pageInfo", "endCursor")}
	got = a.get(ctx, `query($after: String) { eventTypes(after: $after) { nodes { name } pageInfo { hasNextPage hasPreviousPage } } }`, next)
	if got.text("eventTypes", "nodes", 0, "name") != "order.paid" || got.at("eventTypes", "pageInfo", "hasNextPage") != false {
		t.Errorf("the next page: %v", got)
	}
	const remove = `mutation { deleteEventType(input: {name: "order.paid"}) { deletedEventTypeId userErrors { code field } } }`
	if got = a.get(ctx, remove, nil); got.at("deleteEventType", "deletedEventTypeId") != id {
		t.Errorf("deleted: %v", got)
	}
	if got = a.get(ctx, remove, nil); got.text("deleteEventType", "userErrors", 0, "code") != "NOT_FOUND" {
		t.Errorf("deleted twice: %v", got)
	}
}

// Types list the tenant's webhooks that receive them, and all types on a page read theirs with one statement. A filter narrows the list of types by
// their names.
func TestEventTypeWebhooks(t *testing.T) {
	a := newAPI(t)
	create := func(tenant, url, events string) {
		t.Helper()
		a.get(a.as(tenant), fmt.Sprintf(`mutation { createWebhook(input: {url: %q, events: %s}) { userErrors { message } } }`, url, events), nil)
	}
	create("a", "https://example.com/all", "null")
	create("a", "https://example.com/orders", `["order.*"]`)
	create("b", "https://example.com/theirs", "null")
	for _, name := range []string{"order.paid", "order.sent", "user.left"} {
		a.get(a.as("a"), fmt.Sprintf(`mutation { putEventType(input: {name: %q}) { userErrors { message } } }`, name), nil)
	}
	read := func(first int) (statements int, got object) {
		a.mu.Lock()
		before := a.statements
		a.mu.Unlock()
		got = a.get(a.as("a"), `query($n: Int) { eventTypes(first: $n) { nodes { name webhooks { nodes { url } count { count } } } } }`, vars{"n": first})
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.statements - before, got
	}
	one, _ := read(1)
	three, got := read(3)
	if one != three {
		t.Errorf("%d statements read a type and its webhooks, %d read three", one, three)
	}
	urls := ""
	for i := range 3 {
		urls += got.text("eventTypes", "nodes", i, "name")
		for _, w := range got.at("eventTypes", "nodes", i, "webhooks", "nodes").([]any) {
			urls += " " + strings.TrimPrefix(w.(map[string]any)["url"].(string), "https://example.com")
		}
		urls += fmt.Sprint(" ", got.at("eventTypes", "nodes", i, "webhooks", "count", "count"), "; ")
	}
	if want := "order.paid /orders /all 2; order.sent /orders /all 2; user.left /all 1; "; urls != want {
		t.Errorf("got %s, want %s", urls, want)
	}
	got = a.get(a.as("a"), `{ eventTypes(filter: {name: "ORDER."}) { nodes { name } count { count } } }`, nil)
	if fmt.Sprint(got.at("eventTypes", "nodes")) != "[map[name:order.paid] map[name:order.sent]]" || got.at("eventTypes", "count", "count") != 2.0 {
		t.Errorf("narrowed: %v", got)
	}
	resp := a.run(a.as("a"), `query($n: String) { eventTypes(filter: {name: $n}) { nodes { name } } }`, vars{"n": strings.Repeat("x", 129)})
	if code(resp) != "BAD_USER_INPUT" || !strings.HasPrefix(resp.Errors[0].Message, "filter.name: ") {
		t.Errorf("too long: %v", resp.Errors)
	}
}

// An event says how it breaks the schema that its type has now, if that is used: whatever it was when the event was published, of its own tenant only, and
// also when its data is not asked for. All events of an operation share one budget.
func TestEventSchemaErrors(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("a")
	publish := func(tenant, kind, data string) string {
		t.Helper()
		got := a.get(a.as(tenant), `mutation($type: String!, $data: JSON) { publishEvent(input: {type: $type, data: $data}) { event { id } userErrors { message } } }`,
			vars{"type": kind, "data": json.RawMessage(data)})
		return got.text("publishEvent", "event", "id")
	}
	errorsOf := func(tenant, id string) any {
		t.Helper()
		return a.get(a.as(tenant), `query($id: ID!) { event(id: $id) { schemaErrors { path message rule } } }`, vars{"id": id}).at("event", "schemaErrors")
	}
	declare := func(kind string, input vars) {
		t.Helper()
		input["name"] = kind
		if got := a.get(ctx, putType, vars{"input": input}); got.at("putEventType", "eventType") == nil {
			t.Fatal(got)
		}
	}
	wrong, right := publish("a", "order.paid", `{"amount": "secret"}`), publish("a", "order.paid", `{"amount": 1}`)
	theirs := publish("b", "order.paid", `{"amount": "secret"}`)
	if got := errorsOf("a", wrong); got != nil {
		t.Errorf("without a schema: %v", got)
	}
	schema := vars{"properties": vars{"amount": vars{"type": "number"}}}
	declare("order.paid", vars{"schema": schema, "validation": "REJECT"})
	want := []any{map[string]any{"path": "/amount", "message": "must be of type number, and is of type string", "rule": "/properties/amount/type"}}
	if diff := cmp.Diff(any(want), errorsOf("a", wrong)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, ok := errorsOf("a", right).([]any); !ok || len(got) != 0 {
		t.Errorf("an event that fits: %v", got)
	}
	if got := errorsOf("b", theirs); got != nil {
		t.Errorf("by the schema of another tenant: %v", got)
	}
	declare("order.paid", vars{"validation": "OFF"})
	if got := errorsOf("a", wrong); got != nil {
		t.Errorf("with a schema that is not used: %v", got)
	}

	all := make([]any, 20)
	for i := range all {
		all[i] = vars{}
	}
	declare("heavy.made", vars{"schema": vars{"items": vars{"allOf": all}}})
	for range 20 {
		publish("a", "heavy.made", "["+strings.Repeat("1,", 9_999)+"1]")
	}
	resp := a.run(ctx, `{ events(first: 20, filter: {types: ["heavy.made"]}) { nodes { schemaErrors { path } } } }`, nil)
	if n := len(resp.Errors); n == 0 || n == 20 || resp.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || !strings.HasPrefix(resp.Errors[0].Message, "checking the events takes too long") {
		t.Errorf("%d of 20 events are too many: %v", n, resp.Errors[0])
	}
	if !strings.Contains(string(resp.Data), `{"schemaErrors":[]}`) {
		t.Errorf("the others are not checked: %s", resp.Data)
	}
}

// An import tells what it adds, changes, removes and breaks. A dry run changes nothing; otherwise all of it is stored, or nothing if a part is
// wrong. What is exported over REST is not looked at here.
func TestImportEventTypes(t *testing.T) {
	a := newAPI(t)
	const put = `mutation($n: String!, $s: JSON) { putEventType(input: {name: $n, schema: $s}) { userErrors { message } } }`
	for name, schema := range map[string]any{"a.same": object{"type": "object"}, "b.stricter": true, "c.gone": nil, "d.stays": nil} {
		a.get(a.as("a"), put, vars{"n": name, "s": schema})
	}
	a.get(a.as("a"), `mutation { createWebhook(input: {url: "https://example.com/", events: ["c.gone"]}) { userErrors { message } } }`, nil)
	for _, data := range []string{`{}`, `{amount: "x"}`, `{amount: 5}`} {
		a.get(a.as("a"), `mutation { publishEvent(input: {type: "b.stricter", data: `+data+`}) { userErrors { message } } }`, nil)
	}
	posted := func(schema any) object {
		return object{"post": object{"requestBody": object{"content": object{"application/json": object{"schema": schema}}}}}
	}
	hooks := object{
		"a.same": posted(object{"type": "object"}), "d.stays": object{"post": object{}}, "e.added": object{"post": object{"description": "new"}},
		"b.stricter": posted(object{"$ref": "#/components/schemas/B"}),
	}
	components := object{"schemas": object{"B": object{"properties": object{"amount": object{"type": "number"}}}}}
	const run = `mutation($doc: JSON!, $delete: Boolean!, $dry: Boolean!) { importEventTypes(input: {openApi: $doc, deleteMissing: $delete, dryRun: $dry}) {
		changes { name kind fields breaking webhookCount checkedEvents failingEvents violation } unchangedCount userErrors { code field message } } }`
	do := func(version string, hooks object, remove, dry bool) object {
		t.Helper()
		return a.get(a.as("a"), run, vars{"doc": object{"openapi": version, "webhooks": hooks, "components": components}, "delete": remove, "dry": dry})
	}
	const list = `{ eventTypes { nodes { name declared schema updated: lastViolationAt description validation } } }`
	before := a.get(a.as("a"), list, nil)
	want := []any{
		object{
			"name": "b.stricter", "kind": "CHANGED", "fields": []any{"schema"}, "breaking": true, "webhookCount": 0.0, "checkedEvents": 3.0, "failingEvents": 1.0,
			"violation": "data/amount must be of type number, and is of type string (rule /properties/amount/type of the type's schema)",
		},
		object{"name": "c.gone", "kind": "MISSING", "fields": []any{}, "breaking": false, "webhookCount": 1.0, "checkedEvents": 0.0, "failingEvents": 0.0, "violation": nil},
		object{"name": "e.added", "kind": "ADDED", "fields": []any{"name", "description", "validation"}, "breaking": false, "webhookCount": 0.0, "checkedEvents": 0.0, "failingEvents": 0.0, "violation": nil},
	}
	got := do("3.1.0", hooks, false, true)
	if diff := cmp.Diff(plain(t, want), got.at("importEventTypes", "changes")); diff != "" || got.at("importEventTypes", "unchangedCount") != 2.0 {
		t.Errorf("%v (-want +got):\n%s", got, diff)
	}
	if diff := cmp.Diff(before, a.get(a.as("a"), list, nil)); diff != "" {
		t.Errorf("a dry run changes:\n%s", diff)
	}
	hooks["f.wrong"] = posted(object{"type": 1.0})
	got = do("3.1.0", hooks, true, false)
	if errs := got.at("importEventTypes", "userErrors").([]any); len(errs) != 1 || !strings.Contains(fmt.Sprint(errs), "schema of \"f.wrong\" at /type") || !strings.Contains(fmt.Sprint(errs), "[input openApi]") {
		t.Errorf("a wrong type: %v", errs)
	}
	if diff := cmp.Diff(before, a.get(a.as("a"), list, nil)); diff != "" {
		t.Errorf("an import with a wrong type changes:\n%s", diff)
	}
	delete(hooks, "f.wrong")
	got = do("3.1.0", hooks, true, false)
	want[1] = object{"name": "c.gone", "kind": "REMOVED", "fields": []any{}, "breaking": true, "webhookCount": 1.0, "checkedEvents": 0.0, "failingEvents": 0.0, "violation": nil}
	if diff := cmp.Diff(plain(t, want), got.at("importEventTypes", "changes")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	after := fmt.Sprint(a.get(a.as("a"), list, nil))
	if strings.Contains(after, "c.gone") || !strings.Contains(after, "e.added") || !strings.Contains(after, "amount") {
		t.Errorf("after the import: %s", after)
	}
	if again := do("3.1.0", hooks, true, false); len(again.at("importEventTypes", "changes").([]any)) != 0 || again.at("importEventTypes", "unchangedCount") != 4.0 {
		t.Errorf("again: %v", again)
	}
	if old := do("3.0.3", hooks, true, false); !strings.Contains(fmt.Sprint(old), "must be of OpenAPI 3.1 or 3.2") || old.at("importEventTypes", "changes") != nil {
		t.Errorf("an old document: %v", old)
	}
}

// plain returns a value as it is decoded from an answer.
func plain(t *testing.T, v any) (is any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &is)
	}
	if err != nil {
		t.Fatal(err)
	}
	return is
}
