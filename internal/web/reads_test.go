package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// attempted publishes an event of kallima's and records a failed attempt of its delivery to the webhook. It returns their ids.
func (a *api) attempted(t *testing.T, hook, event string, change func(*webhook.Attempt)) (eventID, deliveryID, attemptID string) {
	t.Helper()
	if status, made := a.rest(t, a.kallima, "POST", "/v1/events", event); status != http.StatusAccepted {
		t.Fatal(status, made)
	}
	id, err := webhook.ParseID(hook)
	if err != nil {
		t.Fatal(err)
	}
	claims, _, err := a.store.Claim(t.Context(), id, 1, 1<<20)
	if err != nil || len(claims) != 1 {
		t.Fatal(len(claims), err)
	}
	r := &store.Result{Claimed: claims[0], Attempt: webhook.Attempt{
		Status: webhook.AttemptFailed, Error: new(webhook.ErrorHTTPStatus), Message: "The receiver answered 500.", Trigger: webhook.TriggerSchedule, StartedAt: time.Now(),
		DurationUs: 1500, URL: "https://receiver.example.com/", RequestHeaders: webhook.HeaderBlock("X-Of: kallima\r\n"), SignedBy: bytes.Repeat([]byte{7}, 32),
		ResponseStatus: new(500), ResponseHeaders: webhook.HeaderBlock("X-Is: \xff\r\n"), ResponseBody: []byte("no \xff"), ResponseTruncated: true,
	}}
	if change != nil {
		change(&r.Attempt)
	}
	if err := a.store.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliveryID = claims[0].Delivery.ID.String()
	return claims[0].Event.ID.String(), deliveryID, a.ids(t, "/v1/attempts?delivery_ids="+deliveryID)[0]
}

// ids lists the ids of a list.
func (a *api) ids(t *testing.T, path string) []string {
	t.Helper()
	status, list := a.rest(t, a.kallima, "GET", path, "")
	if status != http.StatusOK {
		t.Fatalf("%s: %d %v", path, status, list)
	}
	ids := []string{}
	for _, one := range list["data"].([]any) {
		ids = append(ids, one.(map[string]any)["id"].(string))
	}
	return ids
}

// A query that cannot be read is refused: a condition that is passed over would list everything, and a dry run that is passed over import.
func TestQueriesThatCannotBeRead(t *testing.T) {
	a := newAPI(t)
	a.id(t, a.kallima)
	for path, method := range map[string]string{
		"/v1/events?tags=50%":         "GET",
		"/v1/webhooks?limit=1;text=x": "GET",
		"/v1/webhooks?text=%zz":       "GET",
		"/v1/event-types/openapi.json?delete_missing=true;dry_run=true": "PUT",
		"/v1/event-types/openapi.json?;":                                "GET",
	} {
		status, said := a.rest(t, a.kallima, method, path, `{"openapi": "3.1.0", "webhooks": {}}`)
		if e, _ := said["error"].(map[string]any); status != http.StatusUnprocessableEntity || e["code"] != "INVALID" {
			t.Errorf("%s %s: got %d %v", method, path, status, said)
		}
	}
}

// An event, its delivery and their attempt are read one by one, with everything that was published, sent and received. Lists have neither data nor
// bodies.
func TestReads(t *testing.T) {
	a := newAPI(t)
	hook := a.id(t, a.kallima)
	e, d, at := a.attempted(t, hook, `{"type": "order.paid", "data": {"a": 1.50, "b": "<&>"}, "tags": ["eu"], "idempotency_key": "k"}`, nil)

	_, event := a.rest(t, a.kallima, "GET", "/v1/events/"+e, "")
	for name, want := range map[string]any{"id": e, "object": "event", "type": "order.paid", "idempotency_key": "k", "ordering_key": nil, "test": false} {
		if event[name] != want {
			t.Errorf("the event's %s is %v, want %v", name, event[name], want)
		}
	}
	if text := read(t, a.do(t, a.kallima, "GET", "/v1/events/"+e, "")); !strings.Contains(text, `"data":{"a":1.50,"b":"<&>"}`) {
		t.Errorf("the data is not as published: %s", text)
	}
	_, delivery := a.rest(t, a.kallima, "GET", "/v1/deliveries/"+d, "")
	for name, want := range map[string]any{"event_id": e, "webhook_id": hook, "status": "PENDING", "attempt_count": 1.0, "completed_at": nil, "failure_reason": nil} {
		if delivery[name] != want {
			t.Errorf("the delivery's %s is %v, want %v", name, delivery[name], want)
		}
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(delivery["next_attempt_at"])); err != nil {
		t.Error(err)
	}
	_, attempt := a.rest(t, a.kallima, "GET", "/v1/attempts/"+at, "")
	want := map[string]any{
		"id": at, "object": "attempt", "delivery_id": d, "event_id": e, "webhook_id": hook, "number": 1.0, "status": "FAILED", "error": "HTTP_STATUS",
		"message": "The receiver answered 500.", "trigger": "SCHEDULE", "replay_id": nil, "duration_ms": 2.0, "started_at": attempt["started_at"],
		"timings": map[string]any{"dns_ms": 0.0, "connect_ms": 0.0, "tls_ms": 0.0, "first_byte_ms": 0.0, "total_ms": 1.5},
		"request": map[string]any{
			"url": "https://receiver.example.com/", "headers": []any{map[string]any{"name": "X-Of", "value": "kallima"}},
			"signed_by": []any{"07070707-0707-0707-0707-070707070707", "07070707-0707-0707-0707-070707070707"},
			"body":      `{"type":"order.paid","timestamp":"` + published(t, event) + `","data":{"a":1.50,"b":"<&>"}}`,
		},
		"response": map[string]any{
			"status": 500.0, "truncated": true, "headers": []any{map[string]any{"name": "X-Is", "value": "\ufffd"}}, "body": "no \ufffd", "body_base64": "bm8g/w==",
		},
	}
	if diff := cmp.Diff(want, attempt); diff != "" {
		t.Errorf("the attempt (-want +got):\n%s", diff)
	}
	for _, list := range []string{"/v1/events", "/v1/deliveries", "/v1/attempts"} {
		text := read(t, a.do(t, a.kallima, "GET", list, ""))
		for _, large := range []string{`"data":{`, `"body"`, `"headers"`} {
			if strings.Contains(text, large) {
				t.Errorf("%s has %s: %s", list, large, text)
			}
		}
	}
}

// published returns the timestamp that receivers see.
func published(t *testing.T, event map[string]any) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, event["timestamp"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

// Each condition of each list keeps what meets it, and drops the rest; cursors lead through all of it.
func TestConditions(t *testing.T) {
	a := newAPI(t)
	first, second := a.id(t, a.kallima), a.id(t, a.kallima)
	for _, patch := range []string{first, second} { // each gets the events of one type
		if status, answer := a.rest(t, a.kallima, "PATCH", "/v1/webhooks/"+patch, `{"events": ["for.`+map[string]string{first: "first", second: "second"}[patch]+`"]}`); status != http.StatusOK {
			t.Fatal(answer)
		}
	}
	e1, d1, a1 := a.attempted(t, first, `{"type": "for.first", "data": {"n": 1}, "tags": ["one"], "idempotency_key": "k1"}`, nil)
	e2, d2, a2 := a.attempted(t, second, `{"type": "for.second", "data": {"n": 2}, "tags": ["two"], "idempotency_key": "k2"}`, func(at *webhook.Attempt) {
		at.Status, at.Error, at.Message, at.ResponseStatus, at.Trigger = webhook.AttemptSucceeded, nil, "", new(204), webhook.TriggerManual
	})
	if status, answer := a.rest(t, a.kallima, "POST", "/v1/deliveries/"+d1+"/cancel", ""); status != http.StatusOK || answer["status"] != "CANCELED" {
		t.Fatal(answer)
	}
	for _, c := range []struct{ path, first, second string }{
		{"/v1/events?types=$", "for.first", "for.second"},
		{"/v1/events?tags=$", "one", "two"},
		{"/v1/events?idempotency_key=$", "k1", "k2"},
		{"/v1/events?data=$", `{"path": "n", "equals": 1}`, `{"path": "n", "equals": 2}`},
		{"/v1/deliveries?webhook_ids=$", first, second},
		{"/v1/deliveries?event_ids=$", e1, e2},
		{"/v1/deliveries?event_types=$", "for.first", "for.second"},
		{"/v1/deliveries?statuses=$", "CANCELED", "SUCCEEDED"},
		{"/v1/deliveries?tags=$", "one", "two"},
		{"/v1/deliveries?data=$", `{"path": "n", "equals": 1}`, `{"path": "n", "equals": 2}`},
		{"/v1/deliveries?http_statuses=$", "500", "200-299"},
		{"/v1/attempts?webhook_ids=$", first, second},
		{"/v1/attempts?delivery_ids=$", d1, d2},
		{"/v1/attempts?event_ids=$", e1, e2},
		{"/v1/attempts?event_types=$", "for.first", "for.second"},
		{"/v1/attempts?statuses=$", "FAILED", "SUCCEEDED"},
		{"/v1/attempts?http_statuses=$", "500-", "-299"},
		{"/v1/attempts?triggers=$", "SCHEDULE", "MANUAL"},
		{"/v1/webhooks?event_type=$", "for.first", "for.second"},
	} {
		ids := map[string][2]string{"/v1/events": {e1, e2}, "/v1/deliveries": {d1, d2}, "/v1/attempts": {a1, a2}, "/v1/webhooks": {first, second}}
		list, _, _ := strings.Cut(c.path, "?")
		for i, value := range []string{c.first, c.second} {
			path := strings.Replace(c.path, "$", url.QueryEscape(value), 1)
			if diff := cmp.Diff([]string{ids[list][i]}, a.ids(t, path)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	}
	for path, want := range map[string][]string{
		"/v1/attempts?errors=HTTP_STATUS": {a1}, "/v1/deliveries?errors=HTTP_STATUS": {d1}, "/v1/deliveries?statuses=CANCELED&statuses=SUCCEEDED": {d2, d1},
		"/v1/events?created_at_from=2026-01-01T00:00:00+00:00": {e2, e1}, "/v1/events?created_at_from=-PT1H": {e2, e1}, "/v1/events?created_at_to=-PT1H": {}, "/v1/attempts?started_at_from=-PT1H": {a2, a1},
		"/v1/deliveries?completed_at_from=-PT1H": {d2, d1}, "/v1/deliveries?next_attempt_at_from=-PT1H": {}, "/v1/deliveries?created_at_to=-PT1H": {},
		"/v1/webhooks?enabled=false": {}, "/v1/webhooks?failing=true": {first}, "/v1/webhooks?disabled_reason=GONE": {}, "/v1/webhooks?url=nowhere": {}, "/v1/webhooks?text=receiver": {second, first},
		"/v1/event-types?name=elsewhere": nil,
	} {
		if want == nil {
			_, list := a.rest(t, a.kallima, "GET", path, "")
			if len(list["data"].([]any)) != 0 {
				t.Errorf("%s: %v", path, list)
			}
			continue
		}
		if diff := cmp.Diff(want, a.ids(t, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for path, want := range map[string][]string{"/v1/events": {e2, e1}, "/v1/deliveries": {d2, d1}, "/v1/attempts": {a2, a1}} {
		var got []string
		for next := ""; ; {
			_, list := a.rest(t, a.kallima, "GET", path+"?limit=1"+next, "")
			for _, one := range list["data"].([]any) {
				got = append(got, one.(map[string]any)["id"].(string))
			}
			if list["has_more"] != true || len(got) > 2 {
				break
			}
			next = "&after=" + list["next"].(string)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s page by page: %v, want %v", path, got, want)
		}
	}
}

// A condition that is wrong is refused under its parameter's name.
func TestWrongConditions(t *testing.T) {
	a := newAPI(t)
	for path, field := range map[string]string{
		"/v1/events?types=a..b": "types.0", "/v1/events?types=" + strings.Repeat("a&types=", 100) + "a": "types", "/v1/events?tags=": "tags.0",
		"/v1/events?idempotency_key=": "idempotency_key", "/v1/events?idempotency_key=a&idempotency_key=b": "idempotency_key",
		"/v1/events?created_at_from=yesterday": "created_at_from", "/v1/events?created_at_from=-PT1H&created_at_to=-PT2H": "created_at_to",
		"/v1/events?data=%7B": "data", "/v1/events?data=1": "data", "/v1/events?data=": "data", "/v1/events?data=%7B%22path%22%3A%22a%22%7D": "data.0",
		"/v1/deliveries?webhook_ids=1": "webhook_ids", "/v1/deliveries?statuses=DONE": "statuses", "/v1/deliveries?http_statuses=x": "http_statuses",
		"/v1/deliveries?http_statuses=-": "http_statuses", "/v1/deliveries?http_statuses=599-500": "http_statuses.0", "/v1/deliveries?http_statuses=99999": "http_statuses",
		"/v1/deliveries?limit=0": "limit", "/v1/deliveries?limit=101": "limit", "/v1/deliveries?limit=9223372036854775808": "limit", "/v1/deliveries?after=x": "after",
		"/v1/deliveries?colour=red": "colour", "/v1/attempts?triggers=": "triggers", "/v1/attempts?errors=NONE": "errors", "/v1/attempts?started_at_to=1": "started_at_to",
		"/v1/webhooks?enabled=maybe": "enabled", "/v1/webhooks?event_type=a..b": "event_type", "/v1/webhooks?disabled_reason=NONE": "disabled_reason",
		"/v1/event-types?name=" + strings.Repeat("a", 200): "name",
	} {
		status, answer := a.rest(t, a.kallima, "GET", path, "")
		wrong, _ := answer["error"].(map[string]any)
		if status != http.StatusUnprocessableEntity || wrong["field"] != field || wrong["message"] == "" {
			t.Errorf("%s: %d %v, want the field %s", path, status, answer, field)
		}
	}
}

// A delivery is retried and canceled over REST as by the mutations: with 409 if it cannot be.
func TestSteerDelivery(t *testing.T) {
	a := newAPI(t)
	hook := a.id(t, a.kallima)
	a.canceled(t)
	id := a.ids(t, "/v1/deliveries")[0]
	for _, step := range []struct {
		what, status string
		answer       int
	}{{"cancel", "", http.StatusConflict}, {"retry", "PENDING", http.StatusOK}, {"retry", "PENDING", http.StatusOK}, {"cancel", "CANCELED", http.StatusOK}} {
		status, answer := a.rest(t, a.kallima, "POST", "/v1/deliveries/"+id+"/"+step.what, "")
		if is, _ := answer["status"].(string); status != step.answer || is != step.status {
			t.Errorf("%s: %d %v", step.what, status, answer)
		}
	}
	a.rest(t, a.kallima, "DELETE", "/v1/webhooks/"+hook, "")
	if status, answer := a.rest(t, a.kallima, "POST", "/v1/deliveries/"+id+"/retry", ""); status != http.StatusConflict {
		t.Errorf("of a deleted webhook: %d %v", status, answer)
	}
}

// A preview takes the body of a replay, tells what that would send, and creates nothing.
func TestPreview(t *testing.T) {
	a := newAPI(t)
	hook := a.id(t, a.kallima)
	a.canceled(t)
	id := a.ids(t, "/v1/deliveries")[0]
	status, p := a.rest(t, a.kallima, "POST", "/v1/replays/preview", `{"kind": "ALL", "filter": {"webhook_ids": ["`+hook+`"]}, "rate_per_second": 2}`)
	samples, _ := p["samples"].([]any)
	if status != http.StatusOK || len(samples) != 1 || samples[0].(map[string]any)["id"] != id {
		t.Fatal(status, p)
	}
	delete(p, "samples")
	want := map[string]any{
		"object": "replay_preview", "deliveries": map[string]any{"count": 1.0, "precision": "EXACT"}, "by_webhook": []any{map[string]any{"webhook_id": hook, "count": 1.0}},
		"sample_events": []any{}, "estimated_duration_ms": 500.0,
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	later := a.id(t, a.kallima)
	if _, p = a.rest(t, a.kallima, "POST", "/v1/replays/preview", `{"kind": "MISSING", "filter": {"webhook_ids": ["`+later+`"]}}`); len(p["sample_events"].([]any)) != 1 {
		t.Error(p)
	}
	if status, p = a.rest(t, a.kallima, "POST", "/v1/replays/preview", `{"kind": "SOME", "filter": {}}`); status != http.StatusUnprocessableEntity || p["error"].(map[string]any)["field"] != "kind" {
		t.Error(status, p)
	}
	if list := a.ids(t, "/v1/replays"); len(list) != 0 {
		t.Errorf("there are replays: %v", list)
	}
}

// A delivery that waits for another with its ordering key says for which.
func TestBlockedBy(t *testing.T) {
	a := newAPI(t)
	hook := a.id(t, a.kallima)
	a.rest(t, a.kallima, "PATCH", "/v1/webhooks/"+hook, `{"ordering": "KEY"}`)
	for range 2 {
		a.rest(t, a.kallima, "POST", "/v1/events", `{"type": "a.b", "data": 1, "ordering_key": "k"}`)
	}
	_, list := a.rest(t, a.kallima, "GET", "/v1/deliveries", "")
	data := list["data"].([]any)
	if head, waits := data[1].(map[string]any), data[0].(map[string]any); waits["blocked_by"] != head["id"] || head["blocked_by"] != nil {
		t.Error(list)
	}
}

// Reads of payloads that are under way are bounded: a caller beyond its share is answered 429, others are not, and what was taken is given back.
func TestPayloadsAreBounded(t *testing.T) {
	a := newAPI(t)
	a.id(t, a.kallima)
	a.canceled(t)
	id := a.ids(t, "/v1/events")[0]
	path := "/v1/events/" + id
	const share = 32 // of a token
	for range 2 {
		writing, released := make(chan struct{}), make(chan struct{})
		var reads sync.WaitGroup
		for range share {
			reads.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
				r.Header.Set("Authorization", "Bearer "+a.kallima)
				a.handler.ServeHTTP(&stalled{httptest.NewRecorder(), sync.OnceFunc(func() {
					writing <- struct{}{}
					<-released
				})}, r)
			})
		}
		for range share {
			<-writing
		}
		for _, path := range []string{path, "/v1/attempts/" + webhook.NewID(time.Now()).String()} {
			if status, answer := a.rest(t, a.kallima, "GET", path, ""); status != http.StatusTooManyRequests {
				t.Error(path, status, answer)
			}
		}
		if status, answer := a.rest(t, a.northwind, "GET", path, ""); status != http.StatusNotFound {
			t.Error("another tenant:", status, answer)
		}
		close(released)
		reads.Wait()
	}
	var one struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(read(t, a.do(t, a.kallima, "GET", path, ""))), &one); err != nil || string(one.Data) != "1" {
		t.Error(err, string(one.Data))
	}
}

// stalled is an answer whose client reads nothing for a time.
type stalled struct {
	*httptest.ResponseRecorder

	wait func()
}

// Write implements io.Writer.
func (w *stalled) Write(b []byte) (int, error) {
	w.wait()
	return w.ResponseRecorder.Write(b)
}
