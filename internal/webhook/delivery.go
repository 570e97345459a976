package webhook

import "time"

// Delivery is one event owed to one webhook; there is exactly one for each pair.
type Delivery struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"` // order of creation; inside the server only
	ID        ID
	TenantID  ID
	EventID   ID
	WebhookID ID
	Status    DeliveryStatus
	// AttemptCount is how many attempts are recorded; attempts are numbered 1 to AttemptCount without gaps.
	AttemptCount int
	// ScheduleStart is the AttemptCount at which the retry schedule began: 0, or what it was at the last retry by hand.
	ScheduleStart int
	// Trigger is what the next attempt will say of why it was made.
	Trigger Trigger `gorm:"column:triggered_by"`
	// NextAttemptAt is when the next attempt is due; nil while an attempt runs and after the last.
	NextAttemptAt *time.Time `gorm:"column:due_at;serializer:micros"`
	CreatedAt     time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	CompletedAt   *time.Time `gorm:"serializer:micros"`
	// FailureReason says why it is FAILED; nil while it is not.
	FailureReason *FailureReason
	// WebhookURL is the webhook's, deleted or not, joined in when a delivery is read.
	WebhookURL string `gorm:"->"`
}

// Position is Seq: where lists have it.
func (d *Delivery) Position() int64 { return d.Seq }

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// The statuses. HELD is never stored: it is PENDING of a webhook that is disabled, so it cannot disagree with the
// webhook, and disabling or enabling costs the same for one delivery or a million.
const (
	Pending           DeliveryStatus = "PENDING"
	Held              DeliveryStatus = "HELD"
	DeliverySucceeded DeliveryStatus = "SUCCEEDED"
	DeliveryFailed    DeliveryStatus = "FAILED"
	Canceled          DeliveryStatus = "CANCELED"
)

// FailureReason says why a delivery was given up.
type FailureReason string

// The reasons.
const (
	FailureRetriesExhausted FailureReason = "RETRIES_EXHAUSTED" // the last attempt of its schedule failed
	FailureExpired          FailureReason = "EXPIRED"           // it was due for longer than the server's age limit
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
