package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"

	"github.com/hookgraph/hookgraph/internal/client"
)

type tailCmd struct {
	connection
	output
	Webhook   []string `placeholder:"ID" help:"Attempts of one of these webhooks."`
	EventType []string `placeholder:"TYPE" help:"Attempts of events of one of these types; humanization.* means all that begin with humanization."`
	Failed    bool     `help:"Only attempts that failed."`
	Since     bound    `placeholder:"WHEN" help:"Begin with the attempts from then on, as far back as they are kept: 90m or 7d ago, or a time. The default is now."`
}

// A lost connection is made again after a pause, which doubles until one has held.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

type streamedRow struct {
	attemptRow
	Delivery *struct{ ID, WebhookURL string }
	Event    *struct{ ID, Type string }
}

const tailQuery = `subscription ($filter: DeliveryAttemptFilter, $after: String, $since: TimeBound) {
	done: deliveryAttempts(filter: $filter, after: $after, since: $since) { cursor node {
		id number status error message trigger startedAt durationMs response { status } delivery { id webhookUrl } event { id type }
	} }
}`

// Run prints each attempt once, also over lost connections, until ctx ends.
func (c *tailCmd) Run(ctx context.Context, s *Streams) error {
	from, err := c.client()
	if err != nil {
		return err
	}
	filter := given(map[string]any{}, map[string][]string{"webhookIds": c.Webhook, "eventTypes": c.EventType})
	if c.Failed {
		filter["statuses"] = []string{"FAILED"}
	}
	variables := map[string]any{"filter": filter}
	if c.Since != "" {
		variables["since"] = c.Since
	}
	connected, pause := false, firstPause
	for {
		err := c.follow(ctx, from, variables, func() { connected, pause = true, firstPause }, func(raw json.RawMessage) error { return c.show(s.Out, raw) })
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case final(err) || !connected:
			return err
		}
		_, _ = fmt.Fprintf(s.Err, "the connection is lost, and made again in %v: %v\n", pause, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// follow shows attempts until the connection ends, and notes how far it came in variables.
func (c *tailCmd) follow(ctx context.Context, from *client.Client, variables map[string]any, connected func(), show func(json.RawMessage) error) (err error) {
	stream, err := from.Subscribe(ctx, client.Request{Query: tailQuery, Variables: variables})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	if connected(); variables["after"] == nil && variables["since"] == nil {
		// What is recorded while the first connection is lost before it showed anything is to come, too.
		variables["since"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	for {
		var data struct {
			Done struct {
				Cursor string
				Node   json.RawMessage
			}
		}
		if err := stream.Next(ctx, &data); err != nil {
			return err
		}
		if err := show(data.Done.Node); err != nil {
			return &unwritten{err}
		}
		variables["after"] = data.Done.Cursor
	}
}

// unwritten is an error of the output.
type unwritten struct{ error }

// final reports whether the same would happen again: the server refused the request or the token, or the output is gone.
func final(err error) bool {
	var out *unwritten
	status := websocket.CloseStatus(err)
	return errors.As(err, &out) || errors.Is(err, client.ErrAnswered) || status >= 4400 && status < 4500 && status != 4408 && status != 4429
}

// show prints an attempt.
func (c *tailCmd) show(to io.Writer, raw json.RawMessage) error {
	return c.object(to, raw, func(w io.Writer) error {
		var a streamedRow
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		eventType, delivery, url := "-", "-", "-"
		if a.Event != nil {
			eventType = a.Event.Type
		}
		if a.Delivery != nil {
			delivery, url = a.Delivery.ID, a.Delivery.WebhookURL
		}
		_, err := fmt.Fprintf(w, "%s  %-9s  %-12s  %6d ms  #%d  %s  %s  %s  %s\n", a.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z"), a.Status, a.result(), a.DurationMs, a.Number,
			printable(eventType), delivery, printable(url), printable(or(a.Message, "")))
		return err
	})
}
