package app

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// callers is the traceparent of a publisher in tests.
const callers = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// publishAllWays publishes an event, or several, over each surface, with a header. It returns how many.
func (c *client) publishAllWays(t *testing.T, header http.Header) int {
	t.Helper()
	for path, bodies := range map[string][]string{
		"/graphql": {
			`{"query": "mutation { publishEvent(input: {type: \"order.paid\", data: 1}) { event { traceparent } userErrors { message } } }"}`,
			`{"query": "mutation { publishEvents(input: {events: [{type: \"order.paid\", data: 2}, {type: \"order.paid\", data: 3}]}) { results { event { id } } userErrors { message } } }"}`,
		},
		"/v1/events": {
			`{"type": "order.paid", "data": 4}`,
			`[{"type": "order.paid", "data": 5}, {"type": "order.paid", "data": 6, "tags": ["t"]}]`,
		},
	} {
		for _, body := range bodies {
			if a := c.do(t, "POST", path, body, header); a.status/100 != 2 || strings.Contains(string(a.body), `"errors"`) || strings.Contains(string(a.body), `"message"`) {
				t.Fatalf("%s: %d %s", body, a.status, a.body)
			}
		}
	}
	return 6
}

// An event that is published in a trace, over any surface, keeps its traceparent: it is shown, and sent with each attempt, retries too, to the webhook
// that asks for it and to no other.
func TestTraceparent(t *testing.T) { databases(t, testTraceparent) }

func testTraceparent(t *testing.T, database string) {
	t.Helper()
	receiver := webhooktest.NewReceiver(t)
	var calls atomic.Int64
	receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/asks" && calls.Add(1) <= 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := boot(t, database)
	c := &client{p.url, p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/asks", "sendTraceparent": true, "retryScheduleMs": []int{0, 0, 0}})
	c.createWebhook(t, map[string]any{"url": receiver.URL + "/asks-not"})
	want := 2*c.publishAllWays(t, http.Header{"Traceparent": {callers}}) + 3
	for range want {
		got := receiver.Next(t)
		expected := []string{callers}
		if got.Path == "/asks-not" {
			expected = nil
		}
		if sent := got.Header["Traceparent"]; !slices.Equal(sent, expected) {
			t.Errorf("%s got %q, want %q", got.Path, sent, expected)
		}
	}
	var shown struct {
		Data struct {
			Events struct{ Nodes []struct{ Traceparent *string } }
		}
	}
	c.rest(t, "POST", "/graphql", `{"query": "{ events { nodes { traceparent } } }"}`, &shown)
	if len(shown.Data.Events.Nodes) != 6 {
		t.Errorf("%+v", shown)
	}
	for _, e := range shown.Data.Events.Nodes {
		if e.Traceparent == nil || *e.Traceparent != callers {
			t.Errorf("an event has %v", e.Traceparent)
		}
	}
}
