package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

type replayGetCmd struct{ oneReplay }

// Run shows a replay.
func (c *replayGetCmd) Run(ctx context.Context, s *Streams) error {
	var r replayRow
	raw, found, err := one(ctx, &c.connection, `query ($id: ID!) { done: replay(id: $id) { `+replayFields+` } }`, map[string]any{"id": c.ID}, &r)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no replay %s; hookgraph replay list shows them", c.ID)
	}
	return c.object(s.Out, raw, func(w io.Writer) error { return r.print(w) })
}

func (r *replayRow) print(w io.Writer) error {
	lines := []string{"replay " + r.ID, r.progress(), "created " + when(&r.CreatedAt) + " with " + r.flags()}
	if r.RatePerSecond != nil {
		lines = append(lines, fmt.Sprintf("at most %d a second", *r.RatePerSecond))
	}
	if r.Note != "" {
		lines = append(lines, "note "+r.Note)
	}
	if r.CompletedAt != nil {
		lines = append(lines, "ended "+when(r.CompletedAt))
	}
	if r.FailureReason != nil {
		lines = append(lines, "failed: "+*r.FailureReason)
	}
	for _, text := range lines {
		if _, err := fmt.Fprintln(w, Printable(text)); err != nil {
			return err
		}
	}
	return nil
}

// flags are the flags of replay create with which a replay has the same kind and filter. Conditions for which there is no flag follow, as the API has them.
func (r *replayRow) flags() string {
	all := []string{"--kind", r.Kind}
	since, without := "completedAt", "createdAt"
	if kind := webhook.ReplayKind(r.Kind); kind == webhook.ReplayMissing || kind == webhook.ReplayCancel {
		since, without = without, since
	}
	for _, field := range slices.Sorted(maps.Keys(r.Filter)) {
		raw, flag := r.Filter[field], flagOf[field]
		var texts []string
		switch {
		case field == since:
			all = append(all, times(raw)...)
		case field == "httpStatuses":
			all = append(all, ranges(raw)...)
		case flag != "" && field != without && field != "eventIds" && json.Unmarshal(raw, &texts) == nil:
			for _, one := range texts {
				all = append(all, flag, word(one))
			}
		default:
			all = append(all, field+"="+string(raw))
		}
	}
	return strings.Join(all, " ")
}

// times are the flags of a range of time.
func times(raw json.RawMessage) (flags []string) {
	var r struct{ From, To string }
	if json.Unmarshal(raw, &r) != nil {
		return nil
	}
	if r.From != "" {
		flags = append(flags, "--since", r.From)
	}
	if r.To != "" {
		flags = append(flags, "--until", r.To)
	}
	return flags
}

// ranges are the flags of ranges of HTTP statuses.
func ranges(raw json.RawMessage) (flags []string) {
	var all []struct{ From, To *int }
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	for _, r := range all {
		from, to := minStatus, maxStatus
		if r.From != nil {
			from = *r.From
		}
		if r.To != nil {
			to = *r.To
		}
		text := strconv.Itoa(from)
		if from != to {
			text += "-" + strconv.Itoa(to)
		}
		flags = append(flags, "--http-status", text)
	}
	return flags
}

// word is a value of a flag as a shell takes it.
func word(value string) string {
	if value != "" && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
