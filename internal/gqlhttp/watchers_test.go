package gqlhttp_test

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// heap returns the memory in use at rest: live objects, and the stacks of goroutines. It is the smallest of several readings,
// because cleanup goes on, and each collection shrinks a stack by half.
func heap() uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc+m.StackInuse)
		time.Sleep(5 * time.Millisecond) // the measurement's subject: what is left after a while
	}
	return least
}

// upgrade opens a WebSocket by hand, subscribes, and returns when the subscription has begun, so that the client has nothing but
// the connection.
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
	send := func(b []byte, until string) { // like a client that waits for each response
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

// BenchmarkMemoryOfWatchers measures the heap memory of a watcher on its own WebSocket.
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
	sees(first) // creates what exists only once
	_, newest, err := back.store.AttemptBounds(b.Context(), webhook.ID{})
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

// Clients that do not read delay nobody's messages, and lose none of their own: while the server waits for them, the others get
// each attempt before the next is recorded.
func TestStalledHoldNobodyUp(t *testing.T) {
	const rounds, each, stalled = 20, 10, 10 // about 200 KB for each client, whose buffers take less than 50
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
	for _, s := range idle[:2] { // they read now
		for i, want := range history {
			if got := next(s); got != want {
				t.Fatalf("attempt %d is %s, want %s", i, got, want)
			}
		}
	}
}

// Sockets of several tokens share messages. One whose token is revoked is closed; the others get what comes after that, each on a socket or as
// server-sent events with its own cursor.
func TestRevokedLeavesTheOthers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := newBackend(t, 1, nil)
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) { c.AliveInterval = 50 * time.Millisecond })
	open := func() *socket {
		s, err := b.dial(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.drop)
		if err := s.subscribe(ctx, operation(watch, store.AttemptFilter{}, f.log.Cursor(b.owner, 0))); err != nil {
			t.Fatal(err)
		}
		return s
	}
	staying := []stream{open(), open()}
	events, err := b.listen(ctx, f, operation(watch, store.AttemptFilter{}, ""), f.log.Cursor(b.owner, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.drop)
	staying = append(staying, events)
	var row *webhook.Token
	b.token, row = webhooktest.Token(t, b.store, "kallima")
	leaving := open()
	for i := range 6 {
		b.record(t, 0)
		want := b.history(t, store.AttemptFilter{})[i]
		reading := staying
		if i < 3 {
			reading = append(slices.Clone(staying), leaving)
		}
		for _, s := range reading {
			if m, err := s.next(ctx); err != nil || m.Data.DeliveryAttempts.Node.ID != want {
				t.Fatalf("attempt %d: got %v %v, want %s", i, m, err, want)
			}
		}
		if i == 2 {
			if _, err := b.store.Registry(nil).RevokeToken(ctx, row.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := leaving.next(ctx); websocket.CloseStatus(err) != 4403 {
				t.Errorf("the socket of the revoked token: %v", err)
			}
		}
	}
}

// latencies are the times from an attempt's commit to a client.
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

// BenchmarkWatchers measures the time from an attempt's commit to a client, with 1,000 watchers of one webhook each and 5 of
// everything, at 2,000 attempts/s: while all read, and while 50 more watchers of everything do not read. The server disconnects
// those although they answer pings; gone-s says when.
func BenchmarkWatchers(b *testing.B) {
	w := newWatched(b)
	b.Run("all read", w.load)
	gone := w.stall(b, 50)
	b.Run("50 do not read", func(b *testing.B) {
		w.load(b)
		b.ReportMetric((<-gone).Seconds(), "gone-s")
	})
}

// BenchmarkEqualWatchers measures the processor time of a message to one of 500 watchers who ask for the same, both ends and the recording of
// attempts included.
func BenchmarkEqualWatchers(b *testing.B) {
	const watchers, attempts = 500, 20
	back := newBackend(b, 1, nil)
	f := back.serve(b, 1<<20, func(c *gqlhttp.Config) { c.Operations = intake.Limits{Total: 2 * watchers} })
	var got atomic.Int64
	for range watchers {
		s, err := back.dial(b.Context(), f)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.drop)
		if err := s.subscribe(b.Context(), operation(watchOne, store.AttemptFilter{}, "")); err != nil {
			b.Fatal(err)
		}
		go func() {
			for {
				if _, _, err := s.conn.Read(b.Context()); err != nil {
					return
				}
				got.Add(1)
			}
		}()
	}
	webhooktest.Eventually(b, "all subscriptions run", func() bool { return f.began.Load() == watchers })
	before := webhooktest.ProcessorTime()
	want := int64(0)
	for b.Loop() {
		for range attempts {
			back.record(b, 0)
		}
		want += watchers * attempts
		webhooktest.Eventually(b, "all of it arrived", func() bool { return got.Load() == want })
	}
	b.ReportMetric(float64((webhooktest.ProcessorTime()-before).Nanoseconds())/float64(want)/1000, "µs/message")
	b.ReportMetric(0, "ns/op")
}

// watched is a server with many watchers, which record when attempts arrive.
type watched struct {
	b         *backend
	f         *frontend
	committed sync.Map // commit time by attempt id
	took      latencies
}

const watching, watchingAll = 1000, 5 // webhooks with a watcher each, and watchers of everything

func newWatched(tb testing.TB) *watched {
	tb.Helper()
	back := newBackend(tb, watching, nil)
	w := &watched{b: back, f: back.serve(tb, 32<<20, func(c *gqlhttp.Config) { c.Operations = intake.Limits{Total: 2 * watching} })}
	back.store.Start(dispatcher{back.node}, func(attempts []*webhook.Attempt) {
		now := time.Now()
		for _, a := range attempts {
			w.committed.Store(a.ID.String(), now)
		}
		w.f.log.Append(attempts)
	})
	for i := range watching + watchingAll {
		var filter store.AttemptFilter
		if i < watching {
			filter.WebhookIDs = []webhook.ID{back.hooks[i].ID}
		}
		s := w.open(tb, operation(watchOne, filter, ""))
		go w.read(tb.Context(), s)
	}
	webhooktest.Eventually(tb, "all subscriptions run", func() bool { return w.f.began.Load() == watching+watchingAll })
	return w
}

func (w *watched) open(tb testing.TB, operation []byte) *socket {
	tb.Helper()
	s, err := w.b.dial(tb.Context(), w.f)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.conn.CloseNow() })
	if err := s.subscribe(tb.Context(), operation); err != nil {
		tb.Fatal(err)
	}
	return s
}

// read records when attempts arrive, until the connection ends.
func (w *watched) read(ctx context.Context, s *socket) {
	for {
		_, text, err := s.conn.Read(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		if _, id, ok := strings.Cut(string(text), `"node":{"id":"`); ok {
			if at, ok := w.committed.Load(id[:36]); ok {
				w.took.add(now.Sub(at.(time.Time)))
			}
		}
	}
}

// load records 2,000 attempts/s for a while.
func (w *watched) load(b *testing.B) {
	const rate, seconds = 2000, 12
	n, begun := 0, time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; time.Since(begun) < seconds*time.Second; <-tick.C {
		batch := make([]int, min(rate/20, int(time.Since(begun).Seconds()*rate)+rate/20-n))
		for i := range batch {
			batch[i] = rand.IntN(watching)
		}
		if len(batch) > 0 {
			w.b.record(b, batch...)
		}
		n += len(batch)
	}
	b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "attempts/s")
	var all []time.Duration
	webhooktest.Eventually(b, "all of it arrived", func() bool {
		all = append(all, w.took.cut()...)
		return len(all) >= n*(watchingAll+1)
	})
	slices.Sort(all)
	for name, p := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "p99.9-ms": 0.999} {
		b.ReportMetric(float64(all[int(p*float64(len(all)-1))].Microseconds())/1000, name)
	}
	b.ReportMetric(0, "ns/op")
}

// stall opens n subscriptions to everything, and does not read from them. A library's pongs would need reading, so the clients send
// pongs themselves. It returns how long the server keeps them.
func (w *watched) stall(b *testing.B, n int) <-chan time.Duration {
	b.Helper()
	open := func() bool { return w.f.open.Load() > watching+watchingAll && b.Context().Err() == nil }
	for range n {
		s := w.open(b, operation(watch, store.AttemptFilter{}, w.f.log.Cursor(w.b.owner, 0)))
		go func() {
			for open() {
				_ = s.conn.Write(b.Context(), websocket.MessageText, []byte(`{"type":"pong"}`))
				time.Sleep(50 * time.Millisecond) // the pace of a client that sends and does not read
			}
		}()
	}
	begun, gone := time.Now(), make(chan time.Duration, 1)
	go func() {
		for open() {
			time.Sleep(10 * time.Millisecond) // nothing tells when the server gives up
		}
		gone <- time.Since(begun)
	}()
	return gone
}
