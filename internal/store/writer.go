package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of one transaction. What is waiting is taken, nothing waits for more to come; results and events are merged by kind into
// multi-row statements. A call that comes meanwhile waits for it and for its own, so it is short: its statements take about
// shortTime, by how long those before took for what they held (see turns.go for what things cost). While one tenant alone calls, and
// no large fan-out waits, they take batchTime: a smaller part of that is waiting for the disk.
const (
	shortTime = 2 * time.Millisecond
	batchTime = 10 * time.Millisecond
	minShort  = 128  // a transaction may cost this however slow the database is: each waits for the disk
	minBatch  = 1024 // and this, if it may take batchTime
	maxBatch  = 4096 // and this at most, however fast
)

// writer is the one place that writes: it merges what callers want written into one transaction after the other, and
// answers each after the commit (group commit), so that the cost of an fsync is shared.
type writer struct {
	s       *Store
	calls   *turns
	results chan *Result
	large   chan *Result // those of more than largeResult bytes
	pauses  chan func()  // to be called between two transactions
	quit    chan struct{}
	stuck   atomic.Bool   // results that failed to be written are being tried again
	ended   chan struct{} // closed when run has returned: nobody is answered any more
	once    sync.Once

	// What the last transactions held and how long they took, the older ones counting less. Of run's goroutine only.
	cost, took float64
}

// change is any other write. Its rows are rolled back alone when do fails.
type change struct {
	do       func(b *batch) error
	webhooks bool        // it may change webhooks
	tenant   *webhook.ID // in whose name; nil: the server's own, which may touch everybody's rows
	line     lineOf      // where it waits
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

func newWriter(s *Store) *writer {
	return &writer{
		s:       s,
		calls:   newTurns(),
		results: make(chan *Result, 4096),
		large:   make(chan *Result, 1024),
		pauses:  make(chan func()),
		quit:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
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
	pieces  []*piece
	fanOuts []*fanOut // that it has made

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

// run writes until close, and then what is still queued.
func (w *writer) run() {
	defer close(w.ended)
	for {
		b := &batch{s: w.s}
		select {
		case r := <-w.results:
			b.addResult(r)
		case r := <-w.large:
			b.addResult(r)
		case <-w.calls.ready:
		case <-w.s.fans.ready:
		case pause := <-w.pauses:
			pause()
			continue
		case <-w.quit:
			for w.fill(b) {
				w.commit(b)
				b = &batch{s: w.s}
			}
			return
		}
		if w.fill(b) {
			w.commit(b)
		}
	}
}

// limit is what one transaction may cost.
func (w *writer) limit() int {
	if w.calls.alone(time.Now()) && !w.s.fans.waits() {
		return w.within(batchTime, minBatch)
	}
	return w.within(shortTime, minShort)
}

// within is what can be done in that time, but not less than least.
func (w *writer) within(t time.Duration, least int) int {
	if w.took == 0 {
		return least
	}
	return int(max(float64(least), min(maxBatch, w.cost/w.took*float64(t))))
}

// learn notes how long a transaction took. Small ones tell little of what a row costs.
func (w *writer) learn(b *batch) {
	if b.cost >= minShort/2 && b.took > 0 {
		w.cost, w.took = w.cost*7/8+float64(b.cost), w.took*7/8+float64(b.took)
	}
}

// fill takes what is waiting, and reports whether the batch holds anything. Results and calls may have a half each, of which large
// fan-outs get a part when there are any, and everybody has what the others leave.
func (w *writer) fill(b *batch) bool {
	limit := w.limit()
	w.fillResults(b, w.results, limit/2)
	w.fillResults(b, w.large, b.cost+limit/4) // never many: their bytes are what takes long
	w.calls.fill(b, limit-w.s.fans.share(limit))
	w.s.fans.fill(b, limit)
	w.fillResults(b, w.results, limit)
	w.calls.fill(b, limit)
	return b.holds() > 0
}

// holds is how many things the batch holds.
func (b *batch) holds() int { return len(b.publish) + len(b.results) + len(b.changes) + len(b.pieces) }

func (w *writer) fillResults(b *batch, from <-chan *Result, limit int) {
	for b.cost < limit {
		select {
		case r := <-from:
			b.addResult(r)
		default:
			return
		}
	}
}

func (b *batch) addResult(r *Result) {
	b.results = append(b.results, r)
	b.cost += costResult + r.Bytes()/costBytes
}

func (w *writer) close() { w.once.Do(func() { close(w.quit) }) }

// commit writes the batch, alone item by item when it fails as a whole, and answers everyone. Results are tried again
// until they are written: what was sent must be known.
func (w *writer) commit(b *batch) {
	err := b.write()
	if err == nil {
		w.learn(b)
		b.answer()
		return
	}
	// A transaction that could not begin is nobody's fault, and each alone would wait as long for the database.
	if parts := b.split(); b.begun && len(parts) > 1 {
		if len(b.results) > 0 { // are the last part: Flush waits for it
			w.stuck.Store(true)
			defer w.stuck.Store(false)
		}
		for _, part := range parts {
			w.commit(part)
		}
		return
	}
	refused := fmt.Errorf("%w: %w", webhook.ErrUnavailable, err) // a deadline that has passed is the writer's own
	for _, p := range b.publish {
		p.refuse(refused)
	}
	for _, c := range b.changes {
		c.done <- refused
	}
	w.s.fans.refused(b.pieces)
	if len(b.results) == 0 {
		w.s.log.Warn("write refused", slog.Any("error", err))
		return
	}
	w.s.log.Error("attempts cannot be recorded; trying again", slog.Int("results", len(b.results)), slog.Any("error", err))
	w.stuck.Store(true)
	defer w.stuck.Store(false)
	w.insist(b.results)
}

// insist tries again until the results are written, or the store closes. Those that cannot be written for some time
// though the database can be are set aside.
func (w *writer) insist(results []*Result) {
	wait, last := firstWait, time.Now().Add(asideAfter)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-w.quit:
			w.s.log.Error("closing with attempts that could not be recorded; they will be made again", slog.Int("results", len(results)))
			for _, r := range results {
				r.Release()
			}
			return
		case <-w.calls.ready:
		case <-w.s.fans.ready:
		case pause := <-w.pauses:
			pause()
			continue
		case <-timer.C:
			again := &batch{s: w.s, results: results}
			err := again.write()
			if err == nil {
				again.answer()
				return
			}
			if again.begun && time.Now().After(last) && w.healthy() {
				w.setAside(results, err)
				return
			}
			wait = min(2*wait, longestRetry)
			timer.Reset(wait)
			continue
		}
		// The others are not kept waiting meanwhile: they are written, or told that they cannot be.
		others := &batch{s: w.s}
		limit := w.limit()
		w.calls.fill(others, limit-w.s.fans.share(limit))
		w.s.fans.fill(others, limit)
		if others.holds() > 0 {
			w.commit(others)
		}
	}
}

const (
	firstWait    = 50 * time.Millisecond
	longestRetry = 2 * time.Second
)

// Results that cannot be written while the database can be are at fault themselves after asideAfter; what even without the
// receiver's answer cannot be recorded is sent again after asideWait. Tests make them shorter.
var (
	asideAfter = 10 * time.Second
	asideWait  = time.Hour
)

// healthy reports whether the database can be written.
func (w *writer) healthy() bool {
	probe := &batch{s: w.s, changes: []*change{{done: make(chan error, 1), do: func(b *batch) error {
		return b.s.db.Touch(&b.Tx)
	}}}}
	return probe.write() == nil
}

// setAside writes the results one by one. One that cannot be written is recorded without what the receiver answered, which
// is all that did not come from here; and if that cannot be, its delivery is given back, so that it does not stay claimed
// forever: it is sent again, as after a crash.
func (w *writer) setAside(results []*Result, err error) {
	if len(results) > 1 {
		for _, half := range [][]*Result{results[:len(results)/2], results[len(results)/2:]} {
			b := &batch{s: w.s, results: half}
			if err := b.write(); err != nil {
				w.setAside(half, err)
				continue
			}
			b.answer()
		}
		return
	}
	r := *results[0]
	id := slog.Any("delivery", r.Claimed.Delivery.ID)
	r.Attempt.Message += " (the receiver's answer could not be stored)"
	r.Attempt.ResponseHeaders, r.Attempt.ResponseBody, r.Attempt.ResponseTruncated = "", nil, true
	bare := &batch{s: w.s, results: []*Result{&r}}
	if bare.write() == nil {
		w.s.log.Error("attempt recorded without the receiver's answer, which cannot be stored", id, slog.Any("error", err))
		bare.answer()
		return
	}
	defer results[0].Release()
	w.s.log.Error("attempt cannot be recorded; it will be made again", id, slog.Duration("in", asideWait), slog.Any("error", err))
	back := &batch{s: w.s, changes: []*change{{done: make(chan error, 1), do: func(b *batch) error {
		if err := b.s.db.Unclaim(&b.Tx, []*Claimed{r.Claimed}); err != nil {
			return err
		}
		due := b.Now.Add(asideWait)
		b.dueAt(r.Claimed.Delivery.WebhookID, due)
		return b.DB.Exec("UPDATE deliveries SET due_at = ? WHERE id = ? AND due_at IS NOT NULL", dialect.At(due), r.Claimed.Delivery.ID).Error
	}}}}
	if err := back.write(); err != nil {
		w.s.log.Error("claim cannot be released; it is released at the next start", id, slog.Any("error", err))
		return
	}
	back.answer()
}

// split makes a batch of each caller's part, so that one bad row does not fail its neighbours. All results stay one part:
// they do not come from outside.
func (b *batch) split() []*batch {
	var parts []*batch
	for _, p := range b.publish {
		parts = append(parts, &batch{s: b.s, publish: []part{p}, events: p.to - p.from})
	}
	for _, c := range b.changes {
		parts = append(parts, &batch{s: b.s, changes: []*change{c}})
	}
	for _, p := range b.pieces {
		parts = append(parts, &batch{s: b.s, pieces: []*piece{p}})
	}
	if len(b.results) > 0 {
		parts = append(parts, &batch{s: b.s, results: b.results})
	}
	return parts
}

// write runs the transaction. When it fails nothing is stored and what was reserved is given back.
func (b *batch) write() (err error) {
	b.Targets = map[webhook.ID]*Target{}
	b.due = map[webhook.ID]time.Time{}
	b.disabled = nil
	defer func() {
		b.s.written(err)
		if err != nil {
			b.release(0)
		}
	}()
	b.fanOuts = nil
	b.failures, b.begun = make([]error, len(b.changes)), false
	return b.s.db.Transaction(&b.Tx, func() error {
		b.begun = true
		defer func(started time.Time) { b.took = time.Since(started) }(time.Now())
		if slices.ContainsFunc(b.changes, func(c *change) bool { return c.webhooks }) {
			if err := b.s.db.LockTargets(&b.Tx); err != nil {
				return err
			}
		}
		if err := b.record(); err != nil {
			return err
		}
		if err := b.publishAll(); err != nil {
			return err
		}
		if err := b.makePieces(); err != nil {
			return err
		}
		for i, c := range b.changes {
			if !c.begin() {
				continue // its caller has gone
			}
			b.failures[i] = b.apply(c)
			if err := b.failures[i]; err != nil && !dialect.Expected(err) {
				return err
			}
		}
		return nil
	})
}

// apply runs one change in a savepoint of its own, and takes back what it noted when it fails.
func (b *batch) apply(c *change) error {
	outer, changed, reserved, fanOuts := b.DB, len(b.changed), len(b.reserved), len(b.fanOuts)
	b.undo = b.undo[:0]
	err := outer.Transaction(func(tx *gorm.DB) error {
		b.DB = tx
		if c.tenant != nil {
			b.DB = b.s.scoped(tx.Statement.Context, tx, *c.tenant)
		}
		return c.do(b)
	})
	b.DB = outer
	if err != nil {
		for _, was := range slices.Backward(b.undo) {
			if was.target == nil {
				delete(b.Targets, was.id)
			} else {
				b.Targets[was.id] = was.target
			}
		}
		b.changed, b.fanOuts = b.changed[:changed], b.fanOuts[:fanOuts]
		b.release(reserved)
	}
	return err
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

// answer tells everyone, after the commit.
func (b *batch) answer() {
	b.s.routes.change(b.Targets)
	for _, to := range b.disabled {
		b.s.log.Warn("a webhook was disabled, its deliveries wait until it is enabled", slog.Any("webhook", to.ID), slog.Any("tenant_id", to.TenantID),
			slog.String("reason", string(*to.DisabledReason)))
	}
	for _, p := range b.publish {
		p.stored()
	}
	if len(b.changed)+len(b.reserved)+len(b.due) > 0 {
		b.s.dispatcher().Batch(b.hand)
	}
	b.s.db.Committed(&b.Tx)
	for _, r := range b.results {
		r.Release()
	}
	if b.noted {
		select {
		case b.s.noted <- struct{}{}:
		default:
		}
	}
	b.s.fans.committed(b.pieces)
	b.s.fans.noted(b.fanOuts)
	for i, c := range b.changes {
		c.done <- b.failures[i]
	}
}

// hand tells the sender what concerns it, and gives it what it has reserved.
func (b *batch) hand(t Dispatcher) {
	for _, to := range b.changed {
		t.Changed(to)
	}
	for _, claimed := range b.reserved {
		t.Take(claimed)
	}
	for id, when := range b.due {
		t.Due(id, when)
	}
}

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
	return b.s.routes.get(id)
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
	return s.queue(ctx, &change{do: do, cost: rows, line: lineOf{tenant: tenant}})
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
		c.line.tenant = *c.tenant
	} else {
		c.line.server = true
	}
	if !s.writer.calls.add(c.line, work{change: c}) {
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

// Flush waits until everything that was queued before has been written, and the deliveries of large fan-outs are made.
func (s *Store) Flush(ctx context.Context) error {
	for {
		publishing, _ := s.writer.calls.waiting()
		waiting := len(s.writer.results)+len(s.writer.large) > 0 || publishing > 0
		if err := s.changeDeliveries(ctx, func(*batch) error { return nil }); err != nil {
			return err
		}
		late := s.writer.stuck.Load() || s.fans.pending()
		if !waiting && !late {
			return s.db.Settle(ctx)
		}
		if late {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
}
