package web

import (
	"context"
	"net/http"
	"time"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// delivery is a delivery as REST shows it.
type delivery struct {
	ID            webhook.ID             `json:"id"`
	Object        string                 `json:"object"`
	EventID       webhook.ID             `json:"event_id"`
	WebhookID     webhook.ID             `json:"webhook_id"`
	WebhookURL    string                 `json:"webhook_url"` // also after the webhook was deleted
	Status        webhook.DeliveryStatus `json:"status"`
	AttemptCount  int                    `json:"attempt_count"`
	NextAttemptAt *moment                `json:"next_attempt_at"` // null: an attempt runs, none is due, or it waits
	CreatedAt     moment                 `json:"created_at"`
	CompletedAt   *moment                `json:"completed_at"` // null: not yet
	// FailureReason is null unless it is FAILED.
	FailureReason *webhook.FailureReason `json:"failure_reason"`
	// ReplayID is the replay that last made it due, or canceled it; null if none did.
	ReplayID *webhook.ID `json:"replay_id"`
	// BlockedBy is the delivery that it waits for, because both have the same ordering key; absent if it waits for none.
	BlockedBy *webhook.ID `json:"blocked_by,omitempty"`
}

// showDeliveries converts deliveries for an answer.
func (r *request) showDeliveries(all ...*webhook.Delivery) ([]delivery, error) {
	var lines []webhook.ID
	for _, d := range all {
		if d.Waits() && d.Line != nil {
			lines = append(lines, *d.Line)
		}
	}
	heads, err := r.scope.HeadsOfLines(r.Context(), lines)
	if err != nil {
		return nil, err
	}
	shown := make([]delivery, len(all))
	for i, d := range all {
		shown[i] = delivery{
			ID: d.ID, Object: "delivery", EventID: d.EventID, WebhookID: d.WebhookID, WebhookURL: d.WebhookURL, Status: d.Status,
			AttemptCount: d.AttemptCount, NextAttemptAt: (*moment)(d.NextAttemptAt), CreatedAt: moment(d.CreatedAt), CompletedAt: (*moment)(d.CompletedAt),
			FailureReason: d.FailureReason, ReplayID: d.ReplayID,
		}
		if d.Waits() && d.Line != nil {
			if head := heads[*d.Line]; head != nil {
				shown[i].BlockedBy = &head.ID
			}
		}
	}
	return shown, nil
}

func (r *request) answerDelivery(d *webhook.Delivery) (int, any, error) {
	shown, err := r.showDeliveries(d)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, shown[0], nil
}

// listDeliveries takes the conditions that a replay takes in its filter.
func (s *server) listDeliveries(r *request) (int, any, error) {
	var f store.DeliveryFilter
	now := time.Now()
	given := map[string]parameter{
		"webhook_ids": idsOf(&f.WebhookIDs), "event_ids": idsOf(&f.EventIDs), "replay_ids": idsOf(&f.ReplayIDs), "event_types": textsOf(&f.EventTypes),
		"statuses": wordsOf(&f.Statuses, webhook.DeliveryStatuses), "tags": textsOf(&f.Tags), "data": dataOf(&f.Data),
		"errors": wordsOf(&f.Errors, webhook.ErrorCodes), "http_statuses": statusesOf(&f.HTTPStatuses),
	}
	timesOf(given, "created_at", &f.CreatedAt, now)
	timesOf(given, "completed_at", &f.CompletedAt, now)
	timesOf(given, "next_attempt_at", &f.NextAttemptAt, now)
	return listRows(s, r, &rows[webhook.Delivery, delivery]{
		kind: cursor.RESTDeliveries, cost: listedCost, given: given, check: f.Check,
		read: func(p store.Page) (*store.List[webhook.Delivery], error) {
			return r.scope.Deliveries(r.Context(), f, p)
		},
		show: func(all []*webhook.Delivery) ([]delivery, error) { return r.showDeliveries(all...) },
	})
}

func (s *server) getDelivery(r *request) (int, any, error) {
	found, err := findByID(r, r.scope.DeliveriesByID)
	if err != nil {
		return 0, nil, err
	}
	return r.answerDelivery(found)
}

// retryDelivery makes a delivery due now. Its body, if there is one, is not read.
func (s *server) retryDelivery(r *request) (int, any, error) {
	return r.steer((*store.Scope).RetryDelivery)
}

// steer changes the delivery of the path.
func (r *request) steer(change func(*store.Scope, context.Context, webhook.ID) (*webhook.Delivery, error)) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	d, err := change(r.changing(), r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	return r.answerDelivery(d)
}

func (s *server) cancelDelivery(r *request) (int, any, error) {
	return r.steer((*store.Scope).CancelDelivery)
}
