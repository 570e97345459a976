package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ErrClosed is returned by Next after Close.
var ErrClosed = errors.New("watcher closed")

// Watcher reads the attempts of one tenant that match a filter, in commit order, each once. Next must not be called
// concurrently; Close may be called from any goroutine.
type Watcher struct {
	log    *Log
	tenant webhook.ID
	filter store.AttemptFilter
	wake   chan struct{} // holds one signal: pending is no longer empty, or behind has become true
	closed chan struct{}
	once   sync.Once

	// pos: everything up to this Seq has been processed. A watcher that is not behind and has nothing pending has processed
	// everything up to the log's end, although pos does not say so. The log's mu guards it against Append.
	pos int64
	// behind: read from pos instead of waiting for offers. Guarded by the log's mu.
	behind bool
	// since: from when on it has been behind. Guarded by the log's mu.
	since time.Time
	// pending are the positions of offered attempts in the tail, at most maxPending. Positions, not pointers: a stalled
	// watcher must not keep attempts alive that the tail has dropped. Guarded by the log's mu.
	pending []uint64

	// Owned by Next's goroutine:
	page  []*webhook.Attempt // reused for Next's result
	limit int                // of the next page read from the log, adapted to the size of attempts
}

// keys returns the index in which the watcher is registered, and its keys there, each once.
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

// offer announces a new attempt to the watcher. The caller must hold the log's mu.
func (w *Watcher) offer(a *webhook.Attempt, position uint64) {
	if w.behind || a.Seq <= w.pos || !Match(w.tenant, &w.filter, a) {
		return
	}
	if len(w.pending) == maxPending {
		w.fallBehind() // Next takes what is pending, and continues to read from there
		return
	}
	w.pending = append(w.pending, position)
	if len(w.pending) == 1 {
		w.pos = a.Seq - 1 // up to here nothing matched
		select {
		case w.wake <- struct{}{}:
		default: // a signal is already pending
		}
	}
}

// fallBehind makes the watcher read from pos. The caller must hold the log's mu.
func (w *Watcher) fallBehind() { w.behind, w.since = true, time.Now() }

// Next waits for the next attempts, at least one and at most 200, in commit order. They are shared and must not be
// changed; the slice is valid until the next call. Errors: ctx's, ErrClosed, *webhook.CursorExpired if retention has overtaken
// the watcher, or an error of reading the log, after which Next may be called again.
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

// Await waits until Next need not wait, or ctx ends; a watcher that is behind does not know, and returns at once. Like Next it must not be called
// concurrently.
func (w *Watcher) Await(ctx context.Context) {
	for w.idle() {
		select {
		case <-w.wake: // perhaps for what Next has returned already
		case <-w.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// idle reports whether the watcher has caught up, and Next would wait.
func (w *Watcher) idle() bool {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return len(w.pending) == 0 && !w.behind
}

// Close ends the watcher, and a waiting Next. It may be called more than once.
func (w *Watcher) Close() {
	w.once.Do(func() {
		close(w.closed)
		w.log.unregister(w)
	})
}

// poll does one step. It returns attempts; or wait if the watcher has caught up; or neither if there is more to do.
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
			return nil, false, nil // from now on Append may move pos
		}
		return w.filtered(page), false, nil
	}
	l.mu.Unlock()
	return w.readLog(ctx)
}

// takePending turns positions into attempts. What the tail has dropped meanwhile is read from the log. The caller must hold
// the log's mu.
func (w *Watcher) takePending() []*webhook.Attempt {
	l := w.log
	if w.pending[0] < l.base {
		w.pending = w.pending[:0]
		w.fallBehind()
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

// copyTail returns the next entries after pos, matching or not, or sets behind to false if there are none. The caller must hold
// the log's mu, so that nothing is appended in between.
func (w *Watcher) copyTail() []*webhook.Attempt {
	l := w.log
	i := l.after(w.pos)
	if i == len(l.entries) {
		w.behind = false // pos may be ahead of the end: attempts that were read from the log but not appended yet
		return nil
	}
	w.page = append(w.page[:0], l.entries[i:min(i+scanChunk, len(l.entries))]...)
	return w.page
}

// filtered keeps what matches, and advances pos. It runs without the lock: Append does not read pos while behind.
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

// readLog reads a page of the log after pos, if pos is before the tail or there is no tail yet.
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
	oldest, newest, err := l.src.AttemptBounds(ctx, w.tenant)
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
		// The log's end, and nothing has been appended yet: all further attempts will be offered.
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

func (l *Log) register(ctx context.Context, w *Watcher) {
	l.mu.Lock()
	if !w.behind {
		w.pos = l.end
	}
	index, keys := w.keys()
	for _, id := range keys {
		index[id] = append(index[id], w)
	}
	l.mu.Unlock()
	context.AfterFunc(ctx, w.Close) // not before: it may have ended
}

func (l *Log) unregister(w *Watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, keys := w.keys()
	for _, id := range keys {
		list := index[id]
		if i := slices.Index(list, w); i >= 0 {
			last := len(list) - 1
			list[i] = list[last]
			list[last] = nil
			list = list[:last]
		}
		if len(list) == 0 {
			delete(index, id)
		} else {
			index[id] = list
		}
	}
	w.pending = nil
}
