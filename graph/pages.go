package graph

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookgraph/hookgraph/graph/model"
	"github.com/hookgraph/hookgraph/internal/cursor"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Sizes of a page.
const (
	defaultPage = store.DefaultPage // cost.go assumes it for a list without first and last
	maxPage     = store.MaxPage
	maxNodes    = 100
)

// arguments are the arguments that every list has.
type arguments struct {
	first  *int
	after  *string
	last   *int
	before *string
}

// page translates the arguments of a list; from reads the cursors of its kind.
func (a arguments) page(ctx context.Context, from cursors, k cursor.Kind) (store.Page, error) {
	var p store.Page
	var err error
	switch {
	case a.first != nil && a.last != nil:
		return p, &webhook.Invalid{Field: "last", Code: webhook.CodeConflict, Message: "must not be combined with first; give one of them"}
	case a.first != nil:
		p.First, err = size("first", *a.first)
	case a.last != nil:
		p.Last, err = size("last", *a.last)
	default:
		p.First = defaultPage
	}
	if err == nil && a.after != nil {
		var at store.Place
		at, err = place(ctx, from, k, "after", *a.after)
		p.After, p.AfterAt = at.Seq, at.At
	}
	if err == nil && a.before != nil {
		var at store.Place
		at, err = place(ctx, from, k, "before", *a.before)
		p.Before, p.BeforeAt = at.Seq, at.At
	}
	return p, err
}

// place returns a cursor's position in its list.
func place(ctx context.Context, from cursors, k cursor.Kind, argument, text string) (store.Place, error) {
	at, err := from.ReadCursorAt(ctx, k, text)
	if errors.Is(err, webhook.ErrCursor) {
		err = &webhook.Invalid{Field: argument, Code: webhook.CodeInvalid, Message: "must be a cursor of this list"}
	}
	return at, err
}

func size(argument string, n int) (int, error) {
	if n < 1 || n > maxPage {
		return 0, &webhook.Invalid{Field: argument, Code: webhook.CodeOutOfRange, Message: fmt.Sprintf("must be from 1 to %d", maxPage)}
	}
	return n, nil
}

// deliveriesBy returns the list in the order of a time, and that order. Without a direction, what is due earliest comes first, and
// otherwise the newest.
func deliveriesBy(by *model.DeliveryOrder) (*listing[*store.Scope, webhook.Delivery, store.DeliveryFilter], store.DeliveryOrder) {
	order := given(by)
	switch order.Field {
	case model.DeliveryOrderFieldCompletedAt:
		return &completed, store.DeliveryOrder{By: store.CompletedAt, Ascending: ascending(order.Direction, false)}
	case model.DeliveryOrderFieldNextAttemptAt:
		return &nextAttempts, store.DeliveryOrder{By: store.NextAttemptAt, Ascending: ascending(order.Direction, true)}
	}
	return &deliveries, store.DeliveryOrder{Ascending: ascending(order.Direction, false)}
}

// webhooksBy returns the list of webhooks in the order, and sets the order in the filter.
func webhooksBy(by *model.WebhookOrder, f *store.WebhookFilter) *listing[*store.Scope, webhook.Webhook, store.WebhookFilter] {
	order := given(by)
	f.Ascending = ascending(order.Direction, false)
	switch order.Field {
	case model.WebhookOrderFieldFailureRate:
		f.Order = store.WebhookFailedRate
		return &failureRates
	case model.WebhookOrderFieldLastFailureAt:
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
