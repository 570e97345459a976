package live

import (
	"context"
	"slices"
	"sync"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ChangeKind is the kind of a DeliveryChange.
type ChangeKind string

// The kinds.
const (
	Changed ChangeKind = "CHANGED" // one delivery has changed
	Resync  ChangeKind = "RESYNC"  // fetch again
)

// DeliveryChange is a message to a watcher of changes. It is shared, and must not be modified.
type DeliveryChange struct {
	Kind     ChangeKind
	Delivery *webhook.Delivery // that has changed; nil with Resync
	Matches  *bool             // whether it meets the filter now; nil with Resync
	// WebhookID is the webhook whose deliveries to fetch again; nil means all, or that the kind is Changed.
	WebhookID *webhook.ID
	// With is what was read with the delivery; nil with Resync.
	With *Together
}

// Together is deliveries that were read together, so that what belongs to them can be, too. It is shared, and must not be changed.
type Together struct {
	Deliveries []*webhook.Delivery
	// Last has the last attempts of deliveries, by their ids, as far as the changes say which they are: nil for one without an attempt. Large
	// ones are left out, because a client that does not read holds its changes.
	Last map[webhook.ID]*webhook.Attempt
}

// maxTogether is the number of deliveries of a Together at most: their events may be large.
const maxTogether = 16

// maxLast is the size of an attempt in Together.Last at most.
const maxLast = 2 << 10

const (
	maxUntold  = 256 // changes that wait for a watcher, more than Pace.Filter allows at once; beyond that it fetches again
	maxResyncs = 16  // webhooks whose deliveries a watcher is told to fetch again; beyond that it fetches everything
)

// everythingAgain tells a watcher to fetch everything again.
var everythingAgain = &DeliveryChange{Kind: Resync}

// ChangeWatcher gets changes of one tenant's deliveries that match a filter. Next must not be called concurrently; Close may be called from
// any goroutine.
type ChangeWatcher struct {
	c      *Changes
	tenant webhook.ID
	topic  *topic
	wake   chan struct{} // holds one signal: there is something to tell
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex // guards what follows
	again  bool       // fetch everything again
	untold []*DeliveryChange
}

// refetch makes the watcher fetch everything again, which replaces the changes that it has not received yet.
func (w *ChangeWatcher) refetch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again, w.untold = true, nil
	w.signal()
}

// offer queues a change for the watcher. A later change of a delivery replaces an earlier one.
func (w *ChangeWatcher) offer(c *DeliveryChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again {
		return
	}
	same := func(o *DeliveryChange) bool {
		if c.Kind == Resync {
			return o.Kind == Resync && *o.WebhookID == *c.WebhookID
		}
		return o.Kind == Changed && o.Delivery.ID == c.Delivery.ID
	}
	if i := slices.IndexFunc(w.untold, same); i >= 0 {
		w.untold[i] = c
		return
	}
	if len(w.untold) == maxUntold {
		w.again, w.untold = true, nil
	} else {
		w.untold = append(w.untold, c)
	}
	w.signal()
}

func (w *ChangeWatcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // one is pending
	}
}

// Next waits for the next change. The first one is always a Resync of everything: changes that a list read after it does not show yet
// follow later. Errors: ctx's, and ErrClosed.
func (w *ChangeWatcher) Next(ctx context.Context) (*DeliveryChange, error) {
	for {
		select {
		case <-w.closed:
			return nil, ErrClosed
		default:
		}
		if c := w.take(); c != nil {
			return c, nil
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

// Await waits until Next need not wait, or ctx ends. Like Next it must not be called concurrently.
func (w *ChangeWatcher) Await(ctx context.Context) {
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

// idle reports whether Next would wait.
func (w *ChangeWatcher) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.again && len(w.untold) == 0
}

func (w *ChangeWatcher) take() *DeliveryChange {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again {
		w.again = false
		return everythingAgain
	}
	if len(w.untold) == 0 {
		return nil
	}
	c := w.untold[0]
	if w.untold = slices.Delete(w.untold, 0, 1); len(w.untold) == 0 {
		w.untold = nil
	}
	return c
}

// Close ends the watcher, and a waiting Next. It may be called more than once.
func (w *ChangeWatcher) Close() {
	w.once.Do(func() {
		close(w.closed)
		w.c.leave(w)
	})
}
