package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const replayFields = `id kind filter status note failureReason ratePerSecond total matched started succeeded failed skipped createdAt completedAt
	estimatedCompletionAt deliveries { nodes { id replay { id } lastAttempt { trigger replay { id } } } count { count } }`

// A replay is previewed, created, paused, resumed, listed, found and completed through the API; deliveries and attempts name it, and
// statistics count its attempts. Another tenant does not find it.
func TestReplay(t *testing.T) {
	a := newAPI(t)
	webhooktest.Upkeep(t, a.store)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	for _, id := range a.publish(ctx, 2) {
		a.get(ctx, `mutation($id: ID!) { cancelDelivery(input: {id: $id}) { userErrors { code } } }`,
			vars{"id": a.get(ctx, `query($e: ID!) { event(id: $e) { deliveries { nodes { id } } } }`, vars{"e": id}).text("event", "deliveries", "nodes", 0, "id")})
	}
	input := vars{"in": map[string]any{"kind": "ALL", "filter": map[string]any{"webhookIds": []any{w}}, "ratePerSecond": 1000, "note": "again", "idempotencyKey": "k"}}
	p := a.get(ctx, `query($in: ReplayInput!) { replayPreview(input: $in) { deliveries { count precision } byWebhook { webhookId count webhook { id } }
		samples { webhook { id } } sampleEvents { id } estimatedDurationMs userErrors { code } } }`, input)
	want := map[string]any{
		"deliveries": map[string]any{"count": 2.0, "precision": "EXACT"}, "estimatedDurationMs": 2.0, "userErrors": []any{}, "sampleEvents": []any{},
		"byWebhook": []any{map[string]any{"webhookId": w, "count": 2.0, "webhook": map[string]any{"id": w}}},
		"samples":   []any{map[string]any{"webhook": map[string]any{"id": w}}, map[string]any{"webhook": map[string]any{"id": w}}},
	}
	if diff := cmp.Diff(want, p.at("replayPreview")); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	made := a.get(ctx, `mutation($in: ReplayInput!) { replayDeliveries(input: $in) { replay { `+replayFields+` } userErrors { code } } }`, input)
	id := made.text("replayDeliveries", "replay", "id")
	if diff := cmp.Diff(map[string]any{"webhookIds": []any{w}}, made.at("replayDeliveries", "replay", "filter")); diff != "" {
		t.Errorf("its filter (-want +got):\n%s", diff)
	}
	if made.at("replayDeliveries", "replay", "total") != 2.0 || made.text("replayDeliveries", "replay", "note") != "again" {
		t.Errorf("created: %v", made)
	}
	change := func(field, input string) {
		t.Helper()
		got := a.get(ctx, `mutation { `+field+`(input: {id: "`+id+`" `+input+`}) { replay { id status ratePerSecond } userErrors { code message } } }`, nil)
		if got.text(field, "replay", "id") != id {
			t.Errorf("%s: %v", field, got)
		}
	}
	change("updateReplay", "paused: true")
	change("updateReplay", "paused: false ratePerSecond: null")
	find := func() object {
		return a.get(ctx, `query($id: ID!) { replay(id: $id) { `+replayFields+` } }`, vars{"id": id})
	}
	webhooktest.Eventually(t, "the deliveries are due", func() bool { return find().at("replay", "matched") == 2.0 })
	a.attempt(w, 2, true)
	webhooktest.Eventually(t, "the replay completes", func() bool { return find().text("replay", "status") == "COMPLETED" })
	done := find()
	if done.at("replay", "succeeded") != 2.0 || done.at("replay", "deliveries", "count", "count") != 2.0 {
		t.Errorf("completed: %v", done)
	}
	if d := done.at("replay", "deliveries", "nodes", 0).(map[string]any); object(d).text("replay", "id") != id || object(d).text("lastAttempt", "replay", "id") != id {
		t.Errorf("a delivery of the replay: %v", d)
	}
	all := a.get(ctx, `query($id: ID!) { node(id: $id) { ... on Replay { id } } replays(first: 1) { nodes { id } count { count } }
		deliveries(filter: {replayIds: [$id]}) { count { count } }
		stats(range: {from: "-PT1H"}) { totals { attempts(triggers: REPLAY) } } }`, vars{"id": id})
	if all.text("node", "id") != id || all.text("replays", "nodes", 0, "id") != id || all.at("deliveries", "count", "count") != 2.0 || all.at("stats", "totals", "attempts") != 2.0 {
		t.Errorf("found: %v", all)
	}
	more := a.get(ctx, `query($w: [ID!]) { replayPreview(input: {kind: MISSING, filter: {webhookIds: $w}}) { samples { id } sampleEvents { type data } byWebhook { webhook { url } } } }`,
		vars{"w": []any{a.createWebhook(ctx, "https://example.com/new")}})
	if events := more.at("replayPreview", "sampleEvents").([]any); len(events) != 2 || object(events[0].(map[string]any)).at("data") == nil || len(more.at("replayPreview", "samples").([]any)) != 0 {
		t.Errorf("a preview of what is missing: %v", more)
	}
	other := a.get(a.as("other"), `query($id: ID!) { replay(id: $id) { id } node(id: $id) { id } replays { nodes { id } } deliveries(filter: {replayIds: [$id]}) { nodes { id } } }`, vars{"id": id})
	if other.at("replay") != nil || other.at("node") != nil || len(other.at("replays", "nodes").([]any)) != 0 || len(other.at("deliveries", "nodes").([]any)) != 0 {
		t.Errorf("another tenant finds %v", other)
	}
}

// The stream of a replay goes on while its deliveries are being retried, and ends with the last of them.
func TestReplayProgress(t *testing.T) {
	a := newAPI(t)
	webhooktest.Upkeep(t, a.store)
	ctx, cancel := context.WithTimeout(a.as("kallima"), time.Minute)
	defer cancel()
	w := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/", retryScheduleMs: [100]}) { webhook { id } } }`, nil).text("createWebhook", "webhook", "id")
	a.publish(ctx, 1)
	a.attempt(w, 1, true)
	id := a.get(ctx, `mutation($w: ID!) { replayDeliveries(input: {kind: ALL filter: {webhookIds: [$w]}}) { replay { id } } }`, vars{"w": w}).
		text("replayDeliveries", "replay", "id")
	progress := a.feed(ctx, `subscription($id: ID!) { replayProgress(id: $id) { status started succeeded failed } }`, vars{"id": id})
	for progress.next().text("status") != "COMPLETED" {
		a.attempt(w, 1, false) // once: then there is nothing to claim until the retry
	}
	var last object
	for last == nil || last.at("succeeded") != 1.0 {
		webhooktest.Eventually(t, "the delivery is retried", func() bool {
			a.attempt(w, 1, true)
			return a.get(ctx, `query($id: ID!) { replay(id: $id) { succeeded } }`, vars{"id": id}).at("replay", "succeeded") == 1.0
		})
		last = progress.next()
	}
	if resp := progress.read(progress.ctx); resp != nil {
		t.Errorf("after its last delivery it streams %s", resp.Data)
	}

	// What cancels deliveries sends none: its stream ends with it.
	a.publish(ctx, 1)
	id = a.get(ctx, `mutation($w: ID!) { cancelDeliveries(input: {filter: {webhookIds: [$w]}}) { replay { id } } }`, vars{"w": w}).
		text("cancelDeliveries", "replay", "id")
	progress = a.feed(ctx, `subscription($id: ID!) { replayProgress(id: $id) { status started } }`, vars{"id": id})
	for progress.next().text("status") != "COMPLETED" {
	}
	if resp := progress.read(progress.ctx); resp != nil || ctx.Err() != nil {
		t.Errorf("after the last it streams %v, until %v", resp, ctx.Err())
	}
}

// What is wrong with a replay's input is told by field, of a preview as of the mutation; what does not exist, and what has ended, cannot
// be changed.
func TestReplayErrors(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	for input, want := range map[string][]any{
		`filter: {} ratePerSecond: 0`:                {"OUT_OF_RANGE", "input", "ratePerSecond"},
		`filter: {statuses: [SUCCEEDED]}`:            {"INVALID", "input", "filter", "statuses", "0"},
		`filter: {tags: [""]}`:                       {"REQUIRED", "input", "filter", "tags", "0"},
		`filter: {data: [{path: ""}]}`:               {"REQUIRED", "input", "filter", "data", "0", "path"},
		`filter: {httpStatuses: [{from: 2, to: 1}]}`: {"OUT_OF_RANGE", "input", "filter", "httpStatuses", "0"},
	} {
		for _, field := range []string{"query { replayPreview", "mutation { replayDeliveries"} {
			got := a.get(ctx, field+`(input: {`+input+`}) { userErrors { code field } } }`, nil)
			e := object(got.at(map[bool]string{true: "replayPreview", false: "replayDeliveries"}[field[0] == 'q'], "userErrors", 0).(map[string]any))
			if diff := cmp.Diff(want, append([]any{e.at("code")}, e.at("field").([]any)...)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", field, input, diff)
			}
		}
	}
	unknown := "019aa000-0000-7000-8000-000000000000"
	for _, field := range []string{"updateReplay", "cancelReplay"} {
		got := a.get(ctx, `mutation { `+field+`(input: {id: "`+unknown+`"}) { userErrors { code } } }`, nil)
		if got.text(field, "userErrors", 0, "code") != "NOT_FOUND" {
			t.Errorf("%s of an unknown replay: %v", field, got)
		}
	}
}
