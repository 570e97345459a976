package webhook

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// Bounds of a webhook's custom headers.
const (
	MaxHeaders = 20
	// MaxHeadersBytes bounds all names and values together: they are kept with every attempt, and receivers refuse more.
	MaxHeadersBytes = 8 << 10
)

// CustomHeader is a tenant's header field that is sent with every request of a webhook.
type CustomHeader struct {
	Name  string `json:"name"` // in canonical form (X-Api-Key)
	Value string `json:"value"`
	// Sensitive: Value is never shown. It is redacted in recorded attempts, and absent in all reads.
	Sensitive bool `json:"sensitive,omitempty"`
}

// Shown returns the value; nil if it is sensitive.
func (h *CustomHeader) Shown() *string {
	if h.Sensitive {
		return nil
	}
	return &h.Value
}

// NewHeader is a custom header as a caller sets it.
type NewHeader struct {
	Name string
	// Value nil keeps the current value of this header: callers cannot read that of a sensitive one.
	Value     *string
	Sensitive bool
}

// alwaysSensitive are headers that hold credentials by definition.
var alwaysSensitive = map[string]bool{"Authorization": true, "Cookie": true}

// SetHeaders returns a webhook's headers from its old ones and what a caller sets, and applies the rules that need no HTTP:
// their number, their total size, unique names, and that a sensitive value stays sensitive. egress.ValidateHeader checks the
// syntax of names and values.
func SetHeaders(old []*CustomHeader, set []*NewHeader) ([]*CustomHeader, error) {
	if len(set) > MaxHeaders {
		return nil, Invalidf("headers", CodeTooMany, "must have at most %d elements", MaxHeaders)
	}
	known := make(map[string]*CustomHeader, len(old))
	for _, h := range old {
		known[h.Name] = h
	}
	var errs []error
	size := 0
	seen := make(map[string]bool, len(set))
	var list []*CustomHeader
	for i, s := range set {
		name := textproto.CanonicalMIMEHeaderKey(s.Name)
		h := &CustomHeader{Name: name, Sensitive: s.Sensitive || alwaysSensitive[name]}
		before := known[name]
		switch {
		case s.Name == "":
			errs = append(errs, Invalidf(headerField(i, "name"), CodeRequired, "must be given"))
		case seen[name]:
			errs = append(errs, Invalidf(headerField(i, "name"), CodeInvalid, "must be given once"))
		case s.Value != nil:
			h.Value = *s.Value
		case before == nil:
			errs = append(errs, Invalidf(headerField(i, "value"), CodeRequired, "must be given: there is no header of this name yet"))
		default:
			h.Value = before.Value
			h.Sensitive = h.Sensitive || before.Sensitive // or the value could become readable
		}
		seen[name] = true
		size += len(h.Name) + len(h.Value)
		list = append(list, h)
	}
	if size > MaxHeadersBytes {
		errs = append(errs, Invalidf("headers", CodeTooLong, "must be at most %d bytes long in total", MaxHeadersBytes))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return list, nil
}

func headerField(i int, part string) string { return Index("headers", i) + "." + part }

// Redacted replaces a sensitive header's value in recorded attempts.
const Redacted = "[redacted]"

// RecordedHeaders returns custom headers as they are kept with an attempt: as sent, with sensitive values redacted.
func RecordedHeaders(headers []*CustomHeader) HeaderBlock {
	var b strings.Builder
	for _, h := range headers {
		value := h.Value
		if h.Sensitive {
			value = Redacted
		}
		b.WriteString(h.Name)
		b.WriteString(": ")
		b.WriteString(value)
		b.WriteString("\r\n")
	}
	return HeaderBlock(b.String())
}

// HeaderTraceparent is the header field that has a TraceParent.
const HeaderTraceparent = "Traceparent"

// TraceParentBytes is the length of a TraceParent.
const TraceParentBytes = 55

// TraceParent is a position in a distributed trace, as version 00 of the header field traceparent (W3C Trace Context) has it: 00-, the trace's id,
// -, the id of a part of it, and -00 or -01, which says whether it is sampled. "" is none.
type TraceParent string

// TraceParentOf reads the header of a request; "" unless it has one such field, and that is valid.
func TraceParentOf(header http.Header) TraceParent {
	fields := header[HeaderTraceparent]
	if len(fields) != 1 {
		return ""
	}
	return ReadTraceParent(fields[0])
}

// ReadTraceParent reads the header field; "" if that is not valid, in which case the specification wants a new trace. Of a version after 00 it reads
// what it has of 00.
func ReadTraceParent(field string) TraceParent {
	if len(field) < TraceParentBytes || len(field) > TraceParentBytes && (field[:2] == "00" || field[TraceParentBytes] != '-') {
		return ""
	}
	for i := range TraceParentBytes {
		c, dash := field[i], i == 2 || i == 35 || i == 52
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	if field[:2] == "ff" || zeros(field[3:35]) || zeros(field[36:52]) {
		return ""
	}
	sampled := "00"
	switch field[54] { // the lowest bit
	case '1', '3', '5', '7', '9', 'b', 'd', 'f':
		sampled = "01"
	}
	return TraceParent("00-" + field[3:53] + sampled)
}

func zeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

// Traceparent returns the trace that requests about the event belong to; "" if the webhook does not ask for it, or none is known.
func (w *Webhook) Traceparent(e *Event) TraceParent {
	if !w.SendTraceparent || e.Traceparent == nil {
		return ""
	}
	return *e.Traceparent
}

// Sampled reports whether whoever made it records the trace.
func (t TraceParent) Sampled() bool { return len(t) == TraceParentBytes && t[54] == '1' }
