package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Schedule has the delay before each attempt, including the first.
type Schedule []time.Duration

// DefaultSchedule is Standard Webhooks' example of an exponential schedule: about three days in all.
var DefaultSchedule = Schedule{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Jitter is the fraction by which a delay varies in both directions, so that deliveries that failed together are not retried
// together.
const Jitter = 0.10

// MaxRetryAfter caps Retry-After.
const MaxRetryAfter = 24 * time.Hour

// Next returns when to try again after attempt number tried of the schedule has failed at now; false if none is left. It is never
// earlier than the receiver's retryAfter.
func (s Schedule) Next(tried int, now time.Time, retryAfter time.Duration) (time.Time, bool) {
	if tried >= len(s) {
		return time.Time{}, false
	}
	wait := s[tried]
	wait += time.Duration((rand.Float64()*2 - 1) * Jitter * float64(wait)) //nolint:gosec // jitter is no secret
	return now.Add(max(wait, min(retryAfter, MaxRetryAfter))), true
}

// RetryAfter reads a Retry-After field (RFC 9110, section 10.2.3): seconds or an HTTP date. It is 0 when absent, in the
// past or malformed, and at most MaxRetryAfter.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if allDigits(v) {
		s, err := strconv.ParseInt(v, 10, 64)
		if err != nil || s > int64(MaxRetryAfter/time.Second) { // the only possible error is the range
			return MaxRetryAfter
		}
		return time.Duration(s) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
