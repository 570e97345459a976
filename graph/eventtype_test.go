package graph_test

import "testing"

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
