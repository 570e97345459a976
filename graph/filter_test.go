package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example of docs/filters.md creates a webhook with the filter; an update replaces it, and null removes it. The audit log has each change.
// An error names the path and the operator.
func TestWebhookFilter(t *testing.T) {
	operation, with := exampleWithVariables(t, "filters.md")
	a := newAPI(t)
	ctx := a.as("a")
	got := a.get(ctx, operation, with)
	if diff := cmp.Diff(with["filter"], got.at("createWebhook", "webhook", "filter")); diff != "" {
		t.Errorf("created (-given +got):\n%s", diff)
	}
	id := a.get(ctx, `{ webhooks { nodes { id } } }`, nil).text("webhooks", "nodes", 0, "id")
	update := func(filter any) object {
		t.Helper()
		return a.get(ctx, `mutation($id: ID!, $filter: JSON) { updateWebhook(input: {id: $id, filter: $filter}) {
			webhook { filter } userErrors { field code message } } }`, vars{"id": id, "filter": filter})
	}
	bad := update(map[string]any{"data": map[string]any{"a": map[string]any{"$gte": true}, "b": map[string]any{"$like": "x"}}})
	var fields []string
	for i := range 2 {
		fields = append(fields, fmt.Sprint(bad.at("updateWebhook", "userErrors", i, "field")))
	}
	if got := strings.Join(fields, " "); got != "[input filter data a $gte] [input filter data b $like]" {
		t.Errorf("errors of %s", got)
	}
	tags := map[string]any{"tags": "live"}
	if diff := cmp.Diff(any(tags), update(tags).at("updateWebhook", "webhook", "filter")); diff != "" {
		t.Errorf("updated (-given +got):\n%s", diff)
	}
	if left := update(nil).at("updateWebhook", "webhook", "filter"); left != nil {
		t.Errorf("null leaves %v", left)
	}
	log := a.get(ctx, `{ auditLog(first: 2) { nodes { changes { field before after } } } }`, nil)
	want := []any{
		map[string]any{"changes": []any{map[string]any{"field": "filter", "before": any(tags), "after": nil}}},
		map[string]any{"changes": []any{map[string]any{"field": "filter", "before": with["filter"], "after": any(tags)}}},
	}
	if diff := cmp.Diff(any(want), log.at("auditLog", "nodes")); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}
