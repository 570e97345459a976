package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

type deliveriesCmd struct {
	List   deliveriesListCmd   `cmd:"" default:"withargs" help:"List deliveries, newest first. This is the default."`
	Get    deliveriesGetCmd    `cmd:"" help:"Show a delivery, its attempts, and why they failed."`
	Retry  deliveriesRetryCmd  `cmd:"" help:"Make deliveries due now, whatever their status."`
	Cancel deliveriesCancelCmd `cmd:"" help:"Cancel deliveries that wait."`
}

type deliveryRow struct {
	ID, Status            string
	WebhookID, WebhookURL string
	AttemptCount          int
	CreatedAt             time.Time
	CompletedAt           *time.Time
	NextAttemptAt         *time.Time
	FailureReason         *string
	Event                 *struct{ ID, Type string }
	LastAttempt           *attemptRow
	Attempts              *struct{ Nodes []attemptRow }
}

type attemptRow struct {
	Number, DurationMs int
	Status, Trigger    string
	Error, Message     *string
	StartedAt          time.Time
	Response           *struct {
		Status int
		Body   string
	}
	Explanation *struct{ Summary, Cause, Advice string }
}

const deliveryFields = `id status webhookId webhookUrl attemptCount createdAt completedAt nextAttemptAt failureReason event { id type }
	lastAttempt { number status error message startedAt durationMs response { status } }`

const deliveryHeader = "ID\tSTATUS\tATTEMPTS\tLAST\tTYPE\tCREATED\tNEXT\tWEBHOOK"

// result is how the attempt ended, in a word: an HTTP status or an error code.
func (a *attemptRow) result() string {
	switch {
	case a == nil:
		return "-"
	case a.Response != nil:
		return strconv.Itoa(a.Response.Status)
	default:
		return or(a.Error, a.Status)
	}
}

func (d *deliveryRow) cells() []string {
	eventType := "-"
	if d.Event != nil {
		eventType = d.Event.Type
	}
	return []string{d.ID, d.Status, strconv.Itoa(d.AttemptCount), d.LastAttempt.result(), eventType, when(&d.CreatedAt), when(d.NextAttemptAt), d.WebhookURL}
}

// deliveryTable prints deliveries.
func deliveryTable(to io.Writer, all []deliveryRow) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, deliveryHeader)
	for i := range all {
		_ = line(w, all[i].cells())
	}
	return w.Flush()
}

type deliveriesListCmd struct {
	connection
	output
	limited
	during
	conditions
	Event  []string `placeholder:"ID" help:"Deliveries of one of these events."`
	Status []string `placeholder:"STATUS" help:"Deliveries in one of these states: PENDING, HELD, SUCCEEDED, FAILED, CANCELED."`
}

// Run lists deliveries.
func (c *deliveriesListCmd) Run(ctx context.Context, s *Streams) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	statuses, err := enums("--status", c.Status, webhook.DeliveryStatuses)
	if err != nil {
		return err
	}
	given(filter, map[string][]string{"eventIds": c.Event, "statuses": statuses})
	c.in(filter, "createdAt")
	l := listing{field: "deliveries", filter: "DeliveryFilter", selection: deliveryFields, header: deliveryHeader}
	return list(ctx, &c.connection, s, c.output, c.Limit, l, filter, (*deliveryRow).cells)
}

type deliveriesGetCmd struct {
	connection
	output
	ID string `arg:"" help:"ID of the delivery."`
}

// Run shows a delivery.
func (c *deliveriesGetCmd) Run(ctx context.Context, s *Streams) error {
	var d deliveryRow
	raw, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: delivery(id: $id) { `+deliveryFields+` attempts(last: 20) { nodes {
		id number status error message trigger startedAt durationMs explanation { summary cause advice } response { status body truncated }
	} } } }`, map[string]any{"id": c.ID}, &d)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no delivery %s", c.ID)
	}
	return c.object(s.Out, raw, func(w io.Writer) error { return d.print(w) })
}

// print prints a delivery with its attempts, and why the last one failed.
func (d *deliveryRow) print(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "delivery %s, %s\n", d.ID, d.Status)
	if d.FailureReason != nil {
		_, _ = fmt.Fprintf(w, "failed because of %s\n", *d.FailureReason)
	}
	if d.Event != nil {
		_, _ = fmt.Fprintf(w, "event %s, %s\n", d.Event.ID, Printable(d.Event.Type))
	}
	_, _ = fmt.Fprintf(w, "webhook %s, %s\n", d.WebhookID, Printable(d.WebhookURL))
	_, _ = fmt.Fprintf(w, "created %s, completed %s, next attempt %s\n\n", when(&d.CreatedAt), when(d.CompletedAt), when(d.NextAttemptAt))
	if d.Attempts == nil || len(d.Attempts.Nodes) == 0 {
		_, err := fmt.Fprintln(w, "no attempt has been made")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ATTEMPT\tSTATUS\tRESULT\tTRIGGER\tSTARTED\tTOOK\tMESSAGE")
	for i := range d.Attempts.Nodes {
		a := &d.Attempts.Nodes[i]
		_ = line(t, []string{strconv.Itoa(a.Number), a.Status, a.result(), a.Trigger, when(&a.StartedAt), (time.Duration(a.DurationMs) * time.Millisecond).String(), or(a.Message, "")})
	}
	if err := t.Flush(); err != nil {
		return err
	}
	last := d.Attempts.Nodes[len(d.Attempts.Nodes)-1]
	if last.Response != nil && last.Response.Body != "" {
		_, _ = fmt.Fprintf(w, "\nthe last answer: %s\n", Printable(last.Response.Body))
	}
	if e := last.Explanation; e != nil {
		_, _ = fmt.Fprintf(w, "\n%s\n%s\n%s\n", Printable(e.Summary), Printable(e.Cause), Printable(e.Advice))
	}
	return nil
}

// each does something to each of some deliveries, and prints what they are then.
func (c *someDeliveries) each(ctx context.Context, s *Streams, mutation, input string) error {
	var bad []error
	for _, id := range c.ID {
		var done struct{ Delivery json.RawMessage }
		err := c.mutate(ctx, fmt.Sprintf(`mutation ($input: %s!) { done: %s(input: $input) { delivery { id status nextAttemptAt } userErrors { message field } } }`, input, mutation),
			map[string]any{"id": id}, &done)
		if err == nil {
			err = c.object(s.Out, done.Delivery, func(w io.Writer) error {
				var d deliveryRow
				if err := json.Unmarshal(done.Delivery, &d); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "%s  %s\n", d.ID, d.Status)
				return err
			})
		}
		if told := (*told)(nil); err != nil && !errors.As(err, &told) { // which names the ID
			err = fmt.Errorf("%s: %w", id, err)
		}
		if err != nil {
			bad = append(bad, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(bad...)
}

// someDeliveries names deliveries.
type someDeliveries struct {
	connection
	output
	ID []string `arg:"" help:"IDs of the deliveries."`
}

type deliveriesRetryCmd struct{ someDeliveries }

// Run retries deliveries.
func (c *deliveriesRetryCmd) Run(ctx context.Context, s *Streams) error {
	return c.each(ctx, s, "retryDelivery", "RetryDeliveryInput")
}

type deliveriesCancelCmd struct{ someDeliveries }

// Run cancels deliveries.
func (c *deliveriesCancelCmd) Run(ctx context.Context, s *Streams) error {
	return c.each(ctx, s, "cancelDelivery", "CancelDeliveryInput")
}

// indented returns a field of an object as indented JSON.
func indented(object json.RawMessage, field string) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return "", err
	}
	var out bytes.Buffer
	err := json.Indent(&out, fields[field], "", "  ")
	return out.String(), err
}
