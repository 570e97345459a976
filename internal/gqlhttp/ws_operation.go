package gqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/surface"
)

// This file has the messages of the GraphQL over WebSocket protocol, and the operations that they start; ws.go has the
// connection.

// message is a message of either side.
type message struct {
	ID      *string         `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`

	body *intake.Body // holds the message; nil if it is not counted, or an operation has taken it over
}

// parseMessage parses a message; ok is false if it is not one.
func parseMessage(data []byte) (m message, ok bool) {
	if _, ok := rawjson.Valid(data); !ok || !utf8.Valid(data) {
		return m, false
	}
	r := rawjson.NewReader(data)
	if r.Peek() != '{' {
		return m, false
	}
	for r.Enter(); r.More(); {
		switch name := r.Name(); name {
		case "id":
			if raw := r.Value(); !isNull(raw) {
				id, ok := rawjson.Unquote(raw)
				if !ok {
					return m, false
				}
				m.ID = &id
			}
		case "type":
			if m.Type, ok = rawjson.Unquote(r.Value()); !ok {
				return m, false
			}
		case "payload":
			m.Payload = r.Value()
		default:
			r.Value()
		}
	}
	return m, true
}

// maxKeptBuffer bounds the size of a message's buffer that is kept for other messages.
const maxKeptBuffer = 64 << 10

var invalid = closing{closeInvalidMessage, "Invalid message"}

// read handles messages until the connection ends, and returns why it ended.
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
		if err := s.next(); err != nil {
			return err
		}
	}
}

// next handles one message.
func (s *socket) next() error {
	// Not s.ctx: canceling a read closes the connection before it can be closed properly.
	kind, src, err := s.conn.Reader(context.WithoutCancel(s.ctx))
	if err != nil {
		return err
	}
	var data []byte
	var body *intake.Body
	if s.caller == nil {
		data, err = io.ReadAll(src) // up to maxInitBytes
	} else if body, err = s.h.cfg.Bodies.Read(src, s.holder, s.h.cfg.MaxBodyBytes); err == nil {
		data = body.Bytes
	}
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig), errors.Is(err, intake.ErrTooLarge):
		return closing{websocket.StatusMessageTooBig, "Message too big"}
	case errors.As(err, new(*intake.Full)):
		return tryAgain(err.Error())
	case err != nil:
		return err
	}
	m, ok := parseMessage(data)
	m.body = body
	defer func() { m.body.Release() }()
	if kind != websocket.MessageText || !ok {
		return invalid
	}
	return s.handle(&m)
}

// tryAgain returns a closing for a temporary reason.
func tryAgain(reason string) closing {
	return closing{websocket.StatusTryAgainLater, truncate(reason, 123)}
}

func (s *socket) handle(m *message) error {
	switch m.Type {
	case "connection_init":
		return s.init(m)
	case "ping":
		if !isNull(m.Payload) && !isObject(m.Payload) {
			return invalid
		}
		s.awaitBegun()
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
		// The operation may have completed at the same time: an unknown id is not an error.
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
	token, tenant, err := surface.Credentials(s.r.Header)
	if !isNull(m.Payload) {
		if !isObject(m.Payload) {
			return invalid
		}
		var entries [][2]string
		r := rawjson.NewReader(m.Payload)
		for r.Enter(); r.More(); {
			key, raw := r.Name(), r.Value()
			if value, isText := rawjson.Unquote(raw); isText {
				entries = append(entries, [2]string{key, value})
			} else if !isNull(raw) {
				entries = append(entries, [2]string{key, string(raw)}) // it is not right, but it is there
			}
		}
		token, tenant, err = surface.Payload(entries, token, tenant, err)
	}
	caller, err := s.h.authenticate(s.r.WithContext(s.ctx), token, tenant, err)
	if err != nil {
		switch shown, status := refusal(err); status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return closing{closeForbidden, truncate("Forbidden: "+shown.Message, 123)}
		default:
			return tryAgain(shown.Message)
		}
	}
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	s.holder = s.h.holder(caller)
	if err := s.h.held.Take(s.holder, 1); err != nil {
		return tryAgain(err.Error())
	}
	s.counted = true
	s.guest.Leave()
	s.conn.SetReadLimit(s.h.cfg.MaxBodyBytes)
	s.caller = caller
	if err := s.send(message{Type: "connection_ack"}); err != nil {
		return err
	}
	close(s.ready)
	if s.h.cfg.Alive != nil {
		s.unwatch = s.h.checks.join(s)
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
	op := &socketOperation{cancel: cancel, begin: sync.OnceFunc(s.oneBegan)}

	s.mu.Lock()
	_, exists := s.operations[id]
	full := s.live >= s.h.cfg.MaxOperationsPerConnection
	accepted := !exists && !full && !s.draining
	if accepted {
		s.operations[id] = op
		s.live++
		s.starting++
		s.running.Add(1)
	}
	s.mu.Unlock()

	if accepted {
		body := m.body
		m.body = nil
		go s.operate(ctx, id, op, req, body)
		return nil
	}
	cancel()
	if exists {
		return closing{closeSubscriberExists, truncate("Subscriber for "+id+" already exists", 123)}
	}
	if full {
		return s.sendErrors(id, errorList(codeRateLimited, "too many operations at once on this connection"))
	}
	return s.sendErrors(id, errorList(codeUnavailable, "the server is shutting down"))
}

// awaitBegun waits until all operations that the client has sent have begun, so that a pong tells the client: what happens from then on is in
// the streams that it requested before the ping. The protocol has no other message for that. Beginning a stream reads a few rows at most.
func (s *socket) awaitBegun() {
	s.mu.Lock()
	if s.starting == 0 {
		s.mu.Unlock()
		return
	}
	begun := make(chan struct{})
	s.begun = begun
	s.mu.Unlock()
	select {
	case <-begun:
	case <-s.ctx.Done():
	}
}

// oneBegan notes that an operation is no longer starting.
func (s *socket) oneBegan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.starting--; s.starting == 0 && s.begun != nil {
		close(s.begun)
		s.begun = nil
	}
}

// truncate shortens a close reason to n bytes of valid UTF-8.
func truncate(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// forget frees an operation's id, and reports whether the operation still had it. The caller must hold s.mu.
func (s *socket) forget(id string, op *socketOperation) bool {
	if s.operations[id] != op {
		return false
	}
	delete(s.operations, id)
	return true
}

// finish frees the id. It returns false if the client has completed the operation, and must get no more messages of it.
func (s *socket) finish(id string, op *socketOperation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forget(id, op)
}

// operate runs an operation. Each response is written before the next is requested, so a slow client slows only itself. The
// request aliases body.
func (s *socket) operate(ctx context.Context, id string, op *socketOperation, req *request, body *intake.Body) {
	defer s.running.Done()
	defer body.Release()
	defer func() {
		op.cancel()
		op.begin()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.live--
		s.forget(id, op)
	}()
	defer s.recover()
	on := onward{seen: s.h.observe(ctx, OverWebSocket)}
	defer on.seen.end()
	defer on.release()
	err := s.prepare(ctx, id, op, req, &on)
	if on.run != nil {
		err = s.respond(id, op, &on) //nolint:contextcheck // writes do not end with the operation, see write
	}
	if err != nil {
		s.end(err)
	}
}

// onward is an operation that has begun.
type onward struct {
	ctx    context.Context
	run    *execution
	next   []byte // how its messages begin
	seen   *Observed
	defers []func() // to be called at the end, the last one first
}

func (o *onward) release() {
	for _, f := range o.defers {
		defer f() // also if another panics
	}
}

// fail ends an operation with errors.
func (s *socket) fail(id string, op *socketOperation, errs gqlerror.List) error {
	if !s.finish(id, op) {
		return nil
	}
	return s.sendErrors(id, errs)
}

// prepare begins an operation, unless it cannot run, which it tells the client. It is a function of its own so that its variables are not on the
// stack while the operation waits.
func (s *socket) prepare(ctx context.Context, id string, op *socketOperation, req *request, on *onward) error {
	release, err := s.h.acquire(ctx)
	if err != nil {
		shown, _ := tooMuch(err)
		on.seen.failed(gqlerror.List{shown})
		return s.fail(id, op, gqlerror.List{shown}) //nolint:contextcheck // writes do not end with the operation, see write
	}
	on.defers = append(on.defers, release)
	prepared, _, errs := s.h.engine.prepare(ctx, req)
	if errs != nil {
		on.seen.failed(errs)
		return s.fail(id, op, errs) //nolint:contextcheck // see write
	}
	on.seen.of(prepared)
	if prepared.kind() != ast.Subscription {
		op.begin() // there is nothing that it could miss
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.h.cfg.OperationTimeout)
		s.countUnary(op, 1)
		on.defers = append(on.defers, cancel, func() { s.countUnary(op, -1) })
	}
	if on.next, err = begin(id, "next"); err != nil {
		return err
	}
	on.ctx, on.run = ctx, s.h.engine.start(ctx, prepared, "")
	on.defers = append(on.defers, on.run.close)
	op.begin()
	return nil
}

// respond writes the responses of an operation.
func (s *socket) respond(id string, op *socketOperation, on *onward) error {
	for {
		on.run.await()
		if more, err := s.respondOnce(id, op, on); err != nil || !more {
			return err
		}
	}
}

// respondOnce writes the next response, and reports whether another may follow.
func (s *socket) respondOnce(id string, op *socketOperation, on *onward) (more bool, err error) {
	resp, errs := on.run.response()
	if errs != nil {
		on.seen.failed(errs)
		return false, s.fail(id, op, errs)
	}
	if resp == nil {
		if on.ctx.Err() == nil && s.finish(id, op) { // otherwise the client has completed the operation, or the connection ends
			err = s.send(message{ID: &id, Type: "complete"})
		}
		return false, err
	}
	if !s.wants(id, op) {
		return false, nil
	}
	on.seen.responded(resp)
	err = s.writeMessage(func(b []byte) []byte { return append(appendResponse(append(b, on.next...), resp), '}') })
	return err == nil, err
}

// countUnary counts the operations that drain waits for.
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
	b, err := begin(id, "error")
	if err != nil {
		return err
	}
	return s.write(append(appendErrors(b, errs), '}'))
}

// begin returns the beginning of a message with a payload; the caller appends the payload, with appendResponse or appendErrors,
// and "}". The payload does not pass through encoding/json, which would change its notation.
func begin(id, kind string) ([]byte, error) {
	quoted, err := rawjson.Marshal(id)
	if err != nil {
		return nil, fmt.Errorf("encode operation id: %w", err)
	}
	return slices.Concat([]byte(`{"id":`), quoted, []byte(`,"type":"`+kind+`","payload":`)), nil
}

func (s *socket) send(m message) error {
	b, err := rawjson.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return s.write(b)
}

// write sends one message, and fails if the client stops reading it. It does not end with an operation's context: a canceled write
// breaks the connection for all others.
func (s *socket) write(b []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.writeLocked(b)
}

// messages pools the buffers of messages.
var messages = sync.Pool{New: func() any { return new([]byte) }}

// writeMessage is write for the message that fill appends. It is made when its turn has come: until then, an operation of a client that reads
// slowly holds its response only, which it shares with others that ask for the same.
func (s *socket) writeMessage(fill func(b []byte) []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	room := messages.Get().(*[]byte)
	b := fill((*room)[:0])
	err := s.writeLocked(b)
	if *room = nil; cap(b) <= maxKeptBuffer {
		*room = b
	}
	messages.Put(room)
	return err
}

// writeLocked is write for a caller that holds writing.
func (s *socket) writeLocked(b []byte) error {
	if len(b) >= largeMessage {
		s.large.Add(1)
	}
	if err := s.conn.Write(context.Background(), websocket.MessageText, b); err != nil {
		return s.cutOff(err)
	}
	return nil
}

// cutOff returns why the connection ends after a failed write.
func (s *socket) cutOff(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && s.ctx.Err() == nil {
		_ = s.conn.CloseNow() // the frame was cut off: nothing can follow it
		return tryAgain("The client reads too slowly")
	}
	return err
}
