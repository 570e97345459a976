package gqlhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/store"
)

// A client knows when its stream has begun: from the head of the answer, or from the pong to a ping that it sent after it subscribed. It gets
// what is recorded from then on.
func TestClientKnowsThatStreamHasBegun(t *testing.T) {
	const rounds = 200
	b := newBackend(t, 1, nil)
	f := b.serve(t, 1<<20, nil)
	for name, begin := range map[string]func(ctx context.Context) (stream, error){
		"head": func(ctx context.Context) (stream, error) {
			return b.listen(ctx, f, operation(watch, store.AttemptFilter{}, ""), "")
		},
		"pong": func(ctx context.Context) (stream, error) {
			s, err := b.dial(ctx, f)
			if err != nil {
				return nil, err
			}
			if err := s.subscribe(ctx, operation(watch, store.AttemptFilter{}, "")); err != nil {
				return nil, err
			}
			return s, s.ponged(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				s, err := begin(ctx)
				if err != nil {
					t.Fatal(err)
				}
				b.record(t, 0)
				if got, err := s.next(ctx); err != nil {
					t.Fatalf("%v, %v", err, got.errors())
				}
				s.drop()
				cancel()
			}
		})
	}
}

// ponged pings, and waits for the pong, which must be the next message.
func (s *socket) ponged(ctx context.Context) error {
	if err := s.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`)); err != nil {
		return err
	}
	_, text, err := s.conn.Read(ctx)
	if err == nil && !bytes.Equal(text, []byte(`{"type":"pong"}`)) {
		err = fmt.Errorf("got %s instead of a pong", text)
	}
	return err
}
