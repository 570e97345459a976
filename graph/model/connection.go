package model

import (
	"context"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Connection is a page of a list (Relay's cursor connections).
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo *PageInfo
	// Count counts the whole list. It is called only when totalCount is asked for.
	Count func(context.Context) (int, error)
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

// TotalCount is Count.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) { return c.Count(ctx) }

// The connections and edges of the schema.
type (
	WebhookConnection         = Connection[webhook.Webhook]
	WebhookEdge               = Edge[webhook.Webhook]
	EventConnection           = Connection[webhook.Event]
	EventEdge                 = Edge[webhook.Event]
	DeliveryConnection        = Connection[webhook.Delivery]
	DeliveryEdge              = Edge[webhook.Delivery]
	DeliveryAttemptConnection = Connection[webhook.Attempt]
	DeliveryAttemptEdge       = Edge[webhook.Attempt]
)
