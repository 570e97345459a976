package egress

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

const noContent = "HTTP/1.1 204 No Content\r\n\r\n"

// A connection that the receiver has closed while it was idle, or on which it has sent something unrequested, is not used again: the next
// request uses a new one, with and without TLS.
func TestIdleConnectionsThatEnd(t *testing.T) {
	for name, end := range map[string]func(c net.Conn){
		"closed":      func(c net.Conn) { _ = c.Close() },
		"reset":       func(c net.Conn) { _ = tcp(c).SetLinger(0); _ = c.Close() },
		"half closed": func(c net.Conn) { _ = tcp(c).CloseWrite() },
		"a timeout's answer": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
		},
	} {
		for _, protocols := range [][]string{nil, {"http/1.1"}} {
			t.Run(strings.Join(append([]string{name}, protocols...), ", "), func(t *testing.T) {
				ended := make(chan struct{}, 10)
				r := newRaw(t, protocols, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
					skipRequest(in)
					_, _ = io.WriteString(c, noContent)
					end(c)
					ended <- struct{}{}
					<-stop
				})
				client, req := r.request(t)
				for i := range 5 {
					if res := client.Do(within(t, 20*time.Second), req); res.Code != OK || res.StatusCode != 204 || res.Reused {
						t.Fatalf("request %d: %+v", i, res)
					}
					<-ended
					// What the receiver has sent may still be on its way.
					webhooktest.Eventually(t, "the end of the connection", func() bool {
						client.pool.mu.Lock()
						defer client.pool.mu.Unlock()
						for _, list := range client.pool.idle {
							for _, k := range list {
								if k.silent() {
									return false
								}
							}
						}
						return true
					})
				}
			})
		}
	}
}

func tcp(c net.Conn) *net.TCPConn {
	counted := socket(c).(*counting)
	return counted.TCPConn
}

// Idle connections that receivers have closed are closed here too, though nobody sends anything.
func TestClosedConnectionsAreSwept(t *testing.T) {
	closing := make(chan struct{})
	r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		skipRequest(in)
		_, _ = io.WriteString(c, noContent)
		<-closing
	})
	client, req := r.request(t)
	if res := client.Do(within(t, 20*time.Second), req); res.Code != OK {
		t.Fatalf("%+v", res)
	}
	if n := client.made.open.Load(); n != 1 {
		t.Fatalf("%d connections are open", n)
	}
	close(closing)
	webhooktest.Eventually(t, "the connection is closed", func() bool { return client.made.open.Load() == 0 })
}

// A connection is not used any more a second before the receiver will close it, as its Keep-Alive says: what is sent while it closes is lost.
func TestKeepAliveIsRespected(t *testing.T) {
	for _, c := range []struct {
		header string
		idle   time.Duration
		kept   bool
	}{
		{"", 50 * time.Second, true},
		{"", 60 * time.Second, false},
		{"timeout=5", 2 * time.Second, true},
		{"timeout=5", 4 * time.Second, false},
		{"max=100, Timeout = \"5\"", 4 * time.Second, false},
		{"timeout=1", 500 * time.Millisecond, false},
		{"timeout=0", 0, false},
		{"timeout=99999999999999999999", 50 * time.Second, true},
		{"timeout=3600", 60 * time.Second, false},
		{"timeout=-1", 50 * time.Second, true},
		{"timeout", 50 * time.Second, true},
		{"max=100", 50 * time.Second, true},
	} {
		r := newRaw(t, nil, func(conn net.Conn, in *bufio.Reader, _ <-chan struct{}) {
			for skipRequest(in); ; skipRequest(in) {
				if _, err := io.WriteString(conn, "HTTP/1.1 204 No Content\r\nKeep-Alive: "+c.header+"\r\n\r\n"); err != nil {
					return
				}
				if _, err := in.Peek(1); err != nil {
					return
				}
			}
		})
		client, req := r.request(t)
		for i := range 2 {
			res := client.Do(within(t, 20*time.Second), req)
			if res.Code != OK || res.Reused != (c.kept && i > 0) {
				t.Errorf("%q, idle for %v, request %d: %+v", c.header, c.idle, i, res)
			}
			client.pool.mu.Lock()
			for _, list := range client.pool.idle {
				for _, k := range list {
					k.since = k.since.Add(-c.idle)
				}
			}
			client.pool.mu.Unlock()
		}
	}
}

// While this host sleeps, an idle connection grows older: its receiver, or what is between, has forgotten it when the host wakes. The monotonic clock stops
// meanwhile.
func TestIdleConnectionsAgeWhileTheHostSleeps(t *testing.T) {
	s := receiver(t, false, func(http.ResponseWriter, *http.Request) {})
	c := client(t, private(s))
	if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, s.URL)}); res.Code != OK {
		t.Fatalf("%+v", res)
	}
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if c.pool.n != 1 {
		t.Fatalf("%d connections are kept", c.pool.n)
	}
	for _, list := range c.pool.idle {
		if since := list[0].since; since != since.Round(0) {
			t.Errorf("idle since %v, with the monotonic clock", since)
		}
	}
}

// The answer of a receiver that answers before it has read a large body, or half of it, is read, and its connection is not used again.
func TestAnswerBeforeLargeBody(t *testing.T) {
	for _, size := range []int{inlineBytes, inlineBytes + 1, 8 << 20} {
		r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge")
			<-stop
		})
		client, req := r.request(t)
		req.Body = bytes.Repeat([]byte("x"), size)
		res := client.Do(within(t, 20*time.Second), req)
		if res.Code != OK || res.StatusCode != 413 || string(res.Body) != "large" {
			t.Errorf("%d bytes: %+v", size, res)
		}
	}
}

// A request that cannot be written fails at once, and leaves no connection.
func TestRequestThatCannotBeWritten(t *testing.T) {
	r := newRaw(t, nil, func(_ net.Conn, _ *bufio.Reader, stop <-chan struct{}) { <-stop })
	client, req := r.request(t)
	req.URL.RawQuery = "\x01"
	if res := client.Do(within(t, 10*time.Second), req); res.Code != Protocol || client.made.open.Load() != 0 {
		t.Errorf("%+v, %d connections are open", res, client.made.open.Load())
	}
}

// A body of any size arrives whole, and its connection serves the next one.
func TestBodiesOfEverySize(t *testing.T) {
	got := make(chan int, 1)
	s := receiver(t, false, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- len(body)
	})
	c := client(t, private(s))
	for i, size := range []int{0, 1, writeBytes, inlineBytes, inlineBytes + 1, 1 << 20, 1} {
		res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, s.URL), Body: bytes.Repeat([]byte("x"), size)})
		if n := <-got; res.Code != OK || n != size {
			t.Errorf("%d bytes: %d came, %+v", size, n, res)
		}
		if i > 0 && size <= inlineBytes && !res.Reused {
			t.Errorf("%d bytes: a new connection", size)
		}
	}
}

// A receiver may change its protocol: each request uses the one that it negotiates.
func TestReceiverChangesProtocol(t *testing.T) {
	var h2 atomic.Bool
	served := map[bool]*atomic.Int64{true: {}, false: {}}
	// A server of each kind behind one address.
	serve := func(with bool) string {
		s := receiver(t, with, func(w http.ResponseWriter, r *http.Request) {
			served[r.ProtoMajor == 2].Add(1)
			w.Header().Set("Connection", "close")
		})
		return s.Listener.Addr().String()
	}
	backends := map[bool]string{true: serve(true), false: serve(false)}
	front := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, _ <-chan struct{}) {
		behind, err := net.Dial("tcp", backends[h2.Load()])
		if err != nil {
			return
		}
		defer behind.Close()
		go func() { _, _ = io.Copy(behind, in); _ = behind.Close() }()
		_, _ = io.Copy(c, behind)
	})
	cfg := private(receiver(t, false, func(http.ResponseWriter, *http.Request) {}))
	client := client(t, cfg)
	req := &Request{URL: parse(t, "https://"+front.addr+"/"), Body: []byte("{}")}
	for i, with := range []bool{false, true, true, false, false, true} {
		h2.Store(with)
		was := served[with].Load()
		res := client.Do(within(t, 20*time.Second), req)
		if res.Code != OK || served[with].Load() != was+1 {
			t.Errorf("request %d: HTTP/2 %t: %+v", i, with, res)
		}
		webhooktest.Eventually(t, "the connection has ended", func() bool {
			client.transport.CloseIdleConnections()
			return client.made.open.Load() == 0
		})
	}
}

// An attempt that is canceled while it connects, writes, waits or reads leaves no connection and no goroutine behind.
func TestCanceledExchanges(t *testing.T) {
	for name, serve := range map[string]func(c net.Conn){
		"before the answer":  func(net.Conn) {},
		"within the headers": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") },
		"within the body":    func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") },
	} {
		for _, size := range []int{1, 8 << 20} {
			asked := make(chan struct{}, 1)
			r := newRaw(t, nil, func(c net.Conn, in *bufio.Reader, stop <-chan struct{}) {
				_, _ = http.ReadRequest(in)
				serve(c)
				asked <- struct{}{}
				<-stop
			})
			client, req := r.request(t)
			req.Body = bytes.Repeat([]byte("x"), size)
			ctx, cancel := context.WithCancel(within(t, 20*time.Second))
			go func() { <-asked; cancel() }()
			if res := client.Do(ctx, req); res.Code != Canceled && !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("%s, %d bytes: %+v", name, size, res)
			}
			if n := client.made.open.Load(); n != 0 {
				t.Errorf("%s, %d bytes: %d connections are open", name, size, n)
			}
		}
	}
}

// FuzzAnswer reads whatever a receiver sends: the exchange ends, with a status or an error, and within its limits.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		noContent, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 500 \r\n\r\nrest", "HTTP/1.1 101 Switching Protocols\r\n\r\n\x00\x01", "\x15\x03\x01\x00\x02\x02\x28", "",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	} {
		f.Add([]byte(seed))
	}
	c, err := New(Config{AllowPrivate: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	f.Fuzz(func(t *testing.T, answer []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			peer, err := l.Accept()
			if err != nil {
				return
			}
			defer peer.Close()
			skipRequest(bufio.NewReader(peer))
			_, _ = peer.Write(answer)
		}()
		res := c.Do(within(t, 10*time.Second), &Request{URL: parse(t, "http://"+l.Addr().String()+"/"), Body: []byte("{}")})
		<-ended
		if res.Code == OK && (res.StatusCode < 200 || res.StatusCode > 999) || len(res.Body) > MaxBodyBytes || res.Code != OK && res.Message == "" {
			t.Errorf("%+v", res)
		}
	})
}
