package webhook

import "slices"

// MaxOrderingKeyBytes is the maximum length of an event's ordering key.
const MaxOrderingKeyBytes = 255

// Ordering says in which order a webhook gets events.
type Ordering string

// The orderings.
const (
	OrderingNone  Ordering = "NONE" // as fast as possible, in no order
	OrderingByKey Ordering = "KEY"  // events with the same ordering key one after the other, in the order of publishing
)

// OnFailure says what follows a delivery with an ordering key that failed.
type OnFailure string

// What may follow.
const (
	OnFailureContinue OnFailure = "CONTINUE" // the next delivery with the key
	OnFailureHold     OnFailure = "HOLD"     // none, until somebody retries or cancels the one that failed
)

// Holds reports whether a delivery that failed holds up others with its ordering key.
func (w *Webhook) Holds() bool { return w.Ordering == OrderingByKey && w.OnFailure == OnFailureHold }

// checkOrdering applies the rules of Ordering and OnFailure.
func (w *Webhook) checkOrdering() (errs []error) {
	if !slices.Contains([]Ordering{"", OrderingNone, OrderingByKey}, w.Ordering) {
		errs = append(errs, Invalidf("ordering", CodeInvalid, "must be NONE or KEY"))
	}
	switch {
	case !slices.Contains([]OnFailure{"", OnFailureContinue, OnFailureHold}, w.OnFailure):
		errs = append(errs, Invalidf("onFailure", CodeInvalid, "must be CONTINUE or HOLD"))
	case w.OnFailure == OnFailureHold && w.Ordering != OrderingByKey:
		errs = append(errs, Invalidf("onFailure", CodeInvalid, "can be HOLD only if ordering is KEY: without an order no delivery waits for another"))
	}
	return errs
}

// checkOrderingKey refuses an ordering key that is too long or cannot be shown.
func checkOrderingKey(field, key string) error {
	switch {
	case len(key) > MaxOrderingKeyBytes:
		return Invalidf(field, CodeTooLong, "must be at most %d bytes long", MaxOrderingKeyBytes)
	case !printable(key):
		return Invalidf(field, CodeInvalid, "must be printable UTF-8")
	}
	return nil
}
