package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/web"
)

// Clients that leave connections idle, or send nothing, keep no other client out: at the limit those connections are closed first,
// and none with a running request.
func TestListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := web.NewListener(inner, 4, nil, slog.New(slog.DiscardHandler))
	waiting, answer := make(chan struct{}), make(chan struct{})
	s := &http.Server{ConnState: l.ConnState, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			waiting <- struct{}{}
			<-answer
		}
	})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	open := func(request string) (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, request)
		return c, bufio.NewReader(c)
	}
	answered := func(in *bufio.Reader) {
		t.Helper()
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	_, slow := open("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-waiting
	_, _ = open("") // sends nothing
	for range 8 {   // each stays open
		_, in := open("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		answered(in)
	}
	for range 3 {
		_, _ = open("")
	}
	_, in := open("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	answered(in)
	close(answer)
	answered(slow)
}

// short is a listener whose Accept fails for a while.
type short struct {
	net.Listener

	errs []error
	n    atomic.Int64
}

func (s *short) Accept() (net.Conn, error) {
	if n := int(s.n.Add(1)); n <= len(s.errs) {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: s.errs[n-1]}
	}
	return s.Listener.Accept()
}

// A temporary shortage of the machine does not end the server.
func TestListenerOutlivesShortages(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := web.NewListener(&short{Listener: inner, errs: []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM,
	}}, 4, nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Close()
	_ = l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// knocks is a listener that clients of any address connect to, one after the other.
type knocks chan net.Conn

func (k knocks) Accept() (net.Conn, error) {
	if c, ok := <-k; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (k knocks) Close() error   { close(k); return nil }
func (k knocks) Addr() net.Addr { return &net.TCPAddr{} }

// knock is the server's end of a connection.
type knock struct {
	net.Conn

	from net.Addr
}

func (k knock) RemoteAddr() net.Addr { return k.from }

// door is a listener with max connections whose server does nothing by itself.
type door struct {
	t     *testing.T
	outer knocks
	*web.Listener
	in chan net.Conn
}

func newDoor(t *testing.T, maxConns int) *door {
	t.Helper()
	d := &door{t: t, outer: make(knocks), in: make(chan net.Conn, 1)}
	d.Listener = web.NewListener(d.outer, maxConns, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, slog.New(slog.DiscardHandler))
	go func() {
		for {
			c, err := d.Accept()
			if err != nil {
				close(d.in)
				return
			}
			d.in <- c
		}
	}()
	return d
}

// come connects a client from an address; nil if it is refused.
func (d *door) come(address string) net.Conn {
	d.t.Helper()
	server, client := net.Pipe()
	d.t.Cleanup(func() { _ = client.Close() })
	d.outer <- knock{server, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1))}
	synctest.Wait()
	select {
	case c := <-d.in:
		synctest.Wait() // the listener already accepts the next one
		return c
	default:
		return nil
	}
}

func closed(c net.Conn) bool {
	return errors.Is(c.SetDeadline(time.Time{}), io.ErrClosedPipe)
}

// One address, of many clients or as an IPv6 /64, has at most half of the connections: busy ones stay, idle and then new ones make
// room for its next, and others get in without waiting. Trusted proxies and this machine speak for many clients and may have all.
func TestListenerSharesAmongAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 16
		d := newDoor(t, most)
		defer func() { _ = d.Close() }()
		var held []net.Conn
		for i := range most / 2 {
			c := d.come([]string{"2001:db8::1", "2001:db8::2", "2001:db8:0:0:8000::"}[i%3])
			if c == nil {
				t.Fatalf("number %d is refused", i)
			}
			held = append(held, c)
		}
		if d.come("2001:db8::3") != nil {
			t.Fatal("an address has more than its share")
		}
		if c := d.come("2001:db8:0:1::1"); c == nil {
			t.Fatal("another network is refused")
		} else {
			_ = c.Close()
		}
		for _, c := range held[2:] {
			d.ConnState(c, http.StateActive)
		}
		d.ConnState(held[3], http.StateIdle)
		time.Sleep(time.Second)
		for i, gone := range []int{3, 0, 1} { // the idle one first, then the new ones
			if c := d.come("2001:db8::3"); c == nil || !closed(held[gone]) {
				t.Fatalf("%d: no room is made", i)
			} else {
				d.ConnState(c, http.StateActive)
				held = append(held, c)
			}
		}
		time.Sleep(time.Hour)
		if d.come("2001:db8::3") != nil {
			t.Error("a connection in use makes room")
		}
		for _, c := range held[4:] {
			if closed(c) {
				t.Error("a connection in use is closed")
			}
			_ = c.Close()
		}
		_ = held[2].Close()
		for i := range most {
			if c := d.come([]string{"10.1.1.1", "127.0.0.1", "::1"}[i%3]); c == nil {
				t.Fatalf("number %d of a trusted proxy is refused", i)
			} else {
				defer func() { _ = c.Close() }()
			}
		}
	})
}

// After ten thousand connections that end in any state, before or after the server closes them, none counts for their address.
func TestListenerFindsItsShareBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		defer func() { _ = d.Close() }()
		states := []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateHijacked}
		for i := range 10_000 {
			c := d.come("192.0.2.1")
			if c == nil {
				t.Fatalf("number %d is refused", i)
			}
			d.ConnState(c, states[i%4])
			_ = c.Close()
			d.ConnState(c, states[i/4%4]) // the server has not noticed the end yet
			_ = c.Close()
			d.ConnState(c, http.StateClosed)
		}
		for i := range 3 {
			if c := d.come("192.0.2.1"); (c != nil) != (i < 2) {
				t.Errorf("number %d: let in %v", i, c != nil)
			} else if c != nil {
				defer func() { _ = c.Close() }()
			}
		}
	})
}
