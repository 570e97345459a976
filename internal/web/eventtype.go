package web

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/openapi"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// eventType is an event type as REST shows it. What a type does not have is absent.
type eventType struct {
	Name        string                   `json:"name"`
	Object      string                   `json:"object"`
	Declared    bool                     `json:"declared"`
	Description string                   `json:"description"`
	Schema      json.RawMessage          `json:"schema,omitempty"`
	Validation  webhook.SchemaValidation `json:"validation"`
	Example     json.RawMessage          `json:"example,omitempty"`
	Deprecated  bool                     `json:"deprecated"`
	// WebhookCount counts those that get events of the type, wildcards included, as of now.
	WebhookCount int `json:"webhook_count"`

	CreatedAt       *second `json:"created_at,omitempty"` // of the declaration, as is UpdatedAt
	UpdatedAt       *second `json:"updated_at,omitempty"`
	DeprecatedAt    *second `json:"deprecated_at,omitempty"`
	LastPublishedAt *second `json:"last_published_at,omitempty"` // only for callers who may read events
	LastViolationAt *second `json:"last_violation_at,omitempty"`
	LastViolation   *string `json:"last_violation,omitempty"`
}

func (r *request) showType(t *webhook.EventType) eventType {
	shown := eventType{
		Name: t.Name, Object: "event_type", Declared: t.Declared(), Description: t.Description, Validation: t.Validation,
		Deprecated: t.DeprecatedAt != nil, DeprecatedAt: (*second)(t.DeprecatedAt), WebhookCount: r.scope.Wanting(t.Name),
		LastViolationAt: (*second)(t.ViolatedAt), LastViolation: t.Violation,
	}
	if t.Schema != nil {
		shown.Schema = json.RawMessage(*t.Schema)
	}
	if t.Example != nil {
		shown.Example = json.RawMessage(*t.Example)
	}
	if t.Declared() {
		shown.CreatedAt, shown.UpdatedAt = (*second)(&t.CreatedAt), (*second)(&t.UpdatedAt)
	}
	if auth.From(r.Context()).Token.Scopes.Has(webhook.ScopeDeliveriesRead) {
		shown.LastPublishedAt = (*second)(t.LastPublishedAt)
	}
	return shown
}

// typeCost is what an event type in a list costs: itself, its schema and its example.
const typeCost = listedCost + 2*10

func (s *server) listEventTypes(r *request) (int, any, error) {
	var f store.EventTypeFilter
	return listRows(s, r, &rows[webhook.EventType, eventType]{
		kind: cursor.RESTEventTypes, cost: typeCost, given: map[string]parameter{"name": someText(&f.Name)}, check: f.Check,
		read: func(p store.Page) (*store.List[webhook.EventType], error) {
			return r.scope.EventTypePage(r.Context(), f, p)
		},
		show: each(r.showType),
	})
}

// getEventType answers 404 for a name that no type can have, as for one that none has.
func (s *server) getEventType(r *request) (int, any, error) {
	name := r.PathValue("name")
	if webhook.CheckPublishedType("name", name) != nil {
		return 0, nil, webhook.ErrNotFound
	}
	t, err := r.scope.EventType(r.Context(), name)
	if err != nil {
		return 0, nil, err
	}
	if t == nil {
		return 0, nil, webhook.ErrNotFound
	}
	return http.StatusOK, r.showType(t), nil
}

// putEventType declares the type of the path as the body says: what is left out has its default, also if the type had it. The object from a GET
// may be sent back.
func (s *server) putEventType(r *request) (int, any, error) {
	var p webhook.EventTypePatch
	name := r.PathValue("name")
	err := decode(r.body, map[string]func(json.RawMessage) string{
		"description": optional(str(&p.Description.Value)), "schema": optional(whole(&p.Schema.Value)), "example": optional(whole(&p.Example.Value)),
		"validation": optional(word(&p.Validation.Value, webhook.SchemaValidations)), "deprecated": optional(boolean(&p.Deprecated.Value)),

		"name": is(name), "object": is("event_type"),
		"declared": told, "webhook_count": told, "created_at": told, "updated_at": told, "deprecated_at": told, "last_published_at": told,
		"last_violation_at": told, "last_violation": told,
	})
	if err != nil {
		return 0, nil, err
	}
	p.Description.Set, p.Schema.Set, p.Example.Set, p.Validation.Set, p.Deprecated.Set = true, true, true, true, true
	t, created, err := r.changing().PutEventType(r.Context(), name, p)
	if err != nil {
		return 0, nil, err
	}
	if created {
		r.header.Set("Location", "/v1/event-types/"+name)
		return http.StatusCreated, r.showType(t), nil
	}
	return http.StatusOK, r.showType(t), nil
}

func oneOf[T ~string](some []T) string { return fmt.Sprintf("must be one of %v", some) }

// word accepts one of some words.
func word[T ~string](to *T, some []T) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var one []T
		if problem := words(&one, some)(json.RawMessage("[" + string(raw) + "]")); problem != "" {
			return oneOf(some)
		}
		*to = one[0]
		return ""
	}
}

func (s *server) deleteEventType(r *request) (int, any, error) {
	deleted, err := r.changing().DeleteEventType(r.Context(), r.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, struct {
		Name    string `json:"name"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{deleted.Name, "event_type", true}, nil
}

// documentCost is what an export or an import of event types costs, which has up to webhook.MaxEventTypes of them.
const documentCost = 2000

func (s *server) exportOpenAPI(r *request) (int, any, error) { return s.export(r, openapi.Write) }

func (s *server) exportAsyncAPI(r *request) (int, any, error) { return s.export(r, openapi.WriteAsync) }

// export answers with a document of the declared types.
func (s *server) export(r *request, write func(title string, types []*webhook.EventType) ([]byte, error)) (int, any, error) {
	if err := noParameters(r); err != nil {
		return 0, nil, err
	}
	if err := s.charge(r.Request, documentCost); err != nil {
		return 0, nil, err
	}
	if err := s.documents.Take(r.holder, 1); err != nil {
		return 0, nil, err
	}
	r.after = func() { s.documents.Give(r.holder, 1) }
	types, err := r.scope.DeclaredEventTypes(r.Context())
	if err != nil {
		return 0, nil, err
	}
	text, err := write("Webhooks of "+auth.From(r.Context()).Tenant.Name, types)
	return http.StatusOK, json.RawMessage(text), err
}

func noParameters(r *request) error {
	q, err := r.parameters()
	if err != nil {
		return err
	}
	for name := range q {
		return spelled{&webhook.Invalid{Field: clip(name), Code: webhook.CodeInvalid, Message: "unknown parameter"}}
	}
	return nil
}

// typeChange is webhook.EventTypeChange as REST shows it.
type typeChange struct {
	Name          string                      `json:"name"`
	Kind          webhook.EventTypeChangeKind `json:"kind"`
	Fields        []string                    `json:"fields,omitempty"`
	Breaking      bool                        `json:"breaking"`
	WebhookCount  int                         `json:"webhook_count"`
	CheckedEvents int                         `json:"checked_events"`
	FailingEvents int                         `json:"failing_events"`
	Violation     *string                     `json:"violation,omitempty"`
}

// importOpenAPI declares what the document in the body describes. ?dry_run=true only tells what would change; ?delete_missing=true deletes declared
// types that it does not describe.
func (s *server) importOpenAPI(r *request) (int, any, error) {
	flags := map[string]bool{"dry_run": false, "delete_missing": false}
	q, err := r.parameters()
	if err != nil {
		return 0, nil, err
	}
	for name, values := range q {
		if _, known := flags[name]; !known {
			return 0, nil, spelled{&webhook.Invalid{Field: clip(name), Code: webhook.CodeInvalid, Message: "unknown parameter"}}
		}
		if len(values) != 1 || values[0] != "true" && values[0] != "false" {
			return 0, nil, spelled{&webhook.Invalid{Field: name, Code: webhook.CodeInvalid, Message: "must be true or false, once"}}
		}
		flags[name] = values[0] == "true"
	}
	if err := s.charge(r.Request, documentCost); err != nil {
		return 0, nil, err
	}
	all, err := openapi.Read(r.body)
	if err != nil {
		return 0, nil, err
	}
	found, err := r.changing().ImportEventTypes(r.Context(), all, flags["delete_missing"], flags["dry_run"])
	if err != nil {
		return 0, nil, err
	}
	changes := make([]typeChange, len(found.Changes))
	for i, c := range found.Changes {
		changes[i] = typeChange{c.Name, c.Kind, snakes(c.Fields), c.Breaking(), c.WebhookCount, c.CheckedEvents, c.FailingEvents, c.Violation}
	}
	return http.StatusOK, struct {
		Object    string       `json:"object"`
		DryRun    bool         `json:"dry_run"`
		Changes   []typeChange `json:"changes"`
		Unchanged int          `json:"unchanged_count"`
	}{"event_type_import", flags["dry_run"], changes, found.Unchanged}, nil
}

func snakes(fields []string) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = snake(f)
	}
	return all
}
