package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Every root field has a rule, and so does every field that leads from one object to others, so nothing is reached without a rule.
// Payloads and pages also lead to objects, but are reached only through a rule.
func TestEveryWayHasARule(t *testing.T) {
	schema := graph.New(&graph.Resolver{}).Schema()
	isNode := func(d *ast.Definition) bool { return slices.Contains(d.Interfaces, "Node") }
	leads := map[string]bool{} // types that lead to objects, directly or through a payload or page
	for grew := true; grew; {
		grew = false
		for name, d := range schema.Types {
			if leads[name] || strings.HasPrefix(name, "__") {
				continue
			}
			to := d.Kind == ast.Interface || isNode(d)
			for _, f := range d.Fields {
				to = to || d.Kind == ast.Object && !isNode(d) && leads[f.Type.Name()]
			}
			if to {
				leads[name], grew = true, true
			}
		}
	}
	n := 0
	for name, d := range schema.Types {
		root := d == schema.Query || d == schema.Mutation || d == schema.Subscription
		if d.Kind != ast.Object || strings.HasPrefix(name, "__") || !root && !isNode(d) {
			continue
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") || !root && !leads[f.Type.Name()] {
				continue
			}
			n++
			if f.Directives.ForName("needs") == nil {
				t.Errorf("%s.%s has no rule: give it @needs", name, f.Name)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d fields were looked at", n)
	}
}

// A field that a token may not read is null; the rest of the page is returned. A stream without its scope is refused.
func TestFieldsWithRulesAreNullable(t *testing.T) {
	schema := graph.New(&graph.Resolver{}).Schema()
	n := 0
	for name, d := range schema.Types {
		for _, f := range d.Fields {
			needs := f.Directives.ForName("needs")
			if d == schema.Subscription || needs == nil || len(needs.Arguments) == 0 { // any valid token may read it
				continue
			}
			if n++; f.Type.NonNull {
				t.Errorf("%s.%s has a rule, and is not nullable", name, f.Name)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d fields were looked at", n)
	}
}

// Of several objects looked up by id, those that the token may not see are null, each with its own error.
func TestNodesAreRefusedOneByOne(t *testing.T) {
	a := newAPI(t)
	all := a.as("alice")
	w, e := a.createWebhook(all, "https://example.com/"), a.publish(all, 1)[0]
	resp := a.run(a.scoped("alice", "webhooks:read"), `query($ids: [ID!]!) { nodes(ids: $ids) { __typename } node(id: "x") { id } viewer { operator } }`,
		vars{"ids": []string{e, w, e}})
	if string(resp.Data) != `{"nodes":[null,{"__typename":"Webhook"},null],"node":null,"viewer":{"operator":false}}` || len(resp.Errors) != 2 {
		t.Fatalf("got %s %v", resp.Data, resp.Errors)
	}
	for i, err := range resp.Errors {
		if err.Path.String() != []string{"nodes[0]", "nodes[2]"}[i] || err.Extensions["scope"] != "DELIVERIES_READ" {
			t.Errorf("error %d: %v %v", i, err, err.Extensions)
		}
	}
}

// An operation with a mutation that the token may not call runs none of its mutations, in any order, and says which one was
// refused. Skipped fields do not count.
func TestRefusedMutationsRunNothing(t *testing.T) {
	a := newAPI(t)
	token := a.scoped("alice", "webhooks:write", "deliveries:read")
	const create = `createWebhook(input: {url: "https://example.com/"}) { webhook { id } }`
	for document, want := range map[string]string{
		`mutation { a: ` + create + ` b: publishEvent(input: {type: "a.b", data: 1}) { event { id } } }`:                                    "b EVENTS_PUBLISH",
		`mutation { b: publishEvent(input: {type: "a.b", data: 1}) { event { id } } a: ` + create + ` }`:                                    "b EVENTS_PUBLISH",
		`mutation { a: ` + create + ` ...F } fragment F on Mutation { ... on Mutation { createToken(input: {name: "x"}) { credential } } }`: "createToken ADMIN",
		`mutation { a: ` + create + ` createTenant(input: {name: "x"}) { tenant { id } } }`:                                                 "createTenant <nil>",
	} {
		resp := a.run(token, document, nil)
		if code(resp) != "FORBIDDEN" || fmt.Sprint(resp.Errors[0].Path.String(), " ", resp.Errors[0].Extensions["scope"]) != want || len(resp.Errors[0].Locations) != 1 {
			t.Errorf("%s: %s %v", document, resp.Data, resp.Errors)
		}
	}
	if n := a.get(a.as("alice"), `{ webhooks { count { count } } }`, nil); n.at("webhooks", "count", "count") != 0.0 {
		t.Errorf("a refused operation did something: %v", n)
	}
	skipped := a.run(token, `mutation { `+create+` createToken(input: {name: "x"}) @skip(if: true) { credential } }`, nil)
	if len(skipped.Errors) != 0 {
		t.Errorf("a mutation that is skipped: %v", skipped.Errors)
	}
}

// scoped returns a context of a tenant's caller whose token has these scopes only.
func (a *api) scoped(tenant string, scopes ...webhook.TokenScope) context.Context {
	c := *auth.From(a.as(tenant))
	c.Token = &webhook.Token{ID: c.Token.ID, TenantID: &c.Tenant.ID, Scopes: append(webhook.TokenScopes{}, scopes...)}
	return auth.With(a.t.Context(), &c)
}

// operator returns a context of an operator's caller that acts for the tenant.
func (a *api) operator(tenant string) context.Context {
	c := *auth.From(a.as(tenant))
	c.Operator = true
	return auth.With(a.t.Context(), &c)
}

// Without its scope a field is refused, the error names the scope, and nothing has happened; with only that scope it is resolved.
func TestScopes(t *testing.T) {
	a := newAPI(t)
	all := a.as("alice")
	w := a.createWebhook(all, "https://example.com/")
	e := a.publish(all, 1)[0]
	a.attempt(w, 1, false)
	data := a.get(all, `{ deliveries { nodes { id } } attempts { nodes { id } } }`, nil)
	v := vars{"w": w, "e": e, "d": data.text("deliveries", "nodes", 0, "id"), "a": data.text("attempts", "nodes", 0, "id")}
	for field, needs := range map[string]webhook.TokenScope{
		`query($w: ID!) { webhook(id: $w) { id } }`:                                    "webhooks:read",
		`{ webhooks { nodes { id } } }`:                                                "webhooks:read",
		`query($w: ID!) { node(id: $w) { id } }`:                                       "webhooks:read",
		`query($w: ID!) { nodes(ids: [$w]) { id } }`:                                   "webhooks:read",
		`{ events { nodes { id } } }`:                                                  "deliveries:read",
		`query($e: ID!) { node(id: $e) { id } }`:                                       "deliveries:read",
		`query($d: ID!) { node(id: $d) { id } }`:                                       "deliveries:read",
		`query($a: ID!) { attempt(id: $a) { id } }`:                                    "deliveries:read",
		`mutation { createWebhook(input: {url: "https://example.com/2"}) { secret } }`: "webhooks:write",
		`mutation($w: ID!) { rotateWebhookSecret(input: {id: $w}) { secret } }`:        "webhooks:write",
		`mutation { publishEvent(input: {type: "a.b", data: 1}) { event { id } } }`:    "events:publish",
		`mutation($d: ID!) { retryDelivery(input: {id: $d}) { delivery { id } } }`:     "deliveries:write",
		`mutation { createToken(input: {name: "x"}) { credential } }`:                  "admin",
		`{ tokens { nodes { id } } }`:                                                  "admin",
		`{ viewer { tenant { tokens { nodes { id } } } } }`:                            "admin",
		`{ viewer { tenant { webhooks { nodes { id } } } } }`:                          "webhooks:read",
		`{ viewer { tenant { events { nodes { id } } } } }`:                            "deliveries:read",
		`{ viewer { tenant { deliveries { nodes { id } } } } }`:                        "deliveries:read",
	} {
		others := slices.DeleteFunc(slices.Clone(webhook.AllScopes), func(s webhook.TokenScope) bool { return s == needs })
		resp := a.run(a.scoped("alice", others...), field, v)
		if code(resp) != "FORBIDDEN" || resp.Errors[0].Extensions["scope"] != needs.Enum() || !strings.Contains(resp.Errors[0].Message, needs.Enum()) {
			t.Errorf("%s without %s: %s %v", field, needs, resp.Data, resp.Errors)
		}
		if resp := a.run(a.scoped("alice", needs), field, v); len(resp.Errors) > 0 {
			t.Errorf("%s with %s: %v", field, needs, resp.Errors)
		}
	}
	// Fields that lead to other objects need their own scope: a token that may read webhooks cannot read deliveries through them.
	resp := a.run(a.scoped("alice", "webhooks:read"), `query($w: ID!) { webhook(id: $w) { url deliveries { nodes { id } } } }`, v)
	if code(resp) != "FORBIDDEN" || resp.Errors[0].Extensions["scope"] != "DELIVERIES_READ" ||
		!strings.Contains(string(resp.Data), `"url":"https://example.com/","deliveries":null`) {
		t.Errorf("an edge: %s %v", resp.Data, resp.Errors)
	}
	events := a.get(all, `{ events { count { count } } webhooks { count { count } } }`, nil)
	if events.at("events", "count", "count") != 2.0 || events.at("webhooks", "count", "count") != 2.0 { // one of each, by the permitted call
		t.Errorf("refused mutations did something: %v", events)
	}
	ctx, stop := context.WithTimeout(a.scoped("alice", "webhooks:read"), 10*time.Second) // it would never end
	defer stop()
	respond, ctx, errs := a.start(ctx, `subscription { deliveryAttempts { cursor } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	if resp := respond(ctx); resp == nil || code(resp) != "FORBIDDEN" {
		t.Errorf("the stream: %v", resp)
	}
}

const createToken = `mutation($input: CreateTokenInput!) { createToken(input: $input) {
	token { id name scopes expiresAt tenant { name } } credential userErrors { code field } } }`

// A tenant creates tokens only for itself, with no more scopes than its own token; an operator creates them for anybody.
func TestCreateToken(t *testing.T) {
	a := newAPI(t)
	bob := auth.From(a.as("bob")).Tenant.ID.String()
	limited := a.scoped("alice", "admin", "webhooks:read")
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for name, tc := range map[string]struct {
		as     context.Context
		input  vars
		tenant string // of the new token; "-" for an operator token
		scopes string
		code   string
		field  string
	}{
		"all that it has itself":     {as: limited, input: vars{}, tenant: "alice", scopes: "WEBHOOKS_READ ADMIN"},
		"less":                       {as: limited, input: vars{"scopes": []string{"WEBHOOKS_READ"}, "expiresAt": future}, tenant: "alice", scopes: "WEBHOOKS_READ"},
		"more":                       {as: limited, input: vars{"scopes": []string{"WEBHOOKS_READ", "WEBHOOKS_WRITE"}}, code: "NOT_ALLOWED", field: "scopes.1"},
		"another tenant's":           {as: limited, input: vars{"tenantId": bob}, code: "NOT_FOUND", field: "tenantId"},
		"nobody's":                   {as: limited, input: vars{"tenantId": "00000000-0000-7000-8000-000000000000"}, code: "NOT_FOUND", field: "tenantId"},
		"an operator's":              {as: limited, input: vars{"operator": true}, code: "NOT_ALLOWED", field: "operator"},
		"none":                       {as: limited, input: vars{"scopes": []string{}}, code: "REQUIRED", field: "scopes"},
		"expired":                    {as: limited, input: vars{"expiresAt": "2020-01-01T00:00:00Z"}, code: "OUT_OF_RANGE", field: "expiresAt"},
		"named at length":            {as: limited, input: vars{"name": strings.Repeat("x", 101)}, code: "TOO_LONG", field: "name"},
		"by an operator":             {as: a.operator("alice"), input: vars{}, tenant: "alice", scopes: "WEBHOOKS_READ WEBHOOKS_WRITE EVENTS_PUBLISH DELIVERIES_READ DELIVERIES_WRITE ADMIN"},
		"by an operator for another": {as: a.operator("alice"), input: vars{"tenantId": bob, "scopes": []string{"ADMIN"}}, tenant: "bob", scopes: "ADMIN"},
		"by an operator for nobody":  {as: a.operator("alice"), input: vars{"tenantId": "00000000-0000-7000-8000-000000000000"}, code: "NOT_FOUND", field: "tenantId"},
		"operator's by an operator":  {as: a.operator("alice"), input: vars{"operator": true, "scopes": []string{"ADMIN"}}, tenant: "-", scopes: "ADMIN"},
		"of both":                    {as: a.operator("alice"), input: vars{"operator": true, "tenantId": bob}, code: "CONFLICT", field: "tenantId"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.input["name"] == nil {
				tc.input["name"] = "ci"
			}
			data := a.get(tc.as, createToken, vars{"input": tc.input})
			if tc.code != "" {
				field := strings.Split("input."+tc.field, ".")
				if data.text("createToken", "userErrors", 0, "code") != tc.code || data.at("createToken", "token") != nil || data.at("createToken", "credential") != nil {
					t.Fatalf("got %v", data)
				}
				for i, step := range field {
					if data.text("createToken", "userErrors", 0, "field", i) != step {
						t.Errorf("field %v", data)
					}
				}
				return
			}
			var scopes []string
			for _, s := range data.at("createToken", "token", "scopes").([]any) {
				scopes = append(scopes, s.(string))
			}
			tenant := data.text("createToken", "token", "tenant", "name")
			if tc.tenant != "-" && tenant != tc.tenant || tc.tenant == "-" && data.at("createToken", "token", "tenant") != nil || strings.Join(scopes, " ") != tc.scopes {
				t.Errorf("got %v", data)
			}
			if e, _ := tc.input["expiresAt"].(string); data.text("createToken", "token", "expiresAt") != e {
				t.Errorf("expiry %v", data)
			}
			credential := data.text("createToken", "credential")
			if found, err := a.store.TokenByHash(t.Context(), webhook.HashToken(credential)); err != nil || found.ID.String() != data.text("createToken", "token", "id") {
				t.Errorf("the credential does not work: %v", err)
			}
		})
	}
}

// A tenant sees and revokes its own tokens, an operator everybody's: those of the call's tenant, of the tenant that the filter names, or of all
// tenants and operators. A revoked token stays in the list.
func TestTokensAndRevocation(t *testing.T) {
	a := newAPI(t)
	alice, bob, operator := a.as("alice"), a.as("bob"), a.operator("bob")
	input := vars{"input": vars{"name": "ci"}}
	first := a.get(alice, createToken, input).text("createToken", "token", "id")
	second := a.get(alice, createToken, input).text("createToken", "token", "id")
	bobs := a.get(bob, createToken, input).text("createToken", "token", "id")
	a.get(operator, createToken, vars{"input": vars{"name": "ops", "operator": true}})

	const revoke = `mutation($id: ID!) { revokeToken(input: {id: $id}) { token { id revokedAt } userErrors { code field } } }`
	for _, ctx := range []context.Context{bob, alice} { // bob's call has no effect
		data := a.get(ctx, revoke, vars{"id": first})
		if ctx == bob && data.text("revokeToken", "userErrors", 0, "code") != "NOT_FOUND" || ctx == alice && data.text("revokeToken", "token", "revokedAt") == "" {
			t.Errorf("got %v", data)
		}
	}
	list := a.get(alice, `{ tokens(first: 1) { count { count } nodes { id } pageInfo { endCursor hasNextPage } } }`, nil)
	if list.at("tokens", "count", "count") != 2.0 || list.text("tokens", "nodes", 0, "id") != second || list.at("tokens", "pageInfo", "hasNextPage") != true {
		t.Errorf("a tenant's own: %v", list)
	}
	list = a.get(alice, `query($c: String) { tokens(after: $c) { nodes { id revokedAt lastUsedAt } } viewer { tenant { tokens(filter: {valid: true}) { count { count } nodes { id } } } } }`,
		vars{"c": list.text("tokens", "pageInfo", "endCursor")})
	if list.text("tokens", "nodes", 0, "id") != first || list.text("tokens", "nodes", 0, "revokedAt") == "" ||
		list.at("viewer", "tenant", "tokens", "count", "count") != 1.0 || list.text("viewer", "tenant", "tokens", "nodes", 0, "id") != second {
		t.Errorf("next page: %v", list)
	}
	all := a.get(operator, `query($t: ID!) { tokens(allTenants: true) { count { count } nodes { name tenant { name tokens { count { count } } } } }
		of: tokens(filter: {tenantId: $t}) { count { count } } operators: tokens(allTenants: true, filter: {operator: true, valid: true}) { count { count } }
		own: tokens { nodes { id } } none: tokens(filter: {operator: true}) { nodes { id } }
		invalid: tokens(allTenants: true, filter: {valid: false, operator: false}) { nodes { id } } }`, vars{"t": auth.From(alice).Tenant.ID.String()})
	if all.at("tokens", "count", "count") != 4.0 || all.text("tokens", "nodes", 1, "tenant", "name") != "bob" || all.at("tokens", "nodes", 2, "tenant", "tokens", "count", "count") != 2.0 ||
		all.at("of", "count", "count") != 2.0 || all.at("operators", "count", "count") != 1.0 || all.text("invalid", "nodes", 0, "id") != first ||
		all.text("own", "nodes", 0, "id") != bobs || len(all.at("own", "nodes").([]any)) != 1 || len(all.at("none", "nodes").([]any)) != 0 {
		t.Errorf("an operator's: %v", all)
	}
	if data := a.get(operator, revoke, vars{"id": bobs}); data.text("revokeToken", "token", "id") != bobs {
		t.Errorf("by an operator: %v", data)
	}
	foreign := a.get(alice, `query($b: ID!, $t: ID!) { token(id: $b) { id } node(id: $b) { id } mine: node(id: $t) { __typename } tokens(filter: {tenantId: $t}) { count { count } } }`,
		vars{"b": bobs, "t": auth.From(alice).Tenant.ID.String()})
	if foreign.at("token") != nil || foreign.at("node") != nil || foreign.text("mine", "__typename") != "Tenant" || foreign.at("tokens", "count", "count") != 2.0 {
		t.Errorf("got %v", foreign)
	}
}

// A token shows the prefix of its credential, and the token that created it. A tenant sees no operator token there, and a chosen credential
// has no prefix.
func TestTokenOrigin(t *testing.T) {
	a := newAPI(t)
	const create = `mutation($input: CreateTokenInput!) { createToken(input: $input) { token { id prefix createdBy { id } } credential userErrors { message } } }`
	operator := a.operator("alice")
	owner := auth.From(operator).Tenant
	first, _ := webhook.NewToken()
	made, err := a.store.AddToken(t.Context(), webhook.Token{TenantID: &owner.ID, Name: "of the command line"}, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.store.AddToken(t.Context(), webhook.Token{TenantID: &owner.ID, Name: "chosen"}, "hg_short-and-chosen"); err != nil {
		t.Fatal(err)
	}
	alice := auth.With(t.Context(), &auth.Caller{Tenant: owner, Token: made})
	by := a.get(alice, create, vars{"input": vars{"name": "by alice"}})
	credential, prefix := by.text("createToken", "credential"), by.text("createToken", "token", "prefix")
	if len(prefix) != 9 || !strings.HasPrefix(credential, prefix) || by.text("createToken", "token", "createdBy", "id") != made.ID.String() {
		t.Errorf("made by a tenant: %v", by)
	}
	a.get(operator, create, vars{"input": vars{"name": "by an operator"}})
	want := []any{
		map[string]any{"name": "by an operator", "createdBy": nil, "chosen": false},
		map[string]any{"name": "by alice", "createdBy": map[string]any{"name": "of the command line"}, "chosen": false},
		map[string]any{"name": "chosen", "createdBy": nil, "chosen": true},
		map[string]any{"name": "of the command line", "createdBy": nil, "chosen": false},
	}
	list := a.get(alice, `{ tokens { nodes { name createdBy { name } prefix } } }`, nil).at("tokens", "nodes").([]any)
	for _, node := range list {
		node := node.(map[string]any)
		node["chosen"] = node["prefix"] == nil
		delete(node, "prefix")
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}
