package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An event type is declared, changed, found, listed and deleted over REST. PUT replaces it; what GET answers may be sent back, and changes nothing.
// One that was only published is in the list, too. Another tenant has none of it.
func TestEventTypes(t *testing.T) {
	a := newAPI(t)
	const path = "/v1/event-types/order.paid"
	if status, is := a.rest(t, a.kallima, "GET", path, ""); status != http.StatusNotFound {
		t.Errorf("before: %d %v", status, is)
	}
	status, made := a.rest(t, a.kallima, "PUT", path, `{"description": "paid", "schema": {"type": "object", "maxProperties": 5}, "example": {}, "deprecated": true}`)
	if status != http.StatusCreated || made["name"] != "order.paid" || made["object"] != "event_type" || made["declared"] != true || made["validation"] != "WARN" ||
		made["deprecated"] != true || made["deprecated_at"] == nil || made["webhook_count"] != 0.0 || made["last_published_at"] != nil {
		t.Fatalf("declared: %d %v", status, made)
	}
	a.rest(t, a.kallima, "POST", "/v1/events", `[{"type": "order.paid", "data": {}}, {"type": "a.seen", "data": 1}]`)
	_, found := a.rest(t, a.kallima, "GET", path, "")
	if found["last_published_at"] == nil {
		t.Errorf("found: %v", found)
	}
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.auditLog(t))
	if status, is := a.rest(t, a.kallima, "PUT", path, string(text)); status != http.StatusOK || !same(t, is, found) || len(a.auditLog(t)) != before {
		t.Errorf("sent back: %d %v", status, is)
	}
	if status, is := a.rest(t, a.kallima, "PUT", path, `{"schema": true, "validation": "REJECT"}`); status != http.StatusOK || is["description"] != "" || is["schema"] != true ||
		is["validation"] != "REJECT" || is["deprecated"] != false || is["example"] != nil {
		t.Errorf("replaced: %d %v", status, is)
	}
	if status, is := a.rest(t, a.kallima, "PUT", path, `{"schema": null, "validation": null, "example": null}`); status != http.StatusOK || is["validation"] != "OFF" {
		t.Errorf("replaced by nulls: %d %v", status, is)
	}
	status, l := a.rest(t, a.kallima, "GET", "/v1/event-types?limit=1", "")
	if data := l["data"].([]any); status != http.StatusOK || len(data) != 1 || data[0].(map[string]any)["name"] != "a.seen" || data[0].(map[string]any)["declared"] != false || l["has_more"] != true {
		t.Fatalf("the first page: %d %v", status, l)
	}
	_, l = a.rest(t, a.kallima, "GET", "/v1/event-types?after="+l["next"].(string), "")
	if data := l["data"].([]any); len(data) != 1 || data[0].(map[string]any)["name"] != "order.paid" || l["has_more"] != false {
		t.Errorf("the second page: %v", l)
	}
	if _, l := a.rest(t, a.northwind, "GET", "/v1/event-types", ""); len(l["data"].([]any)) != 0 {
		t.Errorf("another tenant lists %v", l)
	}
	for range 2 {
		status, is := a.rest(t, a.northwind, "DELETE", path, "")
		if status != http.StatusNotFound {
			t.Errorf("another tenant deletes it: %d %v", status, is)
		}
	}
	if status, is := a.rest(t, a.kallima, "DELETE", path, ""); status != http.StatusOK || is["deleted"] != true || is["name"] != "order.paid" {
		t.Errorf("deleted: %d %v", status, is)
	}
	if status, is := a.rest(t, a.kallima, "GET", path, ""); status != http.StatusOK || is["declared"] != false || is["created_at"] != nil {
		t.Errorf("after: %d %v", status, is)
	}
}

// What is wrong with an event type is told by field; when events were published is told only to those who may read them.
func TestEventTypeMistakes(t *testing.T) {
	a := newAPI(t)
	for name, tc := range map[string]struct{ name, body, want string }{
		"not an object":   {"a.b", `[]`, " INVALID"},
		"unknown field":   {"a.b", `{"colour": 1}`, "colour INVALID"},
		"another name":    {"a.b", `{"name": "a.c"}`, "name INVALID"},
		"not a name":      {"a..b", `{}`, "name INVALID"},
		"reserved":        {"hookgraph.b", `{}`, "name NOT_ALLOWED"},
		"not a schema":    {"a.b", `{"schema": {"type": 1}}`, "schema INVALID"},
		"reference":       {"a.b", `{"schema": {"$ref": "https://example.com/"}}`, "schema INVALID"},
		"deep":            {"a.b", `{"schema": ` + strings.Repeat(`{"not":`, 50) + "{}" + strings.Repeat("}", 50) + `}`, "schema INVALID"},
		"long":            {"a.b", `{"example": "` + strings.Repeat("x", 65<<10) + `"}`, "example TOO_LONG"},
		"example":         {"a.b", `{"schema": false, "example": 1}`, "example INVALID"},
		"validation":      {"a.b", `{"validation": "warn"}`, "validation INVALID"},
		"validation list": {"a.b", `{"validation": ["WARN"]}`, "validation INVALID"},
		"no schema":       {"a.b", `{"validation": "WARN"}`, "validation INVALID"},
		"deprecated":      {"a.b", `{"deprecated": "yes"}`, "deprecated INVALID"},
		"description":     {"a.b", `{"description": "` + strings.Repeat("x", 5000) + `"}`, "description TOO_LONG"},
	} {
		status, answer := a.rest(t, a.kallima, "PUT", "/v1/event-types/"+tc.name, tc.body)
		e, _ := answer["error"].(map[string]any)
		field, _ := e["field"].(string)
		if code, _ := e["code"].(string); status != http.StatusUnprocessableEntity && status != http.StatusRequestEntityTooLarge || field+" "+code != tc.want {
			t.Errorf("%s: %d %v, want %s", name, status, e, tc.want)
		}
	}
	a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "a.seen", "data": 1}`)
	owner, err := a.store.TenantByName(t.Context(), "kallima")
	if err != nil {
		t.Fatal(err)
	}
	reader, _ := webhook.NewToken()
	if _, err := a.store.AddToken(t.Context(), webhook.Token{TenantID: &owner.ID, Name: "reader", Scopes: webhook.TokenScopes{webhook.ScopeWebhooksRead}}, reader); err != nil {
		t.Fatal(err)
	}
	if status, is := a.rest(t, reader, "GET", "/v1/event-types/a.seen", ""); status != http.StatusOK || is["last_published_at"] != nil {
		t.Errorf("without the scope: %d %v", status, is)
	}
	if status, is := a.rest(t, reader, "PUT", "/v1/event-types/a.seen", "{}"); status != http.StatusForbidden {
		t.Errorf("a reader declares a type: %d %v", status, is)
	}
}

// The declared types are exported as documents; what is exported and imported again changes nothing. A dry run changes nothing, and mistakes name
// the place in the document.
func TestEventTypeDocuments(t *testing.T) {
	a := newAPI(t)
	const path = "/v1/event-types/openapi.json"
	a.rest(t, a.kallima, "PUT", "/v1/event-types/order.paid", `{"description": "paid", "schema": {"type": "object", "properties": {"self": {"$ref": "#"}}}, "example": {"n": 1}, "validation": "REJECT", "deprecated": true}`)
	a.rest(t, a.kallima, "PUT", "/v1/event-types/order.sent", `{}`)
	res := a.do(t, a.kallima, "GET", path, "")
	text := read(t, res)
	if res.StatusCode != http.StatusOK || !strings.Contains(text, `"#/components/schemas/order.paid"`) || !strings.Contains(text, "Webhooks of kallima") {
		t.Fatalf("exported: %d %s", res.StatusCode, text)
	}
	before := len(a.auditLog(t))
	if status, is := a.rest(t, a.kallima, "PUT", path+"?delete_missing=true", text); status != http.StatusOK || len(is["changes"].([]any)) != 0 || is["unchanged_count"] != 2.0 || len(a.auditLog(t)) != before {
		t.Errorf("imported again: %d %v", status, is)
	}
	if status, is := a.rest(t, a.northwind, "PUT", path+"?dry_run=true", text); status != http.StatusOK || len(is["changes"].([]any)) != 2 || is["dry_run"] != true {
		t.Errorf("a dry run: %d %v", status, is)
	}
	if _, l := a.rest(t, a.northwind, "GET", "/v1/event-types", ""); len(l["data"].([]any)) != 0 {
		t.Errorf("a dry run declares %v", l)
	}
	if status, is := a.rest(t, a.kallima, "GET", "/v1/event-types/asyncapi.json", ""); status != http.StatusOK || is["asyncapi"] != "3.0.0" {
		t.Errorf("AsyncAPI: %d %v", status, is)
	}
	for query, want := range map[string]string{"?dry_run=yes": "dry_run", "?colour=1": "colour", "?dry_run=true&dry_run=true": "dry_run"} {
		status, is := a.rest(t, a.kallima, "PUT", path+query, text)
		if e := is["error"].(map[string]any); status != http.StatusUnprocessableEntity || e["field"] != want {
			t.Errorf("%s: %d %v", query, status, is)
		}
	}
	status, is := a.rest(t, a.kallima, "PUT", path, `{"openapi": "3.1.0", "webhooks": {"a.b": {"$ref": "file:///etc/passwd"}}}`)
	if e := is["error"].(map[string]any); status != http.StatusUnprocessableEntity || !strings.Contains(e["message"].(string), "#/webhooks/a.b") {
		t.Errorf("a file: %d %v", status, is)
	}
	status, is = a.rest(t, a.kallima, "PUT", path, `{"openapi": "3.1.0", "webhooks": {"orderPaid": {"post": {"requestBody": {"content": {"application/json": {
		"schema": {"properties": {"itemCount": {"type": "text"}}}}}}}}}}`)
	if e := is["error"].(map[string]any); status != http.StatusUnprocessableEntity || !strings.HasPrefix(e["message"].(string), `schema of "orderPaid" at /properties/itemCount/type: is not valid`) {
		t.Errorf("names of the caller's: %d %v", status, is)
	}
	for range 40 { // the share of documents is given back
		if res := a.do(t, a.kallima, "GET", path, ""); res.StatusCode != http.StatusOK {
			t.Fatalf("again: %s", res.Status)
		}
	}
}

// A test sends the example of a type to a webhook, or an event of type hookgraph.test; what is wrong with the type names the field.
func TestWebhookTest(t *testing.T) {
	a := newAPI(t)
	path := "/v1/webhooks/" + a.id(t, a.kallima) + "/test"
	a.rest(t, a.kallima, "PUT", "/v1/event-types/order.paid", `{"example": {"n": 1}}`)
	for _, body := range []string{`{}`, `{"event_type": null}`, `{"event_type": "order.paid"}`} {
		status, is := a.rest(t, a.kallima, "POST", path, body)
		if status != http.StatusAccepted || is["object"] != "webhook_test" || is["event_id"] == nil || is["delivery_id"] == nil {
			t.Errorf("%s: %d %v", body, status, is)
		}
	}
	for body, want := range map[string]int{`{"event_type": "order.none"}`: http.StatusUnprocessableEntity, `{"event_type": 1}`: http.StatusUnprocessableEntity, `{"type": "a"}`: http.StatusUnprocessableEntity, `[]`: http.StatusUnprocessableEntity} {
		if status, is := a.rest(t, a.kallima, "POST", path, body); status != want {
			t.Errorf("%s: %d %v", body, status, is)
		}
	}
	if status, _ := a.rest(t, a.northwind, "POST", path, `{}`); status != http.StatusNotFound {
		t.Errorf("a webhook of another tenant: %d", status)
	}
}
