package webhooktest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span that a collector has received. Ids are in hexadecimal; Parent is "" if it has none.
type Span struct {
	*tracepb.Span

	Trace, ID, Parent string
	Links             []string // the ids of the spans that it is linked to
}

// Attribute returns the text of an attribute, or its number; nil if it has none of this name.
func (s *Span) Attribute(name string) any {
	for _, a := range s.Attributes {
		if a.Key == name {
			if text := a.Value.GetStringValue(); text != "" {
				return text
			}
			return a.Value.GetIntValue()
		}
	}
	return nil
}

// Collector is a collector of traces, as OpenTelemetry's, on loopback.
type Collector struct {
	URL string

	mu       sync.Mutex // guards the rest
	spans    []*Span
	headers  []http.Header
	resource map[string]string // of the last batch
	refuse   []int             // statuses for the next requests
}

// NewCollector starts a collector, which the end of the test stops.
func NewCollector(tb testing.TB) *Collector {
	tb.Helper()
	c := &Collector{}
	s := httptest.NewServer(c)
	tb.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

// Refuse has the next requests answered with the statuses.
func (c *Collector) Refuse(statuses ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = statuses
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header)
	if len(c.refuse) > 0 {
		w.WriteHeader(c.refuse[0])
		c.refuse = c.refuse[1:]
		return
	}
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		from = z
	}
	body, err := io.ReadAll(from)
	var batch tracepb.TracesData
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &batch) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, of := range batch.ResourceSpans {
		c.resource = map[string]string{}
		for _, a := range of.Resource.Attributes {
			c.resource[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range of.ScopeSpans {
			for _, is := range scope.Spans {
				s := &Span{Span: is, Trace: hex.EncodeToString(is.TraceId), ID: hex.EncodeToString(is.SpanId), Parent: hex.EncodeToString(is.ParentSpanId)}
				for _, l := range is.Links {
					s.Links = append(s.Links, hex.EncodeToString(l.SpanId))
				}
				c.spans = append(c.spans, s)
			}
		}
	}
}

// Spans returns what has been received with a name; "" means all.
func (c *Collector) Spans(name string) []*Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s *Span) bool { return name != "" && s.Name != name })
}

// Requests returns the headers of the requests so far, and what the last batch says of its sender.
func (c *Collector) Requests() ([]http.Header, map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.headers), c.resource
}
