package graph_test

import (
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/graph"
)

// With another tenant's ids, cursors and filters a tenant gets the responses for ids that do not exist.
func TestTenantsAreApart(t *testing.T) {
	a := newAPI(t)
	alice, bob := a.as("alice"), a.as("bob")
	w := a.createWebhook(alice, "https://example.com/")
	e := a.publish(alice, 1)[0]
	a.attempt(w, 1, false)
	all := a.get(alice, `{ deliveries { edges { cursor node { id } } } attempts { nodes { id } } }`, nil)
	d, attempt := all.text("deliveries", "edges", 0, "node", "id"), all.text("attempts", "nodes", 0, "id")
	mine := a.get(alice, `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, vars{"ids": []string{w, e, d, attempt}})
	for i, typename := range []string{"Webhook", "Event", "Delivery", "DeliveryAttempt"} {
		if mine.text("nodes", i, "__typename") != typename {
			t.Errorf("node %d is %v", i, mine.at("nodes", i))
		}
	}

	const unknown = "00000000-0000-7000-8000-000000000000"
	ask := func(w, e, d, attempt string) string {
		resp := a.run(bob, `query($w: ID!, $e: ID!, $d: ID!, $a: ID!) {
			webhook(id: $w) { id } event(id: $e) { id } delivery(id: $d) { id } attempt(id: $a) { id }
			node(id: $w) { id } nodes(ids: [$w, $e, $d, $a]) { id }
			webhooks { count { count } nodes { id } } events { count { count } nodes { id } }
			deliveries(filter: {webhookIds: [$w], eventIds: [$e]}) { count { count } nodes { id } }
			attempts(filter: {deliveryIds: [$d]}) { count { count } nodes { id } } }`, vars{"w": w, "e": e, "d": d, "a": attempt})
		changes := a.run(bob, `mutation($w: ID!, $d: ID!) {
			updateWebhook(input: {id: $w, description: "x"}) { webhook { id } userErrors { code message field } }
			rotateWebhookSecret(input: {id: $w}) { secret userErrors { code message field } }
			testWebhook(input: {id: $w}) { delivery { id } userErrors { code message field } }
			retryDelivery(input: {id: $d}) { delivery { id } userErrors { code message field } }
			cancelDelivery(input: {id: $d}) { delivery { id } userErrors { code message field } }
			deleteWebhook(input: {id: $w}) { deletedWebhookId userErrors { code message field } } }`, vars{"w": w, "d": d})
		if len(resp.Errors)+len(changes.Errors) > 0 {
			t.Fatal(resp.Errors, changes.Errors)
		}
		return string(resp.Data) + string(changes.Data)
	}
	foreign, absent := ask(w, e, d, attempt), ask(unknown, unknown, unknown, unknown)
	if foreign != absent {
		t.Errorf("foreign ids:\n%s\nabsent ids:\n%s", foreign, absent)
	}
	if strings.Contains(foreign, `"id":"`) {
		t.Errorf("something is seen: %s", foreign)
	}
	after := a.run(bob, `query($c: String) { deliveries(before: $c) { nodes { id } } }`, vars{"c": all.text("deliveries", "edges", 0, "cursor")})
	if code(after) != graph.CodeBadUserInput {
		t.Errorf("a foreign cursor: %v", after.Errors)
	}
	if still := a.get(alice, `{ webhooks { nodes { description } } viewer { operator tenant { name } token { name } } }`, nil); still.at("webhooks", "nodes", 0, "description") != "" ||
		still.text("viewer", "tenant", "name") != "alice" {
		t.Errorf("changed: %v", still)
	}
}
