package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Following cursors forward or backward, in pages of any size, walks every list once and in order, also while rows are added.
func TestPages(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/")
	newest := a.publish(ctx, 7)
	slices.Reverse(newest)
	for _, size := range []int{1, 3, 7, 100} {
		var forth, back []string
		for after, more := any(nil), true; more; {
			p := a.get(ctx, `query($n: Int, $c: String) { events(first: $n, after: $c) { edges { cursor node { id } } nodes { id } pageInfo { hasNextPage endCursor } count { count } } }`,
				vars{"n": size, "c": after})
			for i := range p.at("events", "nodes").([]any) {
				forth = append(forth, p.text("events", "nodes", i, "id"))
			}
			if p.at("events", "count", "count") != 7.0 {
				t.Fatalf("count: %v", p)
			}
			after, more = p.at("events", "pageInfo", "endCursor"), p.at("events", "pageInfo", "hasNextPage") == true
		}
		for before, more := any(nil), true; more; {
			p := a.get(ctx, `query($n: Int, $c: String) { events(last: $n, before: $c) { nodes { id } pageInfo { hasPreviousPage startCursor } } }`,
				vars{"n": size, "c": before})
			var page []string
			for i := range p.at("events", "nodes").([]any) {
				page = append(page, p.text("events", "nodes", i, "id"))
			}
			back = append(page, back...)
			before, more = p.at("events", "pageInfo", "startCursor"), p.at("events", "pageInfo", "hasPreviousPage") == true
		}
		if diff := cmp.Diff(newest, forth); diff != "" {
			t.Errorf("forth by %d (-want +got):\n%s", size, diff)
		}
		if diff := cmp.Diff(newest, back); diff != "" {
			t.Errorf("back by %d (-want +got):\n%s", size, diff)
		}
	}

	second := a.get(ctx, `{ events(first: 2) { pageInfo { endCursor } } }`, nil).text("events", "pageInfo", "endCursor")
	a.publish(ctx, 3)
	next := a.get(ctx, `query($c: String) { events(first: 1, after: $c) { nodes { id } } }`, vars{"c": second})
	if next.text("events", "nodes", 0, "id") != newest[2] {
		t.Error("the page after a cursor moved when events were published")
	}

	for range 3 {
		a.attempt(w, 10, false)
		for i := range 10 {
			id := a.get(ctx, `{ deliveries { nodes { id } } }`, nil).text("deliveries", "nodes", i, "id")
			a.get(ctx, `mutation($id: ID!) { retryDelivery(input: {id: $id}) { userErrors { code } } }`, vars{"id": id})
		}
	}
	p := a.get(ctx, `{ deliveries(first: 2) { nodes { attempts(last: 2) { nodes { number } pageInfo { hasPreviousPage hasNextPage startCursor } } } } }`, nil)
	for i := range 2 {
		got := fmt.Sprint(p.at("deliveries", "nodes", i, "attempts", "nodes", 0, "number"), p.at("deliveries", "nodes", i, "attempts", "nodes", 1, "number"),
			p.at("deliveries", "nodes", i, "attempts", "pageInfo", "hasPreviousPage"), p.at("deliveries", "nodes", i, "attempts", "pageInfo", "hasNextPage"))
		if got != "2 3 true false" {
			t.Errorf("last attempts of delivery %d: %s", i, got)
		}
	}
}

// A page of 100 deliveries with webhook, event and latest attempt costs as many reads of the store as a page of one.
func TestConstantStatements(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	for i := range 10 {
		a.createWebhook(ctx, fmt.Sprintf("https://example.com/%d", i))
	}
	a.publish(ctx, 10)
	hooks := a.get(ctx, `{ webhooks { nodes { id } } }`, nil)
	for i := range 10 {
		a.attempt(hooks.text("webhooks", "nodes", i, "id"), 10, i%2 == 0)
	}
	reads := func(n int) int {
		a.mu.Lock()
		before := a.statements
		a.mu.Unlock()
		got := a.get(ctx, `query($n: Int!) { deliveries(first: $n) { nodes { id status webhookId webhookUrl webhook { url secrets { id } } event { type idempotencyKey }
			lastAttempt { number response { status } } attempts(last: 1) { count { count } nodes { number request { body } webhook { id } } } } } }`, vars{"n": n})
		if rows := len(got.at("deliveries", "nodes").([]any)); rows != n {
			t.Fatalf("%d rows of %d", rows, n)
		}
		if got.at("deliveries", "nodes", n-1, "attempts", "nodes", 0, "number") != 1.0 || got.text("deliveries", "nodes", n-1, "webhook", "url") == "" {
			t.Fatalf("incomplete: %v", got.at("deliveries", "nodes", n-1))
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.statements - before
	}
	// deliveries, webhooks, events, their keys, last attempts, attempts, their count; events for the body and webhooks again one level down
	one, hundred := reads(1), reads(100)
	if one != hundred || one > 9 {
		t.Errorf("1 delivery: %d statements, 100 deliveries: %d", one, hundred)
	}
}
