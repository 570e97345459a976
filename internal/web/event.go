package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
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

// storedEvent is an event that was published earlier as REST shows it.
type storedEvent struct {
	ID             webhook.ID           `json:"id"`
	Object         string               `json:"object"`
	Type           string               `json:"type"`
	Timestamp      moment               `json:"timestamp"`
	Tags           []string             `json:"tags"`
	IdempotencyKey *string              `json:"idempotency_key"` // null: none
	OrderingKey    *string              `json:"ordering_key"`
	DeliverAt      *moment              `json:"deliver_at"`
	ExpiresAt      *moment              `json:"expires_at"`
	Traceparent    *webhook.TraceParent `json:"traceparent"`
	CreatedAt      second               `json:"created_at"`
	Test           bool                 `json:"test"`           // it was sent to try one webhook
	Data           json.RawMessage      `json:"data,omitempty"` // absent in lists
}

func showStored(e *webhook.Event) storedEvent {
	return storedEvent{
		ID: e.ID, Object: "event", Type: e.Type, Timestamp: moment(e.Timestamp), Tags: append([]string{}, e.Tags...), OrderingKey: e.OrderingKey,
		DeliverAt: (*moment)(e.DeliverAt), ExpiresAt: (*moment)(e.ExpiresAt), Traceparent: e.Traceparent,
		CreatedAt: second(e.CreatedAt), Test: e.Test,
	}
}

// moment is a time to the microsecond.
type moment time.Time

// MarshalText implements encoding.TextMarshaler.
func (t moment) MarshalText() ([]byte, error) { return t.append(nil), nil }

func (t moment) append(b []byte) []byte {
	return time.Time(t).UTC().AppendFormat(b, "2006-01-02T15:04:05.999999-07:00")
}

// publish answers 202, because the deliveries are accepted but not made yet. Each event of an array has its own result: one that is
// refused does not affect the others.
func (s *server) publish(r *request) (int, any, error) {
	var one [1]found // which most calls have
	found, list, plain := findPlain(r.body, one[:0])
	if plain && list {
		if err := s.admitMany(r, len(found)); err != nil {
			return 0, nil, err
		}
	}
	if plain {
		if events, ok := readPlain(found); ok && list {
			return s.publishMany(r, len(events), func(i int) (webhook.NewEvent, error) { return events[i], nil })
		} else if ok {
			return s.publishOne(r, events)
		}
	}
	if err := checkJSON(r.body); err != nil {
		return 0, nil, err
	}
	if bytes.TrimSpace(r.body)[0] == '[' {
		raws, ok := elements(r.body, webhook.MaxPublish)
		n := len(raws)
		if !ok {
			n = webhook.MaxPublish + 1
		}
		if !plain {
			if err := s.admitMany(r, n); err != nil {
				return 0, nil, err
			}
		}
		return s.publishMany(r, n, func(i int) (webhook.NewEvent, error) { return newEvent(raws[i]) })
	}
	n, err := newEvent(r.body)
	if err != nil {
		return 0, nil, err
	}
	return s.publishOne(r, []webhook.NewEvent{n})
}

func (s *server) publishOne(r *request, event []webhook.NewEvent) (int, any, error) {
	if err := r.idempotencyKey(&event[0]); err != nil {
		return 0, nil, err
	}
	event[0].Traceparent = webhook.TraceParentOf(r.Header)
	done, err := r.scope.Publish(r.Context(), event)
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
		"idempotency_key": optional(filled(&n, "idempotencyKey", &n.IdempotencyKey)),
		"tags":            optional(strs(&n.Tags)),
		"ordering_key":    optional(filled(&n, "orderingKey", &n.OrderingKey)),
		"deliver_at":      timestamp(&n.DeliverAt),
		"expires_at":      timestamp(&n.ExpiresAt),
	})
	return n, err
}

// filled notes that a text was given empty, which the event's check refuses.
func filled(n *webhook.NewEvent, field string, to *string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		problem := str(to)(raw)
		if problem == "" && *to == "" {
			n.Blank = append(n.Blank, field)
		}
		return problem
	}
}

func (r *request) showEvent(p store.Published) *event {
	e := p.Event
	return &event{
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

// admitMany checks a call with n events, and takes its cost, before any event is read.
func (s *server) admitMany(r *request, n int) error {
	if err := r.idempotencyKey(nil); err != nil {
		return err
	}
	if n == 0 || n > webhook.MaxPublish {
		return &webhook.Invalid{
			Code: webhook.CodeTooMany, Message: "must have 1 to " + thousands(webhook.MaxPublish) + " events",
		}
	}
	return s.charge(r.Request, publishCost*(n-1))
}

// publishMany publishes n events, which were admitted; read returns the event at an index, or why it is refused.
func (s *server) publishMany(r *request, n int, read func(i int) (webhook.NewEvent, error)) (int, any, error) {
	results := make(published, n)
	events := make([]webhook.NewEvent, 0, n)
	places := make([]int, 0, n) // of events in results
	trace := webhook.TraceParentOf(r.Header)
	for i := range n {
		e, err := read(i)
		if err != nil {
			results[i] = s.refuse(r, err, i)
			continue
		}
		e.Traceparent = trace
		events = append(events, e)
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
	return http.StatusAccepted, results, nil
}

// published are the results of a list: *event or refused.
type published []any

func (all published) appendJSON(b []byte) []byte {
	b = append(b, `{"object":"list","data":[`...)
	for i, one := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, one)
	}
	return append(b, "]}"...)
}

// appendJSON appends the event without reflection, unless it has texts of the publisher's, which may need escaping.
func (e *event) appendJSON(b []byte) []byte {
	if len(e.Tags) > 0 || e.OrderingKey != nil {
		return appendMarshaled(b, e)
	}
	b = append(b, `{"id":"`...)
	b = e.ID.AppendText(b)
	b = append(b, `","object":"event","type":"`...)
	b = append(b, e.Type...) // its characters need no escaping
	b = append(b, `","timestamp":"`...)
	b = e.Timestamp.append(b)
	if e.DeliverAt != nil {
		b = append(b, `","deliver_at":"`...)
		b = e.DeliverAt.append(b)
	}
	if e.ExpiresAt != nil {
		b = append(b, `","expires_at":"`...)
		b = e.ExpiresAt.append(b)
	}
	b = append(b, `","created_at":"`...)
	b = e.CreatedAt.append(b)
	b = append(b, `","webhooks":`...)
	b = strconv.AppendInt(b, int64(e.Webhooks), 10)
	if e.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	return append(b, '}')
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

// listEvents shows events without their data, which may be long.
func (s *server) listEvents(r *request) (int, any, error) {
	var f store.EventFilter
	given := map[string]parameter{"types": textsOf(&f.Types), "tags": textsOf(&f.Tags), "idempotency_key": someText(&f.IdempotencyKey), "data": dataOf(&f.Data)}
	timesOf(given, "created_at", &f.CreatedAt, time.Now())
	return listRows(s, r, &rows[webhook.Event, storedEvent]{
		kind: cursor.RESTEvents, cost: listedCost, given: given, check: f.Check,
		read: func(p store.Page) (*store.List[webhook.Event], error) {
			return r.scope.Lean(store.Lean{NoData: true}).Events(r.Context(), f, p)
		},
		show: r.showEvents,
	})
}

// showEvents converts stored events for an answer, without their data.
func (r *request) showEvents(events []*webhook.Event) ([]storedEvent, error) {
	ids := make([]webhook.ID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	keys, err := r.scope.IdempotencyKeys(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	shown := make([]storedEvent, len(events))
	for i, e := range events {
		shown[i] = showStored(e)
		if key := keys[e.ID]; key != "" {
			shown[i].IdempotencyKey = &key
		}
	}
	return shown, nil
}

func (s *server) getEvent(r *request) (int, any, error) {
	if err := s.holdPayload(r); err != nil {
		return 0, nil, err
	}
	e, err := findByID(r, r.scope.EventsByID)
	if err != nil {
		return 0, nil, err
	}
	shown, err := r.showEvents([]*webhook.Event{e})
	if err != nil {
		return 0, nil, err
	}
	shown[0].Data = e.Data
	return http.StatusOK, shown[0], nil
}
