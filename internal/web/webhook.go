package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// hook is a webhook as REST shows it. Its documented fields come first; the others are present only on webhooks that use them.
type hook struct {
	ID        webhook.ID `json:"id"`
	Object    string     `json:"object"`
	URL       string     `json:"url"`
	Events    []string   `json:"events"` // null: all
	Enabled   bool       `json:"enabled"`
	CreatedAt second     `json:"created_at"`
	UpdatedAt second     `json:"updated_at"`
	// Secret is present only in the answer of the call that created it.
	Secret string `json:"secret,omitempty"`

	Filter          json.RawMessage         `json:"filter,omitempty"`
	Payload         *shape                  `json:"payload,omitempty"` // absent: the default
	Description     string                  `json:"description,omitempty"`
	ExternalID      *string                 `json:"external_id,omitempty"`
	Metadata        json.RawMessage         `json:"metadata,omitempty"`
	RetryScheduleMs *[]int                  `json:"retry_schedule_ms,omitempty"` // absent: the server's; empty: no retry
	NoRetryStatuses []int                   `json:"no_retry_statuses,omitempty"`
	TimeoutMs       *int                    `json:"timeout_ms,omitempty"`
	RatePerSecond   *int                    `json:"rate_per_second,omitempty"`
	Ordering        webhook.Ordering        `json:"ordering,omitempty"`   // absent: NONE
	OnFailure       webhook.OnFailure       `json:"on_failure,omitempty"` // absent: CONTINUE
	Probe           bool                    `json:"probe,omitempty"`
	SendTraceparent bool                    `json:"send_traceparent,omitempty"`
	DisabledReason  *webhook.DisabledReason `json:"disabled_reason,omitempty"`
	DisabledAt      *second                 `json:"disabled_at,omitempty"`
	FailingSince    *second                 `json:"failing_since,omitempty"`
	NextProbeAt     *second                 `json:"next_probe_at,omitempty"`
	ProbeCount      int                     `json:"probe_count,omitempty"` // since it was disabled

	Headers        []header `json:"headers,omitempty"`
	Authentication *proof   `json:"authentication,omitempty"` // absent: none
	// SignatureScheme and PublicKey are the current secret's, unless it has the default scheme.
	SignatureScheme webhook.Scheme `json:"signature_scheme,omitempty"`
	PublicKey       string         `json:"public_key,omitempty"`
}

// shape is payload settings.
type shape struct {
	Format        webhook.PayloadFormat `json:"format"`
	IncludeFields []string              `json:"include_fields,omitempty"`
	Template      json.RawMessage       `json:"template,omitempty"`
}

func shapeOf(p *webhook.Payload) *shape {
	if p == nil {
		return nil
	}
	s := &shape{Format: p.Format, IncludeFields: p.IncludeFields}
	if p.Template != nil {
		s.Template = json.RawMessage(*p.Template)
	}
	return s
}

// header is a custom header; the value of a sensitive one is null.
type header struct {
	Name      string  `json:"name"`
	Value     *string `json:"value"`
	Sensitive bool    `json:"sensitive"`
}

// show converts webhooks for an answer. secret is the new secret of the only one, or nil.
func (r *request) show(secret *webhook.Secret, webhooks ...*webhook.Webhook) ([]hook, error) {
	ids := make([]webhook.ID, len(webhooks))
	for i, w := range webhooks {
		ids[i] = w.ID
	}
	headers, err := r.scope.Headers(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	secrets, err := r.scope.Secrets(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	payloads, err := r.scope.Payloads(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	authentications, err := r.scope.Authentications(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	all := make([]hook, len(webhooks))
	for i, w := range webhooks {
		h := hook{
			ID: w.ID, Object: "webhook", URL: w.URL, Events: w.Events, Enabled: w.Enabled,
			CreatedAt: second(w.CreatedAt), UpdatedAt: second(w.UpdatedAt),
			Description: w.Description, ExternalID: w.ExternalID, NoRetryStatuses: w.NoRetryStatuses, TimeoutMs: w.TimeoutMs, RatePerSecond: w.RatePerSecond,
			DisabledReason: w.DisabledReason, DisabledAt: (*second)(w.DisabledAt), FailingSince: (*second)(w.FailingSince),
			SendTraceparent: w.SendTraceparent,
			Probe:           w.Probe, NextProbeAt: (*second)(w.ProbeAt), ProbeCount: w.Probes,
		}
		if w.Ordering != webhook.OrderingNone {
			h.Ordering = w.Ordering
		}
		if w.OnFailure != webhook.OnFailureContinue {
			h.OnFailure = w.OnFailure
		}
		h.Payload, h.Authentication = shapeOf(payloads[w.ID]), proofOf(authentications[w.ID])
		if w.Filter != nil {
			h.Filter = json.RawMessage(*w.Filter)
		}
		if w.Metadata != nil {
			h.Metadata = json.RawMessage(*w.Metadata)
		}
		if w.RetryScheduleMs != nil {
			h.RetryScheduleMs = &w.RetryScheduleMs
		}
		for _, own := range headers[w.ID] {
			h.Headers = append(h.Headers, header{own.Name, own.Shown(), own.Sensitive})
		}
		if signing := secrets[w.ID]; len(signing) > 0 && signing[0].Scheme != webhook.SchemeHMAC {
			h.SignatureScheme, h.PublicKey = signing[0].Scheme, signing[0].PublicKey()
		}
		if secret != nil && !secret.Imported {
			h.Secret = secret.Reveal()
		}
		all[i] = h
	}
	return all, nil
}

// answer returns the answer for one webhook.
func (r *request) answer(status int, w *webhook.Webhook, secret *webhook.Secret) (int, any, error) {
	shown, err := r.show(secret, w)
	if err != nil {
		return 0, nil, err
	}
	return status, shown[0], nil
}

// second is a time as REST writes it: UTC, to the second, with a numeric offset.
type second time.Time

// MarshalText implements encoding.TextMarshaler.
func (t second) MarshalText() ([]byte, error) { return t.append(nil), nil }

func (t second) append(b []byte) []byte {
	return time.Time(t).UTC().AppendFormat(b, "2006-01-02T15:04:05-07:00")
}

func (s *server) createWebhook(r *request) (int, any, error) {
	n := webhook.New{Enabled: true}
	if err := r.noIdempotencyKey("give external_id, which makes creating a webhook safe to repeat"); err != nil {
		return 0, nil, err
	}
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"url": str(&n.URL), "events": strs(&n.Events), "filter": whole(&n.Filter), "enabled": boolean(&n.Enabled),
		"description": optional(str(&n.Description)), "retry_schedule_ms": numbers(&n.RetryScheduleMs),
		"no_retry_statuses": numbers(&n.NoRetryStatuses),
		"timeout_ms":        number(&n.TimeoutMs), "rate_per_second": number(&n.RatePerSecond),
		"external_id": text(&n.ExternalID), "metadata": whole(&n.Metadata),
		"headers": newHeaders(&n.Headers), "signature_scheme": optional(scheme(&n.Scheme)), "secret": imported(&n.Secret),
		"ordering": optional(str((*string)(&n.Ordering))), "on_failure": optional(str((*string)(&n.OnFailure))), "payload": newPayload(&n.Payload),
		"authentication": newAuthentication(&n.Authentication), "probe": optional(boolean(&n.Probe)),
		"send_traceparent": optional(boolean(&n.SendTraceparent)),
	})
	if err != nil {
		return 0, nil, err
	}
	w, secret, err := r.changing().CreateWebhook(r.Context(), n)
	if err != nil {
		return 0, nil, err
	}
	r.header.Set("Location", "/v1/webhooks/"+w.ID.String())
	if secret == nil { // it was there, and has these settings now
		return r.answer(http.StatusOK, w, nil)
	}
	return r.answer(http.StatusCreated, w, secret)
}

func (s *server) getWebhook(r *request) (int, any, error) {
	w, err := find(r)
	if err != nil {
		return 0, nil, err
	}
	return r.answer(http.StatusOK, w, nil)
}

func find(r *request) (*webhook.Webhook, error) { return findByID(r, r.scope.WebhooksByID) }

// findByID returns the row that the id in the path names.
func findByID[T any](r *request, read func(context.Context, []webhook.ID) (map[webhook.ID]*T, error)) (*T, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	found, err := read(r.Context(), []webhook.ID{id})
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, webhook.ErrNotFound
	}
	return found[id], nil
}

// pathID returns the id in the path. An invalid id gets the answer of one that does not exist.
func pathID(r *request) (webhook.ID, error) {
	id, err := webhook.ParseID(r.PathValue("id"))
	if err != nil {
		return webhook.ID{}, webhook.ErrNotFound
	}
	return id, nil
}

func (s *server) updateWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	var p webhook.Patch
	var rotate bool
	var rotation webhook.Rotation
	var ifUpdatedAt *time.Time
	err = decode(r.body, map[string]func(json.RawMessage) string{
		"url":           set(&p.URL.Set, str(&p.URL.Value)),
		"events":        set(&p.Events.Set, strs(&p.Events.Value)),
		"filter":        set(&p.Filter.Set, whole(&p.Filter.Value)),
		"enabled":       set(&p.Enabled.Set, boolean(&p.Enabled.Value)),
		"rotate_secret": boolean(&rotate),
		"if_updated_at": timestamp(&ifUpdatedAt),

		"description":       set(&p.Description.Set, optional(str(&p.Description.Value))),
		"retry_schedule_ms": set(&p.RetryScheduleMs.Set, numbers(&p.RetryScheduleMs.Value)),
		"no_retry_statuses": set(&p.NoRetryStatuses.Set, numbers(&p.NoRetryStatuses.Value)),
		"timeout_ms":        set(&p.TimeoutMs.Set, number(&p.TimeoutMs.Value)),
		"rate_per_second":   set(&p.RatePerSecond.Set, number(&p.RatePerSecond.Value)),
		"external_id":       set(&p.ExternalID.Set, text(&p.ExternalID.Value)),
		"metadata":          set(&p.Metadata.Set, whole(&p.Metadata.Value)),
		"headers":           set(&p.Headers.Set, newHeaders(&p.Headers.Value)),
		"signature_scheme":  optional(scheme(&rotation.Scheme)),
		"secret":            imported(&rotation.Secret),
		"ordering":          set(&p.Ordering.Set, optional(str((*string)(&p.Ordering.Value)))),
		"on_failure":        set(&p.OnFailure.Set, optional(str((*string)(&p.OnFailure.Value)))),
		"probe":             set(&p.Probe.Set, optional(boolean(&p.Probe.Value))),
		"send_traceparent":  set(&p.SendTraceparent.Set, optional(boolean(&p.SendTraceparent.Value))),
		"payload":           set(&p.Payload.Set, newPayload(&p.Payload.Value)),
		"authentication":    set(&p.Authentication.Set, newAuthentication(&p.Authentication.Value)),

		// An answer may be sent back: these members are accepted, but cannot be changed.
		"id": is(id.String()), "object": is("webhook"),
		"created_at": told, "updated_at": told, "disabled_reason": told, "disabled_at": told, "failing_since": told, "public_key": told,
		"next_probe_at": told, "probe_count": told,
	})
	if err != nil {
		return 0, nil, err
	}
	if p.IfUpdatedAt = ifUpdatedAt; ifUpdatedAt != nil && ifUpdatedAt.Nanosecond() == 0 {
		p.Precision = time.Second // which is how this surface shows it
	}
	if rotation.Secret != nil && !rotate {
		return 0, nil, &webhook.Invalid{Field: "secret", Code: webhook.CodeInvalid, Message: "can be changed only together with rotate_secret"}
	}
	if rotation.Scheme != "" && !rotate {
		if err := r.signsBy(id, rotation.Scheme); err != nil {
			return 0, nil, err
		}
	}
	if p.Empty() && !rotate {
		return s.getWebhook(r) // nothing changes, not even updated_at
	}
	var rotated *webhook.Rotation
	if rotate {
		if err := r.noIdempotencyKey("give if_updated_at, which rotates a secret once"); err != nil {
			return 0, nil, err
		}
		rotation.Overlap = webhook.DefaultOverlap
		rotated = &rotation
	}
	w, secret, err := r.changing().UpdateWebhook(r.Context(), id, p, rotated)
	if err != nil {
		return 0, nil, err
	}
	return r.answer(http.StatusOK, w, secret)
}

// signsBy refuses a scheme other than that of the webhook's secret: only a new secret can have another.
func (r *request) signsBy(id webhook.ID, scheme webhook.Scheme) error {
	secrets, err := r.scope.Secrets(r.Context(), []webhook.ID{id})
	if err != nil {
		return err
	}
	if own := secrets[id]; len(own) > 0 && own[0].Scheme == scheme {
		return nil
	}
	return &webhook.Invalid{Field: "signatureScheme", Code: webhook.CodeInvalid, Message: "can be changed only together with rotate_secret"}
}

func (s *server) deleteWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	if err := r.changing().DeleteWebhook(r.Context(), id); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, struct {
		ID      webhook.ID `json:"id"`
		Object  string     `json:"object"`
		Deleted bool       `json:"deleted"`
	}{id, "webhook", true}, nil
}

// maxTestBody is the maximum length of the body of a test.
const maxTestBody = 4 << 10

// testWebhook sends a test event to the webhook: the example of the event type in the body, if there is one.
func (s *server) testWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	var eventType *string
	if err := decode(r.body, map[string]func(json.RawMessage) string{"event_type": text(&eventType)}); err != nil {
		return 0, nil, err
	}
	d, err := r.scope.TestWebhook(r.Context(), id, eventType)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, struct {
		Object     string     `json:"object"`
		WebhookID  webhook.ID `json:"webhook_id"`
		EventID    webhook.ID `json:"event_id"`
		DeliveryID webhook.ID `json:"delivery_id"`
	}{"webhook_test", id, d.EventID, d.ID}, nil
}

func (s *server) listWebhooks(r *request) (int, any, error) {
	var f store.WebhookFilter
	return listRows(s, r, &rows[webhook.Webhook, hook]{
		kind: cursor.RESTWebhooks, cost: listedCost,
		given: map[string]parameter{
			"external_id": once(func(text string) string {
				if f.ExternalID = &text; text == "" || len(text) > webhook.MaxExternalIDBytes {
					return "must be 1 to " + strconv.Itoa(webhook.MaxExternalIDBytes) + " bytes long"
				}
				return ""
			}),
			"enabled": booleanOf(&f.Enabled), "event_type": someText(&f.EventType), "url": someText(&f.URL), "failing": booleanOf(&f.Failing),
			"disabled_reason": wordOf(&f.DisabledReason, webhook.DisabledReasons), "text": someText(&f.Text),
		},
		check: f.Check,
		read:  func(p store.Page) (*store.List[webhook.Webhook], error) { return r.scope.Webhooks(r.Context(), f, p) },
		show:  func(all []*webhook.Webhook) ([]hook, error) { return r.show(nil, all...) },
	})
}
