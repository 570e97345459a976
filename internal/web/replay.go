package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// replay is a replay as REST shows it.
type replay struct {
	ID            webhook.ID           `json:"id"`
	Object        string               `json:"object"`
	Kind          webhook.ReplayKind   `json:"kind"`
	Filter        conditions           `json:"filter"`
	Status        webhook.ReplayStatus `json:"status"`
	Note          string               `json:"note"`
	RatePerSecond *int                 `json:"rate_per_second"` // null: as fast as deliveries are sent
	Total         *int                 `json:"total"`           // null: too many to count
	Matched       int                  `json:"matched"`
	Started       int                  `json:"started"`
	Succeeded     int                  `json:"succeeded"`
	Failed        int                  `json:"failed"`
	Skipped       int                  `json:"skipped"`
	CreatedAt     second               `json:"created_at"`
	CompletedAt   *second              `json:"completed_at"`
	Estimated     *second              `json:"estimated_completion_at"` // null: it is paused, or that is not known
	FailureReason *string              `json:"failure_reason,omitempty"`
}

// conditions are those of a replay as REST shows them, and takes them: store.DeliveryFilter in snake case.
type conditions struct {
	DeliveryIDs   []webhook.ID             `json:"delivery_ids,omitempty"`
	WebhookIDs    []webhook.ID             `json:"webhook_ids,omitempty"`
	EventIDs      []webhook.ID             `json:"event_ids,omitempty"`
	ReplayIDs     []webhook.ID             `json:"replay_ids,omitempty"`
	EventTypes    []string                 `json:"event_types,omitempty"`
	Statuses      []webhook.DeliveryStatus `json:"statuses,omitempty"`
	Tags          []string                 `json:"tags,omitempty"`
	Data          []filter.Data            `json:"data,omitempty"`
	Errors        []webhook.ErrorCode      `json:"errors,omitempty"`
	HTTPStatuses  []store.IntRange         `json:"http_statuses,omitempty"`
	CreatedAt     store.TimeRange          `json:"created_at,omitzero"`
	CompletedAt   store.TimeRange          `json:"completed_at,omitzero"`
	NextAttemptAt store.TimeRange          `json:"-"` // which a replay does not take
	Order         store.DeliveryOrder      `json:"-"`
}

// showReplay shows a replay at a time.
func showReplay(r *webhook.Replay, now time.Time) replay {
	var f store.DeliveryFilter
	_ = json.Unmarshal([]byte(r.Filter), &f) // the store has written it
	return replay{
		ID: r.ID, Object: "replay", Kind: r.Kind, Filter: conditions(f), Status: r.Status, Note: r.Note, RatePerSecond: r.RatePerSecond, Total: r.Total,
		Matched: r.Matched, Started: r.Started, Succeeded: r.Succeeded, Failed: r.Failed, Skipped: r.Skipped,
		CreatedAt: second(r.CreatedAt), CompletedAt: (*second)(r.CompletedAt), Estimated: (*second)(r.EstimatedCompletionAt(now)),
		FailureReason: r.FailureReason,
	}
}

// replayCost is what a replay costs beside its call: it is counted first.
const replayCost = 100

// createReplay answers 202, because what the replay does is not done yet. With an idempotency key it is safe to repeat.
func (s *server) createReplay(r *request) (int, any, error) {
	in, err := r.replayInput()
	if err != nil {
		return 0, nil, err
	}
	if err := s.charge(r.Request, replayCost); err != nil {
		return 0, nil, err
	}
	made, err := r.changing().CreateReplay(r.Context(), in)
	if err != nil {
		return 0, nil, err
	}
	r.header.Set("Location", "/v1/replays/"+made.ID.String())
	return http.StatusAccepted, showReplay(made, s.Store.Now()), nil
}

// replayInput reads what to replay from the body.
func (r *request) replayInput() (*store.ReplayInput, error) {
	in := store.ReplayInput{Kind: webhook.ReplayFailed}
	var conditions []byte
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"kind": optional(str((*string)(&in.Kind))), "filter": whole(&conditions), "rate_per_second": number(&in.RatePerSecond),
		"note": optional(str(&in.Note)), "idempotency_key": text(&in.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	if conditions == nil {
		return nil, &webhook.Invalid{Field: "filter", Code: webhook.CodeRequired, Message: "is required; {} means all deliveries of the kind"}
	}
	if in.Filter, err = replayFilter(conditions, time.Now()); err != nil {
		return nil, err
	}
	var key webhook.NewEvent
	if in.IdempotencyKey != nil {
		key.IdempotencyKey = *in.IdempotencyKey
	}
	if err := r.idempotencyKey(&key); err != nil {
		return nil, err
	}
	if in.IdempotencyKey == nil && key.IdempotencyKey != "" {
		in.IdempotencyKey = &key.IdempotencyKey
	}
	return &in, nil
}

// previewed is a preview of a replay as REST shows it.
type previewed struct {
	Object     string    `json:"object"`
	Deliveries counted   `json:"deliveries"`
	ByWebhook  []counted `json:"by_webhook"` // those with the most first
	// Samples are the newest deliveries, and SampleEvents, of kind MISSING, the newest events whose deliveries would be created.
	Samples             []delivery    `json:"samples"`
	SampleEvents        []storedEvent `json:"sample_events"`
	EstimatedDurationMs *int          `json:"estimated_duration_ms"` // null: there is no rate
}

// counted is a number of deliveries: of all, with its precision, or of a webhook.
type counted struct {
	WebhookID *webhook.ID `json:"webhook_id,omitempty"`
	Count     int         `json:"count"`
	Precision string      `json:"precision,omitempty"`
}

// maxPreviewed is how many webhooks a preview tells.
const maxPreviewed = 100

// previewReplay takes the body of createReplay, and changes nothing.
func (s *server) previewReplay(r *request) (int, any, error) {
	in, err := r.replayInput()
	if err != nil {
		return 0, nil, err
	}
	if err := s.charge(r.Request, replayCost); err != nil {
		return 0, nil, err
	}
	p, err := r.scope.PreviewReplay(r.Context(), in)
	if err != nil {
		return 0, nil, err
	}
	answer := previewed{
		Object: "replay_preview", Deliveries: counted{Count: p.N, Precision: "EXACT"}, ByWebhook: []counted{},
	}
	if p.AtLeast {
		answer.Deliveries.Precision = "AT_LEAST"
	}
	for _, one := range p.ByWebhook[:min(len(p.ByWebhook), maxPreviewed)] {
		answer.ByWebhook = append(answer.ByWebhook, counted{WebhookID: &one.WebhookID, Count: one.N})
	}
	if answer.SampleEvents, err = r.showEvents(p.Events); err != nil {
		return 0, nil, err
	}
	if answer.Samples, err = r.showDeliveries(p.Samples...); err != nil {
		return 0, nil, err
	}
	if in.RatePerSecond != nil {
		answer.EstimatedDurationMs = new(p.N * 1000 / *in.RatePerSecond)
	}
	return http.StatusOK, answer, nil
}

// replayFilter reads the conditions of a replay.
func replayFilter(raw []byte, now time.Time) (f store.DeliveryFilter, err error) {
	err = decode(raw, map[string]func(json.RawMessage) string{
		"delivery_ids": ids(&f.DeliveryIDs), "webhook_ids": ids(&f.WebhookIDs), "event_ids": ids(&f.EventIDs), "replay_ids": ids(&f.ReplayIDs),
		"event_types": strs(&f.EventTypes), "tags": strs(&f.Tags), "statuses": words(&f.Statuses, webhook.DeliveryStatuses), "errors": words(&f.Errors, webhook.ErrorCodes),
		"http_statuses": objects(&f.HTTPStatuses, "from and to, each an integer or null", func(one *store.IntRange) map[string]func(json.RawMessage) string {
			return map[string]func(json.RawMessage) string{"from": number(&one.From), "to": number(&one.To)}
		}),
		"data":       objects(&f.Data, "path, and equals or contains", dataMembers),
		"created_at": timeRange(&f.CreatedAt, now), "completed_at": timeRange(&f.CompletedAt, now),
	})
	if all := webhook.Invalids(err); len(all) > 0 {
		var errs []error
		for _, one := range all {
			below := *one
			if below.Field = "filter"; one.Field != "" {
				below.Field += "." + one.Field
			}
			errs = append(errs, &below)
		}
		return f, spelled{errors.Join(errs...)}
	}
	return f, err
}

// dataMembers are the members of a condition on data.
func dataMembers(one *filter.Data) map[string]func(json.RawMessage) string {
	return map[string]func(json.RawMessage) string{"path": str(&one.Path), "equals": whole((*[]byte)(&one.Equals)), "contains": text(&one.Contains)}
}

// ids accepts null as an empty list.
func ids(to *[]webhook.ID) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var texts []string
		if strs(&texts)(raw) != "" {
			return "must be a list of IDs, or null"
		}
		*to = make([]webhook.ID, len(texts))
		for i, s := range texts {
			id, err := webhook.ParseID(s)
			if err != nil {
				return "must be a list of IDs, or null"
			}
			(*to)[i] = id
		}
		return ""
	}
}

// words accepts a list of some words, and null as an empty list.
func words[T ~string](to *[]T, some []T) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var texts []string
		problem := strs(&texts)(raw)
		for _, s := range texts {
			if !slices.Contains(some, T(s)) {
				problem = fmt.Sprintf("must be a list of %v, or null", some)
			}
			*to = append(*to, T(s))
		}
		return problem
	}
}

// objects accepts null as an empty list.
func objects[T any](to *[]T, what string, members func(one *T) map[string]func(json.RawMessage) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		wrong := "must be a list of objects with " + what + "; or null"
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return wrong
		}
		*to = make([]T, len(list))
		for i, one := range list {
			if decode(one, members(&(*to)[i])) != nil {
				return wrong
			}
		}
		return ""
	}
}

// timeRange accepts durations back from now, and null as unlimited.
func timeRange(to *store.TimeRange, now time.Time) func(json.RawMessage) string {
	bound := func(to **time.Time) func(json.RawMessage) string {
		return optional(func(raw json.RawMessage) string {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return webhook.ErrTimeBound.Error()
			}
			at, err := webhook.ParseTimeBound(text, now)
			if err != nil {
				return err.Error()
			}
			*to = &at
			return ""
		})
	}
	return optional(func(raw json.RawMessage) string {
		if err := decode(raw, map[string]func(json.RawMessage) string{"from": bound(&to.From), "to": bound(&to.To)}); err != nil {
			return `must be an object with "from" and "to", each ` + webhook.ErrTimeBound.Error()[len("must be "):] + ", or null"
		}
		return ""
	})
}

func (s *server) getReplay(r *request) (int, any, error) {
	found, err := findByID(r, r.scope.ReplaysByID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showReplay(found, s.Store.Now()), nil
}

// updateReplay pauses or resumes a replay, or changes its rate. The object from a GET may be sent back.
func (s *server) updateReplay(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	var p webhook.ReplayPatch
	err = decode(r.body, map[string]func(json.RawMessage) string{
		"paused": set(&p.Paused.Set, boolean(&p.Paused.Value)), "rate_per_second": set(&p.RatePerSecond.Set, number(&p.RatePerSecond.Value)),

		"id": is(id.String()), "object": is("replay"),
		"kind": told, "filter": told, "status": told, "note": told, "total": told, "matched": told, "started": told, "succeeded": told, "failed": told, "skipped": told,
		"created_at": told, "completed_at": told, "estimated_completion_at": told, "failure_reason": told,
	})
	if err != nil {
		return 0, nil, err
	}
	changed, err := r.changing().UpdateReplay(r.Context(), id, p)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showReplay(changed, s.Store.Now()), nil
}

// cancelReplay cancels a replay, which stays in the list.
func (s *server) cancelReplay(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	canceled, err := r.changing().CancelReplay(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, showReplay(canceled, s.Store.Now()), nil
}

func (s *server) listReplays(r *request) (int, any, error) {
	return listRows(s, r, &rows[webhook.Replay, replay]{
		kind: cursor.RESTReplays, cost: listedCost,
		read: func(p store.Page) (*store.List[webhook.Replay], error) { return r.scope.Replays(r.Context(), p) },
		show: each(func(r *webhook.Replay) replay { return showReplay(r, s.Store.Now()) }),
	})
}
