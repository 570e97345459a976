package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/fanout"
	"github.com/hookgraph/hookgraph/internal/store/turns"
	"github.com/hookgraph/hookgraph/internal/tracing"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of one transaction. It takes what is waiting, without waiting for more, and merges results and events by kind into
// multi-row statements. A call that arrives meanwhile waits for it and for its own, so it is short: its statements should take
// shortTime, estimated from earlier transactions and their costs. While one tenant alone calls, and no large fan-out waits, they
// may take batchTime, of which the disk's part is smaller.
const (
	shortTime = 1200 * time.Microsecond
	batchTime = 10 * time.Millisecond
	fewCalls  = 16   // calls that may have a transaction apart
	minShort  = 128  // a transaction may cost this however slow the database is, because each waits for the disk
	minBatch  = 1024 // the same, if it may take batchTime
	maxBatch  = 4096 // the most, however fast the database is
)

// writer is the only place that writes. It merges callers' writes into one transaction after the other, and answers each caller
// after the commit (group commit), so that they share the cost of an fsync.
type writer struct {
	s       *Store
	calls   *turns.Queue[work]
	calling atomic.Int64 // publishing calls that wait, or are partly written
	results chan *Result
	large   chan *Result // results of more than largeResult bytes
	pauses  chan func()  // to be called between two transactions
	quit    chan struct{}
	stuck   atomic.Bool   // results are being retried
	ended   chan struct{} // closed when run has returned: it answers no more callers
	once    sync.Once
	did     measured

	// The cost and duration of the last transactions, older ones weighted less. Used only in run's goroutine.
	cost, took float64
	apart      bool // the last transaction was for calls alone, see setApart
}

func newWriter(s *Store) *writer {
	return &writer{
		s:       s,
		calls:   turns.NewQueue[work](s.tuning.AloneAfter),
		results: make(chan *Result, 4096),
		large:   make(chan *Result, 1024),
		pauses:  make(chan func()),
		quit:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
}

// run writes until close, and then what is still queued.
func (w *writer) run() {
	defer close(w.ended)
	for {
		b := &batch{s: w.s}
		select {
		case r := <-w.results:
			b.addResult(r)
			w.await(b)
		case r := <-w.large:
			b.addResult(r)
		case <-w.calls.Ready:
		case <-w.s.fans.Ready:
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
		w.gather()
		if w.fill(b) {
			w.commit(b)
		}
	}
}

// gather lets goroutines that can run queue their work first, as long as more comes and there is little: transactions are fewer and larger, and
// who waits alone waits for nobody. It costs nothing if the processors are idle.
func (w *writer) gather() {
	for before := -1; ; {
		waiting := w.calls.Waiting() + len(w.results)
		if waiting <= before || waiting >= minShort {
			return
		}
		before = waiting
		runtime.Gosched()
	}
}

// await waits a little for calls that the batch's result, a success, can share a transaction with. Nobody waits for it, unless others have its
// ordering key, and a publisher that waits for each answer calls again before. The wait ends when there are many results.
func (w *writer) await(b *batch) {
	if !canWait(b.results[0]) {
		return
	}
	timer := time.NewTimer(w.s.tuning.ResultsWait)
	defer timer.Stop()
	for b.cost < minShort {
		select {
		case r := <-w.results:
			if b.addResult(r); !canWait(r) {
				return
			}
		case <-w.calls.Ready:
			return
		case <-w.s.fans.Ready:
			return
		case pause := <-w.pauses:
			pause()
		case <-w.quit:
			return
		case <-timer.C:
			return
		}
	}
}

func canWait(r *Result) bool {
	return r.Attempt.Status == webhook.AttemptSucceeded && r.Claimed.Delivery.Line == nil
}

// alone reports that nobody waits for another tenant's work: one tenant at most calls, and no large fan-out waits.
func (w *writer) alone() bool { return w.calls.Alone(time.Now()) && !w.s.fans.Waits() }

// limit returns what one transaction may cost.
func (w *writer) limit() int {
	if w.alone() {
		return w.within(batchTime, minBatch)
	}
	return w.within(shortTime, minShort)
}

// setApart decides whether the next transaction has the calls that wait and nothing else. Every second one does while few calls wait
// beside another tenant's results or large fan-out, of which there is always enough for a whole transaction.
func (w *writer) setApart() {
	n := w.calls.Waiting()
	w.apart = !w.apart && n > 0 && n <= fewCalls && (w.s.fans.Waits() || len(w.results) >= minShort/costResult) && !w.alone()
}

// within returns the cost that can be done in that time, at least least.
func (w *writer) within(t time.Duration, least int) int {
	if w.took == 0 {
		return least
	}
	return int(max(float64(least), min(maxBatch, w.cost/w.took*float64(t))))
}

// learn records how long a transaction took. Small ones say little about the cost of a row.
func (w *writer) learn(b *batch) {
	if b.cost >= minShort/2 && b.took > 0 {
		w.cost, w.took = w.cost*7/8+float64(b.cost), w.took*7/8+float64(b.took)
	}
}

// fill takes what is waiting, and reports whether the batch holds anything. Results and calls may have one half each, of which
// waiting large fan-outs get a part, and each kind gets what the others leave; or only calls, see setApart.
func (w *writer) fill(b *batch) bool {
	limit := w.limit()
	if w.setApart(); w.apart {
		w.fillCalls(b, limit)
		return b.holds() > 0
	}
	w.fillResults(b, w.results, limit/2)
	w.fillResults(b, w.large, b.cost+limit/4) // never many, because their bytes take long
	w.fillCalls(b, limit-w.s.fans.Share(limit))
	b.fillPieces(limit)
	w.fillResults(b, w.results, limit)
	w.fillCalls(b, limit)
	return b.holds() > 0
}

// fillCalls moves waiting work into the batch up to limit, callers in turn.
func (w *writer) fillCalls(b *batch, limit int) {
	w.calls.Fill(b.cost, limit, func(call work, limit int) (cost int, all bool) {
		switch all = true; {
		case call.change != nil:
			b.changes = append(b.changes, call.change)
			b.cost += call.change.cost
		case b.addEvents(call.publish, limit):
			w.calling.Add(-1)
		default:
			all = false
		}
		return b.cost, all
	})
}

// fillPieces moves pieces of waiting notes into the batch, up to about limit.
func (b *batch) fillPieces(limit int) {
	var pieces []*fanout.Piece
	pieces, b.cost = b.s.fans.Fill(b.cost, limit)
	b.pieces = append(b.pieces, pieces...)
}

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

// commit writes the batch and answers every caller. If the whole batch fails, it writes each caller's part alone. It retries
// results until they are written, because requests that were sent must be known.
func (w *writer) commit(b *batch) {
	err := b.write()
	if errors.Is(err, dialect.ErrDeadlock) { // the other transaction goes on, so this one can, after it
		err = b.write()
	}
	if err == nil {
		w.learn(b)
		b.answer()
		return
	}
	// If a transaction could not begin, no work is the cause, and each part alone would wait as long for the database.
	if parts := b.split(); b.begun && len(parts) > 1 {
		if len(b.results) > 0 { // results are the last part: Flush waits for it
			w.stuck.Store(true)
			defer w.stuck.Store(false)
		}
		for _, part := range parts {
			w.commit(part)
		}
		return
	}
	refused := fmt.Errorf("%w: %w", webhook.ErrUnavailable, err) // an exceeded deadline is the writer's own
	for _, p := range b.publish {
		p.refuse(refused)
	}
	for _, c := range b.changes {
		c.done <- refused
	}
	w.s.fans.Refused(b.pieces)
	if len(b.results) == 0 {
		w.s.log.Warn("write refused", slog.Any("error", err))
		return
	}
	w.s.log.Error("attempts cannot be recorded; trying again", slog.Int("results", len(b.results)), slog.Any("error", err))
	w.stuck.Store(true)
	defer w.stuck.Store(false)
	w.insist(b.results)
}

// insist retries until the results are written, or the store closes. Results that cannot be written for some time, although the
// database can be, are set aside.
func (w *writer) insist(results []*Result) {
	wait, last := firstWait, time.Now().Add(w.s.tuning.AsideAfter)
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
		case <-w.calls.Ready:
		case <-w.s.fans.Ready:
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
		// Meanwhile other callers do not wait: their work is written, or refused.
		others := &batch{s: w.s}
		limit := w.limit()
		w.fillCalls(others, limit-w.s.fans.Share(limit))
		others.fillPieces(limit)
		if others.holds() > 0 {
			w.commit(others)
		}
	}
}

const (
	firstWait    = 50 * time.Millisecond
	longestRetry = 2 * time.Second
)

// healthy reports whether the database can be written.
func (w *writer) healthy() bool {
	probe := &batch{s: w.s, changes: []*change{{done: make(chan error, 1), do: func(b *batch) error {
		return b.s.db.Touch(&b.Tx)
	}}}}
	return probe.write() == nil
}

// setAside writes the results one by one. One that cannot be written is recorded without the receiver's response, the only part
// that does not come from this program. If that fails too, its delivery is released, so that it does not stay claimed forever: it
// is sent again, as after a crash.
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
	id, tenant := slog.Any("delivery", r.Claimed.Delivery.ID), slog.Any("tenant", r.Claimed.Delivery.TenantID)
	r.Attempt.Message += " (the receiver's answer could not be stored)"
	r.Attempt.ResponseHeaders, r.Attempt.ResponseBody, r.Attempt.ResponseTruncated = "", nil, true
	bare := &batch{s: w.s, results: []*Result{&r}}
	if bare.write() == nil {
		w.s.log.Error("attempt recorded without the receiver's answer, which cannot be stored", id, tenant, slog.Any("error", err))
		bare.answer()
		return
	}
	defer results[0].Release()
	w.s.log.Error("attempt cannot be recorded; it will be made again", id, tenant, slog.Duration("in", w.s.tuning.AsideWait), slog.Any("error", err))
	back := &batch{s: w.s, changes: []*change{{done: make(chan error, 1), do: func(b *batch) error {
		if err := b.s.db.Unclaim(&b.Tx, []*Claimed{r.Claimed}); err != nil {
			return err
		}
		b.tellLater(r.Claimed.Change(dialect.Owed, dialect.Owed))
		if d := &r.Claimed.Delivery; d.Line != nil { // it was canceled meanwhile, perhaps
			if err := b.advance([]leaving{{line: d.Line, webhook: d.WebhookID}}); err != nil {
				return err
			}
		}
		due := b.Now.Add(w.s.tuning.AsideWait)
		b.dueAt(r.Claimed.Delivery.WebhookID, due)
		of, day := b.s.dayOf(r.Claimed.Event.ID)
		return b.DB.Exec("UPDATE deliveries SET due_at = ? WHERE seq = ? AND due_at IS NOT NULL"+of, append([]any{dialect.At(due), r.Claimed.Delivery.Seq}, day...)...).Error
	}}}}
	if err := back.write(); err != nil {
		w.s.log.Error("claim cannot be released; it is released at the next start", id, tenant, slog.Any("error", err))
		return
	}
	back.answer()
}

// split makes a batch of each caller's part, so that one bad row does not fail the others. All results stay one part, because they
// do not come from callers.
func (b *batch) split() []*batch {
	var parts []*batch
	for _, p := range b.publish {
		parts = append(parts, &batch{s: b.s, publish: []part{p}, events: p.to - p.from})
	}
	for _, c := range b.changes {
		parts = append(parts, &batch{s: b.s, changes: []*change{c}})
	}
	for _, p := range b.pieces {
		parts = append(parts, &batch{s: b.s, pieces: []*fanout.Piece{p}})
	}
	if len(b.results) > 0 {
		parts = append(parts, &batch{s: b.s, results: b.results})
	}
	return parts
}

// write runs the transaction. If it fails, nothing is stored and reservations are released.
func (b *batch) write() (err error) {
	b.Targets = map[webhook.ID]*Target{}
	b.due = map[webhook.ID]time.Time{}
	b.changed, b.disabled, b.enabled = nil, nil, nil
	started := time.Now()
	defer func() {
		b.s.health.Written(err)
		b.s.writer.did.note(b, time.Since(started), err)
		b.trace(started, err)
		if err != nil {
			b.release(0)
		} else {
			b.s.total.Add(b.counts, &b.s.tally.seen)
		}
	}()
	b.fanOuts, b.Attempts, b.Made, b.Changes = nil, nil, nil, nil
	b.startCounting()
	b.failures, b.begun = make([]error, len(b.changes)), false
	asked := b.s.opts.Now()
	return b.s.db.Transaction(&b.Tx, func() error {
		b.begun = true
		b.s.clocks.compare(b.s.log, asked, b.s.opts.Now(), b.Now)
		defer func(started time.Time) { b.took = time.Since(started) }(time.Now())
		if err := b.lockLines(); err != nil {
			return err
		}
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
				continue // its caller has returned
			}
			b.failures[i] = b.apply(c)
			if err := b.failures[i]; err != nil && !dialect.Expected(err) {
				return err
			}
		}
		if err := b.tellEnabled(); err != nil {
			return err
		}
		return b.journal()
	})
}

// trace records the transaction for the calls and results in it that are traced.
func (b *batch) trace(started time.Time, err error) {
	if b.s.opts.Tracer == nil {
		return
	}
	var calls, results []*tracing.Span
	for _, p := range b.publish {
		if p.span != nil {
			calls = append(calls, p.span)
		}
	}
	for _, r := range b.results {
		if r.Span != nil {
			results = append(results, r.Span)
		}
	}
	b.s.opts.Tracer.Commit(started, calls, results, err)
}

// WriterStats is what the writer has done since the store was opened, and what waits for it.
type WriterStats struct {
	// Works has how many works (calls, results, pieces of large fan-outs) a transaction had: Works[i] counts those of 2^(i-1) to 2^i - 1.
	Works  [16]int64
	Sum    int64 // of works
	Failed int64 // transactions; they are not in the numbers above
	// Took has how long transactions took, from their begin to the end of their commit.
	Took stats.Histogram

	Calls, Results int  // that wait
	Stuck          bool // results cannot be written, and are tried again
}

// measured is the part of WriterStats that is counted.
type measured struct {
	mu sync.Mutex // guards is
	is WriterStats
}

func (w *measured) note(b *batch, took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.is.Failed++
		return
	}
	n := b.holds()
	w.is.Works[min(bits.Len(uint(n)), len(w.is.Works)-1)]++
	w.is.Sum += int64(n)
	w.is.Took.Add(took.Microseconds())
}

// Writer returns what the writer does.
func (s *Store) Writer() WriterStats {
	w := s.writer
	w.did.mu.Lock()
	defer w.did.mu.Unlock()
	is := w.did.is
	is.Took = is.Took.Clone()
	is.Calls, is.Results, is.Stuck = w.calls.Waiting(), len(w.results)+len(w.large), w.stuck.Load()
	return is
}

// apply runs one change in its own savepoint, and takes back its notes if it fails.
func (b *batch) apply(c *change) error {
	outer, changed, reserved, fanOuts := b.DB, len(b.changed), len(b.reserved), len(b.fanOuts)
	made, told, enabled := len(b.Made), len(b.Changes), len(b.enabled)
	b.undo = b.undo[:0]
	counted := b.countApart()
	err := outer.Transaction(func(tx *gorm.DB) error {
		b.DB = tx
		if c.tenant != nil {
			b.DB = b.s.scoped(tx.Statement.Context, tx, *c.tenant)
		}
		return c.do(b)
	})
	b.DB = outer
	counted(err == nil)
	if err != nil {
		for _, was := range slices.Backward(b.undo) {
			if was.target == nil {
				delete(b.Targets, was.id)
			} else {
				b.Targets[was.id] = was.target
			}
		}
		b.changed, b.fanOuts = b.changed[:changed], b.fanOuts[:fanOuts]
		b.Made, b.Changes, b.enabled = b.Made[:made], b.Changes[:told], b.enabled[:enabled]
		b.release(reserved)
	}
	return err
}

// answer answers every caller, after the commit.
func (b *batch) answer() {
	webhooks := b.s.changesOf(b.Targets)
	b.s.routes.Change(b.Targets)
	for _, to := range b.disabled {
		b.s.log.Warn("a webhook was disabled, its deliveries wait until it is enabled", slog.Any("webhook", to.ID), slog.Any("tenant", to.TenantID),
			slog.String("reason", string(*to.DisabledReason)))
	}
	for _, p := range b.publish {
		p.stored()
	}
	if len(b.changed)+len(b.reserved)+len(b.due) > 0 {
		b.s.dispatcher().Batch(b.hand)
	}
	b.s.db.Committed(&b.Tx)
	b.s.tellChanges(webhooks)
	b.s.tellChanges(b.Changes)
	for _, r := range b.results {
		r.Release()
	}
	if b.noted {
		select {
		case b.s.noted <- struct{}{}:
		default:
		}
	}
	b.s.fans.Committed(b.pieces)
	b.s.fans.Noted(b.fanOuts)
	for i, c := range b.changes {
		c.done <- b.failures[i]
	}
}

// hand tells the sender of changes, and passes it the reserved deliveries.
func (b *batch) hand(t Dispatcher) {
	for _, c := range b.changed {
		t.Changed(c.was, c.to)
	}
	for _, claimed := range b.reserved {
		t.Take(claimed)
	}
	for id, when := range b.due {
		t.Due(id, b.s.here(when))
	}
}

// Flush waits until everything queued before has been written, and the deliveries of large fan-outs are created.
func (s *Store) Flush(ctx context.Context) error {
	for {
		waiting := len(s.writer.results)+len(s.writer.large) > 0 || s.writer.calling.Load() > 0
		if err := s.changeDeliveries(ctx, func(*batch) error { return nil }); err != nil {
			return err
		}
		late := s.writer.stuck.Load() || s.fans.Pending()
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
