// Package webhook is the domain, without database or network: the types and their rules, the retry
// schedule, and the signature. It knows nothing of the product but itself; everything else imports it.
package webhook

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a webhook's fields.
const (
	MaxURLBytes         = 2048
	MaxEvents           = 100
	MaxEventTypeBytes   = 128
	MaxDescriptionChars = 1000
	MaxRetries          = 30                 // waits in a retry schedule
	MaxRetryDelay       = 7 * 24 * time.Hour // one wait of a retry schedule
	MaxNoRetryStatuses  = 50
	MinTimeout          = time.Second
	MaxTimeout          = 30 * time.Second
	DefaultTimeout      = 15 * time.Second
	MaxRatePerSecond    = 10_000
	MaxExternalIDBytes  = 255
	MaxMetadataBytes    = 4096 // compacted
	MaxFilterBytes      = 8192 // compacted
)

// Webhook is a registered HTTPS endpoint and the event types that it subscribes to.
type Webhook struct {
	Seq      int64 `gorm:"primaryKey;autoIncrement"` // order of creation; inside the server only
	ID       ID
	TenantID ID
	URL      string
	// Events are the subscribed event types, in the caller's order, without duplicates: a type, "prefix.*" or AllPublished. Nil
	// means all published types.
	Events []string `gorm:"serializer:json"`
	// Filter is the source of the filter that events must match, compacted JSON; nil means none. Package filter compiles it.
	Filter      *string
	Enabled     bool
	Description string
	// DisabledReason and DisabledAt are set while Enabled is false.
	DisabledReason *DisabledReason
	DisabledAt     *time.Time `gorm:"serializer:micros"`
	// FailingSince is the time of the first failed attempt after the last success; nil while the webhook succeeds.
	FailingSince *time.Time `gorm:"serializer:micros"`
	// RetryScheduleMs overrides DefaultSchedule: the delay before each retry, in ms. Nil means the default; empty, no retry.
	RetryScheduleMs []int `gorm:"serializer:json"`
	// NoRetryStatuses are the HTTP statuses after which a delivery fails without further retries, ascending; nil means none.
	NoRetryStatuses []int `gorm:"serializer:json"`
	// TimeoutMs bounds one attempt, connection to last byte, in ms (1,000 to 30,000). Nil means the server's default.
	TimeoutMs *int
	// RatePerSecond bounds the attempts started in a second (1 to 10,000). Nil means unlimited.
	RatePerSecond *int
	CreatedAt     time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	UpdatedAt     time.Time  `gorm:"serializer:micros;autoUpdateTime:false"`
	DeletedAt     *time.Time `gorm:"serializer:micros"` // a tombstone for the history of a deleted webhook
	// ExternalID is the owner's name for it, which no other webhook of the tenant has; nil when it has none.
	ExternalID *string
	// Metadata is the owner's: a JSON object, compacted. Nil when there is none.
	Metadata *string
	// Ordering says whether deliveries of events with the same ordering key go one after the other, and OnFailure what follows one that failed.
	Ordering  Ordering
	OnFailure OnFailure
	// Probe says whether the webhook is probed while it is disabled because it failed. ProbeAt is when the next probe is due; nil if none is. Probes
	// is the number of those that were sent since it was disabled, or since its URL or Probe changed.
	Probe   bool
	ProbeAt *time.Time `gorm:"serializer:micros"`
	Probes  int
	// PayloadVersion names the settings in Payload; inside the server only. Payload is nil for the default; it is set only in webhooks that callers
	// create or change, and stored as a version.
	PayloadVersion *int64
	Payload        *Payload `gorm:"-"`
	// SendTraceparent says whether requests have the header field traceparent, if the event's trace is known.
	SendTraceparent bool
}

// Position is Seq: where lists have it.
func (w *Webhook) Position() int64 { return w.Seq }

// DisabledReason says why a webhook is not enabled.
type DisabledReason string

// The reasons.
const (
	DisabledManual  DisabledReason = "MANUAL"  // someone set enabled to false
	DisabledGone    DisabledReason = "GONE"    // the receiver answered 410
	DisabledFailing DisabledReason = "FAILING" // no success for FailingLimit
)

// DisabledReasons are all of them.
var DisabledReasons = []DisabledReason{DisabledManual, DisabledGone, DisabledFailing}

// FailingLimit is how long a webhook may fail without one success before it is disabled.
const FailingLimit = 5 * 24 * time.Hour

// A webhook that failed for FailingLimit and asks for it is probed: first after ProbeFirst, then after twice as long each time, up to ProbeLongest,
// MaxProbes times. That is about four weeks: after 30 days, by default, what was held is given up.
const (
	ProbeFirst   = time.Hour
	ProbeLongest = 24 * time.Hour
	MaxProbes    = 30
	// ProbeExpiry is how long a probe may wait to be sent, for example while the server is down. It is less than ProbeFirst, so there is one at a time.
	ProbeExpiry = 10 * time.Minute
)

// Probed reports whether probes may enable the webhook.
func (w *Webhook) Probed() bool {
	return w.Probe && !w.Enabled && w.DeletedAt == nil && w.DisabledReason != nil && *w.DisabledReason == DisabledFailing
}

// PlanProbe sets when the next probe is due.
func (w *Webhook) PlanProbe(now time.Time) {
	w.ProbeAt = nil
	if !w.Probed() || w.Probes >= MaxProbes {
		return
	}
	at := now.Add(jittered(min(ProbeFirst<<min(w.Probes, 8), ProbeLongest))).UTC().Truncate(time.Microsecond)
	w.ProbeAt = &at
}

// Timeout returns the time limit of one attempt.
func (w *Webhook) Timeout(def time.Duration) time.Duration {
	if w.TimeoutMs == nil {
		return def
	}
	return time.Duration(*w.TimeoutMs) * time.Millisecond
}

// Schedule returns the webhook's retry schedule.
func (w *Webhook) Schedule() Schedule {
	if w.RetryScheduleMs == nil {
		return DefaultSchedule
	}
	s := make(Schedule, 0, len(w.RetryScheduleMs)+1)
	s = append(s, 0)
	for _, ms := range w.RetryScheduleMs {
		s = append(s, time.Duration(ms)*time.Millisecond)
	}
	return s
}

// New is what a caller may set when registering a webhook.
type New struct {
	URL             string
	Events          []string // nil, empty or AllPublished alone: all published types
	Filter          []byte   // JSON; nil or null: none
	Enabled         bool
	Description     string
	RetryScheduleMs []int
	NoRetryStatuses []int
	TimeoutMs       *int
	RatePerSecond   *int
	Headers         []*NewHeader
	ExternalID      *string
	Metadata        []byte          // JSON; nil or null: none
	Scheme          Scheme          // of the first secret; "" means SchemeHMAC
	Secret          *ImportedSecret // the first secret; nil: a random one
	Ordering        Ordering        // "" means OrderingNone
	OnFailure       OnFailure       // "" means OnFailureContinue
	Probe           bool
	SendTraceparent bool
	Payload         *Payload             // nil: the default
	Authentication  *AuthenticationPatch // nil: none
}

// Settings returns the patch that gives the existing webhook w these settings, as if it were created with them. Its secrets stay as they are,
// and so does one that the server disabled: Enabled
// enables only what its owner disabled.
func (n *New) Settings(w *Webhook) Patch {
	p := Patch{
		URL: Some(n.URL), Events: Some(n.Events), Filter: Some(n.Filter), Description: Some(n.Description), RetryScheduleMs: Some(n.RetryScheduleMs),
		NoRetryStatuses: Some(n.NoRetryStatuses), TimeoutMs: Some(n.TimeoutMs), RatePerSecond: Some(n.RatePerSecond), Headers: Some(n.Headers),
		ExternalID: Some(n.ExternalID), Metadata: Some(n.Metadata), Ordering: Some(n.Ordering), OnFailure: Some(n.OnFailure), Probe: Some(n.Probe), Payload: Some(n.Payload),
		SendTraceparent: Some(n.SendTraceparent),
		Authentication:  Some(n.Authentication.Whole()),
	}
	if !n.Enabled || w.off() {
		p.Enabled = Some(n.Enabled)
	}
	return p
}

// Opt is a field of a patch: absent unless Set.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some returns a field that is present.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Set: true} }

// Patch changes the fields that are set, and leaves the others alone.
type Patch struct {
	// IfUpdatedAt is the time at which the webhook must have been updated last, to the given precision; nil: any. See Changed.
	IfUpdatedAt     *time.Time
	Precision       time.Duration
	URL             Opt[string]
	Events          Opt[[]string]
	Filter          Opt[[]byte] // JSON; nil or null: none
	Enabled         Opt[bool]
	Description     Opt[string]
	RetryScheduleMs Opt[[]int]
	NoRetryStatuses Opt[[]int]
	TimeoutMs       Opt[*int]
	RatePerSecond   Opt[*int]
	Headers         Opt[[]*NewHeader] // all of them; see SetHeaders
	ExternalID      Opt[*string]
	Metadata        Opt[[]byte] // JSON; nil or null: none
	Ordering        Opt[Ordering]
	OnFailure       Opt[OnFailure]
	Probe           Opt[bool]
	SendTraceparent Opt[bool]
	Payload         Opt[*Payload]             // nil: the default
	Authentication  Opt[*AuthenticationPatch] // nil: none
}

// Fits reports whether the patch is for the current state of the webhook.
func (p *Patch) Fits(w *Webhook) bool {
	return p.IfUpdatedAt == nil || p.IfUpdatedAt.Equal(w.UpdatedAt.Truncate(p.Precision))
}

// Empty reports whether the patch changes nothing.
func (p *Patch) Empty() bool {
	changes := *p
	changes.IfUpdatedAt, changes.Precision = nil, 0
	return reflect.ValueOf(changes).IsZero()
}

// Apply sets the patch's fields on w, without checking them. Headers and the authentication are not part of w.
func (p *Patch) Apply(w *Webhook, now time.Time) {
	url, probe := w.URL, w.Probe
	set(&w.URL, p.URL)
	set(&w.Events, p.Events)
	set(&w.Description, p.Description)
	set(&w.RetryScheduleMs, p.RetryScheduleMs)
	set(&w.NoRetryStatuses, p.NoRetryStatuses)
	set(&w.TimeoutMs, p.TimeoutMs)
	set(&w.RatePerSecond, p.RatePerSecond)
	set(&w.ExternalID, p.ExternalID)
	set(&w.Ordering, p.Ordering)
	set(&w.OnFailure, p.OnFailure)
	set(&w.Probe, p.Probe)
	set(&w.SendTraceparent, p.SendTraceparent)
	set(&w.Payload, p.Payload)
	if p.Filter.Set {
		w.Filter = JSONText(p.Filter.Value)
	}
	if p.Metadata.Set {
		w.Metadata = JSONText(p.Metadata.Value)
	}
	if p.Enabled.Set && p.Enabled.Value != w.Enabled {
		if p.Enabled.Value {
			w.Enable()
		} else {
			w.Disable(DisabledManual, now)
		}
	}
	if w.URL != url || w.Probe != probe {
		w.Probes = 0
		w.PlanProbe(now)
	}
	w.Touch(now)
}

// Touch sets the time of the last change to now, in microseconds as it is stored, but always later than before, so that two changes at the
// same moment differ.
func (w *Webhook) Touch(now time.Time) {
	now = now.UTC().Truncate(time.Microsecond)
	if !now.After(w.UpdatedAt) {
		now = w.UpdatedAt.Add(time.Microsecond)
	}
	w.UpdatedAt = now
}

func set[T any](field *T, o Opt[T]) {
	if o.Set {
		*field = o.Value
	}
}

// Enable lets deliveries run again and forgets the failures that led to disabling.
func (w *Webhook) Enable() {
	w.Enabled, w.DisabledReason, w.DisabledAt, w.FailingSince = true, nil, nil, nil
	w.ProbeAt, w.Probes = nil, 0
}

// Disable holds the webhook's deliveries.
func (w *Webhook) Disable(reason DisabledReason, now time.Time) {
	w.Enabled, w.DisabledReason, w.DisabledAt = false, &reason, &now
	w.Probes = 0
	w.PlanProbe(now)
}

// Normalize removes duplicate event types, keeps their order, and turns a list that means all published types into nil. Besides
// AllPublished only operational types matter. Invalid ones are left for Check.
func (w *Webhook) Normalize() {
	seen := make(map[string]bool, len(w.Events))
	all := slices.Contains(w.Events, AllPublished)
	w.Events = slices.DeleteFunc(slices.Clone(w.Events), func(e string) bool {
		drop := seen[e] || all && e != AllPublished && !reserved(e) && CheckSubscription("", e) == nil
		seen[e] = true
		return drop
	})
	if len(w.Events) == 0 || len(w.Events) == 1 && all {
		w.Events = nil
	}
	w.NoRetryStatuses = ascending(w.NoRetryStatuses)
	w.Metadata, w.Filter = compact(w.Metadata, MaxMetadataBytes), compact(w.Filter, MaxFilterBytes)
	w.Payload = w.Payload.Normal()
	w.Ordering, w.OnFailure = cmp.Or(w.Ordering, OrderingNone), cmp.Or(w.OnFailure, OnFailureContinue)
}

// Check applies every rule that needs no network policy, and joins the errors. Of the URL it checks only presence and length;
// egress checks the rest. The webhook must be normalized.
func (w *Webhook) Check() error {
	var errs []error
	switch {
	case w.URL == "":
		errs = append(errs, Invalidf("url", CodeRequired, "must be given"))
	case len(w.URL) > MaxURLBytes:
		errs = append(errs, Invalidf("url", CodeTooLong, "must be at most %d bytes long", MaxURLBytes))
	}
	errs = append(errs, w.CheckEvents())
	if utf8.RuneCountInString(w.Description) > MaxDescriptionChars {
		errs = append(errs, Invalidf("description", CodeTooLong, "must be at most %d characters long", MaxDescriptionChars))
	} else if !IsText(w.Description) {
		errs = append(errs, Invalidf("description", CodeInvalid, "must be UTF-8 without U+0000"))
	}
	if len(w.RetryScheduleMs) > MaxRetries {
		errs = append(errs, Invalidf("retryScheduleMs", CodeTooMany, "must have at most %d delays", MaxRetries))
	}
	for i, ms := range w.RetryScheduleMs {
		if ms < 0 || int64(ms) > MaxRetryDelay.Milliseconds() {
			errs = append(errs, Invalidf(Index("retryScheduleMs", i), CodeOutOfRange,
				"must be from 0 to %d", MaxRetryDelay.Milliseconds()))
			break
		}
	}
	errs = append(errs, checkNoRetry(w.NoRetryStatuses))
	if t := w.TimeoutMs; t != nil && (int64(*t) < MinTimeout.Milliseconds() || int64(*t) > MaxTimeout.Milliseconds()) {
		errs = append(errs, Invalidf("timeoutMs", CodeOutOfRange,
			"must be from %d to %d", MinTimeout.Milliseconds(), MaxTimeout.Milliseconds()))
	}
	errs = append(errs, w.checkOwners()...)
	errs = append(errs, w.checkOrdering()...)
	if r := w.RatePerSecond; r != nil && (*r < 1 || *r > MaxRatePerSecond) {
		errs = append(errs, Invalidf("ratePerSecond", CodeOutOfRange, "must be from 1 to %d", MaxRatePerSecond))
	}
	return errors.Join(errs...)
}

// CheckEvents is Check for Events alone.
func (w *Webhook) CheckEvents() error {
	if len(w.Events) > MaxEvents {
		return Invalidf("events", CodeTooMany, "must name at most %d event types", MaxEvents)
	}
	var errs []error
	for i, e := range w.Events {
		if err := CheckSubscription(Index("events", i), e); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// IsText reports whether both databases can store s: UTF-8 without U+0000, which PostgreSQL refuses. All stored texts satisfy it,
// so a search for any other text finds nothing.
func IsText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

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
