package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/web"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// audited has a body for every call that changes something, and the actions that the audit log then has, oldest first.
var audited = map[string]struct {
	body    string
	actions []webhook.AuditAction
}{
	"POST /v1/webhooks":                {`{"url": "https://example.com/new", "headers": [{"name": "X-Key", "value": "canary"}]}`, []webhook.AuditAction{webhook.AuditWebhookCreated}},
	"PATCH /v1/webhooks/{id}":          {`{"url": "https://example.com/other", "headers": [{"name": "X-Key", "value": "canary"}]}`, []webhook.AuditAction{webhook.AuditWebhookUpdated}},
	"DELETE /v1/webhooks/{id}":         {"", []webhook.AuditAction{webhook.AuditWebhookDeleted}},
	"POST /v1/replays":                 {`{"filter": {}, "kind": "ALL"}`, []webhook.AuditAction{webhook.AuditReplayCreated}},
	"PATCH /v1/replays/{id}":           {`{"rate_per_second": 7}`, []webhook.AuditAction{webhook.AuditReplayUpdated}},
	"POST /v1/issues/{id}/acknowledge": {"", []webhook.AuditAction{webhook.AuditIssueAcknowledged}},
	"PUT /v1/event-types/{name}":       {`{"description": "paid in full", "schema": {"const": 17}}`, []webhook.AuditAction{webhook.AuditEventTypeCreated}},
	"PUT /v1/event-types/openapi.json": {`{"openapi": "3.1.0", "webhooks": {"order.sent": {"post": {"description": "sent"}}}}`, []webhook.AuditAction{webhook.AuditEventTypeCreated}},
	"DELETE /v1/event-types/{name}":    {"", []webhook.AuditAction{webhook.AuditEventTypeDeleted}},
	"POST /v1/deliveries/{id}/retry":   {"", []webhook.AuditAction{webhook.AuditDeliveryRetried}},
	"POST /v1/deliveries/{id}/cancel":  {"", []webhook.AuditAction{webhook.AuditDeliveryCanceled}},
	"POST /v1/portal-links":            {`{"label": "ada", "scopes": ["webhooks:read"]}`, []webhook.AuditAction{webhook.AuditPortalCreated}},
	"DELETE /v1/portal-sessions/{id}":  {"", []webhook.AuditAction{webhook.AuditPortalRevoked}},
	"DELETE /v1/replays/{id}":          {"", []webhook.AuditAction{webhook.AuditReplayCanceled}},
}

// What publishes changes no settings, and is not in the log; previews and
// the debugger change nothing.
var notAudited = []string{
	"POST /v1/events", "POST /v1/webhooks/{id}/test", "POST /v1/replays/preview", "POST /v1/attempts/{id}/verify", "POST /v1/webhooks/{id}/verify",
}

// Every REST call that changes something writes entries that say who did what and from where, and none has a secret; a call that is refused writes
// none. The calls are those of the route table: a new one must be called here.
func TestEveryCallIsAudited(t *testing.T) {
	var all []string
	for _, r := range web.Routes() {
		if r.Method != http.MethodGet {
			all = append(all, r.Method+" "+r.Path)
		}
	}
	listed := slices.Concat(slices.Collect(maps.Keys(audited)), notAudited)
	slices.Sort(all)
	slices.Sort(listed)
	if diff := cmp.Diff(listed, all); diff != "" {
		t.Errorf("calls whose entries nobody looks for (-listed +found):\n%s", diff)
	}
	for name, c := range audited {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			id := a.id(t, a.kallima)
			a.canceled(t)
			_, made := a.rest(t, a.kallima, "POST", "/v1/replays", `{"filter": {}, "kind": "ALL"}`)
			method, path, _ := strings.Cut(name, " ")
			if strings.Contains(path, "deliveries") {
				_, list := a.rest(t, a.kallima, "GET", "/v1/deliveries", "")
				id = list["data"].([]any)[0].(map[string]any)["id"].(string)
			}
			if strings.HasSuffix(path, "/cancel") {
				a.rest(t, a.kallima, "POST", strings.Replace(strings.Replace(path, "{id}", id, 1), "cancel", "retry", 1), "")
			}
			if strings.Contains(path, "replays") {
				id = made["id"].(string)
			}
			if strings.Contains(path, "portal-sessions") {
				_, link := a.rest(t, a.kallima, "POST", "/v1/portal-links", `{"label": "ada", "scopes": ["webhooks:read"]}`)
				id = link["id"].(string)
			}
			if strings.Contains(path, "issues") {
				id = a.failed(t)
			}
			path = strings.Replace(path, "{id}", id, 1)
			if method == http.MethodDelete && strings.Contains(path, "event-types") {
				a.rest(t, a.kallima, "PUT", strings.Replace(path, "{name}", "order.paid", 1), "{}")
			}
			path = strings.Replace(path, "{name}", "order.paid", 1)
			before := len(a.auditLog(t))
			wrong := strings.Replace(strings.Replace(c.body, "{", `{"colour": 1, `, 1), "3.1.0", "3.0.0", 1)
			if res := a.do(t, a.northwind, method, path, wrong); res.StatusCode < 400 {
				t.Errorf("refused: %s", res.Status)
			}
			if log := a.auditLog(t); len(log) != before {
				t.Errorf("a refused call has the entry %+v", log[0])
			}
			res := a.do(t, a.kallima, method, path, c.body)
			if res.StatusCode >= 300 {
				t.Fatalf("%s: %s", res.Status, read(t, res))
			}
			log := a.auditLog(t)
			log = log[:len(log)-before]
			var actions []webhook.AuditAction
			for _, e := range slices.Backward(log) {
				actions = append(actions, e.Action)
				by := webhook.Actor{Kind: webhook.ActorTenant, TokenID: e.Actor.TokenID, Name: "test", Address: "192.0.2.1", RequestID: res.Header.Get(web.RequestIDHeader)}
				if diff := cmp.Diff(by, e.Actor); diff != "" || e.Actor.TokenID == nil || by.RequestID == "" {
					t.Errorf("who (-want +got):\n%s", diff)
				}
				for _, change := range e.Changes {
					if text := string(change.Before) + string(change.After); strings.Contains(text, "canary") || strings.Contains(text, "whsec_") {
						t.Errorf("%s has a secret: %s", e.Action, text)
					}
				}
			}
			if diff := cmp.Diff(c.actions, actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// auditLog returns all entries, newest first.
func (a *api) auditLog(t *testing.T) []*webhook.AuditEntry {
	t.Helper()
	l, err := a.store.Registry(nil).AuditLog(t.Context(), store.AuditFilter{}, store.Page{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}
