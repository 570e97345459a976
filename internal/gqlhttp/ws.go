package gqlhttp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/surface"
)

// This file follows the GraphQL over WebSocket protocol (npm graphql-ws, PROTOCOL.md).

const subprotocol = "graphql-transport-ws"

// Close codes of the protocol. Clients treat most of them as fatal, and nearly all below 2000: if the client may try again, the
// server ends with 1001 (going away), 1013 (try again later) or without a close.
const (
	closeInvalidMessage   = websocket.StatusCode(4400)
	closeUnauthorized     = websocket.StatusCode(4401)
	closeForbidden        = websocket.StatusCode(4403)
	closeSubprotocol      = websocket.StatusCode(4406)
	closeInitTimeout      = websocket.StatusCode(4408)
	closeSubscriberExists = websocket.StatusCode(4409)
	closeTooManyInits     = websocket.StatusCode(4429)
)

// closing is why the server closes a connection. Its reason is sent to the client, at most 123 bytes.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c closing) Error() string { return fmt.Sprintf("close %d: %s", c.code, c.reason) }

// socket is one WebSocket connection. Several goroutines work on it: one reads messages, each operation has one that waits
// for responses and writes them, and short ones ping, check that the caller is still allowed, and close.
type socket struct {
	h    *Handler
	r    *http.Request
	conn *websocket.Conn
	raw  *paced

	ctx   context.Context         // lives as long as the connection
	end   context.CancelCauseFunc // with a closing if the server ends it
	ready chan struct{}           // closed when the client has been acknowledged

	// Owned by the reading goroutine; others may read them once ready is closed.
	initialised bool
	unwatch     func()          // ends the checks that the caller is allowed; nil until they begin
	caller      context.Context // what Authenticate returned
	holder      intake.Holder   // of the caller
	counted     bool            // among the caller's streams

	guest *intake.Guest // until the client is authenticated

	running sync.WaitGroup // operations

	writing sync.Mutex   // held while a message or a ping is written
	large   atomic.Int64 // large messages being written

	mu         sync.Mutex // guards the fields below
	operations map[string]*socketOperation
	live       int           // operations whose goroutine has not ended, including those that the client has completed
	starting   int           // of these, those that have not begun
	begun      chan struct{} // closed when no operation is starting; nil if nobody waits for that
	draining   bool          // no further operations
	ended      bool          // nothing further may begin
	ping       pinging
	unary      int // operations that are not subscriptions
	idle       chan struct{}
}

type socketOperation struct {
	cancel context.CancelFunc
	begin  func() // counts it no longer among those that are starting; may be called again
	unary  bool
}

func isUpgrade(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	for _, v := range r.Header.Values("Upgrade") {
		if strings.EqualFold(strings.TrimSpace(v), "websocket") {
			return true
		}
	}
	return false
}

// hijackWatcher keeps the connection that is being upgraded, to set deadlines for writes and for a close.
type hijackWatcher struct {
	http.ResponseWriter
	each time.Duration // deadline of a write
	conn *paced
}

// Buffers of a WebSocket. The HTTP server's are 4 KiB each; most sockets are idle most of the time, and read little.
const (
	readBuffer  = 512
	writeBuffer = 1024
)

func (w *hijackWatcher) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = &paced{Conn: conn, each: w.each}
	if err := rw.Flush(); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	reader := rw.Reader
	if reader.Buffered() == 0 {
		reader = bufio.NewReaderSize(conn, readBuffer)
	}
	return w.conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(w.conn, writeBuffer)), nil
}

func (h *Handler) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	x := &exchange{h: h, w: w, r: r, accept: accept{json: mediaJSON}}
	if !surface.Origins(h.cfg.AllowedOrigins).AllowRequest(r) {
		x.fail(http.StatusForbidden, newError(codeForbidden, "this origin is not allowed; the operator must list it in --allowed-origins"))
		return
	}
	open := &openStream{socket: true}
	if !h.enter(open) {
		x.shuttingDown()
		return
	}
	s := &socket{
		h: h, r: r,
		ready:      make(chan struct{}),
		operations: map[string]*socketOperation{},
		idle:       make(chan struct{}),
	}
	// The request's context ends with this function, which returns to free the server's goroutine and buffers.
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(r.Context()))
	s.guest = h.strangers.Enter(intake.Remote(r), func() { s.end(errEvicted) })
	watcher := &hijackWatcher{ResponseWriter: w, each: h.cfg.WriteTimeout}
	conn, err := websocket.Accept(watcher, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // AllowRequest has verified it
		CompressionMode:    websocket.CompressionDisabled,
		OnPongReceived:     func(_ context.Context, payload []byte) { s.ponged(payload) },
	})
	if err != nil {
		s.guest.Leave()
		s.end(err)
		h.leave(open)
		return // Accept has answered
	}
	conn.SetReadLimit(maxInitBytes)
	s.conn, s.raw = conn, watcher.conn
	h.onShutdown(open, func() { go s.awaited(s.shutdown) })
	// Shutdown waits for it.
	go func() { //nolint:contextcheck // it has its own, created above
		defer h.leave(open)
		defer s.guest.Leave()
		defer func() {
			if s.counted {
				h.held.Give(s.holder, 1)
			}
		}()
		s.serve()
	}()
}

// maxInitBytes bounds a message of a client that is not authenticated yet.
const maxInitBytes = 16 << 10

// errEvicted ends the socket of a client that has not authenticated, to make room for another.
var errEvicted = errors.New("evicted")

// serve returns when the connection is closed and all of its goroutines have ended.
func (s *socket) serve() {
	closed := make(chan struct{})
	context.AfterFunc(s.ctx, func() {
		defer close(closed)
		s.close()
	})
	cfg := &s.h.cfg
	initTimeout := time.AfterFunc(cfg.InitTimeout, func() {
		select {
		case <-s.ready:
		default:
			s.end(closing{closeInitTimeout, "Connection initialisation timeout"})
		}
	})
	defer initTimeout.Stop()
	defer s.h.beats.join(s)()
	defer func() {
		if s.unwatch != nil {
			s.unwatch()
		}
	}()
	s.end(s.read())
	<-closed
	s.stop()
	s.running.Wait()
}

// awaited runs f as one of the goroutines that serve waits for, unless serve is already waiting.
func (s *socket) awaited(f func()) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	defer s.recover()
	f()
}

// recover ends the connection if one of its goroutines panics; resolvers' panics are recovered earlier.
func (s *socket) recover() {
	if v := recover(); v != nil {
		logPanic(s.ctx, s.h.cfg.Logger, v)
		s.end(closing{websocket.StatusInternalError, "internal server error"})
	}
}

// stop cancels all operations; nothing further begins.
func (s *socket) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining, s.ended = true, true
	for _, op := range s.operations {
		op.cancel()
	}
}

// shutdown lets queries and mutations finish within their time, and closes the connection.
func (s *socket) shutdown() {
	s.drain()
	s.end(closing{websocket.StatusGoingAway, "The server is shutting down"})
}

// checkAlive closes the connection of a caller that is no longer allowed.
func (s *socket) checkAlive() {
	if !s.h.cfg.Alive(s.caller) {
		s.end(closing{closeForbidden, "Forbidden"})
	}
}

// readRate is the rate, in bytes per second, at which a client must read what was sent before a ping, and may be in buffers on its
// side. It extends the time to answer the ping.
const readRate = 64 << 10

// largeMessage is the size from which writing a message may take longer than a ping waits to be written.
const largeMessage = 32 << 10

// pinging is the state of a socket's pings.
type pinging struct {
	beats  int       // halves of PingInterval so far
	number uint64    // of the last ping, which is its payload
	waits  bool      // the last ping is not answered yet,
	until  time.Time // and may be answered until then
	sent   int64     // bytes that were written before it
	seen   int64     // bytes that were written before the last answered ping
	large  int64     // large messages that were begun before it
}

// beat is called twice in each PingInterval: it pings the client, and half of the interval later drops it if it has not answered. It does not
// block.
func (s *socket) beat() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.ping
	p.beats++
	switch {
	case !p.waits && p.beats%2 == 0:
		go s.awaited(func() { s.sendPing(now) })
	case p.waits && !now.Before(p.until):
		p.waits = false
		if s.large.Load() == p.large { // otherwise it may not have been written, and the next ping decides
			s.end(closing{websocket.StatusTryAgainLater, "A ping was not answered"})
		}
	}
}

// sendPing writes a ping for the beat at a time. It writes the frame itself, because the connection's Ping keeps a goroutine until the answer
// arrives. No other frame can be within this one, nor this one within another: s.writing is held for each message, and the connection's own
// frames, like this one, are single writes.
func (s *socket) sendPing(beat time.Time) {
	if s.ctx.Err() != nil || !s.writing.TryLock() {
		return // a message is being written, with its own deadlines
	}
	defer s.writing.Unlock()
	half, sent := s.h.beats.interval, s.raw.written.Load()
	s.mu.Lock()
	p := &s.ping
	p.number++
	frame := binary.BigEndian.AppendUint64([]byte{final | opPing, pingBytes}, p.number)
	p.waits, p.sent, p.large = true, sent, s.large.Load()
	p.until = beat.Add(half - half/pulseSlots + time.Duration(sent-p.seen)*time.Second/readRate) // the next beat may come a little early
	s.mu.Unlock()
	if _, err := s.raw.Write(frame); err != nil {
		s.end(s.cutOff(err))
	}
}

// Parts of a ping's frame (RFC 6455, section 5.2).
const (
	final     = 0x80
	opPing    = 0x9
	pingBytes = 8 // of the payload
)

// ponged notes an answer to a ping.
func (s *socket) ponged(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := &s.ping; p.waits && len(payload) == pingBytes && binary.BigEndian.Uint64(payload) == p.number {
		p.waits, p.seen = false, p.sent
	}
}

// drain lets running queries and mutations finish, within CloseTimeout; subscriptions end at once.
func (s *socket) drain() {
	s.mu.Lock()
	s.draining = true
	for _, op := range s.operations {
		if !op.unary {
			op.cancel()
		}
	}
	busy := s.unary > 0
	s.mu.Unlock()
	if !busy {
		return
	}
	timeout := time.NewTimer(s.h.cfg.CloseTimeout)
	defer timeout.Stop()
	select {
	case <-s.idle:
	case <-timeout.C:
	case <-s.ctx.Done():
	}
}

// close closes the connection after s.ctx has ended. If the server ends it, close performs the closing handshake within
// CloseTimeout. The deadline is set on the connection, so that it also unblocks pending reads and writes.
func (s *socket) close() {
	c, ok := errors.AsType[closing](context.Cause(s.ctx))
	if !ok {
		_ = s.conn.CloseNow() // the client has closed, or the connection is broken
		return
	}
	s.raw.hurry(s.h.cfg.CloseTimeout)
	_ = s.conn.Close(c.code, c.reason)
}
