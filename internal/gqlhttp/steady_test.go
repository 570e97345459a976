package gqlhttp

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/internal/testschema"
	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// oneConn is a listener with one connection.
type oneConn struct {
	conn net.Conn
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { close(l.done); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// A client that reads slowly gets the whole message: the deadline is for each piece, not for the whole, which here takes forty
// times as long.
func TestSteadyReaders(t *testing.T) {
	const size, sip, pause = 1 << 20, intake.Piece / 2, 300 * time.Millisecond // a piece in two or three reads
	document := `{"query":"subscription{ticks(count:1,size:1048576){cursor}}"}`
	post := func(accept, body string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\nAccept: " + accept + "\r\nContent-Type: application/json\r\nAuthorization: Bearer " + goodToken +
			"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	for kind, ask := range map[string]func(net.Conn){
		"websocket": func(conn net.Conn) {
			upgradeByHand(conn)
			frame(conn, 1, ack)
			frame(conn, 1, `{"id":"1","type":"subscribe","payload":`+document+`}`)
		},
		"events": func(conn net.Conn) { _, _ = io.WriteString(conn, post("text/event-stream", document)) },
		"http": func(conn net.Conn) {
			_, _ = io.WriteString(conn, post("application/json", `{"query":"query($n:String){hello(name:$n)}","variables":{"n":"`+strings.Repeat("n", size)+`"}}`))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(testschema.New(), Config{
					Authenticate: authenticate, Logger: slog.New(slog.DiscardHandler),
					WriteTimeout: time.Second, MaxBodyBytes: 2 * size, PingInterval: time.Hour,
				})
				server := &http.Server{Handler: h}
				inside, conn := net.Pipe()
				served := make(chan struct{})
				go func() {
					defer close(served)
					_ = server.Serve(&oneConn{conn: inside, done: make(chan struct{})})
				}()
				asked := make(chan struct{})
				go func() {
					defer close(asked)
					ask(conn)
				}()
				started := time.Now()
				buf := make([]byte, sip)
				for left := size; left > 0; {
					time.Sleep(pause)
					n, err := io.ReadFull(conn, buf[:min(left, sip)])
					if left -= n; err != nil {
						t.Errorf("cut off with %d bytes to come: %v", left, err)
						break
					}
				}
				if took := time.Since(started); took < 30*time.Second {
					t.Errorf("it took %v", took)
				}
				_ = conn.Close()
				<-asked
				if err := h.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				_ = server.Close()
				<-served
			})
		})
	}
}

// The server waits longer for the pong of a client that has much to read before the ping; one with nothing to read is disconnected.
func TestPingAfterABacklog(t *testing.T) {
	s := newServer(t, Config{PingInterval: 500 * time.Millisecond, CloseTimeout: time.Second})
	busy := s.connect(t)
	busy.subscribe("1", "subscription{ticks(count:1,size:1000000){cursor}}") // it does not read for a while
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
