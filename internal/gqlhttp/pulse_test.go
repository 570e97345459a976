package gqlhttp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/internal/testschema"
)

// Sockets are visited once in each interval, in slots, from about one interval after they join until they leave. A socket whose visit takes
// time delays the others by no more than that. Nothing runs while there are no sockets.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, slow = 16 * time.Second, 100 * time.Millisecond
		var mu sync.Mutex
		visits := map[*socket][]time.Time{}
		moments := map[time.Time]int{}
		p := &pulse{interval: interval}
		p.visit = func(s *socket) {
			mu.Lock()
			visits[s] = append(visits[s], time.Now())
			moments[time.Now()]++
			first := len(visits) == 1
			mu.Unlock()
			if first {
				time.Sleep(slow) // a caller who is looked up
			}
		}
		var all []*socket
		var leave []func()
		joined := map[*socket]time.Time{}
		for range 1000 {
			s := &socket{}
			joined[s] = time.Now()
			all, leave = append(all, s), append(leave, p.join(s))
			time.Sleep(interval / 500) // they come within two intervals
		}
		time.Sleep(10*interval + 1)
		synctest.Wait()
		for _, s := range all {
			last := joined[s].Add(-interval / pulseSlots)
			for _, at := range visits[s] {
				if gap := at.Sub(last); gap < interval-interval/pulseSlots || gap > interval+pulseChunk*slow {
					t.Fatalf("visited %v after the last time", gap)
				}
				last = at
			}
			if n := len(visits[s]); n < 9 || n > 12 {
				t.Fatalf("visited %d times", n)
			}
		}
		for at, n := range moments {
			if n > len(all)/4 {
				t.Fatalf("%d visits at %v", n, at)
			}
		}
		for _, f := range leave {
			f()
		}
		before := len(moments)
		time.Sleep(10 * interval)
		synctest.Wait()
		if len(moments) != before || p.running || p.sockets != 0 {
			t.Errorf("without sockets: %d visits, %v", len(moments)-before, p)
		}
		last := p.join(all[0])
		time.Sleep(2 * interval)
		synctest.Wait()
		if len(moments) == before {
			t.Error("a socket that joins again is not visited")
		}
		last()
	})
}

// A client is pinged once in each interval. It is dropped half an interval after a ping that it has not answered, whatever else it sends, unless
// it had much to read before the ping, or a large message came in between.
func TestPings(t *testing.T) {
	const interval = 10 * time.Second
	for name, test := range map[string]struct {
		answer func(s *socket, payload []byte)
		before func(s *socket)
		pings  int // before it is dropped; 0: it is not
		waited time.Duration
	}{
		"right":   {answer: func(s *socket, payload []byte) { s.ponged(payload) }},
		"none":    {answer: func(*socket, []byte) {}, pings: 1, waited: interval / 2},
		"empty":   {answer: func(s *socket, _ []byte) { s.ponged(nil) }, pings: 1, waited: interval / 2},
		"earlier": {answer: func(s *socket, _ []byte) { s.ponged(make([]byte, pingBytes)) }, pings: 1, waited: interval / 2},
		"backlog": {answer: func(*socket, []byte) {}, before: func(s *socket) { s.raw.written.Store(6 * readRate) }, pings: 1, waited: 3 * interval / 2},
		"large": {answer: func(s *socket, payload []byte) {
			if binary.BigEndian.Uint64(payload) == 1 {
				s.large.Add(1)
			}
		}, pings: 2, waited: interval / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				s := &socket{h: New(testschema.New(), Config{PingInterval: interval}), raw: &paced{Conn: server, each: time.Minute}}
				s.ctx, s.end = context.WithCancelCause(t.Context())
				if test.before != nil {
					test.before(s)
				}
				var pinged []time.Time
				go func() {
					frame := make([]byte, 2+pingBytes)
					for {
						if _, err := io.ReadFull(client, frame); err != nil {
							return
						}
						if frame[0] != final|opPing || frame[1] != pingBytes {
							t.Errorf("the server sent %x", frame)
						}
						pinged = append(pinged, time.Now())
						test.answer(s, frame[2:])
					}
				}()
				beats := 0
				for ; beats < 20 && s.ctx.Err() == nil; beats++ {
					time.Sleep(interval / 2)
					s.beat()
					synctest.Wait()
				}
				for i := range len(pinged) - 1 {
					if gap := pinged[i+1].Sub(pinged[i]); gap != interval && test.pings == 0 {
						t.Errorf("pinged again after %v", gap)
					}
				}
				why, _ := errors.AsType[closing](context.Cause(s.ctx))
				if dropped := s.ctx.Err() != nil; dropped != (test.pings > 0) || dropped && why.code != websocket.StatusTryAgainLater {
					t.Fatalf("dropped: %v, %v", dropped, why)
				}
				if want := test.pings; want > 0 && (len(pinged) != want || time.Since(pinged[want-1]) != test.waited) || want == 0 && len(pinged) != beats/2 {
					t.Errorf("pinged %d times within %d beats, the last time %v ago", len(pinged), beats, time.Since(pinged[len(pinged)-1]))
				}
				_, _ = client.Close(), server.Close()
			})
		})
	}
}
