package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// example is the first example of the operation's body; "" if it takes none.
func (o *operation) example(t *testing.T) string {
	t.Helper()
	if o.Body == nil {
		return ""
	}
	schema := o.Body.Content["application/json"].Schema
	if some, ok := schema["anyOf"].([]any); ok {
		schema = some[0].(map[string]any)
	}
	schema, _ = theContract().resolved(schema, "")
	examples, _ := schema["examples"].([]any)
	if len(examples) == 0 {
		return "{}"
	}
	text, err := json.Marshal(examples[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// objects are one object of each kind of kallima's, by the first word of paths.
type objects map[string]string

func (a *api) objects(t *testing.T) objects {
	t.Helper()
	hook := a.id(t, a.kallima)
	event, delivery, attempt := a.attempted(t, hook, `{"type": "order.paid", "data": 1}`, nil)
	a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "order.sent", "data": 2}`)
	a.rest(t, a.kallima, "POST", "/v1/deliveries/"+a.ids(t, "/v1/deliveries?event_types=order.sent")[0]+"/cancel", "")
	_, replay := a.rest(t, a.kallima, "POST", "/v1/replays", `{"kind": "ALL", "filter": {"statuses": ["CANCELED"]}}`) // which waits until somebody sends
	a.rest(t, a.kallima, "PUT", "/v1/event-types/order.paid", `{}`)
	_, session := a.rest(t, a.kallima, "POST", "/v1/portal-links", `{"label": "ada", "scopes": ["webhooks:read"]}`)
	return objects{"portal-sessions": session["id"].(string), "webhooks": hook, "events": event, "deliveries": delivery, "attempts": attempt, "replays": replay["id"].(string), "issues": a.failed(t), "event-types": "order.paid"}
}

// path fills the path of the operation.
func (all objects) path(o *operation) string {
	kind := strings.Split(o.path, "/")[2]
	return strings.NewReplacer("{id}", all[kind], "{name}", all[kind]).Replace(o.path)
}

// conflicts make the answer 409: each changes what is stored, and returns the body of the call, or "" for the example.
var conflicts = map[string]func(t *testing.T, a *api, all objects) string{
	"createWebhook": func(t *testing.T, a *api, _ objects) string {
		t.Helper()
		a.rest(t, a.kallima, "POST", "/v1/webhooks", `{"url": "https://example.com/", "external_id": "x"}`)
		return `{"url": "https://example.com/", "external_id": "x", "signature_scheme": "ED25519"}`
	},
	"updateWebhook": func(*testing.T, *api, objects) string {
		return `{"enabled": false, "if_updated_at": "2020-01-01T00:00:00Z"}`
	},
	"testWebhook": func(t *testing.T, a *api, all objects) string {
		t.Helper()
		a.rest(t, a.kallima, "PATCH", "/v1/webhooks/"+all["webhooks"], `{"enabled": false}`)
		return "{}"
	},
	"publishEvents": func(t *testing.T, a *api, _ objects) string {
		t.Helper()
		a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "a.b", "data": 1, "idempotency_key": "x"}`)
		return `{"type": "a.b", "data": 2, "idempotency_key": "x"}`
	},
	"retryDelivery": func(t *testing.T, a *api, all objects) string {
		t.Helper()
		a.rest(t, a.kallima, "DELETE", "/v1/webhooks/"+all["webhooks"], "")
		return ""
	},
	"cancelDelivery": func(t *testing.T, a *api, all objects) string {
		t.Helper()
		a.rest(t, a.kallima, "DELETE", "/v1/webhooks/"+all["webhooks"], "")
		return ""
	},
	"createReplay": func(t *testing.T, a *api, _ objects) string {
		t.Helper()
		a.rest(t, a.kallima, "POST", "/v1/replays", `{"kind": "ALL", "filter": {}, "idempotency_key": "x"}`)
		return `{"kind": "FAILED", "filter": {}, "idempotency_key": "x"}`
	},
	"updateReplay": func(t *testing.T, a *api, all objects) string {
		t.Helper()
		a.rest(t, a.kallima, "DELETE", "/v1/replays/"+all["replays"], "")
		return `{"paused": true}`
	},
	"createPortalLink": func(t *testing.T, a *api, _ objects) string {
		t.Helper()
		owner, err := a.store.TenantByName(t.Context(), "kallima")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.store.Registry(nil).UpdateTenant(t.Context(), owner.ID, webhook.TenantPatch{MaxPortalSessions: webhook.Some(new(1))}); err != nil {
			t.Fatal(err)
		}
		return `{"label": "grace", "scopes": ["webhooks:read"]}`
	},
	"putEventType": func(t *testing.T, a *api, _ objects) string {
		t.Helper()
		a.rest(t, a.kallima, "DELETE", "/v1/event-types/order.paid", "")
		if status, answer := a.rest(t, a.kallima, "PUT", "/v1/event-types/openapi.json", manyTypes(webhook.MaxEventTypes)); status != http.StatusOK {
			t.Fatal(answer)
		}
		return "{}"
	},
	"importOpenAPI": func(*testing.T, *api, objects) string { return manyTypes(webhook.MaxEventTypes) }, // and the one that there is
}

func manyTypes(n int) string {
	var b strings.Builder
	b.WriteString(`{"openapi": "3.1.0", "webhooks": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"many.n%d": {"post": {"description": "One of many."}}`, i)
	}
	return b.String() + "}}"
}

// unmade are documented answers that no test here makes: the store's own tests make those of lost cursors, on a database that was put back.
func unmade(op, status string) bool {
	return status == "410" || op == "cancelReplay" && status == "409" // which a replay that has ended gets
}

// without returns a token of kallima's with every scope but one.
func (a *api) without(t *testing.T, scope string) string {
	t.Helper()
	owner, err := a.store.TenantByName(t.Context(), "kallima")
	if err != nil {
		t.Fatal(err)
	}
	var scopes webhook.TokenScopes
	for _, s := range webhook.AllScopes {
		if string(s) != scope {
			scopes = append(scopes, s)
		}
	}
	token, _ := webhook.NewToken()
	if _, err := a.store.AddToken(t.Context(), webhook.Token{TenantID: &owner.ID, Name: "less", Scopes: scopes}, token); err != nil {
		t.Fatal(err)
	}
	return token
}

// callAll makes the exchanges of one operation that every operation has, and those that its document has. It returns the statuses of the answers, which
// the handler compares with the document. failing are servers that answer every call with a status.
func callAll(t *testing.T, o *operation, failing map[int]*api) map[string]bool {
	t.Helper()
	made := map[string]bool{}
	call := func(a *api, want int, token, path, body string, header ...string) {
		t.Helper()
		res := a.do(t, token, o.method, path, body, header...)
		if text := read(t, res); res.StatusCode != want {
			t.Errorf("%s %s %.200s: %d, want %d: %s", o.method, path, body, res.StatusCode, want, text)
		}
		made[fmt.Sprint(res.StatusCode)] = true
	}
	does := func(status string) bool { _, has := o.Responses[status]; return has }
	a := newAPI(t)
	all := a.objects(t)
	path, body := all.path(o), o.example(t)

	call(a, http.StatusUnauthorized, "", path, body)
	call(a, http.StatusForbidden, a.without(t, o.Security[0]["token"][0]), path, body)
	if does("404") {
		call(a, http.StatusNotFound, a.northwind, path, body)
		call(a, http.StatusNotFound, a.kallima, strings.NewReplacer("{id}", "00000000-0000-7000-8000-000000000000", "{name}", "not.declared").Replace(o.path), body)
		call(a, http.StatusNotFound, a.kallima, strings.NewReplacer("{id}", "no-uuid", "{name}", "a..b").Replace(o.path), body)
	}
	if o.Body != nil {
		call(a, http.StatusBadRequest, a.kallima, path, "{")
		call(a, http.StatusRequestEntityTooLarge, a.kallima, path, `{"x": "`+strings.Repeat("x", 17<<20)+`"}`)
		call(a, http.StatusUnsupportedMediaType, a.kallima, path, body, "Content-Type: text/plain")
		call(a, http.StatusUnprocessableEntity, a.kallima, path, `{"colour": 1}`)
	} else if does("422") {
		call(a, http.StatusUnprocessableEntity, a.kallima, path+"?colour=1", "")
	}
	if change := conflicts[o.ID]; change != nil {
		other := newAPI(t)
		all := other.objects(t)
		changed := change(t, other, all)
		call(other, http.StatusConflict, other.kallima, all.path(o), changed)
	}
	for want, other := range failing {
		call(other, want, other.kallima, path, body)
	}

	switch {
	case o.ID == "createWebhook":
		call(a, http.StatusCreated, a.kallima, path, `{"url": "https://example.com/", "external_id": "x"}`)
		call(a, http.StatusOK, a.kallima, path, `{"url": "https://example.com/", "external_id": "x"}`)
	case o.ID == "putEventType":
		call(a, http.StatusOK, a.kallima, path, body)
		call(a, http.StatusCreated, a.kallima, path+".again", body)
	case o.ID == "createPortalLink":
		call(a, http.StatusCreated, a.kallima, path, body)
	case does("202"):
		call(a, http.StatusAccepted, a.kallima, path, body)
	default:
		call(a, http.StatusOK, a.kallima, path, body)
	}
	return made
}

// Every operation of the document is called: with the example of its body, without a token, without its scope, for an object of another tenant, of
// nobody, with a wrong body or parameter, beyond the caller's budget, and while the server is full or fails. Each answer is one that the document has,
// and each that it has is made.
func TestEveryOperationIsAsDocumented(t *testing.T) {
	failing := map[int]*api{
		http.StatusTooManyRequests:     newAPI(t, func(c *web.Config) { c.Charge = func(*auth.Caller, int) time.Duration { return time.Second } }),
		http.StatusServiceUnavailable:  newAPI(t, withCalls(intake.NewPool(intake.Limits{Total: 0, Tenant: 1, Token: 1}))),
		http.StatusInternalServerError: newAPI(t, func(c *web.Config) { c.Charge = func(*auth.Caller, int) time.Duration { panic("the test's") } }),
	}
	for _, o := range theContract().all() {
		t.Run(o.ID, func(t *testing.T) {
			made := callAll(t, &o, failing)
			for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
				if !made[status] && !unmade(o.ID, status) {
					t.Errorf("nothing was answered %s, which the document has", status)
				}
			}
		})
	}
}

// A value that the document's schema refuses is refused by the handler, under its name, and never with an internal error: for every parameter, and
// every member of every body.
func TestWrongValuesAreRefused(t *testing.T) {
	c := theContract()
	wrong := []string{`[[1]]`, `{"colour": 1}`, `12345.5`, `-1`, `1e400`, `true`, `"\u0000"`, `"` + strings.Repeat("x", 3000) + `"`}
	for _, o := range c.all() {
		t.Run(o.ID, func(t *testing.T) {
			a := newAPI(t)
			path := a.objects(t).path(&o)
			refused := func(path, body, name, value string) {
				t.Helper()
				status, answer := a.rest(t, a.kallima, o.method, path, body)
				detail, _ := answer["error"].(map[string]any)
				if field, _ := detail["field"].(string); status != http.StatusUnprocessableEntity || field != name && !strings.HasPrefix(field, name+".") {
					t.Errorf("%s = %.60s: %d %v", name, value, status, answer)
				}
			}
			for _, p := range o.Parameters {
				if p.In != "query" {
					continue
				}
				for _, value := range []string{"", "no-such-value", "-1", "99999999999999999999", "\x00", "a..b"} {
					if c.check(p.at, p.typed([]string{value})) != nil {
						refused(path+"?"+p.Name+"="+strings.ReplaceAll(value, "\x00", "%00"), o.example(t), p.Name, value)
					}
				}
			}
			if o.Body == nil || o.ID == "importOpenAPI" { // whose body is a document of others'
				return
			}
			var body map[string]json.RawMessage
			if err := json.Unmarshal([]byte(o.example(t)), &body); err != nil {
				t.Fatal(err)
			}
			for name := range bodyMembers(&o) {
				for _, value := range wrong {
					changed := maps.Clone(body)
					changed[name] = json.RawMessage(value)
					text := "{"
					for member, v := range changed {
						text += fmt.Sprintf("%q:%s,", member, v)
					}
					text = strings.TrimSuffix(text, ",") + "}"
					if c.checkJSON(o.bodyAt(), []byte(text)) != nil {
						refused(path, text, name, value)
					}
				}
			}
		})
	}
}

// bodyMembers are the members of the operation's body that may be set.
func bodyMembers(o *operation) map[string]any {
	schema := o.Body.Content["application/json"].Schema
	if some, ok := schema["anyOf"].([]any); ok {
		schema = some[0].(map[string]any)
	}
	schema, _ = theContract().resolved(schema, "")
	members := maps.Clone(schema["properties"].(map[string]any))
	maps.DeleteFunc(members, func(_ string, m any) bool { return m.(map[string]any)["readOnly"] == true })
	return members
}
