package webhook

import "net/http"

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
