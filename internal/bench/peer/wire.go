package peer

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Wire is an http.RoundTripper for HTTP/1.1 without TLS to one server. It writes and reads on the caller's goroutine, so that publishers leave
// more of the processors to the server than with http.Transport, which has two goroutines for each connection. It obeys the deadline of a
// request's context, but not that it is canceled.
type Wire struct {
	mu   sync.Mutex // guards idle
	idle []*wireConn
}

type wireConn struct {
	net.Conn

	r    *bufio.Reader
	w    *bufio.Writer
	used time.Time
}

// wireIdle is how long a connection may have been idle to be used again. A server closes it later.
const wireIdle = 10 * time.Second

// RoundTrip implements http.RoundTripper. The connection is used again once the body of the response has been read to its end.
func (t *Wire) RoundTrip(req *http.Request) (*http.Response, error) {
	c, err := t.take(req)
	if err != nil {
		return nil, err
	}
	until, _ := req.Context().Deadline() // zero: none
	if err = c.SetDeadline(until); err == nil {
		err = req.Write(c.w)
	}
	if err == nil {
		err = c.w.Flush()
	}
	if err != nil {
		return nil, closed(c, err)
	}
	res, err := http.ReadResponse(c.r, req)
	if err != nil {
		return nil, closed(c, err)
	}
	res.Body = &wireBody{ReadCloser: res.Body, t: t, c: c, keep: !res.Close}
	return res, nil
}

// take returns the connection that was used last, or a new one.
func (t *Wire) take(req *http.Request) (*wireConn, error) {
	if c := t.last(); c != nil {
		if time.Since(c.used) < wireIdle {
			return c, nil
		}
		_ = c.Close()
	}
	var d net.Dialer                                            //nolint:forbidigo // to the server that is measured, not to a receiver
	c, err := d.DialContext(req.Context(), "tcp", req.URL.Host) //nolint:forbidigo // the same
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: c, r: bufio.NewReader(c), w: bufio.NewWriterSize(c, 8<<10)}, nil
}

// last removes the idle connection that was used last; nil: there is none.
func (t *Wire) last() *wireConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle) - 1
	if n < 0 {
		return nil
	}
	c := t.idle[n]
	t.idle = t.idle[:n]
	return c
}

func (t *Wire) keep(c *wireConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.used = time.Now()
	t.idle = append(t.idle, c)
}

// wireBody gives its connection back at the end of the response's body, and closes it if it is closed before.
type wireBody struct {
	io.ReadCloser

	t    *Wire
	c    *wireConn // nil: given back or closed
	keep bool
}

func (b *wireBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.c != nil && b.keep && errors.Is(err, io.EOF) {
		b.t.keep(b.c)
		b.c = nil
	}
	return n, err
}

func (b *wireBody) Close() error {
	c := b.c
	if b.c = nil; c == nil {
		return nil
	}
	return c.Close()
}

func closed(c *wireConn, err error) error { return errors.Join(err, c.Close()) }
