package graph_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// searched are the types and ids of what a search finds, with the fields that a hit is shown by.
const searched = `query($text: String!, $first: Int = 20) { search(text: $text, first: $first) { __typename ... on Webhook { id url } ... on Event { id type }
	... on Delivery { id webhookUrl lastAttempt { id } } ... on Tenant { id name } ... on Token { id name } } }`

// A search finds objects by their ids and parts of them, and by what else people have at hand, the most exact matches first; it finds
// nothing of another tenant, and only what the token may read.
func TestSearch(t *testing.T) {
	a := newAPI(t)
	type things struct{ webhook, event, delivery, token, tenant string }
	fill := func(tenant string) things {
		ctx := a.as(tenant)
		w := a.get(ctx, `mutation { createWebhook(input: {url: "https://find.example.com/`+tenant+`", externalId: "ext-1"}) { webhook { id } userErrors { message } } }`, nil)
		e := a.get(ctx, `mutation { publishEvent(input: {type: "a.b", data: 1, idempotencyKey: "key-1", tags: ["tag-1", "find"]}) { event { id deliveries { nodes { id } } } userErrors { message } } }`, nil)
		tok := a.get(ctx, `mutation { createToken(input: {name: "t"}) { token { id tenant { id } } userErrors { message } } }`, nil)
		return things{
			w.text("createWebhook", "webhook", "id"), e.text("publishEvent", "event", "id"), e.text("publishEvent", "event", "deliveries", "nodes", 0, "id"),
			tok.text("createToken", "token", "id"), tok.text("createToken", "token", "tenant", "id"),
		}
	}
	mine, other := fill("kallima"), fill("other")
	all := a.as("kallima")
	for _, one := range []struct{ text, want string }{
		{mine.webhook, "Webhook " + mine.webhook},
		{strings.ToUpper(mine.event), "Event " + mine.event},
		{" " + mine.delivery[:34] + "\n", "Delivery " + mine.delivery},
		{strings.ReplaceAll(mine.token, "-", ""), "Token " + mine.token},
		{mine.tenant, "Tenant " + mine.tenant},
		{"key-1", "Event " + mine.event},
		{"ext-1", "Webhook " + mine.webhook},
		{"tag-1", "Event " + mine.event},
		{"tag", ""},
		{"find", "Webhook " + mine.webhook + ", Event " + mine.event},
		{"FIND.example", "Webhook " + mine.webhook},
		{"kallima", "Tenant " + mine.tenant + ", Webhook " + mine.webhook},
		{other.webhook, ""},
		{other.event, ""},
		{other.delivery, ""},
		{other.token, ""},
		{other.tenant, ""},
		{"other", ""},
		{mine.event[:7], ""},
		{"0190-", ""},
		{"%", ""},
		{"\xff", ""},
	} {
		if got := a.search(t, all, one.text); got != one.want {
			t.Errorf("%q: %s, want %s", one.text, got, one.want)
		}
	}
	if got := a.search(t, all, mine.event[:8]); !strings.Contains(got, mine.event) || !strings.Contains(got, mine.delivery) || strings.Contains(got, other.event) {
		t.Errorf("%s: %s", mine.event[:8], got)
	}
	for scope, want := range map[string]string{
		"webhooks:read": "Webhook Tenant", "deliveries:read": "Event Delivery Tenant", "admin": "Tenant Token", "events:publish": "Tenant",
	} {
		ctx := a.scoped("kallima", webhook.TokenScope(scope))
		got := a.search(t, ctx, mine.event[:8]) + a.search(t, ctx, "find") + a.search(t, ctx, "key-1") + a.search(t, ctx, "ext-1")
		for _, kind := range []string{"Webhook", "Event", "Delivery", "Tenant", "Token"} {
			if strings.Contains(got, kind) != strings.Contains(want, kind) {
				t.Errorf("with the scope %s: %s, want %s", scope, got, want)
			}
		}
	}
	operator := a.search(t, a.operator("kallima"), "other")
	if operator != "Tenant "+other.tenant {
		t.Errorf("an operator finds %s", operator)
	}
	for text, first := range map[string]int{"": 1, "  ": 1, strings.Repeat("x", 2049): 1, "x": 0, "y": 101} {
		if resp := a.run(all, searched, vars{"text": text, "first": first}); code(resp) != "BAD_USER_INPUT" {
			t.Errorf("%.9q, %d: %v", text, first, resp.Errors)
		}
	}
}

// search is what a search finds.
func (a *api) search(t *testing.T, ctx context.Context, text string) string {
	t.Helper()
	var hits []struct{ Typename, ID string }
	got := a.get(ctx, searched, vars{"text": text})
	list, err := json.Marshal(got["search"])
	if err == nil {
		err = json.Unmarshal([]byte(strings.ReplaceAll(string(list), "__typename", "typename")), &hits)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, hit := range hits {
		found = append(found, hit.Typename+" "+hit.ID)
	}
	return strings.Join(found, ", ")
}
