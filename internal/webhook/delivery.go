package webhook

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delivery is one event owed to one webhook; there is exactly one for each pair.
type Delivery struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"` // order of creation; inside the server only
	ID        ID
	TenantID  ID
	EventID   ID
	WebhookID ID
	Status    DeliveryStatus
	// AttemptCount is the number of recorded attempts, which are numbered 1 to AttemptCount without gaps.
	AttemptCount int
	// ScheduleStart is the AttemptCount at which the retry schedule began: 0, or the value at the last retry by hand.
	ScheduleStart int
	// Trigger is that of the next attempt.
	Trigger Trigger `gorm:"column:triggered_by"`
	// NextAttemptAt is when the next attempt is due; nil while an attempt runs and after the last.
	NextAttemptAt *time.Time `gorm:"column:due_at;serializer:micros"`
	CreatedAt     time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	CompletedAt   *time.Time `gorm:"serializer:micros"`
	// FailureReason says why it is FAILED; nil in other states.
	FailureReason *FailureReason
	// ReplayID is the replay that made it due last, or that canceled it; nil if none did, or if it was retried by hand since.
	ReplayID *ID
	// Line names the line of deliveries in which it is sent, and Place is where it is in it; inside the server only. Nil: it has no order, or
	// has ended; 0: it is at the head, and the others wait for it; higher places wait.
	Line  *ID
	Place *int64
	// PayloadVersion names the webhook's payload settings with which the next attempt is made; inside the server only. Nil: the default.
	PayloadVersion *int64
	// DeliverAt is the event's if the delivery was made before that time, and ExpiresAt the event's; inside the server only.
	DeliverAt *time.Time `gorm:"serializer:micros"`
	ExpiresAt *time.Time `gorm:"serializer:micros"`
	// WebhookURL is the webhook's URL, even if that is deleted, joined when a delivery is read.
	WebhookURL string `gorm:"->"`
}

// Position is Seq: where lists have it.
func (d *Delivery) Position() int64 { return d.Seq }

// Waits reports whether it is sent only after others with its ordering key.
func (d *Delivery) Waits() bool { return d.Place != nil && *d.Place > 0 }

// Expired reports whether the event is no longer delivered at the time. Callers may ask for an attempt at any time.
func (d *Delivery) Expired(now time.Time) bool {
	return d.ExpiresAt != nil && d.Trigger == TriggerSchedule && !now.Before(*d.ExpiresAt)
}

// DeliveryStatus is the state of a delivery.
type DeliveryStatus string

// The statuses. HELD is never stored: it is PENDING while the webhook is disabled. So it cannot contradict the webhook, and
// disabling or enabling costs the same for one delivery or a million.
const (
	Pending           DeliveryStatus = "PENDING"
	Held              DeliveryStatus = "HELD"
	DeliverySucceeded DeliveryStatus = "SUCCEEDED"
	DeliveryFailed    DeliveryStatus = "FAILED"
	Canceled          DeliveryStatus = "CANCELED"
)

// DeliveryStatuses are all of them.
var DeliveryStatuses = []DeliveryStatus{Pending, Held, DeliverySucceeded, DeliveryFailed, Canceled}

// FailureReason says why a delivery failed.
type FailureReason string

// The reasons.
const (
	FailureRetriesExhausted FailureReason = "RETRIES_EXHAUSTED" // the last attempt of its schedule failed
	FailureStatus           FailureReason = "NO_RETRY_STATUS"   // the response's status is one of the webhook's NoRetryStatuses
	FailureExpired          FailureReason = "EXPIRED"           // it was due for longer than the server's age limit, or its event's ExpiresAt has passed
)

// MatchOutcome says whether a webhook gets an event, or why not.
type MatchOutcome string

// The outcomes.
const (
	MatchDelivered     MatchOutcome = "DELIVERED" // there is a delivery, whatever its status
	MatchHeld          MatchOutcome = "HELD"      // there is one, and the webhook is disabled
	MatchNotSubscribed MatchOutcome = "NOT_SUBSCRIBED"
	MatchFiltered      MatchOutcome = "FILTERED"
	MatchCreatedLater  MatchOutcome = "CREATED_LATER" // than the event was published
)

// Trigger says why an attempt was made.
type Trigger string

// The triggers.
const (
	TriggerSchedule Trigger = "SCHEDULE"
	TriggerManual   Trigger = "MANUAL"
	TriggerReplay   Trigger = "REPLAY"
	TriggerTest     Trigger = "TEST"
)

// Triggers are all of them.
var Triggers = []Trigger{TriggerSchedule, TriggerManual, TriggerReplay, TriggerTest}

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
	return now.Add(max(jittered(s[tried]), min(retryAfter, MaxRetryAfter))), true
}

// jittered returns the delay with its Jitter.
func jittered(wait time.Duration) time.Duration {
	return wait + time.Duration((rand.Float64()*2-1)*Jitter*float64(wait)) //nolint:gosec // jitter is no secret
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

// RetryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds or an HTTP date. It is 0 when absent, in the past or malformed, and at most
// MaxRetryAfter. Receivers also send fractions of a second, which are rounded up, and several times, of which the longest counts.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for _, v := range h.Values("Retry-After") {
		if at, err := http.ParseTime(strings.TrimSpace(v)); err == nil {
			longest = max(longest, min(at.Sub(now), MaxRetryAfter))
			continue
		}
		for one := range strings.SplitSeq(v, ",") {
			longest = max(longest, retrySeconds(strings.TrimSpace(one)))
		}
	}
	return longest
}

// retrySeconds reads digits, with a fraction or without.
func retrySeconds(v string) time.Duration {
	whole, fraction, fractional := strings.Cut(v, ".")
	if whole == "" || !allDigits(whole) || !allDigits(fraction) {
		return 0
	}
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s >= int64(MaxRetryAfter/time.Second) { // the only possible error is the range
		return MaxRetryAfter
	}
	if fractional && strings.Trim(fraction, "0") != "" {
		s++
	}
	return time.Duration(s) * time.Second
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
