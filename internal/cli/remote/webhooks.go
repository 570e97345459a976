package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

type webhooksCmd struct {
	List    webhooksListCmd    `cmd:"" default:"withargs" help:"List webhooks, newest first. This is the default."`
	Get     webhooksGetCmd     `cmd:"" help:"Show a webhook and its health."`
	Create  webhooksCreateCmd  `cmd:"" help:"Create a webhook, and print its ID and its signing secret, which is not shown again."`
	Update  webhooksUpdateCmd  `cmd:"" help:"Change settings of a webhook; others stay as they are."`
	Enable  webhooksEnableCmd  `cmd:"" help:"Enable a webhook. Deliveries that it held become due."`
	Disable webhooksDisableCmd `cmd:"" help:"Disable a webhook. Its deliveries are held."`
	Delete  webhooksDeleteCmd  `cmd:"" help:"Delete a webhook."`
	Test    webhooksTestCmd    `cmd:"" help:"Send a test event to a webhook, and print the ID of its delivery."`
	Rotate  webhooksRotateCmd  `cmd:"" help:"Give a webhook a new signing secret, and print it. The old one also signs for a day."`
}

type webhookRow struct {
	ID, URL, Description string
	Events               []string
	Enabled              bool
	DisabledReason       *string
	Probe                bool
	NextProbeAt          *time.Time
	ProbeCount           int
	FailingSince         *time.Time
	CreatedAt, UpdatedAt time.Time
	ExternalID           *string
	Health               *struct {
		LastSuccessAt, LastFailureAt, DisablesAt *time.Time
		FailuresInARow                           int
		SuccessRate                              *float64
		P95Ms                                    *float64
		Backlog                                  struct{ Due, Held int }
	}
}

const webhookFields = `id url events enabled description externalId createdAt updatedAt disabledReason failingSince probe nextProbeAt probeCount`

// state is whether the webhook works, in a word.
func (h *webhookRow) state() string {
	switch {
	case !h.Enabled:
		return "disabled: " + or(h.DisabledReason, "unknown")
	case h.FailingSince != nil:
		return "failing since " + when(h.FailingSince)
	}
	return "enabled"
}

// types are the event types that it gets.
func (h *webhookRow) types() string {
	if h.Events == nil {
		return "*"
	}
	return strings.Join(h.Events, " ")
}

type webhooksListCmd struct {
	connection
	output
	limited
	Text     *string `placeholder:"TEXT" help:"Webhooks with this text in their URL, description or external ID."`
	Enabled  bool    `xor:"enabled" help:"Only enabled webhooks."`
	Disabled bool    `xor:"enabled" help:"Only disabled webhooks."`
	Failing  bool    `help:"Only webhooks that have failed since their last success."`
}

// Run lists webhooks.
func (c *webhooksListCmd) Run(ctx context.Context, s *Streams) error {
	filter := map[string]any{}
	if c.Text != nil {
		filter["text"] = *c.Text
	}
	if c.Enabled || c.Disabled {
		filter["enabled"] = c.Enabled
	}
	if c.Failing {
		filter["failing"] = true
	}
	l := listing{field: "webhooks", filter: "WebhookFilter", selection: webhookFields, header: "ID\tSTATE\tURL\tEVENTS\tDESCRIPTION"}
	return list(ctx, &c.connection, s, c.output, c.Limit, l, filter, func(h *webhookRow) []string {
		return []string{h.ID, h.state(), h.URL, h.types(), h.Description}
	})
}

// oneWebhook names a webhook.
type oneWebhook struct {
	connection
	output
	ID string `arg:"" help:"ID of the webhook."`
}

type webhooksGetCmd struct{ oneWebhook }

// Run shows a webhook.
func (c *webhooksGetCmd) Run(ctx context.Context, s *Streams) error {
	var h webhookRow
	raw, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: webhook(id: $id) { `+webhookFields+` filter metadata retryScheduleMs timeoutMs ratePerSecond ordering onFailure
		health { lastSuccessAt lastFailureAt failuresInARow successRate p95Ms disablesAt backlog { due held } } } }`, map[string]any{"id": c.ID}, &h)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no webhook %s", c.ID)
	}
	return c.object(s.Out, raw, func(w io.Writer) error { return h.print(w) })
}

func (h *webhookRow) print(w io.Writer) error {
	lines := []string{"webhook " + h.ID + ", " + h.state(), "url " + h.URL, "events " + h.types()}
	if h.Description != "" {
		lines = append(lines, "description "+h.Description)
	}
	if h.ExternalID != nil {
		lines = append(lines, "external ID "+*h.ExternalID)
	}
	switch {
	case h.NextProbeAt != nil:
		lines = append(lines, fmt.Sprintf("next probe %s, %d sent", when(h.NextProbeAt), h.ProbeCount))
	case h.Probe && !h.Enabled && h.ProbeCount > 0:
		lines = append(lines, fmt.Sprintf("no more probes, %d sent", h.ProbeCount))
	case h.Probe:
		lines = append(lines, "is probed if it is disabled because it fails")
	}
	if n := h.Health; n != nil {
		lines = append(lines, fmt.Sprintf("last success %s, last failure %s, %d failures in a row", when(n.LastSuccessAt), when(n.LastFailureAt), n.FailuresInARow))
		if n.SuccessRate != nil {
			lines = append(lines, fmt.Sprintf("%.2f %% of attempts succeeded", 100**n.SuccessRate))
		}
		if n.P95Ms != nil {
			lines = append(lines, fmt.Sprintf("95 %% of attempts took at most %.0f ms", *n.P95Ms))
		}
		lines = append(lines, fmt.Sprintf("%d deliveries are due, %d held", n.Backlog.Due, n.Backlog.Held))
		if n.DisablesAt != nil {
			lines = append(lines, "will be disabled at "+when(n.DisablesAt)+" if it goes on failing")
		}
	}
	for _, text := range lines {
		if _, err := fmt.Fprintln(w, Printable(text)); err != nil {
			return err
		}
	}
	return nil
}

// settings of a webhook, of which those that are given count.
type settings struct {
	Type        []string `placeholder:"TYPE" help:"An event type that the webhook gets, or a pattern such as humanization.*; all means all published types. The default of a new webhook is all."`
	Description *string  `help:"A description for people."`
	ExternalID  *string  `name:"external-id" placeholder:"ID" help:"Your own ID of the webhook, unique in the tenant. Creating one with the external ID of another changes that."`
	Filter      *string  `placeholder:"JSON" help:"A filter of events, see docs/filters.md; null removes it."`
	Rate        *int     `placeholder:"N" help:"Deliveries a second at most."`
	Probe       *bool    `negatable:"" help:"Probe the webhook while it is disabled because it failed, and enable it when it answers."`
}

// input adds the settings to the input of a mutation.
func (c *settings) input(input map[string]any) (map[string]any, error) {
	if len(c.Type) == 1 && c.Type[0] == "all" {
		input["events"] = nil
	} else if len(c.Type) > 0 {
		input["events"] = c.Type
	}
	if c.Description != nil {
		input["description"] = *c.Description
	}
	if c.ExternalID != nil {
		input["externalId"] = *c.ExternalID
	}
	if c.Rate != nil {
		input["ratePerSecond"] = *c.Rate
	}
	if c.Probe != nil {
		input["probe"] = *c.Probe
	}
	if c.Filter != nil {
		if !json.Valid([]byte(*c.Filter)) {
			return nil, errors.New("--filter: is not JSON")
		}
		input["filter"] = json.RawMessage(*c.Filter)
	}
	return input, nil
}

type webhooksCreateCmd struct {
	connection
	output
	settings
	URL      string `arg:"" name:"webhook-url" help:"Where requests are sent: an https:// URL."`
	Disabled bool   `help:"Create it disabled."`
}

// Run creates a webhook.
func (c *webhooksCreateCmd) Run(ctx context.Context, s *Streams) error {
	input, err := c.input(map[string]any{"url": c.URL, "enabled": !c.Disabled})
	if err != nil {
		return err
	}
	var done struct {
		Webhook webhookRow
		Secret  *string
	}
	raw, err := c.change(ctx, `mutation ($input: CreateWebhookInput!) {
		done: createWebhook(input: $input) { webhook { `+webhookFields+` } secret created userErrors { message field } }
	}`, input, &done)
	if err != nil {
		return err
	}
	return c.object(s.Out, raw, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s\n", done.Webhook.ID, or(done.Secret, "its secret stays as it is"))
		return err
	})
}

// change runs a mutation, and returns what it answers besides reading it into into.
func (r *connection) change(ctx context.Context, query string, input, into any) (raw json.RawMessage, err error) {
	if err := r.mutate(ctx, query, input, &raw); err != nil {
		return nil, err
	}
	return raw, json.Unmarshal(raw, into)
}

// update changes the webhook, and prints what it is then.
func (c *oneWebhook) update(ctx context.Context, s *Streams, input map[string]any) error {
	input["id"] = c.ID
	var done struct{ Webhook webhookRow }
	raw, err := c.change(ctx, `mutation ($input: UpdateWebhookInput!) { done: updateWebhook(input: $input) { webhook { `+webhookFields+` } userErrors { message field } } }`, input, &done)
	if err != nil {
		return err
	}
	return c.object(s.Out, raw, func(w io.Writer) error { return done.Webhook.print(w) })
}

type webhooksUpdateCmd struct {
	oneWebhook
	settings
	NewURL *string `placeholder:"URL" help:"Where requests are sent from now on."`
}

// Run changes a webhook.
func (c *webhooksUpdateCmd) Run(ctx context.Context, s *Streams) error {
	input, err := c.input(map[string]any{})
	if err != nil {
		return err
	}
	if c.NewURL != nil {
		input["url"] = *c.NewURL
	}
	if len(input) == 0 {
		return errors.New("nothing to change: give a setting, see hookgraph help webhooks update")
	}
	return c.update(ctx, s, input)
}

type webhooksEnableCmd struct{ oneWebhook }

// Run enables a webhook.
func (c *webhooksEnableCmd) Run(ctx context.Context, s *Streams) error {
	return c.update(ctx, s, map[string]any{"enabled": true})
}

type webhooksDisableCmd struct{ oneWebhook }

// Run disables a webhook.
func (c *webhooksDisableCmd) Run(ctx context.Context, s *Streams) error {
	return c.update(ctx, s, map[string]any{"enabled": false})
}

// print runs a mutation of the webhook, and prints a text of its answer.
func (c *oneWebhook) print(ctx context.Context, s *Streams, query string, into any, text func() string) error {
	raw, err := c.change(ctx, query, map[string]any{"id": c.ID}, into)
	if err != nil {
		return err
	}
	return c.object(s.Out, raw, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, text())
		return err
	})
}

type webhooksDeleteCmd struct{ oneWebhook }

// Run deletes a webhook.
func (c *webhooksDeleteCmd) Run(ctx context.Context, s *Streams) error {
	var done struct{}
	return c.print(ctx, s, `mutation ($input: DeleteWebhookInput!) { done: deleteWebhook(input: $input) { userErrors { message field } } }`, &done, func() string { return c.ID + " is deleted" })
}

type webhooksTestCmd struct{ oneWebhook }

// Run tests a webhook.
func (c *webhooksTestCmd) Run(ctx context.Context, s *Streams) error {
	var done struct{ Delivery struct{ ID string } }
	return c.print(ctx, s, `mutation ($input: TestWebhookInput!) { done: testWebhook(input: $input) { delivery { id } userErrors { message field } } }`, &done, func() string { return done.Delivery.ID })
}

type webhooksRotateCmd struct{ oneWebhook }

// Run rotates the secret of a webhook.
func (c *webhooksRotateCmd) Run(ctx context.Context, s *Streams) error {
	var done struct{ Secret string }
	return c.print(ctx, s, `mutation ($input: RotateWebhookSecretInput!) { done: rotateWebhookSecret(input: $input) { secret userErrors { message field } } }`, &done, func() string { return done.Secret })
}
