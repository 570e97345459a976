package webhook

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrTime is a text that is not a time.
var ErrTime = errors.New("must be a time in RFC 3339 format, such as 2026-04-23T10:00:00Z")

// ErrTimeBound is a text that is neither a time nor a duration back from now.
var ErrTimeBound = errors.New("must be a time in RFC 3339 format, such as 2026-04-23T10:00:00Z, " +
	"or a duration back from now of at most 36500 days, such as -PT1H or -P7D")

// ParseTime parses an RFC 3339 time, with any offset and fraction, and returns it in UTC, where its year is also one of 0 to 9999: others cannot
// be written.
func ParseTime(s string) (time.Time, error) {
	var t time.Time
	// UnmarshalText refuses an offset of 99 hours, which time.Parse accepts; both accept an hour of one digit, and a comma.
	if t.UnmarshalText([]byte(s)) != nil || s[len("2006-01-02T15")] != ':' || strings.Contains(s, ",") {
		return time.Time{}, ErrTime
	}
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, ErrTime
	}
	return t, nil
}

// maxBack is the longest duration back from now.
const maxBack = 36_500 * 24 * time.Hour

// ParseTimeBound reads a time as ParseTime does, or an ISO 8601 duration back from now: "-PT1H", "-P7D". A day has 24 hours; years
// and months, which have no fixed length, are refused. The error is ErrTimeBound.
func ParseTimeBound(s string, now time.Time) (time.Time, error) {
	if t, err := ParseTime(s); err == nil {
		return t, nil
	}
	back, ok := parseBack(s)
	if !ok {
		return time.Time{}, ErrTimeBound
	}
	return now.UTC().Add(-back), nil
}

// units are those of a duration, in the order in which it has them. Those after the T are of less than a day.
var units = []struct {
	letter byte
	length time.Duration
	clock  bool
}{
	{'W', 7 * 24 * time.Hour, false},
	{'D', 24 * time.Hour, false},
	{'H', time.Hour, true},
	{'M', time.Minute, true},
	{'S', time.Second, true},
}

// parseBack reads a negative duration. Seconds may have a fraction.
func parseBack(s string) (back time.Duration, ok bool) {
	rest, ok := strings.CutPrefix(s, "-P")
	if !ok || len(rest) > 64 {
		return 0, false
	}
	clock, next := false, 0
	for rest != "" {
		if rest[0] == 'T' && !clock {
			clock, rest = true, rest[1:]
			if rest == "" {
				return 0, false
			}
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 1 {
			return 0, false
		}
		for next < len(units) && (units[next].letter != rest[end] || units[next].clock != clock) {
			next++
		}
		if next == len(units) {
			return 0, false
		}
		part, ok := parsePart(rest[:end], units[next].length)
		if back += part; !ok || back > maxBack {
			return 0, false
		}
		rest = rest[end+1:]
		next++
	}
	return back, next > 0
}

// parsePart reads the digits of one unit.
func parsePart(digits string, unit time.Duration) (time.Duration, bool) {
	whole, fraction, fractional := strings.Cut(digits, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > int64(maxBack/unit) {
		return 0, false
	}
	part := time.Duration(n) * unit
	if !fractional {
		return part, true
	}
	if unit != time.Second || fraction == "" || strings.Contains(fraction, ".") {
		return 0, false
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return part + time.Duration(nanos), err == nil
}
