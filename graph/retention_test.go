package graph_test

import "testing"

// An operator sets, reads and removes a tenant's own retention; one that is too short, too long or not whole seconds is refused, together with what else is wrong. Absent fields stay unchanged.
func TestTenantRetention(t *testing.T) {
	a := newAPI(t)
	operator := a.operator("default")
	made := a.get(operator, `mutation { createTenant(input: {name: "kept", retentionMs: 3600000, keepFailedMs: 86400000.0}) { tenant { id retentionMs keepFailedMs } userErrors { code } } }`, nil)
	if made.at("createTenant", "tenant", "retentionMs") != 3_600_000.0 || made.at("createTenant", "tenant", "keepFailedMs") != 86_400_000.0 {
		t.Fatalf("created: %v", made)
	}
	const update = `mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { retentionMs keepFailedMs } userErrors { code field } } }`
	id := made.text("createTenant", "tenant", "id")
	changed := a.get(operator, update, vars{"input": vars{"id": id, "retentionMs": nil}})
	if changed.at("updateTenant", "tenant", "retentionMs") != nil || changed.at("updateTenant", "tenant", "keepFailedMs") != 86_400_000.0 {
		t.Errorf("changed: %v", changed)
	}
	for _, field := range []string{"retentionMs", "keepFailedMs"} {
		for _, ms := range []float64{59_000, -60_000, 60_001, 60_000.5, 1e300, 1e12 * 2} {
			refused := a.get(operator, update, vars{"input": vars{"id": id, field: ms}})
			if refused.text("updateTenant", "userErrors", 0, "code") != "OUT_OF_RANGE" || refused.text("updateTenant", "userErrors", 0, "field", 1) != field {
				t.Errorf("%s %v: %v", field, ms, refused)
			}
		}
	}
	two := a.get(operator, update, vars{"input": vars{"id": id, "retentionMs": 60_001, "quotas": vars{"webhooks": 0}}})
	if two.text("updateTenant", "userErrors", 0, "field", 1) != "quotas" || two.text("updateTenant", "userErrors", 1, "field", 1) != "retentionMs" {
		t.Errorf("two errors: %v", two)
	}
}
