package webhook

import (
	"testing"
	"time"
)

// A time is what RFC 3339 says and nothing that only looks like it; any offset is the same moment in UTC.
func TestParseTime(t *testing.T) {
	want := time.Date(2026, 4, 23, 10, 0, 0, 500, time.UTC)
	for _, s := range []string{"2026-04-23T10:00:00.0000005Z", "2026-04-23T12:00:00.0000005+02:00", "2026-04-23T09:30:00.000000500-00:30"} {
		if got, err := ParseTime(s); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "latest", "2026-04-23", "2026-04-23 10:00:00Z", "2026-04-23T10:00:00", "2026-04-23T1:00:00Z", "2026-04-23T10:00:00,5Z",
		"2026-04-23T10:00:00+99:00", "2026-04-23T24:00:00Z", "2026-02-30T10:00:00Z", "2026-04-23T10:00:00+0200", " 2026-04-23T10:00:00Z", "1776938400",
	} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
