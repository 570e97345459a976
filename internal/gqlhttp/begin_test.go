package gqlhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A client knows when its stream has begun: from the head of the answer, or from the pong to a ping that it sent after it subscribed. It gets
// what is recorded from then on, even if the server takes longer to begin than others to publish.
func TestClientKnowsThatStreamHasBegun(t *testing.T) {
	const rounds, slowly = 200, 20
	b := newBackend(t, 1, nil)
	f := b.serve(t, 1<<20, nil)
	var slow atomic.Bool
	f.begins = func() {
		for n := 0; n < 30 && slow.Load(); n++ { // more commits than publishing and recording need
			_, _ = b.scope.Publish(t.Context(), []webhook.NewEvent{{Type: "nobody.subscribes", Data: json.RawMessage("{}")}})
		}
	}
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
			for n := range rounds {
				slow.Store(n < slowly)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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
