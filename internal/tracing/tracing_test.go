package tracing_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/tracing/export"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const parent webhook.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// open starts an exporter that sends to a URL. change may change its settings.
func open(t *testing.T, collector string, change func(*config.Tracing)) *export.Exporter {
	t.Helper()
	return openLogging(t, t.Output(), collector, change)
}

func openLogging(t *testing.T, log io.Writer, collector string, change func(*config.Tracing)) *export.Exporter {
	t.Helper()
	at, err := url.Parse(collector + "/v1/traces")
	if err != nil {
		t.Fatal(err)
	}
	s := &config.Tracing{
		Endpoint: at, Timeout: 10 * time.Second, Sampler: config.ParentBased + config.AlwaysOn, Resource: map[string]string{"service.name": "hooks"},
		QueueSize: 2048, BatchSize: 512, Delay: 5 * time.Millisecond, ExportTimeout: 30 * time.Second,
	}
	if change != nil {
		change(s)
	}
	e, err := export.Open(t.Context(), export.Options{Settings: s, Version: "1.2.3", Host: "here", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(t.Context()) })
	return e
}

// flow makes the spans of an event that is published and attempted once.
func flow(t *tracing.Tracer, at webhook.TraceParent) (kept webhook.TraceParent) {
	id := webhook.NewID(time.Now())
	publish, kept := t.Publish(at, id, 1)
	var calls, results []*tracing.Span
	if publish != nil {
		calls = append(calls, publish)
	}
	t.Commit(time.Now(), calls, nil, nil)
	publish.Published(1, &id, nil)
	d := &webhook.Delivery{ID: id, TenantID: id, WebhookID: id, EventID: id, Trigger: webhook.TriggerSchedule}
	e := &webhook.Event{ID: id, Type: "a.b", Traceparent: &kept}
	if kept == "" {
		e.Traceparent = nil
	}
	to := &url.URL{Scheme: "https", Host: "receiver.test", Path: "/hook", RawQuery: "key=the-key", User: url.UserPassword("me", "the-password"), Fragment: "the-fragment"}
	attempt := t.Attempt(d, e, to)
	status, code := 503, webhook.ErrorHTTPStatus
	attempt.Attempted(&webhook.Attempt{Status: webhook.AttemptFailed, ResponseStatus: &status, Error: &code})
	record := attempt.Record()
	if record != nil {
		results = append(results, record)
	}
	t.Commit(time.Now(), nil, results, nil)
	record.Recorded(nil)
	return kept
}

// The spans of an event are in the caller's trace, one below the other; transactions are linked with what they wrote. They say where a request went
// without what may be a secret of its URL, and how it ended.
func TestSpansOfAnEvent(t *testing.T) {
	c := webhooktest.NewCollector(t)
	to := open(t, c.URL, nil)
	kept := flow(to.Tracer(), parent)
	to.Close(t.Context())
	all := c.Spans("")
	if len(all) != 5 {
		t.Fatalf("%d spans: %v", len(all), all)
	}
	publish, attempt, record, commits := c.Spans("publish")[0], c.Spans("attempt")[0], c.Spans("record")[0], c.Spans("commit")
	for _, s := range []*webhooktest.Span{publish, attempt, record} {
		if s.Trace != string(parent[3:35]) {
			t.Errorf("%s is in the trace %s", s.Name, s.Trace)
		}
	}
	if publish.Parent != string(parent[36:52]) || attempt.Parent != publish.ID || record.Parent != attempt.ID {
		t.Errorf("parents: %s %s %s", publish.Parent, attempt.Parent, record.Parent)
	}
	if string(kept) != "00-"+publish.Trace+"-"+publish.ID+"-01" {
		t.Errorf("the event keeps %s", kept)
	}
	for i, s := range []*webhooktest.Span{publish, record} {
		if !slices.Equal(commits[i].Links, []string{s.ID}) || !slices.Equal(s.Links, []string{commits[i].ID}) || commits[i].Parent != "" {
			t.Errorf("%s is linked to %v, its transaction to %v", s.Name, s.Links, commits[i].Links)
		}
	}
	for name, want := range map[string]any{
		"http.request.method": "POST", "url.full": "https://receiver.test/hook", "server.address": "receiver.test", "server.port": int64(443),
		"http.response.status_code": int64(503), "error.type": "HTTP_STATUS", "hookgraph.event.type": "a.b", "hookgraph.attempt.number": int64(1),
	} {
		if got := attempt.Attribute(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if text := attempt.String(); strings.Contains(text, "the-") {
		t.Errorf("a secret is in %s", text)
	}
	requests, about := c.Requests()
	if about["service.name"] != "hooks" || about["service.version"] != "1.2.3" || about["host.name"] != "here" || about["service.instance.id"] == "" {
		t.Errorf("the process is described as %v", about)
	}
	if agent := requests[0].Get("User-Agent"); agent != "hookgraph/1.2.3" {
		t.Errorf("it is called by %s", agent)
	}
}

// The sampler decides, by default as the caller does. Of what is not recorded nothing is sent, the event keeps the caller's trace unchanged, and without
// one it keeps that there is nothing to record, so that its attempts are not either.
func TestSampling(t *testing.T) {
	unsampled := parent[:53] + "00"
	for name, is := range map[string]struct {
		sampler string
		ratio   float64
		at      webhook.TraceParent
		spans   int
		kept    string // its end
	}{
		"as the caller":             {"parentbased_always_on", 1, unsampled, 0, string(unsampled)},
		"all without a caller":      {"parentbased_always_on", 1, "", 5, "-01"},
		"none without a caller":     {"parentbased_always_off", 1, "", 0, "-00"},
		"the caller's":              {"parentbased_always_off", 1, parent, 5, "-01"},
		"a ratio of none":           {"parentbased_traceidratio", 0, "", 0, "-00"},
		"a ratio of all":            {"traceidratio", 1, unsampled, 5, "-01"},
		"none, whatever the caller": {"always_off", 1, parent, 0, string(parent)},
		"all, whatever the caller":  {"always_on", 1, unsampled, 5, "-01"},
	} {
		t.Run(name, func(t *testing.T) {
			c := webhooktest.NewCollector(t)
			to := open(t, c.URL, func(s *config.Tracing) { s.Sampler, s.Ratio = is.sampler, is.ratio })
			kept := flow(to.Tracer(), is.at)
			to.Close(t.Context())
			if n := len(c.Spans("")); n != is.spans || !strings.HasSuffix(string(kept), is.kept) || webhook.ReadTraceParent(string(kept)) != kept {
				t.Errorf("%d spans, the event keeps %s; want %d and …%s", n, kept, is.spans, is.kept)
			}
		})
	}
}

// A batch that the collector may accept later is sent again, with the operator's headers, compressed if that is set; one that it refuses is not.
func TestBatchesAreSentAgain(t *testing.T) {
	c := webhooktest.NewCollector(t)
	c.Refuse(http.StatusServiceUnavailable, http.StatusTooManyRequests)
	to := open(t, c.URL, func(s *config.Tracing) { s.Gzip, s.Header = true, http.Header{"X-Key": {"k"}} })
	flow(to.Tracer(), "")
	webhooktest.Eventually(t, "the spans arrive", func() bool { return len(c.Spans("")) == 5 })
	requests, _ := c.Requests()
	if len(requests) < 3 || requests[0].Get("X-Key") != "k" || requests[0].Get("Content-Encoding") != "gzip" {
		t.Errorf("%d requests: %v", len(requests), requests[0])
	}
	c.Refuse(http.StatusBadRequest)
	flow(to.Tracer(), "")
	webhooktest.Eventually(t, "it is refused", func() bool {
		now, _ := c.Requests()
		return len(now) > len(requests)
	})
	flow(to.Tracer(), "")
	// Those that were refused are lost: a whole flow, or, if its batch began in the middle of it, a part.
	webhooktest.Eventually(t, "the spans behind arrive", func() bool { return len(c.Spans("")) >= 10 })
	if n := len(c.Spans("")); n >= 15 {
		t.Errorf("%d spans arrived, also those that were refused", n)
	}
}

// Whatever the collector does, spans wait for nobody, and Close ends within three seconds.
func TestBadCollectors(t *testing.T) {
	hanging := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hanging:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(hanging); hangs.Close() })
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	drips := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(drips.Close)
	for name, at := range map[string]string{"hangs": hangs.URL, "drips": drips.URL, "refuses": "http://" + webhooktest.Refusing(t), "accepts nothing": "http://" + silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := open(t, at, nil)
			began := time.Now()
			for range 10_000 { // more than the queue takes
				flow(to.Tracer(), "")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("the spans took %v", took)
			}
			began = time.Now()
			to.Close(t.Context())
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

// Of every span it is counted whether it was sent, was dropped because too many waited, or failed. The log says how many were dropped, in few lines.
func TestSpansAreCounted(t *testing.T) {
	c := webhooktest.NewCollector(t)
	held := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-held
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	var log bytes.Buffer
	to := openLogging(t, &log, slow.URL, func(s *config.Tracing) { s.QueueSize, s.BatchSize = 10, 5 })
	for range 20 { // of five spans each
		flow(to.Tracer(), "")
	}
	if is, want := to.Stats(), (export.Stats{Dropped: 90}); is != want {
		t.Errorf("while the collector hangs: %+v, want %+v", is, want)
	}
	close(held)
	webhooktest.Eventually(t, "those that waited are sent", func() bool { return to.Stats().Sent == 10 && len(c.Spans("")) == 10 })
	c.Refuse(http.StatusBadRequest)
	flow(to.Tracer(), "")
	webhooktest.Eventually(t, "a batch fails", func() bool { is := to.Stats(); return is.Failed > 0 && is.Sent+is.Failed == 15 })
	to.Close(t.Context())
	if is := to.Stats(); is.Dropped != 90 || is.Sent != int64(len(c.Spans(""))) {
		t.Errorf("at the end: %+v", is)
	}
	if n := strings.Count(log.String(), "more spans end than can be sent"); n != 1 || !strings.Contains(log.String(), "some are dropped\" spans=90") {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

// Tracing that is off allocates nothing, changes nothing that an event keeps, and starts nothing.
func TestOffCostsNothing(t *testing.T) {
	to, err := export.Open(t.Context(), export.Options{})
	if to != nil || to.Tracer() != nil || to.Stats() != (export.Stats{}) || err != nil {
		t.Fatal(to, err)
	}
	off := to.Tracer()
	d, e, a := &webhook.Delivery{}, &webhook.Event{}, &webhook.Attempt{}
	fault := errors.New("a fault")
	if n := testing.AllocsPerRun(100, func() {
		s, kept := off.Publish(parent, webhook.ID{}, 1)
		if s != nil || kept != parent || s.TraceParent() != "" {
			t.Errorf("%v %v", s, kept)
		}
		s.Published(1, nil, fault)
		off.Commit(time.Time{}, nil, nil, fault)
		s = off.Attempt(d, e, nil)
		s.Attempted(a)
		s.Unmade("x")
		s = s.Record()
		s.Recorded(fault)
		to.Close(t.Context())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
