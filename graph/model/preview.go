package model

import "github.com/hookgraph/hookgraph/internal/store"

// DeliveryPreview is the result of a trial, which is nil if there are UserErrors.
type DeliveryPreview struct {
	Tried      *store.Tried
	UserErrors []*UserError
}

// Matches reports whether the webhook gets the event; nil if there is none.
func (p *DeliveryPreview) Matches() *bool {
	if p.Tried == nil || p.Tried.Event == nil {
		return nil
	}
	return new(p.Tried.Refusal == "")
}

// FailedTerm is why it does not; nil if it does.
func (p *DeliveryPreview) FailedTerm() *string {
	if p.Tried == nil || p.Tried.Refusal == "" {
		return nil
	}
	return &p.Tried.Refusal
}
