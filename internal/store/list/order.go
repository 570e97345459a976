package list

import "github.com/hookgraph/hookgraph/internal/webhook"

// DeliveryTime is a time of a delivery that a list can run by.
type DeliveryTime uint8

// The times.
const (
	CreatedAt DeliveryTime = iota // which is the order of Seq
	CompletedAt
	NextAttemptAt
)

// DeliveryOrder is how a list of deliveries runs. The zero order is newest first. Deliveries move in lists in the order of their completion
// or next attempt: while they do, a page may have one again, or lack one.
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
		if at == nil { // it has moved out of the list meanwhile
			return 0
		}
		return at.UnixMicro()
	}
}
