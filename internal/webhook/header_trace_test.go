package webhook

import (
	"net/http"
	"strings"
	"testing"
)

// A traceparent is read as W3C Trace Context, section 3.2, says: what is not valid is no trace, flags other than the sampled one are dropped, and of
// later versions what is known is read.
func TestReadTraceParent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for field, want := range map[string]TraceParent{
		"00-" + trace + "-" + span + "-01":                        "00-" + trace + "-" + span + "-01",
		"00-" + trace + "-" + span + "-00":                        "00-" + trace + "-" + span + "-00",
		"00-" + trace + "-" + span + "-ff":                        "00-" + trace + "-" + span + "-01",
		"00-" + trace + "-" + span + "-0a":                        "00-" + trace + "-" + span + "-00",
		"cc-" + trace + "-" + span + "-01":                        "00-" + trace + "-" + span + "-01",
		"cc-" + trace + "-" + span + "-01-what-the-future-brings": "00-" + trace + "-" + span + "-01",
		"cc-" + trace + "-" + span + "-01.what":                   "",
		"00-" + trace + "-" + span + "-01-more":                   "",
		"ff-" + trace + "-" + span + "-01":                        "",
		"00-" + strings.ToUpper(trace) + "-" + span + "-01":       "",
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01":      "",
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01":     "",
		"00-" + trace + "-" + span + "-0":                         "",
		"00_" + trace + "-" + span + "-01":                        "",
		"0x-" + trace + "-" + span + "-01":                        "",
		"":                                                        "",
	} {
		if got := ReadTraceParent(field); got != want {
			t.Errorf("%q is read as %q; want %q", field, got, want)
		} else if got.Sampled() != strings.HasSuffix(string(want), "1") {
			t.Errorf("%q: sampled is %t", field, got.Sampled())
		}
	}
}

// A request has a trace if it has one such field: of several none is right.
func TestTraceParentOf(t *testing.T) {
	const field = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for n, want := range []TraceParent{"", field, ""} {
		header := http.Header{}
		for range n {
			header.Add("traceparent", field)
		}
		if got := TraceParentOf(header); got != want {
			t.Errorf("of %d fields: %q", n, got)
		}
	}
}

// Whatever is read is valid, and read again is the same.
func FuzzReadTraceParent(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")
	f.Fuzz(func(t *testing.T, field string) {
		is := ReadTraceParent(field)
		if is != "" && (len(is) != TraceParentBytes || ReadTraceParent(string(is)) != is) {
			t.Errorf("%q is read as %q", field, is)
		}
	})
}
