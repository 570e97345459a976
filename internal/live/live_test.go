package live

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1")) // GORM never ends it
}

// id returns ids that are easy to read in failures.
func id(kind byte, n int) (out webhook.ID) {
	out[0] = kind
	binary.BigEndian.PutUint64(out[8:], uint64(n))
	return out
}

// journal is an attempt log in memory.
type journal struct {
	mu     sync.Mutex
	rows   []*webhook.Attempt // committed, with gaps in Seq
	newest int64
	reads  int
	err    error
	scan   int    // rows that one AttemptLog reads; 0: all
	lost   int64  // the last Seq with a valid cursor; 0: all are valid
	beside func() // called before bounds are read; may be nil
}

// Cursors of the journal are a tenant and a number; positions beyond lost are lost.
func (j *journal) Cursor(_ cursor.Kind, tenant webhook.ID, seq int64) string {
	return fmt.Sprintf("%v:%d", tenant, seq)
}

func (j *journal) ReadCursor(_ context.Context, _ cursor.Kind, tenant webhook.ID, text string) (seq int64, err error) {
	digits, ok := strings.CutPrefix(text, tenant.String()+":")
	if seq, err = strconv.ParseInt(digits, 10, 64); !ok || err != nil || j.Cursor(0, tenant, seq) != text {
		return 0, webhook.ErrCursor
	}
	if j.lost > 0 && seq > j.lost {
		return seq, webhook.ErrCursorLost
	}
	return seq, nil
}

func (j *journal) AttemptBounds(context.Context, webhook.ID) (int64, int64, error) {
	if j.beside != nil {
		j.beside()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.rows) == 0 {
		return 0, j.newest, j.err
	}
	return j.rows[0].Seq, j.newest, j.err
}

func (j *journal) AttemptLog(_ context.Context, tenant webhook.ID, f store.AttemptFilter, after int64, limit int) ([]*webhook.Attempt, int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reads++
	if j.err != nil {
		return nil, 0, j.err
	}
	var page []*webhook.Attempt
	seen := 0
	for _, a := range j.rows {
		if a.Seq <= after {
			continue
		}
		if Match(tenant, &f, a) {
			page = append(page, a)
		}
		if seen++; len(page) == limit || seen == j.scan {
			return page, a.Seq, nil
		}
	}
	return page, max(after, j.newest), nil
}

func (j *journal) AttemptBefore(_ context.Context, t time.Time) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range j.rows {
		if a.Seq >= t.Unix() { // recorded in the second of its Seq
			return a.Seq - 1, j.err
		}
	}
	return j.newest, j.err
}

// commit stores an attempt of a webhook of a tenant, without appending it to the Log.
func (j *journal) commit(seq int64, tenant, hook int, body int) *webhook.Attempt {
	a := &webhook.Attempt{
		Seq: seq, ID: id('a', int(seq)), TenantID: id('t', tenant), WebhookID: id('w', tenant*100+hook), EventID: id('e', int(seq)),
		DeliveryID: id('d', int(seq)), Status: webhook.AttemptSucceeded, EventType: "humanization.completed", ResponseBody: make([]byte, body),
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rows = append(j.rows, a)
	j.newest = seq
	return a
}

func (j *journal) prune(before int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rows = slices.DeleteFunc(j.rows, func(a *webhook.Attempt) bool { return a.Seq < before })
}

// reader is a watcher of the property test, with the attempts that it must see.
type reader struct {
	w      *Watcher
	tenant webhook.ID
	filter store.AttemptFilter
	want   []int64 // appended or committed after its start, in order, not seen yet
	last   int64   // the last seen, or where it started
	name   string
}

// Every watcher sees each matching attempt once, in order, with any appends, stalls, reconnects, filters and tail size.
func TestWatchersSeeEachAttemptOnce(t *testing.T) {
	webhooktest.Checks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		w := &watching{j: &journal{scan: rapid.SampledFrom([]int{0, 1, 7}).Draw(t, "scan")}}
		for range rapid.IntRange(0, 30).Draw(t, "stored before") {
			w.seq++
			w.j.commit(w.seq, int(w.seq)%2, int(w.seq)%3, 0)
		}
		w.l = New(w.j, rapid.SampledFrom([]int{0, 1, 2000, 20_000, 1 << 20}).Draw(t, "tail"))
		beside := rapid.Bool().Draw(t, "beside") // attempts are recorded while watchers begin and read
		w.j.beside = func() {
			if beside && rapid.Bool().Draw(t, "comes") {
				w.add(t, rapid.IntRange(1, 5).Draw(t, "n"))
				w.append(len(w.unsent))
			}
		}
		t.Repeat(w.actions())
		w.append(len(w.unsent))
		beside = false
		w.finish(t)
	})
}

// watching is a log with its readers.
type watching struct {
	j       *journal
	l       *Log
	seq     int64
	readers []*reader
	unsent  []*webhook.Attempt // committed, not appended
}

// actions are the random steps.
func (w *watching) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"commit":     func(t *rapid.T) { w.add(t, rapid.IntRange(1, 5).Draw(t, "n")) },
		"burst":      func(t *rapid.T) { w.add(t, rapid.SampledFrom([]int{maxPending + 6, maxPage + 20}).Draw(t, "n")) },
		"append":     func(t *rapid.T) { w.append(rapid.IntRange(0, len(w.unsent)).Draw(t, "n")) },
		"append all": func(*rapid.T) { w.append(len(w.unsent)) },
		"watch now":  func(t *rapid.T) { w.start(t, func(webhook.ID) From { return From{} }, 0, "now") },
		"watch from": func(t *rapid.T) {
			if len(w.j.rows) > 0 {
				a := w.j.rows[rapid.IntRange(0, len(w.j.rows)-1).Draw(t, "row")]
				w.start(t, func(t webhook.ID) From { return From{Cursor: w.l.Cursor(t, a.Seq)} }, a.Seq, "from")
			}
		},
		"read": func(t *rapid.T) {
			if len(w.readers) > 0 {
				w.readers[rapid.IntRange(0, len(w.readers)-1).Draw(t, "reader")].read(t, rapid.IntRange(1, 10).Draw(t, "steps"))
			}
		},
		"close": func(t *rapid.T) {
			if len(w.readers) > 0 {
				i := rapid.IntRange(0, len(w.readers)-1).Draw(t, "i")
				w.readers[i].w.Close()
				w.readers = slices.Delete(w.readers, i, i+1)
			}
		},
	}
}

// append appends the first n committed attempts that the log does not have.
func (w *watching) append(n int) {
	told := w.unsent[:n]
	w.unsent = w.unsent[n:]
	w.l.Append(told)
}

// start begins to watch with a random filter. from is the Seq of the cursor after.
func (w *watching) start(t *rapid.T, after func(tenant webhook.ID) From, from int64, what string) {
	tenant := rapid.IntRange(0, 1).Draw(t, "tenant")
	r := &reader{tenant: id('t', tenant), last: from, name: fmt.Sprintf("reader %d (%s)", len(w.readers), what)}
	for _, h := range rapid.SliceOfN(rapid.IntRange(0, 2), 0, 3).Draw(t, "webhooks") {
		r.filter.WebhookIDs = append(r.filter.WebhookIDs, id('w', tenant*100+h))
	}
	if rapid.IntRange(0, 9).Draw(t, "nothing") == 0 {
		r.filter.EventTypes = []string{"never"}
	}
	var err error
	if r.w, err = w.l.Watch(context.Background(), r.tenant, r.filter, after(r.tenant)); err != nil {
		t.Fatalf("watch: %v", err)
	}
	known := w.j.rows
	if what == "now" {
		known = w.unsent // not appended yet, so the watcher sees them
	}
	for _, a := range known {
		if a.Seq > from && Match(r.tenant, &r.filter, a) {
			r.want = append(r.want, a.Seq)
		}
	}
	w.readers = append(w.readers, r)
}

// add commits n attempts without appending them to the log.
func (w *watching) add(t *rapid.T, n int) {
	for range n {
		w.seq += int64(rapid.IntRange(1, 3).Draw(t, "gap"))
		a := w.j.commit(w.seq, rapid.IntRange(0, 1).Draw(t, "of"), rapid.IntRange(0, 2).Draw(t, "hook"),
			rapid.SampledFrom([]int{0, 0, 3000}).Draw(t, "body"))
		w.unsent = append(w.unsent, a)
		for _, r := range w.readers {
			if Match(r.tenant, &r.filter, a) {
				r.want = append(r.want, a.Seq)
			}
		}
	}
}

// finish lets all readers catch up, and checks that they missed nothing.
func (w *watching) finish(t *rapid.T) {
	for _, r := range w.readers {
		for caught := false; !caught; { // each round makes progress, or the test fails
			before := r.w.pos
			r.read(t, 1)
			caught = r.w.pos == before && len(r.w.pending) == 0 && !r.w.behind
		}
		if len(r.want) > 0 {
			t.Fatalf("%s missed %v", r.name, r.want)
		}
		if _, wait, _ := r.w.poll(context.Background()); !wait {
			t.Fatalf("%s has not caught up", r.name)
		}
		r.w.Close()
	}
	if len(w.l.byTenant)+len(w.l.byWebhook) > 0 {
		t.Fatal("closed watchers are still registered")
	}
}

// read reads some pages, and checks them.
func (r *reader) read(t *rapid.T, steps int) {
	for range steps {
		page, _, err := r.w.poll(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		if len(page) > maxPage {
			t.Fatalf("a page of %d", len(page))
		}
		for _, a := range page {
			if len(r.want) == 0 || a.Seq != r.want[0] {
				t.Fatalf("%s got %d, want the first of %v", r.name, a.Seq, r.want)
			}
			r.last, r.want = a.Seq, r.want[1:]
		}
	}
}

// A watcher that starts before the tail sees what was recorded before the tail, from any position, even if the tail is empty.
func TestBeforeTheTail(t *testing.T) {
	for _, tail := range []int{0, 1 << 20} {
		j := &journal{}
		l := New(j, tail)
		for seq := range int64(5) {
			j.commit(seq+1, 0, 0, 0)
		}
		l.Append([]*webhook.Attempt{j.commit(6, 0, 0, 0)})
		for from := range int64(7) {
			w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), from)})
			if err != nil {
				t.Fatal(err)
			}
			for want := from + 1; want <= 6; {
				page, err := w.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range page {
					if a.Seq != want {
						t.Fatalf("after %d, with a tail of %d bytes: got %d, want %d", from, tail, a.Seq, want)
					}
					want++
				}
			}
			w.Close()
		}
	}
}

// A watcher that is behind within the tail reads it page by page, and misses nothing where a page ends, by number or by size.
func TestPagesOfTheTail(t *testing.T) {
	for _, body := range []int{0, 5000} {
		j := &journal{}
		l := New(j, 16<<20)
		for seq := range int64(3 * maxPage) {
			l.Append([]*webhook.Attempt{j.commit(seq+1, 0, 0, body)})
		}
		w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 0)})
		if err != nil {
			t.Fatal(err)
		}
		for last, pages := int64(0), 0; last < 3*maxPage; pages++ {
			page, err := w.Next(t.Context())
			if err != nil || len(page) > maxPage {
				t.Fatalf("a page of %d, %v", len(page), err)
			}
			for _, a := range page {
				if a.Seq != last+1 {
					t.Fatalf("bodies of %d: got %d after %d, on page %d", body, a.Seq, last, pages)
				}
				last = a.Seq
			}
		}
		w.Close()
		if j.reads > 0 {
			t.Errorf("%d reads of the log", j.reads)
		}
	}
}

// The tail stays within its bytes, and a stalled watcher keeps nothing alive beyond it.
func TestTailIsBounded(t *testing.T) {
	j := &journal{}
	l := New(j, 100_000)
	w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range int64(1000) {
		l.Append([]*webhook.Attempt{j.commit(i+1, 0, 0, 60_000)})
		if l.bytes > 100_000 || len(l.entries) > 1 {
			t.Fatalf("%d attempts of %d bytes are kept", len(l.entries), l.bytes)
		}
		if len(w.pending) > maxPending {
			t.Fatalf("%d positions are pending", len(w.pending))
		}
	}
	for seen := 0; seen < 1000; {
		page, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > 16 {
			t.Fatalf("a page of %d attempts of 60 kB", len(page))
		}
		seen += len(page)
	}
}

// A watcher whose filter matches nothing stays at the end without reading the log.
func TestIdleWatcherAdvances(t *testing.T) {
	j := &journal{}
	l := New(j, 0) // nothing stays in the tail
	w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{WebhookIDs: []webhook.ID{id('w', 1)}}, From{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range int64(5000) {
		l.Append([]*webhook.Attempt{j.commit(i+1, 0, 0, 0)})
	}
	if _, wait, _ := w.poll(t.Context()); !wait || j.reads != 0 {
		t.Fatalf("wait %v after %d reads", wait, j.reads)
	}
	j.prune(5000) // nothing that matches its filter
	l.Append([]*webhook.Attempt{j.commit(5001, 0, 1, 0)})
	page, err := w.Next(t.Context())
	if err != nil || len(page) != 1 || page[0].Seq != 5001 {
		t.Fatalf("got %v, %v", page, err)
	}
	if j.reads > 2 {
		t.Errorf("%d reads of the log for one attempt that the tail had dropped", j.reads)
	}
}

// A malformed cursor or one of another tenant is refused; one beyond the database's end is lost, and one that retention has
// overtaken is expired, at the start and later.
func TestCursors(t *testing.T) {
	j := &journal{}
	l := New(j, 1<<20)
	for i := range int64(10) {
		j.commit(i+1, 0, 0, 0)
	}
	for _, bad := range []string{"x", "latest", "2026-04-23T10:00:00Z", l.Cursor(id('t', 1), 3), l.Cursor(id('t', 0), 3) + "=", l.Cursor(id('t', 0), 3)[1:]} {
		if _, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: bad}); !errors.Is(err, webhook.ErrCursor) {
			t.Errorf("%q: %v, want ErrCursor", bad, err)
		}
	}
	var lost *webhook.CursorLost
	if _, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 11)}); !errors.As(err, &lost) || lost.Oldest != 1 {
		t.Errorf("ahead of the log: %v, want a lost cursor", err)
	}
	w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	j.prune(5)
	j.lost = 6
	if _, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 7)}); !errors.As(err, &lost) || lost.Oldest != 5 {
		t.Errorf("of another life: %v, want a lost cursor", err)
	}
	j.lost = 2
	var expired *webhook.CursorExpired
	if _, err := w.Next(t.Context()); !errors.As(err, &expired) || expired.Oldest != 5 {
		t.Errorf("Next: %v, want an expired cursor", err)
	}
	if _, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 3)}); !errors.As(err, &expired) || expired.Oldest != 5 {
		t.Errorf("Watch: %v, want an expired cursor, lost or not", err)
	}
	j.lost = 0
	if w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 4)}); err != nil {
		t.Errorf("the cursor before the oldest: %v", err)
	} else {
		w.Close()
	}
	j.prune(100)
	if _, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 9)}); !errors.As(err, &expired) || expired.Oldest != 11 {
		t.Errorf("an emptied log: %v, want an expired cursor", err)
	}
	for since, want := range map[time.Time]int64{time.UnixMilli(12_000): 12, time.UnixMilli(13_500): 13, time.UnixMilli(1000): 11, {}: 11} {
		for seq := range int64(5) {
			if j.newest < 15 {
				j.commit(11+seq, 0, 0, 0)
			}
		}
		w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Since: &since})
		if err != nil {
			t.Fatal(err)
		}
		if page, err := w.Next(t.Context()); err != nil || page[0].Seq != want {
			t.Errorf("%s: %v, %v, want from %d on", since, page, err, want)
		}
		w.Close()
	}
	if len(l.byTenant) != 1 {
		t.Errorf("%d tenants are registered, want that of the first watcher", len(l.byTenant))
	}
}

// A watcher ends with its context.
func TestWatcherEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		j.commit(1, 0, 0, 0)
		l := New(j, 0)
		ctx, cancel := context.WithCancel(t.Context())
		later := time.Now().Add(time.Hour)
		for _, from := range []From{{}, {Since: &later}, {Cursor: l.Cursor(id('t', 0), 1)}} {
			w, err := l.Watch(ctx, id('t', 0), store.AttemptFilter{}, from)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if _, err := w.Next(t.Context()); !errors.Is(err, ErrClosed) {
					t.Errorf("from %v: %v", from, err)
				}
			}()
		}
		cancel()
		synctest.Wait()
		if len(l.byTenant)+len(l.byWebhook) > 0 {
			t.Error("watchers are still registered")
		}
	})
}

// Next waits for an attempt, its context, or Close; after an error of the log it can be called again.
func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		l := New(j, 0)
		w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		next := func(ctx context.Context) {
			go func() {
				_, err := w.Next(ctx)
				got <- err
			}()
			synctest.Wait()
		}
		next(t.Context())
		l.Append([]*webhook.Attempt{j.commit(1, 1, 0, 0)}) // another tenant's
		l.Append([]*webhook.Attempt{j.commit(2, 0, 0, 0)})
		if err := <-got; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		next(ctx)
		if err := <-got; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's", err)
		}
		next(t.Context())
		w.Close()
		w.Close()
		if err := <-got; !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
		again, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{Cursor: l.Cursor(id('t', 0), 0)})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		j.err = errors.New("disk on fire")
		if _, err := again.Next(t.Context()); !errors.Is(err, j.err) {
			t.Errorf("%v, want the log's", err)
		}
		j.err = nil
		if page, err := again.Next(t.Context()); err != nil || page[0].Seq != 2 {
			t.Errorf("%v, %v after an error", page, err)
		}
	})
}

// awaits starts an Await, and returns a function that reports whether it has returned.
func awaits(ctx context.Context, await func(context.Context)) (returned func() bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		await(ctx)
	}()
	return func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// Await returns once Next need not wait, for an attempt, the end of the watcher or of the context, and takes nothing: Next gets all attempts.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		l := New(j, 1<<20)
		w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{}, From{})
		if err != nil {
			t.Fatal(err)
		}
		next := func(want ...int64) {
			t.Helper()
			for _, seq := range want {
				if page, err := w.Next(t.Context()); err != nil || len(page) != 1 || page[0].Seq != seq {
					t.Fatalf("%v, %v, want %d", page, err, seq)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		returned := awaits(ctx, w.Await)
		l.Append([]*webhook.Attempt{j.commit(2, 1, 0, 0)}) // another tenant's
		if returned() {
			t.Fatal("does not wait")
		}
		l.Append([]*webhook.Attempt{j.commit(3, 0, 0, 0)})
		if !returned() || !awaits(t.Context(), w.Await)() {
			t.Fatal("waits while an attempt does")
		}
		next(3)
		returned = awaits(ctx, w.Await)
		if cancel(); !returned() {
			t.Fatal("outlives its context")
		}
		returned = awaits(t.Context(), w.Await)
		if returned() {
			t.Fatal("does not wait any more")
		}
		if w.Close(); !returned() || !awaits(t.Context(), w.Await)() {
			t.Fatal("outlives its watcher")
		}
		if _, err := w.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// Await of changes is as TestAwait says.
func TestAwaitChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, DefaultPace())
		w, err := h.Watch(t.Context(), h.tenant, store.DeliveryFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if !awaits(t.Context(), w.Await)() {
			t.Fatal("the first message is there at once")
		}
		h.next(w)
		ctx, cancel := context.WithCancel(t.Context())
		returned := awaits(ctx, w.Await)
		if returned() {
			t.Fatal("does not wait")
		}
		d := h.made(webhook.NewID(time.Now()))
		h.Changed([]store.Change{h.put(d)})
		time.Sleep(time.Minute) // in the bubble: until it has been read
		if !returned() || !awaits(t.Context(), w.Await)() {
			t.Fatal("waits while a change does")
		}
		if c := h.next(w); c.Kind != Changed || c.Delivery.ID != d.ID {
			t.Fatalf("%+v", c)
		}
		returned = awaits(ctx, w.Await)
		if cancel(); !returned() {
			t.Fatal("outlives its context")
		}
		returned = awaits(t.Context(), w.Await)
		if returned() {
			t.Fatal("does not wait any more")
		}
		if w.Close(); !returned() {
			t.Fatal("outlives its watcher")
		}
	})
}

// Watchers, a committing writer and Close run concurrently.
func TestConcurrently(t *testing.T) {
	const attempts, watchers = 3000, 20
	j := &journal{}
	l := New(j, 50_000)
	var wg sync.WaitGroup
	for i := range watchers {
		w, err := l.Watch(t.Context(), id('t', 0), store.AttemptFilter{WebhookIDs: []webhook.ID{id('w', i%4)}}, From{})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer w.Close()
			last := int64(0)
			for last < attempts-4 {
				page, err := w.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, a := range page {
					if want := last + 4; last > 0 && a.Seq != want {
						t.Errorf("got %d after %d", a.Seq, last)
						return
					}
					last = a.Seq
				}
			}
		})
	}
	for i := int64(1); i <= attempts; {
		var batch []*webhook.Attempt
		for range 50 {
			batch = append(batch, j.commit(i, 0, int(i%4), 10))
			i++
		}
		l.Append(batch)
	}
	wg.Wait()
}

// Appends to a log with 1,000 watchers, each of one of 1,000 webhooks, in commits of 100 attempts, while the watchers read. It
// reports the cost of one attempt.
func BenchmarkAppend1000Watchers(b *testing.B) {
	j := &journal{}
	l := New(j, 16<<20)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 1000 {
		w, err := l.Watch(ctx, id('t', 0), store.AttemptFilter{WebhookIDs: []webhook.ID{id('w', i)}}, From{})
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer w.Close()
			for {
				if _, err := w.Next(ctx); err != nil {
					return
				}
			}
		})
	}
	batch := make([]*webhook.Attempt, 100)
	seq := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		attempts := make([]webhook.Attempt, 100)
		for i := range attempts {
			seq++
			attempts[i] = webhook.Attempt{Seq: seq, TenantID: id('t', 0), WebhookID: id('w', int(seq*7)%1000)}
			batch[i] = &attempts[i]
		}
		l.Append(batch)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/attempt")
	cancel()
	wg.Wait()
}
