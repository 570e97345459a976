package store

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Types that callers share with the databases.
type (
	// Target is a webhook with everything needed to send to it.
	Target = dialect.Target
	// Claimed is a claimed delivery with everything that an attempt needs.
	Claimed = dialect.Claimed
	// Result is a completed attempt, to be recorded.
	Result = dialect.Result
	// Change says what has changed of what is shown.
	Change = dialect.Change
	// Statuses is a set of statuses of deliveries.
	Statuses = dialect.Statuses
)

// ShownStatuses returns the set of the statuses.
func ShownStatuses(list []webhook.DeliveryStatus) Statuses { return dialect.ShownStatuses(list) }

// ClaimedSize returns the Size of a claimed delivery of the event.
func ClaimedSize(e *webhook.Event) int { return dialect.ClaimedSize(e) }

// Transient reports whether an error is a temporary one of the database.
func Transient(err error) bool { return dialect.Transient(err) }

// Dispatcher is the sender as the store sees it. Its methods are called from the store's own goroutines: they must return at once, and
// must not call the store, except for Target and Owners.
type Dispatcher interface {
	// Reserve reserves memory for one new delivery of size bytes. If it returns true, the delivery is claimed in the publishing
	// transaction, and Take or Release follows.
	Reserve(to *Target, size int) bool
	// Release returns a reservation: the transaction did not commit.
	Release(to *Target, size int)
	// Take takes over a reserved delivery, after commit.
	Take(claimed *Claimed)
	// Due tells, after commit, that a delivery of the webhook can be claimed from the given time on.
	Due(webhookID webhook.ID, at time.Time)
	// Changed tells, after commit, of a webhook that was created, changed, disabled, enabled or (DeletedAt set) deleted. was is the
	// snapshot before; nil if it was created.
	Changed(was, to *Target)
	// Batch calls do with a Dispatcher whose methods, except Batch and Nodes, do the same as this one's at a lower cost for many
	// calls. It is valid until do returns.
	Batch(do func(t Dispatcher))
	// Nodes tells how many nodes, including this one, share the deliveries.
	Nodes(n int)
}

// TargetDue is a webhook and when its next unclaimed delivery is due; nil when there is none.
type TargetDue struct {
	Target *Target
	Due    *time.Time
}

// audience receives what was committed.
type audience struct {
	dispatcher Dispatcher
	attempts   func([]*webhook.Attempt) // nil: nobody
}

// Start sets the receivers of deliveries and attempts, once, before anything is published or recorded. Either may be nil: without a
// dispatcher every delivery waits to be claimed. attempts is called after every commit, in commit order; it must return at once and
// must not change the attempts.
func (s *Store) Start(d Dispatcher, attempts func([]*webhook.Attempt)) {
	if d == nil {
		d = noDispatcher{}
	}
	s.audience.Store(&audience{d, attempts})
	d.Nodes(s.db.Nodes())
}

// dispatcher returns the sender, or one that takes nothing.
func (s *Store) dispatcher() Dispatcher { return s.audience.Load().dispatcher }

// watched reports whether attempts have a receiver.
func (s *Store) watched() bool { return s.audience.Load().attempts != nil }

func (s *Store) tell(attempts []*webhook.Attempt) {
	if f := s.audience.Load().attempts; f != nil {
		f(attempts)
	}
	if s.following() {
		s.tellChanges(dialect.Attempted(attempts))
	}
}

// Follower receives changes after their commit: those of this process and of the other nodes. A change may be received more than once. Its
// methods are called from the store's own goroutines: they must return at once and must not call the store.
type Follower interface {
	// Following reports whether anybody wants to know. While nobody does, changes are not told.
	Following() bool
	// Changed takes changes. It must not keep or change the slice.
	Changed(changes []Change)
}

// Follow sets the receiver of changes, once.
func (s *Store) Follow(f Follower) { s.follower.Store(&f) }

// following reports whether anybody in this process wants to know of changes.
func (s *Store) following() bool {
	f := s.follower.Load()
	return f != nil && (*f).Following()
}

// telling reports whether changes have to be kept for anybody, other nodes included.
func (s *Store) telling() bool { return s.following() || s.db.Nodes() > 1 }

// tellChanges tells the follower.
func (s *Store) tellChanges(changes []Change) {
	if len(changes) > 0 && s.following() {
		(*s.follower.Load()).Changed(changes)
	}
}

// changesOf returns the visible changes that new snapshots of webhooks make. It is called before they replace the known ones. Fields that
// only the sender uses do not count. Whether a webhook is enabled decides the status that all of its deliveries show.
func (s *Store) changesOf(targets map[webhook.ID]*Target) []Change {
	if len(targets) == 0 || !s.following() {
		return nil
	}
	var list []Change
	for id, to := range targets {
		if was := s.routes.Get(id); was == nil || !was.UpdatedAt.Equal(to.UpdatedAt) || to.DeletedAt != nil {
			list = append(list, Change{Tenant: to.TenantID, Webhook: id})
		}
	}
	return list
}

// noDispatcher leaves every delivery to be claimed.
type noDispatcher struct{}

func (noDispatcher) Reserve(*Target, int) bool   { return false }
func (noDispatcher) Release(*Target, int)        {}
func (noDispatcher) Take(*Claimed)               {}
func (noDispatcher) Due(webhook.ID, time.Time)   {}
func (noDispatcher) Changed(_, _ *Target)        {}
func (noDispatcher) Nodes(int)                   {}
func (t noDispatcher) Batch(do func(Dispatcher)) { do(t) }
