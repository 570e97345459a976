package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

type tailCmd struct {
	connection
	output
	Webhook []string `placeholder:"ID" help:"Attempts of one of these webhooks."`
	Type    []string `placeholder:"TYPE" help:"Attempts of events of one of these types; humanization.* means all that begin with humanization."`
	Failed  bool     `help:"Only attempts that failed."`
	Since   bound    `placeholder:"WHEN" help:"Begin with the attempts from then on, as far back as they are kept: 90m or 7d ago, or a time. The default is now."`
}

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
	filter := given(map[string]any{}, map[string][]string{"webhookIds": c.Webhook, "eventTypes": c.Type})
	if c.Failed {
		filter["statuses"] = []string{"FAILED"}
	}
	stream := &attempts{from: from, query: tailQuery, filter: filter, since: string(c.Since), told: s.Err}
	err = stream.each(ctx, func(_ context.Context, raw json.RawMessage, _ string) error {
		if err := c.show(s.Out, raw); err != nil {
			return &unwritten{err}
		}
		return nil
	})
	return flagged(err, map[string]any{"filter": filter})
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
			Printable(eventType), delivery, Printable(url), Printable(or(a.Message, "")))
		return err
	})
}
