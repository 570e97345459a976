package graph_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/doctor"
	"github.com/hookgraph/hookgraph/internal/live"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The query server shows every token the defaults that null means for a webhook; thirty days fit, and 0 is forever.
func TestServer(t *testing.T) {
	a := newAPI(t)
	settings := graph.Settings{
		Version: "v1", Retention: webhook.Retention{Keep: 30 * 24 * time.Hour}, AuditRetention: 400 * 24 * time.Hour,
		Timeout: 15 * time.Second, MaxDataBytes: 1 << 18, MaxCost: 10_000, MaxAnswerBytes: 1 << 23,
	}
	b := a.with(&graph.Resolver{Store: a.store, Live: a.live, EndStream: func(context.Context, error) {}, Settings: settings})
	got := b.get(a.scoped("alice", "events:publish"), `{ server { version retentionMs keepFailedMs deliveryMaxAgeMs auditRetentionMs timeoutMs retryScheduleMs limits { dataBytes events pageSize nodes operationCost responseBytes
		retries retryDelayMs minTimeoutMs maxTimeoutMs ratePerSecond } } }`, nil)
	want := map[string]any{
		"version": "v1", "retentionMs": 2_592_000_000.0, "keepFailedMs": 0.0, "deliveryMaxAgeMs": 0.0, "auditRetentionMs": 34_560_000_000.0, "timeoutMs": 15_000.0,
		"retryScheduleMs": []any{5000.0, 300_000.0, 1_800_000.0, 7_200_000.0, 18_000_000.0, 36_000_000.0, 50_400_000.0, 72_000_000.0, 86_400_000.0},
		"limits": map[string]any{
			"dataBytes": 262_144.0, "events": 1000.0, "pageSize": 100.0, "nodes": 100.0, "operationCost": 10_000.0, "responseBytes": 8_388_608.0,
			"retries": 30.0, "retryDelayMs": 604_800_000.0, "minTimeoutMs": 1000.0, "maxTimeoutMs": 30_000.0, "ratePerSecond": 10_000.0,
		},
	}
	if diff := cmp.Diff(want, got.at("server")); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

// A whole number of type Float has no exponent, so that clients can read it as an integer; a text is not a number.
func TestWholeFloats(t *testing.T) {
	a := newAPI(t)
	b := a.with(&graph.Resolver{
		Store: a.store, Live: a.live, EndStream: func(context.Context, error) {},
		Settings: graph.Settings{Retention: webhook.Retention{Keep: 30 * 24 * time.Hour, KeepFailed: 1500 * time.Microsecond}},
	})
	if resp := b.run(a.as("alice"), `{ server { retentionMs keepFailedMs } }`, nil); string(resp.Data) != `{"server":{"retentionMs":2592000000,"keepFailedMs":1}}` {
		t.Errorf("%s %v", resp.Data, resp.Errors)
	}
	const update = `mutation($ms: Float) { createTenant(input: {name: "kept", retentionMs: $ms}) { tenant { retentionMs } userErrors { code } } }`
	for _, text := range []any{"60000", "NaN", true} {
		if resp := b.run(a.operator("default"), update, vars{"ms": text}); len(resp.Errors) != 1 {
			t.Errorf("%v: %s %v", text, resp.Data, resp.Errors)
		}
	}
	if resp := b.run(a.operator("default"), update, vars{"ms": 90 * 24 * 3600 * 1000}); string(resp.Data) != `{"createTenant":{"tenant":{"retentionMs":7776000000},"userErrors":[]}}` {
		t.Errorf("%s %v", resp.Data, resp.Errors)
	}
}

// Nodes and tasks are an operator's: for others they are null, and the rest of the server is shown. A task's error is bounded.
func TestServerNodes(t *testing.T) {
	a := newAPI(t)
	started := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	tasks := []upkeep.Stat{
		{Name: "quotas", Every: time.Second, Runs: 2, Started: started, Took: 1500 * time.Microsecond},
		{Name: "retention", Every: 10 * time.Second, Only: true, Runs: 3, Started: started, Err: errors.New(strings.Repeat("é", 600)), Failed: 3},
		{Name: "elsewhere", Every: time.Minute, Only: true, Passed: 4},
	}
	b := a.with(&graph.Resolver{
		Store: a.store, Live: a.live, EndStream: func(context.Context, error) {}, Settings: graph.Settings{Version: "v1"},
		Tasks: func() []upkeep.Stat { return tasks },
	})
	const query = `{ server { version nodes { number state responds claimedDeliveries leaseExpiresAt endedAt }
		tasks { name exclusive intervalMs running runs passed startedAt durationMs error failuresInARow } } }`
	got := b.get(b.operator("default"), query, nil)
	want := []any{map[string]any{"number": 1.0, "state": "RUNNING", "responds": true, "claimedDeliveries": 0.0, "leaseExpiresAt": nil, "endedAt": nil}}
	if diff := cmp.Diff(want, got.at("server", "nodes")); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	task := func(name string, change map[string]any) any {
		is := map[string]any{
			"name": name, "exclusive": true, "running": false, "runs": 0.0, "passed": 0.0, "startedAt": nil, "durationMs": nil, "error": nil, "failuresInARow": 0.0,
		}
		maps.Copy(is, change)
		return is
	}
	want = []any{
		task("quotas", map[string]any{"exclusive": false, "intervalMs": 1000.0, "runs": 2.0, "startedAt": "2026-11-28T10:00:00Z", "durationMs": 1.5}),
		task("retention", map[string]any{
			"intervalMs": 10_000.0, "runs": 3.0, "startedAt": "2026-11-28T10:00:00Z", "durationMs": 0.0, "error": strings.Repeat("é", 500), "failuresInARow": 3.0,
		}),
		task("elsewhere", map[string]any{"intervalMs": 60_000.0, "passed": 4.0}),
	}
	if diff := cmp.Diff(want, got.at("server", "tasks")); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	for _, field := range []string{"nodes { number }", "tasks { name }"} {
		name, _, _ := strings.Cut(field, " ")
		resp := b.run(b.as("alice"), "{ server { version "+field+" } }", nil)
		if string(resp.Data) != `{"server":{"version":"v1","`+name+`":null}}` || code(resp) != "FORBIDDEN" {
			t.Errorf("%s for a tenant: %s %v", name, resp.Data, resp.Errors)
		}
		operator := *auth.From(b.operator("default"))
		operator.Token = &webhook.Token{ID: operator.Token.ID, Scopes: webhook.TokenScopes{webhook.ScopeDeliveriesRead}}
		if resp := b.run(auth.With(t.Context(), &operator), "{ server { "+field+" } }", nil); string(resp.Data) != `{"server":{"`+name+`":null}}` || code(resp) != "FORBIDDEN" {
			t.Errorf("%s without the scope ADMIN: %s %v", name, resp.Data, resp.Errors)
		}
	}
}

// Checks are an operator's, and cost what running them is worth; their texts are bounded.
func TestServerChecks(t *testing.T) {
	a := newAPI(t)
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	asked := 0
	b := a.with(&graph.Resolver{
		Store: a.store, Live: a.live, EndStream: func(context.Context, error) {}, Settings: graph.Settings{Version: "v1"},
		Checks: func(_ context.Context, fresh bool) ([]doctor.Result, time.Time, error) {
			if asked++; !fresh {
				return nil, time.Time{}, webhook.ErrUnavailable
			}
			return []doctor.Result{
				{Name: "disk-space", Status: doctor.OK, Found: "1 GiB are free", DurationMs: 0.5},
				{Name: "clock", Status: doctor.Failed, Found: strings.Repeat("é", 3000), Means: "m", Do: "d", NotLookedAt: "n"},
			}, at, nil
		},
	})
	const query = `{ server { checks(fresh: true) { name status found means remedy notLookedAt durationMs checkedAt } } }`
	got := b.get(b.operator("default"), query, nil)
	want := []any{
		map[string]any{
			"name": "disk-space", "status": "OK", "found": "1 GiB are free", "means": nil, "remedy": nil, "notLookedAt": nil, "durationMs": 0.5, "checkedAt": "2026-11-28T10:00:00Z",
		},
		map[string]any{
			"name": "clock", "status": "FAILED", "found": strings.Repeat("é", 2000), "means": "m", "remedy": "d", "notLookedAt": "n", "durationMs": 0.0, "checkedAt": "2026-11-28T10:00:00Z",
		},
	}
	if diff := cmp.Diff(want, got.at("server", "checks")); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if resp := b.run(b.operator("default"), `{ server { version checks { name } } }`, nil); string(resp.Data) != `{"server":{"version":"v1","checks":null}}` || code(resp) != "UNAVAILABLE" {
		t.Errorf("while the server stops: %s %v", resp.Data, resp.Errors)
	}
	asked = 0
	if resp := b.run(b.as("alice"), query, nil); string(resp.Data) != `{"server":{"checks":null}}` || code(resp) != "FORBIDDEN" || asked > 0 {
		t.Errorf("for a tenant: %s %v", resp.Data, resp.Errors)
	}
}

// The stream of the server begins at once, goes on without a change, charges each message, and is an operator's.
func TestServerStream(t *testing.T) {
	a := newAPI(t)
	const watch = `subscription { server { version nodes { state } } }`
	ctx, cancel := context.WithCancel(a.operator("default"))
	defer cancel()
	paid, pace := 0, live.DefaultPace()
	pace.Again, pace.Nodes = time.Millisecond, time.Millisecond
	changes := live.NewChanges(live.RowsOf(a.store), pace)
	defer changes.Close()
	f := a.with(&graph.Resolver{
		Store: a.store, Live: a.live, Changes: changes, EndStream: func(context.Context, error) {},
		PayMessage: func(context.Context) time.Duration { paid++; return 0 },
	}).feed(ctx, watch, nil)
	for range 2 {
		if got := f.next(); got.text("nodes", 0, "state") != "RUNNING" {
			t.Errorf("got %v", got)
		}
	}
	if paid != 1 {
		t.Errorf("it paid for %d messages after the first, want 1", paid)
	}
	if resp := a.run(a.as("alice"), watch, nil); code(resp) != "FORBIDDEN" {
		t.Errorf("a tenant is answered %s %v", resp.Data, resp.Errors)
	}
}
