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
	"github.com/hookgraph/hookgraph/internal/store/removal"
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
	webhooks bool        // it may change webhooks
	tenant   *webhook.ID // nil: a change of the server, which may write rows of all tenants
	line     turns.Line  // where it waits
	cost     int         // about how many rows it writes
	done     chan error  // buffered: the caller may have returned
	taken    atomic.Bool // by the writer, which runs do, or by the caller, which gives up first
	begun    bool        // taken by the writer; used only in its goroutine
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
	disabled []*Target    // by responses or failures
	failures []error      // of changes, by index; those were rolled back alone
	noted    bool         // operational events wait to be published
	counts   *stats.Delta // what happens in it
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

// remove removes the events, and returns their number.
func (s *Store) remove(ctx context.Context, tenant webhook.ID, e removal.Events) (events int, err error) {
	for done := false; !done; {
		var gone int
		err := s.changeFor(ctx, tenant, removal.Rows, func(b *batch) (err error) {
			gone, done, err = removal.Some(&b.Tx, b.s.db, e)
			return err
		})
		if err != nil {
			return events, fmt.Errorf("remove events: %w", err)
		}
		events += gone
	}
	return events, nil
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
	return nil
}
