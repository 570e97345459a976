package webhook

import (
	"math/rand/v2"
	"net/http"
	"slices"
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

// Retries reports whether the webhook wants another attempt after one that failed with this HTTP status; nil: there was no response.
func (w *Webhook) Retries(status *int) bool {
	return status == nil || !slices.Contains(w.NoRetryStatuses, *status)
}

// ascending sorts statuses and removes duplicates, and makes an empty list nil. A list with an invalid one is left for checkNoRetry.
func ascending(statuses []int) []int {
	if len(statuses) == 0 {
		return nil
	}
	if slices.ContainsFunc(statuses, func(s int) bool { return s < 300 || s > 599 || s == http.StatusGone }) {
		return statuses
	}
	statuses = slices.Clone(statuses)
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

// checkNoRetry returns nil or an *Invalid.
func checkNoRetry(statuses []int) error {
	for i, s := range statuses {
		switch {
		case s == http.StatusGone:
			return Invalidf(Index("noRetryStatuses", i), CodeInvalid, "must not be 410, after which the webhook is disabled and its deliveries are held")
		case s < 300 || s > 599:
			return Invalidf(Index("noRetryStatuses", i), CodeOutOfRange, "must be an HTTP status from 300 to 599")
		}
	}
	if len(statuses) > MaxNoRetryStatuses {
		return Invalidf("noRetryStatuses", CodeTooMany, "must have at most %d statuses", MaxNoRetryStatuses)
	}
	return nil
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
