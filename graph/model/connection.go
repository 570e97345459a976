package model

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// Connection is a page of a list (Relay's cursor connections).
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo *PageInfo
	// CountTo counts the whole list, up to limit.
	CountTo func(ctx context.Context, limit int) (store.Count, error)
	// FacetsTo groups the first limit elements of the whole list. Only lists of deliveries have it.
	FacetsTo func(ctx context.Context, limit int) (*store.Facets, error)
}

// Edge is an element of a page.
type Edge[T any] struct {
	Cursor string
	Node   *T
}

// Nodes are the page's elements.
func (c *Connection[T]) Nodes() []*T {
	nodes := make([]*T, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// MaxCount is the maximum limit of a count.
const MaxCount = 100_000

// Count counts the whole list up to limit. It is called only if it is selected.
func (c *Connection[T]) Count(ctx context.Context, limit int) (*Count, error) {
	if limit < 1 || limit > MaxCount {
		return nil, &webhook.Invalid{Field: "limit", Code: webhook.CodeOutOfRange, Message: "must be from 1 to 100000"}
	}
	n, err := c.CountTo(ctx, limit)
	if err != nil {
		return nil, err
	}
	return Counted(n), nil
}

// Counted is a count as the API has it.
func Counted(n store.Count) *Count { return &Count{Count: n.N, Precision: precision(n.AtLeast)} }

// MaxFacets bounds the limit of facets.
const MaxFacets = 10_000

// FacetValue is a value and the number of elements that have it.
type FacetValue struct {
	Value string
	Count int
}

// DeliveryFacets has the number of deliveries by status, event type and error.
type DeliveryFacets struct {
	Statuses, EventTypes, Errors []*FacetValue
	Precision                    CountPrecision
}

// Facets groups the first limit elements of the whole list. It is called only when it is selected.
func (c *Connection[T]) Facets(ctx context.Context, limit int) (*DeliveryFacets, error) {
	if limit < 1 || limit > MaxFacets {
		return nil, &webhook.Invalid{Field: "limit", Code: webhook.CodeOutOfRange, Message: "must be from 1 to 10000"}
	}
	found, err := c.FacetsTo(ctx, limit)
	if err != nil {
		return nil, err
	}
	facets := &DeliveryFacets{Statuses: shown(found.Statuses), EventTypes: shown(found.EventTypes), Errors: shown(found.Errors), Precision: precision(found.AtLeast)}
	return facets, nil
}

func shown(list []store.Facet) []*FacetValue {
	facets := make([]*FacetValue, len(list))
	for i, f := range list {
		facets[i] = &FacetValue{f.Value, f.N}
	}
	return facets
}

func precision(atLeast bool) CountPrecision {
	if atLeast {
		return CountPrecisionAtLeast
	}
	return CountPrecisionExact
}

type (
	// WebhookConnection is a page of webhooks.
	WebhookConnection = Connection[webhook.Webhook]
	// WebhookEdge is a webhook in a list.
	WebhookEdge = Edge[webhook.Webhook]
	// EventConnection is a page of events.
	EventConnection = Connection[webhook.Event]
	// EventEdge is an event in a list.
	EventEdge = Edge[webhook.Event]
	// DeliveryConnection is a page of deliveries.
	DeliveryConnection = Connection[webhook.Delivery]
	// DeliveryEdge is a delivery in a list.
	DeliveryEdge = Edge[webhook.Delivery]
	// DeliveryAttemptConnection is a page of attempts.
	DeliveryAttemptConnection = Connection[webhook.Attempt]
	// DeliveryAttemptEdge is an attempt in a list.
	DeliveryAttemptEdge = Edge[webhook.Attempt]
	// TenantConnection is a page of tenants.
	TenantConnection = Connection[webhook.Tenant]
	// TenantEdge is a tenant in a list.
	TenantEdge = Edge[webhook.Tenant]
	// ReplayConnection is a page of replays.
	ReplayConnection = Connection[webhook.Replay]
	// ReplayEdge is a replay in a list.
	ReplayEdge = Edge[webhook.Replay]
	// WebhookMatchConnection is a page of webhooks, with whether each got an event.
	WebhookMatchConnection = Connection[store.Match]
	// WebhookMatchEdge is one of them in a list.
	WebhookMatchEdge = Edge[store.Match]
	// EventTypeConnection is a page of event types.
	EventTypeConnection = Connection[webhook.EventType]
	// EventTypeEdge is an event type in a list.
	EventTypeEdge = Edge[webhook.EventType]
	// IssueConnection is a page of issues.
	IssueConnection = Connection[webhook.Issue]
	// IssueEdge is an issue in a list.
	IssueEdge = Edge[webhook.Issue]
	// TokenConnection is a page of tokens.
	TokenConnection = Connection[webhook.Token]
	// TokenEdge is a token in a list.
	TokenEdge = Edge[webhook.Token]
	// PortalSessionConnection is a page of portal sessions.
	PortalSessionConnection = Connection[portal.Session]
	// PortalSessionEdge is a portal session in a list.
	PortalSessionEdge = Edge[portal.Session]
	// AuditEntryConnection is a page of the audit log.
	AuditEntryConnection = Connection[webhook.AuditEntry]
	// AuditEntryEdge is an entry in a list.
	AuditEntryEdge = Edge[webhook.AuditEntry]
)

// WebhookCount is a webhook, and how many deliveries are to it.
type WebhookCount struct {
	WebhookID webhook.ID
	Count     int
}
