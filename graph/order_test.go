package graph_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Deliveries are listed by creation, completion and next attempt in both directions, page by page, each list with the deliveries that have
// the time; a cursor of one order is refused in another.
func TestDeliveriesInOrder(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	hooks := []string{a.createWebhook(ctx, "https://example.com/1"), a.createWebhook(ctx, "https://example.com/2")}
	a.publish(ctx, 6)
	a.attempt(hooks[0], 2, true)
	a.attempt(hooks[1], 3, true)
	a.attempt(hooks[0], 2, false)
	all := a.get(ctx, `{ deliveries(first: 100) { nodes { id createdAt completedAt nextAttemptAt } } }`, nil)
	type row struct{ id, createdAt, completedAt, nextAttemptAt string }
	var rows []row
	for i := range 12 {
		at := func(name string) string { return all.text("deliveries", "nodes", i, name) }
		rows = append(rows, row{at("id"), at("createdAt"), at("completedAt"), at("nextAttemptAt")})
	}
	slices.Reverse(rows) // in the order of creation
	for order, time := range map[string]func(row) string{
		"CREATED_AT": func(r row) string { return r.createdAt }, "COMPLETED_AT": func(r row) string { return r.completedAt }, "NEXT_ATTEMPT_AT": func(r row) string { return r.nextAttemptAt },
	} {
		want := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return time(r) == "" })
		slices.SortStableFunc(want, func(a, b row) int { return strings.Compare(pad(time(a)), pad(time(b))) })
		for _, direction := range []string{"ASC", "DESC", ""} {
			expected := slices.Clone(want)
			if direction == "DESC" || direction == "" && order != "NEXT_ATTEMPT_AT" {
				slices.Reverse(expected)
			}
			arguments := "orderBy: {field: " + order + "}"
			if direction != "" {
				arguments = "orderBy: {field: " + order + ", direction: " + direction + "}"
			}
			for _, last := range []bool{false, true} {
				if got := a.walkOrder(ctx, arguments, last); fmt.Sprint(got) != fmt.Sprint(ids(expected, func(r row) string { return r.id })) {
					t.Errorf("%s, last %v: %v, want %v", arguments, last, got, expected)
				}
			}
		}
		got := a.get(ctx, `{ deliveries(first: 1, orderBy: {field: `+order+`}) { pageInfo { endCursor } count { count } } }`, nil)
		if got.at("deliveries", "count", "count") != float64(len(want)) || len(want) == 0 {
			t.Errorf("%s: %v, want %d", order, got, len(want))
		}
		for _, other := range []string{"CREATED_AT", "COMPLETED_AT", "NEXT_ATTEMPT_AT"} {
			resp := a.run(ctx, `query($c: String) { deliveries(orderBy: {field: `+other+`}, after: $c) { nodes { id } } }`, vars{"c": got.text("deliveries", "pageInfo", "endCursor")})
			if refused := code(resp) == "BAD_USER_INPUT"; refused != (other != order) {
				t.Errorf("a cursor of %s in %s: %v", order, other, resp.Errors)
			}
		}
	}
	empty := a.as("empty")
	for _, order := range []string{"COMPLETED_AT", "NEXT_ATTEMPT_AT"} {
		cursor := a.get(empty, `{ deliveries(orderBy: {field: `+order+`}) { pageInfo { endCursor } } }`, nil).text("deliveries", "pageInfo", "endCursor")
		if resp := a.run(ctx, `query($c: String) { deliveries(orderBy: {field: `+order+`}, after: $c) { nodes { id } } }`, vars{"c": cursor}); code(resp) != "BAD_USER_INPUT" {
			t.Errorf("the cursor of another tenant: %v", resp.Errors)
		}
		if got := a.get(empty, `query($c: String) { deliveries(orderBy: {field: `+order+`}, after: $c) { nodes { id } } }`, vars{"c": cursor}); fmt.Sprint(got.at("deliveries", "nodes")) != "[]" {
			t.Errorf("after the cursor of an empty list: %v", got)
		}
	}
	webhooks := a.get(ctx, `{ up: webhooks(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { id } } down: webhooks { nodes { id } } }`, nil)
	if webhooks.text("up", "nodes", 0, "id") != hooks[0] || webhooks.text("down", "nodes", 0, "id") != hooks[1] {
		t.Errorf("webhooks: %v", webhooks)
	}
}

// pad makes times compare as texts: those with microseconds 0 have no fraction.
func pad(at string) string {
	whole, fraction, _ := strings.Cut(strings.TrimSuffix(at, "Z"), ".")
	return whole + "." + fraction + strings.Repeat("0", 6-len(fraction))
}

func ids[T any](rows []T, id func(T) string) []string {
	var all []string
	for _, row := range rows {
		all = append(all, id(row))
	}
	return all
}

// walkOrder is the ids of deliveries, by pages of two, from the start or from the end.
func (a *api) walkOrder(ctx context.Context, arguments string, last bool) (all []string) {
	a.t.Helper()
	for cursor, more := any(nil), true; more; {
		size, from, next, end := "first", "after", "hasNextPage", "endCursor"
		if last {
			size, from, next, end = "last", "before", "hasPreviousPage", "startCursor"
		}
		got := a.get(ctx, `query($c: String) { deliveries(`+arguments+`, `+size+`: 2, `+from+`: $c) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, vars{"c": cursor})
		var page []string
		edges, _ := got.at("deliveries", "edges").([]any)
		for i := range edges {
			page = append(page, got.text("deliveries", "edges", i, "node", "id"))
		}
		if n := len(page); n > 0 && (got.text("deliveries", "edges", 0, "cursor") != got.text("deliveries", "pageInfo", "startCursor") || got.text("deliveries", "edges", n-1, "cursor") != got.text("deliveries", "pageInfo", "endCursor")) {
			a.t.Errorf("%s: the page's cursors are not those of its edges", arguments)
		}
		if last {
			all = append(page, all...)
		} else {
			all = append(all, page...)
		}
		cursor, more = got.at("deliveries", "pageInfo", end), got.at("deliveries", "pageInfo", next) == true
	}
	return all
}
