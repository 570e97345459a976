package list

import "github.com/hookgraph/hookgraph/internal/webhook"

// DeliveryTime is a time of a delivery that can order a list.
type DeliveryTime uint8

// The times.
const (
	CreatedAt DeliveryTime = iota // the order of Seq
	CompletedAt
	NextAttemptAt
)

// DeliveryOrder is the order of a list of deliveries. The zero order is newest first. In lists in the order of completion or of the next
// attempt deliveries move, so pages may repeat or miss one.
type DeliveryOrder struct {
	By        DeliveryTime
	Ascending bool
}

// At returns the time, in microseconds, of a delivery in the list; nil for lists in the order of Seq.
func (o DeliveryOrder) At() func(*webhook.Delivery) int64 {
	if o.By == CreatedAt {
		return nil
	}
	return func(d *webhook.Delivery) int64 {
		at := d.CompletedAt
		if o.By == NextAttemptAt {
			at = d.NextAttemptAt
		}
		if at == nil { // it has left the list in the meantime
			return 0
		}
		return at.UnixMicro()
	}
}

// WebhookOrder is the order of a list of webhooks.
type WebhookOrder uint8

// The orders of webhooks. Webhooks move in the order of their failures, and those lists have webhooks with failures only.
const (
	WebhookCreated    WebhookOrder = iota // which is the order of Seq
	WebhookFailed                         // when an attempt failed last
	WebhookFailedRate                     // the share of attempts that failed
)

// index returns the index with the order by failures, and the column that orders the list.
func (o WebhookOrder) index() *Index {
	return map[WebhookOrder]*Index{WebhookFailed: failedWebhooks, WebhookFailedRate: failingWebhooks}[o]
}

// Column is the column that orders the list, under its name in PlacedWebhook.
func (o WebhookOrder) Column() string { return "s." + o.index().time + " AS placed_at" }

// PlacedWebhook is a webhook and its place in an order by failures.
type PlacedWebhook struct {
	webhook.Webhook `gorm:"embedded"`

	PlacedAt int64
}

// Webhooks returns the list without the places, which Times has.
func Webhooks(l *List[PlacedWebhook]) *List[webhook.Webhook] {
	if l == nil {
		return nil
	}
	plain := &List[webhook.Webhook]{
		Items: make([]*webhook.Webhook, len(l.Items)), Times: make([]int64, len(l.Items)), HasNext: l.HasNext, HasPrev: l.HasPrev,
		Start: l.Start, End: l.End, StartAt: l.StartAt, EndAt: l.EndAt, SearchedTo: l.SearchedTo,
	}
	for i, w := range l.Items {
		plain.Items[i], plain.Times[i] = &w.Webhook, w.PlacedAt
	}
	return plain
}
