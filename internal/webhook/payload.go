package webhook

import (
	"encoding/json"
	"slices"
	"strings"
)

// PayloadFormat is a form in which requests carry an event.
type PayloadFormat string

// The formats.
const (
	PayloadStandard          PayloadFormat = "STANDARD"           // type, timestamp and data (Standard Webhooks)
	PayloadCloudEvents       PayloadFormat = "CLOUDEVENTS"        // CloudEvents 1.0, structured content mode
	PayloadCloudEventsBinary PayloadFormat = "CLOUDEVENTS_BINARY" // CloudEvents 1.0, binary content mode
	PayloadTemplate          PayloadFormat = "TEMPLATE"           // a template of the owner's
)

// PayloadFormats are all of them.
var PayloadFormats = []PayloadFormat{PayloadStandard, PayloadCloudEvents, PayloadCloudEventsBinary, PayloadTemplate}

// Bounds of a payload's settings. Package payload has those of templates and fields.
const (
	MaxTemplateBytes = 16 << 10 // compacted
	MaxIncludeFields = 50
)

// Payload says what the requests of a webhook carry. Package payload compiles it. A stored one never changes: other settings are another version.
type Payload struct {
	Format PayloadFormat `json:"format"`
	// IncludeFields are the paths of those parts of the event's data that are sent. Nil: all of it.
	IncludeFields []string `json:"include_fields,omitempty"`
	// Template is JSON, compacted; nil unless Format is PayloadTemplate.
	Template *string `json:"template,omitempty"`
}

// Normal returns the settings as they are stored: nil if they are the default, the format STANDARD with all data.
func (p *Payload) Normal() *Payload {
	if p == nil {
		return nil
	}
	n := *p
	if n.Format == "" {
		n.Format = PayloadStandard
	}
	n.Template = compact(n.Template, MaxTemplateBytes)
	if len(n.IncludeFields) == 0 {
		n.IncludeFields = nil
	}
	if n.Format == PayloadStandard && n.IncludeFields == nil && n.Template == nil {
		return nil
	}
	return &n
}

// Same reports whether two normal settings are equal.
func (p *Payload) Same(o *Payload) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.Format == o.Format && slices.Equal(p.IncludeFields, o.IncludeFields) && alike(p.Template, o.Template)
}

// CheckHeaders refuses custom headers that name what the format sends in headers. The error is an *Invalid, or nil.
func (p *Payload) CheckHeaders(headers []*CustomHeader) error {
	if p == nil || p.Format != PayloadCloudEventsBinary {
		return nil
	}
	for i, h := range headers {
		if strings.HasPrefix(strings.ToLower(h.Name), "ce-") {
			return Invalidf(headerField(i, "name"), CodeNotAllowed, "must not begin with ce-, because the payload's format %s sets these headers", p.Format)
		}
	}
	return nil
}

// audited returns the settings as the audit log shows them, under the API's names; nil for the default.
func (p *Payload) audited() any {
	if p == nil {
		return nil
	}
	is := struct {
		Format        PayloadFormat   `json:"format"`
		IncludeFields []string        `json:"includeFields,omitempty"`
		Template      json.RawMessage `json:"template,omitempty"`
	}{Format: p.Format, IncludeFields: p.IncludeFields}
	if p.Template != nil {
		is.Template = json.RawMessage(*p.Template)
	}
	return is
}
