package store

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Dispatcher is the sender as the store sees it. Its methods are called from the store's own goroutines: they must return at once and
// must not call the store.
type Dispatcher interface {
	// Reserve asks for room in memory for one new delivery of size bytes. True means that the delivery is claimed in the
	// publishing transaction, and that Take or Release follows.
	Reserve(to *Target, size int) bool
	// Release gives a reservation back: the transaction did not commit.
	Release(to *Target, size int)
	// Take hands a reserved delivery over, after commit.
	Take(claimed *Claimed)
	// Due tells, after commit, that a delivery of the webhook can be claimed from the given time on.
	Due(webhookID webhook.ID, at time.Time)
	// Changed tells, after commit, of a webhook that was created, changed, disabled, enabled or (DeletedAt set) deleted.
	Changed(to *Target)
	// Batch calls do with a Dispatcher whose methods, but for Batch and Nodes, do the same as this one's, for less when they are many. It
	// is valid until do returns.
	Batch(do func(t Dispatcher))
	// Nodes tells how many nodes share the deliveries, this one among them.
	Nodes(n int)
}

// TargetDue is a webhook and when its next unclaimed delivery is due; nil when there is none.
type TargetDue struct {
	Target *Target
	Due    *time.Time
}

// Published is what became of one event of a Publish.
type Published struct {
	Event     *webhook.Event
	Duplicate bool  // the idempotency key was known, with the same content: Event is the one stored before
	Err       error // *webhook.Invalid (joined) or another expected error; Event is nil then and nothing was stored
}

// Page selects a part of a list by keyset: at most one of First and Last, 1 to 100, is set. After and Before are the Seq
// of a row (0: none), in the list's own order.
type Page struct {
	First, Last   int
	After, Before int64
}

// List is a page of rows.
type List[T any] struct {
	Items []*T
	// HasNext and HasPrev say that there are more rows on that side, or that it has not been searched.
	HasNext, HasPrev bool
	// Start and End are where pages before and after this one begin: cursors, as Page has them.
	Start, End int64
	// SearchedTo is when the last row was made that was looked at; nil when the page is as long as asked, or the list has ended.
	SearchedTo *time.Time
}

// TimeRange is half-open: From <= t < To. Nil means no limit on that side.
type TimeRange struct {
	From, To *time.Time
}

// WebhookFilter narrows a list of webhooks. Zero fields do not filter.
type WebhookFilter struct {
	Enabled   *bool
	EventType string // that get events of it
	URL       string // that contain it
	// ExternalID is the whole of it.
	ExternalID string
}

// EventFilter narrows a list of events. Zero fields do not filter.
type EventFilter struct {
	Types     []string
	CreatedAt TimeRange
}

// DeliveryFilter narrows a list of deliveries. Zero fields do not filter.
type DeliveryFilter struct {
	WebhookIDs []webhook.ID
	EventIDs   []webhook.ID
	EventTypes []string
	Statuses   []webhook.DeliveryStatus
	CreatedAt  TimeRange
}

// AttemptFilter narrows a list of attempts, and the live stream. Zero fields do not filter.
type AttemptFilter struct {
	WebhookIDs  []webhook.ID
	DeliveryIDs []webhook.ID
	EventIDs    []webhook.ID
	EventTypes  []string
	Statuses    []webhook.AttemptStatus
	Errors      []webhook.ErrorCode
	Triggers    []webhook.Trigger
	StartedAt   TimeRange
}
