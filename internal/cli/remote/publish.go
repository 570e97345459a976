package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/client"
)

type publishCmd struct {
	connection
	output
	Type        string    `arg:"" optional:"" help:"Type of the event, for example humanization.completed."`
	Data        *string   `placeholder:"JSON" help:"The event's data; @FILE reads a file, and - the standard input, which is read only then. The default is {}."`
	Tag         []string  `placeholder:"TAG" help:"A tag of the event."`
	Key         string    `help:"Idempotency key: the same key publishes once."`
	OrderingKey string    `placeholder:"KEY" help:"Events with the same key are delivered in order, to webhooks that ask for it."`
	DeliverAt   time.Time `placeholder:"TIME" help:"The time from which the event is delivered, as 2026-04-23T14:00:00Z."`
	ExpiresAt   time.Time `placeholder:"TIME" help:"The time from which it is no longer delivered."`
	Lines       bool      `help:"Publish the events of the standard input, one a line: JSON objects with the fields of PublishEventInput."`
}

// Run publishes, and prints the id of each event.
func (c *publishCmd) Run(ctx context.Context, s *Streams) error {
	if c.Lines {
		if c.Type != "" {
			return errors.New("--lines: each line has a type; leave out the argument")
		}
		return c.lines(ctx, s)
	}
	if c.Type == "" {
		return errors.New("TYPE: is required, unless --lines is given")
	}
	data, err := c.data(s)
	if err != nil {
		return err
	}
	event := map[string]any{"type": c.Type, "data": data}
	for name, value := range map[string]string{"idempotencyKey": c.Key, "orderingKey": c.OrderingKey} {
		if value != "" {
			event[name] = value
		}
	}
	for name, at := range map[string]time.Time{"deliverAt": c.DeliverAt, "expiresAt": c.ExpiresAt} {
		if !at.IsZero() {
			event[name] = at
		}
	}
	if len(c.Tag) > 0 {
		event["tags"] = c.Tag
	}
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	refused, err := c.publish(ctx, s, []inputLine{{1, text}})
	if err == nil && len(refused) > 0 {
		err = refused[0].err
	}
	return flagged(err, map[string]any{"input": map[string]any{"events": []json.RawMessage{text}}})
}

// data returns the event's data. What is piped into the command is not read unless that is asked for: in a loop it is the loop's input, and under
// a supervisor it may never end. It is not ignored either.
func (c *publishCmd) data(s *Streams) (json.RawMessage, error) {
	if c.Data == nil {
		if s.Piped {
			return nil, errors.New("--data: give - to publish what is piped into the command, or {} for an event without data")
		}
		return json.RawMessage("{}"), nil
	}
	text := []byte(*c.Data)
	var err error
	if file, isFile := strings.CutPrefix(*c.Data, "@"); isFile || *c.Data == "-" {
		text, err = content(s.In, file)
	}
	switch text = bytes.TrimSpace(text); {
	case err != nil:
		return nil, fmt.Errorf("--data: %w", err)
	case len(text) == 0:
		return nil, errors.New("--data: is empty; leave it out for {}")
	case !json.Valid(text):
		return nil, errors.New("--data: is not JSON")
	}
	return text, nil
}

// Events of lines are published in calls of at most maxCallEvents and about maxCallBytes.
const (
	maxCallEvents = 100
	maxCallBytes  = 1 << 20
	maxLineBytes  = 16 << 20
)

// inputLine is a line of the standard input.
type inputLine struct {
	number int
	text   json.RawMessage
}

// lines publishes the lines of the standard input, as many a call as have arrived. What is refused is told, and does not stop others.
func (c *publishCmd) lines(ctx context.Context, s *Streams) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan inputLine, maxCallEvents)
	ended := make(chan error, 1)
	go func() {
		defer close(read)
		ended <- scan(ctx, s.In, read)
	}()
	bad := 0
	for first := range read {
		call, bytes := []inputLine{first}, len(first.text)
	fill:
		for len(call) < maxCallEvents && bytes < maxCallBytes {
			select {
			case next, more := <-read:
				if !more {
					break fill
				}
				call, bytes = append(call, next), bytes+len(next.text)
			default:
				break fill
			}
		}
		refused, err := c.publish(ctx, s, call)
		if err != nil {
			return fmt.Errorf("line %d, and those after it: %w", first.number, err)
		}
		for _, one := range refused {
			bad++
			_, _ = fmt.Fprintf(s.Err, "line %d: %v\n", one.number, one.err)
		}
	}
	if err := <-ended; err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d events were refused", bad)
	}
	return nil
}

// scan reads lines until the input or ctx ends. Empty ones are passed over.
func scan(ctx context.Context, in io.Reader, to chan<- inputLine) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLineBytes)
	number := 0
	for lines.Scan() {
		number++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if !json.Valid(text) || text[0] != '{' {
			return fmt.Errorf("line %d: is not a JSON object; nothing after it was published", number)
		}
		select {
		case to <- inputLine{number, bytes.Clone(text)}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w; nothing after it was published", number+1, err)
	}
	return nil
}

// refusal is an event that the server did not take.
type refusal struct {
	number int
	err    error
}

// publish publishes events in one call, and prints those that are stored in their order.
func (c *publishCmd) publish(ctx context.Context, s *Streams, call []inputLine) (refused []refusal, err error) {
	events := make([]json.RawMessage, len(call))
	for i := range call {
		events[i] = call[i].text
	}
	var done struct {
		Results []struct {
			Event      json.RawMessage
			Duplicate  bool
			UserErrors client.UserErrors
		}
	}
	by, err := c.client()
	if err != nil {
		return nil, err
	}
	err = by.Mutate(ctx, `mutation ($input: PublishEventsInput!) {
		done: publishEvents(input: $input) { results { event { id type } duplicate userErrors { message field } } userErrors { message field } }
	}`, map[string]any{"events": events}, &done)
	if err != nil {
		return nil, err
	}
	if len(done.Results) != len(call) {
		return nil, fmt.Errorf("the server answered %d results for %d events", len(done.Results), len(call))
	}
	for i, event := range call {
		r := &done.Results[i]
		if err := r.UserErrors.Err(); err != nil {
			refused = append(refused, refusal{event.number, err})
			continue
		}
		err := c.object(s.Out, r.Event, func(w io.Writer) error {
			var event struct{ ID string }
			if err := json.Unmarshal(r.Event, &event); err != nil {
				return err
			}
			_, err := fmt.Fprintln(w, event.ID)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return refused, nil
}
