package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// tryDelivery is a document for previewDelivery.
const tryDelivery = `query($in: PreviewDeliveryInput!) { previewDelivery(input: $in) {
	matches failedTerm matchedOfRecent { matched of } userErrors { field code } } }`

// previewed is what previewDelivery answers, as text.
func previewed(p object) string {
	if bad := p.at("userErrors").([]any); len(bad) > 0 {
		var fields []string
		for _, e := range bad {
			e := object(e.(map[string]any))
			fields = append(fields, fmt.Sprint(e.at("field"), " ", e.at("code")))
		}
		return strings.Join(fields, ", ") + fmt.Sprint(" ", p.at("matches"), p.at("failedTerm"), p.at("matchedOfRecent"))
	}
	recent := object(p.at("matchedOfRecent").(map[string]any))
	return fmt.Sprintf("%v, %v of %v: %v", p.at("matches"), recent.at("matched"), recent.at("of"), p.at("failedTerm"))
}

// The example of docs/filters.md answers what the page says.
func TestPreviewExample(t *testing.T) {
	shown := example(t, "filters.md", "(?s)```graphql\n(query Try.*?)```.*?`failedTerm` is [^`]*`([^`]*)`")
	a := newAPI(t)
	ctx := a.as("a")
	id := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/"}) { webhook { id } } }`, nil).text("createWebhook", "webhook", "id")
	event := a.get(ctx, `mutation { publishEvent(input: {type: "payment.failed", data: {amount: 20}}) { event { id } } }`, nil).text("publishEvent", "event", "id")
	filter := map[string]any{"data": map[string]any{"amount": map[string]any{"$gte": 100}}}
	got := a.get(ctx, shown[0], vars{"webhook": id, "event": event, "filter": filter})
	want := map[string]any{"matches": false, "failedTerm": shown[1], "matchedOfRecent": map[string]any{"matched": 0., "of": 1.}, "userErrors": []any{}}
	if diff := cmp.Diff(any(want), got.at("previewDelivery")); diff != "" {
		t.Errorf("-page +got:\n%s", diff)
	}
}

// A preview tells whether an event matches, which term fails first, and how many of the last events of the webhook's types match: with the
// settings of a webhook, with others, or with those of a new one.
func TestPreviewDelivery(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("a")
	made := a.get(ctx, `mutation($filter: JSON) { createWebhook(input: {url: "https://example.com/", events: ["pay.*"], filter: $filter}) { webhook { id } } }`,
		vars{"filter": map[string]any{"data": map[string]any{"amount": map[string]any{"$gte": 5}}}})
	id := made.text("createWebhook", "webhook", "id")
	var events []string
	for i := range 10 {
		e := a.get(ctx, `mutation($type: String!, $data: JSON) { publishEvent(input: {type: $type, data: $data, tags: ["live"]}) { event { id } } }`,
			vars{"type": []string{"pay.in", "user.new"}[i/8], "data": map[string]any{"amount": i}})
		events = append(events, e.text("publishEvent", "event", "id"))
	}
	tags := map[string]any{"tags": "live"}
	for _, c := range []struct {
		in   vars
		want string
	}{
		{vars{"webhookId": id}, "<nil>, 3 of 8: <nil>"},
		{vars{"webhookId": id, "eventId": events[7]}, "true, 3 of 8: <nil>"},
		{vars{"webhookId": id, "eventId": events[4]}, "false, 3 of 8: data.amount is 4; the filter asks for $gte 5"},
		{vars{"webhookId": id, "eventId": events[9]}, `false, 3 of 8: type is "user.new"; the webhook subscribes to pay.*`},
		{vars{"webhookId": id, "filter": nil, "eventId": events[4]}, "true, 8 of 8: <nil>"},
		{vars{"webhookId": id, "filter": tags, "event": vars{"type": "pay.in", "tags": []any{"x"}, "data": nil}}, `false, 8 of 8: tags is "x"; the filter asks for "live"`},
		{vars{"webhookId": id, "events": []any{"*"}, "eventId": events[9]}, "true, 5 of 10: <nil>"},
		{vars{"events": []any{"user.new"}, "filter": map[string]any{"data": map[string]any{"amount": 8}}}, "<nil>, 1 of 2: <nil>"},
		{vars{"event": vars{"type": "x", "data": 1}}, "true, 10 of 10: <nil>"},
		// What is wrong.
		{vars{"webhookId": events[0], "eventId": id}, "[input webhookId] NOT_FOUND, [input eventId] NOT_FOUND <nil> <nil> <nil>"},
		{vars{"eventId": events[0], "event": vars{"type": "x", "data": 1}}, "[input event] CONFLICT <nil> <nil> <nil>"},
		{vars{"event": vars{"type": "hookgraph.test"}}, "[input event type] NOT_ALLOWED, [input event data] REQUIRED <nil> <nil> <nil>"},
		{vars{"filter": map[string]any{"data": map[string]any{"a": map[string]any{"$gt": true}}}, "events": []any{"a.*.b"}}, "[input events 0] INVALID, [input filter data a $gt] INVALID <nil> <nil> <nil>"},
		{vars{"filter": strings.Repeat("x", webhook.MaxFilterBytes)}, "[input filter] TOO_LONG <nil> <nil> <nil>"},
	} {
		if got := previewed(object(a.get(ctx, tryDelivery, vars{"in": c.in}).at("previewDelivery").(map[string]any))); got != c.want {
			t.Errorf("%v:\n%s, want\n%s", c.in, got, c.want)
		}
	}
	few := a.get(ctx, `query($in: PreviewDeliveryInput!) { previewDelivery(input: $in) { matchedOfRecent(last: 3) { matched of } } }`, vars{"in": vars{"webhookId": id}})
	if diff := cmp.Diff(any(map[string]any{"matched": 3., "of": 3.}), few.at("previewDelivery", "matchedOfRecent")); diff != "" {
		t.Errorf("of the last three (-want +got):\n%s", diff)
	}
	// Nothing of another tenant.
	other := a.as("b")
	got := previewed(object(a.get(other, tryDelivery, vars{"in": vars{"webhookId": id, "eventId": events[7]}}).at("previewDelivery").(map[string]any)))
	if want := "[input webhookId] NOT_FOUND, [input eventId] NOT_FOUND <nil> <nil> <nil>"; got != want {
		t.Errorf("as another tenant: %s", got)
	}
	if got := previewed(object(a.get(other, tryDelivery, vars{"in": vars{}}).at("previewDelivery").(map[string]any))); got != "<nil>, 0 of 0: <nil>" {
		t.Errorf("as another tenant: %s", got)
	}
	// The settings of a webhook are for those who may read it.
	for _, c := range []struct {
		scopes []webhook.TokenScope
		in     vars
		errors int
	}{
		{[]webhook.TokenScope{webhook.ScopeDeliveriesRead}, vars{"webhookId": id}, 1},
		{[]webhook.TokenScope{webhook.ScopeWebhooksRead}, vars{"webhookId": id}, 1},
		{[]webhook.TokenScope{webhook.ScopeDeliveriesRead}, vars{"filter": tags}, 0},
		{[]webhook.TokenScope{webhook.ScopeDeliveriesRead, webhook.ScopeWebhooksRead}, vars{"webhookId": id}, 0},
	} {
		if got := a.run(a.scoped("a", c.scopes...), tryDelivery, vars{"in": c.in}); len(got.Errors) != c.errors {
			t.Errorf("with %v, %v: %v", c.scopes, c.in, got.Errors)
		}
	}
}
