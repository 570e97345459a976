package graph

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/meter"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// A receiver's response may be large, and may not be valid text. It is copied for the answer, and copies count towards the
// operation's limit.

const replacement = "\uFFFD" // for bytes that are not UTF-8

// text returns bytes as they are shown.
func text(ctx context.Context, b []byte) (string, error) {
	if err := meter.From(ctx).Take(len(b)); err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(b), replacement), nil
}

// notText returns the exact bytes if text is not exact; else nil.
func notText(ctx context.Context, b []byte) (*string, error) {
	if utf8.Valid(b) {
		return nil, nil
	}
	if err := meter.From(ctx).Take(base64.StdEncoding.EncodedLen(len(b))); err != nil {
		return nil, err
	}
	s := base64.StdEncoding.EncodeToString(b)
	return &s, nil
}

// Approximate memory of an object, and of each of its fields, until they are written.
const (
	objectBytes = 512
	fieldBytes  = 96
)

// headers lists header fields as text. 32 KiB can be thousands of them, so each counts with everything selected of it.
func headers(ctx context.Context, b webhook.HeaderBlock) ([]*webhook.Header, error) {
	each := objectBytes + fieldBytes*len(graphql.CollectFieldsCtx(ctx, []string{"Header"}))
	if err := meter.From(ctx).Take(len(b) + each*strings.Count(string(b), "\r\n")); err != nil {
		return nil, err
	}
	fields := webhook.HeaderBlock(strings.ToValidUTF8(string(b), replacement)).Fields()
	list := make([]*webhook.Header, len(fields))
	for i := range fields {
		list[i] = &fields[i]
	}
	return list, nil
}

// metered returns stored JSON, nil for nil, which the operation then holds.
func metered(ctx context.Context, text *string) ([]byte, error) {
	if text == nil {
		return nil, nil
	}
	if err := meter.From(ctx).Take(len(*text)); err != nil {
		return nil, err
	}
	return []byte(*text), nil
}

// previewRequest makes the request for the event of a trial, which must have one. It signs with a new secret: a signature by the webhook's would
// let any caller send what the receiver takes for a delivery.
func previewRequest(ctx context.Context, t *store.Tried) (*model.PreviewRequest, error) {
	m := meter.From(ctx)
	if err := m.Take(2 * len(t.Event.Data)); err != nil { // the data, and a body that is about as long
		return nil, err
	}
	body, err := t.Payload.Render(t.Event, m.Take)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	scheme := webhook.SchemeHMAC
	if len(t.Target.Secrets) > 0 {
		scheme = t.Target.Secrets[0].Scheme
	}
	secret := webhook.NewSecret(t.Target.TenantID, t.Target.ID, scheme, now)
	request := payload.Request{
		Agent: webhook.UserAgent, ID: t.Event.ID, At: now, Secrets: []*webhook.Secret{secret}, Body: &body,
		Custom: webhook.RecordedHeaders(t.Target.Headers) + t.Target.Authentication.Recorded(),
	}
	if !slices.ContainsFunc(t.Target.Headers, func(h *webhook.CustomHeader) bool { return h.Name == webhook.HeaderTraceparent }) {
		request.Traceparent = t.Target.Traceparent(t.Event)
	}
	head, _ := request.Head() // the secret is active
	shown := &model.PreviewRequest{Head: head.Text, Body: string(body.Bytes), Secret: secret.Reveal()}
	if t.Target.URL != "" {
		shown.URL = &t.Target.URL
	}
	if public := secret.PublicKey(); public != "" {
		shown.PublicKey = &public
	}
	return shown, nil
}
