package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/signature"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/verification"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// attempt is an attempt as REST shows it. Lists have neither headers nor bodies.
type attempt struct {
	ID         webhook.ID            `json:"id"`
	Object     string                `json:"object"`
	DeliveryID webhook.ID            `json:"delivery_id"`
	EventID    webhook.ID            `json:"event_id"`
	WebhookID  webhook.ID            `json:"webhook_id"`
	Number     int                   `json:"number"`
	Status     webhook.AttemptStatus `json:"status"`
	Error      *webhook.ErrorCode    `json:"error"`   // null: it succeeded
	Message    *string               `json:"message"` // null: there is nothing to say
	Trigger    webhook.Trigger       `json:"trigger"`
	ReplayID   *webhook.ID           `json:"replay_id"` // null: no replay caused it
	StartedAt  moment                `json:"started_at"`
	DurationMs int                   `json:"duration_ms"`
	Timings    timings               `json:"timings"`
	Request    sent                  `json:"request"`
	Response   *answered             `json:"response"` // null: there was none
}

// timings are in milliseconds, with a fraction. FirstByte and Total count from the start.
type timings struct {
	DNS       float64 `json:"dns_ms"`
	Connect   float64 `json:"connect_ms"`
	TLS       float64 `json:"tls_ms"`
	FirstByte float64 `json:"first_byte_ms"`
	Total     float64 `json:"total_ms"`
}

// sent is the request of an attempt.
type sent struct {
	URL      string       `json:"url"`
	SignedBy []webhook.ID `json:"signed_by"` // secrets
	Headers  *[]field     `json:"headers,omitempty"`
	Body     *string      `json:"body,omitempty"`
}

// answered is the response to an attempt.
type answered struct {
	Status    int      `json:"status"`
	Truncated bool     `json:"truncated"`
	Headers   *[]field `json:"headers,omitempty"`
	Body      *string  `json:"body,omitempty"`
	// BodyBase64 is absent if Body is exact.
	BodyBase64 *string `json:"body_base64,omitempty"`
}

// field is a header field.
type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// legible is the bytes as text: those that are not UTF-8 are replaced.
func legible(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

func fieldsOf(b webhook.HeaderBlock) *[]field {
	all := []field{}
	for _, h := range webhook.HeaderBlock(legible([]byte(b))).Fields() {
		all = append(all, field(h))
	}
	return &all
}

func showAttempt(a *webhook.Attempt) attempt {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	shown := attempt{
		ID: a.ID, Object: "attempt", DeliveryID: a.DeliveryID, EventID: a.EventID, WebhookID: a.WebhookID, Number: a.Number, Status: a.Status,
		Error: a.Error, Trigger: a.Trigger, ReplayID: a.ReplayID, StartedAt: moment(a.StartedAt), DurationMs: a.DurationMs(),
		Timings: timings{ms(a.DNSUs), ms(a.ConnectUs), ms(a.TLSUs), ms(a.FirstByteUs), ms(a.DurationUs)},
		Request: sent{URL: a.URL, SignedBy: a.Signers()},
	}
	if a.Message != "" {
		shown.Message = &a.Message
	}
	if a.ResponseStatus != nil {
		shown.Response = &answered{Status: *a.ResponseStatus, Truncated: a.ResponseTruncated}
	}
	return shown
}

func (s *server) listAttempts(r *request) (int, any, error) {
	var f store.AttemptFilter
	given := map[string]parameter{
		"webhook_ids": idsOf(&f.WebhookIDs), "delivery_ids": idsOf(&f.DeliveryIDs), "event_ids": idsOf(&f.EventIDs), "event_types": textsOf(&f.EventTypes),
		"statuses": wordsOf(&f.Statuses, webhook.AttemptStatuses), "errors": wordsOf(&f.Errors, webhook.ErrorCodes),
		"http_statuses": statusesOf(&f.HTTPStatuses), "triggers": wordsOf(&f.Triggers, webhook.Triggers),
	}
	timesOf(given, "started_at", &f.StartedAt, time.Now())
	return listRows(s, r, &rows[webhook.Attempt, attempt]{
		kind: cursor.RESTAttempts, cost: listedCost, given: given, check: f.Check,
		read: func(p store.Page) (*store.List[webhook.Attempt], error) {
			return r.scope.Lean(store.Lean{NoBodies: true}).Attempts(r.Context(), f, p)
		},
		show: each(showAttempt),
	})
}

// getAttempt answers with everything that was sent and received.
func (s *server) getAttempt(r *request) (int, any, error) {
	if err := s.holdPayload(r); err != nil {
		return 0, nil, err
	}
	a, err := findByID(r, r.scope.AttemptsByID)
	if err != nil {
		return 0, nil, err
	}
	shown := showAttempt(a)
	body, err := r.sentBody(a)
	if err != nil {
		return 0, nil, err
	}
	shown.Request.Headers, shown.Request.Body = fieldsOf(a.RequestHeaders), &body
	if shown.Response != nil {
		shown.Response.Headers, shown.Response.Body = fieldsOf(a.ResponseHeaders), new(legible(a.ResponseBody))
		if !utf8.Valid(a.ResponseBody) {
			shown.Response.BodyBase64 = new(base64.StdEncoding.EncodeToString(a.ResponseBody))
		}
	}
	return http.StatusOK, shown, nil
}

// sentBody makes the body of the attempt's request again; "" if its payload settings could not make one.
func (r *request) sentBody(a *webhook.Attempt) (string, error) {
	events, err := r.scope.EventsByID(r.Context(), []webhook.ID{a.EventID})
	if err != nil {
		return "", err
	}
	e := events[a.EventID]
	if e == nil { // retention has removed it since
		return "", webhook.ErrNotFound
	}
	p, err := r.scope.PayloadOf(r.Context(), a)
	if err != nil {
		return "", err
	}
	b, err := p.Render(e, nil)
	if _, is := errors.AsType[*payload.TooLong](err); is {
		return "", nil // it was not sent
	}
	return string(b.Bytes), err
}

// verified is a signature report as REST shows it.
type verified struct {
	Object   string          `json:"object"`
	Valid    bool            `json:"valid"`
	Scheme   *webhook.Scheme `json:"scheme"`    // null: no signature fits
	SecretID *webhook.ID     `json:"secret_id"` // null: no signature fits
	Signed   *string         `json:"signed"`    // null: headers are missing
	Causes   []cause         `json:"causes"`
}

// cause is a reason why a request does not verify.
type cause struct {
	Code               signature.Code `json:"code"`
	Summary            string         `json:"summary"`
	Advice             string         `json:"advice"`
	FirstDifferentByte *int           `json:"first_different_byte"` // null: the body is not the reason, or what was signed is unknown
	Received           string         `json:"received"`
	Sent               string         `json:"sent"`
}

// verifyCost is what looking for the reason costs beside its call.
const verifyCost = 500

// verifyAttempt says why a request of an attempt does not verify.
func (s *server) verifyAttempt(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	return s.verify(r, &verification.Question{AttemptID: &id})
}

// verifyWebhook says why a request does not verify with the webhook's secrets.
func (s *server) verifyWebhook(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	return s.verify(r, &verification.Question{WebhookID: &id})
}

func (s *server) verify(r *request, q *verification.Question) (int, any, error) {
	var given []field
	var computed *string
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"headers": optional(objects(&given, "name and value, both strings", func(one *field) map[string]func(json.RawMessage) string {
			return map[string]func(json.RawMessage) string{"name": str(&one.Name), "value": str(&one.Value)}
		})),
		"body": text(&q.Body), "body_base64": text(&q.BodyBase64), "computed": text(&computed), "at": timestamp(&q.At),
	})
	if err != nil {
		return 0, nil, err
	}
	if given != nil { // none is not the same as nothing
		q.Headers = []*webhook.Header{}
	}
	for _, f := range given {
		q.Headers = append(q.Headers, &webhook.Header{Name: f.Name, Value: f.Value})
	}
	if computed != nil {
		q.Computed = *computed
	}
	if err := s.charge(r.Request, verifyCost); err != nil {
		return 0, nil, err
	}
	if err := s.holdPayload(r); err != nil {
		return 0, nil, err
	}
	a, err := verification.Explain(r.Context(), r.scope, s.MaxDataBytes, q, nil)
	for _, one := range webhook.Invalids(err) {
		if one.Code == webhook.CodeNotFound { // the object of the path
			return 0, nil, webhook.ErrNotFound
		}
	}
	if err != nil {
		return 0, nil, err
	}
	shown := verified{Object: "signature_report", Valid: a.Valid, Causes: []cause{}}
	if a.Secret != nil {
		shown.Scheme, shown.SecretID = &a.Secret.Scheme, &a.Secret.ID
	}
	if a.Signed != "" {
		shown.Signed = &a.Signed
	}
	for _, c := range a.Causes {
		shown.Causes = append(shown.Causes, cause{c.Code, c.Summary, c.Advice, c.Differs, c.Received, c.Sent})
	}
	return http.StatusOK, shown, nil
}
