package app

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// previewedRequest is a request that previewDelivery shows, or that an attempt recorded.
type previewedRequest struct {
	URL, Body string
	Headers   []struct{ Name, Value string }
}

// unsigned returns the header fields without what each attempt has of its own.
func (r *previewedRequest) unsigned() map[string]string {
	h := map[string]string{}
	for _, f := range r.Headers {
		h[f.Name] = f.Value
	}
	delete(h, "Webhook-Timestamp")
	delete(h, "Webhook-Signature")
	return h
}

// What a preview shows of an event that is stored is what the receiver gets, byte for byte, and what the attempt records.
func TestPreviewIsWhatIsSent(t *testing.T) {
	for _, payload := range []string{
		`null`, `{"format": "STANDARD", "includeFields": ["job_id"]}`, `{"format": "CLOUDEVENTS"}`, `{"format": "CLOUDEVENTS_BINARY"}`,
		`{"format": "TEMPLATE", "template": {"n": "{{ data.n | default 1.50 }}", "é": "<&> {{ data }}"}}`,
	} {
		receiver := webhooktest.NewReceiver(t)
		p := boot(t, t.TempDir())
		c := &client{p.url, p.token}
		input := map[string]any{
			"url": receiver.URL, "enabled": false, "payload": json.RawMessage(payload),
			"headers": []map[string]any{{"name": "x-key", "value": "the-key", "sensitive": true}, {"name": "x-plain", "value": "plain"}},
		}
		id := c.createWebhook(t, input)
		event := c.publish(t, "a.b")
		var preview struct {
			Data struct {
				PreviewDelivery struct{ Request previewedRequest }
			}
		}
		c.rest(t, "POST", "/graphql", `{"query": "{ previewDelivery(input: {webhookId: \"`+id+`\", eventId: \"`+event+`\"}) { request { url body headers { name value } } } }"}`, &preview)
		c.mutate(t, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { userErrors { message } } }`,
			map[string]any{"id": id, "enabled": true}, &struct{}{})
		got := receiver.Next(t)
		c.settle(t)
		var recorded struct {
			Data struct {
				Attempts struct {
					Nodes []struct{ Request previewedRequest }
				}
			}
		}
		c.rest(t, "POST", "/graphql", `{"query": "{ attempts { nodes { request { url body headers { name value } } } } }"}`, &recorded)
		shown, is := preview.Data.PreviewDelivery.Request, recorded.Data.Attempts.Nodes[0].Request
		if shown.Body != string(got.Body) || shown.Body != is.Body || shown.URL != is.URL {
			t.Errorf("%s: shown %s %s, received %s", payload, shown.URL, shown.Body, got.Body)
		}
		if diff := cmp.Diff(is.unsigned(), shown.unsigned()); diff != "" {
			t.Errorf("%s: headers (-recorded +shown):\n%s", payload, diff)
		}
		for name, value := range shown.unsigned() {
			if name == "X-Key" {
				value = "the-key"
			}
			if got.Header.Get(name) != value {
				t.Errorf("%s: %s was received as %q, and shown as %q", payload, http.CanonicalHeaderKey(name), got.Header.Get(name), value)
			}
		}
	}
}
