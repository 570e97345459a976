package gqlhttp

import (
	"context"
	"sync"
)

// stream is what a resolver and the transport of its subscription share.
type stream struct {
	lastEventID string

	mu  sync.Mutex // guards err
	err error
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

func (s *stream) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
