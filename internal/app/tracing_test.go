package app

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
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
			Events struct {
				Nodes []struct{ Traceparent *string }
			}
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

// bootTraced starts the program with OpenTelemetry's variables.
func bootTraced(t *testing.T, database string, env map[string]string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	p := &program{dir: database}
	ended := make(chan error, 1)
	getenv := environment(database)
	go func() {
		ended <- run(ctx, []string{"--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", database, "--allow-private-targets"}, func(name string) string {
			if value, ok := env[name]; ok {
				return value
			}
			return getenv(name)
		}, in, io.MultiWriter(t.Output(), &p.log))
		_ = in.Close()
	}()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(p.stop)
	p.url, p.token = announced(t, out)
	return p
}

// With OpenTelemetry's variables the server records publishing, the commit, each attempt and its recording: one below the other in the caller's trace, and
// transactions are linked. What a webhook that asks is sent is the attempt's own position. No span has a payload or a secret.
func TestTraces(t *testing.T) { databases(t, testTraces) }

func testTraces(t *testing.T, database string) {
	t.Helper()
	receiver, collector := webhooktest.NewReceiver(t), webhooktest.NewCollector(t)
	var calls atomic.Int64
	receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := bootTraced(t, database, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SERVICE_NAME": "hooks"})
	c := &client{p.url, p.token}
	id := c.createWebhook(t, map[string]any{
		"url": receiver.URL + "/asks?key=the-key", "sendTraceparent": true, "retryScheduleMs": []int{0},
		"headers": []map[string]any{{"name": "X-Key", "value": "the-secret", "sensitive": true}},
	})
	if a := c.do(t, "POST", "/v1/events", `{"type": "order.paid", "data": "the-payload", "tags": ["the-tag"]}`, http.Header{"Traceparent": {callers}}); a.status != http.StatusAccepted {
		t.Fatal(a.status)
	}
	sent := []string{receiver.Next(t).Header.Get("Traceparent"), receiver.Next(t).Header.Get("Traceparent")}
	c.settle(t)
	p.stop() // which sends what waits
	publish, attempts, records := collector.Spans("publish"), collector.Spans("attempt"), collector.Spans("record")
	if len(publish) != 1 || len(attempts) != 2 || len(records) != 2 {
		t.Fatalf("%d, %d and %d spans", len(publish), len(attempts), len(records))
	}
	if s := publish[0]; s.Trace != callers[3:35] || s.Parent != callers[36:52] {
		t.Errorf("publishing is below %s in %s", s.Parent, s.Trace)
	}
	slices.SortFunc(attempts, func(a, b *webhooktest.Span) int {
		return cmp.Compare(a.Attribute("hookgraph.attempt.number").(int64), b.Attribute("hookgraph.attempt.number").(int64))
	})
	for i, a := range attempts {
		if want := "00-" + a.Trace + "-" + a.ID + "-01"; a.Trace != callers[3:35] || a.Parent != publish[0].ID || sent[i] != want {
			t.Errorf("attempt %d is below %s in %s, and sent %s, want %s", i+1, a.Parent, a.Trace, sent[i], want)
		}
		if !slices.ContainsFunc(records, func(r *webhooktest.Span) bool { return r.Parent == a.ID && r.Trace == a.Trace }) {
			t.Errorf("attempt %d has no record", i+1)
		}
		status, code := []any{int64(503), int64(200)}[i], []any{"HTTP_STATUS", nil}[i]
		if a.Attribute("http.response.status_code") != status || a.Attribute("error.type") != code || a.Attribute("hookgraph.webhook.id") != id {
			t.Errorf("attempt %d: %v", i+1, a)
		}
	}
	for _, s := range append(records, publish...) {
		if len(s.Links) != 1 || !slices.ContainsFunc(collector.Spans("commit"), func(c *webhooktest.Span) bool { return c.ID == s.Links[0] && slices.Contains(c.Links, s.ID) }) {
			t.Errorf("%s is linked to %v, which is no transaction that is linked to it", s.Name, s.Links)
		}
	}
	for _, s := range collector.Spans("") {
		if text := s.String(); strings.Contains(text, "the-") {
			t.Errorf("%s has what it must not: %s", s.Name, text)
		}
	}
	if _, about := collector.Requests(); about["service.name"] != "hooks" {
		t.Errorf("%v", about)
	}
}

// A collector that does not answer holds up neither publishing nor deliveries, nor the stop for longer than a few seconds, and the log tells of it.
func TestHangingCollector(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); hangs.Close() })
	receiver := webhooktest.NewReceiver(t)
	p := bootTraced(t, t.TempDir(), map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": hangs.URL, "OTEL_EXPORTER_OTLP_TIMEOUT": "100", "OTEL_BSP_SCHEDULE_DELAY": "1", "OTEL_BSP_MAX_QUEUE_SIZE": "10"})
	c := &client{p.url, p.token}
	c.createWebhook(t, map[string]any{"url": receiver.URL})
	for range 100 {
		c.publish(t, "order.paid")
		receiver.Next(t)
	}
	p.log.await(t, "traces cannot be sent")
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// The page's settings of a webhook have it send the trace, and the page of an event shows it.
func TestDashboardTrace(t *testing.T) {
	t.Parallel()
	axe := browsertest.Axe(t)
	receiver := webhooktest.NewReceiver(t)
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	id := c.createWebhook(t, map[string]any{"url": receiver.URL})
	page := browsertest.Open(t, p.url)
	page.Do(chromedp.Navigate(p.url + "/webhooks/" + id + "#token=" + p.token))
	click(page, "Settings")
	page.WaitText(".settings", "Send the trace")
	click(page, "Send the trace")
	page.WaitFor(`document.querySelector("input[name=sendTraceparent]").checked`)
	page.WaitFor(`(document.querySelector("input[name=sendTraceparent]").scrollIntoView({block: "center"}), true)`)
	looked(page, axe, "webhook-trace")
	click(page, "Save")
	page.WaitText(".settings", "Saved.")
	var event struct{ ID string }
	if a := c.do(t, "POST", "/v1/events", `{"type": "order.paid", "data": 1}`, http.Header{"Traceparent": {callers}}); json.Unmarshal(a.body, &event) != nil {
		t.Fatalf("%s", a.body)
	}
	if got := receiver.Next(t).Header.Get("Traceparent"); got != callers {
		t.Errorf("sent %q", got)
	}
	page.Do(chromedp.Navigate(p.url + "/events/" + event.ID))
	page.WaitText(".facts", callers[3:35])
	looked(page, axe, "event-trace")
	page.CheckQuiet()
}
