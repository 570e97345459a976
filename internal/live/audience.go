package live

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// audience is a tenant's watchers of changes, by topic.
type audience struct {
	c      *Changes
	tenant webhook.ID
	in     inbox           // guarded by the mutex of Changes
	wake   chan struct{}   // holds one signal: there is something in the inbox
	ctx    context.Context // ends when the last watcher leaves
	stop   context.CancelFunc

	mu     sync.Mutex // guards what follows; taken after the mutex of Changes
	topics map[string]*topic
	count  int // watchers
	// byWebhook has the topics whose filters name a webhook, and under the zero id those that name none: a change of one webhook's
	// deliveries costs nothing for watchers of others.
	byWebhook map[webhook.ID]map[*topic]bool
	budget    *rate.Limiter // of messages
	rows      *rate.Limiter // of deliveries that are read
	demand    *rate.Limiter // of deliveries that would have to be read
	crowded   time.Time     // until then none is read
}

// While the watchers of a tenant need more than crowd times Pace.Rows, after crowdAtOnce times as many at once, each of them misses most of its
// changes and has to fetch again in any case. Then none is read, until that has ended for crowdedFor.
const (
	crowd       = 2
	crowdAtOnce = 10
	crowdedFor  = time.Second
)

func newAudience(c *Changes, tenant webhook.ID) *audience {
	a := &audience{c: c, tenant: tenant, wake: make(chan struct{}, 1), topics: map[string]*topic{}, byWebhook: map[webhook.ID]map[*topic]bool{}, budget: limiter(c.pace.Messages), rows: limiter(c.pace.Rows), demand: rate.NewLimiter(rate.Limit(crowd*c.pace.Rows), int(crowdAtOnce*c.pace.Rows))}
	a.ctx, a.stop = context.WithCancel(context.Background())
	return a
}

func (a *audience) signal() {
	select {
	case a.wake <- struct{}{}:
	default: // one is pending
	}
}

// join adds a watcher to the topic with made's filter; if there is none, made becomes it.
func (a *audience) join(made *topic, w *ChangeWatcher) *topic {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.topics[made.key]
	if t == nil {
		t = made
		a.topics[t.key] = t
		for _, id := range t.webhookIDs() {
			if a.byWebhook[id] == nil {
				a.byWebhook[id] = map[*topic]bool{}
			}
			a.byWebhook[id][t] = true
		}
	}
	t.watchers = append(t.watchers, w)
	a.count++
	return t
}

// part removes a watcher, and reports whether it was the last.
func (a *audience) part(w *ChangeWatcher) (last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := w.topic
	if i := slices.Index(t.watchers, w); i >= 0 {
		t.watchers = slices.Delete(t.watchers, i, i+1)
		a.count--
	}
	if len(t.watchers) == 0 {
		delete(a.topics, t.key)
		for _, id := range t.webhookIDs() {
			if delete(a.byWebhook[id], t); len(a.byWebhook[id]) == 0 {
				delete(a.byWebhook, id)
			}
		}
	}
	return len(a.topics) == 0
}

// of yields the topics that may have deliveries of the webhook. The caller must hold mu.
func (a *audience) of(hook webhook.ID) iter.Seq[*topic] {
	return func(yield func(*topic) bool) {
		for _, id := range []webhook.ID{hook, {}} {
			for t := range a.byWebhook[id] {
				if !yield(t) {
					return
				}
			}
		}
	}
}

func (a *audience) watchers() []*ChangeWatcher {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*ChangeWatcher
	for _, t := range a.topics {
		all = append(all, t.watchers...)
	}
	return all
}

// serve reads what has changed and tells watchers, until the last one leaves.
func (a *audience) serve() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-a.wake:
		case <-timer.C:
		case <-a.ctx.Done():
			return
		}
		began := time.Now()
		next := a.round()
		// However much the filters of one tenant cost, they leave nine tenths of a processor to others.
		gap := max(a.c.pace.Gap, 9*time.Since(began))
		select {
		case <-time.After(gap):
		case <-a.ctx.Done():
			return
		}
		wait := time.Hour
		if !next.IsZero() {
			wait = max(0, time.Until(next))
		}
		timer.Reset(wait)
	}
}

// candidate is a change that a topic's watchers may need.
type candidate struct {
	*topic
	*seen
}

// round tells watchers what is in the inbox. It returns the time at which it must be called again even if nothing changes; zero if it need
// not.
func (a *audience) round() (next time.Time) {
	a.c.mu.Lock()
	in := a.in
	a.in = inbox{}
	a.c.mu.Unlock()
	candidates := a.choose(&in)
	found, err := a.read(candidates)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range candidates {
		if err != nil {
			c.refetch(webhook.ID{})
		} else if d := found.deliveries[c.Delivery]; d != nil && (!c.ofEvent || found.events[c]) { // otherwise retention has removed it
			c.tell(c.seen, d, found.last[c.Delivery], found.with[c.Delivery])
		}
	}
	now := time.Now()
	for _, t := range a.topics {
		if at := t.tellAgain(now, a.pause); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// pause is how long the watchers of a topic are not told to fetch again after each of them was told the given number of times. Fetching costs
// much more than being told, and every topic is told at this pace. The caller must hold mu.
func (a *audience) pause(told int) time.Duration {
	return max(a.c.pace.Again, time.Duration(float64(told*a.count)/a.c.pace.Resyncs*float64(time.Second)))
}

// choose finds the changes that topics may need, and marks topics with too many: their watchers fetch again.
func (a *audience) choose(in *inbox) []candidate {
	a.mu.Lock()
	defer a.mu.Unlock()
	if in.all {
		for _, t := range a.topics {
			t.refetch(webhook.ID{})
		}
		return nil
	}
	for hook := range in.webhooks {
		for t := range a.of(hook) {
			t.refetch(hook)
		}
	}
	lists := map[*topic][]*seen{}
	for _, s := range in.deliveries {
		for t := range a.of(s.Webhook) {
			if t.may(s) {
				lists[t] = append(lists[t], s)
			}
		}
	}
	now := time.Now()
	wanted := map[*seen]bool{}
	for t, list := range lists {
		if !t.budget.AllowN(now, len(list)) {
			t.refetch(webhook.ID{})
			delete(lists, t)
			continue
		}
		for _, s := range list {
			wanted[s] = true
		}
	}
	if !a.demand.AllowN(now, len(wanted)) {
		a.crowded = now.Add(crowdedFor)
	}
	return a.afford(lists, now)
}

// afford returns the changes of the lists that will be told one by one. The caller must hold mu.
func (a *audience) afford(lists map[*topic][]*seen, now time.Time) (all []candidate) {
	chosen := map[*seen]bool{}
	for t, list := range lists {
		if t.again { // which covers it
			continue
		}
		more := 0 // rows to read
		for _, s := range list {
			if !chosen[s] {
				more++
			}
		}
		if now.Before(a.crowded) || !a.rows.AllowN(now, more) || !a.budget.AllowN(now, len(list)*len(t.watchers)) {
			t.refetch(webhook.ID{})
			continue
		}
		for _, s := range list {
			chosen[s] = true
			all = append(all, candidate{t, s})
		}
	}
	return all
}

// found is what was read for candidates.
type found struct {
	deliveries map[webhook.ID]*webhook.Delivery
	with       map[webhook.ID]*Together
	last       map[webhook.ID]*webhook.Attempt // of deliveries with a topic that asks for it
	events     map[candidate]bool              // whose event meets the topic's conditions
	together   *Together                       // the last one
	changes    map[webhook.ID]*seen            // of deliveries
}

// read reads the candidates' rows, each once for all topics.
func (a *audience) read(candidates []candidate) (*found, error) {
	f := &found{deliveries: map[webhook.ID]*webhook.Delivery{}, with: map[webhook.ID]*Together{}, last: map[webhook.ID]*webhook.Attempt{}, events: map[candidate]bool{}, changes: map[webhook.ID]*seen{}}
	if len(candidates) == 0 {
		return f, nil
	}
	select {
	case a.c.reads <- struct{}{}:
		defer func() { <-a.c.reads }()
	case <-a.ctx.Done():
		return nil, a.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(a.ctx, readWithin)
	defer cancel()
	rows := a.c.rows(a.tenant)
	deliveries, last := map[webhook.ID]bool{}, map[webhook.ID]bool{}
	byEvent := map[webhook.ID][]candidate{}
	for _, c := range candidates {
		deliveries[c.Delivery], f.changes[c.Delivery] = true, c.seen
		if c.ofLast {
			last[c.Delivery] = true
		}
		if c.ofEvent {
			byEvent[c.Event] = append(byEvent[c.Event], c)
		}
	}
	if err := inChunks(ctx, deliveries, readChunk, rows.DeliveriesByID, f.delivery); err != nil {
		return nil, err
	}
	readLast := func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
		return rows.LastAttempts(ctx, ids, f.eventsOf)
	}
	if err := inChunks(ctx, last, readChunk, readLast, func(id webhook.ID, a *webhook.Attempt) { f.last[id] = a }); err != nil {
		return nil, err
	}
	return f, inChunks(ctx, byEvent, eventChunk, rows.EventsByID, func(id webhook.ID, e *webhook.Event) {
		for _, c := range byEvent[id] {
			if c.event(e) {
				f.events[c] = true
			}
		}
	})
}

// eventsOf returns the events of the deliveries.
func (f *found) eventsOf() map[webhook.ID]webhook.ID {
	events := make(map[webhook.ID]webhook.ID, len(f.deliveries))
	for id, d := range f.deliveries {
		events[id] = d.EventID
	}
	return events
}

// delivery adds a delivery.
func (f *found) delivery(id webhook.ID, d *webhook.Delivery) {
	if len(f.deliveries)%maxTogether == 0 {
		f.together = &Together{Deliveries: make([]*webhook.Delivery, 0, maxTogether), Last: map[webhook.ID]*webhook.Attempt{}}
	}
	if last := f.changes[id].newest; d.AttemptCount == 0 {
		f.together.Last[id] = nil
	} else if last != nil && last.Number == d.AttemptCount && size(last) <= maxLast { // the delivery was read later than the change was made
		f.together.Last[id] = last
	}
	f.together.Deliveries = append(f.together.Deliveries, d)
	f.deliveries[id], f.with[id] = d, f.together
}

// inChunks reads the rows with ids, some at a time, and calls use with each.
func inChunks[K, V any](ctx context.Context, ids map[webhook.ID]K, chunk int, read func(context.Context, []webhook.ID) (map[webhook.ID]V, error), use func(webhook.ID, V)) error {
	all := make([]webhook.ID, 0, len(ids))
	for id := range ids {
		all = append(all, id)
	}
	for part := range slices.Chunk(all, chunk) {
		rows, err := read(ctx, part)
		if err != nil {
			return err
		}
		for id, row := range rows {
			use(id, row)
		}
	}
	return nil
}
