package gqlhttp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// This file follows the GraphQL over WebSocket protocol (npm graphql-ws, PROTOCOL.md).

const subprotocol = "graphql-transport-ws"

// Close codes of the protocol.
const (
	closeInvalidMessage   = websocket.StatusCode(4400)
	closeUnauthorized     = websocket.StatusCode(4401)
	closeForbidden        = websocket.StatusCode(4403)
	closeSubprotocol      = websocket.StatusCode(4406)
	closeInitTimeout      = websocket.StatusCode(4408)
	closeSubscriberExists = websocket.StatusCode(4409)
	closeTooManyInits     = websocket.StatusCode(4429)
)

// closing is why the server closes a connection. Its reason goes to the client, at most 123 bytes.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c closing) Error() string { return fmt.Sprintf("close %d: %s", c.code, c.reason) }

// socket is one WebSocket connection. Several goroutines work on it: one reads messages,
// each operation has one that pulls a response and writes it, and timers start short ones that ping, ask whether the
// caller is still welcome, and close.
type socket struct {
	h    *Handler
	r    *http.Request
	conn *websocket.Conn
	raw  net.Conn

	ctx   context.Context         //nolint:containedctx // lives as long as the connection
	end   context.CancelCauseFunc // with a closing when the server wants the end
	ready chan struct{}           // closed when the client has been acknowledged

	// Of the reading goroutine, and of others once ready is closed.
	initialised bool
	caller      context.Context //nolint:containedctx // what Authenticate returned

	running sync.WaitGroup // operations

	mu         sync.Mutex // guards the fields below
	operations map[string]*socketOperation
	live       int  // operations whose goroutine has not ended, also those that the client has completed
	draining   bool // no further operations
	ended      bool // nothing further at all
	timers     []*time.Timer
	unary      int // operations that are not subscriptions
	idle       chan struct{}
}

type socketOperation struct {
	cancel context.CancelFunc
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

// originAllowed keeps other sites' pages from opening a socket. Requests without Origin do not come from a page.
func originAllowed(r *http.Request, allowed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, a := range allowed {
		if a == "*" || strings.EqualFold(a, origin) {
			return true
		}
	}
	return false
}

// hijackWatcher keeps hold of the connection that is being upgraded: only with it can a close be given a deadline.
type hijackWatcher struct {
	http.ResponseWriter
	conn net.Conn
}

// Buffers of a WebSocket. The server's are 4 KiB each; most sockets wait most of the time, and read little.
const (
	readBuffer  = 512
	writeBuffer = 2048
)

func (w *hijackWatcher) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = conn
	if rw.Reader.Buffered() == 0 && rw.Writer.Buffered() == 0 {
		rw = bufio.NewReadWriter(bufio.NewReaderSize(conn, readBuffer), bufio.NewWriterSize(conn, writeBuffer))
	}
	return conn, rw, nil
}

func (h *Handler) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	x := &exchange{h: h, w: w, r: r, accept: accept{json: mediaJSON}}
	if !originAllowed(r, h.cfg.AllowedOrigins) {
		x.fail(http.StatusForbidden, newError(codeForbidden, "this origin is not allowed"))
		return
	}
	open := &openStream{}
	if !h.enter(open) {
		w.Header().Set("Retry-After", "1")
		x.fail(http.StatusServiceUnavailable, newError(codeUnavailable, "no further streams can be served now"))
		return
	}
	watcher := &hijackWatcher{ResponseWriter: w}
	conn, err := websocket.Accept(watcher, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // originAllowed has verified it
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		h.leave(open)
		return // Accept has answered
	}
	conn.SetReadLimit(h.cfg.MaxBodyBytes)
	s := &socket{
		h: h, r: r, conn: conn, raw: watcher.conn,
		ready:      make(chan struct{}),
		operations: map[string]*socketOperation{},
		idle:       make(chan struct{}),
	}
	// The request's context ends with this function, which returns to free the server's goroutine and buffers.
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(r.Context()))
	h.onShutdown(open, func() { go s.guarded(s.shutdown) })
	// Shutdown waits for it.
	go func() { //nolint:contextcheck // it has its own, made above
		defer h.leave(open)
		s.serve()
	}()
}

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
	s.every(cfg.PingInterval, s.ping)
	s.end(s.read())
	<-closed
	s.stop()
	s.running.Wait()
}

// every runs f again and again, until the socket ends. Between two runs there is a timer and no goroutine: most sockets
// wait most of the time, and a stack is what they would cost most.
func (s *socket) every(interval time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(interval, func() {
		s.guarded(func() {
			f()
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.ended {
				timer.Reset(interval)
			}
		})
	})
	s.timers = append(s.timers, timer)
}

// guarded runs f as one of the goroutines that serve waits for, unless serve has begun to.
func (s *socket) guarded(f func()) {
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

// recover ends the connection when one of its goroutines panics; resolvers' panics do not get here.
func (s *socket) recover() {
	if v := recover(); v != nil {
		logPanic(s.ctx, s.h.cfg.Logger, v)
		s.end(closing{websocket.StatusInternalError, "internal server error"})
	}
}

// stop cancels all operations and timers, and lets nothing further begin.
func (s *socket) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining, s.ended = true, true
	for _, op := range s.operations {
		op.cancel()
	}
	for _, timer := range s.timers {
		timer.Stop()
	}
}

// shutdown closes the connection once its queries and mutations have had their time.
func (s *socket) shutdown() {
	s.drain()
	s.end(closing{websocket.StatusGoingAway, "The server is shutting down"})
}

// checkAlive closes the connection of a caller that is not welcome any more.
func (s *socket) checkAlive() {
	if !s.h.cfg.Alive(s.caller) {
		s.end(closing{closeForbidden, "Forbidden"})
	}
}

// ping drops a client that does not answer. It does not end with s.ctx: a write that is canceled breaks the connection
// before it can be closed properly. It ends when the connection is closed.
func (s *socket) ping() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.h.cfg.PingInterval/2)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		s.end(closing{websocket.StatusPolicyViolation, "A ping was not answered"})
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

// close closes the connection when s.ctx has ended: with the closing handshake, within CloseTimeout, when the server wants
// it. The deadline is the connection's: it also frees a write that the client does not read, and a read that it does not
// answer.
func (s *socket) close() {
	c, ok := errors.AsType[closing](context.Cause(s.ctx))
	if !ok {
		_ = s.conn.CloseNow() // the client has closed, or the connection is broken
		return
	}
	_ = s.raw.SetDeadline(time.Now().Add(s.h.cfg.CloseTimeout))
	_ = s.conn.Close(c.code, c.reason)
}

// message is what both sides send.
type message struct {
	ID      *string         `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

var invalid = closing{closeInvalidMessage, "Invalid message"}

// read handles messages until one ends the connection, and says why it ended.
func (s *socket) read() (err error) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(s.ctx, s.h.cfg.Logger, v)
			err = closing{websocket.StatusInternalError, "internal server error"}
		}
	}()
	if s.conn.Subprotocol() != subprotocol {
		return closing{closeSubprotocol, "Subprotocol not acceptable"}
	}
	for {
		// Not s.ctx: canceling a read closes the connection before it can be closed properly.
		kind, data, err := s.conn.Read(context.WithoutCancel(s.ctx))
		if errors.Is(err, websocket.ErrMessageTooBig) {
			return closing{websocket.StatusMessageTooBig, "Message too big"}
		}
		if err != nil {
			return err
		}
		var m message
		if kind != websocket.MessageText || !isObject(data) || json.Unmarshal(data, &m) != nil {
			return invalid
		}
		if err := s.handle(&m); err != nil {
			return err
		}
	}
}

func (s *socket) handle(m *message) error {
	switch m.Type {
	case "connection_init":
		return s.init(m)
	case "ping":
		if !isNull(m.Payload) && !isObject(m.Payload) {
			return invalid
		}
		return s.send(message{Type: "pong", Payload: m.Payload})
	case "pong":
		if !isNull(m.Payload) && !isObject(m.Payload) {
			return invalid
		}
		return nil
	case "subscribe":
		return s.subscribe(m)
	case "complete":
		if m.ID == nil || *m.ID == "" {
			return invalid
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		// It may have completed at the same time: an unknown id is not an error.
		if op := s.operations[*m.ID]; op != nil {
			op.cancel()
			s.forget(*m.ID, op)
		}
		return nil
	}
	return invalid
}

// init authenticates the client.
func (s *socket) init(m *message) error {
	if s.initialised {
		return closing{closeTooManyInits, "Too many initialisation requests"}
	}
	s.initialised = true
	token, tenant := bearer(s.r.Header.Get("Authorization")), s.r.Header.Get(tenantKey)
	if !isNull(m.Payload) {
		var payload map[string]json.RawMessage
		if !isObject(m.Payload) || json.Unmarshal(m.Payload, &payload) != nil {
			return invalid
		}
		for key, raw := range payload {
			var value string
			if json.Unmarshal(raw, &value) != nil {
				continue
			}
			switch {
			case strings.EqualFold(key, "Authorization") && bearer(value) != "":
				token = bearer(value)
			case key == "token" && value != "":
				token = value
			case strings.EqualFold(key, tenantKey):
				tenant = value
			}
		}
	}
	caller, err := s.h.authenticate(s.r.WithContext(s.ctx), token, tenant)
	if err != nil {
		if _, status := refusal(err); status == http.StatusInternalServerError {
			return closing{websocket.StatusInternalError, "internal server error"}
		}
		return closing{closeForbidden, "Forbidden"}
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	s.caller = caller
	if err := s.send(message{Type: "connection_ack"}); err != nil {
		return err
	}
	close(s.ready)
	if s.h.cfg.Alive != nil {
		s.every(s.h.cfg.AliveInterval, s.checkAlive)
	}
	return nil
}

// subscribe starts an operation of any kind.
func (s *socket) subscribe(m *message) error {
	if s.caller == nil {
		return closing{closeUnauthorized, "Unauthorized"}
	}
	if m.ID == nil || *m.ID == "" || !isObject(m.Payload) {
		return invalid
	}
	req, refused := parseRequest(m.Payload)
	if refused != nil {
		return invalid
	}
	req.header = s.r.Header
	id := *m.ID
	ctx, cancel := context.WithCancel(s.caller)
	op := &socketOperation{cancel: cancel}

	s.mu.Lock()
	_, exists := s.operations[id]
	full := s.live >= s.h.cfg.MaxOperationsPerConnection
	accepted := !exists && !full && !s.draining
	if accepted {
		s.operations[id] = op
		s.live++
		s.running.Add(1)
	}
	s.mu.Unlock()

	if accepted {
		go s.operate(ctx, id, op, req)
		return nil
	}
	cancel()
	if exists {
		return closing{closeSubscriberExists, truncate("Subscriber for "+id+" already exists", 123)}
	}
	if full {
		return s.sendErrors(id, gqlerror.List{tooManyOperations()})
	}
	return s.sendErrors(id, errorList(codeUnavailable, "the server is shutting down"))
}

// truncate keeps a close reason within what a frame can hold, and valid UTF-8.
func truncate(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// forget frees an operation's id, and says whether the operation still had it. It needs mu.
func (s *socket) forget(id string, op *socketOperation) bool {
	if s.operations[id] != op {
		return false
	}
	delete(s.operations, id)
	return true
}

// finish frees the id; false means that the client has completed the operation, and must not hear of it any more.
func (s *socket) finish(id string, op *socketOperation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forget(id, op)
}

// operate runs an operation. Each response is written before the next is asked for, so a slow client slows only itself.
func (s *socket) operate(ctx context.Context, id string, op *socketOperation, req *request) {
	defer s.running.Done()
	defer func() {
		op.cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.live--
		s.forget(id, op)
	}()
	defer s.recover()
	if err := s.respond(ctx, id, op, req); err != nil {
		s.end(err)
	}
}

func (s *socket) respond(ctx context.Context, id string, op *socketOperation, req *request) error {
	fail := func(errs gqlerror.List) error { //nolint:contextcheck // writes do not end with the operation, see write
		if !s.finish(id, op) {
			return nil
		}
		return s.sendErrors(id, errs)
	}
	release := s.h.acquire(ctx)
	if release == nil {
		return fail(gqlerror.List{tooManyOperations()})
	}
	defer release()
	prepared, _, errs := s.h.engine.prepare(ctx, req)
	if errs != nil {
		return fail(errs)
	}
	if prepared.kind() != ast.Subscription {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.h.cfg.OperationTimeout)
		defer cancel()
		s.countUnary(op, 1)
		defer s.countUnary(op, -1)
	}
	run := s.h.engine.start(ctx, prepared, "")
	for {
		resp, errs := run.response()
		if errs != nil {
			return fail(errs)
		}
		if resp == nil {
			break
		}
		if !s.wants(id, op) {
			return nil
		}
		if err := s.sendPayload(id, "next", appendResponse(nil, resp)); err != nil { //nolint:contextcheck // see write
			return err
		}
	}
	if ctx.Err() != nil || !s.finish(id, op) {
		// It did not complete by itself: the client has completed it, or the connection ends.
		return nil
	}
	return s.send(message{ID: &id, Type: "complete"}) //nolint:contextcheck // see write
}

// countUnary keeps count of the operations that drain waits for.
func (s *socket) countUnary(op *socketOperation, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op.unary = true
	s.unary += n
	if s.draining && s.unary == 0 {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

func (s *socket) wants(id string, op *socketOperation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.operations[id] == op
}

func (s *socket) sendErrors(id string, errs gqlerror.List) error {
	return s.sendPayload(id, "error", appendErrors(nil, errs))
}

// sendPayload spares the payload encoding/json, which would re-spell it.
func (s *socket) sendPayload(id, kind string, payload []byte) error {
	quoted, err := marshal(id)
	if err != nil {
		return fmt.Errorf("encode operation id: %w", err)
	}
	b := make([]byte, 0, len(quoted)+len(payload)+40)
	b = append(b, `{"id":`...)
	b = append(b, quoted...)
	b = append(b, `,"type":"`+kind+`","payload":`...)
	b = append(b, payload...)
	return s.write(append(b, '}'))
}

func (s *socket) send(m message) error {
	b, err := marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return s.write(b)
}

// write sends one message, and fails when the client has not taken it within WriteTimeout. It does not end with an
// operation's context: a canceled write breaks the connection for all others.
func (s *socket) write(b []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.h.cfg.WriteTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, b); err != nil {
		if ctx.Err() != nil {
			return closing{websocket.StatusPolicyViolation, "The client reads too slowly"}
		}
		return err
	}
	return nil
}
