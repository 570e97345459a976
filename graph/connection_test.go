package graph_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// connections are all fields of the schema that return pages, with the path to their owner in a shelf.
var connections = map[string]func(s *shelf) string{
	"Query.webhooks":       nil,
	"Query.events":         nil,
	"Query.deliveries":     nil,
	"Query.attempts":       nil,
	"Query.replays":        nil,
	"Query.eventTypes":     nil,
	"Query.tokens":         nil,
	"Query.auditLog":       nil,
	"Query.issues":         nil,
	"Query.portalSessions": nil,
	"Webhook.issues":       func(s *shelf) string { return s.failing },
	"Query.tenants":        nil, // of all tenants, for an operator
	"Tenant.tokens":        func(s *shelf) string { return s.tenant },
	"Tenant.webhooks":      func(s *shelf) string { return s.tenant },
	"Tenant.events":        func(s *shelf) string { return s.tenant },
	"Tenant.deliveries":    func(s *shelf) string { return s.tenant },
	"Webhook.deliveries":   func(s *shelf) string { return s.webhook },
	"Webhook.attempts":     func(s *shelf) string { return s.webhook },
	"Event.deliveries":     func(s *shelf) string { return s.event },
	"Event.matches":        func(s *shelf) string { return s.event },
	"Replay.deliveries":    func(s *shelf) string { return s.replay },
	"EventType.webhooks":   func(s *shelf) string { return s.eventType },
	"Delivery.attempts":    func(s *shelf) string { return s.delivery },
}

func TestEveryConnectionIsListed(t *testing.T) {
	var found []string
	for name, def := range graph.New(&graph.Resolver{}).Schema().Types {
		for _, f := range def.Fields {
			if strings.HasSuffix(f.Type.Name(), "Connection") {
				found = append(found, name+"."+f.Name)
			}
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(connections)), found); diff != "" {
		t.Errorf("connections that no property is tested of (-listed +found):\n%s", diff)
	}
}

// shelf is a tenant whose lists grow; each kind of list begins with one row.
type shelf struct {
	*api
	made                             int // tenants
	ctx                              context.Context
	tenant, webhook, event, delivery string
	replay, eventType                string
	failing, issue, session          string
}

func newShelf(a *api, tenant string) *shelf {
	s := &shelf{api: a, ctx: a.as(tenant)}
	s.tenant = s.get(s.ctx, `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	s.createWebhook(s.ctx, "https://example.com/")
	s.failing = s.get(s.ctx, `mutation { createWebhook(input: {url: "https://example.com/", retryScheduleMs: []}) { webhook { id } } }`, nil).text("createWebhook", "webhook", "id")
	s.webhook = s.createWebhook(s.ctx, "https://example.com/")
	s.event = s.publish(s.ctx, 1)[0]
	s.delivery = s.get(s.ctx, `query($id: ID!) { webhook(id: $id) { deliveries { nodes { id } } } }`, vars{"id": s.webhook}).
		text("webhook", "deliveries", "nodes", 0, "id")
	s.addToken()
	s.addSession()
	s.session = s.addSession()
	s.attempt(s.webhook, 10, false)
	s.attempt(s.failing, 1, false)
	s.issue = s.get(s.ctx, `{ issues { nodes { id } } }`, nil).text("issues", "nodes", 0, "id")
	s.replay = s.addReplay()
	s.eventType = s.get(s.ctx, `mutation { putEventType(input: {name: "never"}) { eventType { id } } }`, nil).text("putEventType", "eventType", "id")
	return s
}

// addReplay creates a replay of a delivery that was canceled, which it makes due.
func (s *shelf) addReplay() string {
	ids := s.get(s.ctx, `query($id: ID!) { event(id: $id) { deliveries { nodes { id } } } }`, vars{"id": s.event})
	one := vars{"id": ids.text("event", "deliveries", "nodes", 2, "id")}
	s.get(s.ctx, `mutation($id: ID!) { cancelDelivery(input: {id: $id}) { userErrors { message } } }`, one)
	id := s.get(s.ctx, `mutation($id: ID!) { replayDeliveries(input: {kind: ALL filter: {deliveryIds: [$id]}}) { replay { id } userErrors { message } } }`, one).
		text("replayDeliveries", "replay", "id")
	ctx, cancel := context.WithCancel(s.ctx)
	var working sync.WaitGroup
	for _, task := range s.store.Tasks() {
		if task.Name == "replays" {
			working.Go(func() { _ = task.Run(ctx) })
		}
	}
	webhooktest.Eventually(s.t, "the delivery is due", func() bool {
		return s.get(s.ctx, `query($id: ID!) { replay(id: $id) { matched } }`, vars{"id": id}).at("replay", "matched") == 1.0
	})
	cancel()
	working.Wait()
	return id
}

func (s *shelf) addToken() {
	s.get(s.ctx, `mutation { createToken(input: {name: "t"}) { token { id } userErrors { message } } }`, nil)
}

// addSession creates a link to the portal.
func (s *shelf) addSession() string {
	return s.get(s.ctx, `mutation { createPortalLink(input: {label: "ada", scopes: [WEBHOOKS_READ]}) { portalSession { id } userErrors { message } } }`, nil).
		text("createPortalLink", "portalSession", "id")
}

// growths are all lists that grow can add to.
var growths = []string{"publish", "attempt", "retry", "token", "session", "tenant", "webhook"}

// growing returns the growths that move no row of a list: a success resolves issues, which then come after the open ones.
func growing(connection string) []string {
	if strings.HasSuffix(connection, ".issues") {
		return slices.DeleteFunc(slices.Clone(growths), func(how string) bool { return how == "attempt" })
	}
	return growths
}

// grow adds rows at the beginning of lists, and at the end of a delivery's attempts.
func (s *shelf) grow(how string) {
	switch how {
	case "publish":
		s.publish(s.ctx, 2)
	case "attempt":
		s.attempt(s.webhook, 10, true)
	case "retry":
		s.get(s.ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { userErrors { message } } }`, vars{"id": s.delivery})
		s.attempt(s.webhook, 10, false)
	case "token":
		s.addToken()
	case "session":
		s.addSession()
	case "tenant":
		s.made++
		s.get(s.operator("kallima"), `mutation($name: String!) { createTenant(input: {name: $name}) { tenant { id } userErrors { message } } }`,
			vars{"name": fmt.Sprint("made", s.made)})
	case "webhook":
		s.get(s.ctx, `mutation { createWebhook(input: {url: "https://example.com/", events: ["never"]}) { userErrors { message } } }`, nil)
	}
}

// page is the response of a list.
type page struct {
	ids, cursors     []string
	hasNext, hasPrev bool
	total            float64 // -1: not selected
}

// list reads a page. args are the field's arguments; "" means none.
func (s *shelf) list(connection, args string, total bool) page {
	s.t.Helper()
	owner, field, _ := strings.Cut(connection, ".")
	if args != "" {
		args = "(" + args + ")"
	}
	count := ""
	if total {
		count = "count { count precision }"
	}
	id, wayToID := "id", []any{"id"} // in an element
	if connection == "Event.matches" {
		id, wayToID = "webhook { id }", []any{"webhook", "id"}
	}
	body := fmt.Sprintf(`list: %s%s { edges { cursor node { %s } } nodes { %s } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } %s }`, field, args, id, id, count)
	way := []any{"list"}
	if of := connections[connection]; of != nil {
		body = fmt.Sprintf(`on: node(id: %q) { ... on %s { %s } }`, of(s), owner, body)
		way = []any{"on", "list"}
	}
	ctx := s.ctx
	if connection == "Query.tenants" {
		ctx = s.operator("kallima")
	}
	got := s.get(ctx, "{ "+body+" }", nil)
	at := func(rest ...any) any { return got.at(append(slices.Clone(way), rest...)...) }
	p := page{hasNext: at("pageInfo", "hasNextPage") == true, hasPrev: at("pageInfo", "hasPreviousPage") == true, total: -1}
	p.total, _ = at("count", "count").(float64)
	edges, _ := at("edges").([]any)
	for i := range edges {
		p.ids = append(p.ids, at(append([]any{"edges", i, "node"}, wayToID...)...).(string))
		p.cursors = append(p.cursors, at("edges", i, "cursor").(string))
		if at(append([]any{"nodes", i}, wayToID...)...) != p.ids[i] {
			s.t.Errorf("%s: nodes are not those of edges", connection)
		}
	}
	if n := len(edges); n == 0 && (at("pageInfo", "startCursor") == nil || at("pageInfo", "endCursor") == nil) ||
		n > 0 && (at("pageInfo", "startCursor") != p.cursors[0] || at("pageInfo", "endCursor") != p.cursors[n-1]) {
		s.t.Errorf("%s: pageInfo's cursors are not those of edges", connection)
	}
	return p
}

// Every page of every list, while rows are added, has exactly the rows of its arguments in the list's order; hasNextPage and
// hasPreviousPage are right; and a row's cursor never changes.
func TestConnectionProperties(t *testing.T) {
	webhooktest.Checks(t, 25)
	a := newAPI(t)
	tenants := 1 // kallima
	rapid.Check(t, func(rt *rapid.T) {
		if tenants > 60 { // all tenants must fit on one page
			a, tenants = newAPI(t), 1
		}
		s := newShelf(a, fmt.Sprint("tenant", tenants))
		s.made = tenants
		defer func() { tenants = s.made + 1 }()
		connection := rapid.SampledFrom(slices.Sorted(maps.Keys(connections))).Draw(rt, "connection")
		cursors := map[string]string{} // by id
		var all page
		for range rapid.IntRange(3, 8).Draw(rt, "steps") {
			for _, how := range rapid.SliceOfN(rapid.SampledFrom(growing(connection)), 0, 3).Draw(rt, "arriving") {
				s.grow(how)
			}
			before := all
			all = s.list(connection, "first: 100", true)
			if n := len(all.ids) - len(before.ids); n < 0 || all.total != float64(len(all.ids)) || all.hasNext || all.hasPrev ||
				!slices.Equal(before.ids, all.ids[n:]) && !slices.Equal(before.ids, all.ids[:len(before.ids)]) {
				rt.Fatalf("%s: %+v became %+v", connection, before, all)
			}
			for i, id := range all.ids {
				if c, ok := cursors[id]; ok && c != all.cursors[i] {
					rt.Fatalf("%s: the cursor of %s changed", connection, id)
				}
				cursors[id] = all.cursors[i]
			}
			for range 3 {
				check(rt, s, connection, all)
			}
		}
	})
}

// A page after a cursor has a previous page, and a page before a cursor a next page, as long as there is a row: the cursor's own,
// or another if that was removed.
func TestPagesBesideWhatIsGone(t *testing.T) {
	a := newAPI(t)
	s := newShelf(a, "kallima")
	was := s.list("Query.webhooks", "", false) // newest first
	remove := func(i int) {
		t.Helper()
		got := s.get(s.ctx, `mutation($id: ID!) { deleteWebhook(input: {id: $id}) { userErrors { message } } }`, vars{"id": was.ids[i]})
		if got.at("deleteWebhook", "userErrors", 0) != nil {
			t.Fatal(got)
		}
	}
	expect := func(connection, args string, hasPrev, hasNext bool, ids ...string) {
		t.Helper()
		got := s.list(connection, args, false)
		if !slices.Equal(got.ids, ids) || got.hasPrev != hasPrev || got.hasNext != hasNext {
			t.Errorf("%s(%s): %v, before it %v, after it %v; want %v, %v, %v", connection, args, got.ids, got.hasPrev, got.hasNext, ids, hasPrev, hasNext)
		}
	}
	first, second, third := was.cursors[0], was.cursors[1], was.cursors[2]
	expect("Query.webhooks", fmt.Sprintf("first: 1, after: %q", first), true, true, was.ids[1])
	expect("Query.webhooks", fmt.Sprintf("last: 1, before: %q", third), true, true, was.ids[1])
	remove(0)
	expect("Query.webhooks", fmt.Sprintf("first: 1, after: %q", first), false, true, was.ids[1])
	expect("Query.webhooks", fmt.Sprintf("first: 5, after: %q, before: %q", first, third), false, false, was.ids[1])
	expect("Query.webhooks", fmt.Sprintf("last: 5, before: %q", second), false, true)
	remove(1)
	expect("Query.webhooks", fmt.Sprintf("first: 5, after: %q", second), false, false, was.ids[2])
	expect("Query.webhooks", fmt.Sprintf("last: 5, before: %q", second), false, true)
	remove(2)
	expect("Query.webhooks", fmt.Sprintf("last: 5, before: %q", third), false, false)
	expect("Query.webhooks", fmt.Sprintf("first: 5, after: %q", third), false, false)

	// A cursor of a list that several parents have is a position in each, though its row is in one only.
	s = newShelf(a, "another")
	attempts := s.list("Query.attempts", "", false) // each to a different webhook, of which one is not retried
	if len(attempts.ids) != 2 {
		t.Fatal(attempts)
	}
	for _, webhook := range s.list("Query.webhooks", "", false).ids {
		s.attempt(webhook, 10, false) // three deliveries now have one attempt each, including the one above
	}
	attempts = s.list("Query.attempts", "", false)
	places := map[string]bool{}
	got := s.get(s.ctx, `query($c: String) { webhooks { nodes { id attempts(first: 1, after: $c) { nodes { id } pageInfo { hasPreviousPage } } } } }`,
		vars{"c": attempts.cursors[1]})
	for i := range 3 {
		n := len(got.at("webhooks", "nodes", i, "attempts", "nodes").([]any))
		places[fmt.Sprint(n, " ", got.at("webhooks", "nodes", i, "attempts", "pageInfo", "hasPreviousPage"))] = true
	}
	if diff := cmp.Diff(map[string]bool{"1 false": true, "0 true": true}, places); diff != "" {
		t.Errorf("rows after the cursor and whether there is one before (-want +got):\n%s", diff)
	}
}

// check reads a random page of a list and compares it with the whole list.
func check(t *rapid.T, s *shelf, connection string, all page) {
	from, to := 0, len(all.ids) // the range between the cursors
	var args []string
	place := rapid.IntRange(-1, len(all.ids)-1) // -1: no cursor
	after, before := place.Draw(t, "after"), place.Draw(t, "before")
	if after >= 0 {
		args = append(args, fmt.Sprintf("after: %q", all.cursors[after]))
		from = after + 1
	}
	if before >= 0 {
		args = append(args, fmt.Sprintf("before: %q", all.cursors[before]))
		to = before
	}
	to = max(from, to)
	n := rapid.IntRange(1, 5).Draw(t, "size")
	want := page{}
	if rapid.Bool().Draw(t, "forward") {
		args = append(args, fmt.Sprint("first: ", n))
		want.hasNext, want.hasPrev = to-from > n, after >= 0
		to = min(to, from+n)
	} else {
		args = append(args, fmt.Sprint("last: ", n))
		want.hasNext, want.hasPrev = before >= 0, to-from > n
		from = max(from, to-n)
	}
	want.ids, want.cursors = all.ids[from:to], all.cursors[from:to]
	got := s.list(connection, strings.Join(args, ", "), false)
	if !slices.Equal(got.ids, want.ids) || !slices.Equal(got.cursors, want.cursors) || got.hasNext != want.hasNext || got.hasPrev != want.hasPrev {
		t.Fatalf("%s(%s) of %v\ngot  %+v\nwant %+v", connection, strings.Join(args, ", "), all.ids, got, want)
	}
}

// A walk through a list, forward or backward, while others write, sees every row that existed at its start once, and in order.
func TestWalkWhileRowsArrive(t *testing.T) {
	for connection := range connections {
		t.Run(connection, func(t *testing.T) { walkWhileRowsArrive(t, newShelf(newAPI(t), "kallima"), connection) })
	}
}

func walkWhileRowsArrive(t *testing.T, s *shelf, connection string) {
	t.Helper()
	growths := growing(connection)
	const most = 1000 // rows of a walk. A write adds fewer rows than a page has, on average: walks end long before.
	for range 5 {
		for _, how := range growths {
			s.grow(how)
		}
	}
	stop, wrote := make(chan struct{}), make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case wrote <- struct{}{}: // one write for each page, no faster than pages are read
				s.grow(growths[i%len(growths)])
			}
		}
	})
	was := s.list(connection, "first: 100", false).ids
	var forth, back []string
	for after, more := "", true; more && len(forth) < most; {
		<-wrote
		p := s.list(connection, "first: 3"+after, false)
		forth = append(forth, p.ids...)
		more = p.hasNext
		after = fmt.Sprintf(", after: %q", p.cursors[len(p.cursors)-1])
	}
	for before, more := "", true; more && len(back) < most; {
		<-wrote
		p := s.list(connection, "last: 3"+before, false)
		back = append(slices.Clone(p.ids), back...)
		more = p.hasPrev
		before = fmt.Sprintf(", before: %q", p.cursors[0])
	}
	close(stop)
	writing.Wait()
	for direction, walked := range map[string][]string{"forth": forth, "back": back} {
		if len(walked) >= most {
			t.Errorf("%s: the walk does not end", direction)
		}
		seen := map[string]bool{}
		for _, id := range walked {
			if seen[id] {
				t.Errorf("%s: a row twice", direction)
			}
			seen[id] = true
		}
		walked = slices.DeleteFunc(slices.Clone(walked), func(id string) bool { return !slices.Contains(was, id) })
		if diff := cmp.Diff(was, walked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", direction, diff)
		}
	}
}

// A list is counted only if its count is selected.
func TestCountIsLazy(t *testing.T) {
	a := newAPI(t)
	s := newShelf(a, "kallima")
	s.grow("webhook") // for the list of an event type
	for connection := range connections {
		statements := func(total bool) int {
			a.mu.Lock()
			before := a.statements
			a.mu.Unlock()
			if p := s.list(connection, "", total); total && p.total < 1 {
				t.Errorf("%s: counted %v", connection, p.total)
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.statements - before
		}
		statements(false)
		// A search is counted up to its end, which is looked up first.
		most := 2
		if connection == "Query.eventTypes" { // its names come from three tables
			most = 3
		}
		least := 1
		if connection == "EventType.webhooks" { // webhooks that publishing knows are counted
			least, most = 0, 0
		}
		if without, with := statements(false), statements(true); with < without+least || with > without+most {
			t.Errorf("%s: %d statements without a count, %d with it", connection, without, with)
		}
	}
}

// node finds an object of every Node type by its id alone, and nodes finds all of them at once.
func TestNodeOfEveryType(t *testing.T) {
	a := newAPI(t)
	s := newShelf(a, "kallima")
	ids := map[string]string{
		"Tenant": s.tenant, "Webhook": s.webhook, "Event": s.event, "Delivery": s.delivery, "Replay": s.replay,
		"DeliveryAttempt": s.list("Query.attempts", "", false).ids[0],
		"Token":           s.list("Query.tokens", "", false).ids[0],
		"AuditEntry":      s.list("Query.auditLog", "", false).ids[0],
		"EventType":       s.list("Query.eventTypes", "", false).ids[0],
		"Issue":           s.issue,
		"PortalSession":   s.session,
	}
	schema := graph.New(&graph.Resolver{}).Schema()
	var all []string
	for _, def := range schema.GetPossibleTypes(schema.Types["Node"]) {
		id := ids[def.Name]
		got := s.get(s.ctx, `query($id: ID!) { node(id: $id) { __typename id } }`, vars{"id": id})
		if id == "" || got.text("node", "__typename") != def.Name || got.text("node", "id") != id {
			t.Errorf("%s %q: %v", def.Name, id, got)
		}
		all = append(all, id)
	}
	got := s.get(s.ctx, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": all})
	for i, id := range all {
		if got.text("nodes", i, "id") != id {
			t.Errorf("nodes: %v, want %v", got, all)
		}
	}
	if len(all) != len(ids) {
		t.Errorf("%d types are nodes, %d are known", len(all), len(ids))
	}
}

// A range that no time is in is an error that names its end, in each list; one of a microsecond is valid.
func TestEmptyTimeRanges(t *testing.T) {
	a := newAPI(t)
	for list, fields := range map[string][]string{
		"events": {"createdAt"}, "deliveries": {"createdAt", "completedAt", "nextAttemptAt"}, "attempts": {"startedAt"}, "auditLog": {"at"},
	} {
		for _, field := range fields {
			query := fmt.Sprintf(`query($r: TimeRange) { %s(filter: {%s: $r}) { nodes { id } } }`, list, field)
			for to, valid := range map[string]bool{
				"2026-04-23T10:00:00.000001Z": true, "2026-04-23T10:00:00Z": false, "2026-04-23T09:59:59.999999Z": false, "-P3650D": false,
			} {
				resp := a.run(a.as("kallima"), query, vars{"r": vars{"from": "2026-04-23T10:00:00Z", "to": to}})
				switch {
				case valid && len(resp.Errors) > 0:
					t.Errorf("%s to %s: %v", query, to, resp.Errors)
				case !valid && (code(resp) != "BAD_USER_INPUT" || !strings.HasPrefix(resp.Errors[0].Message, "filter."+field+".to: ")):
					t.Errorf("%s to %s: %s %v, want an error of filter.%s.to", query, to, resp.Data, resp.Errors, field)
				}
			}
		}
	}
}

// A range accepts durations back from now, and all bounds of an operation count from its start, however long it runs.
func TestTimeBounds(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	a.publish(ctx, 2)
	found := a.get(ctx, `{ recent: events(filter: {createdAt: {from: "-PT1H"}}) { nodes { id } }
		old: events(filter: {createdAt: {to: "-PT1H"}}) { nodes { id } } }`, nil)
	if len(found.at("recent", "nodes").([]any)) != 2 || len(found.at("old", "nodes").([]any)) != 0 {
		t.Errorf("got %v", found)
	}
	// Were each counted from its own instant, the range would be a short one, and valid.
	if resp := a.run(ctx, `{ events(filter: {createdAt: {from: "-PT1H", to: "-PT1H"}}) { nodes { id } } }`, nil); code(resp) != "BAD_USER_INPUT" {
		t.Errorf("a range from an instant to the same instant: %s %v", resp.Data, resp.Errors)
	}
	start := time.Date(2026, 4, 23, 10, 0, 0, 0, time.UTC)
	ctx = graphql.WithOperationContext(t.Context(), &graphql.OperationContext{Stats: graphql.Stats{OperationStart: start}})
	if got, err := model.UnmarshalTimeBound(ctx, "-P1D"); err != nil || got != start.AddDate(0, 0, -1) {
		t.Errorf("a day before the start: %v %v", got, err)
	}
}
