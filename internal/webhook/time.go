package webhook

import (
	"errors"
	"strings"
	"time"
)

// ErrTime is a text that is no time.
var ErrTime = errors.New("must be a time in RFC 3339 format, such as 2026-04-23T10:00:00Z")

// ParseTime reads a time as RFC 3339 writes it, with any offset and any fraction, and returns it in UTC.
func ParseTime(s string) (time.Time, error) {
	var t time.Time
	// UnmarshalText refuses an offset of 99 hours, which time.Parse takes; both take one digit for the hour, and a comma.
	if t.UnmarshalText([]byte(s)) != nil || s[len("2006-01-02T15")] != ':' || strings.Contains(s, ",") {
		return time.Time{}, ErrTime
	}
	return t.UTC(), nil
}
