// Package verification says why a request does not verify, from what the store has of it: the webhook's secrets, and what an attempt sent. It
// reveals no secret, and no signature that was not sent. Whoever may read deliveries may ask.
package verification

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// Bounds of a question.
const (
	MaxHeaders       = 100
	MaxHeaderBytes   = 32 << 10 // of names and values together
	MaxComputedBytes = 1024
	// MaxHashed bounds what is hashed for one answer, in bytes: some hundred milliseconds of a processor. For a body of 64 KiB and one secret that is
	// all that Explain tries.
	MaxHashed = 64 << 20
)

// Question is a request as a receiver got it.
type Question struct {
	// AttemptID is the attempt that sent it, WebhookID the webhook that it was sent to. One of them must be given.
	AttemptID, WebhookID *webhook.ID
	// Headers and Body must be given unless AttemptID is: nil means those that were sent.
	// BodyBase64 is the standard base64 of the body, for one that is not UTF-8. One of both may be given.
	Headers          []*webhook.Header
	Body, BodyBase64 *string
	Computed         string     // the signature that the receiver's code computes; "": unknown
	At               *time.Time // the receiver's clock; nil: when the attempt was made, or now
}

// Answer says whether the request verifies, and if not, why.
type Answer struct {
	*signature.Report

	Secret *webhook.Secret // whose signature fits; nil if none does
}

// bytes returns the received body; nil if none is given.
func (q *Question) bytes() ([]byte, error) {
	switch {
	case q.Body != nil && q.BodyBase64 != nil:
		return nil, webhook.Invalidf("bodyBase64", webhook.CodeInvalid, "must not be combined with body; give one of them")
	case q.BodyBase64 != nil:
		b, err := base64.StdEncoding.AppendDecode([]byte{}, []byte(*q.BodyBase64))
		if err != nil {
			return nil, webhook.Invalidf("bodyBase64", webhook.CodeInvalid, "must be standard base64")
		}
		return b, nil
	case q.Body != nil:
		return append([]byte{}, *q.Body...), nil
	}
	return nil, nil
}

// check returns the received body, or errors that join an *Invalid for each broken rule. maxData bounds the data of an event.
func (q *Question) check(maxData int) ([]byte, error) {
	most := payload.MaxBody(maxData)
	given := q.Body != nil || q.BodyBase64 != nil
	var body []byte
	var errs []error
	bad := func(field string, code webhook.Code, format string, args ...any) {
		errs = append(errs, webhook.Invalidf(field, code, format, args...))
	}
	switch {
	case q.AttemptID != nil && q.WebhookID != nil:
		bad("webhookId", webhook.CodeConflict, "must not be combined with attemptId; give one of them")
	case q.AttemptID == nil && q.WebhookID == nil:
		bad("attemptId", webhook.CodeRequired, "is required, unless webhookId is given")
	case q.WebhookID != nil && q.Headers == nil:
		bad("headers", webhook.CodeRequired, "is required to verify with a webhook's secrets")
	case q.WebhookID != nil && !given:
		bad("body", webhook.CodeRequired, "is required to verify with a webhook's secrets")
	case (q.Headers == nil) == given:
		bad("body", webhook.CodeInvalid, "must be given together with headers")
	}
	if len(q.Headers) > MaxHeaders {
		bad("headers", webhook.CodeTooMany, "must be at most %d fields", MaxHeaders)
	}
	total := 0
	for _, h := range q.Headers {
		total += len(h.Name) + len(h.Value)
	}
	if total > MaxHeaderBytes {
		bad("headers", webhook.CodeTooLong, "must be at most %d bytes of names and values", MaxHeaderBytes)
	}
	switch {
	case q.Body != nil && len(*q.Body) > most:
		bad("body", webhook.CodeTooLong, "must be at most %d bytes, the most that is sent; hookgraph verify takes longer ones", most)
	case q.BodyBase64 != nil && len(*q.BodyBase64) > base64.StdEncoding.EncodedLen(most):
		bad("bodyBase64", webhook.CodeTooLong, "must be the base64 of at most %d bytes, the most that is sent; hookgraph verify takes longer ones", most)
	default:
		var err error
		if body, err = q.bytes(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(q.Computed) > MaxComputedBytes {
		bad("computed", webhook.CodeTooLong, "must be at most %d bytes", MaxComputedBytes)
	}
	return body, errors.Join(errs...)
}

// Explain answers the question for the tenant of the scope, which must read whole rows. It waits for a place: what it computes takes a
// processor. take counts bytes that are held; nil: they are not counted. maxData bounds the data of an event. Errors join an *Invalid for each broken
// rule, *Invalid with CodeNotFound, those of take, and
// the store's.
func Explain(ctx context.Context, in *store.Scope, maxData int, q *Question, take func(int) error) (*Answer, error) {
	body, bad := q.check(maxData)
	secrets, keys, err := secretsOf(ctx, in, q.WebhookID)
	if err != nil {
		return nil, err
	}
	if q.WebhookID != nil && len(keys) == 0 {
		bad = errors.Join(bad, webhook.Invalidf("webhookId", webhook.CodeNotFound, "does not exist"))
	}
	if bad != nil {
		return nil, bad
	}
	if take == nil {
		take = func(int) error { return nil }
	}
	if err := take(4 * len(body)); err != nil { // variants of it, and what is signed
		return nil, err
	}
	r := &signature.Received{Header: http.Header{}, Body: body, At: time.Now(), Computed: q.Computed, MaxHashed: MaxHashed, MaxPlain: payload.MaxBody(maxData)}
	for _, h := range q.Headers {
		signature.Add(r.Header, h.Name, h.Value)
	}
	var sent *signature.Sent
	var signers []webhook.ID
	if q.AttemptID != nil {
		a, was, err := whatWasSent(ctx, in, *q.AttemptID, take)
		if err != nil {
			return nil, err
		}
		sent, r.At, signers = was, a.StartedAt, a.Signers()
		if secrets, keys, err = secretsOf(ctx, in, &a.WebhookID); err != nil {
			return nil, err
		}
		if body == nil && was.Header.Get(signature.HeaderSignature) == "" {
			return nil, webhook.Invalidf("attemptId", webhook.CodeInvalid, "sent nothing, so there is no signature")
		}
		if body == nil {
			r.Header, r.Body = was.Header, was.Body
		}
	}
	if q.At != nil {
		r.At = *q.At
	}
	done, err := in.Compute(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	a := &Answer{Report: signature.Explain(r, keys, sent)}
	gone := sent != nil
	for i, k := range keys {
		if k == a.Key {
			a.Secret = secrets[i]
		}
		gone = gone && !slices.Contains(signers, secrets[i].ID)
	}
	if gone {
		a.expired()
	}
	return a, nil
}

// expired says of a signature by secrets that are gone that it cannot be verified here.
func (a *Answer) expired() {
	for i := range a.Causes {
		if c := &a.Causes[i]; c.Code == signature.OtherSecret {
			c.Summary = "the secrets that signed the request do not sign anymore, so its signature cannot be verified here"
			c.Advice = "The webhook's secret was rotated, or the webhook was deleted: take the webhook's current secret, and an attempt that it signed."
		}
	}
	if len(a.Causes) == 0 {
		a.Causes = append(a.Causes, signature.Cause{Code: signature.OtherSecret})
		a.expired()
	}
}

// whatWasSent reads an attempt, and makes its request again.
func whatWasSent(ctx context.Context, in *store.Scope, id webhook.ID, take func(int) error) (*webhook.Attempt, *signature.Sent, error) {
	gone := webhook.Invalidf("attemptId", webhook.CodeNotFound, "does not exist")
	attempts, err := in.AttemptsByID(ctx, []webhook.ID{id})
	if err != nil {
		return nil, nil, err
	}
	a := attempts[id]
	if a == nil {
		return nil, nil, gone
	}
	events, err := in.EventsByID(ctx, []webhook.ID{a.EventID})
	if err != nil {
		return nil, nil, err
	}
	e := events[a.EventID]
	if e == nil { // retention has removed it since
		return nil, nil, gone
	}
	if err := take(2 * len(e.Data)); err != nil { // the data, and a body that is about as long
		return nil, nil, err
	}
	p, err := in.PayloadOf(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	body, err := p.Render(e, take)
	if _, is := errors.AsType[*payload.TooLong](err); is {
		return nil, nil, webhook.Invalidf("attemptId", webhook.CodeInvalid, "sent nothing, because its payload settings make a body that is too long")
	}
	if err != nil {
		return nil, nil, err
	}
	sent := &signature.Sent{Header: http.Header{}, Body: body.Bytes}
	for _, h := range a.RequestHeaders.Fields() {
		sent.Header.Add(h.Name, h.Value)
	}
	return a, sent, nil
}

// secretsOf returns the webhook's secrets that still sign, with their keys; none if it was deleted, or id is nil.
func secretsOf(ctx context.Context, in *store.Scope, id *webhook.ID) ([]*webhook.Secret, []*signature.Key, error) {
	if id == nil {
		return nil, nil, nil
	}
	all, err := in.Secrets(ctx, []webhook.ID{*id})
	if err != nil {
		return nil, nil, err
	}
	var keys []*signature.Key
	for _, s := range all[*id] {
		text := s.PublicKey()
		if text == "" {
			text = s.Reveal()
		}
		key, err := signature.ParseKey(text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s %w", s, err)
		}
		keys = append(keys, key)
	}
	return all[*id], keys, nil
}
