package remote

import (
	"encoding/json"
	"strings"
	"testing"
)

// A replay is shown with the flags that create another one like it, and with the conditions for which there is no flag as they are.
func TestReplayFlags(t *testing.T) {
	for filter, want := range map[string]string{
		`{}`: "--kind FAILED",
		`{"webhookIds": ["1"], "eventTypes": ["a.b", "a.*"], "tags": ["it's"], "statuses": ["FAILED"], "deliveryIds": ["2"], "errors": ["TLS"]}`: `--kind FAILED --delivery 2 --error TLS --type a.b --type 'a.*' --status FAILED --tag 'it'\''s' --webhook 1`,
		`{"httpStatuses": [{"from": 404, "to": 404}, {"from": 500}, {"to": 199}]}`:                                                               "--kind FAILED --http-status 404 --http-status 500-999 --http-status 100-199",
		`{"completedAt": {"from": "F", "to": "T"}, "createdAt": {"from": "C"}}`:                                                                  `--kind FAILED --since F --until T createdAt={"from": "C"}`,
		`{"data": [{"path": "n", "equals": 1.0}], "eventIds": ["3"]}`:                                                                            `--kind FAILED data=[{"path": "n", "equals": 1.0}] eventIds=["3"]`,
	} {
		r := replayRow{Kind: "FAILED"}
		if err := json.Unmarshal([]byte(filter), &r.Filter); err != nil {
			t.Fatal(err)
		}
		if got := r.flags(); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
	r := replayRow{Kind: "MISSING", Filter: map[string]json.RawMessage{"createdAt": json.RawMessage(`{"from": "F"}`)}}
	if got := r.flags(); got != "--kind MISSING --since F" {
		t.Error(got)
	}
	var out strings.Builder
	r.ID, r.Note, r.Status = "1", "after\nthe outage", "PAUSED"
	if err := r.print(&out); err != nil || !strings.Contains(out.String(), "with --kind MISSING --since F\nnote after the outage\n") {
		t.Error(out.String(), err)
	}
}
