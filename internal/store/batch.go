package store

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Costs of work in a transaction. One is about the cost of writing a row; a transaction is filled up to what can be done in
// batchTime (writer.limit).
const (
	costBytes  = 1 << 10 // bytes of data that take as long as a row, mostly in the commit
	costKey    = 8       // looking up an idempotency key and inserting it
	costChange = 16      // a change without a cost of its own
	costResult = 2       // an attempt and its delivery
)

// work is the write of one caller: exactly one of the two fields is set.
type work struct {
	publish *publishing
	change  *change
}

// change is any other write. If do fails, only its rows are rolled back.
type change struct {
	do       func(b *batch) error
	webhooks bool         // it may change webhooks
	tenant   *webhook.ID  // nil: a change of the server, which may write rows of all tenants
	line     turns.Line   // where it waits
	cost     int          // about how many rows it writes
	lines    []webhook.ID // of deliveries that may enter or leave them
	done     chan error   // buffered: the caller may have returned
	taken    atomic.Bool  // by the writer, which runs do, or by the caller, which gives up first
	begun    bool         // taken by the writer; used only in its goroutine
}

// begin reports whether do may run. From then on the caller waits for it, because do writes to the caller's variables.
func (c *change) begin() bool {
	if !c.begun {
		c.begun = c.taken.CompareAndSwap(false, true)
	}
	return c.begun
}

// batch is the work of one transaction, and the notifications after its commit.
type batch struct {
	dialect.Tx

	s *Store

	begun bool // the transaction has begun, so an error may be caused by the batch's work

	publish []part
	results []*Result
	changes []*change
	events  int           // in publish
	cost    int           // of everything
	took    time.Duration // by the statements
	pieces  []*fanout.Piece
	fanOuts []*fanout.Note // created by this batch

	undo     []targetBefore // what targets had before the running change, in order
	changed  []targetChange // to report to the dispatcher, in order
	reserved []*Claimed
	due      map[webhook.ID]time.Time
	disabled []*Target           // by responses or failures
	enabled  []*Target           // by callers
	failures []error             // of changes, by index; those were rolled back alone
	noted    bool                // operational events wait to be published
	counts   *stats.Delta        // what happens in it
	locked   map[webhook.ID]bool // lines, from the start of the transaction
}

// targetBefore is the previous entry of a webhook in targets; nil if it had none.
type targetBefore struct {
	id     webhook.ID
	target *Target
}

// targetChange is a webhook before and after a change; was is nil if it was created.
type targetChange struct{ was, to *Target }

// holds returns the number of works in the batch.
func (b *batch) holds() int { return len(b.publish) + len(b.results) + len(b.changes) + len(b.pieces) }

// dueAt notes that the dispatcher must be told of a delivery that can be claimed.
func (b *batch) dueAt(id webhook.ID, when time.Time) {
	if old, ok := b.due[id]; !ok || when.Before(old) {
		b.due[id] = when
	}
}

// setTarget makes to the webhook's snapshot from this transaction on.
func (b *batch) setTarget(to *Target) {
	b.changed = append(b.changed, targetChange{b.target(to.ID), to})
	b.noteTarget(to)
}

// noteTarget is setTarget for changes that the dispatcher does not need.
func (b *batch) noteTarget(to *Target) {
	b.undo = append(b.undo, targetBefore{to.ID, b.Targets[to.ID]})
	b.Targets[to.ID] = to
}

// target returns the webhook's snapshot in this transaction; nil if it does not exist.
func (b *batch) target(id webhook.ID) *Target {
	if to, ok := b.Targets[id]; ok {
		return to
	}
	return b.s.routes.Get(id)
}

// tellLater notes a change that is told after the commit, if anybody wants to know.
func (b *batch) tellLater(c Change) {
	if b.s.telling() {
		b.Changes = append(b.Changes, c)
	}
}

// release returns all reservations except the first.
func (b *batch) release(first int) {
	if lost := b.reserved[first:]; len(lost) > 0 {
		b.s.dispatcher().Batch(func(t Dispatcher) {
			for _, claimed := range lost {
				t.Release(claimed.Target, claimed.Size())
			}
		})
	}
	b.reserved = b.reserved[:first]
}

// change runs do in a transaction and waits for the commit.
func (s *Store) change(ctx context.Context, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do, webhooks: true})
}

// changeDeliveries is change for writes that change no webhook: it does not wait for changes of webhooks.
func (s *Store) changeDeliveries(ctx context.Context, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do})
}

// changeLines is changeFor for deliveries of the lines.
func (s *Store) changeLines(ctx context.Context, tenant webhook.ID, rows int, lines []webhook.ID, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do, cost: rows, line: turns.Line{Tenant: tenant}, lines: lines})
}

// changeFor is changeDeliveries for about the given number of rows of one tenant, whose turn it waits for. The zero id means
// several tenants.
func (s *Store) changeFor(ctx context.Context, tenant webhook.ID, rows int, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do, cost: rows, line: turns.Line{Tenant: tenant}})
}

// queue passes the change to the writer and waits for the commit. The error is webhook.ErrBusy if too many of the tenant's changes
// wait.
func (s *Store) queue(ctx context.Context, c *change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.writer.quit:
		return webhook.ErrUnavailable
	default:
	}
	c.done = make(chan error, 1)
	c.cost += costChange
	if c.tenant != nil {
		c.line.Tenant = *c.tenant
	} else {
		c.line.Server = true
	}
	if !s.writer.calls.Add(c.line, work{change: c}) {
		return webhook.ErrBusy
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-s.writer.ended:
		return lastAnswer(c.done)
	}
	// The writer is running do, which writes to the caller's variables, so the caller must wait for its answer or its end.
	select {
	case err := <-c.done:
		return err
	case <-s.writer.ended:
		return lastAnswer(c.done)
	}
}

// lastAnswer returns the writer's answer before it ended; it may have ended without taking the change.
func lastAnswer(done <-chan error) error {
	select {
	case err := <-done:
		return err
	default:
		return webhook.ErrUnavailable
	}
}

// audit adds an entry to the audit log, in the transaction of the change. by is nil for whoever opened the store.
func (b *batch) audit(by *webhook.Actor, tenant *webhook.ID, action webhook.AuditAction, object webhook.ID, changes []webhook.AuditChange) error {
	if by == nil {
		by = &b.s.opts.Actor
	}
	now := b.Now.UTC().Truncate(time.Microsecond)
	e := webhook.AuditEntry{ID: webhook.NewID(now), TenantID: tenant, CreatedAt: now, Actor: *by, Action: action, ObjectID: object, Changes: changes}
	e.Actor.Kind = cmp.Or(e.Actor.Kind, webhook.ActorServer)
	if err := b.DB.Create(&e).Error; err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	told := Change{Audit: true}
	if tenant != nil {
		told.Tenant = *tenant
	}
	b.tellLater(told)
	return nil
}

// MaxNodes is the maximum number of nodes that Nodes returns.
const MaxNodes = dialect.MaxNodes

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
	// Process describes a process among the nodes.
	Process = dialect.Process
	// Node is a process that may hold claims, or did.
	Node = dialect.Node
	// Statuses is a set of statuses of deliveries.
	Statuses = dialect.Statuses
)

// Every transaction of the writer counts what it does, in memory, and adds one row to the journal of statistics: what is committed is counted,
// once (I18). Whatever changes the status of a delivery says so by b.counts.

// startCounting is before each try of a transaction.
func (b *batch) startCounting() {
	b.counts = &b.s.tally.all
	b.counts.Reset()
	b.s.tally.seen.Reset()
}

// countApart counts what a change does separately until its outcome is known, which the caller passes to done.
func (b *batch) countApart() (done func(stands bool)) {
	outer := b.counts
	b.counts = &b.s.tally.part
	b.counts.Reset()
	return func(stands bool) {
		if stands && !b.counts.Empty() {
			outer.Merge(b.counts)
		}
		b.counts = outer
	}
}

// journal writes what was counted.
func (b *batch) journal() error {
	if b.counts.Empty() {
		return nil
	}
	c := &b.s.tally
	c.data = b.counts.Append(c.data[:0], b.Now.UnixMicro())
	if err := b.s.db.Journal(&b.Tx, c.data); err != nil {
		return fmt.Errorf("journal statistics: %w", err)
	}
	return nil
}

func statsKey(to *Target, eventType string) stats.Key {
	return stats.Key{Tenant: stats.Tenant(to.TenantID), Webhook: to.Seq, Type: eventType}
}

// countOutcome counts an attempt that was recorded, and the end of its delivery. is says what the delivery was before.
func (b *batch) countOutcome(o *dialect.Outcome, is dialect.Finished, a *webhook.Attempt) {
	k := statsKey(o.Claimed.Target, o.Claimed.Event.Type)
	b.counts.Attempted(k, statistics.Attempt(a))
	if seen := &b.s.tally.seen; a.Number > 1 {
		seen.Retries++
	} else if a.ResponseStatus != nil && a.Trigger == webhook.TriggerSchedule {
		seen.Arrival.Add(arrived(a).Sub(since(o.Claimed)).Microseconds())
	}
	switch o.Status {
	case webhook.DeliverySucceeded:
		b.counts.Ended(k, stats.Succeeded, 1, is.Was == webhook.Pending)
		if is.Start == 0 && o.Claimed.Delivery.ReplayID == nil { // a replay's would tell how old the event is
			b.counts.Delivered(k, b.Now.Sub(o.Claimed.Event.CreatedAt).Microseconds())
		}
	case webhook.DeliveryFailed:
		b.counts.Ended(k, stats.Failed, 1, true)
	}
}

// since returns from when on the delivery could be sent.
func since(c *Claimed) time.Time {
	if at := c.Delivery.DeliverAt; at != nil && at.After(c.Event.CreatedAt) {
		return *at
	}
	return c.Event.CreatedAt
}

// arrived returns when the receiver's response to the attempt began.
func arrived(a *webhook.Attempt) time.Time {
	us := a.FirstByteUs
	if us == 0 {
		us = a.DurationUs
	}
	return a.StartedAt.Add(time.Duration(us) * time.Microsecond)
}

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
	// transaction, and Take or Release follows. The webhook is disabled only if the delivery is a probe.
	Reserve(to *Target, size int) bool
	// Busy reports whether the sender has enough deliveries of the tenant for now: more would only take memory.
	Busy(tenant webhook.ID) bool
	// Release returns a reservation: the transaction did not commit.
	Release(to *Target, size int)
	// Take takes over a reserved delivery, after commit.
	Take(claimed *Claimed)
	// Due tells, after commit, that a delivery of the webhook can be claimed from the given time on.
	Due(webhookID webhook.ID, at time.Time)
	// Changed tells, after commit, of a webhook that was created, changed, disabled, enabled or (DeletedAt set) deleted. was is the
	// snapshot before; nil if it was created.
	Changed(was, to *Target)
	// Batch calls do with a Dispatcher whose methods, except Batch, Nodes and Claimed, do the same as this one's at a lower cost for many
	// calls. It is valid until do returns.
	Batch(do func(t Dispatcher))
	// Nodes tells how many nodes, including this one, share the deliveries.
	Nodes(n int)
	// Claimed returns the number of deliveries in memory, including reservations.
	Claimed() int
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
func (noDispatcher) Busy(webhook.ID) bool        { return false }
func (noDispatcher) Release(*Target, int)        {}
func (noDispatcher) Take(*Claimed)               {}
func (noDispatcher) Due(webhook.ID, time.Time)   {}
func (noDispatcher) Changed(_, _ *Target)        {}
func (noDispatcher) Nodes(int)                   {}
func (noDispatcher) Claimed() int                { return 0 }
func (t noDispatcher) Batch(do func(Dispatcher)) { do(t) }
