package gqlhttp_test

import (
	"context"
	"flag"
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
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

const watchOne = `subscription($filter: DeliveryAttemptFilter, $after: String) {
	deliveryAttempts(filter: $filter, after: $after) { cursor node { id number status error startedAt durationMs response { status } } } }`

// heap is what is in use: live objects, and the stacks of goroutines.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// upgrade opens a WebSocket by hand, subscribes, and returns when the subscription has begun: all that the client has of
// it is the connection.
func upgrade(t *testing.T, b *backend, f *frontend, operation []byte) net.Conn {
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

// A watcher on a WebSocket of its own takes less than 40 KB.
func TestMemoryOfWatchers(t *testing.T) {
	const watchers, most = 500, 40_000
	b := newBackend(t, 1, nil)
	f := b.serve(t, 1<<20, nil)
	upgrade(t, b, f, operation(watchOne, store.AttemptFilter{}, "latest")) // what there is only once
	before := heap()
	conns := make([]net.Conn, watchers)
	for i := range conns {
		conns[i] = upgrade(t, b, f, operation(watchOne, store.AttemptFilter{WebhookIDs: []webhook.ID{b.hooks[0].ID}}, f.log.Cursor(0)))
	}
	b.record(t, 0)
	for _, conn := range conns { // each has seen something
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / watchers
	t.Logf("%d bytes for each watcher", each)
	if each > most && !raceDetector {
		t.Errorf("more than %d", most)
	}
}

// waitFor waits for what nothing signals.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

var measure = flag.Bool("watchers.measure", false, "measure 1,000 watchers at 2,000 attempts/s, for a quiet machine")

// With 1,000 watchers of one webhook each and 5 of everything, at 2,000 attempts/s, it measures how long an attempt takes
// from its commit to a client, also while a sixth of everything stalls; that one is gone within 15 s although it
// answers pings, and costs the others nothing.
func TestMeasureWatchers(t *testing.T) {
	if !*measure {
		t.Skip("-watchers.measure")
	}
	const watchers, everything, rate, seconds = 1000, 5, 2000, 10
	b := newBackend(t, watchers, nil)
	f := b.serve(t, 32<<20, func(c *gqlhttp.Config) { c.MaxOperationsPerCaller = 2 * watchers })
	var committed sync.Map // id of an attempt to when it was committed
	b.store.OnAttempts(func(attempts []*webhook.Attempt) {
		now := time.Now()
		for _, a := range attempts {
			committed.Store(a.ID.String(), now)
		}
		f.log.Append(attempts)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex // guards took
	var took []time.Duration
	var got atomic.Int64
	var clients sync.WaitGroup
	before := heap()
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
		if err := s.subscribe(ctx, operation(watchOne, filter, "latest")); err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			var mine []time.Duration
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				took = append(took, mine...)
			}()
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
					mine = append(mine, now.Sub(at.(time.Time)))
				}
				got.Add(1)
			}
		})
	}
	waitFor(t, "all subscriptions run", func() bool { return f.began.Load() == watchers+everything })
	t.Logf("%d KB for each watcher, the clients' side included", (heap()-before)/(watchers+everything)/1000)

	load := func() int {
		n := 0
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for begun := time.Now(); time.Since(begun) < seconds*time.Second; <-tick.C {
			batch := make([]int, min(rate/20, int(time.Since(begun).Seconds()*rate)+rate/20-n))
			for i := range batch {
				batch[i] = rand.IntN(watchers)
			}
			if len(batch) > 0 {
				b.record(t, batch...)
			}
			n += len(batch)
		}
		return n
	}
	report := func(name string, n int) {
		waitFor(t, "all of it arrived", func() bool { return got.Load() >= int64(n*(everything+1)) })
		got.Store(0)
		t.Logf("%s: %d attempts in %d s", name, n, seconds)
	}
	report("all read", load())
	stalled, err := b.dial(ctx, f) // reads nothing more; the WebSocket's own pongs come with reading, so it sends some
	if err != nil {
		t.Fatal(err)
	}
	if err := stalled.subscribe(ctx, operation(watch, store.AttemptFilter{}, f.log.Cursor(0))); err != nil {
		t.Fatal(err)
	}
	begun, gone := time.Now(), make(chan time.Duration, 1)
	go func() {
		for f.open.Load() > watchers+everything {
			_ = stalled.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`))
			time.Sleep(50 * time.Millisecond)
		}
		gone <- time.Since(begun)
	}()
	report("one stalls", load())
	t.Logf("the stalled one was gone after %v", (<-gone).Round(time.Millisecond))
	cancel()
	clients.Wait()
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[int(p*float64(len(took)-1))].Round(10 * time.Microsecond) }
	t.Logf("commit to client, of %d: p50 %v, p99 %v, p99.9 %v", len(took), at(0.5), at(0.99), at(0.999))
}
