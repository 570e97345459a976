package gqlhttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
)

// stream is shared by a subscription's resolver and its transport.
type stream struct {
	lastEventID string
	wait        func(ctx context.Context) // until there is something to respond; may be nil
	pay         func() time.Duration      // for one more message; nil: it is free

	mu      sync.Mutex // guards what follows
	err     error
	cursor  string // of the current response
	changed bool   // rows of the current response, while they were read
}

// noteChanged notes that rows of the current response changed while they were read.
func (s *stream) noteChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
}

// takeChanged returns and clears what noteChanged has noted.
func (s *stream) takeChanged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.changed
	s.changed = false
	return changed
}

type streamKey struct{}

func withStream(ctx context.Context, lastEventID string) (context.Context, *stream) {
	s := &stream{lastEventID: lastEventID}
	return context.WithValue(ctx, streamKey{}, s), s
}

// LastEventID returns the Last-Event-ID with which an SSE client resumes: the cursor of the last event that it received, "" if
// there is none. It is not verified: any client input of up to 1,024 bytes of printable ASCII.
func LastEventID(ctx context.Context) string {
	if s, ok := ctx.Value(streamKey{}).(*stream); ok {
		return s.lastEventID
	}
	return ""
}

// EndStream sets the error with which the subscription of ctx ends. A resolver calls it before it closes its channel; the client
// then gets err, through the ErrorPresenter, instead of a completion. Only the first call has an effect. Outside of a subscription
// EndStream does nothing.
func EndStream(ctx context.Context, err error) {
	s, ok := ctx.Value(streamKey{}).(*stream)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// SetCursor sets the cursor of the current response, from which a client resumes after it. A resolver calls it before it returns
// the response's value. A cursor that does not fit into an SSE id line is ignored. Outside of a subscription SetCursor does
// nothing.
func SetCursor(ctx context.Context, cursor string) {
	s, ok := ctx.Value(streamKey{}).(*stream)
	if !ok || strings.ContainsAny(cursor, "\r\n\x00") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = cursor
}

// SetWait sets a function that waits until the next response of ctx's subscription need not wait for its source, or until its own context ends.
// A resolver calls it before it returns. Most streams wait most of the time, and what is on their stacks then is most of their cost: the
// function is called where that is little. Outside of a subscription SetWait does nothing.
func SetWait(ctx context.Context, wait func(ctx context.Context)) {
	if s, ok := ctx.Value(streamKey{}).(*stream); ok {
		s.wait = wait
	}
}

// PayMessage charges the caller of ctx's subscription once more for its operation, and returns how long it must wait before it can afford
// that. A resolver whose messages are not free calls it before each but the first. Outside of a subscription PayMessage does nothing.
func PayMessage(ctx context.Context) time.Duration {
	if s, ok := ctx.Value(streamKey{}).(*stream); ok && s.pay != nil {
		return s.pay()
	}
	return 0
}

// takeCursor returns and clears the cursor of the response, "" if it has none.
func (s *stream) takeCursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	cursor := s.cursor
	s.cursor = ""
	return cursor
}

func (s *stream) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (h *Handler) authenticate(r *http.Request, token, tenant string, bad error) (context.Context, error) {
	if bad != nil {
		return nil, newError(codeUnauthenticated, bad.Error())
	}
	ctx, err := h.cfg.Authenticate(r, token, tenant)
	if err == nil && ctx == nil {
		return nil, errors.New("authentication returned no context")
	}
	return ctx, err
}

// enter registers a stream; false means that the server is shutting down.
func (h *Handler) enter(s *openStream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.streams[s] = struct{}{}
	return true
}

// onShutdown sets f as the stream's hurry, and calls it at once if the server is already shutting down.
func (h *Handler) onShutdown(s *openStream, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.hurry = f
	if h.closed {
		f()
	}
}

// leave ends a stream: hurry is not called after leave has returned.
func (h *Handler) leave(s *openStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
	if h.closed && len(h.streams) == 0 {
		close(h.drained)
	}
}

// holder returns the tenant and token that ctx's caller counts for.
func (h *Handler) holder(ctx context.Context) intake.Holder { return h.engine.holder(ctx) }

// acquire counts an operation of the caller. It returns an error if the caller has too many.
func (h *Handler) acquire(ctx context.Context) (release func(), err error) {
	who := h.holder(ctx)
	if err := h.operations.Take(who, 1); err != nil {
		return nil, err
	}
	return func() { h.operations.Give(who, 1) }, nil
}
