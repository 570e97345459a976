package web

import (
	"net/http"
	"slices"

	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// issue is an issue as REST shows it.
type issue struct {
	ID             webhook.ID          `json:"id"`
	Object         string              `json:"object"`
	Kind           webhook.IssueKind   `json:"kind"`
	Status         webhook.IssueStatus `json:"status"`
	Title          string              `json:"title"`
	Advice         string              `json:"advice"`
	WebhookID      *webhook.ID         `json:"webhook_id"`
	EventType      *string             `json:"event_type"`
	Quota          *webhook.QuotaName  `json:"quota"`
	Error          *webhook.ErrorCode  `json:"error"`
	HTTPStatus     *int                `json:"http_status"`
	Count          int                 `json:"count"`
	Limit          *int                `json:"limit"`
	ExpiresAt      *second             `json:"expires_at"`
	DueSince       *second             `json:"due_since"`
	FirstSeenAt    second              `json:"first_seen_at"`
	LastSeenAt     second              `json:"last_seen_at"`
	OpenedAt       second              `json:"opened_at"`
	ResolvedAt     *second             `json:"resolved_at"`
	AcknowledgedAt *second             `json:"acknowledged_at"`
	AcknowledgedBy *string             `json:"acknowledged_by"`
	LastAttemptID  *webhook.ID         `json:"last_attempt_id"`
	DisablesAt     *second             `json:"disables_at"`
}

// showIssues returns the issues as REST shows them. It reads their webhooks, together.
func showIssues(r *request, list ...*webhook.Issue) ([]issue, error) {
	var ids []webhook.ID
	for _, i := range list {
		if i.Kind == webhook.IssueFailing && i.ResolvedAt == nil && !slices.Contains(ids, *i.WebhookID) {
			ids = append(ids, *i.WebhookID)
		}
	}
	hooks, err := r.scope.WebhooksByID(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	shown := make([]issue, len(list))
	for n, i := range list {
		shown[n] = issue{
			ID: i.ID, Object: "issue", Kind: i.Kind, Status: i.Status(), Title: i.Title(), Advice: i.Advice(), WebhookID: i.WebhookID, EventType: i.EventType,
			Quota: i.Quota(), Error: i.Reason(), HTTPStatus: i.HTTPStatus, Limit: i.Bound, ExpiresAt: (*second)(i.ExpiresAt()), DueSince: (*second)(i.DueSince()), Count: i.Count, FirstSeenAt: second(i.FirstSeenAt), LastSeenAt: second(i.LastSeenAt), OpenedAt: second(i.OpenedAt), ResolvedAt: (*second)(i.ResolvedAt),
			AcknowledgedAt: (*second)(i.AcknowledgedAt), AcknowledgedBy: i.Acknowledger(), LastAttemptID: i.AttemptID,
		}
		if i.Kind != webhook.IssueFailing || i.ResolvedAt != nil {
			continue
		}
		if w := hooks[*i.WebhookID]; w != nil {
			shown[n].DisablesAt = (*second)(w.DisablesAt())
		}
	}
	return shown, nil
}

func (s *server) listIssues(r *request) (int, any, error) {
	var f store.IssueFilter
	given := map[string]parameter{
		"webhook_ids": idsOf(&f.WebhookIDs), "kinds": wordsOf(&f.Kinds, webhook.IssueKinds), "statuses": wordsOf(&f.Statuses, webhook.IssueStatuses),
		"errors": wordsOf(&f.Errors, webhook.ErrorCodes),
	}
	return listRows(s, r, &rows[webhook.Issue, issue]{
		kind: cursor.RESTIssues, cost: listedCost, given: given, check: f.Check,
		read: func(p store.Page) (*store.List[webhook.Issue], error) {
			return r.scope.Issues(r.Context(), f, p)
		},
		show: func(all []*webhook.Issue) ([]issue, error) { return showIssues(r, all...) },
	})
}

func (s *server) getIssue(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	found, err := r.scope.IssuesByID(r.Context(), []webhook.ID{id})
	if err != nil {
		return 0, nil, err
	}
	if found[id] == nil {
		return 0, nil, webhook.ErrNotFound
	}
	return shownIssue(r, found[id])
}

// acknowledgeIssue notes that somebody knows of the issue. It is safe to repeat.
func (s *server) acknowledgeIssue(r *request) (int, any, error) {
	id, err := pathID(r)
	if err != nil {
		return 0, nil, err
	}
	acknowledged, err := r.changing().AcknowledgeIssue(r.Context(), id)
	if err != nil {
		return 0, nil, err
	}
	return shownIssue(r, acknowledged)
}

func shownIssue(r *request, i *webhook.Issue) (int, any, error) {
	shown, err := showIssues(r, i)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, shown[0], nil
}
