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
	defaultPage = store.DefaultPage // which is what a list without first and last is priced as
	maxPage     = store.MaxPage
	maxNodes    = 100
)

// maxFilter is how many elements a list in a filter may have.
const maxFilter = 100

// cursors makes and reads the cursors of lists.
type cursors interface {
	Cursor(k cursor.Kind, seq int64) string
	ReadCursor(ctx context.Context, k cursor.Kind, text string) (int64, error)
}

// cursors are the caller's tenant's; of tokens and tenants, which an operator sees of all tenants, the registry's.
func (r *request) cursors(k cursor.Kind) cursors {
	if k == cursor.Tenants || k == cursor.Tokens {
		return r.registry
	}
	return r.store
}

// place is where a cursor stands in its list.
func (r *request) place(ctx context.Context, k cursor.Kind, argument, s string) (int64, error) {
	seq, err := r.cursors(k).ReadCursor(ctx, k, s)
	if errors.Is(err, webhook.ErrCursor) {
		err = &webhook.Invalid{Field: argument, Code: webhook.CodeInvalid, Message: "must be a cursor of this list"}
	}
	return seq, err
}

// arguments are those that every list has.
type arguments struct {
	first  *int
	after  *string
	last   *int
	before *string
}

// page translates a list's arguments.
func (a arguments) page(ctx context.Context, k cursor.Kind) (store.Page, error) {
	var p store.Page
	var err error
	r := from(ctx)
	switch {
	case a.first != nil && a.last != nil:
		return p, &webhook.Invalid{Field: "last", Code: webhook.CodeConflict, Message: "must not be given with first"}
	case a.first != nil:
		p.First, err = size("first", *a.first)
	case a.last != nil:
		p.Last, err = size("last", *a.last)
	default:
		p.First = defaultPage
	}
	if err == nil && a.after != nil {
		p.After, err = r.place(ctx, k, "after", *a.after)
	}
	if err == nil && a.before != nil {
		p.Before, err = r.place(ctx, k, "before", *a.before)
	}
	return p, err
}

func size(argument string, n int) (int, error) {
	if n < 1 || n > maxPage {
		return 0, &webhook.Invalid{Field: argument, Code: webhook.CodeOutOfRange, Message: fmt.Sprintf("must be from 1 to %d", maxPage)}
	}
	return n, nil
}

// connect makes a connection of a page; a nil list is an empty one.
func connect[T any](r *request, k cursor.Kind, l *store.List[T], seq func(*T) int64, count func(ctx context.Context, most int) (int, error)) *model.Connection[T] {
	c := &model.Connection[T]{PageInfo: &model.PageInfo{}, Edges: []*model.Edge[T]{}, CountTo: count}
	if l == nil {
		return c
	}
	cursors := r.cursors(k)
	for _, item := range l.Items {
		c.Edges = append(c.Edges, &model.Edge[T]{Cursor: cursors.Cursor(k, seq(item)), Node: item})
	}
	c.PageInfo.HasNextPage, c.PageInfo.HasPreviousPage = l.HasNext, l.HasPrev
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	return c
}

// list resolves a list that stands for itself.
func list[T, F any](
	ctx context.Context, k cursor.Kind, a arguments, filter F, seq func(*T) int64,
	page func(context.Context, F, store.Page) (*store.List[T], error), count func(ctx context.Context, f F, most int) (int, error),
) (*model.Connection[T], error) {
	p, err := a.page(ctx, k)
	if err != nil {
		return nil, err
	}
	l, err := page(ctx, filter, p)
	if err != nil {
		return nil, err
	}
	r := from(ctx)
	together(r.loaders(), l.Items)
	return connect(r, k, l, seq, func(ctx context.Context, most int) (int, error) { return count(ctx, filter, most) }), nil
}

// sublist resolves a list that a parent has, together with the same list of the parent's siblings; all their rows are one
// level. name tells it from other lists.
func sublist[P, T, F any](
	ctx context.Context, name string, k cursor.Kind, parent *P, id func(*P) webhook.ID, a arguments, filter F, seq func(*T) int64,
	page func(context.Context, []webhook.ID, F, store.Page) (map[webhook.ID]*store.List[T], error),
	count func(ctx context.Context, ids []webhook.ID, f F, most int) (map[webhook.ID]int, error),
) (*model.Connection[T], error) {
	p, err := a.page(ctx, k)
	if err != nil {
		return nil, err
	}
	r := from(ctx)
	pages, err := listed(r.loaders(), name, []any{p, filter}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*store.List[T], error) {
		found, err := page(ctx, ids, filter, p)
		var all []*T
		for _, l := range found {
			all = append(all, l.Items...)
		}
		together(r.loaders(), all)
		return found, err
	})
	if err != nil {
		return nil, err
	}
	l, err := load(ctx, pages, parent, id)
	if err != nil {
		return nil, err
	}
	return connect(r, k, l, seq, func(ctx context.Context, most int) (int, error) {
		counts, err := listed(r.loaders(), name+", count", []any{most, filter}, func(ctx context.Context, ids []webhook.ID) (map[webhook.ID]int, error) {
			return count(ctx, ids, filter, most)
		})
		if err != nil {
			return 0, err
		}
		return load(ctx, counts, parent, id)
	}), nil
}

// given is a filter argument that may be absent.
func given[F any](f *F) F {
	if f == nil {
		var all F
		return all
	}
	return *f
}

func webhookSeq(w *webhook.Webhook) int64   { return w.Seq }
func eventSeq(e *webhook.Event) int64       { return e.Seq }
func deliverySeq(d *webhook.Delivery) int64 { return d.Seq }
func attemptSeq(a *webhook.Attempt) int64   { return a.Seq }

func tenantSeq(t *webhook.Tenant) int64 { return t.Seq }
func tokenSeq(t *webhook.Token) int64   { return t.Seq }

func webhookID(w *webhook.Webhook) webhook.ID        { return w.ID }
func eventID(e *webhook.Event) webhook.ID            { return e.ID }
func deliveryID(d *webhook.Delivery) webhook.ID      { return d.ID }
func deliveryEvent(d *webhook.Delivery) webhook.ID   { return d.EventID }
func deliveryWebhook(d *webhook.Delivery) webhook.ID { return d.WebhookID }
func attemptDelivery(a *webhook.Attempt) webhook.ID  { return a.DeliveryID }
func attemptEvent(a *webhook.Attempt) webhook.ID     { return a.EventID }
func tenantID(t *webhook.Tenant) webhook.ID          { return t.ID }
func attemptWebhook(a *webhook.Attempt) webhook.ID   { return a.WebhookID }

// tokenTenant is the zero id for an operator's, which names nothing.
func tokenTenant(t *webhook.Token) webhook.ID {
	if t.TenantID == nil {
		return webhook.ID{}
	}
	return *t.TenantID
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
	if err := contained("url", g.URL, webhook.MaxURLBytes); err != nil || g.EventType == "" {
		return g, err
	}
	return g, webhook.CheckTypeFilter("filter.eventType", g.EventType)
}

func tenantFilter(f *store.TenantFilter) (store.TenantFilter, error) {
	g := given(f)
	return g, contained("name", g.Name, webhook.MaxTenantNameBytes)
}

// contained refuses a text that is too long to be part of what is looked through; databases refuse such a pattern in their own ways.
func contained(field, text string, most int) error {
	if len(text) > most {
		return &webhook.Invalid{
			Field: "filter." + field, Code: webhook.CodeTooLong, Message: fmt.Sprintf("must be at most %d bytes long", most),
		}
	}
	return nil
}

// eventTypes refuses what is the type of no event: a filter that can match nothing is a mistake.
func eventTypes(field string, types []string) error {
	for i, t := range types {
		if err := webhook.CheckTypeFilter(fmt.Sprintf("filter.%s.%d", field, i), t); err != nil {
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
