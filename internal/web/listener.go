package web

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// When others wait to be let in, a connection may be idle for idlePatience, in which a client that sends one request after
	// the other has sent the next, and without its first request for newPatience, in which TLS has shaken hands.
	idlePatience = 250 * time.Millisecond
	newPatience  = time.Second
	// lookAgain is how often one that waits looks for another to close.
	lookAgain = 50 * time.Millisecond
	// writeBuffer bounds what the system holds of answers for one client. It tells a writer that a client reads only when a third of
	// it is free, and lets it grow to megabytes by itself: a slow client would seem not to read, and many would take memory.
	writeBuffer = 128 << 10
	// acceptWait is how long to wait after accepting has failed; it doubles up to a second.
	acceptWait = 5 * time.Millisecond
)

// Listener bounds how many connections a server has, so that clients that keep them open do not use up the process's file
// descriptors. At the bound it closes the connection that has been idle for longest, then one that has sent no request,
// before it accepts another. It never ends because the machine is short of something, as net/http's server would for
// all shortages but those of descriptors. Set the server's ConnState to its own.
type Listener struct {
	net.Listener

	log   *slog.Logger
	slots chan struct{} // one for each open connection
	done  chan struct{}
	close func() error

	mu        sync.Mutex // guards what is below
	idle, new list.List  // of *accepted, since when the longest first
}

// NewListener bounds l to max connections.
func NewListener(l net.Listener, maxConns int, log *slog.Logger) *Listener {
	b := &Listener{Listener: l, log: log, slots: make(chan struct{}, maxConns), done: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.done)
		return l.Close()
	})
	return b
}

// accepted is a connection that holds a slot until it is closed.
type accepted struct {
	net.Conn

	from   *Listener
	closed sync.Once

	// The listener's mu guards these.
	in    *list.List // that has it; nil: it is answering a request, or a stream
	place *list.Element
	since time.Time
}

// Close implements net.Conn.
func (c *accepted) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() {
		c.from.move(c, nil)
		<-c.from.slots
	})
	return err
}

// Accept implements net.Listener. It returns an error only after Close.
func (l *Listener) Accept() (net.Conn, error) {
	if !l.take() {
		return nil, net.ErrClosed
	}
	wait := acceptWait
	for failed := 0; ; failed++ {
		conn, err := l.Listener.Accept()
		if err == nil {
			if failed > 0 {
				l.log.Info("connections are accepted again", slog.Int("failed", failed))
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(writeBuffer)
			}
			c := &accepted{Conn: conn, from: l}
			l.move(c, &l.new)
			return c, nil
		}
		if errors.Is(err, net.ErrClosed) {
			<-l.slots
			return nil, err
		}
		if failed == 0 {
			l.log.Warn("a connection cannot be accepted; it is tried again", slog.Any("error", err))
		}
		l.makeRoom()
		select {
		case <-time.After(wait):
		case <-l.done:
			<-l.slots
			return nil, net.ErrClosed
		}
		wait = min(2*wait, time.Second)
	}
}

// take waits for a slot; false after Close.
func (l *Listener) take() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		l.makeRoom()
		select {
		case l.slots <- struct{}{}:
			return true
		case <-l.done:
			return false
		case <-again.C:
		}
	}
}

// makeRoom closes the connection that is missed least.
func (l *Listener) makeRoom() {
	l.mu.Lock()
	c := longest(&l.idle, idlePatience)
	if c == nil {
		c = longest(&l.new, newPatience)
	}
	l.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// longest is the first of a list, if it has been there for so long; else nil.
func longest(in *list.List, patience time.Duration) *accepted {
	if first := in.Front(); first != nil {
		if c := first.Value.(*accepted); time.Since(c.since) >= patience {
			return c
		}
	}
	return nil
}

// Close implements net.Listener.
func (l *Listener) Close() error { return l.close() }

// ConnState is for http.Server's field of that name.
func (l *Listener) ConnState(conn net.Conn, state http.ConnState) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		conn = t.NetConn()
	}
	c, ok := conn.(*accepted)
	if !ok {
		return
	}
	switch state {
	case http.StateIdle:
		l.move(c, &l.idle)
	case http.StateActive, http.StateHijacked:
		l.move(c, nil)
	case http.StateNew, http.StateClosed: // Accept and Close know
	}
}

// move puts c at the end of a list, nil for none.
func (l *Listener) move(c *accepted, to *list.List) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.in != nil {
		c.in.Remove(c.place)
	}
	if c.in = to; to != nil {
		c.since = time.Now()
		c.place = to.PushBack(c)
	}
}
