package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/graph"
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
