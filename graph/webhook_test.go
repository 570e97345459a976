package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A webhook is created, updated, rotated and deleted; its secrets are in the two responses that create them and nowhere else.
func TestWebhookLife(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	made := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/hook", events: ["a.b", "a.b", "c"], timeoutMs: 2000}) {
		webhook { id url events enabled timeoutMs retryScheduleMs secrets { scheme expiresAt publicKey } } secret userErrors { code } } }`, nil)
	id, secret := made.text("createWebhook", "webhook", "id"), made.text("createWebhook", "secret")
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("secret %q", secret)
	}
	if diff := cmp.Diff([]any{"a.b", "c"}, made.at("createWebhook", "webhook", "events")); diff != "" {
		t.Error(diff)
	}

	changed := a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, events: null, enabled: false, timeoutMs: null, retryScheduleMs: []}) {
		webhook { url events enabled timeoutMs retryScheduleMs disabledReason disabledAt } userErrors { code } } }`, vars{"id": id})
	if changed.text("updateWebhook", "webhook", "disabledAt") == "" {
		t.Error("disabledAt is null")
	}
	got := changed.at("updateWebhook", "webhook").(map[string]any)
	delete(got, "disabledAt")
	want := map[string]any{
		"url": "https://example.com/hook", "events": nil, "enabled": false, "timeoutMs": nil,
		"retryScheduleMs": []any{}, "disabledReason": "MANUAL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}

	rotated := a.get(ctx, `mutation($id: ID!) { rotateWebhookSecret(input: {id: $id, overlapMs: 60000}) {
		webhook { secrets { id expiresAt } } secret userErrors { code } } }`, vars{"id": id})
	if s := rotated.text("rotateWebhookSecret", "secret"); !strings.HasPrefix(s, "whsec_") || s == secret {
		t.Errorf("rotated secret %q", s)
	}
	if n := len(rotated.at("rotateWebhookSecret", "webhook", "secrets").([]any)); n != 2 {
		t.Errorf("%d secrets after rotation", n)
	}
	if rotated.at("rotateWebhookSecret", "webhook", "secrets", 0, "expiresAt") != nil ||
		rotated.text("rotateWebhookSecret", "webhook", "secrets", 1, "expiresAt") == "" {
		t.Error("the new secret must come first, and only the old one expire")
	}

	deleted := a.get(ctx, `mutation($id: ID!) { deleteWebhook(input: {id: $id}) { deletedWebhookId userErrors { code } } }`, vars{"id": id})
	if deleted.text("deleteWebhook", "deletedWebhookId") != id {
		t.Error("not deleted")
	}
	if after := a.get(ctx, `query($id: ID!) { webhook(id: $id) { id } node(id: $id) { id } }`, vars{"id": id}); after.at("webhook") != nil || after.at("node") != nil {
		t.Error("still there")
	}
}

// Headers can be set and read, except sensitive values; the scheme is chosen at creation and rotation, and the public key can be
// read.
func TestHeadersAndSchemes(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	made := a.get(ctx, `mutation { createWebhook(input: {url: "https://example.com/hook", signatureScheme: ED25519, headers: [
		{name: "x-api-key", value: "canary", sensitive: true}, {name: "X-Env", value: "prod"}]}) {
		webhook { id headers { name value sensitive } secrets { scheme publicKey } } secret userErrors { code } } }`, nil)
	id := made.text("createWebhook", "webhook", "id")
	want := []any{
		map[string]any{"name": "X-Api-Key", "value": nil, "sensitive": true},
		map[string]any{"name": "X-Env", "value": "prod", "sensitive": false},
	}
	if diff := cmp.Diff(want, made.at("createWebhook", "webhook", "headers")); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(made.text("createWebhook", "secret"), "whsk_") || !strings.HasPrefix(made.text("createWebhook", "webhook", "secrets", 0, "publicKey"), "whpk_") {
		t.Error("no key pair")
	}
	const rotate = `mutation($id: ID!, $scheme: SignatureScheme) { rotateWebhookSecret(input: {id: $id, signatureScheme: $scheme}) {
		webhook { secrets { scheme } } userErrors { code field } } }`
	for i, scheme := range []any{nil, "HMAC_SHA256", nil} {
		rotated := a.get(ctx, rotate, vars{"id": id, "scheme": scheme})
		if got := rotated.text("rotateWebhookSecret", "webhook", "secrets", 0, "scheme"); got != []string{"ED25519", "HMAC_SHA256", "HMAC_SHA256"}[i] {
			t.Errorf("rotation %d: %s", i, got)
		}
	}
	const update = `mutation($id: ID!, $headers: [WebhookHeaderInput!]) { updateWebhook(input: {id: $id, headers: $headers}) {
		webhook { headers { name value } } userErrors { code field } } }`
	kept := a.get(ctx, update, vars{"id": id, "headers": []any{map[string]any{"name": "X-Api-Key"}}})
	if diff := cmp.Diff([]any{map[string]any{"name": "X-Api-Key", "value": nil}}, kept.at("updateWebhook", "webhook", "headers")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if none := a.get(ctx, update, vars{"id": id, "headers": nil}); len(none.at("updateWebhook", "webhook", "headers").([]any)) != 0 {
		t.Error("null does not remove them")
	}
	wrong := a.get(ctx, update, vars{"id": id, "headers": []any{map[string]any{"name": "X-New"}}})
	if got := fmt.Sprint(wrong.at("updateWebhook", "userErrors", 0, "field")); got != "[input headers 0 value]" {
		t.Errorf("a value that there is not: %s", got)
	}
}

// The error of an invalid input has its path, the object is null, and nothing is stored.
func TestUserErrors(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	const unknown = "00000000-0000-7000-8000-000000000000"
	for _, test := range []struct{ mutation, object, want string }{
		{`createWebhook(input: {url: ""})`, "webhook", "REQUIRED input.url"},
		{`createWebhook(input: {url: "https://e.com", events: ["ok", "not ok"]})`, "webhook", "INVALID input.events.1"},
		{`createWebhook(input: {url: "https://e.com", timeoutMs: 1, ratePerSecond: 0})`, "webhook", "OUT_OF_RANGE input.timeoutMs, OUT_OF_RANGE input.ratePerSecond"},
		{`updateWebhook(input: {id: "` + w + `", url: null})`, "webhook", "REQUIRED input.url"},
		{`updateWebhook(input: {id: "` + w + `", enabled: null})`, "webhook", "REQUIRED input.enabled"},
		{`updateWebhook(input: {id: "` + unknown + `"})`, "webhook", "NOT_FOUND input.id"},
		{`deleteWebhook(input: {id: "` + unknown + `"})`, "deletedWebhookId", "NOT_FOUND input.id"},
		{`rotateWebhookSecret(input: {id: "` + w + `", overlapMs: 604800001})`, "secret", "OUT_OF_RANGE input.overlapMs"},
		{`testWebhook(input: {id: "` + unknown + `"})`, "delivery", "NOT_FOUND input.id"},
		{`retryDelivery(input: {id: "` + unknown + `"})`, "delivery", "NOT_FOUND input.id"},
		{`cancelDelivery(input: {id: "` + unknown + `"})`, "delivery", "NOT_FOUND input.id"},
		{`publishEvent(input: {type: "a b", data: {}})`, "event", "INVALID input.type"},
		{`publishEvent(input: {type: "a"})`, "event", "REQUIRED input.data"},
	} {
		selection := test.object
		if test.object != "secret" && test.object != "deletedWebhookId" {
			selection += " { id }"
		}
		data := a.get(ctx, "mutation { m: "+test.mutation+" { "+selection+" userErrors { code field message } } }", nil)
		var got []string
		for _, e := range data.at("m", "userErrors").([]any) {
			e := e.(map[string]any)
			path := strings.Trim(strings.ReplaceAll(fmt.Sprint(e["field"]), " ", "."), "[]")
			got = append(got, fmt.Sprint(e["code"])+" "+path)
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%s: got %s, want %s", test.mutation, s, test.want)
		}
		if data.at("m", test.object) != nil {
			t.Errorf("%s: %s is not null", test.mutation, test.object)
		}
	}
	stored := a.get(ctx, `{ webhooks { count { count } } events { count { count } } }`, nil)
	if stored.at("webhooks", "count", "count") != 1.0 || stored.at("events", "count", "count") != 0.0 {
		t.Errorf("something was stored: %v", stored)
	}
}

// An update with ifUpdatedAt is made only if that is the webhook's updatedAt; otherwise it is a conflict, with the current webhook
// and so with the time for the next try.
func TestUpdateIfUnchanged(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	id := a.createWebhook(ctx, "https://example.com/")
	const update = `mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { description updatedAt } userErrors { code message field } } }`
	seen := a.get(ctx, `query($id: ID!) { webhook(id: $id) { updatedAt } }`, vars{"id": id}).text("webhook", "updatedAt")
	first := a.get(ctx, update, vars{"input": vars{"id": id, "ifUpdatedAt": seen, "description": "first"}})
	if first.text("updateWebhook", "webhook", "description") != "first" {
		t.Fatalf("unchanged: %v", first)
	}
	late := a.get(ctx, update, vars{"input": vars{"id": id, "ifUpdatedAt": seen, "description": "late"}})
	if late.text("updateWebhook", "userErrors", 0, "code") != "CONFLICT" || late.text("updateWebhook", "userErrors", 0, "field", 1) != "ifUpdatedAt" ||
		late.text("updateWebhook", "webhook", "description") != "first" || late.text("updateWebhook", "webhook", "updatedAt") != first.text("updateWebhook", "webhook", "updatedAt") {
		t.Errorf("changed since: %v", late)
	}
	again := a.get(ctx, update, vars{"input": vars{"id": id, "ifUpdatedAt": late.text("updateWebhook", "webhook", "updatedAt"), "description": "again"}})
	if again.text("updateWebhook", "webhook", "description") != "again" {
		t.Errorf("with the time of the conflict: %v", again)
	}
	if null := a.get(ctx, update, vars{"input": vars{"id": id, "ifUpdatedAt": nil, "description": "null"}}); null.text("updateWebhook", "webhook", "description") != "null" {
		t.Errorf("null: %v", null)
	}
	foreign := a.get(a.as("other"), update, vars{"input": vars{"id": id, "ifUpdatedAt": seen}})
	if foreign.text("updateWebhook", "userErrors", 0, "code") != "NOT_FOUND" || foreign.at("updateWebhook", "webhook") != nil {
		t.Errorf("another tenant's: %v", foreign)
	}
}

// A signing secret can be brought, at creation and by rotation; payloads do not have it.
func TestImportSecret(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	made := a.get(ctx, `mutation($secret: String) { createWebhook(input: {url: "https://example.com/", secret: $secret}) { webhook { id } created secret userErrors { code field } } }`,
		vars{"secret": "whsec_kQL+M2TFB5ipG9xAXvEig3a4DepPFddp"})
	id := made.text("createWebhook", "webhook", "id")
	if id == "" || made.at("createWebhook", "created") != true || made.at("createWebhook", "secret") != nil {
		t.Errorf("created: %v", made)
	}
	const rotate = `mutation($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { webhook { secrets { scheme } } secret userErrors { code field } } }`
	got := a.get(ctx, rotate, vars{"input": vars{"id": id, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	if secrets, _ := got.at("rotateWebhookSecret", "webhook", "secrets").([]any); len(secrets) != 2 || got.at("rotateWebhookSecret", "secret") != nil {
		t.Errorf("rotated: %v", got)
	}
	for _, bad := range []string{"", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		got := a.get(ctx, rotate, vars{"input": vars{"id": id, "secret": bad}})
		if got.text("rotateWebhookSecret", "userErrors", 0, "field", 1) != "secret" || got.at("rotateWebhookSecret", "webhook") != nil {
			t.Errorf("rotated to %q: %v", bad, got)
		}
	}
}

// Creating a webhook with an external id is safe to repeat: it gives the same webhook, and no secret a second time. Other settings replace those
// that it has. Its metadata is returned as given, and its tenant, and no other, finds it by the id.
func TestCreateByExternalID(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	const create = `mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id externalId metadata description } created secret userErrors { code field } } }`
	input := vars{"url": "https://example.com/", "externalId": "e1", "metadata": vars{"plan": "pro", "n": 1.5}}
	first := a.get(ctx, create, vars{"input": input})
	second := a.get(ctx, create, vars{"input": input})
	id := first.text("createWebhook", "webhook", "id")
	if id == "" || first.at("createWebhook", "created") != true || first.text("createWebhook", "secret") == "" {
		t.Errorf("first: %v", first)
	}
	if second.text("createWebhook", "webhook", "id") != id || second.at("createWebhook", "created") != false || second.at("createWebhook", "secret") != nil {
		t.Errorf("second: %v", second)
	}
	if diff := cmp.Diff(map[string]any{"plan": "pro", "n": 1.5}, second.at("createWebhook", "webhook", "metadata")); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	input["description"] = "other"
	third := a.get(ctx, create, vars{"input": input})
	if third.text("createWebhook", "webhook", "id") != id || third.text("createWebhook", "webhook", "description") != "other" ||
		third.at("createWebhook", "created") != false || third.at("createWebhook", "secret") != nil {
		t.Errorf("other settings: %v", third)
	}
	input["signatureScheme"] = "ED25519"
	if refused := a.get(ctx, create, vars{"input": input}); refused.text("createWebhook", "userErrors", 0, "code") != "CONFLICT" ||
		refused.text("createWebhook", "userErrors", 0, "field", 1) != "signatureScheme" || refused.at("createWebhook", "webhook") != nil || refused.at("createWebhook", "created") != false {
		t.Errorf("another scheme: %v", refused)
	}
	const find = `{ webhooks(filter: {externalId: "e1"}) { nodes { id externalId } count { count } } }`
	if got := a.get(ctx, find, nil); got.text("webhooks", "nodes", 0, "id") != id || got.at("webhooks", "count", "count") != 1.0 {
		t.Errorf("found: %v", got)
	}
	if got := a.get(a.as("other"), find, nil); got.at("webhooks", "count", "count") != 0.0 {
		t.Errorf("another tenant finds %v", got)
	}
	const update = `mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { externalId metadata description } userErrors { code field } } }`
	for _, c := range []struct {
		change vars
		want   any
	}{
		{vars{"description": "x"}, vars{"externalId": "e1", "metadata": vars{"plan": "pro", "n": 1.5}, "description": "x"}},
		{vars{"metadata": vars{}}, vars{"externalId": "e1", "metadata": vars{}, "description": "x"}},
		{vars{"externalId": nil, "metadata": nil}, vars{"externalId": nil, "metadata": nil, "description": "x"}},
	} {
		c.change["id"] = id
		got := a.get(ctx, update, vars{"input": c.change}).at("updateWebhook", "webhook")
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%v: %v, want %v", c.change, got, c.want)
		}
	}
	for field, value := range map[string]any{"externalId": "", "metadata": []int{1}} {
		got := a.get(ctx, update, vars{"input": vars{"id": id, field: value}})
		if got.text("updateWebhook", "userErrors", 0, "field", 1) != field {
			t.Errorf("%s: %v", field, got)
		}
	}
}
