package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// maxMessageBytes bounds a message from the server.
const maxMessageBytes = 1 << 20

// message is a message of graphql-transport-ws.
type message struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

// Subscription is a GraphQL subscription on a WebSocket of its own (graphql-transport-ws). Only one goroutine may read from it. The caller
// must close it.
type Subscription struct {
	conn  *websocket.Conn
	buf   bytes.Buffer // the last message
	early [][]byte     // results that arrived before Subscribe returned
	reads atomic.Int64 // twice the number of messages that were read; odd while one is read
}

// Subscribe opens a subscription. It returns when the server has read it, so that everything that happens afterwards is in the stream.
func (c *Client) Subscribe(ctx context.Context, r Request) (_ *Subscription, err error) {
	conn, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.URL, "http")+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if res == nil {
			err = c.unreached(err)
		}
		return nil, err
	}
	if res.Body != nil {
		defer func() { _ = res.Body.Close() }()
	}
	conn.SetReadLimit(maxMessageBytes)
	s := &Subscription{conn: conn}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	hello := map[string]string{"Authorization": "Bearer " + c.Token}
	if c.Tenant != "" {
		hello["Hookgraph-Tenant"] = c.Tenant
	}
	if err := s.send(ctx, message{Type: "connection_init", Payload: hello}); err != nil {
		return nil, err
	}
	if err := s.expect(ctx, "connection_ack"); err != nil {
		return nil, err
	}
	if err := s.send(ctx, message{ID: "1", Type: "subscribe", Payload: r}); err != nil {
		return nil, err
	}
	// When this ping is answered the server has read what came before it.
	if err := s.send(ctx, message{Type: "ping"}); err != nil {
		return nil, err
	}
	for {
		text, err := s.message(ctx)
		switch {
		case err != nil:
			return nil, err
		case bytes.Contains(text, []byte(`"type":"pong"`)):
			return s, nil
		case bytes.Contains(text, []byte(`"type":"next"`)) && len(s.early) < maxEarly:
			s.early = append(s.early, bytes.Clone(text))
		case bytes.Contains(text, []byte(`"type":"error"`)):
			return nil, ended(text)
		default:
			return nil, fmt.Errorf("the server sent %s where pong was expected", text)
		}
	}
}

// maxEarly bounds the results that a server may send before it answers the ping.
const maxEarly = 100

// Close ends the subscription and a waiting Read. It may be called more than once, from any goroutine.
func (s *Subscription) Close() error { return s.conn.CloseNow() }

// Read returns the next message with a result, unchanged: {"type":"next","payload":…}. It is valid until the next Read. An error ends the
// subscription; the caller must check results for errors.
func (s *Subscription) Read(ctx context.Context) ([]byte, error) {
	if len(s.early) > 0 {
		text := s.early[0]
		s.early = s.early[1:]
		return text, nil
	}
	for {
		text, err := s.message(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case bytes.Contains(text, []byte(`"type":"next"`)):
			return text, nil
		case bytes.Contains(text, []byte(`"type":"ping"`)):
			if err := s.send(ctx, message{Type: "pong"}); err != nil {
				return nil, err
			}
		case bytes.Contains(text, []byte(`"type":"error"`)):
			return nil, ended(text)
		default:
			return nil, fmt.Errorf("the subscription ended with %s", text)
		}
	}
}

// Next reads the data of the next result into data. GraphQL errors in the result are returned as an error.
func (s *Subscription) Next(ctx context.Context, data any) error {
	text, err := s.Read(ctx)
	if err != nil {
		return err
	}
	var m struct {
		Payload struct {
			Data   any
			Errors []graphError
		}
	}
	m.Payload.Data = data
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	if errs := m.Payload.Errors; len(errs) > 0 {
		return errs[0].told(ErrAnswered.Error())
	}
	return nil
}

// ended returns the error of a message that ends the subscription with one.
func ended(text []byte) error {
	var m struct{ Payload []graphError }
	if json.Unmarshal(text, &m) != nil || len(m.Payload) == 0 {
		return fmt.Errorf("the subscription ended: %w %s", ErrAnswered, text)
	}
	return m.Payload[0].told("the subscription ended: " + ErrAnswered.Error())
}

// Guard closes the subscription when a Read waits and the server does not answer a ping within the interval: a connection that ended
// while this machine slept, or behind a proxy, may never tell. It pings once in each interval, and returns when ctx ends or the
// subscription is closed.
func (s *Subscription) Guard(ctx context.Context, interval time.Duration) {
	beats := time.NewTicker(interval)
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beats.C:
		}
		reads := s.reads.Load()
		waiting, cancel := context.WithTimeout(ctx, interval)
		err := s.conn.Ping(waiting)
		cancel()
		// An answer is seen only by a Read.
		if err != nil && reads%2 == 1 && s.reads.Load() == reads && ctx.Err() == nil {
			_ = s.Close()
			return
		}
	}
}

func (s *Subscription) message(ctx context.Context) ([]byte, error) {
	s.reads.Add(1)
	defer s.reads.Add(1)
	_, from, err := s.conn.Reader(ctx)
	if closed, is := errors.AsType[websocket.CloseError](err); is && closed.Reason != "" {
		return nil, &closedError{closed}
	}
	if err != nil {
		return nil, err
	}
	s.buf.Reset()
	_, err = s.buf.ReadFrom(from)
	return s.buf.Bytes(), err
}

// closedError is the end of a connection for a reason that the server tells.
type closedError struct{ websocket.CloseError }

func (e *closedError) Error() string { return "the server ended the connection: " + e.Reason }
func (e *closedError) Unwrap() error { return e.CloseError }

func (s *Subscription) send(ctx context.Context, m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// expect reads one message of a kind.
func (s *Subscription) expect(ctx context.Context, kind string) error {
	text, err := s.message(ctx)
	if err == nil && !bytes.Contains(text, []byte(`"type":"`+kind+`"`)) {
		err = errors.New("the server sent " + string(text) + " where " + kind + " was expected")
	}
	return err
}
