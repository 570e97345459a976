package web_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A request is verified with the webhook's secrets, and compared with what an attempt sent: the report is that of GraphQL in snake case. What is
// wrong with the call is told by field.
func TestVerify(t *testing.T) {
	a := newAPI(t)
	_, made := a.rest(t, a.kallima, "POST", "/v1/webhooks", `{"url": "https://example.com/"}`)
	hook := made["id"].(string)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made["secret"].(string), "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	event, _, attempt := a.attempted(t, hook, `{"type": "order.paid", "data": 1.50}`, nil)
	id, err := webhook.ParseID(event)
	if err != nil {
		t.Fatal(err)
	}
	_, read := a.rest(t, a.kallima, "GET", "/v1/attempts/"+attempt, "")
	sent := read["request"].(map[string]any)["body"].(string)
	now := time.Now()
	signed := webhook.AppendSignature(nil, []*webhook.Secret{webhook.ImportSecret(webhook.ID{}, webhook.ID{}, key, now)}, id, now, []byte(sent))
	headers := fmt.Sprintf(`[{"name": "Webhook-ID", "value": %q}, {"name": "webhook-timestamp", "value": "%d"}, {"name": "webhook-signature", "value": %q}]`, event, now.Unix(), signed)
	ask := func(path, headers, body string, want int) map[string]any {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := a.rest(t, a.kallima, "POST", path, fmt.Sprintf(`{"headers": %s, "body": %s}`, headers, text))
		if status != want {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
		return answer
	}
	valid := ask("/v1/webhooks/"+hook+"/verify", headers, sent, http.StatusOK)
	secret := valid["secret_id"]
	if _, err := webhook.ParseID(fmt.Sprint(secret)); err != nil {
		t.Errorf("secret %v", secret)
	}
	want := map[string]any{
		"object": "signature_report", "valid": true, "scheme": "HMAC_SHA256", "secret_id": secret, "signed": fmt.Sprintf("%s.%d.", event, now.Unix()), "causes": []any{},
	}
	if diff := cmp.Diff(want, valid); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wrong := ask("/v1/attempts/"+attempt+"/verify", headers, strings.Replace(sent, "1.50", "1.5", 1), http.StatusOK)
	cause := wrong["causes"].([]any)[0].(map[string]any)
	if at := strings.Index(sent, "1.50") + len("1.5"); wrong["valid"] != false || cause["code"] != "BODY_REPRINTED" || cause["first_different_byte"] != float64(at) {
		t.Errorf("%v", wrong)
	}
	if none := ask("/v1/webhooks/"+hook+"/verify", "[]", sent, http.StatusOK); len(none["causes"].([]any)) != 3 || none["signed"] != nil {
		t.Errorf("without headers: %v", none)
	}
	for body, field := range map[string]string{
		`{"body": "x"}`: "headers", `{"headers": []}`: "body", `{"headers": [], "body": "x", "body_base64": "eA=="}`: "body_base64",
		`{"headers": [{"name": 1}], "body": "x"}`: "headers", `{"headers": [], "body": "x", "at": "now"}`: "at",
	} {
		status, answer := a.rest(t, a.kallima, "POST", "/v1/webhooks/"+hook+"/verify", body)
		if detail, _ := answer["error"].(map[string]any); status != http.StatusUnprocessableEntity || detail["field"] != field {
			t.Errorf("%s: %d %v, want %s", body, status, answer, field)
		}
	}
	if status, answer := a.rest(t, a.without(t, "webhooks:read"), "POST", "/v1/webhooks/"+hook+"/verify", `{"headers": [], "body": ""}`); status != http.StatusForbidden {
		t.Errorf("without webhooks:read: %d %v", status, answer)
	}
}
