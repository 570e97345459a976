// Package export sends the spans of package tracing to the operator's collector (OTLP over HTTP), as OpenTelemetry's variables say. Nothing here is
// global, nor reads the environment.
package export

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
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Exporter sends what its tracer records. Nil sends nothing: traces are off.
type Exporter struct {
	tracer   *tracing.Tracer
	provider *sdk.TracerProvider
	client   *client
	queue    *queue
}

// Tracer returns the tracer whose spans are sent; nil if traces are off.
func (e *Exporter) Tracer() *tracing.Tracer {
	if e == nil {
		return nil
	}
	return e.tracer
}

// Stats counts spans by their result so far; none if traces are off.
func (e *Exporter) Stats() Stats {
	if e == nil {
		return Stats{}
	}
	return Stats{Sent: e.client.sent.Load(), Dropped: e.queue.dropped.Load(), Failed: e.client.failed.Load()}
}

// Options are what a Tracer needs. All fields are required, except that Settings may be nil: then traces are off.
type Options struct {
	Settings      *config.Tracing
	Version, Host string // of this process
	Logger        *slog.Logger
}

// Open starts what sends spans. The result is nil if traces are off. It does not wait for the collector.
func Open(ctx context.Context, o Options) (*Exporter, error) {
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
	q := &queue{log: o.Logger, limit: int64(s.QueueSize)}
	batches := sdk.NewBatchSpanProcessor(exit{exporter, q}, sdk.WithMaxQueueSize(s.QueueSize), sdk.WithMaxExportBatchSize(s.BatchSize),
		sdk.WithBatchTimeout(s.Delay), sdk.WithExportTimeout(s.ExportTimeout))
	provider := sdk.NewTracerProvider(
		sdk.WithResource(of), sdk.WithSampler(linked{sampler(s)}), sdk.WithRawSpanLimits(limits), sdk.WithSpanProcessor(entrance{batches, q}),
	)
	o.Logger.InfoContext(ctx, "traces are sent", slog.String("to", c.shown), slog.String("sampler", s.Sampler), slog.String("service", s.Resource["service.name"]))
	tracer := provider.Tracer("github.com/hookgraph/hookgraph", trace.WithInstrumentationVersion(o.Version))
	return &Exporter{tracer: tracing.New(tracer), provider: provider, client: c, queue: q}, nil
}

// limits are those of a span. Its texts are bounded where they come from.
var limits = sdk.SpanLimits{
	AttributeValueLengthLimit: 4096, AttributeCountLimit: 64, EventCountLimit: 8, LinkCountLimit: tracing.MaxLinks, AttributePerEventCountLimit: 8, AttributePerLinkCountLimit: 8,
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
func (e *Exporter) Close(ctx context.Context) {
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	stop := context.AfterFunc(ctx, e.client.end) // then what is being sent fails, and so does the rest
	defer stop()
	_ = e.provider.Shutdown(context.WithoutCancel(ctx)) // the client has told what it could not send
	e.client.end()
	e.queue.tell(ctx, true)
}
