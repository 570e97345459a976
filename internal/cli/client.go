package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// client is a user of the API, for the demo: GraphQL over HTTP and WebSocket, and REST.
type client struct {
	url   string
	token string
}

// post sends JSON and reads JSON; into may be nil.
func (c *client) post(ctx context.Context, path string, body, into any) (err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %s", path, res.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// mutate runs a mutation with an alias "done" for its one field, and reads the field into into.
func (c *client) mutate(ctx context.Context, query string, input, into any) error {
	var answer struct {
		Data   struct{ Done json.RawMessage }
		Errors []struct{ Message string }
	}
	body := map[string]any{"query": query, "variables": map[string]any{"input": input}}
	if err := c.post(ctx, "/graphql", body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	var refused struct {
		UserErrors []struct {
			Message string
			Field   []string
		}
	}
	if err := json.Unmarshal(answer.Data.Done, &refused); err != nil {
		return err
	}
	if len(refused.UserErrors) > 0 {
		e := refused.UserErrors[0]
		return fmt.Errorf("%s: %s", strings.Join(e.Field, "."), e.Message)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Data.Done, into)
}

func (c *client) createWebhook(ctx context.Context, url string, events []string, retryMs []int) (secret string, err error) {
	var done struct{ Secret string }
	err = c.mutate(ctx, `mutation ($input: CreateWebhookInput!) {
		done: createWebhook(input: $input) { secret userErrors { message field } }
	}`, map[string]any{"url": url, "events": events, "retryScheduleMs": retryMs}, &done)
	return done.Secret, err
}

func (c *client) publish(ctx context.Context, event map[string]any) error {
	return c.mutate(ctx, `mutation ($input: PublishEventInput!) {
		done: publishEvent(input: $input) { event { id } userErrors { message field } }
	}`, event, nil)
}

// streamed is an attempt as attempts asks for it.
type streamed struct {
	Number    int
	Error     string // "" when it succeeded
	StartedAt time.Time
	Timings   struct{ TotalMs float64 }
	Event     struct{ Type string }
	Delivery  struct{ NextAttemptAt *time.Time }
	Response  *struct{ Status int }
}

// message is one of graphql-transport-ws.
type message struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

// attempts watches the stream until ctx ends. started is called when it is open, each for every attempt.
func (c *client) attempts(ctx context.Context, started func(), each func(streamed)) error {
	conn, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.url, "http")+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"},
	})
	if err != nil {
		return err
	}
	if res.Body != nil {
		defer func() { _ = res.Body.Close() }()
	}
	defer func() { _ = conn.Close(websocket.StatusNormalClosure, "") }()
	conn.SetReadLimit(1 << 20)
	err = wsjson.Write(ctx, conn, message{Type: "connection_init", Payload: map[string]string{"Authorization": "Bearer " + c.token}})
	for err == nil {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err = wsjson.Read(ctx, conn, &m); err != nil {
			break
		}
		switch m.Type {
		case "connection_ack":
			err = wsjson.Write(ctx, conn, message{ID: "1", Type: "subscribe", Payload: map[string]string{"query": `subscription {
				deliveryAttempts { node {
					number error startedAt timings { totalMs } event { type } delivery { nextAttemptAt } response { status }
				} }
			}`}})
			// When this ping is answered the server has read the subscription before it.
			if err == nil {
				err = wsjson.Write(ctx, conn, message{Type: "ping"})
			}
		case "pong":
			started()
		case "ping":
			err = wsjson.Write(ctx, conn, message{Type: "pong"})
		case "next":
			var p struct {
				Data struct {
					DeliveryAttempts struct{ Node streamed }
				}
				Errors []struct{ Message string }
			}
			if err = json.Unmarshal(m.Payload, &p); err == nil && len(p.Errors) > 0 {
				err = errors.New(p.Errors[0].Message)
			}
			if err == nil {
				each(p.Data.DeliveryAttempts.Node)
			}
		case "error", "complete":
			err = fmt.Errorf("the stream ended: %s %s", m.Type, m.Payload)
		}
	}
	return err
}
