package dialect

import "github.com/hookgraph/hookgraph/internal/webhook"

// Statuses is a set of statuses of deliveries.
type Statuses uint8

// statusBits has the bit of each status.
var statusBits = map[webhook.DeliveryStatus]Statuses{
	webhook.Pending: 1, webhook.Held: 2, webhook.DeliverySucceeded: 4, webhook.DeliveryFailed: 8, webhook.Canceled: 16,
}

// StatusesOf returns the set of the statuses. What is stored as PENDING is HELD while its webhook is disabled, so the one stands for both.
func StatusesOf(list ...webhook.DeliveryStatus) Statuses {
	set := ShownStatuses(list)
	if set&Owed != 0 {
		set |= Owed
	}
	return set
}

// ShownStatuses returns the set of statuses as callers name them.
func ShownStatuses(list []webhook.DeliveryStatus) Statuses {
	var set Statuses
	for _, s := range list {
		set |= statusBits[s]
	}
	return set
}

// Sets that changes often have. AnyStatus is of a delivery of which nothing is known.
const (
	Owed      Statuses = 1 | 2
	AnyStatus Statuses = 1 | 2 | 4 | 8 | 16
)

// Change says that something that is shown has changed: a delivery; all deliveries of a webhook, when Delivery is zero; only the statistics of
// a tenant, when Webhook is zero too; or anything, when everything is zero. With Audit it is the audit log that has changed, with
// Issues the tenant's issues, with Nodes the nodes, and nothing else. It says which rows to read
// again, not what they are now.
type Change struct {
	Tenant, Webhook, Event, Delivery webhook.ID

	EventType string // of a delivery; "": not known
	// Was and Is are the statuses that the delivery may have had before, and may have after the change. Was is empty for a new one.
	Was, Is Statuses
	// Attempt is what was recorded, when that is the change.
	Attempt *webhook.Attempt
	// Audit says that entries were added to the audit log: the tenant's, or those of no tenant when Tenant is zero.
	Audit bool
	// Issues says that issues of the tenant were opened, resolved or acknowledged.
	Issues bool
	// Nodes says that a node has joined or ended. Each node notices that itself.
	Nodes bool
}

// Made is the change of new deliveries.
func Made(claims []*Claimed) []Change {
	list := make([]Change, len(claims))
	for i, claimed := range claims {
		list[i] = claimed.Change(0, Owed)
	}
	return list
}

// Change is a change of the claimed delivery.
func (claimed *Claimed) Change(was, is Statuses) Change {
	d := &claimed.Delivery
	return Change{Tenant: d.TenantID, Webhook: d.WebhookID, Event: d.EventID, Delivery: d.ID, EventType: claimed.Event.Type, Was: was, Is: is}
}

// Attempted is the change of deliveries of which attempts were recorded.
func Attempted(attempts []*webhook.Attempt) []Change {
	list := make([]Change, len(attempts))
	for i, a := range attempts {
		is := AnyStatus &^ statusBits[webhook.DeliverySucceeded]
		if a.Status == webhook.AttemptSucceeded {
			is = statusBits[webhook.DeliverySucceeded]
		}
		list[i] = Change{Tenant: a.TenantID, Webhook: a.WebhookID, Event: a.EventID, Delivery: a.DeliveryID, EventType: a.EventType, Was: Owed, Is: is, Attempt: a}
	}
	return list
}
