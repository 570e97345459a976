package gqlhttp

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// steadily reads n bytes at a steady rate, in bytes a second.
func steadily(t *testing.T, conn net.Conn, n, rate int) {
	t.Helper()
	const tick = 10 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	buf := make([]byte, int(int64(rate)*int64(tick)/int64(time.Second)))
	for n > 0 {
		<-ticker.C
		m, err := io.ReadFull(conn, buf[:min(n, len(buf))])
		if n -= m; err != nil {
			t.Fatalf("cut off with %d bytes to come: %v", n, err)
		}
	}
}

// A client that reads slowly, but reads, gets all of it: each piece has a deadline, and not the whole. The message here takes
// more than twice as long as a write may.
func TestSteadyReaders(t *testing.T) {
	const size, rate = 7 << 20, 3 << 20
	document := `subscription{ticks(count:1,size:7340032){cursor}}`
	name := strings.Repeat("n", size)
	for kind, request := range map[string]string{
		"websocket": "",
		"events": "POST / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nAuthorization: Bearer " + goodToken +
			"\r\nTransfer-Encoding: chunked\r\n\r\n",
		"http": "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + goodToken +
			"\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, Config{WriteTimeout: time.Second, MaxBodyBytes: 2 * size, PingInterval: time.Hour})
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			chunked := func(body string) string {
				return strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n0\r\n\r\n"
			}
			switch kind {
			case "websocket":
				upgradeByHand(conn)
				frame(conn, 1, ack)
				frame(conn, 1, `{"id":"1","type":"subscribe","payload":{"query":"`+document+`"}}`)
			case "events":
				_, err = io.WriteString(conn, request+chunked(`{"query":"`+document+`"}`))
			case "http":
				_, err = io.WriteString(conn, request+chunked(`{"query":"query($n:String){hello(name:$n)}","variables":{"n":"`+name+`"}}`))
			}
			if err != nil {
				t.Fatal(err)
			}
			steadily(t, conn, size, rate)
		})
	}
}

// A client that has much to read before it sees a ping is waited for, where one that has nothing to read is dropped.
func TestPingAfterABacklog(t *testing.T) {
	s := newServer(t, Config{PingInterval: 40 * time.Millisecond, CloseTimeout: 50 * time.Millisecond})
	busy := s.connect(t)
	busy.subscribe("1", "subscription{ticks(count:1,size:1000000){cursor}}") // it does not read on for a while
	idle := s.connect(t)
	webhooktest.Eventually(t, "the idle one is dropped", func() bool { return s.handler.open() == 1 })
	_ = idle
	for range 2 {
		if m := busy.receive(); !strings.HasPrefix(m, `{"id":"1"`) {
			t.Fatalf("got %.100s", m)
		}
	}
	busy.send(`{"type":"ping"}`)
	busy.expect(`{"type":"pong"}`)
}
