package model

import "github.com/hookgraph/hookgraph/internal/webhook"

// AttemptRequest is the request of an attempt. Its large parts, and those of AttemptResponse, have resolvers, which count their
// bytes.
type AttemptRequest struct{ Attempt *webhook.Attempt }

// URL is the URL that the request was sent to.
func (r *AttemptRequest) URL() string { return r.Attempt.URL }

// SignedBy lists the secrets that signed the request.
func (r *AttemptRequest) SignedBy() []webhook.ID { return r.Attempt.Signers() }

// AttemptResponse is the response to an attempt, whose ResponseStatus must not be nil.
type AttemptResponse struct{ Attempt *webhook.Attempt }

// Status is the HTTP status.
func (r *AttemptResponse) Status() int { return *r.Attempt.ResponseStatus }

// Truncated reports whether Body is incomplete.
func (r *AttemptResponse) Truncated() bool { return r.Attempt.ResponseTruncated }
