package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example of docs/payloads.md creates a webhook with the payload; an update replaces it, and null makes it the default. The audit log has each
// change. An error names the path in the template.
func TestWebhookPayload(t *testing.T) {
	operation, with := exampleWithVariables(t, "payloads.md")
	a := newAPI(t)
	ctx := a.as("a")
	made := a.get(ctx, operation, with).at("createWebhook", "webhook", "payload")
	given := with["payload"].(map[string]any)
	is := map[string]any{"format": "TEMPLATE", "includeFields": nil, "template": given["template"]}
	if diff := cmp.Diff(any(is), made); diff != "" {
		t.Errorf("created (-given +got):\n%s", diff)
	}
	id := a.get(ctx, `{ webhooks { nodes { id } } }`, nil).text("webhooks", "nodes", 0, "id")
	update := func(payload any) object {
		t.Helper()
		return a.get(ctx, `mutation($id: ID!, $payload: WebhookPayloadInput) { updateWebhook(input: {id: $id, payload: $payload}) {
			webhook { payload { format includeFields template } } userErrors { field code message } } }`, vars{"id": id, "payload": payload})
	}
	bad := update(map[string]any{"format": "TEMPLATE", "template": map[string]any{"a": []any{"{{ dat.x }}"}}, "includeFields": []string{"x y"}})
	var fields []string
	for i := range 2 {
		fields = append(fields, fmt.Sprint(bad.at("updateWebhook", "userErrors", i, "field")))
	}
	if got := strings.Join(fields, " "); got != "[input payload template a 0] [input payload includeFields 0]" {
		t.Errorf("errors of %s", got)
	}
	part := map[string]any{"format": "STANDARD", "includeFields": []any{"a.b"}, "template": nil}
	if diff := cmp.Diff(any(part), update(map[string]any{"includeFields": []string{"a.b"}}).at("updateWebhook", "webhook", "payload")); diff != "" {
		t.Errorf("updated (-given +got):\n%s", diff)
	}
	none := map[string]any{"format": "STANDARD", "includeFields": nil, "template": nil}
	if diff := cmp.Diff(any(none), update(nil).at("updateWebhook", "webhook", "payload")); diff != "" {
		t.Errorf("null (-want +got):\n%s", diff)
	}
	listed := a.get(ctx, `{ webhooks { nodes { payload { format includeFields template } } } }`, nil).at("webhooks", "nodes", 0, "payload")
	if diff := cmp.Diff(any(none), listed); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	log := a.get(ctx, `{ auditLog(first: 2) { nodes { changes { field before after } } } }`, nil)
	standard := map[string]any{"format": "STANDARD", "includeFields": []any{"a.b"}}
	want := []any{
		map[string]any{"changes": []any{map[string]any{"field": "payload", "before": any(standard), "after": nil}}},
		map[string]any{"changes": []any{map[string]any{"field": "payload", "before": with["payload"], "after": any(standard)}}},
	}
	if diff := cmp.Diff(any(want), log.at("auditLog", "nodes")); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}
