package web_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// failed makes an attempt to a webhook of kallima's fail, which is not retried, and returns the id of the issue that opens.
func (a *api) failed(t *testing.T) string {
	t.Helper()
	owner, err := a.store.TenantByName(t.Context(), "kallima")
	if err != nil {
		t.Fatal(err)
	}
	c := a.store.In(owner.ID)
	w, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/fails", Enabled: true, RetryScheduleMs: []int{}})
	if err != nil {
		t.Fatal(err)
	}
	a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "a.b", "data": 1}`)
	claims, _, err := a.store.Claim(t.Context(), w.ID, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, %v", len(claims), err)
	}
	code := webhook.ErrorHTTPStatus
	result := &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptFailed, Error: &code, Trigger: webhook.TriggerSchedule, StartedAt: time.Now(), ResponseStatus: new(503),
	}}
	if err := a.store.Record(t.Context(), result); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := c.Issues(t.Context(), store.IssueFilter{}, store.Page{})
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("issues %v, %v", found, err)
	}
	return found.Items[0].ID.String()
}

// Issues are listed, found and acknowledged over REST. Another tenant does not find them.
func TestIssues(t *testing.T) {
	a := newAPI(t)
	id := a.failed(t)
	_, list := a.rest(t, a.kallima, "GET", "/v1/issues?limit=1", "")
	data, _ := list["data"].([]any)
	if len(data) != 1 || list["has_more"] != false {
		t.Fatalf("the list is %v", list)
	}
	one, _ := data[0].(map[string]any)
	want := map[string]any{
		"id": id, "object": "issue", "kind": "DELIVERIES_EXHAUSTED", "status": "OPEN", "title": "Deliveries were given up: the receiver answers 503",
		"error": "HTTP_STATUS", "http_status": 503.0, "count": 1.0, "resolved_at": nil, "acknowledged_at": nil, "acknowledged_by": nil, "disables_at": nil,
	}
	for name, value := range want {
		if one[name] != value {
			t.Errorf("%s is %v, want %v", name, one[name], value)
		}
	}
	if status, got := a.rest(t, a.kallima, "GET", "/v1/issues/"+id, ""); status != 200 || !same(t, got, one) {
		t.Errorf("%d %v", status, got)
	}
	for query, want := range map[string]int{
		"webhook_ids=" + one["webhook_id"].(string): 1, "webhook_ids=" + id: 0, "kinds=DELIVERIES_EXHAUSTED": 1, "kinds=WEBHOOK_DISABLED": 0,
		"kinds=WEBHOOK_DISABLED&kinds=DELIVERIES_EXHAUSTED&statuses=OPEN&errors=HTTP_STATUS": 1, "statuses=RESOLVED&statuses=ACKNOWLEDGED": 0, "errors=DNS": 0,
	} {
		if status, got := a.rest(t, a.kallima, "GET", "/v1/issues?"+query, ""); status != 200 || len(got["data"].([]any)) != want {
			t.Errorf("%s: %d %v, want %d", query, status, got, want)
		}
	}
	for _, query := range []string{"kinds=OTHER", "statuses=CLOSED", "errors=", "webhook_ids=1", "kind=WEBHOOK_FAILING"} {
		if status, got := a.rest(t, a.kallima, "GET", "/v1/issues?"+query, ""); status != 422 {
			t.Errorf("%s: %d %v", query, status, got)
		}
	}
	for range 2 {
		if status, got := a.rest(t, a.kallima, "POST", "/v1/issues/"+id+"/acknowledge", ""); status != 200 || got["status"] != "ACKNOWLEDGED" || got["acknowledged_by"] != "test" {
			t.Errorf("%d %v", status, got)
		}
	}
	for _, call := range [][2]string{{"GET", "/v1/issues/" + id}, {"POST", "/v1/issues/" + id + "/acknowledge"}} {
		if status, _ := a.rest(t, a.northwind, call[0], call[1], ""); status != 404 {
			t.Errorf("another tenant gets %d", status)
		}
	}
}
