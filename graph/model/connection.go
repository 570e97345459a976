package model

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Connection is a page of a list (Relay's cursor connections).
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo *PageInfo
	// CountTo counts the whole list, up to limit.
	CountTo func(ctx context.Context, limit int) (store.Count, error)
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
	counted := &Count{Count: n.N, Precision: CountPrecisionExact}
	if n.AtLeast {
		counted.Precision = CountPrecisionAtLeast
	}
	return counted, nil
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
	// TokenConnection is a page of tokens.
	TokenConnection = Connection[webhook.Token]
	// TokenEdge is a token in a list.
	TokenEdge = Edge[webhook.Token]
)
