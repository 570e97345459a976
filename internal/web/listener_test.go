package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/web"
)

// Clients that keep their connections open, or send nothing over them, keep no other client out: at the bound those
// connections go first, and none that is being answered.
func TestListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := web.NewListener(inner, 4, slog.New(slog.DiscardHandler))
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
	for range 8 {   // each of which is kept open
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

// A machine that is short of anything for a moment does not end the server.
func TestListenerOutlivesShortages(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := web.NewListener(&short{Listener: inner, errs: []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM,
	}}, 4, slog.New(slog.DiscardHandler))
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
