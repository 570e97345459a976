package egress

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Over HTTP/1.1 an attempt exchanges request and answer on its own goroutine. net/http's transport hands both to two goroutines for each
// connection, which costs about as much as the exchange. Its parser, writer and bodies are used unchanged, and its transport for receivers that negotiate
// HTTP/2; see Client.roundTrip.

const (
	// inlineBytes is the largest body that is written before the answer is awaited. It fits into any socket's buffers, so a receiver that
	// answers without reading it cannot block the write. Larger ones are written beside the wait.
	inlineBytes = 16 << 10
	// writtenGrace is how long an answered request may take until its write has returned: on a busy machine the answer may be read before that.
	writtenGrace = 20 * time.Millisecond
	writeBytes   = 8 << 10 // of a request in one write
	sweepEvery   = time.Second
)

// kept is an HTTP/1.1 connection that exchanges one request after the other.
type kept struct {
	net.Conn       // a *tls.Conn or the same as raw
	raw      *conn // what is below TLS
	key      hostKey
	in       *bufio.Reader // reads by Read; an idle connection has none
	budget   int           // bytes that Read may still read
	reused   bool
	limit    time.Duration // how long it may be idle, by its last answer; 0: as long as the pool keeps one
	since    time.Time     // when it became idle, by the wall clock: the monotonic one stops while the host sleeps; guarded by the pool's mu
}

// hostKey names what a connection was made for: the host is that of an attempt.
type hostKey struct {
	scheme, host string
}

// Read implements io.Reader for in.
func (k *kept) Read(p []byte) (int, error) {
	if k.budget <= 0 {
		return 0, errHeaders
	}
	n, err := k.Conn.Read(p[:min(len(p), k.budget)])
	k.budget -= n
	return n, err
}

var (
	errHeaders = &failure{Protocol, largeHeaders}
	errIdle    = errors.New("server closed idle connection")
)

// post tells the parser that a POST is answered.
var post = &http.Request{Method: http.MethodPost}

// readers and writers are an exchange's: there are many more idle connections than exchanges.
var readers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBytes) }}

// exchange sends r and reads the answer's headers. The body is read from the connection, which stays the attempt's until done is called.
func (k *kept) exchange(a *attempt, r *http.Request, length int) (*exchanged, error) {
	e := &exchanged{k: k, closes: r.Close}
	k.in = readers.Get().(*bufio.Reader)
	k.in.Reset(k)
	if err := k.SetDeadline(a.deadline); err != nil {
		_ = k.Close()
		return nil, err
	}
	e.stop = context.AfterFunc(a, func() { _ = k.SetDeadline(time.Unix(1, 0)) })
	var failed error
	if length <= inlineBytes {
		if failed = k.write(r); failed != nil && !wasReset(failed) {
			return nil, e.fail(failed) // there will be no answer
		}
	} else {
		e.written = make(chan error, 1)
		go func() { e.written <- k.write(r) }()
	}
	k.budget = MaxHeaderBytes
	// A receiver may have answered before it closed the connection.
	if _, err := k.in.Peek(1); err != nil {
		switch {
		case errors.Is(err, io.EOF) && failed != nil:
			err = failed
		case errors.Is(err, io.EOF) && k.reused:
			err = errIdle
		}
		return nil, e.fail(err)
	}
	a.gotFirstByte()
	e.closes = e.closes || failed != nil
	for { // 1xx answers come before the final one; their headers count
		answer, err := http.ReadResponse(k.in, post) //nolint:bodyclose // the connection is closed, or the body read to its end
		switch {
		case err == nil:
		case k.budget <= 0: // the parser may have seen half a line
			return nil, e.fail(errHeaders)
		default:
			return nil, e.fail(err)
		}
		if answer.StatusCode >= 200 || answer.StatusCode < 100 || answer.StatusCode == http.StatusSwitchingProtocols {
			e.answer = answer
			k.budget = int(^uint(0) >> 1) // body.read bounds what is left
			return e, nil
		}
	}
}

// write sends the request.
func (k *kept) write(r *http.Request) error {
	w := writers.Get().(*bufio.Writer)
	defer writers.Put(w)
	w.Reset(k.Conn)
	defer w.Reset(nil)
	if err := r.Write(w); err != nil {
		return err
	}
	return w.Flush()
}

// silent reports whether an idle connection has received nothing: neither its end nor bytes that nobody requested. Otherwise a request on it
// would be lost, and must not be repeated.
func (k *kept) silent() bool {
	if t, ok := k.Conn.(*tls.Conn); ok { // it may have read more than the answer
		if t.SetReadDeadline(time.Unix(1, 0)) != nil {
			return false
		}
		var b [1]byte
		if _, err := t.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
	return silent(k.raw.Conn)
}

// exchanged is an answer whose body is still to be read.
type exchanged struct {
	k       *kept
	answer  *http.Response
	closes  bool        // the request said so
	written chan error  // nil: the request has been written
	stop    func() bool // ends the watch over the attempt's context
}

// fail ends the exchange. The connection cannot be used again.
func (e *exchanged) fail(err error) error {
	e.stop()
	_ = e.k.Close()
	return err
}

// done ends the exchange after the body has been read, or after an error. It reports whether the connection can be used again.
func (e *exchanged) done(ended bool) bool {
	idle := e.stop() && ended && !e.closes && !e.answer.Close && e.answer.StatusCode >= 200 && e.k.in.Buffered() == 0
	if idle && e.written != nil {
		late := time.NewTimer(writtenGrace)
		defer late.Stop()
		select {
		case err := <-e.written:
			idle = err == nil
		case <-late.C:
			idle = false // the receiver answered before it read the whole request
		}
	}
	if idle {
		e.k.limit, idle = keepAlive(e.answer.Header)
	}
	if !idle {
		_ = e.k.Close()
		return false
	}
	// The answer's body still has it, but was read to its end.
	e.k.in.Reset(nil)
	readers.Put(e.k.in)
	e.k.in = nil
	return true
}

// keepAliveMargin is how long before the receiver closes an idle connection it is not used any more, or half of the time if that is shorter: a
// request that arrives while it closes is lost.
const keepAliveMargin = time.Second

// keepAlive returns how long the connection of an answer may be idle, by its Keep-Alive (RFC 2068, section 19.7.1.1), which Node and Apache
// send; 0 if it does not say. keep is false if it may not be idle at all.
func keepAlive(h http.Header) (limit time.Duration, keep bool) {
	for _, field := range h["Keep-Alive"] {
		for parameter := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(parameter, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "timeout") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(value, ` \t"`), 10, 31)
			if err != nil {
				continue
			}
			limit = time.Duration(seconds) * time.Second
			return limit - min(keepAliveMargin, limit/2), limit > 0
		}
	}
	return 0, true
}

// checkHeader returns an error if a header would be changed by writing it.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return errInvalidHeader
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return errInvalidHeader
			}
		}
	}
	return nil
}

var errInvalidHeader = errors.New("net/http: invalid header") // explainProtocol knows the transport's text

// pool holds the connections that wait for their next request.
type pool struct {
	perHost int
	timeout time.Duration

	mu     sync.Mutex // guards what follows
	idle   map[hostKey][]*kept
	n      int
	closed bool
	sweeps bool // sweep will run
}

// take returns the connection that became idle last, nil if there is none that is alive.
func (p *pool) take(key hostKey) *kept {
	for {
		k := p.last(key)
		if k == nil {
			return nil
		}
		if p.fresh(k) && k.silent() {
			k.reused = true
			return k
		}
		_ = k.Close()
	}
}

// fresh reports whether the connection has not been idle for too long.
func (p *pool) fresh(k *kept) bool {
	return time.Since(k.since) < min(cmp.Or(k.limit, p.timeout), p.timeout)
}

func (p *pool) last(key hostKey) *kept {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[key]
	if len(list) == 0 {
		return nil
	}
	k := list[len(list)-1]
	list[len(list)-1] = nil
	p.set(key, list[:len(list)-1])
	p.n--
	return k
}

// set replaces a host's list. The caller must hold mu.
func (p *pool) set(key hostKey, list []*kept) {
	if len(list) == 0 {
		delete(p.idle, key)
		return
	}
	p.idle[key] = list
}

// put keeps the connection for the next request, or closes it.
func (p *pool) put(k *kept) {
	k.since = time.Now().Round(0)
	if !p.add(k) {
		_ = k.Close()
	}
}

func (p *pool) add(k *kept) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle[k.key]) >= p.perHost {
		return false
	}
	if p.idle == nil {
		p.idle = map[hostKey][]*kept{}
	}
	p.idle[k.key] = append(p.idle[k.key], k)
	p.n++
	if !p.sweeps {
		p.sweeps = true
		time.AfterFunc(sweepEvery, p.sweep)
	}
	return true
}

// sweep closes connections that have been idle for too long, and those that the receiver has closed: they would keep their descriptors
// until the next request.
func (p *pool) sweep() {
	var dead []*kept
	p.mu.Lock()
	for key, list := range p.idle {
		alive := list[:0]
		for _, k := range list {
			if p.fresh(k) && k.silent() {
				alive = append(alive, k)
			} else {
				dead = append(dead, k)
			}
		}
		clear(list[len(alive):])
		p.set(key, alive)
	}
	p.n -= len(dead)
	if p.sweeps = p.n > 0; p.sweeps {
		time.AfterFunc(sweepEvery, p.sweep)
	}
	p.mu.Unlock()
	for _, k := range dead {
		_ = k.Close()
	}
}

// empty closes all idle connections; with last, also those that become idle from now on.
func (p *pool) empty(last bool) {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.n = nil, 0
	p.closed = p.closed || last
	p.mu.Unlock()
	for _, list := range idle {
		for _, k := range list {
			_ = k.Close()
		}
	}
}

// socket is the connection below TLS.
func socket(c net.Conn) net.Conn {
	for {
		t, ok := c.(*tls.Conn)
		if !ok {
			return c
		}
		c = t.NetConn()
	}
}
