package model

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// AttemptRequest is what an attempt sent. The body is the event's, so only a resolver has it.
type AttemptRequest struct{ Attempt *webhook.Attempt }

// URL is where it was sent.
func (r *AttemptRequest) URL() string { return r.Attempt.URL }

// Headers are the fields sent.
func (r *AttemptRequest) Headers() []webhook.Header { return fields(r.Attempt.RequestHeaders) }

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

// Headers are the fields received.
func (r *AttemptResponse) Headers() []webhook.Header { return fields(r.Attempt.ResponseHeaders) }

// Body is the body as text.
func (r *AttemptResponse) Body() string {
	return strings.ToValidUTF8(string(r.Attempt.ResponseBody), "\uFFFD")
}

// BodyBase64 is the exact body when Body is not.
func (r *AttemptResponse) BodyBase64() *string {
	if utf8.Valid(r.Attempt.ResponseBody) {
		return nil
	}
	s := base64.StdEncoding.EncodeToString(r.Attempt.ResponseBody)
	return &s
}

// Truncated says that Body is not all of the answer.
func (r *AttemptResponse) Truncated() bool { return r.Attempt.ResponseTruncated }

// fields lists header fields as text: HTTP allows bytes in a value that are not UTF-8.
func fields(b webhook.HeaderBlock) []webhook.Header {
	return webhook.HeaderBlock(strings.ToValidUTF8(string(b), "\uFFFD")).Fields()
}
