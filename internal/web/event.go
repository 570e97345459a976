package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// event is a published event as REST shows it, without its data, which the publisher has.
type event struct {
	ID        webhook.ID `json:"id"`
	Object    string     `json:"object"`
	Type      string     `json:"type"`
	Timestamp moment     `json:"timestamp"`
	Tags      []string   `json:"tags,omitempty"`
	// OrderingKey is absent if the event has none.
	OrderingKey *string `json:"ordering_key,omitempty"`
	// DeliverAt and ExpiresAt are absent if the event has none.
	DeliverAt *moment `json:"deliver_at,omitempty"`
	ExpiresAt *moment `json:"expires_at,omitempty"`
	CreatedAt second  `json:"created_at"`
	// Webhooks is how many subscribe to events of this type now. 0 often means that the type is misspelled.
	Webhooks int `json:"webhooks"`
	// Duplicate says that this is the event that was published earlier with the same idempotency key.
	Duplicate bool `json:"duplicate,omitempty"`
}

// moment is a publisher's time, to the microsecond.
type moment time.Time

// MarshalText implements encoding.TextMarshaler.
func (t moment) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.999999-07:00"), nil
}

// publish answers 202, because the deliveries are accepted but not made yet. Each event of an array has its own result: one that is
// refused does not affect the others.
func (s *server) publish(r *request) (int, any, error) {
	if bytes.TrimSpace(r.body)[0] == '[' {
		return s.publishMany(r)
	}
	n, err := newEvent(r.body)
	if err != nil {
		return 0, nil, err
	}
	if err := r.idempotencyKey(&n); err != nil {
		return 0, nil, err
	}
	done, err := r.scope.Publish(r.Context(), []webhook.NewEvent{n})
	if err != nil {
		return 0, nil, err
	}
	if done[0].Err != nil {
		return 0, nil, done[0].Err
	}
	return http.StatusAccepted, r.showEvent(done[0]), nil
}

// idempotencyKeyHeader carries the key of one event, plain or as a quoted string of RFC 8941.
const idempotencyKeyHeader = "Idempotency-Key"

// idempotencyKey sets an event's key from the header, if there is one.
func (r *request) idempotencyKey(n *webhook.NewEvent) error {
	given := r.Header.Values(idempotencyKeyHeader)
	if len(given) == 0 {
		return nil
	}
	bad := func(code webhook.Code, message string) error {
		return &webhook.Invalid{Field: "idempotencyKey", Code: code, Message: message}
	}
	key := strings.TrimSpace(given[0])
	if inner := strings.TrimSuffix(strings.TrimPrefix(key, `"`), `"`); len(key) == len(inner)+2 {
		key = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(inner)
	}
	switch {
	case len(given) > 1:
		return bad(webhook.CodeInvalid, "the header Idempotency-Key must be given once")
	case key == "":
		return bad(webhook.CodeRequired, "the header Idempotency-Key must not be empty")
	case n == nil:
		return bad(webhook.CodeInvalid, "the header Idempotency-Key is for one event: give each event of a list its idempotency_key")
	case n.IdempotencyKey != "" && n.IdempotencyKey != key:
		return bad(webhook.CodeConflict, "the header Idempotency-Key must not differ from idempotency_key")
	}
	n.IdempotencyKey = key
	return nil
}

// noIdempotencyKey refuses a key where the call has none: a caller that sends one counts on it. instead says what does the same.
func (r *request) noIdempotencyKey(instead string) error {
	if len(r.Header.Values(idempotencyKeyHeader)) == 0 {
		return nil
	}
	return &webhook.Invalid{
		Field: "idempotencyKey", Code: webhook.CodeInvalid, Message: "the header Idempotency-Key has no effect on this call: leave it out, and " + instead,
	}
}

// newEvent reads an event and copies what it keeps: an event that waits for long would otherwise keep a whole list in memory.
func newEvent(raw json.RawMessage) (webhook.NewEvent, error) {
	var n webhook.NewEvent
	err := decode(raw, map[string]func(json.RawMessage) string{
		"type": str(&n.Type),
		"data": func(raw json.RawMessage) string { n.Data = bytes.Clone(raw); return "" },
		// Null means absent: publishers write optional fields that way.
		"timestamp":       timestamp(&n.Timestamp),
		"idempotency_key": optional(str(&n.IdempotencyKey)),
		"tags":            optional(strs(&n.Tags)),
		"ordering_key":    optional(str(&n.OrderingKey)),
		"deliver_at":      timestamp(&n.DeliverAt),
		"expires_at":      timestamp(&n.ExpiresAt),
	})
	return n, err
}

func (r *request) showEvent(p store.Published) event {
	e := p.Event
	return event{
		ID: e.ID, Object: "event", Type: e.Type, Timestamp: moment(e.Timestamp), Tags: e.Tags, OrderingKey: e.OrderingKey, CreatedAt: second(e.CreatedAt),
		DeliverAt: (*moment)(e.DeliverAt), ExpiresAt: (*moment)(e.ExpiresAt),
		Webhooks: r.scope.Receivers(&p), Duplicate: p.Duplicate,
	}
}

// refused is the result of an event that was not published.
type refused struct {
	Error  detail   `json:"error"`
	Errors []detail `json:"errors,omitempty"`
}

func (s *server) publishMany(r *request) (int, any, error) {
	if err := r.idempotencyKey(nil); err != nil {
		return 0, nil, err
	}
	raws, ok := elements(r.body, webhook.MaxPublish)
	if !ok || len(raws) == 0 {
		return 0, nil, &webhook.Invalid{
			Code: webhook.CodeTooMany, Message: "must have 1 to " + thousands(webhook.MaxPublish) + " events",
		}
	}
	if err := s.charge(r.Request, publishCost*(len(raws)-1)); err != nil {
		return 0, nil, err
	}
	results := make([]any, len(raws))
	events := make([]webhook.NewEvent, 0, len(raws))
	places := make([]int, 0, len(raws)) // of events in results
	for i, raw := range raws {
		n, err := newEvent(raw)
		if err != nil {
			results[i] = s.refuse(r, err, i)
			continue
		}
		events = append(events, n)
		places = append(places, i)
	}
	if len(events) > 0 {
		done, err := r.scope.Publish(r.Context(), events)
		if err != nil {
			return 0, nil, err
		}
		for i, p := range done {
			if p.Err != nil {
				results[places[i]] = s.refuse(r, p.Err, places[i])
			} else {
				results[places[i]] = r.showEvent(p)
			}
		}
	}
	return http.StatusAccepted, struct {
		Object string `json:"object"`
		Data   []any  `json:"data"`
	}{"list", results}, nil
}

var placePrefix = regexp.MustCompile(`^events\.\d+\.?`)

// refuse names fields by the event's index in the caller's array ("3.data").
func (s *server) refuse(r *request, err error, place int) refused {
	f := s.expected(r.Request, err)
	named := func(d detail) detail {
		d.Field = placePrefix.ReplaceAllString(d.Field, "")
		if d.Field == "" {
			d.Field = strconv.Itoa(place)
		} else {
			d.Field = strconv.Itoa(place) + "." + d.Field
		}
		return d
	}
	out := refused{Error: named(f.detail)}
	for _, d := range f.all {
		out.Errors = append(out.Errors, named(d))
	}
	if f.status == http.StatusInternalServerError {
		out.Error.RequestID = intake.RequestID(r.Context())
	}
	return out
}
