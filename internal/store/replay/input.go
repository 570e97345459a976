// Package replay sends deliveries again, in steps: each is one transaction that moves the job on and makes deliveries due, so that every
// one is made due once, whatever ends the process. It has the statements; the store reads the deliveries and runs the transactions.
package replay

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Input says what is sent again, and how.
type Input struct {
	Kind           webhook.ReplayKind
	Filter         list.DeliveryFilter
	RatePerSecond  *int // nil: as fast as deliveries are sent
	Note           string
	IdempotencyKey string // "": none
}

// Check refuses what breaks a rule. The error joins an *Invalid for each.
func (in *Input) Check() error {
	errs := []error{
		webhook.CheckReplayRate(in.RatePerSecond), webhook.CheckReplayNote(in.Note), webhook.CheckReplayKey(in.IdempotencyKey),
	}
	for i, s := range in.Filter.Statuses {
		if !slices.Contains(statuses(in.Kind), s) {
			errs = append(errs, &webhook.Invalid{
				Field: fmt.Sprintf("filter.statuses.%d", i), Code: webhook.CodeInvalid,
				Message: fmt.Sprintf("must be one of %v, which a replay of kind %s sends again", statuses(in.Kind), in.Kind),
			})
		}
	}
	return errors.Join(errs...)
}

// statuses are those of the deliveries that a kind of replay sends.
func statuses(kind webhook.ReplayKind) []webhook.DeliveryStatus {
	if kind == webhook.ReplayFailed {
		return []webhook.DeliveryStatus{webhook.DeliveryFailed}
	}
	return []webhook.DeliveryStatus{webhook.DeliveryFailed, webhook.DeliverySucceeded, webhook.Canceled}
}

// Deliveries is the filter of what the input means at a time: of what had been completed then, so that what a replay sends, and what
// fails meanwhile, is not sent again.
func (in *Input) Deliveries(at time.Time) list.DeliveryFilter {
	f := in.Filter
	if len(f.Statuses) == 0 {
		f.Statuses = statuses(in.Kind)
	}
	if end := at.Add(time.Microsecond); f.CompletedAt.To == nil || f.CompletedAt.To.After(end) {
		f.CompletedAt.To = &end
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
	}
	if in.IdempotencyKey != "" {
		r.IdempotencyKey = &in.IdempotencyKey
	}
	return r, nil
}

// filterOf is the filter of a stored replay.
func filterOf(r *webhook.Replay) (f list.DeliveryFilter, err error) {
	in := Input{Kind: r.Kind}
	if err := json.Unmarshal([]byte(r.Filter), &in.Filter); err != nil {
		return f, fmt.Errorf("read the filter of replay %s: %w", r.ID, err)
	}
	return in.Deliveries(r.CreatedAt), nil
}
