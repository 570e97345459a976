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
