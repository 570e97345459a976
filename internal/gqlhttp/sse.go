package gqlhttp

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// This file follows the GraphQL over Server-Sent Events protocol (npm graphql-sse, PROTOCOL.md), distinct connections
// mode, and section 9.2 of the HTML standard for the format. Beyond it, an event's id is the response's cursor, and the head of the answer
// says that the operation has begun: a client that has it misses nothing that happens from then on.

// events writes an event stream. Only the handler's goroutine uses it.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	cfg     *Config
	closing <-chan struct{}
	buf     bytes.Buffer
}

// limit bounds the next piece that is written. Shutdown closes closing before it calls hurry, so one of the two shortens the deadline.
func (e *events) limit() error {
	if err := e.control.SetWriteDeadline(time.Now().Add(e.cfg.WriteTimeout)); err != nil {
		return err
	}
	select {
	case <-e.closing:
		e.hurry()
	default:
	}
	return nil
}

func (e *events) hurry() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.cfg.CloseTimeout))
}

// send writes one event, or a comment if name is "". It fails if the client does not read it in time.
func (e *events) send(name, id string, data []byte) error {
	e.buf.Reset()
	if name == "" {
		e.buf.WriteString(":\n\n")
	} else {
		e.buf.WriteString("event: " + name + "\n")
		if id != "" {
			e.buf.WriteString("id: " + id + "\n")
		}
		// JSON may have line breaks between its tokens, and each would end a data line.
		for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
			e.buf.WriteString("data: ")
			e.buf.Write(line)
			e.buf.WriteByte('\n')
		}
		if len(data) == 0 {
			// Without a data line browsers do not dispatch the event.
			e.buf.WriteString("data:\n")
		}
		e.buf.WriteByte('\n')
	}
	if _, err := intake.WritePieces(e.w, e.buf.Bytes(), e.limit); err != nil {
		return err
	}
	return e.control.Flush()
}

// serveEvents streams the responses of op, or only the given response if op is nil.
func (x *exchange) serveEvents(ctx context.Context, op *operation, response []byte) {
	x.seen.Transport = OverEvents
	out := &events{w: x.w, control: http.NewResponseController(x.w), cfg: &x.h.cfg, closing: x.h.closing}
	open := &openStream{hurry: out.hurry}
	if !x.h.enter(open) {
		x.shuttingDown()
		return
	}
	defer x.h.leave(open)
	who := x.h.holder(ctx)
	if err := x.h.held.Take(who, 1); err != nil {
		x.busy(err)
		return
	}
	defer x.h.held.Give(who, 1)
	release, err := x.h.acquire(ctx)
	if err != nil {
		x.busy(err)
		return
	}
	defer release()

	// The server's deadline for reading the request would end the stream.
	_ = out.control.SetReadDeadline(time.Time{})
	if op == nil {
		if out.begin() == nil && out.send("next", "", response) == nil {
			_ = out.send("complete", "", nil)
		}
		return
	}
	x.streamEvents(ctx, op, out)
}

// begin sends the head of the answer.
func (e *events) begin() error {
	header := e.w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no")
	e.w.WriteHeader(http.StatusOK)
	return e.send("", "", nil)
}

// pulled is one result of the execution: a response, or the end with its errors.
type pulled struct {
	resp   *graphql.Response
	cursor string // of the response, "" when it has none
	errs   gqlerror.List
}

// streamEvents writes each response before it requests the next, so that a slow client slows only its own source. A second
// goroutine waits for responses, because heartbeats continue meanwhile; it writes nothing, and has ended on return.
func (x *exchange) streamEvents(ctx context.Context, op *operation, out *events) {
	cfg := x.h.cfg
	ctx, cancel := context.WithCancel(ctx)
	if op.kind() != ast.Subscription {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, cfg.OperationTimeout)
		defer stop()
	}
	begun, responses, written := make(chan struct{}), make(chan pulled), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.pull(ctx, cancel, op, begun, responses, written)
	}()
	defer func() {
		cancel()
		close(written)
		<-done
	}()
	select {
	case <-begun:
	case <-done: // after a panic
		x.fail(http.StatusInternalServerError, internalError(ctx))
		return
	case <-x.h.closing:
		x.shuttingDown()
		return
	case <-x.r.Context().Done():
		return
	}
	if out.begin() != nil {
		return
	}

	heartbeat := time.NewTicker(cfg.PingInterval)
	defer heartbeat.Stop()
	alive := time.NewTicker(cfg.AliveInterval)
	defer alive.Stop()
	for {
		select {
		case p := <-responses:
			if p.resp == nil {
				x.seen.failed(p.errs)
				if p.errs == nil || out.send("next", "", requestError(p.errs, nil)) == nil {
					_ = out.send("complete", "", nil)
				}
				return
			}
			if out.send("next", p.cursor, appendResponse(nil, p.resp)) != nil {
				return
			}
			x.seen.responded(p.resp)
			written <- struct{}{}
		case <-heartbeat.C:
			if out.send("", "", nil) != nil {
				return
			}
		case <-alive.C:
			if cfg.Alive != nil && !cfg.Alive(ctx) {
				refused := errorList(codeUnauthenticated, "the token is not valid any more")
				x.seen.failed(refused)
				if out.send("next", "", requestError(refused, nil)) == nil {
					_ = out.send("complete", "", nil)
				}
				return
			}
		case <-x.h.closing:
			// No complete event: the operation has not ended, and the client must resume elsewhere.
			return
		case <-x.r.Context().Done():
			return
		case <-done:
			return
		}
	}
}

// pull begins the operation, closes begun, and hands over each response when the one before has been written, until the last, which has no
// response, or the handler has returned, which closes written.
func (x *exchange) pull(
	ctx context.Context, cancel context.CancelFunc, op *operation, begun chan<- struct{}, responses chan<- pulled, written <-chan struct{},
) {
	defer func() {
		// The execution recovers its own panics; one in this code must not end the process either.
		if v := recover(); v != nil {
			logPanic(ctx, x.h.cfg.Logger, v)
			cancel()
		}
	}()
	run := x.h.engine.start(ctx, op, lastEventID(x.r))
	defer run.close()
	close(begun)
	for {
		run.await()
		resp, errs := run.response()
		select {
		case responses <- pulled{resp, run.stream.takeCursor(), errs}:
		case <-x.r.Context().Done():
			return
		case <-written: // the handler has returned
			return
		}
		if resp == nil {
			return
		}
		if _, ok := <-written; !ok {
			return
		}
	}
}

// lastEventID returns the header with which a client resumes, "" if it cannot be from an id line.
func lastEventID(r *http.Request) string {
	id := r.Header.Get("Last-Event-ID")
	if len(id) > 1024 {
		return ""
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return ""
		}
	}
	return id
}
