package webhook

import (
	"testing"
	"time"
)

// A time is exactly RFC 3339, with any offset, which is converted to UTC, where its year must have four digits, too.
func TestParseTime(t *testing.T) {
	want := time.Date(2026, 4, 23, 10, 0, 0, 500, time.UTC)
	for _, s := range []string{"2026-04-23T10:00:00.0000005Z", "2026-04-23T12:00:00.0000005+02:00", "2026-04-23T09:30:00.000000500-00:30"} {
		if got, err := ParseTime(s); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for s, want := range map[string]time.Time{
		"9999-12-31T23:59:59.999999999Z": time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), "0000-01-01T00:00:00Z": time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseTime(s); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "latest", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01", "2026-04-23", "2026-04-23 10:00:00Z", "2026-04-23T10:00:00", "2026-04-23T1:00:00Z", "2026-04-23T10:00:00,5Z",
		"2026-04-23T10:00:00+99:00", "2026-04-23T24:00:00Z", "2026-02-30T10:00:00Z", "2026-04-23T10:00:00+0200", " 2026-04-23T10:00:00Z", "1776938400",
	} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

// A bound is a time, or an ISO 8601 duration back from now; a duration without a fixed length, into the future or longer than a
// century is refused.
func TestParseTimeBound(t *testing.T) {
	now := time.Date(2026, 4, 23, 10, 0, 0, 0, time.FixedZone("", 7200))
	for s, back := range map[string]time.Duration{
		"-PT1H": time.Hour, "-P7D": 168 * time.Hour, "-P2W": 336 * time.Hour, "-P1DT12H30M": 36*time.Hour + 30*time.Minute,
		"-PT90M": 90 * time.Minute, "-PT0S": 0, "-PT1.5S": 1500 * time.Millisecond, "-PT0.000001S": time.Microsecond,
		"-PT0.1234567899S": 123_456_789, "-P36500D": 36_500 * 24 * time.Hour, "-P1W1DT1H1M1S": 193*time.Hour + 61*time.Second,
	} {
		if got, err := ParseTimeBound(s, now); err != nil || got != now.Add(-back).UTC() {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	if got, err := ParseTimeBound("2026-04-23T10:00:00+02:00", now); err != nil || got != now.UTC() {
		t.Errorf("a time: %v %v", got, err)
	}
	for _, s := range []string{
		"", "-", "-P", "-PT", "PT1H", "+PT1H", "-P1Y", "-P1M", "-P1DT", "-PT1", "-P1", "-PT1D", "-P1H", "-PTH", "-PT1M1H", "-PT1H1H", "-PT1HT1M",
		"-PT1.5H", "-PT1,5S", "-PT.5S", "-PT1.S", "-PT1.2.3S", "-PT-1H", "-P-1D", "--PT1H", "-p1d", "-PT1h", " -PT1H", "-PT1H ", "-P36501D", "-P36500DT1S",
		"-P9223372036854775808D", "-PT99999999999999999999S", "-PT\u0661H", "-1h", "latest", "2026-04-23",
	} {
		if got, err := ParseTimeBound(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
