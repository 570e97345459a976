package graph_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// failingHook is what is known of a webhook that is listed by its failures.
type failingHook struct {
	id          string
	good, bad   int
	lastFailure string
	place       int // in the order of creation
}

func (f failingHook) rate() float64 { return float64(f.bad) / float64(f.good+f.bad) }

// drawFailing creates webhooks with attempts.
func (a *api) drawFailing(ctx context.Context, rt *rapid.T) (hooks []failingHook) {
	for i := range rapid.IntRange(1, 6).Draw(rt, "webhooks") {
		hooks = append(hooks, failingHook{id: a.createWebhook(ctx, fmt.Sprintf("https://example.com/%d", i)), place: i})
	}
	a.publish(ctx, 4)
	for i := range hooks {
		h := &hooks[i]
		h.good, h.bad = rapid.IntRange(0, 2).Draw(rt, "good"), rapid.IntRange(0, 2).Draw(rt, "bad")
		a.attempt(h.id, h.good, true)
		a.attempt(h.id, h.bad, false)
	}
	if err := errors.Join(a.store.FoldStatistics(ctx), a.store.RateFailures(ctx)); err != nil {
		rt.Fatal(err)
	}
	health := a.get(ctx, `{ webhooks(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { id health { lastFailureAt successRate } } } }`, nil)
	for i := range hooks {
		hooks[i].lastFailure = health.text("webhooks", "nodes", i, "health", "lastFailureAt")
	}
	return hooks
}

// inOrder returns the webhooks that have failures, the worst first.
func inOrder(hooks []failingHook, order model.WebhookOrderField) []failingHook {
	listed := slices.DeleteFunc(slices.Clone(hooks), func(h failingHook) bool { return h.bad == 0 })
	slices.SortFunc(listed, func(a, b failingHook) int {
		by := cmp.Compare(pad(b.lastFailure), pad(a.lastFailure))
		if order == model.WebhookOrderFieldFailureRate {
			by = cmp.Compare(b.rate(), a.rate())
		}
		return cmp.Or(by, cmp.Compare(b.place, a.place))
	})
	return listed
}

// Webhooks are listed by the share of their attempts that failed, and by their last failure: those that have failures and meet the filter,
// each once, page by page in both directions, for the tenant and for an operator.
func TestWebhooksByFailure(t *testing.T) {
	webhooktest.Checks(t, 10)
	a := newAPI(t)
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		made++
		name := fmt.Sprint("tenant-", made)
		ctx := a.as(name)
		hooks := a.drawFailing(ctx, rt)
		order := rapid.SampledFrom(model.AllWebhookOrderField[1:]).Draw(rt, "order")
		want := inOrder(hooks, order)
		arguments := "orderBy: {field: " + string(order) + "}"
		if rapid.Bool().Draw(rt, "ascending") {
			arguments = "orderBy: {field: " + string(order) + ", direction: ASC}"
			slices.Reverse(want)
		}
		if rapid.Bool().Draw(rt, "filtered") {
			arguments += `, filter: {text: "/1"}`
			want = slices.DeleteFunc(want, func(h failingHook) bool { return h.place != 1 })
		}
		var ids []string
		for _, h := range want {
			ids = append(ids, h.id)
		}
		size := rapid.IntRange(1, 3).Draw(rt, "size")
		for _, back := range []bool{false, true} {
			if got := a.walkFailing(ctx, arguments, size, back); !slices.Equal(got, ids) {
				rt.Fatalf("%s, %d a page, backwards %v: %v, want %v of %+v", arguments, size, back, got, ids, hooks)
			}
		}
		a.operatorReads(rt, name, arguments, ids)
	})
}

// operatorReads compares a tenant's webhooks as an operator reads them, among those of all tenants.
func (a *api) operatorReads(rt *rapid.T, tenant, arguments string, ids []string) {
	got := a.get(a.operator("default"), `query($name: String!) { tenants(filter: {name: $name}) { nodes { name webhooks(first: 100, `+arguments+`) { nodes { id } count { count } } } } }`, vars{"name": "tenant-"})
	found := false
	for i, n := range got.at("tenants", "nodes").([]any) {
		if n.(map[string]any)["name"] != tenant {
			continue
		}
		found = true
		if n := got.at("tenants", "nodes", i, "webhooks", "count", "count"); n != float64(len(ids)) {
			rt.Fatalf("an operator counts %v of %v", n, ids)
		}
		for k, id := range ids {
			if got.text("tenants", "nodes", i, "webhooks", "nodes", k, "id") != id {
				rt.Fatalf("an operator reads %v, want %v", got, ids)
			}
		}
	}
	if !found {
		rt.Fatalf("an operator does not see %s: %v", tenant, got)
	}
}

// A cursor of one order of webhooks is refused in another, and so are orders that a list does not have.
func TestOrdersOfWebhooks(t *testing.T) {
	a := newAPI(t)
	h := a.createWebhook(a.as("tenant-1"), "https://example.com/1")
	a.publish(a.as("tenant-1"), 1)
	a.attempt(h, 1, false)
	if err := errors.Join(a.store.FoldStatistics(t.Context()), a.store.RateFailures(t.Context())); err != nil {
		t.Fatal(err)
	}
	first := a.get(a.as("tenant-1"), `{ r: webhooks(orderBy: {field: FAILURE_RATE}) { pageInfo { endCursor } } f: webhooks(orderBy: {field: LAST_FAILURE_AT}) { pageInfo { endCursor } } c: webhooks { pageInfo { endCursor } } }`, nil)
	for _, of := range []string{"r", "f", "c"} {
		for in, order := range map[string]string{"r": "FAILURE_RATE", "f": "LAST_FAILURE_AT", "c": "CREATED_AT"} {
			resp := a.run(a.as("tenant-1"), `query($c: String) { webhooks(orderBy: {field: `+order+`}, after: $c) { nodes { id } } }`, vars{"c": first.text(of, "pageInfo", "endCursor")})
			if refused := code(resp) == "BAD_USER_INPUT"; refused != (of != in) {
				t.Errorf("a cursor of %s in %s: %v", of, in, resp.Errors)
			}
		}
	}
	if resp := a.run(a.operator("default"), `{ webhooks(allTenants: true, orderBy: {field: FAILURE_RATE}) { nodes { id } } }`, nil); code(resp) != "BAD_USER_INPUT" {
		t.Errorf("an order that all tenants' webhooks do not have: %s %v", resp.Data, resp.Errors)
	}
}

// walkFailing pages through webhooks and returns their ids in the order of the list.
func (a *api) walkFailing(ctx context.Context, arguments string, size int, back bool) (ids []string) {
	a.t.Helper()
	side, place, more, more2 := "first", "endCursor", "hasNextPage", "after"
	if back {
		side, place, more, more2 = "last", "startCursor", "hasPreviousPage", "before"
	}
	cursor := ""
	for range 100 {
		got := a.get(ctx, fmt.Sprintf(`{ webhooks(%s, %s: %d%s) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, arguments, side, size, cursor), nil)
		var page []string
		for i := range got.at("webhooks", "nodes").([]any) {
			page = append(page, got.text("webhooks", "nodes", i, "id"))
		}
		if ids = append(ids, page...); back {
			ids = append(page, ids[:len(ids)-len(page)]...)
		}
		if got.at("webhooks", "pageInfo", more) != true {
			return ids
		}
		cursor = fmt.Sprintf(", %s: %q", more2, got.text("webhooks", "pageInfo", place))
	}
	a.t.Fatalf("the list %s does not end", arguments)
	return nil
}

// The filter failing keeps the webhooks that have failed attempts since the last success, or those that have none.
func TestFailingFilter(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	a.createWebhook(ctx, "https://example.com/idle")
	failing, recovered := a.createWebhook(ctx, "https://example.com/failing"), a.createWebhook(ctx, "https://example.com/recovered")
	a.publish(ctx, 2)
	a.attempt(failing, 1, true)
	a.attempt(failing, 1, false)
	a.attempt(recovered, 1, false)
	a.attempt(recovered, 1, true)
	for failing, want := range map[string]string{"true": "failing", "false": "recovered idle", "null": "recovered failing idle"} {
		got := a.get(ctx, `{ webhooks(filter: {failing: `+failing+`}) { nodes { url } count { count } } }`, nil)
		var urls []string
		for i := range got.at("webhooks", "nodes").([]any) {
			urls = append(urls, strings.TrimPrefix(got.text("webhooks", "nodes", i, "url"), "https://example.com/"))
		}
		if strings.Join(urls, " ") != want || got.at("webhooks", "count", "count") != float64(len(urls)) {
			t.Errorf("failing: %s lists %v, want %s", failing, got, want)
		}
	}
}
