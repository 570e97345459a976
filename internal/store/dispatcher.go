package store

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What callers share with the databases.
type (
	// Target is a webhook with all that is needed to send to it.
	Target = dialect.Target
	// Claimed is a claimed delivery with all that an attempt needs.
	Claimed = dialect.Claimed
	// Result is an attempt that ended, to be recorded.
	Result = dialect.Result
)

// ClaimedSize is Size of a claimed delivery of the event.
func ClaimedSize(e *webhook.Event) int { return dialect.ClaimedSize(e) }

// Transient reports whether an error is the database's, and one that passes.
func Transient(err error) bool { return dialect.Transient(err) }

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

// audience is who is told of what was committed.
type audience struct {
	dispatcher Dispatcher
	attempts   func([]*webhook.Attempt) // nil: nobody
}

// Start sets who takes deliveries and who is told of attempts, once, before anything is published or recorded. Either may be
// nil: then every delivery waits to be claimed, and nobody is told. attempts is called after every commit, in commit order; it must
// return at once and must not change them.
func (s *Store) Start(d Dispatcher, attempts func([]*webhook.Attempt)) {
	if d == nil {
		d = noDispatcher{}
	}
	s.audience.Store(&audience{d, attempts})
	d.Nodes(s.db.Nodes())
}

// dispatcher is the sender, or one that takes nothing.
func (s *Store) dispatcher() Dispatcher { return s.audience.Load().dispatcher }

// watched reports whether somebody is told of attempts.
func (s *Store) watched() bool { return s.audience.Load().attempts != nil }

func (s *Store) tell(attempts []*webhook.Attempt) {
	if f := s.audience.Load().attempts; f != nil {
		f(attempts)
	}
}

// noDispatcher leaves every delivery to be claimed.
type noDispatcher struct{}

func (noDispatcher) Reserve(*Target, int) bool   { return false }
func (noDispatcher) Release(*Target, int)        {}
func (noDispatcher) Take(*Claimed)               {}
func (noDispatcher) Due(webhook.ID, time.Time)   {}
func (noDispatcher) Changed(*Target)             {}
func (noDispatcher) Nodes(int)                   {}
func (t noDispatcher) Batch(do func(Dispatcher)) { do(t) }
