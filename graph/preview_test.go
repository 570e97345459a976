package graph_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

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

// shownRequest is a request that a preview shows.
type shownRequest struct {
	header http.Header
	body   string
	object
}

func requestOf(p object) shownRequest {
	r := shownRequest{http.Header{}, p.text("request", "body"), object(p.at("request").(map[string]any))}
	for _, h := range r.at("headers").([]any) {
		h := object(h.(map[string]any))
		r.header.Add(h.text("name"), h.text("value"))
	}
	return r
}

// verifies reports whether a secret verifies the request, as README.md says.
func (r shownRequest) verifies(t *testing.T, secret string) bool {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return wh.Verify([]byte(r.body), r.header) == nil
}

// The example of docs/payloads.md shows a request that the secret beside it verifies, and the webhook's does not.
func TestPreviewRequestExample(t *testing.T) {
	shown := example(t, "payloads.md", "(?s)```graphql\n(query Preview.*?)```")
	a := newAPI(t)
	ctx := a.as("a")
	made := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/x"}) { secret webhook { id } } }`, nil)
	id := made.text("createWebhook", "webhook", "id")
	event := a.get(ctx, `mutation { publishEvent(input: {type: "order.paid", data: {total: 7}}) { event { id } } }`, nil).text("publishEvent", "event", "id")
	text := map[string]any{"text": "{{ type }} {{ data.total }}"}
	with := vars{"webhook": id, "event": event, "payload": vars{"format": "TEMPLATE", "template": text}}
	r := requestOf(object(a.get(ctx, shown[0], with).at("previewDelivery").(map[string]any)))
	if r.body != `{"text":"order.paid 7"}` || r.text("method") != "POST" || r.text("url") != "https://example.com/x" {
		t.Errorf("request %v", r.object)
	}
	if r.header.Get("webhook-id") != event || r.header.Get("content-type") != "application/json" || len(r.header) != 5 {
		t.Errorf("headers %v", r.header)
	}
	if !r.verifies(t, r.text("secret")) {
		t.Error("the secret does not verify the request")
	}
	if secret := made.text("createWebhook", "secret"); secret == r.text("secret") || r.verifies(t, secret) {
		t.Error("the webhook's secret has signed the request")
	}
}

const tryRequest = `query($in: PreviewDeliveryInput!) { previewDelivery(input: $in) { matches
	request { url headers { name value } body secret publicKey } userErrors { field code message } } }`

// A preview shows the request in each format and signature scheme, without sensitive values, also of an event that does not match. Settings are
// those of the webhook, or others.
func TestPreviewRequest(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("a")
	id := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/", events: ["pay.in"], signatureScheme: ED25519,
		payload: {format: CLOUDEVENTS_BINARY, includeFields: ["n"]},
		headers: [{name: "x-key", value: "the-key", sensitive: true}, {name: "x-plain", value: "plain"}]}) { webhook { id } } }`, nil).
		text("createWebhook", "webhook", "id")
	event := vars{"type": "pay.out", "tags": []string{"live"}, "data": map[string]any{"n": 1, "m": "x"}}
	of := func(in vars) object {
		in["event"] = event
		return object(a.get(ctx, tryRequest, vars{"in": in}).at("previewDelivery").(map[string]any))
	}
	for _, c := range []struct {
		in                vars
		kind, body, extra string
	}{
		{vars{"webhookId": id}, "application/json", `{"n":1}`, "Ce-Type: pay.out"},
		{vars{"webhookId": id, "payload": nil}, "application/json", `"data":{"m":"x","n":1}}`, ""},
		{vars{"webhookId": id, "payload": vars{"format": "CLOUDEVENTS"}}, "application/cloudevents+json", `"data":{"m":"x","n":1}}`, ""},
		{vars{"webhookId": id, "payload": vars{"format": "TEMPLATE", "template": []string{"{{ tags[0] }}{{ data.m }}"}}}, "application/json", `["livex"]`, ""},
		{vars{"payload": vars{"format": "TEMPLATE", "template": "{{ data.n }}"}}, "application/json", "1", ""},
		{vars{}, "application/json", `"data":{"m":"x","n":1}}`, ""},
	} {
		p := of(c.in)
		r := requestOf(p)
		if !strings.HasSuffix(strings.Join(strings.Fields(r.body), ""), c.body) || r.header.Get("Content-Type") != c.kind {
			t.Errorf("%v: %s %s", c.in, r.header.Get("Content-Type"), r.body)
		}
		if name, value, _ := strings.Cut(c.extra, ": "); name != "" && r.header.Get(name) != value {
			t.Errorf("%v: headers %v, want %s", c.in, r.header, c.extra)
		}
		if c.in["webhookId"] == nil {
			if r.at("url") != nil || !r.verifies(t, r.text("secret")) || r.at("publicKey") != nil {
				t.Errorf("%v: of a new webhook: %v", c.in, r.object)
			}
			continue
		}
		if p.at("matches") != false || r.header.Get("X-Key") != webhook.Redacted || r.header.Get("X-Plain") != "plain" {
			t.Errorf("%v: matches %v, headers %v", c.in, p.at("matches"), r.header)
		}
		if !ed25519Verifies(t, r) {
			t.Errorf("%v: the public key does not verify the request", c.in)
		}
	}
	// A secret signs one request.
	twice := a.get(ctx, `query($in: PreviewDeliveryInput!) { previewDelivery(input: $in) { a: request { secret } b: request { secret } } }`, vars{"in": vars{"event": event}})
	if first := twice.text("previewDelivery", "a", "secret"); first == "" || first == twice.text("previewDelivery", "b", "secret") {
		t.Error("two requests are signed with one secret")
	}
	if none := a.get(ctx, tryRequest, vars{"in": vars{"webhookId": id}}); none.at("previewDelivery", "request") != nil {
		t.Error("a request without an event")
	}
}

func ed25519Verifies(t *testing.T, r shownRequest) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.text("publicKey"), "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize || !strings.HasPrefix(r.text("secret"), "whsk_") {
		t.Fatalf("public key %v: %v", r.at("publicKey"), err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.header.Get("webhook-signature"), "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.Verify(key, []byte(r.header.Get("webhook-id")+"."+r.header.Get("webhook-timestamp")+"."+r.body), signature)
}

// What is wrong in a payload that is tried, or in what it makes of an event, is an error at its path, and no other tenant's payload is tried.
func TestPreviewPayloadErrors(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("a")
	id := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/", headers: [{name: "ce-x", value: "1"}],
		payload: {format: TEMPLATE, template: "of a"}}) { webhook { id } } }`, nil).text("createWebhook", "webhook", "id")
	large := vars{"type": "x", "data": strings.Repeat("a", 200<<10)}
	six := strings.Repeat("{{ data }}", 6)
	for _, c := range []struct {
		in   vars
		want string
	}{
		{
			vars{"payload": vars{"format": "TEMPLATE", "template": map[string]any{"a": []string{"{{ dat }}"}}, "includeFields": []string{"a b"}}},
			"[input payload template a 0] INVALID, [input payload includeFields 0] INVALID",
		},
		{vars{"payload": vars{"format": "TEMPLATE"}}, "[input payload template] REQUIRED"},
		{vars{"payload": vars{"format": "TEMPLATE", "template": strings.Repeat("x", webhook.MaxTemplateBytes)}}, "[input payload template] TOO_LONG"},
		{vars{"payload": vars{"format": "TEMPLATE", "template": six}, "event": large}, "[input payload template] TOO_LONG"},
		{vars{"payload": vars{"format": "TEMPLATE", "template": six}}, ""},
		{vars{"webhookId": id, "payload": vars{"format": "CLOUDEVENTS_BINARY"}}, "[input payload format] NOT_ALLOWED"},
		{vars{"webhookId": "01890a5d-ac96-774b-bcce-b302099a8057", "payload": vars{"format": "CLOUDEVENTS_BINARY"}}, "[input webhookId] NOT_FOUND"},
	} {
		if c.in["event"] == nil {
			c.in["event"] = vars{"type": "x", "data": 1}
		}
		p := object(a.get(ctx, tryRequest, vars{"in": c.in}).at("previewDelivery").(map[string]any))
		var got []string
		for _, e := range p.at("userErrors").([]any) {
			e := object(e.(map[string]any))
			got = append(got, fmt.Sprint(e.at("field"), " ", e.at("code")))
		}
		if strings.Join(got, ", ") != c.want || (p.at("request") == nil) != (c.want != "") {
			t.Errorf("%.200v: %v", c.in, got)
		}
	}
	in := vars{"in": vars{"webhookId": id, "event": vars{"type": "x", "data": 1}}}
	if r := requestOf(object(a.get(ctx, tryRequest, in).at("previewDelivery").(map[string]any))); r.body != `"of a"` {
		t.Errorf("as its tenant: %s", r.body)
	}
	if other := a.get(a.as("b"), tryRequest, in); other.at("previewDelivery", "request") != nil || other.text("previewDelivery", "userErrors", 0, "code") != "NOT_FOUND" {
		t.Errorf("as another tenant: %v", other)
	}
}
