package graph_test

import "testing"

// An operator sets, reads and removes a tenant's own retention; one that is too short is refused. Absent fields stay unchanged.
func TestTenantRetention(t *testing.T) {
	a := newAPI(t)
	operator := a.operator("default")
	made := a.get(operator, `mutation { createTenant(input: {name: "kept", retentionSeconds: 3600, keepFailedSeconds: 86400}) { tenant { id retentionSeconds keepFailedSeconds } userErrors { code } } }`, nil)
	if made.at("createTenant", "tenant", "retentionSeconds") != 3600.0 || made.at("createTenant", "tenant", "keepFailedSeconds") != 86400.0 {
		t.Fatalf("created: %v", made)
	}
	const update = `mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { retentionSeconds keepFailedSeconds } userErrors { code field } } }`
	id := made.text("createTenant", "tenant", "id")
	changed := a.get(operator, update, vars{"input": vars{"id": id, "retentionSeconds": nil}})
	if changed.at("updateTenant", "tenant", "retentionSeconds") != nil || changed.at("updateTenant", "tenant", "keepFailedSeconds") != 86400.0 {
		t.Errorf("changed: %v", changed)
	}
	for name, input := range map[string]vars{"retentionSeconds": {"id": id, "retentionSeconds": 59}, "keepFailedSeconds": {"id": id, "keepFailedSeconds": -1}} {
		refused := a.get(operator, update, vars{"input": input})
		if refused.text("updateTenant", "userErrors", 0, "code") != "OUT_OF_RANGE" || refused.text("updateTenant", "userErrors", 0, "field", 1) != name {
			t.Errorf("%s: %v", name, refused)
		}
	}
}
