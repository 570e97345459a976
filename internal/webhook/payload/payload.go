// Package payload makes the body of a request from an event: the standard one, a CloudEvent, or what a template says. Settings are compiled
// once. Rendering copies bytes of the event, without building values, so that numbers keep their spelling; it takes time linear in the length
// of the event's data and of the body, which is bounded, and cannot loop or call anything.
//
// A template is JSON. In its strings stand placeholders like {{ data.name | default 'x' }}; docs/payloads.md describes them.
package payload

import (
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of settings, and of what they make.
const (
	MaxDepth        = 20  // arrays and objects of a template
	MaxPlaceholders = 200 // of a template
	MaxSteps        = 10  // of a path
	MaxPathBytes    = 512
	MaxIndex        = 9999 // of an array's element
	// MaxBytes bounds the body that a template makes, unless the event's data is about as long itself: MaxBody.
	MaxBytes = 1 << 20
)

// Payload is compiled settings. It is immutable, and safe for concurrent use.
type Payload struct {
	format  webhook.PayloadFormat
	include *node // nil: all of the data
	root    *node // the paths of the template, from the event
	nodes   int   // of the template, the root included
	parts   []part
	size    int
}

// Size returns about how much memory it holds, in bytes.
func (p *Payload) Size() int { return p.size }

// Body is what a request carries.
type Body struct {
	Bytes       []byte
	ContentType string
	Headers     []webhook.Header // that the format wants besides; safe to send
}

// Content types of bodies.
const (
	TypeJSON        = "application/json"
	TypeCloudEvents = "application/cloudevents+json"
)

// Render returns the body for an event; nil settings make the standard one. For a template it calls room, if that is not nil, with the length
// of the body before it allocates that: other bodies are about as long as the event. Errors: *TooLong, and those of room.
func (p *Payload) Render(e *webhook.Event, room func(bytes int) error) (Body, error) {
	if p == nil {
		return Body{Bytes: e.AppendBody(make([]byte, 0, len(e.Data)+len(e.Type)+80)), ContentType: TypeJSON}, nil
	}
	e = p.reduced(e)
	switch p.format {
	case webhook.PayloadCloudEvents:
		return Body{Bytes: structured(e), ContentType: TypeCloudEvents}, nil
	case webhook.PayloadCloudEventsBinary:
		// The body is a copy: the transport may read it after the event has been released.
		return Body{Bytes: append(make([]byte, 0, len(e.Data)), e.Data...), ContentType: TypeJSON, Headers: ceHeaders(e)}, nil
	case webhook.PayloadTemplate:
		b, err := p.fill(e, room)
		return Body{Bytes: b, ContentType: TypeJSON}, err
	}
	return (*Payload)(nil).Render(e, nil)
}

// Check returns *TooLong if the body for an event would be too long, without making it.
func (p *Payload) Check(e *webhook.Event) error {
	if p == nil || p.format != webhook.PayloadTemplate {
		return nil
	}
	_, _, err := p.measure(p.reduced(e))
	return err
}

// reduced returns an event with the parts of its data that are included.
func (p *Payload) reduced(e *webhook.Event) *webhook.Event {
	if p.include == nil {
		return e
	}
	r := *e
	r.Data = p.include.reduce(e.Data)
	return &r
}
