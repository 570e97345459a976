package model

import (
	"slices"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// AttemptRequest is what an attempt sent. What is large of it, and of an AttemptResponse, only resolvers have: they count it.
type AttemptRequest struct{ Attempt *webhook.Attempt }

// URL is where it was sent.
func (r *AttemptRequest) URL() string { return r.Attempt.URL }

// SignedBy lists the secrets that signed it.
func (r *AttemptRequest) SignedBy() []webhook.ID {
	ids := make([]webhook.ID, 0, 1)
	for id := range slices.Chunk(r.Attempt.SignedBy, len(webhook.ID{})) {
		if len(id) == len(webhook.ID{}) {
			ids = append(ids, webhook.ID(id))
		}
	}
	return ids
}

// AttemptResponse is what an attempt got back. ResponseStatus must not be nil.
type AttemptResponse struct{ Attempt *webhook.Attempt }

// Status is the HTTP status.
func (r *AttemptResponse) Status() int { return *r.Attempt.ResponseStatus }

// Truncated says that Body is not all of the answer.
func (r *AttemptResponse) Truncated() bool { return r.Attempt.ResponseTruncated }
