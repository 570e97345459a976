package graph

import (
	"context"
	"errors"
	"fmt"

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

// maxFilter is the maximum length of a list in a filter.
const maxFilter = 100

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
		p.After, err = place(ctx, from, k, "after", *a.after)
	}
	if err == nil && a.before != nil {
		p.Before, err = place(ctx, from, k, "before", *a.before)
	}
	return p, err
}

// place returns a cursor's position in its list.
func place(ctx context.Context, from cursors, k cursor.Kind, argument, text string) (int64, error) {
	seq, err := from.ReadCursor(ctx, k, text)
	if errors.Is(err, webhook.ErrCursor) {
		err = &webhook.Invalid{Field: argument, Code: webhook.CodeInvalid, Message: "must be a cursor of this list"}
	}
	return seq, err
}

func size(argument string, n int) (int, error) {
	if n < 1 || n > maxPage {
		return 0, &webhook.Invalid{Field: argument, Code: webhook.CodeOutOfRange, Message: fmt.Sprintf("must be from 1 to %d", maxPage)}
	}
	return n, nil
}

// given returns a filter argument, or the zero value if it is absent.
func given[F any](f *F) F {
	if f == nil {
		var all F
		return all
	}
	return *f
}

func eventFilter(f *store.EventFilter) (store.EventFilter, error) {
	g := given(f)
	return g, first(bounded("types", len(g.Types)), eventTypes("types", g.Types))
}

func deliveryFilter(f *store.DeliveryFilter) (store.DeliveryFilter, error) {
	g := given(f)
	return g, first(bounded("webhookIds", len(g.WebhookIDs)), bounded("eventIds", len(g.EventIDs)),
		bounded("eventTypes", len(g.EventTypes)), bounded("statuses", len(g.Statuses)),
		eventTypes("eventTypes", g.EventTypes))
}

func attemptFilter(f *store.AttemptFilter) (store.AttemptFilter, error) {
	g := given(f)
	return g, first(bounded("webhookIds", len(g.WebhookIDs)), bounded("deliveryIds", len(g.DeliveryIDs)),
		bounded("eventIds", len(g.EventIDs)), bounded("eventTypes", len(g.EventTypes)), bounded("statuses", len(g.Statuses)),
		bounded("errors", len(g.Errors)), bounded("triggers", len(g.Triggers)), eventTypes("eventTypes", g.EventTypes))
}

func webhookFilter(f *store.WebhookFilter) (store.WebhookFilter, error) {
	g := given(f)
	err := first(contained("url", g.URL, webhook.MaxURLBytes), contained("externalId", g.ExternalID, webhook.MaxExternalIDBytes))
	if err != nil || g.EventType == "" {
		return g, err
	}
	return g, webhook.CheckTypeFilter("filter.eventType", g.EventType)
}

func tenantFilter(f *store.TenantFilter) (store.TenantFilter, error) {
	g := given(f)
	return g, contained("name", g.Name, webhook.MaxTenantNameBytes)
}

// contained refuses a text that is longer than any it could be contained in; databases would refuse such a pattern in their own
// ways.
func contained(field, text string, most int) error {
	if len(text) > most {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooLong, Message: fmt.Sprintf("must be at most %d bytes long", most),
		}
	}
	return nil
}

// eventTypes refuses a pattern that matches no valid event type: a filter that can match nothing is a mistake.
func eventTypes(field string, types []string) error {
	for i, t := range types {
		if err := webhook.CheckTypePattern(fmt.Sprintf("filter.%s.%d", field, i), t); err != nil {
			return err
		}
	}
	return nil
}

func bounded(field string, n int) error {
	if n > maxFilter {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooMany,
			Message: fmt.Sprintf("must have at most %d elements", maxFilter),
		}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
