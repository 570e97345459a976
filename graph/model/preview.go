package model

import (
	"net/http"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

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

// PreviewRequest is a request that is not sent. Its headers have a resolver, which counts their bytes.
type PreviewRequest struct {
	URL       *string
	Head      webhook.HeaderBlock
	Body      string
	Secret    string
	PublicKey *string
}

// Method is the HTTP method.
func (r *PreviewRequest) Method() string { return http.MethodPost }
