// Package tracing records what happens to an event as spans of OpenTelemetry. It decides which spans there are and what they say: ids and outcomes,
// never payloads, headers or secrets. Package export sends them. A nil *Tracer is tracing that is off: its methods may be called, and cost nothing.
package tracing

import "go.opentelemetry.io/otel/trace"

// Tracer makes spans. Nil makes none.
type Tracer struct{ tracer trace.Tracer }

// New returns a Tracer that makes spans by another.
func New(by trace.Tracer) *Tracer { return &Tracer{by} }

// MaxLinks bounds the links of a span: a transaction may have thousands of calls.
const MaxLinks = 128
