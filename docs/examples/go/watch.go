package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:generate go tool genqlient

type attempt = WatchAttemptsDeliveryAttemptsStreamedAttemptNodeDeliveryAttempt

// watch calls seen for every attempt recorded from since on, until ctx ends. It resumes an interrupted stream after the last cursor,
// so that seen gets each attempt once. It returns an error if the token or the query is refused.
func watch(ctx context.Context, server, token string, since time.Time, seen func(attempt)) error {
	from, after, wait := since.UTC().Format(time.RFC3339Nano), "", time.Second/4
	for ctx.Err() == nil {
		err := stream(ctx, server, token, after, from, func(cursor string, a attempt) {
			after, wait = cursor, time.Second/4
			seen(a)
		})
		if websocket.CloseStatus(err) == 4403 {
			return err
		}
		pause := wait/2 + rand.N(wait/2) // jitter
		if answers, ok := errors.AsType[gqlerror.List](err); ok {
			extensions := answers[0].Extensions
			switch extensions["code"] {
			case "CURSOR_EXPIRED", "CURSOR_LOST": // retention removed the next attempts, or the database was restored
				log.Print("some attempts are no longer there")
				after, _ = extensions["oldest"].(string)
			case "UNAVAILABLE":
			case "RATE_LIMITED":
				ms, _ := extensions["retryAfterMs"].(float64)
				pause = max(pause, time.Duration(ms)*time.Millisecond)
			default:
				return err
			}
		}
		log.Printf("the stream broke off (%v), going on in %v", err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		wait = min(2*wait, 30*time.Second)
	}
	return ctx.Err()
}

// stream watches over one connection, and returns why it ended.
func stream(ctx context.Context, server, token, after, since string, seen func(cursor string, a attempt)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	client := graphql.NewClientUsingWebSocket(strings.Replace(server, "http", "ws", 1)+"/graphql", dialer{},
		graphql.WithConnectionParams(map[string]any{"Authorization": "Bearer " + token}))
	broken, err := client.Start(ctx)
	if err != nil {
		return err
	}
	var resume *string // a cursor takes precedence over the time
	if after != "" {
		resume = &after
	}
	attempts, _, err := WatchAttempts(ctx, client, nil, resume, &since)
	if err != nil {
		go func() { <-broken }()
		return err
	}
	for {
		select {
		case got, ok := <-attempts:
			if ok && len(got.Errors) == 0 {
				streamed := got.Data.DeliveryAttempts
				seen(streamed.Cursor, streamed.Node)
				continue
			}
			go func() { <-broken }() // genqlient blocks until its error channel is read
			if !ok {
				return errors.New("the server ended it")
			}
			return got.Errors
		case err := <-broken:
			return err
		}
	}
}

// dialer opens genqlient's connections with coder/websocket. They end with the context.
type dialer struct{}

func (dialer) DialContext(ctx context.Context, url string, header http.Header) (graphql.WSConn, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: header.Values("Sec-WebSocket-Protocol")})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	c := &connection{ctx, conn}
	go c.ping()
	return c, nil
}

type connection struct {
	ctx  context.Context
	conn *websocket.Conn
}

// ping notices a connection that broke silently.
func (c *connection) ping() {
	for c.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
		err := c.conn.Ping(ctx)
		if err == nil {
			<-ctx.Done()
		}
		cancel()
		if err != nil {
			_ = c.conn.CloseNow()
			return
		}
	}
}

// ReadMessage converts an error message to a result with errors, which genqlient would lose otherwise.
func (c *connection) ReadMessage() (int, []byte, error) {
	kind, message, err := c.conn.Read(c.ctx)
	if err != nil {
		return 0, nil, err
	}
	var m struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(message, &m) == nil && m.Type == "error" {
		message, err = json.Marshal(map[string]any{"id": m.ID, "type": "next", "payload": map[string]any{"errors": m.Payload}})
	}
	return int(kind), message, err
}

func (c *connection) WriteMessage(kind int, message []byte) error {
	return c.conn.Write(c.ctx, websocket.MessageType(kind), message)
}

func (c *connection) Close() error { return c.conn.CloseNow() }
