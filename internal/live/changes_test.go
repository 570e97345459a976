package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// table is the rows of one tenant, in memory.
type table struct {
	mu         sync.Mutex
	deliveries map[webhook.ID]*webhook.Delivery
	last       map[webhook.ID]*webhook.Attempt
	events     map[webhook.ID]*webhook.Event
	reads      int // calls
	broken     error
}

func newTable() *table {
	return &table{deliveries: map[webhook.ID]*webhook.Delivery{}, last: map[webhook.ID]*webhook.Attempt{}, events: map[webhook.ID]*webhook.Event{}}
}

func some[V any](r *table, all map[webhook.ID]*V, ids []webhook.ID) (map[webhook.ID]*V, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	found := map[webhook.ID]*V{}
	for _, id := range ids {
		if row := all[id]; row != nil {
			copied := *row
			found[id] = &copied
		}
	}
	return found, r.broken
}

func (r *table) DeliveriesByID(_ context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	return some(r, r.deliveries, ids)
}

func (r *table) LastAttempts(_ context.Context, ids []webhook.ID, _ func() map[webhook.ID]webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	return some(r, r.last, ids)
}

func (r *table) EventsByID(_ context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) {
	return some(r, r.events, ids)
}

// put stores a delivery, which is created if it does not exist, and returns its change.
func (r *table) put(d webhook.Delivery) store.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := store.Statuses(0)
	if old := r.deliveries[d.ID]; old != nil {
		was = store.ShownStatuses([]webhook.DeliveryStatus{old.Status})
	}
	r.deliveries[d.ID] = &d
	return store.Change{
		Tenant: d.TenantID, Webhook: d.WebhookID, Event: d.EventID, Delivery: d.ID, EventType: "a.b",
		Was: was, Is: store.ShownStatuses([]webhook.DeliveryStatus{d.Status}),
	}
}

func (r *table) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads
}

// hub is a Changes over a table, in a bubble.
type hub struct {
	*Changes
	*table

	t      *testing.T
	tenant webhook.ID
}

func newHub(t *testing.T, pace Pace) *hub {
	t.Helper()
	h := &hub{table: newTable(), t: t, tenant: webhook.NewID(time.Now())}
	h.Changes = NewChanges(func(tenant webhook.ID) Rows {
		if tenant != h.tenant {
			t.Errorf("rows of tenant %s are read", tenant)
		}
		return h.table
	}, pace)
	t.Cleanup(h.Close)
	return h
}

// watch starts a watcher, and takes the first message, which says to fetch.
func (h *hub) watch(ctx context.Context, f store.DeliveryFilter) *ChangeWatcher {
	h.t.Helper()
	w, err := h.Watch(ctx, h.tenant, f)
	if err != nil {
		h.t.Fatal(err)
	}
	if c := h.next(w); c.Kind != Resync || c.WebhookID != nil {
		h.t.Fatalf("the first message is %+v", c)
	}
	return w
}

func (h *hub) next(w *ChangeWatcher) *DeliveryChange {
	h.t.Helper()
	c, err := w.Next(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// quiet reports whether nothing waits for the watcher when all changes have been read.
func (h *hub) quiet(w *ChangeWatcher) bool {
	time.Sleep(10 * time.Second)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.again && len(w.untold) == 0
}

// made returns a new delivery, which is not stored.
func (h *hub) made(hook webhook.ID) webhook.Delivery {
	now := time.Now()
	return webhook.Delivery{ID: webhook.NewID(now), TenantID: h.tenant, WebhookID: hook, EventID: webhook.NewID(now), Status: webhook.Pending, CreatedAt: now}
}

// A change has the delivery's last attempt if it is the one that the change is about, so that it need not be read: not an earlier one, and none
// that takes much memory while a client does not read.
func TestLastAttemptOfChangeIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w := h.watch(t.Context(), store.DeliveryFilter{})
		d := h.made(webhook.NewID(time.Now()))
		small, large := &webhook.Attempt{Number: 1}, &webhook.Attempt{Number: 1, ResponseBody: make([]byte, maxLast)}
		for name, c := range map[string]struct {
			count   int
			attempt *webhook.Attempt
			known   bool
		}{
			"none": {0, nil, true}, "this one": {1, small, true}, "a later one": {2, small, false}, "a large one": {1, large, false}, "an older change": {1, nil, false},
		} {
			d.AttemptCount = c.count
			change := h.put(d)
			change.Attempt = c.attempt
			h.Changed([]store.Change{change})
			last, known := h.next(w).With.Last[d.ID]
			if known != c.known || known && last != c.attempt {
				t.Errorf("%s: %v, %v", name, last, known)
			}
		}
	})
}

// A watcher gets first a message to fetch, then each change, with the current row; several changes of one delivery within a moment are one
// message. Changes of other tenants are not sent.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w := h.watch(t.Context(), store.DeliveryFilter{})
		hook := webhook.NewID(time.Now())
		a, b := h.made(hook), h.made(hook)
		h.Changed([]store.Change{h.put(a), h.put(b), {Tenant: webhook.NewID(time.Now()), Webhook: hook, Delivery: a.ID}})
		var got []webhook.ID
		for range 2 {
			c := h.next(w)
			if c.Kind != Changed || !*c.Matches || c.Delivery.Status != webhook.Pending {
				t.Errorf("told %+v", c)
			}
			got = append(got, c.Delivery.ID)
		}
		if !slices.Contains(got, a.ID) || !slices.Contains(got, b.ID) {
			t.Errorf("told of %v", got)
		}
		a.AttemptCount, a.Status = 1, webhook.Pending
		first := h.put(a)
		a.AttemptCount, a.Status = 2, webhook.DeliverySucceeded
		h.Changed([]store.Change{first, h.put(a)})
		if c := h.next(w); c.Delivery.ID != a.ID || c.Delivery.AttemptCount != 2 {
			t.Errorf("told %+v", c.Delivery)
		}
		if !h.quiet(w) {
			t.Error("two changes at once are more than one message")
		}
	})
}

// Every change after the first message, before or while the list is read, is sent: a client that then reads the list and applies the
// messages has the rows of the table.
func TestListAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := DefaultPace()
		pace.Filter, pace.Messages = 40, 100 // so that some must be fetched again
		h := newHub(t, pace)
		done := make(chan struct{})
		var all []webhook.Delivery
		go func() {
			defer close(done)
			hook := webhook.NewID(time.Now())
			for i := range 2000 {
				d := h.made(hook)
				if i%3 > 0 {
					d = all[(i*7)%len(all)]
					d.AttemptCount++
				}
				all = append(all, d)
				h.Changed([]store.Change{h.put(d)})
				if i%100 > 50 {
					time.Sleep(7 * time.Millisecond)
				}
			}
		}()
		time.Sleep(50 * time.Millisecond)
		w, err := h.Watch(t.Context(), h.tenant, store.DeliveryFilter{})
		if err != nil {
			t.Fatal(err)
		}
		shown := map[webhook.ID]int{}
		resyncs, changes := 0, 0
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			c, err := w.Next(ctx)
			cancel()
			if err != nil {
				break
			}
			if c.Kind == Changed {
				changes++
				shown[c.Delivery.ID] = c.Delivery.AttemptCount
				continue
			}
			resyncs++
			time.Sleep(3 * time.Millisecond) // the client asks
			h.table.mu.Lock()
			clear(shown)
			for id, d := range h.deliveries {
				shown[id] = d.AttemptCount
			}
			h.table.mu.Unlock()
			time.Sleep(3 * time.Millisecond) // the answer comes
		}
		<-done
		if resyncs < 2 || changes == 0 {
			t.Errorf("%d resyncs and %d changes: the test does not mix them", resyncs, changes)
		}
		for id, d := range h.deliveries {
			if n, there := shown[id]; !there || n != d.AttemptCount {
				t.Fatalf("a delivery with %d attempts is shown with %d (%v)", d.AttemptCount, n, there)
			}
		}
	})
}

// A delivery that no longer meets the filter is sent once more, as one that does not match; one that never met it is not sent. What an
// attempt says about its delivery saves reading it.
func TestChangesFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		hook, other := webhook.NewID(time.Now()), webhook.NewID(time.Now())
		timeout, tls := webhook.ErrorTimeout, webhook.ErrorTLS
		failed := h.watch(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliveryFailed}})
		pending := h.watch(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.Pending}})
		ofHook := h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{hook}})
		timedOut := h.watch(t.Context(), store.DeliveryFilter{Errors: []webhook.ErrorCode{timeout}})
		typed := h.watch(t.Context(), store.DeliveryFilter{EventTypes: []string{"a.*"}})
		foreign := h.watch(t.Context(), store.DeliveryFilter{EventTypes: []string{"c.d"}})
		tagged := h.watch(t.Context(), store.DeliveryFilter{Tags: []string{"x"}, Data: []filter.Data{{Path: "n", Equals: []byte("1")}}})
		check := func(what string, w *ChangeWatcher, want string) {
			t.Helper()
			got := ""
			for !h.quiet(w) {
				c := h.next(w)
				got += fmt.Sprintf("%s %v ", c.Delivery.Status, *c.Matches)
			}
			if got != want {
				t.Errorf("%s: told %q, want %q", what, got, want)
			}
		}
		d := h.made(hook)
		h.events[d.EventID] = &webhook.Event{ID: d.EventID, Type: "a.b", Tags: []string{"x"}, Data: []byte(`{"n":1}`)}
		h.Changed([]store.Change{h.put(d)})
		check("failed, made", failed, "")
		check("pending, made", pending, "PENDING true ")
		check("of the webhook, made", ofHook, "PENDING true ")
		check("timed out, made", timedOut, "")
		check("of the type, made", typed, "PENDING true ")
		check("of another type, made", foreign, "")
		check("with a tag and data, made", tagged, "PENDING true ")

		attempt := func(number int, to webhook.DeliveryStatus, err *webhook.ErrorCode) {
			d.AttemptCount, d.Status = number, to
			a := &webhook.Attempt{Number: number, Status: webhook.AttemptFailed, Error: err, TenantID: d.TenantID, DeliveryID: d.ID, WebhookID: d.WebhookID, EventID: d.EventID, EventType: "a.b"}
			if err == nil {
				a.Status = webhook.AttemptSucceeded
			}
			h.last[d.ID] = a
			c := h.put(d)
			c.Attempt, c.Is = a, store.ShownStatuses([]webhook.DeliveryStatus{webhook.Pending, webhook.DeliveryFailed})
			if err == nil {
				c.Is = store.ShownStatuses([]webhook.DeliveryStatus{webhook.DeliverySucceeded})
			}
			h.Changed([]store.Change{c})
		}
		attempt(1, webhook.Pending, &timeout)
		check("failed, after a failure", failed, "")
		check("timed out, after a timeout", timedOut, "PENDING true ")
		attempt(2, webhook.DeliveryFailed, &tls)
		check("failed, at the end", failed, "FAILED true ")
		check("pending, at the end", pending, "FAILED false ")
		check("timed out, after another error", timedOut, "FAILED false ")
		d.Status = webhook.Pending // a retry by hand
		h.Changed([]store.Change{h.put(d)})
		check("failed, retried", failed, "PENDING false ")
		check("timed out, retried", timedOut, "")

		e := h.made(other)
		h.events[e.EventID] = &webhook.Event{ID: e.EventID, Type: "a.b", Tags: []string{"x"}, Data: []byte(`{"n":2}`)}
		h.Changed([]store.Change{h.put(e)})
		check("of another webhook", ofHook, "PENDING true ") // that of d
		check("with other data", tagged, "PENDING true ")
		d = h.made(other)
		h.put(d)
		for _, w := range []*ChangeWatcher{pending, typed, tagged, foreign, ofHook} {
			w.Close()
		}
		before := h.table.count()
		attempt(1, webhook.DeliverySucceeded, nil)
		check("failed, a success", failed, "")
		if reads := h.table.count() - before; reads > 0 {
			t.Errorf("%d reads for a success that nobody is told of", reads)
		}
	})
}

// Changes that are too many to send one by one are one RESYNC a second: very many changes, of any kind, and with any number of watchers.
// The last one comes after the last change.
func TestManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w := h.watch(t.Context(), store.DeliveryFilter{})
		quiet := h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{webhook.NewID(time.Now())}})
		time.Sleep(time.Minute)
		for range 50 { // five seconds
			var list []store.Change
			for range 6000 / 50 {
				list = append(list, h.put(h.made(webhook.NewID(time.Now()))))
			}
			h.Changed(list)
			time.Sleep(100 * time.Millisecond)
		}
		resyncs, told := 0, 0
		for !h.quiet(w) {
			if c := h.next(w); c.Kind == Resync {
				resyncs++
			} else {
				told++
			}
		}
		if resyncs != 1 || told != 0 { // it has not read in the meantime
			t.Errorf("a watcher that was slow gets %d resyncs and %d changes", resyncs, told)
		}
		if !h.quiet(quiet) {
			t.Error("a watcher of another webhook is told")
		}
		if h.table.count() > 30 {
			t.Errorf("%d reads for what is not told", h.table.count())
		}
	})
}

// However many filters there are, a bounded number of deliveries is read for them; the watchers of the others fetch again.
func TestManyFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		var all []*ChangeWatcher
		var list []store.Change
		for range 1000 {
			hook := webhook.NewID(time.Now())
			all = append(all, h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{hook}}))
			list = append(list, h.put(h.made(hook)))
		}
		h.Changed(list)
		told := 0
		for _, w := range all {
			if c := h.next(w); c.Kind == Changed {
				told++
			}
		}
		if most := int(2 * DefaultPace().Rows); told > most || told < most/2 {
			t.Errorf("%d of a thousand changes are told one by one, want at most %d", told, most)
		}
	})
}

// While the filters of a tenant need many more deliveries than are read for them, which would have each watcher miss most of its changes, none is
// read, and all watchers fetch again. Afterwards single changes are told again.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		const hooks, seconds, each = 300, 30, 10
		var all []*ChangeWatcher
		var ids []webhook.ID
		for range hooks {
			ids = append(ids, webhook.NewID(time.Now()))
			all = append(all, h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: ids[len(ids)-1:]}))
		}
		told, resyncs := 0, 0
		take := func() {
			synctest.Wait()
			for _, w := range all {
				for c := w.take(); c != nil; c = w.take() {
					if c.Kind == Changed {
						told++
					} else {
						resyncs++
					}
				}
			}
		}
		for range seconds * each {
			var list []store.Change
			for _, id := range ids {
				list = append(list, h.put(h.made(id)))
			}
			h.Changed(list)
			time.Sleep(time.Second / each)
			take()
		}
		if most := int(3 * DefaultPace().Rows); told > most {
			t.Errorf("%d changes are told one by one, want at most %d, all in the beginning", told, most)
		}
		if resyncs < hooks*seconds/4 { // each in two seconds
			t.Errorf("%d resyncs", resyncs)
		}
		time.Sleep(time.Minute)
		take()
		told, resyncs = 0, 0
		h.Changed([]store.Change{h.put(h.made(ids[0]))})
		time.Sleep(time.Second)
		if take(); told != 1 || resyncs != 0 {
			t.Errorf("afterwards %d changes and %d resyncs are told", told, resyncs)
		}
	})
}

// A watcher that keeps up must fetch again about once a second while too much changes, and once after the last change.
func TestResyncPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w := h.watch(t.Context(), store.DeliveryFilter{})
		var changed time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 500 { // five seconds
				var list []store.Change
				for range 10 {
					list = append(list, h.put(h.made(webhook.NewID(time.Now()))))
				}
				h.Changed(list)
				changed = time.Now()
				time.Sleep(10 * time.Millisecond)
			}
		}()
		resyncs := 0
		var resynced time.Time
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			c, err := w.Next(ctx)
			cancel()
			if err != nil {
				break
			}
			if c.Kind == Resync {
				resyncs++
				resynced = time.Now()
			}
		}
		<-done
		if resyncs < 4 || resyncs > 7 {
			t.Errorf("%d resyncs in five seconds", resyncs)
		}
		if resynced.Before(changed) {
			t.Errorf("the last resync is %v before the last change", changed.Sub(resynced))
		}
	})
}

// However many watchers there are, and whatever changes, they are told to fetch again a bounded number of times a second together, and once
// after the last change.
func TestResyncsOfManyAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const watchers, seconds = 1000, 30
		pace := DefaultPace()
		h := newHub(t, pace)
		hooks := make([]webhook.ID, 10)
		for i := range hooks {
			hooks[i] = webhook.NewID(time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		var told, resyncs atomic.Int64
		last := make([]time.Time, watchers)
		var reading sync.WaitGroup
		for i := range watchers {
			f := store.DeliveryFilter{}
			if i%2 == 1 {
				f.WebhookIDs = hooks[i%len(hooks):][:1]
			}
			w := h.watch(ctx, f)
			reading.Go(func() {
				for {
					c, err := w.Next(ctx)
					if err != nil {
						return
					}
					if told.Add(1); c.Kind == Resync {
						resyncs.Add(1)
					}
					last[i] = time.Now()
				}
			})
		}
		for range seconds * 10 {
			var list []store.Change
			for _, hook := range hooks {
				list = append(list, store.Change{Tenant: h.tenant, Webhook: hook})
				for range 20 {
					list = append(list, h.put(h.made(hook)))
				}
			}
			h.Changed(list)
			time.Sleep(100 * time.Millisecond)
		}
		changed := time.Now()
		all, again := told.Load(), resyncs.Load()
		time.Sleep(time.Minute)
		cancel()
		reading.Wait()
		if most := int64(watchers + pace.Resyncs*seconds); again > most || again < 2*watchers {
			t.Errorf("%d resyncs in %d seconds, want at most %d, and two for each watcher", again, seconds, most)
		}
		if most := int64(pace.Messages * (seconds + 2)); all-again > most {
			t.Errorf("%d other messages in %d seconds, want at most %d", all-again, seconds, most)
		}
		for i, at := range last {
			if at.Before(changed.Add(-200 * time.Millisecond)) {
				t.Fatalf("watcher %d was told %v before the last change", i, changed.Sub(at))
			}
		}
	})
}

// A change of a webhook, which all of its deliveries may show, is one message that names it, sent to its watchers.
func TestWebhookChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		hook := webhook.NewID(time.Now())
		all := h.watch(t.Context(), store.DeliveryFilter{})
		own := h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{hook}, Statuses: []webhook.DeliveryStatus{webhook.Held}})
		other := h.watch(t.Context(), store.DeliveryFilter{WebhookIDs: []webhook.ID{webhook.NewID(time.Now())}})
		change := store.Change{Tenant: h.tenant, Webhook: hook}
		h.Changed([]store.Change{change, change, change}) // in one call: what comes after the watchers are told is told a second later
		for _, w := range []*ChangeWatcher{all, own} {
			if c := h.next(w); c.Kind != Resync || c.WebhookID == nil || *c.WebhookID != hook || c.Delivery != nil {
				t.Errorf("told %+v", c)
			}
			if !h.quiet(w) {
				t.Error("it is more than one message")
			}
		}
		if !h.quiet(other) {
			t.Error("a watcher of another webhook is told")
		}
		h.Changed([]store.Change{{}}) // anything, of any tenant
		for _, w := range []*ChangeWatcher{all, own, other} {
			if c := h.next(w); c.Kind != Resync || c.WebhookID != nil {
				t.Errorf("told %+v", c)
			}
		}
	})
}

// A watcher that does not read holds a bounded number of changes, and delays nobody.
func TestSlowChangeWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		slow, w := h.watch(t.Context(), store.DeliveryFilter{}), h.watch(t.Context(), store.DeliveryFilter{})
		for i := range 10 * maxUntold {
			d := h.made(webhook.NewID(time.Now()))
			h.Changed([]store.Change{h.put(d)})
			if c := h.next(w); c.Kind != Changed || c.Delivery.ID != d.ID {
				t.Fatalf("change %d: told %+v", i, c)
			}
			slow.mu.Lock()
			n := len(slow.untold)
			slow.mu.Unlock()
			if n > maxUntold {
				t.Fatalf("%d changes wait", n)
			}
		}
		if c := h.next(slow); c.Kind != Resync || c.WebhookID != nil {
			t.Errorf("told %+v", c)
		}
		if !h.quiet(slow) {
			t.Error("something comes after the resync")
		}
	})
}

// A thousand watchers of some filters cost the reads of one.
func TestChangeWatchersShareReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		all := make([]*ChangeWatcher, 1000)
		for i := range all {
			all[i] = h.watch(t.Context(), store.DeliveryFilter{Statuses: [][]webhook.DeliveryStatus{nil, {webhook.Pending}}[i%2]})
		}
		h.Changed([]store.Change{h.put(h.made(webhook.NewID(time.Now())))})
		for _, w := range all {
			if c := h.next(w); c.Kind != Changed {
				t.Fatalf("told %+v", c)
			}
		}
		if h.table.count() != 1 {
			t.Errorf("%d reads", h.table.count())
		}
	})
}

// When rows cannot be read, watchers fetch again.
func TestChangesUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w := h.watch(t.Context(), store.DeliveryFilter{})
		h.broken = errors.New("disk on fire")
		h.Changed([]store.Change{h.put(h.made(webhook.NewID(time.Now())))})
		if c := h.next(w); c.Kind != Resync {
			t.Errorf("told %+v", c)
		}
	})
}

// A watcher ends with its context, and with Close, which waits for the goroutines; the last watcher of a tenant ends its goroutine. Nothing is
// collected without watchers.
func TestChangesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		ctx, cancel := context.WithCancel(t.Context())
		w := h.watch(ctx, store.DeliveryFilter{})
		if !h.Following() {
			t.Error("it does not follow")
		}
		cancel()
		synctest.Wait()
		if _, err := w.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if h.Following() || len(h.tenants) > 0 {
			t.Error("it follows without watchers")
		}
		h.serving.Wait()
		w = h.watch(t.Context(), store.DeliveryFilter{})
		h.Close()
		if _, err := w.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := h.Watch(t.Context(), h.tenant, store.DeliveryFilter{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Watch after Close: %v", err)
		}
	})
}
