package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/hookgraph/hookgraph/internal/client"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

type replayCmd struct {
	Preview replayPreviewCmd `cmd:"" help:"Tell what a replay would send, and send nothing."`
	Create  replayCreateCmd  `cmd:"" help:"Create a replay and print its ID. With --kind CANCEL it cancels deliveries that wait."`
	List    replayListCmd    `cmd:"" help:"List replays, newest first."`
	Get     replayGetCmd     `cmd:"" help:"Show a replay, and the flags with which another one has the same filter."`
	Watch   replayWatchCmd   `cmd:"" help:"Print the progress of a replay until it has ended."`
	Pause   replayPauseCmd   `cmd:"" help:"Pause a replay. What it has not sent is what it was before."`
	Resume  replayResumeCmd  `cmd:"" help:"Resume a replay."`
	Rate    replayRateCmd    `cmd:"" help:"Change the rate of a replay."`
	Cancel  replayCancelCmd  `cmd:"" help:"Cancel a replay. What it has not sent becomes what it was before."`
}

// selection says which deliveries a replay is about.
type selection struct {
	conditions
	Kind     string   `default:"FAILED" enum:"FAILED,ALL,MISSING,CANCEL" help:"Which deliveries: FAILED; ALL that are completed; MISSING, those that the one --webhook never had; CANCEL, those that wait, which are canceled."`
	Status   []string `placeholder:"STATUS" help:"Deliveries in one of these states, of those of the kind."`
	Delivery []string `placeholder:"ID" help:"These deliveries."`
	Since    bound    `placeholder:"WHEN" help:"Deliveries that were completed then or later: 90m or 7d ago, or a time such as 2026-04-23T14:00:00Z; of the kinds MISSING and CANCEL, that were published or created."`
	Until    bound    `placeholder:"WHEN" help:"Deliveries that were completed before that; of the kinds MISSING and CANCEL, that were published or created."`
}

// filter is the selection as the API has it.
func (s *selection) filter() (map[string]any, error) {
	f, err := s.conditions.filter()
	if err != nil {
		return nil, err
	}
	statuses, err := enums("--status", s.Status, webhook.DeliveryStatuses)
	if err != nil {
		return nil, err
	}
	given(f, map[string][]string{"statuses": statuses, "deliveryIds": s.Delivery})
	field := "completedAt"
	if kind := webhook.ReplayKind(s.Kind); kind == webhook.ReplayMissing || kind == webhook.ReplayCancel {
		field = "createdAt"
	}
	(&during{s.Since, s.Until}).in(f, field)
	return f, nil
}

// replayInput is what preview and create have in common.
type replayInput struct {
	connection
	output
	selection
	Rate *int `placeholder:"N" help:"Deliveries a second at most. The default is as fast as receivers take them."`
}

func (in *replayInput) input() (map[string]any, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	input := map[string]any{"kind": in.Kind, "filter": f}
	if in.Rate != nil {
		input["ratePerSecond"] = *in.Rate
	}
	return input, nil
}

type replayPreviewCmd struct{ replayInput }

// Run prints how many deliveries there are, and to which webhooks.
func (c *replayPreviewCmd) Run(ctx context.Context, s *Streams) error {
	input, err := c.input()
	if err != nil {
		return err
	}
	const query = `query ($input: ReplayInput!) { done: replayPreview(input: $input) {
		deliveries { count precision } byWebhook { webhookId count webhook { url } } estimatedDurationMs userErrors { message field }
	} }`
	var p replayPreview
	raw, found, err := one(ctx, &c.connection, query, map[string]any{"input": input}, &p)
	if err == nil && !found {
		err = errNoAnswer
	}
	if err == nil {
		err = flagged(p.UserErrors.Err(), map[string]any{"input": input})
	}
	if err != nil {
		return err
	}
	return c.object(s.Out, raw, p.print)
}

// replayPreview is what a replay would send, as the API has it.
type replayPreview struct {
	Deliveries struct {
		Count     int
		Precision string
	}
	ByWebhook []struct {
		WebhookID string
		Count     int
		Webhook   *struct{ URL string }
	}
	EstimatedDurationMs *int64
	UserErrors          client.UserErrors
}

func (p *replayPreview) print(to io.Writer) error {
	more := ""
	if p.Deliveries.Precision != "EXACT" {
		more = " or more"
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "%d%s deliveries", p.Deliveries.Count, more)
	if p.EstimatedDurationMs != nil {
		_, _ = fmt.Fprintf(w, ", which take %s", time.Duration(*p.EstimatedDurationMs)*time.Millisecond)
	}
	_, _ = fmt.Fprintln(w)
	for _, one := range p.ByWebhook {
		url := "(deleted)"
		if one.Webhook != nil {
			url = one.Webhook.URL
		}
		_ = line(w, []string{strconv.Itoa(one.Count), one.WebhookID, url})
	}
	return w.Flush()
}

type replayCreateCmd struct {
	replayInput
	Note string `help:"A note for people."`
	Key  string `help:"Idempotency key: the same key with the same flags is the same replay."`
}

// Run creates a replay and prints only its id, for scripts.
func (c *replayCreateCmd) Run(ctx context.Context, s *Streams) error {
	input, err := c.input()
	if err != nil {
		return err
	}
	input["note"] = c.Note
	if c.Key != "" {
		input["idempotencyKey"] = c.Key
	}
	const answer = `{ replay { ` + replayFields + ` } userErrors { message field } }`
	query := `mutation ($input: ReplayInput!) { done: replayDeliveries(input: $input) ` + answer + ` }`
	if webhook.ReplayKind(c.Kind) == webhook.ReplayCancel {
		if c.Rate != nil {
			return errors.New("--rate: has no effect on --kind CANCEL, which sends nothing; leave it out")
		}
		delete(input, "kind")
		query = `mutation ($input: CancelDeliveriesInput!) { done: cancelDeliveries(input: $input) ` + answer + ` }`
	}
	var done struct{ Replay json.RawMessage }
	if err := c.mutate(ctx, query, input, &done); err != nil {
		return err
	}
	return c.show(s.Out, done.Replay, func(r *replayRow) string { return r.ID })
}

// replayRow is a replay as the API has it.
type replayRow struct {
	ID, Kind, Status, Note                       string
	Filter                                       map[string]json.RawMessage
	FailureReason                                *string
	RatePerSecond, Total                         *int
	Matched, Started, Succeeded, Failed, Skipped int
	CreatedAt                                    time.Time
	CompletedAt, EstimatedCompletionAt           *time.Time
}

const replayFields = `id kind filter status note failureReason ratePerSecond total matched started succeeded failed skipped createdAt completedAt estimatedCompletionAt`

// show prints a replay: as JSON, or by text.
func (o output) show(to io.Writer, raw json.RawMessage, text func(*replayRow) string) error {
	return o.object(to, raw, func(w io.Writer) error {
		var r replayRow
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w, Printable(text(&r)))
		return err
	})
}

type replayListCmd struct {
	connection
	output
	limited
}

// Run lists replays.
func (c *replayListCmd) Run(ctx context.Context, s *Streams) error {
	l := listing{field: "replays", selection: replayFields, header: "ID\tKIND\tSTATUS\tRATE\tTOTAL\tSENT\tSUCCEEDED\tFAILED\tSKIPPED\tCREATED\tNOTE"}
	return list(ctx, &c.connection, s, c.output, c.Limit, l, nil, func(r *replayRow) []string {
		return []string{
			r.ID, r.Kind, r.Status, known(r.RatePerSecond), known(r.Total), strconv.Itoa(r.Started), strconv.Itoa(r.Succeeded), strconv.Itoa(r.Failed),
			strconv.Itoa(r.Skipped), when(&r.CreatedAt), strconv.Quote(r.Note),
		}
	})
}

// known formats a number; nil is "-".
func known(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

// oneReplay names a replay.
type oneReplay struct {
	connection
	output
	ID string `arg:"" help:"ID of the replay, as shown by replay list."`
}

// watchPause is how often watch asks for the replay.
const watchPause = time.Second

type replayWatchCmd struct{ oneReplay }

// Run prints a line for each change until the replay has ended, also while the server is restarted.
func (c *replayWatchCmd) Run(ctx context.Context, s *Streams) error {
	last, pause := "", watchPause
	for {
		var r replayRow
		raw, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: replay(id: $id) { `+replayFields+` } }`, map[string]any{"id": c.ID}, &r)
		switch {
		case err != nil && (last == "" || ctx.Err() != nil || final(err)): // the first time, the address or the token may be wrong
			return err
		case err != nil:
			_, _ = fmt.Fprintf(s.Err, "the server does not answer, and is asked again in %v: %s\n", pause, Printable(err.Error()))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			pause = min(2*pause, lastPause)
			continue
		case !found:
			return fmt.Errorf("the replay %s does not exist; hookgraph replay list shows them", c.ID)
		}
		pause = watchPause
		if line := r.progress(); line != last {
			last = line
			if err := c.show(s.Out, raw, (*replayRow).progress); err != nil {
				return err
			}
		}
		switch {
		case r.CompletedAt != nil && r.FailureReason != nil:
			return errors.New("the replay failed: " + *r.FailureReason)
		case r.CompletedAt != nil:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchPause):
		}
	}
}

func (r *replayRow) progress() string {
	does := "sent"
	if webhook.ReplayKind(r.Kind) == webhook.ReplayCancel {
		does = "canceled"
	}
	line := fmt.Sprintf("%s: %d %s", r.Status, r.Started, does)
	if r.Total != nil {
		line += fmt.Sprintf(" of %d", *r.Total)
	}
	if does == "sent" {
		line += fmt.Sprintf(", %d succeeded, %d failed", r.Succeeded, r.Failed)
	}
	line += fmt.Sprintf(", %d skipped", r.Skipped)
	if r.CompletedAt != nil && r.Total != nil && *r.Total > r.Started+r.Skipped { // it was canceled, or has failed
		line += fmt.Sprintf(", %d not %s", *r.Total-r.Started-r.Skipped, does)
	}
	if r.EstimatedCompletionAt != nil {
		line += ", until " + when(r.EstimatedCompletionAt)
	}
	return line
}

// change changes a replay and prints what it is then.
func (c *oneReplay) change(ctx context.Context, s *Streams, mutation, input string, settings map[string]any) error {
	settings["id"] = c.ID
	var done struct{ Replay json.RawMessage }
	query := `mutation ($input: ` + input + `!) { done: ` + mutation + `(input: $input) { replay { ` + replayFields + ` } userErrors { message field } } }`
	if err := c.mutate(ctx, query, settings, &done); err != nil {
		return err
	}
	return c.show(s.Out, done.Replay, (*replayRow).progress)
}

func (c *oneReplay) update(ctx context.Context, s *Streams, settings map[string]any) error {
	return c.change(ctx, s, "updateReplay", "UpdateReplayInput", settings)
}

type replayPauseCmd struct{ oneReplay }

// Run pauses a replay.
func (c *replayPauseCmd) Run(ctx context.Context, s *Streams) error {
	return c.update(ctx, s, map[string]any{"paused": true})
}

type replayResumeCmd struct{ oneReplay }

// Run resumes a replay.
func (c *replayResumeCmd) Run(ctx context.Context, s *Streams) error {
	return c.update(ctx, s, map[string]any{"paused": false})
}

type replayRateCmd struct {
	oneReplay
	Rate string `arg:"" help:"Deliveries a second at most, or none: as fast as receivers take them."`
}

// Run changes the rate of a replay.
func (c *replayRateCmd) Run(ctx context.Context, s *Streams) error {
	var rate any
	if c.Rate != "none" {
		n, err := strconv.Atoi(c.Rate)
		if err != nil {
			return fmt.Errorf("RATE: %q is not a rate: give a number of deliveries a second, or none", c.Rate)
		}
		rate = n
	}
	return c.update(ctx, s, map[string]any{"ratePerSecond": rate})
}

type replayCancelCmd struct{ oneReplay }

// Run cancels a replay.
func (c *replayCancelCmd) Run(ctx context.Context, s *Streams) error {
	return c.change(ctx, s, "cancelReplay", "CancelReplayInput", map[string]any{})
}
