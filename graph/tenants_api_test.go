package graph_test

import (
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/auth"
)

// Operators create, update, list and delete tenants; a tenant's token cannot, whatever its scopes, but sees its own tenant.
func TestTenantsAPI(t *testing.T) {
	a := newAPI(t)
	operator, alice := a.operator("default"), a.as("alice")
	const create = `mutation($input: CreateTenantInput!) { createTenant(input: $input) {
		tenant { id name quotas { webhooks storedEvents eventsPerSecond eventBurst } } userErrors { code field } } }`
	made := a.get(operator, create, vars{"input": vars{"name": "carol", "quotas": vars{"webhooks": 1, "eventsPerSecond": 2000}}})
	carol := made.text("createTenant", "tenant", "id")
	if q := made.at("createTenant", "tenant", "quotas"); q.(map[string]any)["webhooks"] != 1.0 || q.(map[string]any)["storedEvents"] != nil || q.(map[string]any)["eventBurst"] != 4000.0 {
		t.Errorf("quotas %v", q)
	}
	if again := a.get(operator, create, vars{"input": vars{"name": "carol"}}); again.text("createTenant", "userErrors", 0, "code") != "CONFLICT" || again.text("createTenant", "userErrors", 0, "field", 1) != "name" {
		t.Errorf("twice: %v", again)
	}
	if bad := a.get(operator, create, vars{"input": vars{"name": "dave", "quotas": vars{"webhooks": 0}}}); bad.text("createTenant", "userErrors", 0, "code") != "OUT_OF_RANGE" || bad.text("createTenant", "userErrors", 0, "field", 2) != "webhooks" {
		t.Errorf("no webhooks: %v", bad)
	}
	for _, mutation := range []string{
		`mutation { createTenant(input: {name: "eve"}) { tenant { id } } }`,
		`mutation { updateTenant(input: {id: "` + carol + `", quotas: {}}) { tenant { id } } }`,
		`mutation { deleteTenant(input: {id: "` + carol + `"}) { deletedTenantId } }`,
		`{ tenants { nodes { id } } }`, `{ tenant(id: "` + carol + `") { id } }`,
	} {
		if resp := a.run(alice, mutation, nil); code(resp) != "FORBIDDEN" || !strings.Contains(resp.Errors[0].Message, "operator") {
			t.Errorf("%s: %s %v", mutation, resp.Data, resp.Errors)
		}
		if resp := a.run(a.scoped("alice", "webhooks:read"), mutation, nil); code(resp) != "FORBIDDEN" {
			t.Errorf("%s: %s %v", mutation, resp.Data, resp.Errors)
		}
	}
	if node := a.get(alice, `query($c: ID!, $a: ID!) { node(id: $c) { id } mine: node(id: $a) { ... on Tenant { name quotas { webhooks } } } }`,
		vars{"c": carol, "a": auth.From(alice).Tenant.ID.String()}); node.at("node") != nil || node.text("mine", "name") != "alice" {
		t.Errorf("nodes: %v", node)
	}
	list := a.get(operator, `{ tenants(first: 2) { count { count } nodes { name } pageInfo { hasNextPage } } some: tenants(filter: {name: "aro"}) { nodes { name tokens { count { count } } } } }`, nil)
	if list.at("tenants", "count", "count") != 3.0 || list.text("tenants", "nodes", 0, "name") != "carol" || list.text("some", "nodes", 0, "name") != "carol" || len(list.at("some", "nodes").([]any)) != 1 {
		t.Errorf("list: %v", list)
	}

	own := a.as("carol")
	a.createWebhook(own, "https://example.com/")
	const another = `mutation { createWebhook(input: {url: "https://example.com/"}) { webhook { id } secret userErrors { code field } } }`
	if refused := a.get(own, another, nil); refused.text("createWebhook", "userErrors", 0, "code") != "QUOTA" || refused.at("createWebhook", "secret") != nil {
		t.Errorf("beyond the quota: %v", refused)
	}
	const update = `mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { quotas { webhooks tokens storedEvents eventsPerSecond } } userErrors { code } } }`
	changed := a.get(operator, update, vars{"input": vars{"id": carol, "quotas": vars{"webhooks": nil, "tokens": 1, "storedEvents": 2}}})
	if q := changed.at("updateTenant", "tenant", "quotas").(map[string]any); q["webhooks"] != nil || q["tokens"] != 1.0 || q["storedEvents"] != 2.0 || q["eventsPerSecond"] != 2000.0 {
		t.Errorf("changed: %v", changed)
	}
	for i, want := range []string{"", "QUOTA"} {
		if got := a.get(own, createToken, vars{"input": vars{"name": "ci"}}); got.text("createToken", "userErrors", 0, "code") != want || (want != "") != (got.at("createToken", "credential") == nil) {
			t.Errorf("token %d: %v", i, got)
		}
	}
	if more := a.get(own, another, nil); more.text("createWebhook", "webhook", "id") == "" {
		t.Errorf("within the new quota: %v", more)
	}
	a.publish(own, 2)
	one := a.get(own, `mutation { publishEvent(input: {type: "a.b", data: 1}) { event { id } duplicate userErrors { code field } } }`, nil)
	many := a.get(own, `mutation { publishEvents(input: {events: [{type: "a.b", data: 1}]}) { results { event { id } } userErrors { code field } } }`, nil)
	if one.text("publishEvent", "userErrors", 0, "code") != "QUOTA" || many.text("publishEvents", "userErrors", 0, "code") != "QUOTA" || len(many.at("publishEvents", "results").([]any)) != 0 {
		t.Errorf("beyond the quota of events: %v %v", one, many)
	}

	if gone := a.get(operator, `mutation($id: ID!) { deleteTenant(input: {id: $id}) { deletedTenantId userErrors { code } } }`, vars{"id": carol}); gone.text("deleteTenant", "deletedTenantId") != carol {
		t.Errorf("delete: %v", gone)
	}
	if after := a.get(operator, `query($id: ID!) { tenant(id: $id) { id } node(id: $id) { id } tenants { count { count } } }`, vars{"id": carol}); after.at("tenant") != nil || after.at("node") != nil || after.at("tenants", "count", "count") != 2.0 {
		t.Errorf("after: %v", after)
	}
}
