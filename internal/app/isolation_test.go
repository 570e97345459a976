package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
	"github.com/hookgraph/hookgraph/internal/webhooktest/certificates"
)

// isolation is the whole API over a store; the test itself records the attempts.
type isolation struct {
	*testing.T
	store    *store.Store
	live     *live.Log
	url      string
	operator string // a token
	schema   *ast.Schema
	nobody   *party // a deleted tenant: its cursors are well formed, and its names are free
	tenants  int
}

// party is a tenant with one object of every type. ids are by kind; texts are its names, other texts and cursors by kind.
type party struct {
	name, token string
	id          webhook.ID
	ids         map[string]string
	texts       map[string]string
	begin       string            // stream cursor of its first attempt
	end         map[string]string // ids of its last attempt, which ends streams; they are not in ids
}

// Nobody reaches another tenant's rows (I11). The test finds every argument and input field in the schema and fills each with the
// ids, cursors and texts of another tenant. The response must be the one for values that do not exist, without a byte of the other
// tenant's data; the same over REST. For each id, its own tenant must get another response. New arguments are found; one of a new
// kind fails the test until it knows how to fill it.
func TestTenantIsolation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of processor time")
	}
	w := newIsolation(t)
	bob := w.party(t, "bob-1")
	alice := w.party(t, "canary-2")
	w.nobody = w.party(t, "nobody-3") // its rows are between alice's and bob's last
	if err := w.store.Registry(nil).DeleteTenant(t.Context(), w.nobody.id); err != nil {
		t.Fatal(err)
	}
	w.finish(t, bob)
	if err := w.store.FoldStatistics(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := w.store.CountRows(t.Context(), alice.id)
	if err != nil {
		t.Fatal(err)
	}
	for table, n := range rows {
		if waits := table == "notices" || table == "fanouts"; n == 0 && !waits { // such rows are removed when they are processed
			t.Errorf("alice has nothing in %s: that it leaks would not be seen", table)
		}
	}
	before := w.everything(t, alice)
	for _, must := range []string{alice.ids["webhook"], alice.ids["event"], alice.ids["delivery"], alice.ids["attempt"], alice.ids["token"], alice.ids["tenant"], alice.ids["replay"], alice.texts["url"]} {
		if !strings.Contains(before, must) {
			t.Fatalf("the queries do not find %s, so they would not find what leaks", must)
		}
	}
	slots := 0
	seen := map[string]bool{} // a field is resolved the same on every path: the shortest is enough
	// Mutations come last: what bob makes there has alice's names, and is his.
	for _, root := range []*ast.Definition{w.schema.Query, w.schema.Subscription, w.schema.Mutation} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			for _, s := range w.slots(t, root, field) {
				if seen[s.place()] {
					continue
				}
				seen[s.place()] = true
				slots++
				webhooktest.Watch(t) // there are hundreds
				t.Run(s.name(), func(t *testing.T) { w.probe(t, s, alice, bob) })
			}
		}
	}
	if slots < 50 {
		t.Errorf("only %d arguments were found", slots)
	}
	for _, r := range web.Routes() {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) { w.probeRoute(t, r, alice, bob) })
	}
	w.refusesAllTenants(t, alice, bob)
	for _, request := range [][3]string{{"POST", "/graphql", `{"query": "{ webhooks { nodes { id } } }"}`}, {"GET", "/v1/webhooks", ""}} {
		foreign := w.call(t, bob.token, request[0], request[1], request[2], alice.name)
		absent := w.call(t, bob.token, request[0], request[1], request[2], "nobody")
		if same(foreign, alice.name, "nobody") != same(absent, alice.name, "nobody") || !strings.HasPrefix(foreign, "403") {
			t.Errorf("%v for another tenant by name: %s, for nobody: %s", request, foreign, absent)
		}
	}
	if after := w.everything(t, alice); after != before {
		t.Errorf("another tenant changed something:\n%s\nbefore:\n%s", after, before)
	}
}

// refusesAllTenants checks that every field with the argument allTenants, and every filter that has it, refuses a tenant who gives it.
func (w *isolation) refusesAllTenants(t *testing.T, alice, bob *party) {
	t.Helper()
	asked := 0
	for _, f := range w.schema.Query.Fields {
		given := ""
		for _, a := range f.Arguments {
			d := w.schema.Types[a.Type.Name()]
			switch {
			case a.Name == "allTenants":
				given += ", allTenants: true"
			case d.Kind == ast.InputObject && d.Fields.ForName("allTenants") != nil:
				given += ", " + a.Name + ": {allTenants: true}"
			case a.Type.NonNull && a.DefaultValue == nil:
				given += ", " + a.Name + map[string]string{"String": `: "canary"`, "TimeRange": `: {from: "-PT1H"}`}[a.Type.Name()]
			}
		}
		if !strings.Contains(given, "allTenants") {
			continue
		}
		asked++
		doc, err := json.Marshal(map[string]any{"query": "{ " + f.Name + "(" + given[2:] + ")" + w.selection(f.Type.Name(), nil, true) + " }"})
		if err != nil {
			t.Fatal(err)
		}
		answer := w.call(t, bob.token, "POST", "/graphql", string(doc), "")
		if !strings.Contains(answer, "operator token") || !strings.Contains(answer, fmt.Sprintf("{%q:null}", f.Name)) {
			t.Errorf("%s for all tenants: %s", f.Name, answer)
		}
		w.leaks(t, answer, "", alice)
	}
	if asked < 8 {
		t.Errorf("only %d fields have all tenants", asked)
	}
}

func newIsolation(t *testing.T) *isolation {
	t.Helper()
	w := &isolation{T: t, store: webhooktest.Store(t, nil)}
	w.live = live.New(w.store, 1) // a tail so small that streams read the database; package live tests the tail
	changes := live.NewChanges(live.RowsOf(w.store), live.DefaultPace())
	t.Cleanup(changes.Close)
	w.store.Follow(changes)
	w.store.Start(nil, w.live.Append)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	schema := graph.New(&graph.Resolver{
		Store: w.store, Live: w.live, Changes: changes, LastEventID: gqlhttp.LastEventID, SetCursor: gqlhttp.SetCursor, EndStream: gqlhttp.EndStream,
	})
	w.schema = schema.Schema()
	authenticator := auth.New(w.store)
	api := gqlhttp.New(schema, gqlhttp.Config{
		Authenticate: graph.Authenticate(authenticator, log), ErrorPresenter: graph.Presenter{Logger: log}.Present,
		AroundOperations: graph.AroundOperations, Logger: log,
		Limits: gqlhttp.Limits{Cost: 1 << 40, Depth: 50, Fields: 1 << 20, Aliases: 1 << 20, Variables: 1000},
	})
	server := httptest.NewServer(web.New(web.Config{Store: w.store, Auth: authenticator, GraphQL: api, Logger: log}))
	t.Cleanup(func() {
		_ = api.Shutdown(context.Background())
		server.Close()
	})
	w.url = server.URL
	w.operator, _ = webhooktest.Token(t, w.store, "")
	return w
}

// party creates a tenant with one object of every type.
func (w *isolation) party(t *testing.T, name string) *party {
	t.Helper()
	w.tenants++
	if name == "" {
		name = fmt.Sprintf("other-%d", w.tenants)
	}
	token, row := webhooktest.Token(t, w.store, name)
	p := &party{name: name, token: token, id: *row.TenantID, ids: map[string]string{"token": row.ID.String(), "tenant": row.TenantID.String()}}
	eventType := strings.ReplaceAll(name, "-", ".n") + ".happened"
	p.texts = map[string]string{"name": name, "url": "https://" + name + ".example.com/hook", "type": eventType, "key": "key of " + name, "tag": "tag of " + name, "external": "id of " + name}
	scope := w.store.In(p.id).By(webhook.Actor{Kind: webhook.ActorTenant, TokenID: &row.ID, Name: name, Address: "address of " + name, RequestID: "request of " + name})
	chain, key := certificates.NewAuthority(t, "authority of "+name).Issue(t, "certificate of "+name, nil, func(c *x509.Certificate) {
		c.NotAfter = time.Now().AddDate(1, 0, 0) // one that expires soon would become an issue, which a task sees again every minute
	})
	hook, secret, err := scope.CreateWebhook(t.Context(), webhook.New{
		URL: p.texts["url"], Enabled: true, Description: "note of " + name, Events: []string{eventType}, ExternalID: new(p.texts["external"]),
		Headers: []*webhook.NewHeader{{Name: "X-Of", Value: &name}},
		Authentication: &webhook.AuthenticationPatch{
			OAuth2: webhook.Some(&webhook.NewOAuth2{
				TokenURL: "https://" + name + ".example.com/token", ClientID: "client of " + name, ClientSecret: &name, Scopes: []string{name}, Audience: new("audience of " + name),
				Parameters: []*webhook.NewOAuth2Parameter{{Name: "of-" + name, Value: &name}},
			}),
			Certificate: webhook.Some(&webhook.NewCertificate{Chain: chain, PrivateKey: key}),
		},
		Payload: &webhook.Payload{Format: webhook.PayloadTemplate, Template: new(`{"shape of ` + name + `":"{{ data }}"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := w.store.Registry(&p.id).AuditLog(t.Context(), store.AuditFilter{}, store.Page{First: 1})
	if err != nil || len(log.Items) != 1 {
		t.Fatal(err)
	}
	p.ids["entry"] = log.Items[0].ID.String()
	p.texts["cursor "+string(cursor.AuditLog)] = scope.CursorAt(cursor.AuditLog, store.Place{Seq: log.Items[0].Seq})
	p.ids["webhook"], p.ids["secret"] = hook.ID.String(), secret.ID.String()
	first, _ := w.attempt(t, p, hook, webhook.NewEvent{Type: eventType, IdempotencyKey: p.texts["key"], Tags: []string{p.texts["tag"]}})
	p.begin = w.live.Cursor(p.id, first.Seq)
	w.retries(t, p, hook, webhook.Some([]int{})) // so that what follows has failed
	a, claimed := w.attempt(t, p, hook, webhook.NewEvent{Type: eventType})
	p.ids["attempt"], p.ids["delivery"], p.ids["event"] = a.ID.String(), a.DeliveryID.String(), a.EventID.String()
	p.texts["stream"] = w.live.Cursor(p.id, a.Seq)
	last := w.replays(t, p, hook, eventType)
	p.ids["open replay"] = last.ID.String()
	w.retries(t, p, hook, webhook.Some[[]int](nil))
	owner, err := w.store.TenantByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for kind, seq := range map[cursor.Kind]int64{
		cursor.Attempts: a.Seq, cursor.DeliveryAttempts: a.Seq, cursor.Deliveries: claimed.Delivery.Seq, cursor.Events: claimed.Event.Seq,
		cursor.RESTAttempts: a.Seq, cursor.RESTDeliveries: claimed.Delivery.Seq, cursor.RESTEvents: claimed.Event.Seq,
		cursor.Webhooks: hook.Seq, cursor.RESTWebhooks: hook.Seq, cursor.Tokens: row.Seq, cursor.Tenants: owner.Seq,
	} {
		p.texts["cursor "+string(kind)] = w.store.Cursor(kind, p.id, seq)
	}
	w.issue(t, p, scope)
	w.session(t, p, scope)
	y, _, err := scope.PutEventType(t.Context(), eventType, webhook.EventTypePatch{Description: webhook.Some("note of " + name)})
	if err != nil {
		t.Fatal(err)
	}
	p.ids["event type"] = y.ID.String()
	for _, kind := range []cursor.Kind{cursor.EventTypes, cursor.RESTEventTypes} {
		p.texts["cursor "+string(kind)] = scope.CursorAt(kind, store.EventTypePlace(y))
	}
	for _, kind := range []cursor.Kind{cursor.Replays, cursor.RESTReplays} {
		p.texts["cursor "+string(kind)] = scope.CursorAt(kind, store.Place{Seq: last.Seq})
	}
	for _, kind := range []cursor.Kind{cursor.Completed, cursor.NextAttempts, cursor.LastFailures, cursor.FailureRates} {
		p.texts["cursor "+string(kind)] = scope.CursorAt(kind, store.Place{At: time.Now().UnixMicro(), Seq: claimed.Delivery.Seq})
	}
	return p
}

// session gives the party a portal session.
func (w *isolation) session(t *testing.T, p *party, scope *store.Scope) {
	t.Helper()
	code, made, err := w.store.Registry(&p.id).CreatePortalLink(t.Context(), p.id, portal.Link{Label: "customer of " + p.name, Scopes: webhook.TokenScopes{webhook.ScopeWebhooksRead}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.OpenPortalLink(t.Context(), webhook.Actor{Address: "address of " + p.name}, code); err != nil {
		t.Fatal(err)
	}
	p.ids["portal session"] = made.ID.String()
	for _, kind := range []cursor.Kind{cursor.PortalSessions, cursor.RESTPortalSessions} {
		p.texts["cursor "+string(kind)] = scope.CursorAt(kind, store.Place{Seq: made.Seq})
	}
}

// issue notes an issue of the party: deliveries of its have failed, and are not retried.
func (w *isolation) issue(t *testing.T, p *party, scope *store.Scope) {
	t.Helper()
	found, err := scope.Issues(t.Context(), store.IssueFilter{}, store.Page{First: 1})
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("issues: %+v, %v", found, err)
	}
	p.ids["issue"] = found.Items[0].ID.String()
	for _, kind := range []cursor.Kind{cursor.Issues, cursor.RESTIssues} {
		p.texts["cursor "+string(kind)] = scope.CursorAt(kind, store.Place{At: found.Items[0].Place, Seq: found.Items[0].Seq})
	}
}

func (w *isolation) retries(t *testing.T, p *party, hook *webhook.Webhook, schedule webhook.Opt[[]int]) {
	t.Helper()
	if _, _, err := w.store.In(p.id).UpdateWebhook(t.Context(), hook.ID, webhook.Patch{RetryScheduleMs: schedule}, nil); err != nil {
		t.Fatal(err)
	}
}

// replays gives the party a replay of a delivery that has failed again, and one, which it returns, of a delivery that waits to be sent.
func (w *isolation) replays(t *testing.T, p *party, hook *webhook.Webhook, eventType string) *webhook.Replay {
	t.Helper()
	scope := w.store.In(p.id)
	var made *webhook.Replay
	for _, sent := range []bool{true, false} {
		a, _ := w.attempt(t, p, hook, webhook.NewEvent{Type: eventType})
		var err error
		made, err = scope.CreateReplay(t.Context(), &store.ReplayInput{
			Kind: webhook.ReplayFailed, Note: "note of " + p.name, Filter: store.DeliveryFilter{DeliveryIDs: []webhook.ID{a.DeliveryID}},
		})
		if err != nil {
			t.Fatal(err)
		}
		is := func(want func(r *webhook.Replay) bool) {
			webhooktest.Eventually(t, "the replay goes on", func() bool {
				found, err := scope.ReplaysByID(t.Context(), []webhook.ID{made.ID})
				return err == nil && want(found[made.ID])
			})
		}
		is(func(r *webhook.Replay) bool { return r.Waiting() == 1 })
		p.ids["open delivery"], p.ids["open event"] = a.DeliveryID.String(), a.EventID.String()
		if sent {
			again, _ := w.record(t, p, hook)
			p.ids["attempt"], p.ids["delivery"], p.ids["event"] = again.ID.String(), again.DeliveryID.String(), again.EventID.String()
			is(func(r *webhook.Replay) bool { return r.CompletedAt != nil })
			p.ids["replay"] = made.ID.String()
		}
	}
	return made
}

// finish records an attempt of another webhook of the party, the last in the log.
func (w *isolation) finish(t *testing.T, p *party) {
	t.Helper()
	eventType := "the.end.of." + strings.ReplaceAll(p.name, "-", "_")
	hook, _, err := w.store.In(p.id).CreateWebhook(t.Context(), webhook.New{URL: "https://end.example.com/", Enabled: true, Events: []string{eventType}})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := w.attempt(t, p, hook, webhook.NewEvent{Type: eventType})
	p.end = map[string]string{"webhook": hook.ID.String(), "event": a.EventID.String(), "delivery": a.DeliveryID.String(), "type": eventType, "cursor": w.live.Cursor(p.id, a.Seq)}
}

// attempt publishes an event and records a failed attempt of its delivery.
func (w *isolation) attempt(t *testing.T, p *party, hook *webhook.Webhook, e webhook.NewEvent) (*webhook.Attempt, *store.Claimed) {
	t.Helper()
	scope := w.store.In(p.id)
	e.Data = json.RawMessage(`{"of": "data of ` + p.name + `"}`)
	if _, err := scope.Publish(t.Context(), []webhook.NewEvent{e}); err != nil {
		t.Fatal(err)
	}
	return w.record(t, p, hook)
}

// record records a failed attempt of the delivery to the webhook that is due first.
func (w *isolation) record(t *testing.T, p *party, hook *webhook.Webhook) (*webhook.Attempt, *store.Claimed) {
	t.Helper()
	scope := w.store.In(p.id)
	claims, _, err := w.store.Claim(t.Context(), hook.ID, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(len(claims), err)
	}
	r := &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptFailed, Error: new(webhook.ErrorHTTPStatus), Message: "500 of " + p.name, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(),
		URL: hook.URL, RequestHeaders: webhook.HeaderBlock("X-Of: " + p.name + "\r\n"), ResponseStatus: new(500), ResponseBody: []byte("body of " + p.name),
	}}
	if err := w.store.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	attempts, err := scope.Attempts(t.Context(), store.AttemptFilter{}, store.Page{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	return attempts.Items[0], claims[0]
}

// hop is an argument, or a field of an input object, on the path to a slot.
type hop struct {
	name string
	typ  *ast.Type
}

// slot is a place for an id or a text: an argument of a field, or something within one.
type slot struct {
	root  *ast.Definition
	way   []*ast.FieldDefinition // from the root field to the one that has the argument
	steps []hop                  // from the argument to the slot
}

func (s *slot) last() hop { return s.steps[len(s.steps)-1] }

func (s *slot) name() string {
	name := s.root.Name
	for _, f := range s.way {
		name += "." + f.Name
	}
	for _, st := range s.steps {
		name += "/" + st.name
	}
	return name
}

// place names the slot by its field, not by the path to it.
func (s *slot) place() string {
	of := s.root.Name
	if n := len(s.way); n > 1 {
		of = s.way[n-2].Type.Name()
	}
	of = strings.TrimSuffix(strings.TrimSuffix(of, "Edge"), "Connection") + "." + s.way[len(s.way)-1].Name
	for _, h := range s.steps {
		of += "/" + h.name
	}
	return of
}

// slots finds every slot in the arguments of a root field and, except for mutations, of the fields below it.
func (w *isolation) slots(t *testing.T, root *ast.Definition, field *ast.FieldDefinition) []*slot {
	t.Helper()
	var all []*slot
	var below func(way []*ast.FieldDefinition)
	var within func(way []*ast.FieldDefinition, steps []hop)
	within = func(way []*ast.FieldDefinition, steps []hop) {
		last := steps[len(steps)-1]
		d := w.schema.Types[last.typ.Name()]
		switch {
		case d.Kind == ast.InputObject:
			for _, f := range d.Fields {
				within(way, append(slices.Clone(steps), hop{f.Name, f.Type}))
			}
		case d.Kind == ast.Enum || slices.Contains([]string{"Int", "Float", "Boolean", "DateTime", "TimeBound", "JSON"}, d.Name):
			// This id exists nowhere.
		case d.Name == "ID" || d.Name == "String":
			all = append(all, &slot{root: root, way: way, steps: steps})
		default:
			t.Errorf("%s takes a %s: teach this test how to fill it", (&slot{root, way, steps}).name(), d.Name)
		}
	}
	below = func(way []*ast.FieldDefinition) {
		f := way[len(way)-1]
		for _, a := range f.Arguments {
			within(way, []hop{{a.Name, a.Type}})
		}
		d := w.schema.Types[f.Type.Name()]
		if root == w.schema.Mutation || d.Kind != ast.Object {
			return
		}
		for _, next := range d.Fields {
			again := slices.ContainsFunc(way, func(f *ast.FieldDefinition) bool { return f.Type.Name() == next.Type.Name() })
			if !again && len(way) < 6 {
				below(append(slices.Clone(way), next))
			}
		}
	}
	below([]*ast.FieldDefinition{field})
	return all
}

// value returns the smallest value of a type, null if allowed, with v in the slot.
func (w *isolation) value(t *testing.T, name string, typ *ast.Type, steps []hop, v any, own *party, ownID string) any {
	t.Helper()
	if len(steps) == 0 && v != nil { // the slot itself
		return v
	}
	d := w.schema.Types[typ.Name()]
	if typ.Elem != nil {
		if !typ.NonNull && len(steps) == 0 {
			return nil
		}
		return []any{w.value(t, name, typ.Elem, steps, v, own, ownID)}
	}
	if !typ.NonNull && len(steps) == 0 && (d.Name != "JSON" || name == "equals") {
		return nil
	}
	switch d.Kind {
	case ast.InputObject:
		object := map[string]any{}
		for _, f := range d.Fields {
			var x any
			if len(steps) > 0 && steps[0].name == f.Name {
				x = w.value(t, f.Name, f.Type, steps[1:], v, own, ownID)
			} else if f.DefaultValue == nil {
				x = w.value(t, f.Name, f.Type, nil, nil, own, ownID)
			}
			if x != nil {
				object[f.Name] = x
			}
		}
		return object
	case ast.Enum:
		return d.EnumValues[0].Name
	}
	switch d.Name {
	case "ID":
		return ownID
	case "Int", "Float":
		return 1
	case "Boolean":
		return false
	case "DateTime", "TimeBound":
		return time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	case "JSON":
		return map[string]any{"a": 1}
	case "String":
		if text, ok := map[string]string{
			"url": "https://own.example.com/", "type": "own.type", "name": fmt.Sprintf("own-%d", time.Now().UnixNano()), "value": "v", "path": "of", "text": "own",
			"username": "own", "label": "own", "clientId": "own", "tokenUrl": "https://own.example.com/token", "chain": "own", "privateKey": "own",
		}[name]; ok {
			return text
		}
	}
	t.Fatalf("%s is a %s that must be given: teach this test how to fill it", name, d.Name)
	return nil
}

// document writes an operation with v in the slot that selects everything, six levels deep.
func (w *isolation) document(t *testing.T, s *slot, v any, own *party, ownID string) string {
	t.Helper()
	vars := map[string]any{}
	declared := ""
	arguments := func(f *ast.FieldDefinition, slotted bool) string {
		var given []string
		for _, a := range f.Arguments {
			var x any
			if slotted && s.steps[0].name == a.Name {
				x = w.value(t, a.Name, a.Type, s.steps[1:], v, own, ownID)
			} else if s.root == w.schema.Subscription && a.Name == "after" && f == s.way[0] {
				x = own.begin
			} else if a.DefaultValue == nil {
				x = w.value(t, a.Name, a.Type, nil, nil, own, ownID)
			}
			if x == nil {
				continue
			}
			name := fmt.Sprintf("v%d", len(vars))
			vars[name] = x
			declared += fmt.Sprintf(" $%s: %s", name, a.Type)
			given = append(given, a.Name+": $"+name)
		}
		if len(given) == 0 {
			return ""
		}
		return "(" + strings.Join(given, ", ") + ")"
	}
	levels := make([]string, min(len(s.way)-1, 3)) // of nested fields fewer levels are selected: the rest has slots of its own
	body := w.selection(s.way[len(s.way)-1].Type.Name(), levels, s.root != w.schema.Mutation)
	for i, f := range slices.Backward(s.way) {
		body = f.Name + arguments(f, i == len(s.way)-1) + body
		if i > 0 {
			body = "{ " + body + " }"
		}
	}
	if declared != "" {
		declared = "(" + declared + ")"
	}
	operation := map[*ast.Definition]string{w.schema.Query: "query", w.schema.Mutation: "mutation", w.schema.Subscription: "subscription"}[s.root]
	b, err := json.Marshal(map[string]any{"query": operation + declared + " { " + body + " }", "variables": vars})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// selection selects every field of a type, but no type within itself, and lists and usage only where calls do not change them.
func (w *isolation) selection(typeName string, above []string, lists bool) string {
	d := w.schema.Types[typeName]
	if !d.IsCompositeType() {
		return ""
	}
	above = append(slices.Clone(above), typeName)
	var b strings.Builder
	b.WriteString(" { __typename")
	for _, f := range d.Fields {
		arguments, ok := w.literals(f)
		if strings.HasPrefix(f.Name, "__") || slices.Contains(above, f.Type.Name()) || len(above) > 5 || !lists && (len(f.Arguments) > 0 || f.Type.Name() == "TenantUsage") || !ok {
			continue
		}
		b.WriteString(" " + f.Name + arguments + w.selection(f.Type.Name(), above, lists))
	}
	if d.Kind != ast.Object {
		for _, of := range w.schema.PossibleTypes[typeName] {
			fmt.Fprintf(&b, " ... on %s {", of.Name)
			for _, f := range of.Fields {
				if !w.schema.Types[f.Type.Name()].IsCompositeType() {
					fmt.Fprintf(&b, " %s_%s: %s", of.Name, f.Name, f.Name)
				}
			}
			b.WriteString(" }")
		}
	}
	return b.String() + " }"
}

// literals are the arguments that a field must have. ok is false for a field whose answer depends on the time, which is left out.
func (w *isolation) literals(f *ast.FieldDefinition) (text string, ok bool) {
	var given []string
	for _, a := range f.Arguments {
		if !a.Type.NonNull || a.DefaultValue != nil {
			continue
		}
		value, known := map[string]string{"Float": "0.5", "StatsDimension": "WEBHOOK"}[a.Type.Name()]
		if !known {
			return "", false
		}
		given = append(given, a.Name+": "+value)
	}
	if len(given) == 0 {
		return "", true
	}
	return "(" + strings.Join(given, ", ") + ")", true
}

// call sends a request, and returns the status and the response.
func (w *isolation) call(t *testing.T, token, method, path, body, tenant string) string {
	t.Helper()
	return w.callUntil(t, token, method, path, body, tenant, "", nil)
}

// callUntil is call, but reads a stream of events up to one that contains the text. It calls begun, if that is not nil, after the first one.
func (w *isolation) callUntil(t *testing.T, token, method, path, body, tenant, until string, begun func()) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if tenant != "" {
		req.Header.Set("Hookgraph-Tenant", tenant)
	}
	if until != "" {
		req.Header.Set("Accept", "text/event-stream")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if until == "" {
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(res.StatusCode, " ", inOrder(b))
	}
	var got bytes.Buffer
	fmt.Fprint(&got, res.StatusCode)
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			got.WriteString(" " + data)
			if strings.Contains(data, until) {
				break
			}
			if begun != nil {
				begun()
				begun = nil
			}
		}
	}
	return got.String()
}

// inOrder sorts the errors of a response, because resolvers run concurrently.
func inOrder(answer []byte) string {
	var parts map[string]json.RawMessage
	var errs []json.RawMessage
	if json.Unmarshal(answer, &parts) != nil || json.Unmarshal(parts["errors"], &errs) != nil {
		return string(answer)
	}
	slices.SortFunc(errs, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return fmt.Sprintf("data %s errors %s", parts["data"], errs)
}

var (
	madeAnew = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*ursor":"[^"]*"|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)|own-\d+`)
	totals   = regexp.MustCompile(`"total":\d+,?`)
	random   = regexp.MustCompile(`whsec_[\w+/=]+|hg[lp]?_[\w-]{43}|hg_[\w-]{6}`)
)

// same removes from two responses what was sent and what each call creates, so that they can be compared.
func same(answer, one, other string) string {
	answer = random.ReplaceAllString(answer, "<made>")
	answer = strings.NewReplacer(one, "<sent>", other, "<sent>").Replace(answer)
	return madeAnew.ReplaceAllString(answer, "<made>")
}

// probe puts, as bob, each value of alice into the slot, and compares the response with that for a value of nobody.
func (w *isolation) probe(t *testing.T, s *slot, alice, bob *party) {
	t.Helper()
	search := s.way[len(s.way)-1].Name == "search" // which takes ids as texts
	isID := s.last().typ.Name() == "ID" || search
	kinds, absent := alice.texts, func(kind string) string {
		if alice.ids[kind] != "" {
			return webhook.NewID(time.Now()).String()
		}
		return w.nobody.texts[kind]
	}
	if isID {
		kinds = maps.Clone(alice.ids)
	}
	if search {
		maps.Copy(kinds, alice.texts)
	}
	put := func(x string, of *party) any {
		if s.last().typ.Elem == nil {
			return x
		}
		if s.root != w.schema.Subscription {
			return []any{x}
		}
		if !isID {
			return []any{x, of.end["type"]} // this lets the last attempt through, which ends the stream
		}
		return []any{x, of.end["webhook"], of.end["event"], of.end["delivery"]}
	}
	ask := func(token, tenant, x string, own *party, ownID string) string {
		if name := s.way[0].Name; name == "replayDeliveries" || name == "cancelDeliveries" {
			w.roomForReplays(t, own)
		}
		v := put(x, own)
		doc := w.document(t, s, v, own, ownID)
		until, begun := w.ending(t, s, own)
		answer := w.callUntil(t, token, "POST", "/graphql", doc, tenant, until, begun)
		for range 100 {
			if s.root != w.schema.Query || !strings.Contains(answer, `"searchedTo":"`) {
				return answer
			}
			answer = w.callUntil(t, token, "POST", "/graphql", doc, tenant, until, begun) // its time was over before it had looked at everything
		}
		t.Fatalf("a search of a few rows never ends: %s", answer)
		return ""
	}
	required := w.required(t, s, bob)
	for kind, x := range kinds {
		if s.root == w.schema.Subscription && s.last().name == "after" && kind != "stream" {
			continue // not a cursor of the stream: it is refused, or parsed as a time
		}
		if name := s.last().name; (kind == "stream" || strings.HasPrefix(kind, "cursor ")) && name != "after" && name != "before" {
			continue // letters may be a name by chance
		}
		for _, ownID := range required {
			nothing := absent(kind)
			foreign, none := ask(bob.token, "", x, bob, ownID), ask(bob.token, "", nothing, bob, ownID)
			if !isID { // the first replay of all deliveries leaves fewer for the second
				foreign, none = totals.ReplaceAllString(foreign, ""), totals.ReplaceAllString(none, "")
			}
			if same(foreign, x, nothing) != same(none, x, nothing) {
				t.Errorf("%s of another tenant:\n%s\nof nobody:\n%s", kind, foreign, none)
			}
			w.leaks(t, foreign, x, alice)
		}
	}
	if isID && s.name() != "Subscription.deliveries/filter/replayIds" { // what the test retries there leaves its replay; the query's filter is the same
		w.matters(t, s, ask)
	}
}

// ending returns the text with which the slot's stream, if it is one, has told what it has to tell, and what to do first to make it do so.
func (w *isolation) ending(t *testing.T, s *slot, own *party) (until string, begun func()) {
	t.Helper()
	if s.root != w.schema.Subscription {
		return "", nil
	}
	switch name := s.last().name; s.way[0].Name {
	case "replayProgress":
		return `"Replay"`, nil
	case "stats":
		return `"Stats"`, nil // all that there is comes first
	case "auditLog":
		return `"AuditLogChange"`, nil // the same
	case "issues":
		return `"IssuesChange"`, nil // the same
	case "deliveries":
		if s.last().typ.Name() != "ID" && name != "eventTypes" {
			return `"RESYNC"`, nil // of the others, the last delivery meets none
		}
		return own.end["delivery"], func() {
			for _, text := range []string{own.ids["delivery"], own.end["delivery"]} {
				id, err := webhook.ParseID(text)
				if err == nil {
					_, err = w.store.In(own.id).RetryDelivery(t.Context(), id)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
	return own.end["cursor"], nil
}

// roomForReplays waits until replays that have nothing to send have ended: a tenant may not have many at a time.
func (w *isolation) roomForReplays(t *testing.T, p *party) {
	t.Helper()
	webhooktest.Eventually(t, "few replays are open", func() bool {
		l, err := w.store.In(p.id).Replays(t.Context(), store.Page{First: 100})
		if err != nil {
			return false
		}
		open := slices.DeleteFunc(l.Items, func(r *webhook.Replay) bool { return r.CompletedAt != nil })
		return len(open) < webhook.MaxReplays/2
	})
}

// required returns ids for an argument that is required beside the slot: the party's own, of every kind.
func (w *isolation) required(t *testing.T, s *slot, own *party) []string {
	t.Helper()
	if strings.Contains(w.document(t, s, "x", own, "own-id"), `"own-id"`) {
		return slices.Collect(maps.Values(own.ids))
	}
	return []string{""}
}

// leaks fails if a response contains anything of alice's, except what was sent.
func (w *isolation) leaks(t *testing.T, answer, sent string, alice *party) {
	t.Helper()
	answer = strings.ReplaceAll(answer, sent, "")
	for kind, has := range alice.ids {
		if strings.Contains(answer, has) {
			t.Errorf("it tells another tenant's %s: %s", kind, answer)
		}
	}
	if strings.Contains(answer, alice.name) {
		t.Errorf("it tells what another tenant has: %s", answer)
	}
}

// matters checks that an id is used: with one of the ids, its own tenant (or an operator, if only operators may call) gets another
// response than with an id that does not exist.
func (w *isolation) matters(t *testing.T, s *slot, ask func(token, tenant, x string, own *party, ownID string) string) {
	t.Helper()
	p := w.party(t, "")
	w.finish(t, p)
	required := w.required(t, s, p)
	for _, caller := range [][2]string{{p.token, ""}, {w.operator, p.name}} {
		for _, ownID := range required {
			for _, x := range p.ids {
				nothing := webhook.NewID(time.Now()).String()
				none, own := ask(caller[0], caller[1], nothing, p, ownID), ask(caller[0], caller[1], x, p, ownID)
				if same(none, x, nothing) != same(own, x, nothing) {
					return
				}
			}
		}
	}
	t.Error("no id makes a difference to its own tenant, so this proves nothing")
}

// everything returns all that a tenant can read.
func (w *isolation) everything(t *testing.T, p *party) string {
	t.Helper()
	var b strings.Builder
	for _, f := range w.schema.Query.Fields {
		needsID := slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil })
		if strings.HasPrefix(f.Name, "__") || needsID {
			continue
		}
		doc, err := json.Marshal(map[string]any{"query": "{ " + f.Name + w.selection(f.Type.Name(), nil, true) + " }"})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(w.call(t, p.token, "POST", "/graphql", string(doc), "") + "\n")
	}
	return b.String()
}

// callOwn returns the kind of object that the path of a route names, a body for it, and the status of its answer.
func callOwn(r web.Route) (own, body, done string) {
	switch kind := strings.Split(r.Path, "/")[2]; {
	case strings.HasSuffix(r.Path, "/verify"):
		return strings.TrimSuffix(kind, "s"), `{"headers": [], "body": ""}`, "200"
	case kind == "issues":
		return "issue", "", "200"
	case kind == "portal-sessions":
		return "portal session", "", "200"
	case kind == "events":
		return "event", "", "200"
	case kind == "attempts":
		return "attempt", "", "200"
	case kind == "deliveries":
		return "open delivery", "", "200"
	case kind == "replays" && r.Method == "PATCH":
		return "open replay", `{"paused": true}`, "200"
	case kind == "replays":
		return "open replay", "", "200"
	case r.Method == "PATCH":
		return "webhook", `{"enabled": false}`, "200"
	case r.Method == "POST":
		return "webhook", "{}", "202"
	}
	return "webhook", "", "200"
}

// probeConditions is probeRoute for a list of events, deliveries or attempts: compare asks for what a parameter names.
func (w *isolation) probeConditions(t *testing.T, r web.Route, alice, bob *party, compare func(kind, x, nothing, parameter string)) {
	t.Helper()
	cursors := map[string]cursor.Kind{"/v1/events": cursor.RESTEvents, "/v1/deliveries": cursor.RESTDeliveries, "/v1/attempts": cursor.RESTAttempts}
	after := "cursor " + string(cursors[r.Path])
	compare("cursor", alice.texts[after], w.nobody.texts[after], "after")
	ids := map[string][]string{"/v1/deliveries": {"webhook_ids", "event_ids", "replay_ids"}, "/v1/attempts": {"webhook_ids", "event_ids", "delivery_ids"}}
	for _, name := range ids[r.Path] {
		for kind, id := range alice.ids {
			compare(kind, id, webhook.NewID(time.Now()).String(), name)
		}
	}
	if r.Path == "/v1/events" {
		for name, text := range map[string]string{"idempotency_key": "key", "types": "type", "tags": "tag"} {
			compare(name, url.QueryEscape(alice.texts[text]), url.QueryEscape(w.nobody.texts[text]), name)
		}
	}
	w.leaks(t, w.call(t, bob.token, r.Method, r.Path, "", ""), "", alice)
}

// probeRoute is probe for a REST endpoint.
func (w *isolation) probeRoute(t *testing.T, r web.Route, alice, bob *party) {
	t.Helper()
	if r.Path == "/v1/events" || strings.HasPrefix(r.Path, "/v1/event-types/") {
		bob = w.party(t, "") // a new tenant, which has not used alice's keys and names yet
	}
	try := func(token, path, body string) string { return w.call(t, token, r.Method, path, body, "") }
	compare := func(kind, x, nothing, body string, path func(string) string) {
		foreign, none := try(bob.token, path(x), strings.ReplaceAll(body, "$", x)), try(bob.token, path(nothing), strings.ReplaceAll(body, "$", nothing))
		if same(foreign, x, nothing) != same(none, x, nothing) {
			t.Errorf("%s of another tenant: %s, of nobody: %s", kind, foreign, none)
		}
		w.leaks(t, foreign, x, alice)
	}
	switch route := r.Method + " " + r.Path; route {
	case "GET /v1/webhooks":
		compare("cursor", alice.texts["cursor r"], w.nobody.texts["cursor r"], "", func(x string) string { return r.Path + "?after=" + x })
	case "POST /v1/webhooks":
		compare("URL", alice.texts["url"], w.nobody.texts["url"], `{"url": "$"}`, func(string) string { return r.Path })
	case "GET /v1/replays":
		compare("cursor", alice.texts["cursor v"], w.nobody.texts["cursor v"], "", func(x string) string { return r.Path + "?after=" + x })
	case "GET /v1/issues":
		compare("cursor", alice.texts["cursor j"], w.nobody.texts["cursor j"], "", func(x string) string { return r.Path + "?after=" + x })
	case "GET /v1/portal-sessions":
		compare("cursor", alice.texts["cursor B"], w.nobody.texts["cursor B"], "", func(x string) string { return r.Path + "?after=" + x })
	case "POST /v1/portal-links": // it has no IDs
	case "POST /v1/replays", "POST /v1/replays/preview":
		for kind, id := range alice.ids {
			body := `{"kind": "ALL", "filter": {"webhook_ids": ["$"], "delivery_ids": ["$"], "event_ids": ["$"], "replay_ids": ["$"]}}`
			compare(kind, id, webhook.NewID(time.Now()).String(), body, func(string) string { return r.Path })
			w.roomForReplays(t, bob)
		}
		compare("webhook", alice.ids["webhook"], webhook.NewID(time.Now()).String(), `{"kind": "MISSING", "filter": {"webhook_ids": ["$"]}}`, func(string) string { return r.Path })
	case "GET /v1/events", "GET /v1/deliveries", "GET /v1/attempts":
		w.probeConditions(t, r, alice, bob, func(kind, x, nothing, parameter string) {
			compare(kind, x, nothing, "", func(x string) string { return r.Path + "?" + parameter + "=" + x })
		})
	case "GET /v1/event-types":
		compare("cursor", alice.texts["cursor x"], w.nobody.texts["cursor x"], "", func(x string) string { return r.Path + "?after=" + x })
	case "GET /v1/event-types/{name}", "PUT /v1/event-types/{name}", "DELETE /v1/event-types/{name}":
		body := map[string]string{"PUT": `{"description": "of another"}`}[r.Method]
		compare("event type", alice.texts["type"], w.nobody.texts["type"], body, func(x string) string { return strings.Replace(r.Path, "{name}", x, 1) })
		if p := w.party(t, ""); r.Method != "PUT" {
			if got := try(p.token, strings.Replace(r.Path, "{name}", p.texts["type"], 1), body); !strings.HasPrefix(got, "200") {
				t.Errorf("its own tenant gets %s", got)
			}
		}
	case "GET /v1/event-types/openapi.json", "GET /v1/event-types/asyncapi.json":
		w.leaks(t, try(bob.token, r.Path, ""), "", alice)
		if p := w.party(t, ""); !strings.Contains(try(p.token, r.Path, ""), p.texts["type"]) {
			t.Error("its own tenant's types are missing")
		}
	case "PUT /v1/event-types/openapi.json":
		body := `{"openapi": "3.1.0", "webhooks": {"$": {"post": {"description": "of another"}}}}`
		compare("event type", alice.texts["type"], w.nobody.texts["type"], body, func(string) string { return r.Path + "?dry_run=true" })
		if got := try(bob.token, r.Path+"?delete_missing=true", strings.ReplaceAll(body, "$", alice.texts["type"])); !strings.HasPrefix(got, "200") {
			t.Errorf("an import: %s", got)
		}
	case "POST /v1/events":
		body := `{"type": "a.b", "data": 1, "idempotency_key": "$"}`
		compare("idempotency key", alice.texts["key"], w.nobody.texts["key"], body, func(string) string { return r.Path })
	case "GET /v1/webhooks/{id}", "PATCH /v1/webhooks/{id}", "DELETE /v1/webhooks/{id}", "POST /v1/webhooks/{id}/test", "GET /v1/replays/{id}", "PATCH /v1/replays/{id}", "DELETE /v1/replays/{id}",
		"GET /v1/events/{id}", "GET /v1/deliveries/{id}", "POST /v1/deliveries/{id}/retry", "POST /v1/deliveries/{id}/cancel", "GET /v1/attempts/{id}",
		"POST /v1/attempts/{id}/verify", "POST /v1/webhooks/{id}/verify",
		"GET /v1/issues/{id}", "POST /v1/issues/{id}/acknowledge", "DELETE /v1/portal-sessions/{id}":
		own, body, done := callOwn(r)
		path := func(x string) string { return strings.Replace(r.Path, "{id}", x, 1) }
		for kind, id := range alice.ids {
			compare(kind, id, webhook.NewID(time.Now()).String(), body, path)
		}
		p := w.party(t, "")
		if got := try(p.token, path(p.ids[own]), body); !strings.HasPrefix(got, done) {
			t.Errorf("its own tenant gets %s", got)
		}
	default:
		t.Errorf("%s is new: teach this test how to call it", route)
	}
}
