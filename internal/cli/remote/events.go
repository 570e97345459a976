package remote

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

type eventsCmd struct {
	List eventsListCmd `cmd:"" default:"withargs" help:"List events, newest first. This is the default."`
	Get  eventsGetCmd  `cmd:"" help:"Show an event and its deliveries."`
}

type eventRow struct {
	ID, Type       string
	CreatedAt      time.Time
	Tags           []string
	IdempotencyKey *string
	Traceparent    *string
	Data           any
	Deliveries     *struct{ Nodes []deliveryRow }
}

const eventFields = `id type createdAt timestamp tags idempotencyKey orderingKey deliverAt expiresAt traceparent test`

type eventsListCmd struct {
	connection
	output
	limited
	during
	Type []string `placeholder:"TYPE" help:"Events of one of these types; humanization.* means all that begin with humanization."`
	Tag  []string `placeholder:"TAG" help:"Events with one of these tags."`
	Key  string   `help:"The event with this idempotency key."`
}

// Run lists events.
func (c *eventsListCmd) Run(ctx context.Context, s *Streams) error {
	filter := given(map[string]any{}, map[string][]string{"types": c.Type, "tags": c.Tag})
	if c.Key != "" {
		filter["idempotencyKey"] = c.Key
	}
	c.in(filter, "createdAt")
	l := listing{field: "events", filter: "EventFilter", selection: eventFields, header: "ID\tTYPE\tCREATED\tKEY\tTAGS"}
	return list(ctx, &c.connection, s, c.output, c.Limit, l, filter, func(e *eventRow) []string {
		return []string{e.ID, e.Type, when(&e.CreatedAt), or(e.IdempotencyKey, "-"), strings.Join(e.Tags, " ")}
	})
}

type eventsGetCmd struct {
	connection
	output
	ID string `arg:"" help:"ID of the event."`
}

// Run shows an event.
func (c *eventsGetCmd) Run(ctx context.Context, s *Streams) error {
	var e eventRow
	raw, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: event(id: $id) {
		`+eventFields+` data deliveries(first: 100) { nodes { `+deliveryFields+` } pageInfo { hasNextPage } }
	} }`, map[string]any{"id": c.ID}, &e)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no event %s", c.ID)
	}
	return c.object(s.Out, raw, func(w io.Writer) error {
		data, err := indented(raw, "data")
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, "event %s, %s, created %s\n", e.ID, Printable(e.Type), when(&e.CreatedAt))
		if e.IdempotencyKey != nil {
			_, _ = fmt.Fprintf(w, "key %s\n", Printable(*e.IdempotencyKey))
		}
		if e.Traceparent != nil {
			_, _ = fmt.Fprintf(w, "traceparent %s\n", Printable(*e.Traceparent))
		}
		if len(e.Tags) > 0 {
			_, _ = fmt.Fprintf(w, "tags %s\n", Printable(strings.Join(e.Tags, " ")))
		}
		_, _ = fmt.Fprintf(w, "data %s\n\n", printableLines(data))
		if e.Deliveries == nil {
			return nil
		}
		return deliveryTable(w, e.Deliveries.Nodes)
	})
}
