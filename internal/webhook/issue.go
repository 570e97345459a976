package webhook

import (
	"fmt"
	"time"
)

// Issue is failures of one webhook for one reason, grouped for people. It opens and closes by itself. A webhook has at most one of each kind and
// error, which opens again when the failures come back.
type Issue struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	TenantID  ID
	WebhookID ID
	Kind      IssueKind
	// Error is why the last attempt failed; "" if it is not known.
	Error      ErrorCode
	HTTPStatus *int `gorm:"column:http_status"` // of the last attempt; nil without an answer
	// Count is the number of failures since FirstSeenAt: of attempts, or with IssueExhausted of deliveries.
	Count       int
	FirstSeenAt time.Time  `gorm:"serializer:micros"`
	LastSeenAt  time.Time  `gorm:"serializer:micros"`
	OpenedAt    time.Time  `gorm:"serializer:micros"`
	ResolvedAt  *time.Time `gorm:"serializer:micros"`
	// AcknowledgedAt is when somebody took note of it; nil until then, and when it opens again.
	AcknowledgedAt *time.Time `gorm:"serializer:micros"`
	// AcknowledgedBy is the token that did, and its name then.
	AcknowledgedBy   *ID
	AcknowledgedName string
	AttemptID        ID // the last that failed
	// Place orders lists: open ones come first, and then those that opened, or were resolved, last.
	Place int64
}

// Position is Seq: where lists have it, at Place.
func (i *Issue) Position() int64 { return i.Seq }

// IssueKind is a kind of issue.
type IssueKind string

// The kinds.
const (
	IssueFailing   IssueKind = "WEBHOOK_FAILING"      // attempts fail, and none succeeds
	IssueDisabled  IssueKind = "WEBHOOK_DISABLED"     // the server disabled the webhook
	IssueExhausted IssueKind = "DELIVERIES_EXHAUSTED" // deliveries failed, and are not retried
)

// IssueKinds are all of them.
var IssueKinds = []IssueKind{IssueFailing, IssueDisabled, IssueExhausted}

// IssueStatus says whether an issue needs somebody.
type IssueStatus string

// The statuses.
const (
	IssueOpen         IssueStatus = "OPEN"
	IssueAcknowledged IssueStatus = "ACKNOWLEDGED" // open, and somebody knows
	IssueResolved     IssueStatus = "RESOLVED"
)

// IssueStatuses are all of them.
var IssueStatuses = []IssueStatus{IssueOpen, IssueAcknowledged, IssueResolved}

// When issues open and close. A receiver that fails now and then succeeds in between, and opens none: each success begins again.
const (
	// IssueFirstAttempts is the number of deliveries whose first attempt must fail within IssueWindow before IssueFailing opens: one or two failures
	// are usual when a receiver is deployed, and the first retries are for them.
	IssueFirstAttempts = 5
	IssueWindow        = 10 * time.Minute
	// IssueAge is how long attempts must have failed before IssueFailing opens however few they are: webhooks with few events fail too.
	IssueAge = time.Hour
	// IssueQuiet is how long no delivery must have failed before IssueExhausted closes: no success of the webhook brings those deliveries back.
	IssueQuiet = 24 * time.Hour
	// IssueKept is how long a resolved issue is kept.
	IssueKept = 90 * 24 * time.Hour
)

// Status returns the issue's status.
func (i *Issue) Status() IssueStatus {
	switch {
	case i.ResolvedAt != nil:
		return IssueResolved
	case i.AcknowledgedAt != nil:
		return IssueAcknowledged
	}
	return IssueOpen
}

// Title says what the issue is, in a line.
func (i *Issue) Title() string {
	why := issueReasons[i.Error]
	switch {
	case i.Error == ErrorHTTPStatus && i.HTTPStatus != nil:
		why = fmt.Sprintf("the receiver answers %d", *i.HTTPStatus)
	case why == "":
		why = "the receiver cannot be reached"
	}
	switch i.Kind {
	case IssueDisabled:
		return "The webhook was disabled: " + why
	case IssueExhausted:
		return "Deliveries were given up: " + why
	}
	return "Attempts fail: " + why
}

// issueReasons say why attempts fail.
var issueReasons = map[ErrorCode]string{
	ErrorDNS:             "the host name cannot be resolved",
	ErrorConnect:         "no connection can be made",
	ErrorTLS:             "the TLS handshake fails",
	ErrorTimeout:         "the receiver does not answer in time",
	ErrorBlockedAddress:  "the address is not allowed",
	ErrorHTTPStatus:      "the receiver answers with an error",
	ErrorResponseTooSlow: "the answer takes too long",
	ErrorProtocol:        "the answer is not valid HTTP",
	ErrorSigning:         "requests cannot be signed",
	ErrorPayload:         "the payload cannot be made",

	ErrorOAuthToken:        "no access token can be fetched",
	ErrorClientCertificate: "the client certificate cannot be used",
}

// DisablesAt returns when the webhook will be disabled if it goes on failing; nil if it does not fail, or is disabled.
func (w *Webhook) DisablesAt() *time.Time {
	if !w.Enabled || w.FailingSince == nil {
		return nil
	}
	at := w.FailingSince.Add(FailingLimit)
	return &at
}

// Reason returns why the last attempt failed; nil if it is not known.
func (i *Issue) Reason() *ErrorCode {
	if i.Error == "" {
		return nil
	}
	return &i.Error
}

// Acknowledger returns the name of the token that acknowledged it; nil if none did.
func (i *Issue) Acknowledger() *string {
	if i.AcknowledgedAt == nil {
		return nil
	}
	return &i.AcknowledgedName
}
