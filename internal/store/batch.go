package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Costs of what a transaction holds. One is about what it takes to write a row; a transaction is filled up to what can be done in
// batchTime (writer.limit).
const (
	costBytes  = 1 << 10 // bytes of data that take as long as a row, most of it in the commit
	costKey    = 8       // looking for an idempotency key and taking it
	costChange = 16      // a change that does not say
	costResult = 2       // an attempt and its delivery
)

// work is what one caller wants written: exactly one of the two.
type work struct {
	publish *publishing
	change  *change
}

// change is any other write. Its rows are rolled back alone when do fails.
type change struct {
	do       func(b *batch) error
	webhooks bool        // it may change webhooks
	tenant   *webhook.ID // in whose name; nil: the server's own, which may touch everybody's rows
	line     turns.Line  // where it waits
	cost     int         // about how many rows it writes
	done     chan error  // buffered: the caller may have gone
	taken    atomic.Bool // by the writer, which runs do, or by the caller, who goes before it does
	begun    bool        // it was the writer; of its goroutine only
}

// begin reports whether do may run: the caller waits for it from now on, because what it writes to is the caller's.
func (c *change) begin() bool {
	if !c.begun {
		c.begun = c.taken.CompareAndSwap(false, true)
	}
	return c.begun
}

// batch is the work of one transaction, and what must be told when it has committed.
type batch struct {
	dialect.Tx

	s *Store

	begun bool // the transaction: then an error may come of what the batch holds

	publish []part
	results []*Result
	changes []*change
	events  int           // in publish
	cost    int           // of everything
	took    time.Duration // by the statements
	pieces  []*fanout.Piece
	fanOuts []*fanout.Note // that it has made

	undo     []targetBefore // what targets had before the change that runs, in order
	changed  []*Target      // to be told to the dispatcher, in order
	reserved []*Claimed
	due      map[webhook.ID]time.Time
	disabled []*Target // by what they answered, or did not
	failures []error   // of changes, by index; they were rolled back alone
	noted    bool      // operational events wait to be published
}

// targetBefore is what targets had for a webhook; nil: nothing.
type targetBefore struct {
	id     webhook.ID
	target *Target
}

// holds is how many things the batch holds.
func (b *batch) holds() int { return len(b.publish) + len(b.results) + len(b.changes) + len(b.pieces) }

// dueAt remembers to tell the dispatcher of a delivery that can be claimed.
func (b *batch) dueAt(id webhook.ID, when time.Time) {
	if old, ok := b.due[id]; !ok || when.Before(old) {
		b.due[id] = when
	}
}

// setTarget makes to the webhook's snapshot from this transaction on.
func (b *batch) setTarget(to *Target) {
	b.noteTarget(to)
	b.changed = append(b.changed, to)
}

// noteTarget is setTarget for what the dispatcher does not need to know.
func (b *batch) noteTarget(to *Target) {
	b.undo = append(b.undo, targetBefore{to.ID, b.Targets[to.ID]})
	b.Targets[to.ID] = to
}

// target is the webhook's snapshot as this transaction sees it; nil when it is not there.
func (b *batch) target(id webhook.ID) *Target {
	if to, ok := b.Targets[id]; ok {
		return to
	}
	return b.s.routes.Get(id)
}

// release gives back what was reserved, but for the first.
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

// changeDeliveries is change for what leaves webhooks as they are: it waits for nobody who changes them.
func (s *Store) changeDeliveries(ctx context.Context, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do})
}

// changeFor is changeDeliveries for about so many rows of one tenant: it waits for that one's turn. The zero id is many tenants'.
func (s *Store) changeFor(ctx context.Context, tenant webhook.ID, rows int, do func(b *batch) error) error {
	return s.queue(ctx, &change{do: do, cost: rows, line: turns.Line{Tenant: tenant}})
}

// queue hands the change to the writer and waits for the commit. The error is webhook.ErrBusy when too many of the tenant's wait.
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
	// The writer is at it, and writes to what the caller reads: there is no way out before its answer, or its end.
	select {
	case err := <-c.done:
		return err
	case <-s.writer.ended:
		return lastAnswer(c.done)
	}
}

// lastAnswer is what the writer answered before it ended; it may have ended without looking.
func lastAnswer(done <-chan error) error {
	select {
	case err := <-done:
		return err
	default:
		return webhook.ErrUnavailable
	}
}
