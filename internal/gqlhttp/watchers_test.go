package gqlhttp_test

import (
	"context"
	"flag"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const watchOne = `subscription($filter: DeliveryAttemptFilter, $after: String) {
	deliveryAttempts(filter: $filter, after: $after) { cursor node { id number status error startedAt durationMs response { status } } } }`

// heap is what is in use at rest: live objects, and the stacks of goroutines. It is the least of some moments, because what
// has just been done is being put away, and a stack shrinks by half in each collection.
func heap() uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc+m.StackInuse)
		time.Sleep(5 * time.Millisecond)
	}
	return least
}

// upgrade opens a WebSocket by hand, subscribes, and returns when the subscription has begun: all that the client has of
// it is the connection.
func upgrade(t testing.TB, b *backend, f *frontend, operation []byte) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	frame := func(text string) []byte {
		n := len(text)
		if n < 126 {
			return append([]byte{0x81, 0x80 | byte(n), 0, 0, 0, 0}, text...)
		}
		return append([]byte{0x81, 0x80 | 126, byte(n >> 8), byte(n), 0, 0, 0, 0}, text...)
	}
	request := []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n")
	got := make([]byte, 0, 1024)
	send := func(b []byte, until string) { // like a client that waits for each answer
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(string(got), until) {
			n, err := conn.Read(got[len(got):cap(got)])
			if err != nil {
				t.Fatal(err)
			}
			got = got[:len(got)+n]
		}
	}
	send(request, "\r\n\r\n")
	send(frame(`{"type":"connection_init","payload":{"token":"`+b.token+`"}}`), "connection_ack")
	send(frame(`{"id":"1","type":"subscribe","payload":`+string(operation)+`}`), "")
	return conn
}

// BenchmarkMemoryOfWatchers tells what a watcher on a WebSocket of its own takes of the heap.
func BenchmarkMemoryOfWatchers(b *testing.B) {
	const watchers = 500
	back := newBackend(b, 1, nil)
	f := back.serve(b, 1<<20, nil)
	sees := func(conn net.Conn) {
		b.Helper()
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			b.Fatal(err)
		}
	}
	first := upgrade(b, back, f, operation(watchOne, store.AttemptFilter{}, f.log.Cursor(back.owner, 0)))
	back.record(b, 0)
	sees(first) // so that what there is only once is there
	_, newest, err := back.store.AttemptBounds(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	before := heap()
	conns := make([]net.Conn, watchers)
	for i := range conns {
		conns[i] = upgrade(b, back, f, operation(watchOne, store.AttemptFilter{WebhookIDs: []webhook.ID{back.hooks[0].ID}}, f.log.Cursor(back.owner, newest)))
	}
	back.record(b, 0)
	for _, conn := range conns {
		sees(conn)
	}
	b.ReportMetric(float64(heap()-before)/watchers, "B/watcher")
	b.ReportMetric(0, "ns/op")
}

var measure = flag.Bool("watchers.measure", false, "measure 1,000 watchers at 2,000 attempts/s, and fail when they are slower than they should be, on a quiet machine")

// Clients that do not read hold back nobody's message, and lose none of their own: while the server waits for them, the others
// get each attempt before the next is recorded.
func TestStalledHoldNobodyUp(t *testing.T) {
	const rounds, each, stalled = 20, 10, 10 // about 200 KB for everyone, where buffers take less than 50
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	b := newBackend(t, 1, nil)
	f := b.serve(t, 20_000, func(c *gqlhttp.Config) { c.WriteTimeout, c.PingInterval = time.Hour, time.Hour })
	socket := func() stream {
		s, err := b.dial(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.subscribe(ctx, operation(watch, store.AttemptFilter{}, f.log.Cursor(b.owner, 0))); err != nil {
			t.Fatal(err)
		}
		return s
	}
	events := func() stream {
		e, err := b.listen(ctx, f, operation(watch, store.AttemptFilter{}, f.log.Cursor(b.owner, 0)), "")
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	var idle []stream
	for range stalled {
		idle = append(idle, socket(), events())
	}
	reading := []stream{socket(), events()}
	for _, s := range append(slices.Clone(idle), reading...) {
		defer s.drop()
	}
	next := func(s stream) string {
		t.Helper()
		r, err := s.next(ctx)
		if err != nil || len(r.Errors) > 0 {
			t.Fatal(r.errors(), err)
		}
		return r.Data.DeliveryAttempts.Node.ID
	}
	for range rounds {
		b.record(t, make([]int, each)...)
		for _, s := range reading {
			for range each {
				next(s)
			}
		}
	}
	if n := f.open.Load(); n != int64(len(idle)+len(reading)) {
		t.Errorf("%d connections are open, want all", n)
	}
	history := b.history(t, store.AttemptFilter{})
	for _, s := range idle[:2] { // which now read
		for i, want := range history {
			if got := next(s); got != want {
				t.Fatalf("attempt %d is %s, want %s", i, got, want)
			}
		}
	}
}

// latencies are how long attempts took from their commit to a client.
type latencies struct {
	mu   sync.Mutex // guards took
	took []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, d)
}

// cut returns what was added since the last cut, in ascending order.
func (l *latencies) cut() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = nil
	slices.Sort(took)
	return took
}

// With 1,000 watchers of one webhook each and 5 of everything, at 2,000 attempts/s, it measures how long an attempt takes
// from its commit to a client; and again while 50 more, of everything, do not read: they are gone within 15 s although they
// answer pings, and cost the others nothing.
func TestMeasureWatchers(t *testing.T) {
	if !*measure {
		t.Skip("-watchers.measure")
	}
	const watchers, everything, rate, seconds, stalled, most = 1000, 5, 2000, 12, 50, 50 * time.Millisecond
	b := newBackend(t, watchers, nil)
	f := b.serve(t, 32<<20, func(c *gqlhttp.Config) { c.Operations = intake.Limits{Total: 2 * watchers} })
	var committed sync.Map // id of an attempt to when it was committed
	b.store.Start(dispatcher{b.node}, func(attempts []*webhook.Attempt) {
		now := time.Now()
		for _, a := range attempts {
			committed.Store(a.ID.String(), now)
		}
		f.log.Append(attempts)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var took latencies
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	for i := range watchers + everything {
		var filter store.AttemptFilter
		if i < watchers {
			filter.WebhookIDs = []webhook.ID{b.hooks[i].ID}
		}
		s, err := b.dial(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.conn.CloseNow() })
		if err := s.subscribe(ctx, operation(watchOne, filter, "")); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			for {
				_, text, err := s.conn.Read(ctx)
				if err != nil {
					return
				}
				now := time.Now()
				_, id, ok := strings.Cut(string(text), `"node":{"id":"`)
				if !ok {
					continue
				}
				if at, ok := committed.Load(id[:36]); ok {
					took.add(now.Sub(at.(time.Time)))
				}
			}
		})
	}
	webhooktest.Eventually(t, "all subscriptions run", func() bool { return f.began.Load() == watchers+everything })

	load := func(name string) {
		n, begun := 0, time.Now()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ; time.Since(begun) < seconds*time.Second; <-tick.C {
			batch := make([]int, min(rate/20, int(time.Since(begun).Seconds()*rate)+rate/20-n))
			for i := range batch {
				batch[i] = rand.IntN(watchers)
			}
			if len(batch) > 0 {
				b.record(t, batch...)
			}
			n += len(batch)
		}
		perSecond := float64(n) / time.Since(begun).Seconds()
		var all []time.Duration
		webhooktest.Eventually(t, "all of it arrived", func() bool {
			all = append(all, took.cut()...)
			return len(all) >= n*(everything+1)
		})
		slices.Sort(all)
		at := func(p float64) time.Duration { return all[int(p*float64(len(all)-1))] }
		t.Logf("%s: %.0f attempts/s, %d messages, commit to client p50 %v, p99 %v, p99.9 %v", name, perSecond, len(all),
			at(0.5).Round(10*time.Microsecond), at(0.99).Round(10*time.Microsecond), at(0.999).Round(10*time.Microsecond))
		if at(0.99) > most || perSecond < 0.95*rate {
			t.Errorf("%s: want a p99 of less than %v at %d attempts/s", name, most, rate)
		}
	}
	load("all read")
	for range stalled { // reads nothing more; the WebSocket's own pongs come with reading, so it sends some
		s, err := b.dial(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.subscribe(ctx, operation(watch, store.AttemptFilter{}, f.log.Cursor(b.owner, 0))); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			for f.open.Load() > watchers+everything && ctx.Err() == nil {
				_ = s.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`))
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	begun, gone := time.Now(), make(chan time.Duration, 1)
	clients.Go(func() {
		for f.open.Load() > watchers+everything && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		gone <- time.Since(begun)
	})
	load("50 do not read")
	after := <-gone
	t.Logf("those were gone after %v", after.Round(time.Millisecond))
	if after > 15*time.Second {
		t.Error("want 15 s")
	}
}
