package tracing

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Span is a part of a trace that is recorded. Nil is one that is not; its methods may be called.
type Span struct {
	of   *Tracer
	span trace.Span
}

// TraceParent is the span's position, for what is caused by it; "" if it is not recorded.
func (s *Span) TraceParent() webhook.TraceParent {
	if s == nil {
		return ""
	}
	return position(s.span.SpanContext())
}

func position(c trace.SpanContext) webhook.TraceParent {
	sampled := "00"
	if c.IsSampled() {
		sampled = "01"
	}
	return webhook.TraceParent("00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + sampled)
}

// below returns a context whose spans are caused by another process, or earlier, at that position; "" means by nothing.
func below(at webhook.TraceParent) context.Context {
	ctx := context.Background()
	if len(at) != webhook.TraceParentBytes {
		return ctx
	}
	id, badTrace := trace.TraceIDFromHex(string(at[3:35]))
	span, badSpan := trace.SpanIDFromHex(string(at[36:52]))
	if badTrace != nil || badSpan != nil {
		return ctx
	}
	is := trace.SpanContextConfig{TraceID: id, SpanID: span, Remote: true}
	if at.Sampled() {
		is.TraceFlags = trace.FlagsSampled
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(is))
}

// start starts a span, unless the sampler does not want it; then is is where a span would have been.
func (t *Tracer) start(ctx context.Context, name string, with ...trace.SpanStartOption) (s *Span, is trace.SpanContext) {
	_, span := t.tracer.Start(ctx, name, with...)
	if !span.IsRecording() {
		return nil, span.SpanContext()
	}
	return &Span{of: t, span: span}, span.SpanContext()
}

// fail says that what the span is about failed, by a code.
func (s *Span) fail(code string) {
	s.span.SetAttributes(attribute.String("error.type", code))
	s.span.SetStatus(codes.Error, code)
}

// Publish starts the span of a call that publishes a number of events of a tenant. parent is the caller's. kept is what the events keep: the span's
// position if it is recorded, or else the caller's; without that it says that the trace is not recorded, so that no attempt is either.
func (t *Tracer) Publish(parent webhook.TraceParent, tenant webhook.ID, events int) (s *Span, kept webhook.TraceParent) {
	if t == nil {
		return nil, parent
	}
	s, is := t.start(below(parent), "publish", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("hookgraph.tenant.id", tenant.String()),
		attribute.Int("hookgraph.publish.events", events),
	))
	if s == nil && parent != "" {
		return nil, parent
	}
	return s, position(is)
}

// Published ends the span of a call that published. stored is how many events it stored, and only is their one event's id, if the call had one.
func (s *Span) Published(stored int, only *webhook.ID, err error) {
	if s == nil {
		return
	}
	s.span.SetAttributes(attribute.Int("hookgraph.publish.stored", stored))
	if only != nil {
		s.span.SetAttributes(attribute.String("hookgraph.event.id", only.String()))
	}
	invalid, isInvalid := errors.AsType[*webhook.Invalid](err)
	switch {
	case err == nil:
	case isInvalid:
		s.span.SetAttributes(attribute.String("error.type", string(invalid.Code))) // the caller's fault
	case errors.Is(err, webhook.ErrBusy):
		s.fail("BUSY")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.fail("CANCELED")
	default:
		s.fail("UNAVAILABLE")
	}
	s.span.End()
}

// Commit records a transaction that began at a time and has ended, with what it wrote for other spans: calls that published, and results that were to
// be recorded. It links them to each other; if there are very many, only the first of them from its side.
func (t *Tracer) Commit(started time.Time, calls, results []*Span, err error) {
	if t == nil || len(calls)+len(results) == 0 {
		return
	}
	links := make([]trace.Link, 0, MaxLinks)
	for _, list := range [][]*Span{calls, results} {
		for _, s := range list[:min(len(list), MaxLinks-len(links))] {
			links = append(links, trace.Link{SpanContext: s.span.SpanContext()})
		}
	}
	commit, is := t.start(context.Background(), "commit", trace.WithTimestamp(started), trace.WithLinks(links...), trace.WithAttributes(
		attribute.Int("hookgraph.commit.calls", len(calls)),
		attribute.Int("hookgraph.commit.results", len(results)),
	))
	if commit == nil {
		return
	}
	for _, list := range [][]*Span{calls, results} {
		for _, s := range list {
			s.span.AddLink(trace.Link{SpanContext: is})
		}
	}
	if err != nil {
		commit.fail("UNAVAILABLE")
	}
	commit.span.End()
}

// Attempt starts the span of an attempt of a delivery of the event, to a URL that may be nil. It is below what published the event.
func (t *Tracer) Attempt(d *webhook.Delivery, e *webhook.Event, to *url.URL) *Span {
	if t == nil {
		return nil
	}
	at := webhook.TraceParent("")
	if e.Traceparent != nil {
		at = *e.Traceparent
	}
	about := []attribute.KeyValue{
		attribute.String("http.request.method", "POST"),
		attribute.String("hookgraph.tenant.id", d.TenantID.String()),
		attribute.String("hookgraph.webhook.id", d.WebhookID.String()),
		attribute.String("hookgraph.delivery.id", d.ID.String()),
		attribute.String("hookgraph.event.id", d.EventID.String()),
		attribute.String("hookgraph.event.type", e.Type),
		attribute.Int("hookgraph.attempt.number", d.AttemptCount+1),
		attribute.String("hookgraph.attempt.trigger", string(d.Trigger)),
	}
	if to != nil {
		// A URL's user name, password, query and fragment may be secrets.
		full := url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path, RawPath: to.RawPath}
		port, err := strconv.Atoi(to.Port())
		if err != nil {
			port = map[string]int{"http": 80, "https": 443}[to.Scheme]
		}
		about = append(about, attribute.String("url.full", full.String()), attribute.String("server.address", to.Hostname()), attribute.Int("server.port", port))
	}
	s, _ := t.start(below(at), "attempt", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	return s
}

// Attempted ends the span of an attempt that is to be recorded.
func (s *Span) Attempted(a *webhook.Attempt) {
	if s == nil {
		return
	}
	if a.ResponseStatus != nil {
		s.span.SetAttributes(attribute.Int("http.response.status_code", *a.ResponseStatus))
	}
	if a.Error != nil {
		s.fail(string(*a.Error))
	}
	s.span.End()
}

// Unmade ends the span of an attempt that was not made, or did not come to its end, and is not recorded. code says why.
func (s *Span) Unmade(code string) {
	if s == nil {
		return
	}
	s.fail(code)
	s.span.End()
}

// Record starts the span of recording an attempt, below the attempt's.
func (s *Span) Record() *Span {
	if s == nil {
		return nil
	}
	record, _ := s.of.start(trace.ContextWithSpanContext(context.Background(), s.span.SpanContext()), "record")
	return record
}

// Recorded ends the span of recording an attempt.
func (s *Span) Recorded(err error) {
	if s == nil {
		return
	}
	if err != nil {
		s.fail("UNAVAILABLE")
	}
	s.span.End()
}
