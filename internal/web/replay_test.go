package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
)

// rest sends a request and returns the status and the answer.
func (a *api) rest(t *testing.T, token, method, path, body string, header ...string) (status int, answer map[string]any) {
	t.Helper()
	res := a.do(t, token, method, path, body, header...)
	if err := json.Unmarshal([]byte(read(t, res)), &answer); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

// canceled publishes an event of kallima's, and cancels its deliveries: a replay of them waits until somebody sends them.
func (a *api) canceled(t *testing.T) {
	t.Helper()
	a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "a.b", "data": 1}`)
	owner, err := a.store.TenantByName(t.Context(), "kallima")
	if err != nil {
		t.Fatal(err)
	}
	c := a.store.In(owner.ID)
	l, err := c.Deliveries(t.Context(), store.DeliveryFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range l.Items {
		if _, err := c.CancelDelivery(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// A replay is created, found, listed, paused, changed and canceled over REST, as the API's mutations do; what GET answers may be sent back.
// Another tenant does not find it.
func TestReplays(t *testing.T) {
	a := newAPI(t)
	id := a.id(t, a.kallima)
	body := `{"kind": "ALL", "filter": {"webhook_ids": ["` + id + `"], "event_types": ["a.*"], "statuses": ["CANCELED"], "tags": ["x"], "errors": ["TIMEOUT"],
		"http_statuses": [{"from": 500, "to": null}], "data": [{"path": "job", "equals": null}, {"path": "of", "contains": "x"}],
		"created_at": {"from": "-P7D"}, "completed_at": {"to": "2030-01-01T00:00:00Z"}}, "rate_per_second": 50, "note": "outage"}`
	status, none := a.rest(t, a.kallima, "POST", "/v1/replays", body)
	if status != http.StatusAccepted || none["total"] != 0.0 {
		t.Errorf("with every condition: %d %v", status, none)
	}
	shown, since := none["filter"].(map[string]any), ""
	if from, ok := shown["created_at"].(map[string]any); ok {
		since, _ = from["from"].(string)
	}
	if _, err := time.Parse(time.RFC3339, since); err != nil {
		t.Errorf("the duration is not shown as its time: %v", shown["created_at"])
	}
	var want struct{ Filter map[string]any }
	if err := json.Unmarshal([]byte(strings.Replace(strings.Replace(body, "-P7D", since, 1), `, "to": null`, "", 1)), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Filter, shown); diff != "" {
		t.Errorf("the filter (-given +shown):\n%s", diff)
	}
	a.canceled(t)
	status, made := a.rest(t, a.kallima, "POST", "/v1/replays", `{"kind": "ALL", "filter": {"webhook_ids": ["`+id+`"]}, "rate_per_second": 50, "note": "outage"}`)
	if status != http.StatusAccepted || made["object"] != "replay" || made["kind"] != "ALL" || made["status"] != "QUEUED" || made["note"] != "outage" ||
		made["rate_per_second"] != 50.0 || made["total"] != 1.0 || made["completed_at"] != nil || made["failure_reason"] != nil {
		t.Fatalf("created: %d %v", status, made)
	}
	path := "/v1/replays/" + made["id"].(string)
	status, found := a.rest(t, a.kallima, "GET", path, "")
	if status != http.StatusOK || found["id"] != made["id"] {
		t.Errorf("found: %d %v", status, found)
	}
	estimate, _ := made["estimated_completion_at"].(string)
	if at, err := time.Parse(time.RFC3339, estimate); err != nil || time.Until(at).Abs() > time.Minute {
		t.Errorf("one of 1 delivery, at 50 a second, is estimated to be done at %q", estimate)
	}
	found["paused"], found["rate_per_second"] = true, nil
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if status, is := a.rest(t, a.kallima, "PATCH", path, string(text)); status != http.StatusOK || is["status"] != "PAUSED" || is["rate_per_second"] != nil || is["estimated_completion_at"] != nil {
		t.Errorf("paused: %d %v", status, is)
	}
	if status, is := a.rest(t, a.kallima, "PATCH", path, `{"paused": false}`); status != http.StatusOK || is["status"] != "RUNNING" {
		t.Errorf("resumed: %d %v", status, is)
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		body := map[bool]string{true: `{"paused": true}`}[method == "PATCH"]
		if status, is := a.rest(t, a.northwind, method, path, body); status != http.StatusNotFound {
			t.Errorf("another tenant's %s: %d %v", method, status, is)
		}
	}
	if status, is := a.rest(t, a.kallima, "DELETE", path, ""); status != http.StatusOK || is["status"] != "CANCELING" {
		t.Errorf("canceled: %d %v", status, is)
	}
	if status, is := a.rest(t, a.kallima, "PATCH", path, `{"paused": true}`); status != http.StatusConflict {
		t.Errorf("a canceled one is paused: %d %v", status, is)
	}
	keyed := `{"filter": {}, "idempotency_key": "k"}`
	_, first := a.rest(t, a.kallima, "POST", "/v1/replays", keyed)
	if status, again := a.rest(t, a.kallima, "POST", "/v1/replays", `{"filter": {}}`, `Idempotency-Key: "k"`); status != http.StatusAccepted || again["id"] != first["id"] {
		t.Errorf("again, with the key in the header: %d %v, before %v", status, again, first)
	}
	if status, is := a.rest(t, a.kallima, "POST", "/v1/replays", `{"filter": {}, "kind": "ALL", "idempotency_key": "k"}`); status != http.StatusConflict {
		t.Errorf("the key with another input: %d %v", status, is)
	}
	status, l := a.rest(t, a.kallima, "GET", "/v1/replays?limit=1", "")
	if status != http.StatusOK || l["has_more"] != true || l["data"].([]any)[0].(map[string]any)["id"] != first["id"] {
		t.Fatalf("the newest: %d %v", status, l)
	}
	if _, l = a.rest(t, a.kallima, "GET", "/v1/replays?after="+l["next"].(string), ""); l["has_more"] != false || len(l["data"].([]any)) != 2 {
		t.Errorf("the page after it: %v", l)
	}
}

// What is wrong with a replay is told by field, in REST's spelling.
func TestReplayMistakes(t *testing.T) {
	a := newAPI(t)
	id := a.id(t, a.northwind)
	for body, want := range map[string]string{
		`[]`:                                   " INVALID",
		`{}`:                                   "filter REQUIRED",
		`{"filter": []}`:                       "filter INVALID",
		`{"filter": null}`:                     "filter INVALID",
		`{"filter": {}, "kind": "SOME"}`:       "kind INVALID",
		`{"filter": {}, "rate_per_second": 0}`: "rate_per_second OUT_OF_RANGE",
		`{"filter": {}, "rate_per_second": "fast"}`:                         "rate_per_second INVALID",
		`{"filter": {}, "colour": 1}`:                                       "colour INVALID",
		`{"filter": {"colour": 1}}`:                                         "filter.colour INVALID",
		`{"filter": {"webhookIds": []}}`:                                    "filter.webhookIds INVALID",
		`{"filter": {"webhook_ids": ["x"]}}`:                                "filter.webhook_ids INVALID",
		`{"filter": {"webhook_ids": "x"}}`:                                  "filter.webhook_ids INVALID",
		`{"filter": {"errors": ["timeout"]}}`:                               "filter.errors INVALID",
		`{"filter": {"statuses": ["DONE"]}}`:                                "filter.statuses INVALID",
		`{"filter": {"statuses": ["PENDING"]}}`:                             "filter.statuses.0 INVALID",
		`{"filter": {"http_statuses": [500]}}`:                              "filter.http_statuses INVALID",
		`{"filter": {"http_statuses": [{"to": "x"}]}}`:                      "filter.http_statuses INVALID",
		`{"filter": {"http_statuses": [{"from": 5, "to": 4}]}}`:             "filter.http_statuses.0 OUT_OF_RANGE",
		`{"filter": {"data": [{"path": ""}]}}`:                              "filter.data.0.path REQUIRED",
		`{"filter": {"data": [{"Path": "a"}]}}`:                             "filter.data INVALID",
		`{"filter": {"created_at": "-P7D"}}`:                                "filter.created_at INVALID",
		`{"filter": {"completed_at": {"from": "yesterday"}}}`:               "filter.completed_at INVALID",
		`{"filter": {"event_types": ["` + strings.Repeat("a", 200) + `"]}}`: "filter.event_types.0 TOO_LONG",
		`{"filter": {}, "kind": "MISSING"}`:                                 "filter.webhook_ids REQUIRED",
		`{"filter": {"webhook_ids": ["` + id + `"]}, "kind": "MISSING"}`:    "filter.webhook_ids.0 NOT_FOUND",
	} {
		status, answer := a.rest(t, a.kallima, "POST", "/v1/replays", body)
		e := answer["error"].(map[string]any)
		field, _ := e["field"].(string)
		if got := field + " " + e["code"].(string); status != http.StatusUnprocessableEntity || got != want {
			t.Errorf("%s: %d %v, want %s", body, status, e, want)
		}
	}
}
