package app

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// measured is a running program whose metrics can be read.
type measured struct {
	*program

	log *transcript
	at  string // of the metrics
}

// bootMeasured starts the program, and finds its metrics from its log.
func bootMeasured(t *testing.T, database string, args ...string) *measured {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	m := &measured{program: &program{dir: database}, log: &transcript{}}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{
			"--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--database", database, "--allow-private-targets",
		}, args...), environment(database), in, m.log)
		_ = in.Close()
	}()
	m.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
		ended <- nil
	}
	t.Cleanup(m.stop)
	m.url, m.token = announced(t, out)
	m.log.await(t, "metrics are served")
	m.at = metricsAt.FindStringSubmatch(m.log.String())[1]
	return m
}

// metricsAt finds in the log where metrics are served.
var metricsAt = regexp.MustCompile(`metrics are served" url=(\S+)`)

// read reads a value; false if it is not shown.
func (m *measured) read(t *testing.T, series string) (float64, bool) {
	t.Helper()
	for line := range strings.Lines(m.text(t)) {
		if value, is := strings.CutPrefix(line, series+" "); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n, true
		}
	}
	return 0, false
}

func (m *measured) text(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", answer.StatusCode, err)
	}
	return string(text)
}

// becomes waits until a series has the value.
func (m *measured) becomes(t *testing.T, series string, want float64) {
	t.Helper()
	webhooktest.Eventually(t, series+" is "+strconv.FormatFloat(want, 'g', -1, 64), func() bool {
		n, ok := m.read(t, series)
		return ok && n == want
	})
}

// Metrics count what happens: events, attempts by outcome and error, arrival, requests and operations; they show the database's state, and no
// tenant unless that was asked for. They end with the server.
func TestMetricsAreServed(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		m := bootMeasured(t, database, "--metrics-tenants", "1")
		c := &client{url: m.url, token: m.token}
		receiver := webhooktest.NewReceiver(t)
		c.createWebhook(t, map[string]any{"url": receiver.URL + "/ok"})
		c.publish(t, "a.b")
		receiver.Next(t)
		for series, want := range map[string]float64{
			`hookgraph_events_published_total`:                                                           1,
			`hookgraph_deliveries_completed_total{status="succeeded"}`:                                   1,
			`hookgraph_delivery_attempts_total{outcome="succeeded",trigger="schedule"}`:                  1,
			`hookgraph_delivery_arrival_seconds_count`:                                                   1,
			`hookgraph_delivery_arrival_seconds_bucket{le="+Inf"}`:                                       1,
			`hookgraph_delivery_responses_total{class="2xx"}`:                                            1,
			`hookgraph_graphql_operations_total{code="OK",transport="http",type="mutation"}`:             2,
			`hookgraph_http_requests_total{code="200",method="POST",route="/graphql",surface="graphql"}`: 2,
			`hookgraph_ready`:             1,
			`hookgraph_nodes`:             1,
			`hookgraph_writer_stuck`:      0,
			`hookgraph_retention_seconds`: 30 * 24 * 3600,
		} {
			m.becomes(t, series, want)
		}
		text := m.text(t)
		if !regexp.MustCompile(`hookgraph_tenant_delivery_attempts_total\{outcome="succeeded",tenant="[0-9a-f-]{36}"\} 1\n`).MatchString(text) {
			t.Error("the tenant's attempts are not shown")
		}
		for _, secret := range []string{m.token, receiver.URL, "a.b"} {
			if strings.Contains(text, secret) {
				t.Errorf("metrics show %s", secret)
			}
		}
		m.stop()
		if conn, err := net.DialTimeout("tcp", strings.TrimSuffix(strings.TrimPrefix(m.at, "http://"), "/metrics"), time.Second); err == nil {
			_ = conn.Close()
			t.Error("metrics are served after the stop")
		}
	})
}

// The default address of metrics need not be free: the server says that it is not, and serves.
func TestMetricsAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:9464")
	if err == nil { // else somebody else has it
		defer func() { _ = taken.Close() }()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	var log transcript
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--listen", "127.0.0.1:0", "--database", t.TempDir()}, environment(""), in, &log)
		_ = in.Close()
	}()
	announced(t, out)
	log.await(t, "metrics are not served: their address is taken")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// With --log-requests each request and each operation has a line, with the token's id and the request's, and without anything secret: no query
// string, body, header or payload.
func TestRequestsAreLogged(t *testing.T) {
	m := bootMeasured(t, t.TempDir(), "--log-requests")
	c := &client{url: m.url, token: m.token}
	c.publish(t, "log.this")
	c.rest(t, "GET", "/v1/events?unknown=needle.type", "", nil) // which is refused
	m.log.await(t, "msg=request")
	m.log.await(t, "route=/v1/events path=/v1/events status=422")
	m.log.await(t, "msg=operation")
	m.stop()
	lines := bytes.Split([]byte(m.log.String()), []byte("\n"))
	for kind, wants := range map[string][]string{
		"msg=operation":    {"request_id=", "transport=http type=mutation", "token_id=", "tenant_id=", "took="},
		"route=/v1/events": {"msg=request", "request_id=", "method=GET", "bytes=", "token_id=", "took="},
	} {
		found := false
		for _, line := range lines {
			if !bytes.Contains(line, []byte(kind)) {
				continue
			}
			found = true
			for _, want := range wants {
				if !bytes.Contains(line, []byte(want)) {
					t.Errorf("%s lacks %s", line, want)
				}
			}
		}
		if !found {
			t.Errorf("no line has %s", kind)
		}
	}
	for _, never := range []string{m.token, "needle.type", "Bearer", "log.this"} {
		if strings.Contains(m.log.String(), never) {
			t.Errorf("the log has %s", never)
		}
	}
}
