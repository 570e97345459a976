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
}

// ScanClaimed reads a due delivery of the webhook with its event: the columns that the dialects' claims select.
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
