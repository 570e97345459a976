package webhook

import (
	"errors"
	"strings"
	"testing"
)

// An external id is a short printable text, and metadata a JSON object of limited size, stored without white space; anything else
// is refused with the field's name.
func TestOwnersData(t *testing.T) {
	for metadata, want := range map[string]string{
		`{}`: `{}`, ` {"a" : [1, "b c"] } `: `{"a":[1,"b c"]}`, `{"n":1.0}`: `{"n":1.0}`, "null": "", " null ": "", "": "",
		`{"a":"` + strings.Repeat("x", MaxMetadataBytes-8) + `"}`: `{"a":"` + strings.Repeat("x", MaxMetadataBytes-8) + `"}`,
	} {
		w := Webhook{URL: "https://example.com/", Metadata: JSONText([]byte(metadata))}
		w.Normalize()
		if err := w.Check(); err != nil || want == "" && w.Metadata != nil || want != "" && *w.Metadata != want {
			t.Errorf("%.40q: %v %v", metadata, w.Metadata, err)
		}
	}
	for metadata, code := range map[string]Code{
		`[]`: CodeInvalid, `1`: CodeInvalid, `"x"`: CodeInvalid, `{`: CodeInvalid, "{\"a\":\"\xff\"}": CodeInvalid, `{"a":1}{"b":2}`: CodeInvalid,
		`{"a":"` + strings.Repeat("x", MaxMetadataBytes-7) + `"}`:           CodeTooLong,
		`{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: CodeInvalid,
		strings.Repeat(" ", 5*MaxMetadataBytes) + `{}`:                      CodeTooLong,
	} {
		w := Webhook{URL: "https://example.com/", Metadata: JSONText([]byte(metadata))}
		w.Normalize()
		if e, ok := errors.AsType[*Invalid](w.Check()); !ok || e.Code != code || e.Field != "metadata" {
			t.Errorf("%.40q: %v", metadata, e)
		}
	}
	for id, code := range map[string]Code{
		"x": "", strings.Repeat("x", 255): "", "Bestellung 7 é": "", "": CodeRequired, strings.Repeat("x", 256): CodeTooLong, "a\x00": CodeInvalid, "\xff": CodeInvalid,
	} {
		w := Webhook{URL: "https://example.com/", ExternalID: &id}
		w.Normalize()
		if e, ok := errors.AsType[*Invalid](w.Check()); ok != (code != "") || ok && (e.Code != code || e.Field != "externalId") {
			t.Errorf("%.40q: %v", id, e)
		}
	}
}

// SameSettings compares what the owner set, disabling included, not what the server changed.
func TestSameSettings(t *testing.T) {
	reason := func(r DisabledReason) *DisabledReason { return &r }
	on := &Webhook{URL: "u", Enabled: true}
	if failing := (&Webhook{URL: "u", DisabledReason: reason(DisabledFailing)}); !on.SameSettings(failing) {
		t.Error("a webhook that the server disabled has other settings")
	}
	if off := (&Webhook{URL: "u", DisabledReason: reason(DisabledManual)}); on.SameSettings(off) {
		t.Error("a webhook that its owner disabled has the same settings")
	}
	if on.SameSettings(&Webhook{URL: "u", Enabled: true, RetryScheduleMs: []int{}}) {
		t.Error("no retries are the server's schedule")
	}
}
