package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// without returns the scopes that a portal session can have, but one.
func without(scope webhook.TokenScope) (scopes webhook.TokenScopes) {
	for _, s := range webhook.AllScopes {
		if s != scope && s != webhook.ScopeAdmin {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// sessionWith opens a portal session of the party, and returns its credential.
func (w *isolation) sessionWith(t *testing.T, p *party, scopes webhook.TokenScopes) string {
	t.Helper()
	code, _, err := w.store.Registry(&p.id).CreatePortalLink(t.Context(), p.id, portal.Link{Label: "customer", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	credential, _, err := w.store.OpenPortalLink(t.Context(), webhook.Actor{}, code)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// ruleOf returns what the schema says that a field needs.
func ruleOf(f *ast.FieldDefinition) (needs auth.Needs) {
	d := f.Directives.ForName("needs")
	if d == nil {
		return needs
	}
	if operator := d.Arguments.ForName("operator"); operator != nil {
		needs.Operator = operator.Value.Raw == "true"
	}
	if scope := d.Arguments.ForName("scope"); scope != nil {
		i := slices.IndexFunc(webhook.AllScopes, func(s webhook.TokenScope) bool { return s.Enum() == scope.Value.Raw })
		needs.Scope = webhook.AllScopes[i]
	}
	return needs
}

// Whatever has a rule refuses a portal session that does not meet it: every field at the root of the schema, every route of REST, and every field below
// that is an administrator's or an operator's, which no session can be. With its scope it is let in.
func TestPortalSessionsAreScoped(t *testing.T) {
	w := newIsolation(t)
	ada := w.party(t, "ada-1")
	w.finish(t, ada)
	lacking, only := map[webhook.TokenScope]string{}, map[webhook.TokenScope]string{}
	for _, scope := range webhook.AllScopes {
		lacking[scope] = w.sessionWith(t, ada, without(scope))
		if scope != webhook.ScopeAdmin {
			only[scope] = w.sessionWith(t, ada, webhook.TokenScopes{scope})
		}
	}
	t.Run("roots", func(t *testing.T) { w.refusesAtRoot(t, ada, lacking) })
	t.Run("below", func(t *testing.T) { w.refusesBelow(t, lacking[webhook.ScopeAdmin]) })
	t.Run("routes", func(t *testing.T) { w.refusesRoutes(t, ada, lacking, only) })
}

// refusesAtRoot asks for every field of the three roots that has a rule.
func (w *isolation) refusesAtRoot(t *testing.T, p *party, lacking map[webhook.TokenScope]string) {
	t.Helper()
	n := 0
	for _, root := range []*ast.Definition{w.schema.Query, w.schema.Subscription, w.schema.Mutation} {
		for _, f := range root.Fields {
			needs := ruleOf(f)
			if needs == (auth.Needs{}) {
				continue
			}
			n++
			credential, want := lacking[needs.Scope], fmt.Sprintf(`"scope":%q`, needs.Scope.Enum())
			if needs.Operator {
				credential, want = lacking[webhook.ScopeAdmin], "an operator token is required"
			}
			doc := w.document(t, &slot{root: root, way: []*ast.FieldDefinition{f}, steps: []hop{{}}}, nil, p, webhook.NewID(time.Now()).String())
			until := ""
			if root == w.schema.Subscription {
				until = "FORBIDDEN"
			}
			answer := w.callUntil(t, credential, "POST", "/graphql", doc, "", until, nil)
			if !strings.Contains(answer, "FORBIDDEN") || !strings.Contains(answer, want) || strings.Contains(answer, fmt.Sprintf("%q:{", f.Name)) {
				t.Errorf("%s.%s, which needs %+v: %s", root.Name, f.Name, needs, answer)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d fields have a rule", n)
	}
}

// refusesBelow selects all that a session with every scope can read: what needs more is null there.
func (w *isolation) refusesBelow(t *testing.T, credential string) {
	t.Helper()
	refused := map[string]bool{}
	var look func(value any)
	look = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, one := range v {
				look(one)
			}
		case map[string]any:
			name, _ := v["__typename"].(string)
			for key, one := range v {
				look(one)
				d := w.schema.Types[name]
				if d == nil || d.Fields.ForName(key) == nil {
					continue
				}
				if needs := ruleOf(d.Fields.ForName(key)); needs.Operator || needs.Scope == webhook.ScopeAdmin {
					refused[name+"."+key] = true
					if one != nil {
						t.Errorf("%s.%s is shown: %v", name, key, one)
					}
				}
			}
		}
	}
	c := &client{w.url, credential}
	for _, f := range w.schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			continue
		}
		doc, err := json.Marshal(map[string]any{"query": "{ __typename " + f.Name + w.selection(f.Type.Name(), nil, true) + " }"})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data map[string]any }
		c.rest(t, "POST", "/graphql", string(doc), &answer)
		look(answer.Data)
	}
	for _, must := range []string{"Query.tenants", "Query.auditLog", "Tenant.tokens", "Server.nodes", "Server.checks"} {
		if !refused[must] {
			t.Errorf("%s was not asked for, only %v", must, refused)
		}
	}
}

// refusesRoutes calls every route of REST without its scope, and then with nothing else.
func (w *isolation) refusesRoutes(t *testing.T, p *party, lacking, only map[webhook.TokenScope]string) {
	t.Helper()
	for _, r := range web.Routes() {
		kind, body, _ := callOwn(r)
		path := strings.NewReplacer("{id}", p.ids[kind], "{name}", p.texts["type"]).Replace(r.Path)
		answer := w.call(t, lacking[r.Needs.Scope], r.Method, path, body, "")
		if !strings.HasPrefix(answer, "403") || !strings.Contains(answer, string(r.Needs.Scope)) {
			t.Errorf("%s %s without %s: %s", r.Method, r.Path, r.Needs.Scope, answer)
		}
		if r.Also != "" {
			if answer := w.call(t, lacking[r.Also], r.Method, path, body, ""); !strings.HasPrefix(answer, "403") || !strings.Contains(answer, string(r.Also)) {
				t.Errorf("%s %s without %s: %s", r.Method, r.Path, r.Also, answer)
			}
		}
		if credential := only[r.Needs.Scope]; credential != "" {
			if answer := w.call(t, credential, r.Method, path, body, ""); strings.HasPrefix(answer, "401") || strings.HasPrefix(answer, "403") && strings.Contains(answer, string(r.Needs.Scope)) {
				t.Errorf("%s %s with %s: %s", r.Method, r.Path, r.Needs.Scope, answer)
			}
		}
	}
}

// A portal session that one replica revokes, which another has just accepted, is refused by that within 5 seconds, and its streams there end.
func TestRevokedPortalSessionOnAnotherReplica(t *testing.T) {
	t.Parallel()
	database := webhooktest.Postgres(t)
	first, second := boot(t, database), boot(t, database)
	operator := &client{first.url, first.token}
	const promise = 5 * time.Second
	for try := 1; ; try++ {
		_, code, id := operator.link(t, customer)
		_, o := operator.open(t, code)
		c := &client{second.url, o.Credential}
		if status := c.rest(t, "GET", "/v1/webhooks", "", nil); status != http.StatusOK {
			t.Fatalf("a session of the other replica: %d", status)
		}
		socket, events := c.watch(t, ""), c.lastEvent(t)
		operator.rest(t, "DELETE", "/v1/portal-sessions/"+id, "", nil)
		revoked := time.Now()
		webhooktest.Eventually(t, "the session is refused", func() bool { return c.rest(t, "GET", "/v1/webhooks", "", nil) == http.StatusUnauthorized })
		refused(t, socket, events)
		took := time.Since(revoked)
		if took < promise {
			return
		}
		if try == 3 { // one slow run may be the machine's fault
			t.Fatalf("it took %v", took)
		}
	}
}
