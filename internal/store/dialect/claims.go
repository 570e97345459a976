package dialect

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// Target is a webhook with its active secrets and its custom headers: an immutable snapshot that the routing table, the
// sender and claimed deliveries share.
type Target struct {
	webhook.Webhook
	Secrets []*webhook.Secret
	Headers []*webhook.CustomHeader
	// Authentication is what requests authenticate with besides their signature; nil: nothing.
	Authentication *webhook.Authentication
	Filter         *filter.Filter // the webhook's, compiled; nil: none
}

// Wants reports whether an event of a type that the webhook subscribes to matches its filter.
func (to *Target) Wants(e *webhook.Event) bool {
	return to.Filter == nil || to.Filter.Match(e.Type, e.Tags, e.Data)
}

// maxRefusalEvents is how many of the types that a webhook subscribes to Refusal tells.
const maxRefusalEvents = 3

// Refusal says in words why the webhook does not get an event; "" if it gets it. The text quotes its settings and the payload, shortened.
func (to *Target) Refusal(e *webhook.Event) string {
	switch {
	case to.Subscribes(e.Type):
	case len(to.Events) == 0:
		return fmt.Sprintf("type is %q; the webhook subscribes to all published types, which do not begin with %s", e.Type, webhook.OperationalPrefix)
	case len(to.Events) > maxRefusalEvents:
		return fmt.Sprintf("type is %q; the webhook subscribes to %s and %d more", e.Type, strings.Join(to.Events[:maxRefusalEvents], ", "), len(to.Events)-maxRefusalEvents)
	default:
		return fmt.Sprintf("type is %q; the webhook subscribes to %s", e.Type, strings.Join(to.Events, ", "))
	}
	if to.Webhook.Filter == nil || to.Wants(e) {
		return ""
	}
	why, err := filter.Explain([]byte(*to.Webhook.Filter), e.Type, e.Tags, e.Data)
	if err != nil {
		return "the stored filter is not valid in this version of the server, so that no event matches it; set it again"
	}
	return why
}

// FilterBytes is the length of the filter's source.
func (to *Target) FilterBytes() int {
	if to.Webhook.Filter == nil {
		return 0
	}
	return len(*to.Webhook.Filter)
}

// Wanted says which webhooks want an event. Events are matched with filters before transactions, for which it takes too long.
type Wanted struct {
	// Version is that of the tenant's webhooks in the routing table, and By are those of them that want the event.
	Version uint64
	By      []*Target

	together filter.Answers
	answers  []answer
	known    map[*filter.Filter]bool // the answers, once one is asked for
}

// answer says whether an event matches a filter.
type answer struct {
	filter *filter.Filter
	is     bool
}

// Match matches the event with the filters of webhooks, and adds those that want it. It keeps the answers.
func (w *Wanted) Match(e *webhook.Event, webhooks []*Target) {
	for _, to := range webhooks {
		is := to.Wants(e)
		w.answers = append(w.answers, answer{to.Filter, is})
		if is {
			w.By = append(w.By, to)
		}
	}
}

// MatchTogether matches the event with filters in one walk over its data, keeps the answers, and returns them.
func (w *Wanted) MatchTogether(e *webhook.Event, filters *filter.Together) *filter.Answers {
	w.together = filters.Match(e.Type, e.Tags, e.Data)
	return &w.together
}

// Answer returns whether the event matches a filter, if it was matched with it. One goroutine at a time may call it. w may be nil.
func (w *Wanted) Answer(f *filter.Filter) (is, known bool) {
	if w == nil {
		return false, false
	}
	if is, known := w.together.Is(f); known {
		return is, known
	}
	if w.known == nil {
		w.known = make(map[*filter.Filter]bool, len(w.answers))
		for _, a := range w.answers {
			w.known[a.filter] = a.is
		}
	}
	is, known = w.known[f]
	return is, known
}

// Compile compiles the filter of the webhook. The error consists of *webhook.Invalid.
func (to *Target) Compile() (err error) {
	if to.Filter = nil; to.Webhook.Filter != nil {
		to.Filter, err = filter.Compile("filter", []byte(*to.Webhook.Filter))
	}
	return err
}

// CompileStored is Compile for a stored filter. If this version of the server does not accept it, no event matches it until it is set again: what
// a webhook does not get can be sent later, and what it must not get cannot be taken back.
func (to *Target) CompileStored() error {
	err := to.Compile()
	if err != nil {
		to.Filter = filter.Nothing
	}
	return err
}

// Claimed is a claimed delivery with everything that an attempt needs. Event and Target are shared and must not be changed.
type Claimed struct {
	Delivery webhook.Delivery
	Event    *webhook.Event
	Target   *Target

	Lease *Lease // nil: the claim does not expire
}

// Lost reports whether the claim has expired or may have expired: another node may be making the attempt.
func (claimed *Claimed) Lost() bool { return claimed.Lease != nil && claimed.Lease.Lost() }

// Size is the memory that a claimed delivery counts for, in bytes.
func (claimed *Claimed) Size() int { return ClaimedSize(claimed.Event) }

// ClaimedSize returns the Size of a claimed delivery of the event.
func ClaimedSize(e *webhook.Event) int { return len(e.Data) + 1024 }

// Lease is a node's right to its claims.
type Lease struct {
	Node  int64
	until atomic.Int64 // time since started, by this process's clock; reckoned from before the renewal
}

// started is the origin of leases' times. It is monotonic, and time passes while the process is frozen.
var started = time.Now()

// Renewed sets the time at which the lease expires, by this process's clock.
func (l *Lease) Renewed(until time.Time) {
	l.until.Store(int64(until.Sub(started)))
}

// Lost reports whether the lease has expired or may have expired.
func (l *Lease) Lost() bool { return int64(time.Since(started)) > l.until.Load() }

// End releases the lease.
func (l *Lease) End() { l.until.Store(-1) }

// Result is a completed attempt to record.
type Result struct {
	Claimed *Claimed
	// Attempt has the request and the response; the store sets Seq, ID, TenantID, the other ids and Number.
	Attempt webhook.Attempt
	// RetryAfter is the delay that the receiver requested; 0 if none.
	RetryAfter time.Duration
	// Gone means that the receiver answered 410, which disables the webhook.
	Gone bool
	// Span is that of the attempt, and from Record on that of recording it; nil: it is not traced.
	Span *tracing.Span
	// Written, if not nil, is called once, when the store no longer holds the result.
	Written func()
}

// Release calls Written: the store no longer holds the result.
func (r *Result) Release() {
	r.Span.Recorded(nil)
	if r.Written != nil {
		r.Written()
	}
}

// Bytes returns the size of the receiver's answer.
func (r *Result) Bytes() int { return len(r.Attempt.ResponseBody) + len(r.Attempt.ResponseHeaders) }

// Outcome is the new state of a delivery after a result.
type Outcome struct {
	*Result
	Status    webhook.DeliveryStatus
	Due       *time.Time
	Completed *time.Time
	Reason    webhook.FailureReason // of a status FAILED
}

// Finished is the state that a delivery got.
type Finished struct {
	Status webhook.DeliveryStatus
	Start  int // its ScheduleStart
	// Was is its status before: PENDING, or CANCELED if it was canceled while its attempt ran.
	Was webhook.DeliveryStatus
	// Replay is the replay that it is part of, which it may have left since it was claimed; nil: none.
	Replay *webhook.ID
}

// Parts of statements about deliveries that both databases share. Each finds the rows in its own way.
const (
	// Due are the columns of a due delivery and its event, in the order in which ScanClaimed reads them.
	Due = `d.seq, d.id, d.event_id, d.attempt_count, d.schedule_start, d.triggered_by, d.created_at, d.replay_id, d.line, d.deliver_at, d.expires_at, d.payload_version,
		CASE WHEN d.payload_version IS NOT NULL THEN e.tags END, e.seq, e.type, e.timestamp, e.created_at, e.traceparent, e.test, e.data`

	// Succeeds sets the columns of a delivery whose attempt succeeded, except completed_at.
	Succeeds = "attempt_count = attempt_count + 1, claimed_by = NULL, due_at = NULL, triggered_by = 'SCHEDULE', status = 'SUCCEEDED', place = NULL"

	// Ends sets the columns of a delivery whose attempt ended to those of v (n, status, due_at, completed_at, reason). A delivery that was canceled
	// while its attempt ran stays canceled, unless the attempt succeeded. One that failed keeps its place until its line advances (Promote).
	Ends = `attempt_count = v.n, claimed_by = NULL, triggered_by = 'SCHEDULE',
		status = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN 'CANCELED' ELSE v.status END,
		due_at = CASE WHEN deliveries.status = 'CANCELED' THEN NULL ELSE v.due_at END,
		completed_at = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN deliveries.completed_at ELSE v.completed_at END,
		failure_reason = CASE WHEN deliveries.status <> 'CANCELED' AND v.status = 'FAILED' THEN v.reason END,
		place = CASE WHEN deliveries.status <> 'CANCELED' AND v.status <> 'SUCCEEDED' THEN deliveries.place END`

	// Ended are the columns of a delivery whose attempt ended: its Seq, and those of Finished.
	Ended = "deliveries.seq, deliveries.status, deliveries.schedule_start, deliveries.replay_id"
)

// NextDue returns a query for the time when the next unclaimed delivery of a webhook is due. webhook is a parameter or a column.
func NextDue(webhook string) string {
	return "SELECT d.due_at FROM deliveries d WHERE d.webhook_id = " + webhook + " AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1"
}

// Unclaims returns the columns that releasing the claim of a delivery sets: a pending one is due at the time that the text names, and one
// that was canceled meanwhile leaves its line.
func Unclaims(from string) string {
	return "claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN " + from + " END, place = CASE WHEN status = 'PENDING' THEN place END"
}

// ScanClaimed reads the columns Due: a due delivery of the webhook, with its event.
func ScanClaimed(rows *sql.Rows, to *Target) (*Claimed, error) {
	claimed := &Claimed{Event: &webhook.Event{TenantID: to.TenantID}, Target: to, Delivery: webhook.Delivery{
		TenantID: to.TenantID, WebhookID: to.ID, Status: webhook.Pending,
	}}
	d, e := &claimed.Delivery, claimed.Event
	var made, happened, published Micros
	var deliver, expires *Micros
	var tags *string // which only payloads use
	if err := rows.Scan(&d.Seq, &d.ID, &d.EventID, &d.AttemptCount, &d.ScheduleStart, &d.Trigger, &made, &d.ReplayID, &d.Line, &deliver, &expires, &d.PayloadVersion, &tags,
		&e.Seq, &e.Type, &happened, &published, &e.Traceparent, &e.Test, &e.Data); err != nil {
		return nil, err
	}
	d.DeliverAt, d.ExpiresAt = MaybeTime(deliver), MaybeTime(expires)
	e.ID, d.CreatedAt, e.Timestamp, e.CreatedAt = d.EventID, made.Time(), happened.Time(), published.Time()
	return claimed, SetTags(e, tags)
}

// SetTags sets an event's tags to those of its row; nil: none.
func SetTags(e *webhook.Event, stored *string) error {
	if stored == nil {
		return nil
	}
	if err := json.Unmarshal([]byte(*stored), &e.Tags); err != nil {
		return fmt.Errorf("tags of event %s: %w", e.ID, err)
	}
	return nil
}
