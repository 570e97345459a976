package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const statsQuery = `query($range: TimeRange!, $filter: StatsFilter) { stats(range: $range, filter: $filter) {
	from to asOf
	totals { events deliveries succeeded: deliveries(statuses: [SUCCEEDED]) made: deliveries(statuses: [PENDING]) attempts
		bad: attempts(statuses: [FAILED]) tests: attempts(triggers: [TEST]) successRate p95: durationMs(quantile: 0.95) latencyMs(quantile: 0) }
	series { from to values { events attempts } }
	webhooks: by(dimension: WEBHOOK) { groups { key webhook { url } tenant { id } values { attempts deliveries } } others { attempts } }
	types: by(dimension: EVENT_TYPE, first: 1) { groups { key values { events attempts } } others { events } }
	errors: by(dimension: ATTEMPT_ERROR) { groups { key values { attempts } } }
	statuses: by(dimension: HTTP_STATUS) { groups { key values { attempts } } }
	backlog { due held oldestDueAt }
} }`

// Statistics have everything that happened in the range, however they are grouped, and the same before and after the journal is folded.
func TestStats(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	first, second := a.createWebhook(ctx, "https://example.com/1"), a.createWebhook(ctx, "https://example.com/2")
	a.publish(ctx, 3)
	a.attempt(first, 3, true)
	a.attempt(second, 2, false)
	a.get(ctx, `mutation($id: ID!) { updateWebhook(input: {id: $id, enabled: false}) { webhook { id } } }`, vars{"id": second})
	var before object
	for _, folded := range []bool{false, true} {
		if folded {
			if err := a.store.FoldStatistics(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := a.get(ctx, statsQuery, vars{"range": vars{"from": "-PT1H"}})
		for way, want := range map[string]any{
			"totals.events": 3.0, "totals.deliveries": 3.0, "totals.succeeded": 3.0, "totals.made": 6.0, "totals.attempts": 5.0, "totals.bad": 2.0,
			"totals.tests": 0.0, "totals.successRate": 0.6, "backlog.due": 0.0, "backlog.held": 3.0,
		} {
			if is := got.at(anys("stats", way)...); is != want {
				t.Errorf("folded %v: %s is %v, want %v", folded, way, is, want)
			}
		}
		if p95, _ := got.at("stats", "totals", "p95").(float64); p95 < 1.46 || p95 > 1.54 {
			t.Errorf("p95 is %v ms, want about 1.5", p95)
		}
		series, _ := got.at("stats", "series").([]any)
		if sum := sumOf(series, "attempts"); sum != 5 || len(series) < 60 || len(series) > 120 {
			t.Errorf("%d attempts in %d buckets", sum, len(series))
		}
		if text := fmt.Sprint(got.at("stats", "errors"), got.at("stats", "statuses"), got.at("stats", "types")); text !=
			"map[groups:[map[key:TIMEOUT values:map[attempts:2]]]] map[groups:[map[key:204 values:map[attempts:3]]]] map[groups:[map[key:a.b values:map[attempts:5 events:3]]] others:<nil>]" {
			t.Errorf("folded %v: %s", folded, text)
		}
		if got.text("stats", "webhooks", "groups", 0, "key") != first || got.text("stats", "webhooks", "groups", 1, "webhook", "url") != "https://example.com/2" ||
			got.at("stats", "webhooks", "groups", 1, "values", "attempts") != 2.0 || got.text("stats", "backlog", "oldestDueAt") == "" {
			t.Errorf("folded %v: %v", folded, got)
		}
		delete(got["stats"].(map[string]any), "asOf")
		if before != nil && before.text("stats", "from") == got.text("stats", "from") {
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("it is not the same when it is folded (-before +after):\n%s", diff)
			}
		}
		before = got
	}
}

func anys(first, way string) []any {
	list := []any{first}
	for step := range strings.SplitSeq(way, ".") {
		list = append(list, step)
	}
	return list
}

func sumOf(series []any, name string) int {
	sum := 0.0
	for i := range series {
		n, _ := object{"s": series}.at("s", i, "values", name).(float64)
		sum += n
	}
	return int(sum)
}

// Statistics can be filtered by webhook, by type and by both; webhooks and types that do not exist have none.
func TestStatsFilters(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	w := a.createWebhook(ctx, "https://example.com/1")
	other := a.createWebhook(a.as("other"), "https://example.com/1")
	a.publish(ctx, 2)
	a.attempt(w, 2, true)
	own := a.get(ctx, `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	foreign := a.get(a.as("other"), `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	for _, c := range []struct {
		filter           vars
		events, attempts float64
	}{
		{nil, 2, 2},
		{vars{"webhookIds": []string{w}}, 0, 2},
		{vars{"webhookIds": []string{w, other}}, 0, 2},
		{vars{"webhookIds": []string{other}}, 0, 0},
		{vars{"webhookIds": []string{}}, 2, 2},
		{vars{"eventTypes": []string{"a.b"}}, 2, 2},
		{vars{"eventTypes": []string{"a.*"}}, 2, 2},
		{vars{"eventTypes": []string{"b.*", "a"}}, 0, 0},
		{vars{"eventTypes": []string{"a.b"}, "webhookIds": []string{w}}, 0, 2},
		{vars{"eventTypes": []string{"a.c"}, "webhookIds": []string{w}}, 0, 0},
		{vars{"tenantIds": []string{own}}, 2, 2},
		{vars{"tenantIds": []string{foreign}}, 0, 0},
		{vars{"tenantIds": []string{}}, 2, 2},
	} {
		for _, folded := range []bool{false, true} {
			if folded {
				if err := a.store.FoldStatistics(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got := a.get(ctx, `query($f: StatsFilter) { stats(range: {from: "-PT1H"}, filter: $f) { totals { events attempts } backlog { due held } } }`, vars{"f": c.filter})
			if got.at("stats", "totals", "events") != c.events || got.at("stats", "totals", "attempts") != c.attempts {
				t.Errorf("%v, folded %v: %v, want %v events and %v attempts", c.filter, folded, got, c.events, c.attempts)
			}
		}
	}
}

// Operators read the statistics of all tenants in one request, or of those that they name; nobody else does.
func TestStatsOfAllTenants(t *testing.T) {
	a := newAPI(t)
	for i, name := range []string{"one", "two", "three"} {
		ctx := a.as(name)
		w := a.createWebhook(ctx, "https://example.com/")
		a.publish(ctx, i+1)
		a.attempt(w, i+1, true)
	}
	const query = `query($f: StatsFilter) { stats(range: {from: "-PT1H"}, filter: $f) { totals { events } backlog { due }
		by(dimension: TENANT, first: 2) { groups { key tenant { name } values { events } } others { events } } } }`
	id := func(name string) string {
		return a.get(a.as(name), `{ viewer { tenant { id } } }`, nil).text("viewer", "tenant", "id")
	}
	for _, folded := range []bool{false, true} {
		if folded {
			if err := a.store.FoldStatistics(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		all := a.get(a.operator("one"), query, vars{"f": vars{"allTenants": true}})
		if got := fmt.Sprint(all.at("stats", "totals", "events"), all.text("stats", "by", "groups", 0, "tenant", "name"), all.text("stats", "by", "groups", 1, "tenant", "name"),
			all.at("stats", "by", "others", "events")); got != "6threetwo1" {
			t.Errorf("folded %v: all tenants: %v", folded, all)
		}
		some := a.get(a.operator("one"), query, vars{"f": vars{"tenantIds": []string{id("two")}}})
		if some.at("stats", "totals", "events") != 2.0 {
			t.Errorf("folded %v: one tenant by its ID: %v", folded, some)
		}
		if own := a.get(a.operator("one"), query, nil); own.at("stats", "totals", "events") != 1.0 {
			t.Errorf("folded %v: an operator without a filter: %v", folded, own)
		}
	}
	if resp := a.run(a.as("one"), query, vars{"f": vars{"allTenants": true}}); code(resp) != "FORBIDDEN" && !strings.Contains(fmt.Sprint(resp.Errors), "operator token") {
		t.Errorf("a tenant asks for all tenants: %s %v", resp.Data, resp.Errors)
	}
}

// An invalid argument is an error that names it.
func TestStatsArguments(t *testing.T) {
	a := newAPI(t)
	for query, want := range map[string]string{
		`{ stats(range: {from: "-PT1H", to: "-PT2H"}) { asOf } }`:                                                    "range.to",
		`{ stats(range: {from: "-PT1H"}) { series(bucketMs: 90000) { from } } }`:                                     "bucketMs",
		`{ stats(range: {from: "-P7D"}) { series(bucketMs: 60000) { from } } }`:                                      "bucketMs",
		`{ stats(range: {from: "-P7D"}) { series(bucketMs: 3600000) { from } } }`:                                    "bucketMs",
		`{ stats(range: {from: "-PT1H"}) { series(limit: 1001) { from } } }`:                                         "limit",
		`{ stats(range: {from: "-PT1H"}) { totals { durationMs(quantile: 95) } } }`:                                  "quantile",
		`{ stats(range: {from: "-PT1H"}) { by(dimension: WEBHOOK, first: 101) { others { events } } } }`:             "first",
		`{ stats(range: {from: "-PT1H"}, filter: {eventTypes: ["not a type"]}) { asOf } }`:                           "eventTypes",
		`{ stats(range: {from: "2020-01-01T00:00:00Z", to: "2120-01-01T00:00:00Z"}) { series(limit: 3) { from } } }`: "limit",
		`{ webhooks { nodes { id } } stats(range: {from: "-PT1H"}) { series(bucketMs: -3600000) { from } } }`:        "bucketMs",
	} {
		resp := a.run(a.as("kallima"), query, nil)
		if code(resp) != "BAD_USER_INPUT" || !strings.Contains(fmt.Sprint(resp.Errors[0].Extensions["field"], resp.Errors[0].Message), want) {
			t.Errorf("%s: %s %v, want an error of %s", query, resp.Data, resp.Errors, want)
		}
	}
	weeks := a.get(a.as("kallima"), `{ stats(range: {from: "-P7D"}) { series(bucketMs: 3600000, limit: 169) { from } byDay: series(bucketMs: 86400000) { from to } } }`, nil)
	if n := len(weeks.at("stats", "series").([]any)); n != 169 && n != 168 {
		t.Errorf("a week has %d hours", n)
	}
}

// The health of a page of 100 webhooks is read in as many statements as that of one, and tells how attempts went.
func TestHealth(t *testing.T) {
	a := newAPI(t)
	ctx := a.as("kallima")
	for i := range 100 {
		a.createWebhook(ctx, fmt.Sprintf("https://example.com/%d", i))
	}
	a.publish(ctx, 3)
	hooks := a.get(ctx, `{ webhooks(first: 100) { nodes { id } } }`, nil)
	a.attempt(hooks.text("webhooks", "nodes", 0, "id"), 1, true)
	a.attempt(hooks.text("webhooks", "nodes", 0, "id"), 2, false)
	reads := func(n int) (object, int) {
		a.mu.Lock()
		before := a.statements
		a.mu.Unlock()
		got := a.get(ctx, `query($n: Int!) { webhooks(first: $n) { nodes { id health { lastSuccessAt lastFailureAt failingSince failuresInARow successRate p95Ms disablesAt
			backlog { due held oldestDueAt } } } } }`, vars{"n": n})
		a.mu.Lock()
		defer a.mu.Unlock()
		return got, a.statements - before
	}
	_, one := reads(1)
	got, hundred := reads(100)
	if one != hundred || one > 5 {
		t.Errorf("1 webhook: %d statements, 100 webhooks: %d", one, hundred)
	}
	is := func(i int, field ...any) any {
		return got.at(append([]any{"webhooks", "nodes", i, "health"}, field...)...)
	}
	if is(0, "failuresInARow") != 2.0 || is(0, "backlog", "due") != 2.0 || is(0, "lastSuccessAt") == nil || is(0, "lastFailureAt") == nil || is(0, "disablesAt") == nil ||
		is(0, "failingSince") == nil || is(0, "backlog", "oldestDueAt") == nil {
		t.Errorf("a webhook that fails: %v", is(0))
	}
	if is(1, "failuresInARow") != 0.0 || is(1, "backlog", "due") != 3.0 || is(1, "successRate") != nil || is(1, "disablesAt") != nil || is(1, "lastFailureAt") != nil {
		t.Errorf("a webhook to which nothing was attempted: %v", is(1))
	}
}
