package export

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Stats counts the spans that were to be sent since the start.
type Stats struct {
	Sent    int64 // the collector took them
	Dropped int64 // as many waited as may when they ended
	Failed  int64 // the collector did not take them in time, or refused them
}

// queue bounds the spans that wait, those that are being sent included, and counts the others, which the library drops without a word. It stands on
// both sides of the library's queue, which it keeps from being full.
type queue struct {
	log     *slog.Logger
	limit   int64
	waiting atomic.Int64
	dropped atomic.Int64

	mu     sync.Mutex // guards the rest
	told   int64      // of dropped
	toldAt time.Time
}

// tellAgain is how often the log says that spans are dropped.
const tellAgain = time.Minute

// tell logs how many spans were dropped since it last did; at most once a minute, unless this is the end.
func (q *queue) tell(ctx context.Context, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped.Load()
	if now := time.Now(); n > q.told && (end || now.Sub(q.toldAt) >= tellAgain) {
		q.log.WarnContext(ctx, "more spans end than can be sent; some are dropped", slog.Int64("spans", n-q.told))
		q.told, q.toldAt = n, now
	}
}

// entrance is where spans come in.
type entrance struct {
	sdk.SpanProcessor

	of *queue
}

// OnEnd implements sdk.SpanProcessor.
func (e entrance) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if e.of.waiting.Add(1) > e.of.limit {
		e.of.waiting.Add(-1)
		e.of.dropped.Add(1)
		return
	}
	e.SpanProcessor.OnEnd(s)
}

// exit is where they leave in batches.
type exit struct {
	sdk.SpanExporter

	of *queue
}

// ExportSpans implements sdk.SpanExporter. What is dropped is logged from here, as nothing waits for it.
func (e exit) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	defer func() {
		e.of.waiting.Add(-int64(len(spans)))
		e.of.tell(ctx, false)
	}()
	return e.SpanExporter.ExportSpans(ctx, spans)
}
