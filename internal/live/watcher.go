package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ErrClosed is what Next returns after Close.
var ErrClosed = errors.New("watcher closed")

// Watcher reads the attempts of one tenant that match a filter, in commit order, each once. Next belongs to one
// goroutine; Close may be called from any.
type Watcher struct {
	log    *Log
	tenant webhook.ID
	filter store.AttemptFilter
	wake   chan struct{} // holds one signal: pending is no longer empty, or behind has become true
	closed chan struct{}
	once   sync.Once

	// pos: everything up to this Seq is done with. A watcher that is not behind and has nothing pending is done with
	// everything up to the log's end, without this being written down. The log's mu guards it against Append.
	pos int64
	// behind: read on from pos instead of waiting for offers. Guarded by the log's mu.
	behind bool
	// pending are the positions in the tail of what was offered, at most maxPending. Positions, not pointers: a stalled
	// watcher must not keep attempts alive that the tail has dropped. Guarded by the log's mu.
	pending []uint64

	// Of Next's goroutine only:
	page  []*webhook.Attempt // reused for what Next returns
	limit int                // of the next page read from the log, adapted to the size of attempts
}

// keys is where the watcher is registered: each id once.
func (w *Watcher) keys() (map[webhook.ID][]*Watcher, []webhook.ID) {
	switch ids := w.filter.WebhookIDs; len(ids) {
	case 0:
		return w.log.byTenant, []webhook.ID{w.tenant}
	case 1:
		return w.log.byWebhook, ids
	default:
		ids = slices.Clone(ids)
		slices.SortFunc(ids, func(a, b webhook.ID) int { return slices.Compare(a[:], b[:]) })
		return w.log.byWebhook, slices.Compact(ids)
	}
}

// offer tells of a new attempt. The caller holds the log's mu.
func (w *Watcher) offer(a *webhook.Attempt, position uint64) {
	if w.behind || a.Seq <= w.pos || !Match(w.tenant, &w.filter, a) {
		return
	}
	if len(w.pending) == maxPending {
		w.behind = true // Next takes what is pending, and reads on from there
		return
	}
	w.pending = append(w.pending, position)
	if len(w.pending) == 1 {
		w.pos = a.Seq - 1 // up to here nothing matched
		select {
		case w.wake <- struct{}{}:
		default: // it has one already
		}
	}
}

// Next waits for the next attempts, at least one and at most 200, in commit order. They are shared and must not be
// changed; the slice is valid until the next call. It ends with ctx's error, ErrClosed, *webhook.CursorExpired when
// retention has overtaken the watcher, or an error of reading the log, after which it may be called again.
func (w *Watcher) Next(ctx context.Context) ([]*webhook.Attempt, error) {
	for {
		select {
		case <-w.closed:
			return nil, ErrClosed
		default:
		}
		page, wait, err := w.poll(ctx)
		if len(page) > 0 || err != nil {
			return page, err
		}
		if !wait {
			continue
		}
		select {
		case <-w.wake:
		case <-w.closed:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the watcher and a Next that waits, before its context does. It may be called more than once.
func (w *Watcher) Close() {
	w.once.Do(func() {
		close(w.closed)
		w.log.unregister(w)
	})
}

// poll does one step: it returns attempts, or wait when the watcher has caught up, or neither when there is more to do.
func (w *Watcher) poll(ctx context.Context) (page []*webhook.Attempt, wait bool, err error) {
	l := w.log
	l.mu.Lock()
	switch {
	case len(w.pending) > 0:
		page = w.takePending()
		l.mu.Unlock()
		return page, false, nil
	case !w.behind:
		l.mu.Unlock()
		return nil, true, nil
	case l.started && w.pos >= l.floor:
		page = w.copyTail()
		caughtUp := !w.behind
		l.mu.Unlock()
		if caughtUp {
			return nil, false, nil // pos is Append's again
		}
		return w.filtered(page), false, nil
	}
	l.mu.Unlock()
	return w.readLog(ctx)
}

// takePending turns positions into attempts. What the tail has dropped meanwhile is read from the log. The caller
// holds the log's mu.
func (w *Watcher) takePending() []*webhook.Attempt {
	l := w.log
	if w.pending[0] < l.base {
		w.pending, w.behind = w.pending[:0], true
		return nil
	}
	w.page = w.page[:0]
	n, bytes := 0, 0
	for n < len(w.pending) && bytes < pageBytes {
		a := l.entries[w.pending[n]-l.base]
		w.page = append(w.page, a)
		bytes += size(a)
		n++
	}
	w.pos = w.page[n-1].Seq
	w.pending = slices.Delete(w.pending, 0, n)
	return w.page
}

// copyTail takes the next entries after pos, matching or not, or leaves behind false when there are none. The caller
// holds the log's mu, so that nothing is appended between looking and leaving.
func (w *Watcher) copyTail() []*webhook.Attempt {
	l := w.log
	i := l.after(w.pos)
	if i == len(l.entries) {
		w.behind = false // pos may be ahead of the end: what was read from the log and is yet to be appended
		return nil
	}
	w.page = append(w.page[:0], l.entries[i:min(i+scanChunk, len(l.entries))]...)
	return w.page
}

// filtered keeps what matches, and moves pos on. It runs without the lock: Append does not read pos while behind.
func (w *Watcher) filtered(chunk []*webhook.Attempt) []*webhook.Attempt {
	kept, bytes := chunk[:0], 0
	pos := w.pos
	for _, a := range chunk {
		if len(kept) == maxPage || bytes >= pageBytes {
			break
		}
		pos = a.Seq
		if Match(w.tenant, &w.filter, a) {
			kept = append(kept, a)
			bytes += size(a)
		}
	}
	clear(chunk[len(kept):])
	w.pos = pos
	return kept
}

// readLog reads a page of the log after pos, which is before the tail, or there is no tail yet.
func (w *Watcher) readLog(ctx context.Context) (page []*webhook.Attempt, wait bool, err error) {
	l := w.log
	select {
	case l.reads <- struct{}{}:
		defer func() { <-l.reads }()
	case <-w.closed:
		return nil, false, ErrClosed
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	page, scanned, err := l.src.AttemptLog(ctx, w.tenant, w.filter, w.pos, w.limit)
	if err != nil {
		return nil, false, fmt.Errorf("read attempt log: %w", err)
	}
	// Read after the page: what retention removed before the page was read shows here.
	oldest, newest, err := l.src.AttemptBounds(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("read bounds of attempt log: %w", err)
	}
	if err := check(w.pos, oldest, max(newest, w.pos), false); err != nil {
		return nil, false, err
	}
	progress := scanned > w.pos
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(page); n > 0 {
		scanned = max(scanned, page[n-1].Seq)
		w.adapt(page)
	}
	w.pos = max(w.pos, scanned)
	if len(page) == 0 && !progress && !l.started {
		// The log's end, and nothing was ever appended: all that is to come is offered.
		w.behind = false
	}
	return page, false, nil
}

// adapt sets the next page's limit so that it is about pageBytes long.
func (w *Watcher) adapt(page []*webhook.Attempt) {
	bytes := 0
	for _, a := range page {
		bytes += size(a)
	}
	w.limit = min(max(pageBytes/(bytes/len(page)), 1), 2*w.limit, maxPage)
}
