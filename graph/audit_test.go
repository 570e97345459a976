package graph_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// audited has a call of every mutation that changes something, and the actions that the audit log then has, oldest first. What publishes,
// or sends a test, changes no settings and is not in it.
var audited = map[string]struct {
	operator bool
	call     string
	actions  []string
}{
	"createWebhook":       {call: `createWebhook(input: {url: "https://example.com/new", headers: [{name: "X-Key", value: "canary"}]}) { userErrors { message } }`, actions: []string{"WEBHOOK_CREATED"}},
	"updateWebhook":       {call: `updateWebhook(input: {id: $w, url: "https://example.com/other", headers: [{name: "X-Key", value: "canary"}]}) { userErrors { message } }`, actions: []string{"WEBHOOK_UPDATED"}},
	"rotateWebhookSecret": {call: `rotateWebhookSecret(input: {id: $w}) { userErrors { message } }`, actions: []string{"WEBHOOK_SECRET_ROTATED"}},
	"deleteWebhook":       {call: `deleteWebhook(input: {id: $w}) { userErrors { message } }`, actions: []string{"WEBHOOK_DELETED"}},
	"retryDelivery":       {call: `retryDelivery(input: {id: $d}) { userErrors { message } }`, actions: []string{"DELIVERY_RETRIED"}},
	"cancelDelivery":      {call: `cancelDelivery(input: {id: $d}) { userErrors { message } }`, actions: []string{"DELIVERY_CANCELED"}},
	"replayDeliveries":    {call: `replayDeliveries(input: {filter: {deliveryIds: [$d]}}) { userErrors { message } }`, actions: []string{"REPLAY_CREATED"}},
	"cancelDeliveries":    {call: `cancelDeliveries(input: {filter: {deliveryIds: [$d]}}) { userErrors { message } }`, actions: []string{"REPLAY_CREATED"}},
	"updateReplay":        {call: `updateReplay(input: {id: $r, ratePerSecond: 7}) { userErrors { message } }`, actions: []string{"REPLAY_UPDATED"}},
	"cancelReplay":        {call: `cancelReplay(input: {id: $r}) { userErrors { message } }`, actions: []string{"REPLAY_CANCELED"}},
	"acknowledgeIssue":    {call: `acknowledgeIssue(input: {id: $i}) { issue { status acknowledgedAt acknowledgedBy } userErrors { message } }`, actions: []string{"ISSUE_ACKNOWLEDGED"}},
	"createToken":         {call: `createToken(input: {name: "ci"}) { userErrors { message } }`, actions: []string{"TOKEN_CREATED"}},
	"putEventType":        {call: `putEventType(input: {name: "a.c"}) { userErrors { message } } change: putEventType(input: {name: "a.c", deprecated: true}) { userErrors { message } }`, actions: []string{"EVENT_TYPE_CREATED", "EVENT_TYPE_UPDATED"}},
	"importEventTypes":    {call: `importEventTypes(input: {openApi: {openapi: "3.1.0", webhooks: {imported: {post: {}}}}}) { userErrors { message } }`, actions: []string{"EVENT_TYPE_CREATED"}},
	"deleteEventType":     {call: `putEventType(input: {name: "a.c"}) { userErrors { message } } deleteEventType(input: {name: "a.c"}) { userErrors { message } }`, actions: []string{"EVENT_TYPE_CREATED", "EVENT_TYPE_DELETED"}},
	"revokeToken":         {call: `revokeToken(input: {id: $k}) { userErrors { message } }`, actions: []string{"TOKEN_REVOKED"}},
	"createPortalLink":    {call: `createPortalLink(input: {label: "ada", scopes: [WEBHOOKS_READ]}) { userErrors { message } }`, actions: []string{"PORTAL_SESSION_CREATED"}},
	"revokePortalSession": {call: `revokePortalSession(input: {id: $s}) { userErrors { message } }`, actions: []string{"PORTAL_SESSION_REVOKED"}},
	"createTenant":        {operator: true, call: `createTenant(input: {name: "new"}) { userErrors { message } }`, actions: []string{"TENANT_CREATED"}},
	"updateTenant":        {operator: true, call: `updateTenant(input: {id: $t, quotas: {webhooks: 7}}) { userErrors { message } }`, actions: []string{"TENANT_UPDATED"}},
	"deleteTenant":        {operator: true, call: `deleteTenant(input: {id: $t}) { userErrors { message } }`, actions: []string{"TENANT_DELETED"}},
}

var notAudited = []string{"publishEvent", "publishEvents", "testWebhook"}

// Every mutation that changes something writes an entry that says who did what and from where, and none has a secret. A mutation that is
// new must be called here.
func TestEveryMutationIsAudited(t *testing.T) {
	var all []string
	for _, f := range graph.New(&graph.Resolver{}).Schema().Mutation.Fields {
		all = append(all, f.Name)
	}
	listed := slices.Concat(slices.Collect(maps.Keys(audited)), notAudited)
	slices.Sort(all)
	slices.Sort(listed)
	if diff := cmp.Diff(listed, all); diff != "" {
		t.Errorf("mutations whose entries nobody looks for (-listed +found):\n%s", diff)
	}
	for _, name := range slices.Sorted(maps.Keys(audited)) {
		t.Run(name, func(t *testing.T) { auditOf(t, name) })
	}
}

func quoted(id string) string { return `"` + id + `"` }

func auditOf(t *testing.T, name string) {
	t.Helper()
	a := newAPI(t)
	s := newShelf(a, "kallima")
	c := audited[name]
	by := s.ctx
	if c.operator {
		by = a.operator("default")
	}
	const address, request = "192.0.2.7", "request-1"
	caller := *auth.From(by)
	caller.Address = netip.MustParseAddr(address)
	by = intake.WithRequestID(auth.With(context.WithoutCancel(t.Context()), &caller), request)
	token := s.list("Query.tokens", "", false).ids[0]
	ids := strings.NewReplacer("$w", quoted(s.webhook), "$d", quoted(s.delivery), "$r", quoted(s.replay), "$k", quoted(token), "$t", quoted(s.tenant), "$i", quoted(s.issue), "$s", quoted(s.session))
	const log = `{ auditLog(first: 100, allTenants: true) { nodes { id action objectType objectId address requestId at actor { kind name tokenId token { id } } tenant { id } changes { field before after } } } }`
	before := a.get(a.operator("default"), log, nil).at("auditLog", "nodes").([]any)
	got := a.get(by, "mutation { did: "+ids.Replace(c.call)+" }", nil)
	if errs := got.at("did", "userErrors").([]any); len(errs) > 0 {
		t.Fatal(errs)
	}
	after := a.get(a.operator("default"), log, nil)
	entries := after.at("auditLog", "nodes").([]any)
	entries = entries[:len(entries)-len(before)]
	var actions []string
	for i := range slices.Backward(entries) {
		at := func(way ...any) any { return after.at(append([]any{"auditLog", "nodes", i}, way...)...) }
		actions = append(actions, at("action").(string))
		kind := "TENANT"
		if c.operator {
			kind = "OPERATOR"
		}
		if at("actor", "kind") != kind || at("actor", "name") != "test" || at("actor", "tokenId") != caller.Token.ID.String() || at("address") != address ||
			at("requestId") != request {
			t.Errorf("entry %v", entries[i])
		}
		if object, _ := at("objectType").(string); object == "" || !strings.HasPrefix(at("action").(string), object+"_") {
			t.Errorf("the object of %s is a %s", at("action"), object)
		}
	}
	if diff := cmp.Diff(c.actions, actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if name == "updateTenant" && after.at("auditLog", "nodes", 0, "changes", 0, "field") != "quotas.webhooks" {
		t.Errorf("changes %v, which are not under the API's names", after.at("auditLog", "nodes", 0, "changes"))
	}
	if text := string(a.run(a.operator("default"), log, nil).Data); strings.Contains(text, "canary") || strings.Contains(text, "whsec_") || strings.Contains(text, "hg_") {
		t.Errorf("the log has a secret: %s", text)
	}
}

// The user of the server's machine who ran a command is named to operators only.
func TestUserOfCommandIsTheOperators(t *testing.T) {
	a := newAPI(t)
	alice, operator := a.as("alice"), a.operator("alice")
	by := a.store.In(auth.From(alice).Tenant.ID).By(webhook.Actor{Kind: webhook.ActorCommand, Name: "ada"})
	if _, _, err := by.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/a", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	for ctx, want := range map[context.Context]any{alice: nil, operator: "ada"} {
		got := a.get(ctx, `{ auditLog(first: 1) { nodes { actor { kind name } } } }`, nil)
		if got.at("auditLog", "nodes", 0, "actor", "name") != want || got.at("auditLog", "nodes", 0, "actor", "kind") != "COMMAND" {
			t.Errorf("%v, want the name %v", got.at("auditLog"), want)
		}
	}
}

// A tenant sees the changes of its own objects, whoever made them; so does an operator who acts for it, unless the operator names another
// tenant or asks for all. Filters narrow the list.
func TestAuditLogIsATenants(t *testing.T) {
	a := newAPI(t)
	alice, bob, operator := a.as("alice"), a.as("bob"), a.operator("alice")
	of := a.createWebhook(alice, "https://example.com/a")
	a.createWebhook(operator, "https://example.com/b")
	a.createWebhook(bob, "https://example.com/c")
	bobs := a.get(bob, `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	count := func(ctx context.Context, args string) int {
		t.Helper()
		return len(a.get(ctx, `{ auditLog(`+args+`) { nodes { id } } }`, nil).at("auditLog", "nodes").([]any))
	}
	tenant := a.get(alice, `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	for _, c := range []struct {
		ctx  context.Context
		args string
		want int
	}{
		{alice, `filter: {actions: [WEBHOOK_CREATED]}`, 2},
		{bob, `filter: {actions: [WEBHOOK_CREATED]}`, 1},
		{bob, `filter: {objectIds: ["` + of + `"]}`, 0},
		{bob, `filter: {tenantId: "` + tenant + `"}`, 0},
		{alice, `filter: {objectIds: ["` + of + `"]}`, 1},
		{operator, `filter: {actions: [WEBHOOK_CREATED]}`, 2},
		{operator, `filter: {actions: [WEBHOOK_CREATED]}, allTenants: true`, 3},
		{operator, `filter: {actions: [WEBHOOK_CREATED], tenantId: "` + tenant + `"}`, 2},
		{operator, `filter: {actions: [WEBHOOK_CREATED], tenantId: "` + bobs + `"}`, 1},
		{operator, `filter: {actions: [WEBHOOK_CREATED], tenantId: "` + bobs + `"}, allTenants: true`, 1},
		{operator, `filter: {tokenIds: ["` + auth.From(alice).Token.ID.String() + `"]}, allTenants: true`, 1},
		{operator, `filter: {at: {to: "` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"}}, allTenants: true`, 0},
		{alice, `filter: {actions: []}`, 3},
	} {
		if got := count(c.ctx, c.args); got != c.want {
			t.Errorf("%s: %d entries, want %d", c.args, got, c.want)
		}
	}
	entry := a.get(alice, `{ auditLog(filter: {actions: [WEBHOOK_CREATED]}) { nodes { id } } }`, nil).text("auditLog", "nodes", 0, "id")
	const find = `query($id: ID!) { node(id: $id) { id } }`
	if a.get(alice, find, vars{"id": entry}).at("node", "id") != entry || a.get(bob, find, vars{"id": entry}).at("node") != nil {
		t.Error("an entry is found by another tenant, or not by its own")
	}
	one := *auth.From(alice)
	one.Token = &webhook.Token{ID: one.Token.ID, Scopes: webhook.TokenScopes{webhook.ScopeWebhooksWrite}}
	if resp := a.run(auth.With(t.Context(), &one), `{ auditLog { nodes { id } } }`, nil); len(resp.Errors) == 0 {
		t.Error("the log is read without the scope ADMIN")
	}
}
