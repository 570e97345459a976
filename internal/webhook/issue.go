package webhook

import (
	"fmt"
	"time"
)

// Issue is a problem for people, most often failures of one webhook for one reason. It opens and closes by itself. Its subject has at most one of each
// kind and error, which opens again when the problem comes back.
type Issue struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	TenantID  ID
	SubjectID ID      // what it is of: the webhook, or else the event type or the tenant
	WebhookID *ID     // nil: it is of no webhook
	EventType *string // with IssueMismatch
	Kind      IssueKind
	// Error is why the last attempt failed, or with IssueQuota the QuotaName; "" if it is not known, or nothing failed.
	Error      ErrorCode
	HTTPStatus *int `gorm:"column:http_status"` // of the last attempt; nil without an answer
	// Count is the number of failures since FirstSeenAt: of attempts, or with IssueExhausted of deliveries. With IssueBacklog it is the number of pending
	// deliveries, with QuotaStored of stored events, with QuotaRate of calls that were refused, and with IssueMismatch how often it was noted.
	Count int
	Bound *int // with IssueQuota: the quota
	// At is when the certificate expires, or with IssueBacklog since when the oldest delivery is due. At and Count of these are as they were at LastSeenAt.
	At          *time.Time `gorm:"serializer:micros"`
	Level       int        // how bad it is; see CertificateLevel and QuotaLevel
	FirstSeenAt time.Time  `gorm:"serializer:micros"`
	LastSeenAt  time.Time  `gorm:"serializer:micros"`
	OpenedAt    time.Time  `gorm:"serializer:micros"`
	ResolvedAt  *time.Time `gorm:"serializer:micros"`
	// AcknowledgedAt is when somebody took note of it; nil until then, and when it opens again.
	AcknowledgedAt *time.Time `gorm:"serializer:micros"`
	// AcknowledgedBy is the token that did, and its name then.
	AcknowledgedBy   *ID
	AcknowledgedName string
	AttemptID        *ID // the last that failed; nil: it is not of failures
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

	IssueBacklog     IssueKind = "BACKLOG"             // deliveries have been due for long
	IssueCertificate IssueKind = "CERTIFICATE_EXPIRES" // the client certificate expires soon, or has expired
	IssueMismatch    IssueKind = "SCHEMA_MISMATCH"     // published events break the schema of their type
	IssueQuota       IssueKind = "QUOTA"               // most of a quota is used, or all of it
)

// IssueKinds are all of them.
var IssueKinds = []IssueKind{IssueFailing, IssueDisabled, IssueExhausted, IssueBacklog, IssueCertificate, IssueMismatch, IssueQuota}

// QuotaName is a quota that an issue is of. Those of webhooks and tokens have none: who reaches them is told by the refusal.
type QuotaName string

// The quotas.
const (
	QuotaStored QuotaName = "STORED_EVENTS"
	QuotaRate   QuotaName = "EVENTS_PER_SECOND"
)

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
	// IssueQuiet is how long no delivery must have failed before IssueExhausted closes: no success of the webhook brings those deliveries back. It closes
	// earlier when none is failed any more, because they were sent again.
	IssueQuiet = 24 * time.Hour
	// IssueKept is how long a resolved issue is kept.
	IssueKept = 90 * 24 * time.Hour
	// IssueBacklogAge is how long a delivery must have been due before IssueBacklog opens.
	IssueBacklogAge = 15 * time.Minute
	// IssueBacklogCalm is how long no delivery may have been due before IssueBacklog closes.
	IssueBacklogCalm = 5 * time.Minute
	// CertificateWarning is how long before a client certificate expires IssueCertificate opens.
	CertificateWarning = 30 * 24 * time.Hour
	// IssueMismatchQuiet is how long no event must have broken the schema before IssueMismatch closes.
	IssueMismatchQuiet = 24 * time.Hour
	// IssueRefusedQuiet is how long no call must have been refused before an issue of QuotaRate closes.
	IssueRefusedQuiet = 15 * time.Minute
)

// Levels of issues.
const (
	CertificateExpired = 4 // of IssueCertificate: it has
	QuotaUsedUp        = 2 // of IssueQuota: events are refused
)

// CertificateLevel returns the level of IssueCertificate: from 30 days before the certificate expires, 7 days, one day, and when it has.
func CertificateLevel(expires, now time.Time) int {
	switch left := expires.Sub(now); {
	case left <= 0:
		return CertificateExpired
	case left <= 24*time.Hour:
		return 3
	case left <= 7*24*time.Hour:
		return 2
	}
	return 1
}

// QuotaLevel returns the level of an issue of a quota of which so much is used: 1 from 80 %, QuotaUsedUp if all is. One that has a level keeps it
// until 10 % less is used, so that a number about the limit does not open it each time. 0 is no issue.
func QuotaLevel(used, bound, level int) int {
	per := func(percent int) bool { return int64(used)*100 >= int64(bound)*int64(percent) }
	switch {
	case per(100), level >= QuotaUsedUp && per(90):
		return QuotaUsedUp
	case per(80), level > 0 && per(70):
		return 1
	}
	return 0
}

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
	case IssueFailing:
		return "Attempts fail: " + why
	}
	return i.standing()
}

// standing is Title of issues that are not of failures.
func (i *Issue) standing() string {
	var at string
	if i.At != nil {
		at = i.At.UTC().Format("2 January 2006 15:04 MST")
	}
	switch {
	case i.Kind == IssueBacklog:
		return "Deliveries wait: the oldest has been due since " + at
	case i.Kind == IssueCertificate && i.Level == CertificateExpired:
		return "The client certificate expired on " + at
	case i.Kind == IssueCertificate:
		return "The client certificate expires on " + at
	case i.Kind == IssueMismatch && i.EventType != nil:
		return "Events of type " + *i.EventType + " do not match its schema"
	case i.Bound == nil || *i.Bound == 0:
		return "A quota is used up"
	case QuotaName(i.Error) == QuotaRate:
		return fmt.Sprintf("Events are refused: more than %d a second are published", *i.Bound)
	case i.Level == QuotaUsedUp:
		return fmt.Sprintf("Events are refused: the quota of %d stored events is used up", *i.Bound)
	}
	return fmt.Sprintf("%d %% of the quota of %d stored events is used", int64(i.Count)*100/int64(*i.Bound), *i.Bound)
}

// Advice says what to do about it, in a sentence or two.
func (i *Issue) Advice() string {
	switch i.Kind {
	case IssueDisabled:
		return "Repair the receiver, then enable the webhook: its deliveries wait until then."
	case IssueExhausted:
		return "Repair the receiver, then replay the failed deliveries."
	case IssueBacklog:
		return "The receiver takes fewer requests than there are events. Let it answer before it does the work, raise the webhook's rate limit, or filter its events."
	case IssueCertificate:
		return "Set the renewed certificate and its key in the webhook's authentication."
	case IssueMismatch:
		return "Compare the type's last violation with its schema, and correct the publisher or the schema."
	case IssueQuota:
		if QuotaName(i.Error) == QuotaRate {
			return "Publish more slowly, several events in one call, or ask the operator for a higher rate."
		}
		return "Ask the operator for a larger quota or a shorter retention. Once it is used up, events are refused until retention removes some."
	}
	return "See what the last attempt says, and repair the receiver. Deliveries are retried until then."
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
	if i.Error == "" || i.Kind == IssueQuota {
		return nil
	}
	return &i.Error
}

// Quota returns the quota that it is of; nil if it is of none.
func (i *Issue) Quota() *QuotaName {
	if i.Kind != IssueQuota {
		return nil
	}
	q := QuotaName(i.Error)
	return &q
}

// ExpiresAt returns when the certificate expires; nil if it is of none.
func (i *Issue) ExpiresAt() *time.Time {
	if i.Kind != IssueCertificate {
		return nil
	}
	return i.At
}

// DueSince returns since when the oldest delivery has been due; nil if it is of no backlog.
func (i *Issue) DueSince() *time.Time {
	if i.Kind != IssueBacklog {
		return nil
	}
	return i.At
}

// Acknowledger returns the name of the token that acknowledged it; nil if none did.
func (i *Issue) Acknowledger() *string {
	if i.AcknowledgedAt == nil {
		return nil
	}
	return &i.AcknowledgedName
}
