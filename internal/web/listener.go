package web

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
)

const (
	// While others wait to be accepted, a connection may be idle for idlePatience, enough for a client that sends requests one
	// after the other, and without a first request for newPatience, enough for a TLS handshake.
	idlePatience = 250 * time.Millisecond
	newPatience  = time.Second
	// lookAgain is how often a waiting connection looks for one to close.
	lookAgain = 50 * time.Millisecond
	// writeBuffer is the size of a connection's send buffer. By default the system grows it to megabytes, and unblocks a writer only
	// when a third of it is free: a slow client would seem not to read, and many of them would take much memory.
	writeBuffer = 128 << 10
	// acceptWait is the wait after a failed Accept; it doubles up to a second.
	acceptWait = 5 * time.Millisecond
	// tellAgain is how often the log says that an address has reached its share.
	tellAgain = time.Minute
)

// Listener bounds the connections of a server, so that clients cannot use up the process's file descriptors. At the bound it
// closes the connection that has been idle for longest, or else one that has sent no request, before it accepts another. One
// address, or /64 of IPv6, has at most half of the connections: beyond that its own idle and new ones are closed, or else the next
// one is refused. Accept does not fail when the machine lacks resources, which would end net/http's server unless it lacks
// descriptors. The server's ConnState must be set to the Listener's.
type Listener struct {
	net.Listener

	log   *slog.Logger
	slots chan struct{} // one for each open connection
	done  chan struct{}
	close func() error

	share   int // per address
	trusted []netip.Prefix

	mu      sync.Mutex // guards what is below
	all     waiting
	sources map[netip.Addr]*source // those that have connections
	told    time.Time              // when the log last said that an address has reached its share
}

// waiting are connections without a running request: *accepted, the longest waiting first.
type waiting struct{ idle, new list.List }

// source has the connections of an address, as intake.Source returns it.
type source struct {
	addr  netip.Addr
	conns int
	own   waiting
}

// NewListener bounds l to maxConns connections. Trusted proxies and programs on this machine serve many clients, so their addresses
// are bounded only in total.
func NewListener(l net.Listener, maxConns int, trusted []netip.Prefix, log *slog.Logger) *Listener {
	b := &Listener{
		Listener: l, log: log, slots: make(chan struct{}, maxConns), done: make(chan struct{}),
		share: max(maxConns/2, 1), trusted: trusted, sources: map[netip.Addr]*source{},
	}
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
	source *source // nil: it counts only in total
	closed sync.Once

	// The listener's mu guards these.
	state      http.ConnState // StateNew and StateIdle are waiting
	place, own *list.Element  // in the lists of all and of the source; nil while a request or stream is answered
	since      time.Time
}

// Close implements net.Conn.
func (c *accepted) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() {
		c.from.leave(c)
		<-c.from.slots
	})
	return err
}

// Accept implements net.Listener. It returns an error only after Close.
func (l *Listener) Accept() (net.Conn, error) {
	if !l.take() {
		return nil, net.ErrClosed
	}
	// Whatever can run does so before the next connection comes: a flood of them waits in the kernel, and not before the callers
	// that are connected.
	runtime.Gosched()
	wait, failed := acceptWait, 0
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			if failed > 0 {
				l.log.Info("connections are accepted again", slog.Int("failed", failed))
				wait, failed = acceptWait, 0
			}
			if c := l.admit(conn); c != nil {
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.SetWriteBuffer(writeBuffer)
				}
				return c, nil
			}
			_ = conn.Close()
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			<-l.slots
			return nil, err
		}
		if failed == 0 {
			l.log.Warn("cannot accept a connection; trying again", slog.Any("error", err))
		}
		failed++
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

// admit counts a connection, which has a slot already. Nil: its address has its whole share, and none of it makes room.
func (l *Listener) admit(conn net.Conn) *accepted {
	c := &accepted{Conn: conn, from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if addr := peer(conn); addr.IsValid() && !addr.IsLoopback() && !within(l.trusted, addr) {
		key := intake.Source(addr)
		if of := l.sources[key]; of != nil && of.conns >= l.share && !l.closeLongest(&of.own) {
			l.tell(of)
			return nil
		}
		if c.source = l.sources[key]; c.source == nil { // it may have gone with its last connection
			c.source = &source{addr: key}
			l.sources[key] = c.source
		}
		c.source.conns++
	}
	l.wait(c, http.StateNew)
	return c
}

// peer returns the remote address; the zero Addr if there is none.
func peer(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// tell logs that a source has reached its share. The caller must hold l.mu.
func (l *Listener) tell(of *source) {
	if now := time.Now(); l.told.IsZero() || now.Sub(l.told) >= tellAgain {
		l.told = now
		l.log.Warn("an address has reached its share of connections; further ones are closed (if it is a proxy, name it in --trusted-proxy)",
			slog.String("address", of.addr.String()), slog.Int("connections", of.conns))
	}
}

// makeRoom closes the least useful connection.
func (l *Listener) makeRoom() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLongest(&l.all)
}

// closeLongest closes the least useful connection in of, and reports whether there is one. The caller must hold l.mu, which is
// released for a moment.
func (l *Listener) closeLongest(of *waiting) bool {
	c := longest(&of.idle, idlePatience)
	if c == nil {
		c = longest(&of.new, newPatience)
	}
	if c == nil {
		return false
	}
	l.mu.Unlock()
	defer l.mu.Lock()
	_ = c.Close()
	return true
}

// longest returns the first of a list if it has waited for at least patience; else nil.
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
	case http.StateIdle, http.StateActive, http.StateHijacked:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wait(c, state)
	case http.StateNew, http.StateClosed: // Accept and Close know
	}
}

// list returns the list for connections of a state; nil if they do not wait.
func (w *waiting) list(state http.ConnState) *list.List {
	switch state {
	case http.StateIdle:
		return &w.idle
	case http.StateNew:
		return &w.new
	case http.StateActive, http.StateHijacked, http.StateClosed:
	}
	return nil
}

// wait appends c to the lists of a state. The caller must hold l.mu.
func (l *Listener) wait(c *accepted, state http.ConnState) {
	if c.place != nil {
		l.all.list(c.state).Remove(c.place)
		c.place = nil
	}
	if c.own != nil {
		c.source.own.list(c.state).Remove(c.own)
		c.own = nil
	}
	if c.state == http.StateClosed {
		return // the server still uses a closed connection for a moment
	}
	c.state = state
	to := l.all.list(state)
	if to == nil {
		return
	}
	c.since = time.Now()
	c.place = to.PushBack(c)
	if c.source != nil {
		c.own = c.source.own.list(state).PushBack(c)
	}
}

// leave removes c, which has been closed.
func (l *Listener) leave(c *accepted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait(c, http.StateClosed)
	if c.source == nil {
		return
	}
	if c.source.conns--; c.source.conns == 0 {
		delete(l.sources, c.source.addr)
	}
}
