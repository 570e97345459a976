package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
)

// landscape is several tenants, each with webhooks, events, deliveries and attempts.
type landscape struct {
	*api
	names []string
	id    map[string]string // of tenants, by name
}

// newLandscape creates n tenants, and one that has been deleted.
func newLandscape(t *testing.T, n int) *landscape {
	t.Helper()
	l := &landscape{api: newAPI(t), id: map[string]string{}}
	for i := range n + 1 {
		name := fmt.Sprint("tenant-", i)
		ctx := l.as(name)
		l.id[name] = auth.From(ctx).Tenant.ID.String()
		first := l.createWebhook(ctx, fmt.Sprintf("https://%s.example.com/1", name))
		second := l.createWebhook(ctx, fmt.Sprintf("https://%s.example.com/2", name))
		l.publish(ctx, 3)
		l.get(ctx, `mutation { publishEvent(input: {type: "a.c", data: 1, tags: ["x"], idempotencyKey: "key"}) { event { id } } }`, nil)
		l.attempt(first, 2, true)
		l.attempt(second, 1, false)
		if i < n {
			l.names = append(l.names, name)
			continue
		}
		l.get(l.operator("default"), `mutation($id: ID!) { deleteTenant(input: {id: $id}) { deletedTenantId userErrors { message } } }`, vars{"id": l.id[name]})
	}
	slices.Reverse(l.names) // newest first, as tenants are listed
	return l
}

// reads returns how many statements read the data of an operation, and the data.
func (l *landscape) reads(ctx context.Context, query string, v vars) (int, object) {
	l.t.Helper()
	l.mu.Lock()
	before := l.statements
	l.mu.Unlock()
	got := l.get(ctx, query, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statements - before, got
}

// everyList is what a tenant has, and everything that can be reached from it.
const everyList = `
	webhooks(first: 10) { count { count precision } edges { cursor } nodes { id url tenant { name } secrets { id } headers { name } health { failuresInARow backlog { due oldestDueAt } }
		deliveries(first: 5) { count { count } facets { statuses { value count } } edges { cursor } nodes { id event { id } } } attempts(first: 5) { count { count } edges { cursor } nodes { id } } } }
	events(first: 10) { count { count } edges { cursor } nodes { id data idempotencyKey tenant { name } deliveries { edges { cursor } nodes { id } } } }
	deliveries(first: 10) { count { count } facets { statuses { value count } } edges { cursor } nodes { id tenant { name } webhook { url } event { type } lastAttempt { id }
		attempts { count { count } edges { cursor } nodes { id event { id } webhook { id } delivery { id } } } } }
	completed: deliveries(first: 10, orderBy: {field: COMPLETED_AT}) { count { count } edges { cursor } nodes { id } }
	due: deliveries(first: 10, orderBy: {field: NEXT_ATTEMPT_AT}) { count { count } edges { cursor } nodes { id } }
	failed: deliveries(filter: {statuses: [FAILED]}) { nodes { id } }
	some: deliveries(filter: {data: [{path: "i", equals: 1}], eventTypes: ["a.b"]}) { count { count } nodes { id } }
	tagged: events(filter: {tags: ["x"]}) { count { count } nodes { id } }
	keyed: events(filter: {idempotencyKey: "key"}) { count { count } nodes { id } }
	second: webhooks(filter: {text: "/2"}, orderBy: {field: CREATED_AT, direction: ASC}) { count { count } nodes { id } }`

// An operator reads the lists of all tenants in one request and gets what each tenant gets for itself, cursors included; the number
// of statements does not grow with that of tenants.
func TestOperatorsReadTheListsOfTenants(t *testing.T) {
	statements := map[int]int{}
	for _, n := range []int{2, 5} {
		l := newLandscape(t, n)
		own := strings.ReplaceAll(everyList, `keyed: events(filter: {idempotencyKey: "key"}) { count { count } nodes { id } }`, "") // a statement for each tenant
		for range 5 {                                                                                                               // the fewest: on a busy machine what is gathered for one statement may arrive late, and take two
			read, _ := l.reads(l.operator("default"), `{ tenants(first: 100, filter: {name: "tenant-"}) { nodes { name `+own+` } } }`, nil)
			if statements[n] == 0 || read < statements[n] {
				statements[n] = read
			}
		}
		got := l.get(l.operator("default"), `{ tenants(first: 100, filter: {name: "tenant-"}) { nodes { name `+everyList+` } } }`, nil)
		if len(got.at("tenants", "nodes").([]any)) != n {
			t.Fatalf("%d tenants: %v", n, got)
		}
		for i, name := range l.names {
			alone := l.get(l.as(name), `{ viewer { tenant { name `+everyList+` } } }`, nil)
			if diff := cmp.Diff(alone.at("viewer", "tenant"), got.at("tenants", "nodes", i)); diff != "" {
				t.Errorf("%s (-its own +an operator's):\n%s", name, diff)
			}
			if alone.at("viewer", "tenant", "deliveries", "count", "count") != 8.0 || alone.at("viewer", "tenant", "keyed", "count", "count") != 1.0 {
				t.Errorf("%s has %v", name, alone)
			}
		}
	}
	if statements[5] != statements[2] || statements[2] == 0 {
		t.Errorf("%d statements read 2 tenants, %d read 5", statements[2], statements[5])
	}
}

// The lists of all tenants have what each tenant has, once and newest first, and nothing of deleted tenants; they can be paged through in
// both directions.
func TestListsOfAllTenants(t *testing.T) {
	l := newLandscape(t, 3)
	for list, filters := range map[string][]string{
		"webhooks":   {"", `filter: {text: "/2"}, `, `filter: {externalId: "none"}, `},
		"events":     {"", `filter: {types: ["a.b"]}, `, `filter: {tags: ["x"]}, `, `filter: {idempotencyKey: "key"}, `, `filter: {data: [{path: "i", equals: 1}]}, `, `filter: {createdAt: {from: "-PT1H"}}, `},
		"deliveries": {"", `filter: {statuses: [FAILED]}, `, `filter: {statuses: [SUCCEEDED]}, `, `filter: {eventTypes: ["a.c"]}, `, `filter: {data: [{path: "i", equals: 1}]}, `},
		"attempts":   {"", `filter: {statuses: [FAILED]}, `, `filter: {eventTypes: ["a.b"]}, `},
	} {
		for _, filter := range filters {
			var want []string
			for _, name := range l.names {
				want = append(want, l.walkAll(l.as(name), list, filter+"first: 100", "after")...)
			}
			for _, way := range []string{"first: 2", "last: 2"} {
				side := map[string]string{"first: 2": "after", "last: 2": "before"}[way]
				got := l.walkAll(l.operator("tenant-1"), list, filter+"allTenants: true, "+way, side)
				if diff := cmp.Diff(want, got); diff != "" { // tenants were made one after the other, with all that they have
					t.Errorf("%s(%s%s) (-of each +of all):\n%s", list, filter, way, diff)
				}
			}
		}
	}
	for _, filter := range []string{`webhookIds`, `eventIds`} {
		d := l.get(l.as("tenant-2"), `{ deliveries(last: 1) { nodes { webhookId event { id } } } }`, nil)
		id := map[string]string{"webhookIds": d.text("deliveries", "nodes", 0, "webhookId"), "eventIds": d.text("deliveries", "nodes", 0, "event", "id")}[filter]
		got := l.get(l.operator("tenant-0"), `{ all: deliveries(allTenants: true, filter: {`+filter+`: ["`+id+`"]}) { count { count } } own: deliveries(filter: {`+filter+`: ["`+id+`"]}) { count { count } }
			attempts(allTenants: true, filter: {`+filter+`: ["`+id+`"]}) { count { count } } }`, nil)
		if got.at("all", "count", "count") == 0.0 || got.at("own", "count", "count") != 0.0 || got.at("attempts", "count", "count") == 0.0 {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

// walkAll pages through a list and returns the ids in its order.
func (l *landscape) walkAll(ctx context.Context, list, arguments, side string) (ids []string) {
	l.t.Helper()
	cursor := ""
	for range 100 {
		got := l.get(ctx, `{ list: `+list+`(`+arguments+cursor+`) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, nil)
		var page []string
		for i := range got.at("list", "nodes").([]any) {
			page = append(page, got.text("list", "nodes", i, "id"))
		}
		more, place := "hasNextPage", "endCursor"
		if side == "before" {
			more, place, ids = "hasPreviousPage", "startCursor", append(page, ids...)
		} else {
			ids = append(ids, page...)
		}
		if got.at("list", "pageInfo", more) != true {
			return ids
		}
		cursor = fmt.Sprintf(", %s: %q", side, got.text("list", "pageInfo", place))
	}
	l.t.Fatalf("%s(%s) does not end", list, arguments)
	return nil
}

// A tenant's token reads its own lists through its tenant, never those of all tenants or of another; an operator does by id alone, but
// changes only what the tenant has that it acts for.
func TestTenantsReadOnlyTheirOwn(t *testing.T) {
	l := newLandscape(t, 2)
	other := l.get(l.as("tenant-1"), `{ webhooks { nodes { id } } events { nodes { id } } deliveries { nodes { id } } attempts { nodes { id } } }`, nil)
	for _, list := range []string{"webhooks", "events", "deliveries", "attempts"} {
		resp := l.run(l.as("tenant-0"), `{ `+list+`(allTenants: true) { nodes { id } } }`, nil)
		if code(resp) != "FORBIDDEN" && !strings.Contains(fmt.Sprint(resp.Errors), "operator token") || strings.Contains(string(resp.Data), "nodes") {
			t.Errorf("%s: %s %v", list, resp.Data, resp.Errors)
		}
		id := other.text(list, "nodes", 0, "id")
		const query = `query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }`
		if got := l.get(l.as("tenant-0"), query, vars{"id": id}); got.at("node") != nil || got.at("nodes", 0) != nil {
			t.Errorf("%s of another tenant: %v", list, got)
		}
		if got := l.get(l.operator("tenant-0"), query, vars{"id": id}); got.text("node", "id") != id || got.text("nodes", 0, "id") != id {
			t.Errorf("%s for an operator: %v", list, got)
		}
	}
	hook := other.text("webhooks", "nodes", 0, "id")
	got := l.get(l.operator("tenant-0"), `mutation($id: ID!) { deleteWebhook(input: {id: $id}) { deletedWebhookId userErrors { code } } }`, vars{"id": hook})
	if got.text("deleteWebhook", "userErrors", 0, "code") != "NOT_FOUND" {
		t.Errorf("an operator deletes what another tenant has: %v", got)
	}
	if got := l.get(l.operator("tenant-0"), `query($id: ID!) { webhook(id: $id) { id } }`, vars{"id": hook}); got.at("webhook") != nil {
		t.Errorf("the call's tenant has %v", got)
	}
	resp := l.run(l.operator("tenant-0"), `{ deliveries(allTenants: true, orderBy: {field: COMPLETED_AT}) { nodes { id } } }`, nil)
	if code(resp) != "BAD_USER_INPUT" || !strings.Contains(resp.Errors[0].Message, "CREATED_AT") {
		t.Errorf("an order that all tenants' deliveries do not have: %s %v", resp.Data, resp.Errors)
	}
}

// A search over all tenants finds what each has; without that it finds what the tenant has that the operator acts for.
func TestSearchOfAllTenants(t *testing.T) {
	l := newLandscape(t, 2)
	query := func(args string) string {
		return `query($text: String!) { search(text: $text` + args + `) { __typename ... on Webhook { url } ... on Event { id } ... on Delivery { id } } }`
	}
	id := l.get(l.as("tenant-1"), `{ deliveries { nodes { id } } }`, nil).text("deliveries", "nodes", 0, "id")
	for text, want := range map[string]int{id: 1, "key": 2, "x": 2, "tenant-1.example.com/1": 1, "tenant-2.example.com": 0} {
		all := l.get(l.operator("tenant-0"), query(", allTenants: true"), vars{"text": text})
		own := l.get(l.operator("tenant-0"), query(""), vars{"text": text})
		if n := len(all.at("search").([]any)); n < want || want == 0 && n != 0 {
			t.Errorf("%q: %v", text, all)
		}
		if strings.Contains(fmt.Sprint(own), id) || strings.Contains(fmt.Sprint(own), "tenant-1.example.com") {
			t.Errorf("%q for one tenant: %v", text, own)
		}
	}
	if resp := l.run(l.as("tenant-0"), query(", allTenants: true"), vars{"text": "key"}); len(resp.Errors) != 1 || strings.Contains(string(resp.Data), "Event") {
		t.Errorf("a tenant: %s %v", resp.Data, resp.Errors)
	}
}

// The cursors of a tenant's lists are the same for an operator, and refused in the lists of another tenant and of all tenants; those of
// all tenants are refused in a tenant's.
func TestCursorsOfTenantsLists(t *testing.T) {
	l := newLandscape(t, 2)
	first := `first: 1`
	for _, list := range []string{"webhooks", "events", "deliveries"} {
		cursor := func(ctx context.Context, query string, way ...any) string {
			return l.get(ctx, query, nil).text(append(way, list, "pageInfo", "endCursor")...)
		}
		page := func(args string) string { return list + `(` + args + `) { nodes { id } pageInfo { endCursor } }` }
		own := cursor(l.as("tenant-0"), `{ `+page(first)+` }`)
		of := func(tenant, args string) string {
			return `{ tenant(id: "` + l.id[tenant] + `") { ` + page(args) + ` } }`
		}
		operators := cursor(l.operator("default"), of("tenant-0", first), "tenant")
		all := cursor(l.operator("default"), `{ `+page(first+", allTenants: true")+` }`)
		if own == "" || own != operators || all == "" || all == own {
			t.Errorf("%s: cursors %q, %q for an operator, %q of all tenants", list, own, operators, all)
		}
		after := func(c string) string { return fmt.Sprintf(`%s, after: %q`, first, c) }
		for query, ok := range map[string]bool{
			of("tenant-0", after(own)): true, of("tenant-1", after(own)): false, `{ ` + page(after(own)+", allTenants: true") + ` }`: false,
			`{ ` + page(after(all)+", allTenants: true") + ` }`: true, of("tenant-0", after(all)): false,
		} {
			if resp := l.run(l.operator("tenant-0"), query, nil); ok != (len(resp.Errors) == 0) || !ok && code(resp) != "BAD_USER_INPUT" {
				t.Errorf("%s: %s %v", query, resp.Data, resp.Errors)
			}
		}
		resp := l.run(l.operator("default"), `{ tenants(filter: {name: "tenant-"}) { nodes { name `+page(after(own))+` } } }`, nil)
		var data object
		if err := json.Unmarshal(resp.Data, &data); err != nil || len(resp.Errors) != 1 || data.at("tenants", "nodes", 0, list) != nil || data.at("tenants", "nodes", 1, list) == nil {
			t.Errorf("%s of several tenants after the cursor of one: %s %v", list, resp.Data, resp.Errors)
		}
	}
}

// The objects of all tenants are reached in one place, and streamed from another; both ask whether the caller is an operator.
func TestOnlyReachIsForEveryone(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				pkg, _ := sel.X.(*ast.Ident)
				if sel.Sel.Name == "Everyone" || sel.Sel.Name == "AllTenants" && pkg != nil && pkg.Name == "store" {
					found = append(found, sel.Sel.Name+" in "+d.(*ast.FuncDecl).Name.Name)
				}
				return true
			})
		}
	}
	if !slices.Equal(found, []string{"Everyone in reach", "AllTenants in watched"}) {
		t.Errorf("found %v", found)
	}
}

// The streams of all tenants have what happens in each, for operators only: neither a tenant's token nor an operator that does not ask for
// all gets another tenant's. They survive the deletion of a tenant, and their cursors are none of a tenant's stream.
func TestStreamsOfAllTenants(t *testing.T) {
	a := newAPI(t)
	operator, cancel := context.WithTimeout(a.operator("default"), time.Minute)
	defer cancel()
	const (
		deliveries = `subscription($all: Boolean!) { deliveries(allTenants: $all) { kind webhookId delivery { status tenant { name } } } }`
		attempts   = `subscription($all: Boolean!, $after: String) { deliveryAttempts(allTenants: $all, after: $after) { cursor node { status delivery { tenant { name } } } } }`
		sums       = `subscription($all: Boolean!) { stats(range: {from: "-PT1H"}, filter: {allTenants: $all}) { totals { events } } }`
	)
	hooks := map[string]string{}
	for _, name := range []string{"one", "two"} {
		hooks[name] = a.createWebhook(a.as(name), "https://"+name+".example.com/")
		for _, query := range []string{deliveries, attempts, sums} {
			if resp := a.run(a.as(name), query, vars{"all": true}); len(resp.Errors) != 1 || code(resp) != graph.CodeBadUserInput && code(resp) != graph.CodeForbidden {
				t.Errorf("%s asks for all tenants: %s %v", name, resp.Data, resp.Errors)
			}
		}
	}
	changes, log, numbers := a.feed(operator, deliveries, vars{"all": true}), a.feed(operator, attempts, vars{"all": true}), a.feed(operator, sums, vars{"all": true})
	tenants, cancelTenants := context.WithTimeout(a.as("one"), time.Minute)
	defer cancelTenants()
	mine, ownLog := a.feed(tenants, deliveries, vars{"all": false}), a.feed(tenants, attempts, vars{"all": false})
	own := a.feed(operator, deliveries, vars{"all": false})
	for _, f := range []*feed{changes, mine, own, numbers} {
		f.next()
	}
	cursor := ""
	happens := func(name string) {
		t.Helper()
		a.publish(a.as(name), 1)
		for m := changes.next(); m.text("delivery", "status") != "PENDING" || m.text("delivery", "tenant", "name") != name; m = changes.next() {
			if m.at("delivery") != nil && m.text("delivery", "tenant", "name") != name {
				t.Fatalf("told %v", m)
			}
		}
		a.attempt(hooks[name], 1, true)
		m := log.next()
		if m.text("node", "delivery", "tenant", "name") != name {
			t.Errorf("the log has %v", m)
		}
		cursor = m.text("cursor")
		for m := changes.next(); m.text("delivery", "status") != "SUCCEEDED"; m = changes.next() {
		}
	}
	happens("one")
	happens("two")
	for m := numbers.next(); m.at("totals", "events") != 2.0; m = numbers.next() {
	}
	if resp := a.run(tenants, attempts, vars{"all": false, "after": cursor}); code(resp) != graph.CodeBadUserInput {
		t.Errorf("a cursor of all tenants in a tenant's stream: %s %v", resp.Data, resp.Errors)
	}
	a.get(operator, `mutation($id: ID!) { deleteTenant(input: {id: $id}) { userErrors { message } } }`, vars{"id": auth.From(a.as("two")).Tenant.ID.String()})
	happens("one")
	resumed := a.feed(operator, attempts, vars{"all": true, "after": cursor})
	a.publish(a.as("one"), 1)
	a.attempt(hooks["one"], 1, true)
	if m := resumed.next(); m.text("node", "delivery", "tenant", "name") != "one" {
		t.Errorf("resumed with %v", m)
	}
	for mine.next().text("delivery", "status") != "SUCCEEDED" {
	}
	for range 3 {
		if m := ownLog.next(); m.text("node", "delivery", "tenant", "name") != "one" {
			t.Errorf("the log of one tenant has %v", m)
		}
	}
	if !ownLog.silent() || !own.silent() {
		t.Error("a stream of one tenant has what others do")
	}
}

// An operator pages through the issues of all tenants; a tenant, and an operator who acts for one, has only the tenant's. Only the tenant that a call acts
// for has its issues acknowledged.
func TestIssuesOfAllTenants(t *testing.T) {
	l := newLandscape(t, 2)
	own := map[string]string{}
	for _, name := range l.names {
		l.get(l.as(name), `mutation { putEventType(input: {name: "a.d", schema: {type: "object"}, validation: WARN}) { userErrors { message } } }`, nil)
		l.get(l.as(name), `mutation { publishEvent(input: {type: "a.d", data: 1}) { event { id } } }`, nil)
		found := l.walkAll(l.as(name), "issues", "first: 10", "after")
		if len(found) != 1 || !slices.Equal(found, l.walkAll(l.operator(name), "issues", "first: 10", "after")) {
			t.Fatalf("%s has the issues %v", name, found)
		}
		own[name] = found[0]
	}
	for way, side := range map[string]string{"first: 1": "after", "last: 1": "before"} {
		all := l.walkAll(l.operator("tenant-0"), "issues", "allTenants: true, filter: {kinds: [SCHEMA_MISMATCH]}, "+way, side)
		if want := []string{own[l.names[1]], own[l.names[0]]}; !slices.Equal(all, want) { // the newest first
			t.Errorf("%s: %v, want %v", way, all, want)
		}
	}
	if resp := l.run(l.as("tenant-0"), `{ issues(allTenants: true) { nodes { id } } }`, nil); !strings.Contains(fmt.Sprint(resp.Errors), "operator token") || strings.Contains(string(resp.Data), "nodes") {
		t.Errorf("a tenant: %s %v", resp.Data, resp.Errors)
	}
	const acknowledge = `mutation($id: ID!) { acknowledgeIssue(input: {id: $id}) { issue { status } userErrors { code } } }`
	for _, ctx := range []context.Context{l.as("tenant-0"), l.operator("tenant-0")} {
		if got := l.get(ctx, acknowledge, vars{"id": own["tenant-1"]}); got.text("acknowledgeIssue", "userErrors", 0, "code") != "NOT_FOUND" {
			t.Errorf("another tenant's: %v", got)
		}
	}
	if got := l.get(l.operator("tenant-1"), acknowledge, vars{"id": own["tenant-1"]}); got.text("acknowledgeIssue", "issue", "status") != "ACKNOWLEDGED" {
		t.Errorf("its own: %v", got)
	}
}
