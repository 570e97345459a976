// Package tracing records what happens to an event as spans of OpenTelemetry, and sends them to the operator's collector (OTLP over HTTP). It
// decides which spans there are and what they say: ids and outcomes, never payloads, headers or secrets. A nil *Tracer is tracing that is off:
// its methods may be called, and cost nothing. Nothing here is global, nor reads the environment.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tracer makes spans. Nil makes none.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
	client   *client
}

// Options are what a Tracer needs. All fields are required, except that Settings may be nil: then traces are off.
type Options struct {
	Settings      *config.Tracing
	Version, Host string // of this process
	Logger        *slog.Logger
}

// Open starts what sends spans. The result is nil if traces are off. It does not wait for the collector.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	s := o.Settings
	if s == nil {
		return nil, nil
	}
	c, err := newClient(s, o)
	if err != nil {
		return nil, err
	}
	of, err := describe(ctx, o)
	if err != nil {
		return nil, err
	}
	exporter := otlptrace.NewUnstarted(c)
	if err := exporter.Start(ctx); err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(of),
		sdk.WithSampler(linked{sampler(s)}),
		sdk.WithRawSpanLimits(limits),
		sdk.WithBatcher(exporter, sdk.WithMaxQueueSize(s.QueueSize), sdk.WithMaxExportBatchSize(s.BatchSize), sdk.WithBatchTimeout(s.Delay), sdk.WithExportTimeout(s.ExportTimeout)),
	)
	o.Logger.InfoContext(ctx, "traces are sent", slog.String("to", c.shown), slog.String("sampler", s.Sampler), slog.String("service", s.Resource["service.name"]))
	return &Tracer{tracer: provider.Tracer("github.com/hookgraph/hookgraph", trace.WithInstrumentationVersion(o.Version)), provider: provider, client: c}, nil
}

// maxLinks bounds the links of a span: a transaction may have thousands of calls.
const maxLinks = 128

// limits are those of a span. Its texts are bounded where they come from.
var limits = sdk.SpanLimits{
	AttributeValueLengthLimit: 4096, AttributeCountLimit: 64, EventCountLimit: 8, LinkCountLimit: maxLinks, AttributePerEventCountLimit: 8, AttributePerLinkCountLimit: 8,
}

// describe returns what all spans of the process say of it.
func describe(ctx context.Context, o Options) (*resource.Resource, error) {
	about := map[string]string{"service.version": o.Version, "service.instance.id": webhook.NewID(time.Now()).String()}
	if o.Host != "" {
		about["host.name"] = o.Host
	}
	maps.Copy(about, o.Settings.Resource) // the operator's win
	attributes := make([]attribute.KeyValue, 0, len(about))
	for name, value := range about {
		attributes = append(attributes, attribute.String(name, value))
	}
	is, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attributes...))
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return is, nil
}

// sampler is the one that the operator has chosen.
func sampler(s *config.Tracing) sdk.Sampler {
	name, byParent := strings.CutPrefix(s.Sampler, config.ParentBased)
	var root sdk.Sampler
	switch name {
	case config.AlwaysOff:
		root = sdk.NeverSample()
	case config.ByRatio:
		root = sdk.TraceIDRatioBased(s.Ratio)
	default:
		root = sdk.AlwaysSample()
	}
	if byParent {
		return sdk.ParentBased(root)
	}
	return root
}

// linked samples what has no parent but links, which are all to sampled spans: a transaction is recorded with the calls and attempts that are.
type linked struct{ sdk.Sampler }

// ShouldSample implements sdk.Sampler.
func (l linked) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if len(p.Links) > 0 && !trace.SpanContextFromContext(p.ParentContext).IsValid() {
		return sdk.AlwaysSample().ShouldSample(p)
	}
	return l.Sampler.ShouldSample(p)
}

// closing is how long Close sends what waits.
const closing = 3 * time.Second

// Close sends the spans that wait, for a few seconds at most, and ends.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	stop := context.AfterFunc(ctx, t.client.end) // then what is being sent fails, and so does the rest
	defer stop()
	_ = t.provider.Shutdown(context.WithoutCancel(ctx)) // the client has told what it could not send
	t.client.end()
}
