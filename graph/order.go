package graph

import (
	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// deliveriesBy returns the list in the order of a time, and that order. Without a direction, what is due earliest comes first, and
// otherwise the newest.
func deliveriesBy(by model.DeliveryOrder, direction *model.OrderDirection) (*listing[*store.Scope, webhook.Delivery, store.DeliveryFilter], store.DeliveryOrder) {
	switch by {
	case model.DeliveryOrderCompletedAt:
		return &completed, store.DeliveryOrder{By: store.CompletedAt, Ascending: ascending(direction, false)}
	case model.DeliveryOrderNextAttemptAt:
		return &nextAttempts, store.DeliveryOrder{By: store.NextAttemptAt, Ascending: ascending(direction, true)}
	}
	return &deliveries, store.DeliveryOrder{Ascending: ascending(direction, false)}
}

// webhooksBy returns the list of webhooks in the order, and sets the order in the filter.
func webhooksBy(by model.WebhookOrder, direction *model.OrderDirection, f *store.WebhookFilter) *listing[*store.Scope, webhook.Webhook, store.WebhookFilter] {
	f.Ascending = ascending(direction, false)
	switch by {
	case model.WebhookOrderFailureRate:
		f.Order = store.WebhookFailedRate
		return &failureRates
	case model.WebhookOrderLastFailureAt:
		f.Order = store.WebhookFailed
		return &lastFailures
	}
	return &webhooks
}

func ascending(direction *model.OrderDirection, otherwise bool) bool {
	if direction == nil {
		return otherwise
	}
	return *direction == model.OrderDirectionAsc
}
