package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A delivery shows its attempts with the whole request and response, and can be retried and canceled.
func TestDelivery(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 1)
	a.attempt(w, 1, false)

	id := a.get(ctx, `{ deliveries { nodes { id } } }`, nil).text("deliveries", "nodes", 0, "id")
	retried := a.get(ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { delivery { status attemptCount nextAttemptAt } userErrors { code } } }`, vars{"id": id})
	if retried.text("retryDelivery", "delivery", "status") != "PENDING" || retried.text("retryDelivery", "delivery", "nextAttemptAt") == "" {
		t.Errorf("retry: %v", retried)
	}
	a.attempt(w, 1, true)

	got := a.get(ctx, `query($id: ID!) { delivery(id: $id) { status attemptCount completedAt webhook { id } event { type }
		attempts { count { count } nodes { number status error message durationMs timings { dnsMs totalMs }
			delivery { id } event { type } webhook { id }
			request { url headers { name value } body } response { status headers { name value } body bodyBase64 truncated } } } } }`, vars{"id": id})
	if got.text("delivery", "status") != "SUCCEEDED" || got.text("delivery", "completedAt") == "" || got.at("delivery", "attempts", "count", "count") != 2.0 {
		t.Errorf("delivery: %v", got)
	}
	if first := got.at("delivery", "attempts", "nodes", 0).(map[string]any); first["number"] != 1.0 || first["error"] != "TIMEOUT" ||
		first["message"] != "no answer in time" || first["response"] != nil {
		t.Errorf("failed attempt: %v", first)
	}
	second := got.at("delivery", "attempts", "nodes", 1).(map[string]any)
	want := map[string]any{
		"status": 204.0, "body": "caf\uFFFD", "bodyBase64": "Y2Fm6Q==", "truncated": false,
		"headers": []any{map[string]any{"name": "X-Odd", "value": "\uFFFD"}},
	}
	if diff := cmp.Diff(want, second["response"]); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if second["message"] != nil || second["durationMs"] != 2.0 || object(second).at("timings", "dnsMs") != 0.25 || object(second).at("timings", "totalMs") != 1.5 {
		t.Errorf("attempt: %v", second)
	}
	event := a.get(ctx, `{ events { nodes { timestamp } } }`, nil)
	body := `{"type":"a.b","timestamp":"` + event.text("events", "nodes", 0, "timestamp") + `","data":{"i":0}}`
	if object(second).text("request", "body") != body {
		t.Errorf("body %v, want %s", object(second).at("request", "body"), body)
	}

	late := a.get(ctx, `mutation($id: ID!) { cancelDelivery(input: {id: $id}) { delivery { id } userErrors { code } } }`, vars{"id": id})
	if late.text("cancelDelivery", "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("cancel of a completed delivery: %v", late)
	}
	a.publish(ctx, 1)
	if _, err := a.store.ExpireDeliveries(ctx, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	expired := a.get(ctx, `{ deliveries(first: 1, filter: {statuses: [FAILED]}) { nodes { failureReason } } succeeded: deliveries(filter: {statuses: [SUCCEEDED]}) { nodes { failureReason } } }`, nil)
	if expired.text("deliveries", "nodes", 0, "failureReason") != "EXPIRED" || expired.at("succeeded", "nodes", 0, "failureReason") != nil {
		t.Errorf("expired: %v", expired)
	}
	a.publish(ctx, 1)
	id = a.get(ctx, `{ deliveries(first: 1) { nodes { id } } }`, nil).text("deliveries", "nodes", 0, "id")
	canceled := a.get(ctx, `mutation($id: ID!) { cancelDelivery(input: {id: $id}) { delivery { status } userErrors { code } } }`, vars{"id": id})
	if canceled.text("cancelDelivery", "delivery", "status") != "CANCELED" {
		t.Errorf("cancel: %v", canceled)
	}
}

// With an ordering key a delivery shows the one that it waits for. The key is content of the event, and the order a setting of the webhook.
func TestBlockedBy(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	made := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/", retryScheduleMs: [], ordering: KEY, onFailure: HOLD}) {
		webhook { id ordering onFailure } userErrors { message } } }`, nil)
	w := made.text("createWebhook", "webhook", "id")
	if made.text("createWebhook", "webhook", "ordering") != "KEY" || made.text("createWebhook", "webhook", "onFailure") != "HOLD" {
		t.Errorf("created: %v", made)
	}
	published := a.get(ctx, `mutation { publishEvents(input: {events: [
		{type: "a.b", data: 1, orderingKey: "order 7"}, {type: "a.b", data: 2, orderingKey: "order 7"}, {type: "a.b", data: 3, orderingKey: null}
	]}) { results { event { orderingKey } userErrors { message } } } }`, nil)
	for i, want := range []any{"order 7", "order 7", nil} {
		if got := published.at("publishEvents", "results", i, "event", "orderingKey"); got != want {
			t.Errorf("the ordering key of event %d is %v, want %v", i, got, want)
		}
	}
	const list = `{ deliveries { nodes { id status nextAttemptAt blockedBy { id status event { data } } } } }`
	is := func(want ...any) {
		t.Helper()
		got := a.get(ctx, list, nil)
		for i, by := range want { // newest first
			if of, _ := got.at("deliveries", "nodes", i, "blockedBy").(map[string]any); (of == nil) != (by == nil) || of != nil && object(of).at("event", "data") != by {
				t.Errorf("delivery %d waits for %v, want %v: %v", i, of, by, got)
			}
		}
	}
	is(nil, 1.0, nil)
	if waits := a.get(ctx, list, nil); waits.at("deliveries", "nodes", 1, "nextAttemptAt") != nil || waits.text("deliveries", "nodes", 1, "status") != "PENDING" {
		t.Errorf("a delivery that waits: %v", waits)
	}
	id := a.get(ctx, list, nil).text("deliveries", "nodes", 1, "id")
	retried := a.get(ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { delivery { id } userErrors { code field } } }`, vars{"id": id})
	if retried.text("retryDelivery", "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("retried what waits: %v", retried)
	}
	a.attempt(w, 2, false)
	is(nil, 1.0, nil) // it failed, and holds
	if got := a.get(ctx, list, nil); got.text("deliveries", "nodes", 1, "blockedBy", "status") != "FAILED" {
		t.Errorf("held up by what failed: %v", got)
	}
	refused := a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, ordering: null}) { webhook { id } userErrors { code field } } }`, vars{"id": w})
	if refused.text("updateWebhook", "userErrors", 0, "code") != "INVALID" {
		t.Errorf("HOLD without an order: %v", refused)
	}
	updated := a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, ordering: null, onFailure: null}) { webhook { ordering onFailure } userErrors { code } } }`, vars{"id": w})
	if updated.text("updateWebhook", "webhook", "ordering") != "NONE" || updated.text("updateWebhook", "webhook", "onFailure") != "CONTINUE" {
		t.Errorf("updated: %v", updated)
	}
	long := a.get(ctx, `mutation($key: String) { publishEvent(input: {type: "a.b", data: 1, orderingKey: $key}) { event { id } userErrors { code field } } }`, vars{"key": strings.Repeat("x", 256)})
	if long.text("publishEvent", "userErrors", 0, "code") != "TOO_LONG" || fmt.Sprint(long.at("publishEvent", "userErrors", 0, "field")) != "[input orderingKey]" {
		t.Errorf("a key that is too long: %v", long)
	}
}

// A test event goes only to its webhook, and a disabled webhook cannot be tested.
func TestTestWebhook(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	a.createWebhook(ctx, "https://example.org/")
	const test = `mutation($id: ID!) { testWebhook(input: {id: $id}) { delivery { webhook { id } event { type deliveries { count { count } } } } userErrors { code } } }`
	got := a.get(ctx, test, vars{"id": w})
	if got.text("testWebhook", "delivery", "webhook", "id") != w || got.text("testWebhook", "delivery", "event", "type") != "hookgraph.test" ||
		got.at("testWebhook", "delivery", "event", "deliveries", "count", "count") != 1.0 {
		t.Errorf("%v", got)
	}
	a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, enabled: false}) { userErrors { code } } }`, vars{"id": w})
	if got := a.get(ctx, test, vars{"id": w}); got.text("testWebhook", "userErrors", 0, "code") != "CONFLICT" {
		t.Errorf("disabled: %v", got)
	}
}

// A delivery has its webhook's id and URL, also after the webhook is deleted, and its latest attempt, null before the first.
func TestDeliveryByItself(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	a.publish(ctx, 3)
	const list = `{ deliveries { nodes { id webhookId webhookUrl webhook { id } lastAttempt { number status webhook { id } } attempts(last: 1) { nodes { number status } } } } }`
	if got := a.get(ctx, list, nil); got.at("deliveries", "nodes", 0, "lastAttempt") != nil {
		t.Errorf("before the first attempt: %v", got)
	}
	a.attempt(w, 3, false)
	again := a.get(ctx, list, nil).text("deliveries", "nodes", 1, "id")
	a.get(ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { userErrors { code } } }`, vars{"id": again})
	a.attempt(w, 1, true)
	got := a.get(ctx, list, nil)
	for i, want := range []string{"1 FAILED", "2 SUCCEEDED", "1 FAILED"} {
		last := got.at("deliveries", "nodes", i, "lastAttempt").(map[string]any)
		if fmt.Sprintf("%v %v", last["number"], last["status"]) != want || object(last).text("webhook", "id") != w {
			t.Errorf("delivery %d: %v, want %s", i, last, want)
		}
	}
	a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, url: "https://example.com/new"}) { userErrors { code } } }`, vars{"id": w})
	a.get(ctx, `mutation($id: ID!) { deleteWebhook(input: {id: $id}) { userErrors { code } } }`, vars{"id": w})
	node := a.get(ctx, list, nil).at("deliveries", "nodes", 0).(map[string]any)
	if node["webhook"] != nil || node["webhookId"] != w || node["webhookUrl"] != "https://example.com/new" {
		t.Errorf("after the webhook was deleted: %v", node)
	}
}
