package gqlhttp

import (
	"context"
	"strings"
	"sync"
)

// stream is what a resolver and the transport of its subscription share.
type stream struct {
	lastEventID string

	mu     sync.Mutex // guards what follows
	err    error
	cursor string // of the response that is being made
}

type streamKey struct{}

func withStream(ctx context.Context, lastEventID string) (context.Context, *stream) {
	s := &stream{lastEventID: lastEventID}
	return context.WithValue(ctx, streamKey{}, s), s
}

// LastEventID returns the Last-Event-ID with which an SSE client resumes: the cursor of the last event that it saw, ""
// when there is none. It is whatever the client sent, up to 1,024 bytes of printable ASCII.
func LastEventID(ctx context.Context) string {
	if s, ok := ctx.Value(streamKey{}).(*stream); ok {
		return s.lastEventID
	}
	return ""
}

// EndStream makes err the reason for which the subscription of ctx ends. A resolver calls it before it closes its
// channel, and the client gets err, through the ErrorPresenter, instead of a completion. The first call counts. Outside
// of a subscription it does nothing.
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

// SetCursor tells the transport the cursor of the response that is being made, from which a client resumes after it. A resolver
// calls it before it returns the response's value. A cursor that does not fit into an SSE id line is ignored. Outside of a
// subscription SetCursor does nothing.
func SetCursor(ctx context.Context, cursor string) {
	s, ok := ctx.Value(streamKey{}).(*stream)
	if !ok || strings.ContainsAny(cursor, "\r\n\x00") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = cursor
}

// takeCursor returns the cursor of the response that has been made, "" when it has none.
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
