package dialect

import (
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Target is a webhook with its active secrets and its custom headers: an immutable snapshot that the routing table, the
// sender and what is claimed share.
type Target struct {
	webhook.Webhook
	Secrets []*webhook.Secret
	Headers []*webhook.CustomHeader
}

// Claimed is a claimed delivery with all that an attempt needs. Event and Target are shared and must not be changed.
type Claimed struct {
	Delivery webhook.Delivery
	Event    *webhook.Event
	Target   *Target

	Lease *Lease // nil: it does not end
}

// Lost reports that the claim has ended, or may have: somebody else may be making the attempt.
func (claimed *Claimed) Lost() bool { return claimed.Lease != nil && claimed.Lease.Lost() }

// Size is what a claimed delivery is charged for in memory, in bytes.
func (claimed *Claimed) Size() int { return ClaimedSize(claimed.Event) }

// ClaimedSize is Size of a claimed delivery of the event.
func ClaimedSize(e *webhook.Event) int { return len(e.Data) + 1024 }

// Lease is a node's right to its claims.
type Lease struct {
	Node  int64
	until atomic.Int64 // in time since started; by this process's clock, from before it was renewed
}

// started is what leases are reckoned from: monotonic, and it goes on while the process is frozen.
var started = time.Now()

// Renewed notes until when the lease is the node's, by this process's clock.
func (l *Lease) Renewed(until time.Time) {
	l.until.Store(int64(until.Sub(started)))
}

// Lost reports that the lease has ended, or may have.
func (l *Lease) Lost() bool { return int64(time.Since(started)) > l.until.Load() }

// End gives the lease up.
func (l *Lease) End() { l.until.Store(-1) }

// Result is an attempt that ended, to be recorded.
type Result struct {
	Claimed *Claimed
	// Attempt holds what was sent and came back; the store sets Seq, ID, TenantID, the other ids and Number.
	Attempt webhook.Attempt
	// RetryAfter is what the receiver asked for; 0 when it did not.
	RetryAfter time.Duration
	// Gone says that the receiver answered 410, which disables the webhook.
	Gone bool
	// Written, when not nil, is called once Record has taken the result and the store holds it no more.
	Written func()
}

// Release tells that the store holds the result no more.
func (r *Result) Release() {
	if r.Written != nil {
		r.Written()
	}
}

// Bytes is what the receiver answered.
func (r *Result) Bytes() int { return len(r.Attempt.ResponseBody) + len(r.Attempt.ResponseHeaders) }

// Outcome is what a result makes of its delivery.
type Outcome struct {
	*Result
	Status    webhook.DeliveryStatus
	Due       *time.Time
	Completed *time.Time
}

// Finished is what a delivery became.
type Finished struct {
	Status webhook.DeliveryStatus
	Start  int // its ScheduleStart
	// Was is what it was before: PENDING, or CANCELED while its attempt ran.
	Was webhook.DeliveryStatus
}

// Texts that both databases say of deliveries; how they find the rows is their own.
const (
	// Due are the columns of a due delivery and its event, in the order in which ScanClaimed reads them.
	Due = `d.seq, d.id, d.event_id, d.attempt_count, d.schedule_start, d.triggered_by, d.created_at, e.seq, e.type, e.timestamp, e.created_at, e.data`

	// Succeeds is what an attempt that succeeds makes of its delivery, but for completed_at.
	Succeeds = "attempt_count = attempt_count + 1, claimed_by = NULL, due_at = NULL, triggered_by = 'SCHEDULE', status = 'SUCCEEDED'"

	// Ends is what any attempt makes of its delivery, as v (n, status, due_at, completed_at) says. One that was canceled while its attempt
	// ran stays so, unless the attempt succeeded.
	Ends = `attempt_count = v.n, claimed_by = NULL, triggered_by = 'SCHEDULE',
		status = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN 'CANCELED' ELSE v.status END,
		due_at = CASE WHEN deliveries.status = 'CANCELED' THEN NULL ELSE v.due_at END,
		completed_at = CASE WHEN deliveries.status = 'CANCELED' AND v.status <> 'SUCCEEDED' THEN deliveries.completed_at ELSE v.completed_at END,
		failure_reason = CASE WHEN deliveries.status <> 'CANCELED' AND v.status = 'FAILED' THEN 'RETRIES_EXHAUSTED' END`

	// Ended are the columns of a delivery that ended: its Seq, and those of Finished.
	Ended = "deliveries.seq, deliveries.status, deliveries.schedule_start"
)

// NextDue selects when the next unclaimed delivery of a webhook is due, which the text names: a parameter or a column.
func NextDue(webhook string) string {
	return "SELECT d.due_at FROM deliveries d WHERE d.webhook_id = " + webhook + " AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1"
}

// Unclaims is what giving back makes of a claimed delivery: it is due from a time on, which the text names, if it is owed.
func Unclaims(from string) string {
	return "claimed_by = NULL, due_at = CASE WHEN status = 'PENDING' THEN " + from + " END"
}

// ScanClaimed reads a due delivery of the webhook with its event: the columns Due.
func ScanClaimed(rows *sql.Rows, to *Target) (*Claimed, error) {
	claimed := &Claimed{Event: &webhook.Event{TenantID: to.TenantID}, Target: to, Delivery: webhook.Delivery{
		TenantID: to.TenantID, WebhookID: to.ID, Status: webhook.Pending,
	}}
	d, e := &claimed.Delivery, claimed.Event
	var made, happened, published Micros
	if err := rows.Scan(&d.Seq, &d.ID, &d.EventID, &d.AttemptCount, &d.ScheduleStart, &d.Trigger, &made,
		&e.Seq, &e.Type, &happened, &published, &e.Data); err != nil {
		return nil, err
	}
	e.ID, d.CreatedAt, e.Timestamp, e.CreatedAt = d.EventID, made.Time(), happened.Time(), published.Time()
	return claimed, nil
}
