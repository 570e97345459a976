// Package replay sends deliveries again, in steps: each is one transaction that moves the job on and makes deliveries due, so that every
// one is made due once, whatever ends the process. It has the statements; the store reads the deliveries and runs the transactions.
package replay

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Input says what is sent again, and how.
type Input struct {
	Kind           webhook.ReplayKind
	Filter         list.DeliveryFilter
	RatePerSecond  *int // nil: as fast as deliveries are sent
	Note           string
	IdempotencyKey *string // nil: none
}

// Check refuses what breaks a rule. The error joins an *Invalid for each.
func (in *Input) Check() error {
	errs := []error{
		in.checkRate(), webhook.CheckReplayNote(in.Note), webhook.CheckReplayKey(in.IdempotencyKey),
		in.Filter.Check(),
	}
	for i, s := range in.Filter.Statuses {
		if in.Kind != webhook.ReplayMissing && !slices.Contains(statuses(in.Kind), s) {
			errs = append(errs, &webhook.Invalid{
				Field: fmt.Sprintf("filter.statuses.%d", i), Code: webhook.CodeInvalid,
				Message: fmt.Sprintf("must be a status that kind %s includes: %s", in.Kind, statusNames(in.Kind)),
			})
		}
	}
	f := &in.Filter
	switch in.Kind {
	case webhook.ReplayFailed, webhook.ReplayAll:
	case webhook.ReplayMissing:
		if len(f.WebhookIDs) != 1 {
			errs = append(errs, &webhook.Invalid{Field: "filter.webhookIds", Code: webhook.CodeRequired, Message: "must have exactly one element: the webhook whose missing deliveries the replay creates"})
		}
		for field, given := range map[string]bool{
			"deliveryIds": len(f.DeliveryIDs) > 0, "statuses": len(f.Statuses) > 0, "errors": len(f.Errors) > 0, "httpStatuses": len(f.HTTPStatuses) > 0,
			"replayIds": len(f.ReplayIDs) > 0, "completedAt": f.CompletedAt != list.TimeRange{},
		} {
			if given {
				errs = append(errs, &webhook.Invalid{Field: "filter." + field, Code: webhook.CodeInvalid, Message: "is a condition on deliveries, and those of kind MISSING do not exist yet; leave it out"})
			}
		}
	case webhook.ReplayCancel:
		if f.CompletedAt != (list.TimeRange{}) {
			errs = append(errs, &webhook.Invalid{Field: "filter.completedAt", Code: webhook.CodeInvalid, Message: "has no effect on kind CANCEL, because completed deliveries cannot be canceled; leave it out"})
		}
	default:
		errs = append(errs, &webhook.Invalid{Field: "kind", Code: webhook.CodeInvalid, Message: "must be FAILED, ALL, MISSING or CANCEL"})
	}
	return errors.Join(errs...)
}

// checkRate refuses a rate that is out of bounds, or that has no effect.
func (in *Input) checkRate() error {
	if in.RatePerSecond != nil && in.Kind == webhook.ReplayCancel {
		return webhook.NoReplayRate()
	}
	return webhook.CheckReplayRate(in.RatePerSecond)
}

// statuses are those of the deliveries that a kind is about.
func statuses(kind webhook.ReplayKind) []webhook.DeliveryStatus {
	switch kind {
	case webhook.ReplayFailed:
		return []webhook.DeliveryStatus{webhook.DeliveryFailed}
	case webhook.ReplayCancel:
		return []webhook.DeliveryStatus{webhook.Pending, webhook.Held}
	default:
		return []webhook.DeliveryStatus{webhook.DeliveryFailed, webhook.DeliverySucceeded, webhook.Canceled}
	}
}

func statusNames(kind webhook.ReplayKind) string {
	var names []string
	for _, s := range statuses(kind) {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Deliveries is the filter of what the input means at a time: of what had been completed then, so that what a replay sends, and what
// fails meanwhile, is not sent again; or, of a kind that cancels, of what waits.
func (in *Input) Deliveries(at time.Time) list.DeliveryFilter {
	f := in.Filter
	if len(f.Statuses) == 0 {
		f.Statuses = statuses(in.Kind)
	}
	if in.Kind == webhook.ReplayCancel {
		return f
	}
	if end := at.Add(time.Microsecond); f.CompletedAt.To == nil || f.CompletedAt.To.After(end) {
		f.CompletedAt.To = &end
	}
	return f
}

// Missing is the filter of the events that the webhook would get, has no delivery of, and that will be kept for a while: which were published at
// or after kept.
func (in *Input) Missing(to *dialect.Target, kept time.Time) list.EventFilter {
	f := list.EventFilter{
		IDs: in.Filter.EventIDs, Types: in.Filter.EventTypes, Tags: in.Filter.Tags, Data: in.Filter.Data, CreatedAt: in.Filter.CreatedAt,
		Missing: &list.Subscription{Webhook: to.ID, Events: to.Events, Filter: to.Filter},
	}
	if !kept.IsZero() && (f.CreatedAt.From == nil || f.CreatedAt.From.Before(kept)) {
		f.CreatedAt.From = &kept
	}
	return f
}

// Replay is a new replay of the tenant, without what the transaction that stores it knows.
func (in *Input) Replay(tenant webhook.ID) (*webhook.Replay, error) {
	filter, err := json.Marshal(in.Filter)
	if err != nil {
		return nil, fmt.Errorf("write a replay's filter: %w", err)
	}
	all, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("write a replay's input: %w", err)
	}
	hash := sha256.Sum256(all)
	r := &webhook.Replay{
		TenantID: tenant, Kind: in.Kind, Filter: string(filter), Note: in.Note, RatePerSecond: in.RatePerSecond, Status: webhook.ReplayQueued, InputHash: hash[:],
		IdempotencyKey: in.IdempotencyKey,
	}
	return r, nil
}

// InputOf is what a stored replay was asked for.
func InputOf(r *webhook.Replay) (*Input, error) {
	in := &Input{Kind: r.Kind}
	if err := json.Unmarshal([]byte(r.Filter), &in.Filter); err != nil {
		return nil, fmt.Errorf("read the filter of replay %s: %w", r.ID, err)
	}
	return in, nil
}
