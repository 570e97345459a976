package webhook

import (
	"net/http"
	"strings"
	"testing"
)

// The rules that need no HTTP: number, size, unique names, and a value that is given or kept.
func TestSetHeaders(t *testing.T) {
	value := func(s string) *string { return &s }
	many := make([]*NewHeader, MaxHeaders+1)
	for i := range many {
		many[i] = &NewHeader{Name: "X" + strings.Repeat("a", i), Value: value("")}
	}
	for name, tt := range map[string]struct {
		set  []*NewHeader
		want string // "": accepted
	}{
		"as many as may be": {many[:MaxHeaders], ""},
		"one too many":      {many, "headers TOO_MANY"},
		"too large":         {[]*NewHeader{{Name: "A", Value: value(strings.Repeat("x", 5000))}, {Name: "B", Value: value(strings.Repeat("x", 5000))}}, "headers TOO_LONG"},
		"twice":             {[]*NewHeader{{Name: "x-a", Value: value("")}, {Name: "X-A", Value: value("")}}, "headers.1.name INVALID"},
		"no name":           {[]*NewHeader{{Value: value("")}}, "headers.0.name REQUIRED"},
		"no value":          {[]*NewHeader{{Name: "X-A"}}, "headers.0.value REQUIRED"},
		"kept":              {[]*NewHeader{{Name: "X-Old"}}, ""},
	} {
		_, err := SetHeaders([]*CustomHeader{{Name: "X-Old", Value: "v"}}, tt.set)
		got := ""
		if all := Invalids(err); len(all) > 0 {
			got = all[0].Field + " " + string(all[0].Code)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// A sensitive value that is kept stays sensitive: otherwise those who can change a webhook could read it.
func TestSensitiveStaysSo(t *testing.T) {
	got, err := SetHeaders([]*CustomHeader{{Name: "X-Key", Value: "v", Sensitive: true}}, []*NewHeader{{Name: "x-key"}})
	if err != nil || got[0].Shown() != nil || got[0].Value != "v" {
		t.Errorf("%+v, %v", got, err)
	}
	if block := RecordedHeaders(got); block != "X-Key: [redacted]\r\n" {
		t.Errorf("recorded as %q", block)
	}
}

// Headers that are defined to contain credentials are never shown, even if they are not marked sensitive.
func TestCredentialsAreSensitive(t *testing.T) {
	value := "v"
	for name, want := range map[string]bool{"authorization": true, "Cookie": true, "X-Cookie": false} {
		got, err := SetHeaders(nil, []*NewHeader{{Name: name, Value: &value}})
		if err != nil || got[0].Sensitive != want || (got[0].Shown() == nil) != want || strings.Contains(string(RecordedHeaders(got)), Redacted) != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// No byte of a receiver's header is lost, whether it is UTF-8 or not.
func TestHeaderBytesAreKept(t *testing.T) {
	for given, want := range map[string]string{"caf\xe9 \xff": "caf\u00e9 \u00ff", "caf\u00e9": "caf\u00e9", "\xc3\x28": "\u00c3("} {
		if got := NewHeaderBlock(http.Header{"X": {given}}); got != HeaderBlock("X: "+want+"\r\n") {
			t.Errorf("%q is kept as %q, want %q", given, got, want)
		}
	}
}
