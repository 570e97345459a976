package webhook

import (
	"slices"
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

// MaxOrderingKeyBytes is the maximum length of an event's ordering key.
const MaxOrderingKeyBytes = 255

// Ordering says in which order a webhook gets events.
type Ordering string

// The orderings.
const (
	OrderingNone  Ordering = "NONE" // as fast as possible, in no order
	OrderingByKey Ordering = "KEY"  // events with the same ordering key one after the other, in the order of publishing
)

// OnFailure says what follows a delivery with an ordering key that failed.
type OnFailure string

// What may follow.
const (
	OnFailureContinue OnFailure = "CONTINUE" // the next delivery with the key
	OnFailureHold     OnFailure = "HOLD"     // none, until somebody retries or cancels the one that failed
)

// Holds reports whether a delivery that failed holds up others with its ordering key.
func (w *Webhook) Holds() bool { return w.Ordering == OrderingByKey && w.OnFailure == OnFailureHold }

// checkOrdering applies the rules of Ordering and OnFailure.
func (w *Webhook) checkOrdering() (errs []error) {
	if !slices.Contains([]Ordering{"", OrderingNone, OrderingByKey}, w.Ordering) {
		errs = append(errs, Invalidf("ordering", CodeInvalid, "must be NONE or KEY"))
	}
	switch {
	case !slices.Contains([]OnFailure{"", OnFailureContinue, OnFailureHold}, w.OnFailure):
		errs = append(errs, Invalidf("onFailure", CodeInvalid, "must be CONTINUE or HOLD"))
	case w.OnFailure == OnFailureHold && w.Ordering != OrderingByKey:
		errs = append(errs, Invalidf("onFailure", CodeInvalid, "can be HOLD only if ordering is KEY: without an order no delivery waits for another"))
	}
	return errs
}

// checkOrderingKey refuses an ordering key that is too long or cannot be shown.
func checkOrderingKey(field, key string) error {
	switch {
	case len(key) > MaxOrderingKeyBytes:
		return Invalidf(field, CodeTooLong, "must be at most %d bytes long", MaxOrderingKeyBytes)
	case !printable(key):
		return Invalidf(field, CodeInvalid, "must be printable UTF-8")
	}
	return nil
}
