package store

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Types of lists for callers.
type (
	// Page selects a part of a list.
	Page = list.Page
	// List is a page of rows.
	List[T any] = list.List[T]
	// Place is the position of a row in a list.
	Place = list.Place
	// DeliveryOrder is the order of a list of deliveries.
	DeliveryOrder = list.DeliveryOrder
	// DeliveryTime is a time of a delivery that can order a list.
	DeliveryTime = list.DeliveryTime
	// Count is the number of rows in a list.
	Count = list.Count
	// Facets are the numbers of deliveries of a list by some of their values.
	Facets = list.Facets
	// Facet is a value and the number of rows that have it.
	Facet = list.Facet
	// TimeRange is half-open: From <= t < To.
	TimeRange = list.TimeRange
	// IntRange includes both its bounds.
	IntRange = list.IntRange

	// WebhookOrder is the order of a list of webhooks.
	WebhookOrder = list.WebhookOrder

	// WebhookFilter narrows a list of webhooks.
	WebhookFilter = list.WebhookFilter
	// EventFilter narrows a list of events.
	EventFilter = list.EventFilter
	// Subscription is a webhook and the types that it subscribes to.
	Subscription = list.Subscription
	// DeliveryFilter narrows a list of deliveries.
	DeliveryFilter = list.DeliveryFilter
	// AttemptFilter narrows a list of attempts, and the live stream.
	AttemptFilter = list.AttemptFilter
	// TenantFilter narrows a list of tenants.
	TenantFilter = list.TenantFilter
	// EventTypeFilter narrows a list of event types.
	EventTypeFilter = list.EventTypeFilter
	// TokenFilter narrows a list of tokens.
	TokenFilter = list.TokenFilter
	// PortalSessionFilter narrows a list of portal sessions.
	PortalSessionFilter = list.PortalSessionFilter
	// AuditFilter narrows the audit log.
	AuditFilter = list.AuditFilter
	// IssueFilter narrows a list of issues.
	IssueFilter = list.IssueFilter
)

// DefaultPage is the size of a page if neither First nor Last is given; MaxPage is the maximum.
const (
	DefaultPage = list.DefaultPage
	MaxPage     = list.MaxPage
)

// Times of deliveries that can order lists.
const (
	CreatedAt     = list.CreatedAt
	CompletedAt   = list.CompletedAt
	NextAttemptAt = list.NextAttemptAt
)

// Orders of webhooks.
const (
	WebhookCreated    = list.WebhookCreated
	WebhookFailed     = list.WebhookFailed
	WebhookFailedRate = list.WebhookFailedRate
)

// BelowAll is a place before every row.
const BelowAll = list.BelowAll

// reading returns a list of the tenant; rows selects its rows from a table.
func reading[T any](ctx context.Context, c *Scope, p list.Path, rows func(table *gorm.DB) *gorm.DB) *list.Reading[T] {
	bare := func() *gorm.DB { return c.table(ctx, p.Index) }
	return &list.Reading[T]{
		Path: p, Source: c.s.lists, Tenant: c.tenant, DB: c.db(ctx),
		Rows: func() *gorm.DB { return rows(bare()) }, Bare: bare,
	}
}

func (c *Scope) webhookList(ctx context.Context, f WebhookFilter) *list.Reading[webhook.Webhook] {
	if c.everyone {
		return c.webhooksAlong(ctx, f.Everyone(c.s.db))
	}
	return c.webhooksAlong(ctx, f.Path(c.tenant, c.s.db))
}

func (c *Scope) webhooksAlong(ctx context.Context, p list.Path) *list.Reading[webhook.Webhook] {
	return reading[webhook.Webhook](ctx, c, p, func(q *gorm.DB) *gorm.DB { return q.Select("w.*") })
}

// webhooksByFailure returns the list of webhooks in an order by failures.
func (c *Scope) webhooksByFailure(ctx context.Context, f WebhookFilter, p list.Path) *list.Reading[list.PlacedWebhook] {
	r := reading[list.PlacedWebhook](ctx, c, p, func(q *gorm.DB) *gorm.DB {
		return q.Joins("LEFT JOIN webhooks w ON w.seq = s.webhook AND w.tenant_id = s.tenant_id").Select("w.*, " + f.Order.Column())
	})
	r.At = func(w *list.PlacedWebhook) int64 { return w.PlacedAt }
	return r
}

func (c *Scope) eventList(ctx context.Context, f EventFilter) (*list.Reading[webhook.Event], error) {
	switch {
	case c.everyone:
		return c.eventsAlong(ctx, f.Everyone(c.s.db)), nil
	case f.IdempotencyKey == nil:
		return c.eventsAlong(ctx, f.Path(c.tenant, c.s.db)), nil
	}
	events, err := c.keyed(ctx, *f.IdempotencyKey)
	return c.eventsAlong(ctx, f.Among(events, c.s.db)), err
}

func (c *Scope) eventsAlong(ctx context.Context, p list.Path) *list.Reading[webhook.Event] {
	r := reading[webhook.Event](ctx, c, p, func(q *gorm.DB) *gorm.DB { return c.eventColumns(p.Joined(q, c.s.db)) })
	r.Payloads = c.payloads(ctx)
	r.ByID = func(ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) { return c.EventsByID(ctx, ids) }
	return r
}

// keyed returns the event that was published with the idempotency key, if there is one.
func (c *Scope) keyed(ctx context.Context, key string) (events []webhook.ID, err error) {
	if !webhook.IsText(key) {
		return nil, nil
	}
	err = c.db(ctx).Raw("SELECT k.event_id FROM idempotency_keys AS k WHERE k.tenant_id = ? AND k.key = ?", c.tenant, key).Scan(&events).Error
	return events, dialect.Unavailable(err)
}

// payloads returns the tenant's events, found by their ids.
func (c *Scope) payloads(ctx context.Context) func() *gorm.DB {
	return func() *gorm.DB { return c.table(ctx, list.EventsByID) }
}

func (c *Scope) deliveryList(ctx context.Context, p list.Path) *list.Reading[webhook.Delivery] {
	r := reading[webhook.Delivery](ctx, c, p, deliveryColumns)
	r.Payloads = c.payloads(ctx)
	r.ByID = func(ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) { return c.DeliveriesByID(ctx, ids) }
	return r
}

// deliveriesBy returns the list of deliveries that the filter keeps, in its order.
func (c *Scope) deliveriesBy(ctx context.Context, f DeliveryFilter) *list.Reading[webhook.Delivery] {
	if c.everyone {
		return c.deliveryList(ctx, f.Everyone(c.s.db))
	}
	return c.deliveriesAlong(ctx, f, f.Path(c.tenant, c.s.db))
}

// deliveriesFor is deliveriesBy. Deliveries of few events with a tag are found by these.
func (c *Scope) deliveriesFor(ctx context.Context, f DeliveryFilter) (*list.Reading[webhook.Delivery], error) {
	if tags := f.ByTags(); len(tags) > 0 && !c.everyone {
		events, few, err := list.FewTagged(c.db(ctx), c.tenant, tags)
		if err != nil {
			return nil, err
		}
		if few {
			return c.deliveriesAlong(ctx, f, f.Among(events, c.tenant, c.s.db)), nil
		}
	}
	return c.deliveriesBy(ctx, f), nil
}

func (c *Scope) deliveriesAlong(ctx context.Context, f DeliveryFilter, p list.Path) *list.Reading[webhook.Delivery] {
	r := c.deliveryList(ctx, p)
	r.At = f.Order.At()
	return r
}

func (c *Scope) attemptsBy(ctx context.Context, f AttemptFilter) *list.Reading[webhook.Attempt] {
	if c.everyone {
		return c.attemptList(ctx, f.Everyone())
	}
	return c.attemptList(ctx, f.Path(c.tenant))
}

func (c *Scope) attemptList(ctx context.Context, p list.Path) *list.Reading[webhook.Attempt] {
	return reading[webhook.Attempt](ctx, c, p, c.attemptColumns)
}

// attemptsOf returns the list of the deliveries' attempts. For PostgreSQL it includes the days on which their events were published: those of
// deliveries that events, if it is not nil, does not return are read.
func (c *Scope) attemptsOf(ctx context.Context, deliveries []webhook.ID, events func() map[webhook.ID]webhook.ID) (*list.Reading[webhook.Attempt], error) {
	p, err := list.AttemptsOfDeliveries(c.s.db, func() (map[webhook.ID]webhook.ID, error) {
		all := make(map[webhook.ID]webhook.ID, len(deliveries))
		var known map[webhook.ID]webhook.ID
		if events != nil {
			known = events()
		}
		unknown := make([]webhook.ID, 0, len(deliveries))
		for _, id := range deliveries {
			if event, ok := known[id]; ok {
				all[id] = event
			} else {
				unknown = append(unknown, id)
			}
		}
		read, err := list.ByID(c.table(ctx, list.Deliveries).Select("d.id, d.event_id"), c.s.db, "d", unknown, func(d *webhook.Delivery) webhook.ID { return d.ID })
		for id, d := range read {
			all[id] = d.EventID
		}
		return all, err
	})
	return c.attemptList(ctx, p), err
}

func ordered(ascending bool) list.Order {
	if ascending {
		return list.OldestFirst
	}
	return list.NewestFirst
}

// Webhooks lists the tenant's webhooks, newest first, or as the filter says.
func (c *Scope) Webhooks(ctx context.Context, f WebhookFilter, p Page) (*List[webhook.Webhook], error) {
	if f.Order != WebhookCreated {
		l, err := list.Read(ctx, c.webhooksByFailure(ctx, f, f.Path(c.tenant, c.s.db)), ordered(f.Ascending), p)
		return list.Webhooks(l), err
	}
	return list.Read(ctx, c.webhookList(ctx, f), ordered(f.Ascending), p)
}

// Events lists the tenant's events, newest first.
func (c *Scope) Events(ctx context.Context, f EventFilter, p Page) (*List[webhook.Event], error) {
	r, err := c.eventList(ctx, f)
	if err != nil {
		return nil, err
	}
	return list.Read(ctx, r, list.NewestFirst, p)
}

// Deliveries lists the tenant's deliveries, newest first, or as the filter says.
func (c *Scope) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (*List[webhook.Delivery], error) {
	r, err := c.deliveriesFor(ctx, f)
	if err != nil {
		return nil, err
	}
	return list.Read(ctx, r, ordered(f.Order.Ascending), p)
}

// Attempts lists the tenant's attempts, newest first.
func (c *Scope) Attempts(ctx context.Context, f AttemptFilter, p Page) (*List[webhook.Attempt], error) {
	return list.Read(ctx, c.attemptsBy(ctx, f), list.NewestFirst, p)
}

// all returns the number of an unlimited count.
func all(c Count, err error) (int, error) { return c.N, err }

// CountWebhooks counts what Webhooks lists.
func (c *Scope) CountWebhooks(ctx context.Context, f WebhookFilter) (int, error) {
	return all(c.CountWebhooksTo(ctx, f, 0))
}

// CountEvents counts what Events lists.
func (c *Scope) CountEvents(ctx context.Context, f EventFilter) (int, error) {
	return all(c.CountEventsTo(ctx, f, 0))
}

// CountDeliveries counts what Deliveries lists.
func (c *Scope) CountDeliveries(ctx context.Context, f DeliveryFilter) (int, error) {
	return all(c.CountDeliveriesTo(ctx, f, 0))
}

// CountAttempts counts what Attempts lists.
func (c *Scope) CountAttempts(ctx context.Context, f AttemptFilter) (int, error) {
	return all(c.CountAttemptsTo(ctx, f, 0))
}

// CountWebhooksTo counts what Webhooks lists, up to limit, and reads a bounded number of rows.
func (c *Scope) CountWebhooksTo(ctx context.Context, f WebhookFilter, limit int) (Count, error) {
	if f.Order != WebhookCreated {
		return c.webhooksByFailure(ctx, f, f.Path(c.tenant, c.s.db)).Count(ctx, limit)
	}
	return c.webhookList(ctx, f).Count(ctx, limit)
}

// CountEventsTo counts what Events lists, as CountWebhooksTo does.
func (c *Scope) CountEventsTo(ctx context.Context, f EventFilter, limit int) (Count, error) {
	r, err := c.eventList(ctx, f)
	if err != nil {
		return Count{}, err
	}
	return r.Count(ctx, limit)
}

// CountDeliveriesTo counts what Deliveries lists, as CountWebhooksTo does.
func (c *Scope) CountDeliveriesTo(ctx context.Context, f DeliveryFilter, limit int) (Count, error) {
	r, err := c.deliveriesFor(ctx, f)
	if err != nil {
		return Count{}, err
	}
	return r.Count(ctx, limit)
}

// CountAttemptsTo counts what Attempts lists, as CountWebhooksTo does.
func (c *Scope) CountAttemptsTo(ctx context.Context, f AttemptFilter, limit int) (Count, error) {
	return c.attemptsBy(ctx, f).Count(ctx, limit)
}

// WebhooksByID reads webhooks; ids that are absent, deleted or foreign are missing from the map.
func (c *Scope) WebhooksByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Webhook, error) {
	return list.ByID(c.webhooks(ctx), nil, "w", ids, func(w *webhook.Webhook) webhook.ID { return w.ID })
}

// EventsByID reads events; ids that are absent or foreign are missing from the map.
func (c *Scope) EventsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) {
	return list.ByID(c.events(ctx), c.s.db, "e", ids, func(e *webhook.Event) webhook.ID { return e.ID })
}

// DeliveriesByID reads deliveries; ids that are absent or foreign are missing from the map.
func (c *Scope) DeliveriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	return list.ByID(c.deliveries(ctx), c.s.db, "d", ids, func(d *webhook.Delivery) webhook.ID { return d.ID })
}

// AttemptsByID reads attempts; ids that are absent or foreign are missing from the map.
func (c *Scope) AttemptsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	return list.ByID(c.attempts(ctx), c.s.db, "a", ids, func(a *webhook.Attempt) webhook.ID { return a.ID })
}

// AttemptsOfDeliveries reads the same page of each delivery's attempts, oldest first, in one statement. Who knows events of deliveries passes a
// function that returns them, and spares reading them; nil is none.
func (c *Scope) AttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, events func() map[webhook.ID]webhook.ID, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	r, err := c.attemptsOf(ctx, ids, events)
	if err != nil {
		return nil, err
	}
	return list.ReadOf(ctx, r, ids, list.OldestFirst, p, func(a *webhook.Attempt) webhook.ID { return a.DeliveryID })
}

// HeadsOfLines reads the deliveries at the head of lines, for which the others of the line wait. Of several it returns one that is due or
// claimed, if there is one. Lines that have none are missing from the map.
func (c *Scope) HeadsOfLines(ctx context.Context, lines []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	heads := make(map[webhook.ID]*webhook.Delivery, len(lines))
	for part := range slices.Chunk(lines, 500) {
		var found []*webhook.Delivery
		q := deliveryColumns(c.byID(ctx, list.DeliveriesByLine)).Where("d.line IN ? AND d.place = 0", part)
		if err := q.Scan(&found).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		for _, d := range found {
			if known := heads[*d.Line]; known == nil || known.CompletedAt != nil {
				heads[*d.Line] = d
			}
		}
	}
	return heads, nil
}

// LastAttempts reads the last attempt of each delivery: the first step of a walk of the index of attempts by delivery and number.
// Deliveries with none are missing from the map. For events see AttemptsOfDeliveries.
func (c *Scope) LastAttempts(ctx context.Context, deliveries []webhook.ID, events func() map[webhook.ID]webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	r, err := c.attemptsOf(ctx, deliveries, events)
	if err != nil {
		return nil, err
	}
	return list.Last(r, deliveries, func(a *webhook.Attempt) webhook.ID { return a.DeliveryID })
}

// IdempotencyKeys reads the keys that events were published with; events without one are missing from the map.
func (c *Scope) IdempotencyKeys(ctx context.Context, events []webhook.ID) (map[webhook.ID]string, error) {
	keys := make(map[webhook.ID]string, len(events))
	from := "idempotency_keys AS k"
	if c.db(ctx).Name() == "sqlite" { // SQLite would read all keys of the tenant
		from += " INDEXED BY idempotency_keys_event"
	}
	for part := range slices.Chunk(events, 500) {
		var rows []struct {
			EventID webhook.ID
			Key     string
		}
		q := c.db(ctx).Table(from).Select("k.event_id, k.key").Where("k.event_id IN ?", part)
		if !c.everyone {
			q = q.Where("k.tenant_id = ?", c.tenant)
		}
		if err := q.Scan(&rows).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		for _, row := range rows {
			keys[row.EventID] = row.Key
		}
	}
	return keys, nil
}

// AttemptsOfWebhooks reads the same page of each webhook's attempts, newest first, in one statement.
func (c *Scope) AttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	return list.ReadOf(ctx, c.attemptList(ctx, f.OfWebhooks()), ids, list.NewestFirst, p, func(a *webhook.Attempt) webhook.ID { return a.WebhookID })
}

// DeliveriesOfEvents reads the same page of each event's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return list.ReadOf(ctx, c.deliveryList(ctx, f.OfEvents(c.s.db)), ids, list.NewestFirst, p, func(d *webhook.Delivery) webhook.ID { return d.EventID })
}

// DeliveriesOfWebhooks reads the same page of each webhook's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return list.ReadOf(ctx, c.deliveryList(ctx, f.OfWebhooks(c.s.db)), ids, list.NewestFirst, p, func(d *webhook.Delivery) webhook.ID { return d.WebhookID })
}

// ofTenants reads something of each tenant that this part of the store has. One tenant's is read as its own lists are, along the index
// that serves the filter best; that of several is read together, if it can be.
func ofTenants[V any](c *Scope, tenants []webhook.ID, one func(c *Scope) (V, error), together func(tenants []webhook.ID) (map[webhook.ID]V, error)) (map[webhook.ID]V, error) {
	tenants = slices.DeleteFunc(slices.Clone(tenants), func(id webhook.ID) bool { return !c.has(id) })
	if len(tenants) > 1 && together != nil {
		return together(tenants)
	}
	found := make(map[webhook.ID]V, len(tenants))
	for _, id := range tenants {
		of, err := one(c.of(id))
		if err != nil {
			return nil, err
		}
		found[id] = of
	}
	return found, nil
}

// WebhooksOfTenants reads the same page of each tenant's webhooks, as Webhooks lists them.
func (c *Scope) WebhooksOfTenants(ctx context.Context, ids []webhook.ID, f WebhookFilter, p Page) (map[webhook.ID]*List[webhook.Webhook], error) {
	return ofTenants(c, ids, func(c *Scope) (*List[webhook.Webhook], error) { return c.Webhooks(ctx, f, p) },
		func(ids []webhook.ID) (map[webhook.ID]*List[webhook.Webhook], error) {
			if f.Order != WebhookCreated {
				return c.failingOfTenants(ctx, ids, f, p)
			}
			return list.ReadOf(ctx, c.webhooksAlong(ctx, f.OfTenants(c.s.db)), ids, ordered(f.Ascending), p, func(w *webhook.Webhook) webhook.ID { return w.TenantID })
		})
}

func (c *Scope) failingOfTenants(ctx context.Context, ids []webhook.ID, f WebhookFilter, p Page) (map[webhook.ID]*List[webhook.Webhook], error) {
	found, err := list.ReadOf(ctx, c.webhooksByFailure(ctx, f, f.OfTenants(c.s.db)), ids, ordered(f.Ascending), p, func(w *list.PlacedWebhook) webhook.ID { return w.TenantID })
	plain := make(map[webhook.ID]*List[webhook.Webhook], len(found))
	for id, l := range found {
		plain[id] = list.Webhooks(l)
	}
	return plain, err
}

// CountWebhooksOfTenants counts the webhooks of each tenant, as CountWebhooksTo does.
func (c *Scope) CountWebhooksOfTenants(ctx context.Context, ids []webhook.ID, f WebhookFilter, limit int) (map[webhook.ID]Count, error) {
	return ofTenants(c, ids, func(c *Scope) (Count, error) { return c.CountWebhooksTo(ctx, f, limit) },
		func(ids []webhook.ID) (map[webhook.ID]Count, error) {
			if f.Order != WebhookCreated {
				return c.webhooksByFailure(ctx, f, f.OfTenants(c.s.db)).CountOf(ctx, ids, limit)
			}
			return c.webhooksAlong(ctx, f.OfTenants(c.s.db)).CountOf(ctx, ids, limit)
		})
}

// EventsOfTenants reads the same page of each tenant's events, as Events lists them.
func (c *Scope) EventsOfTenants(ctx context.Context, ids []webhook.ID, f EventFilter, p Page) (map[webhook.ID]*List[webhook.Event], error) {
	together := func(ids []webhook.ID) (map[webhook.ID]*List[webhook.Event], error) {
		return list.ReadOf(ctx, c.eventsAlong(ctx, f.OfTenants(c.s.db)), ids, list.NewestFirst, p, func(e *webhook.Event) webhook.ID { return e.TenantID })
	}
	if f.IdempotencyKey != nil { // one event of each tenant at most, which its key finds
		together = nil
	}
	return ofTenants(c, ids, func(c *Scope) (*List[webhook.Event], error) { return c.Events(ctx, f, p) }, together)
}

// CountEventsOfTenants counts the events of each tenant, as CountEventsTo does.
func (c *Scope) CountEventsOfTenants(ctx context.Context, ids []webhook.ID, f EventFilter, limit int) (map[webhook.ID]Count, error) {
	together := func(ids []webhook.ID) (map[webhook.ID]Count, error) {
		return c.eventsAlong(ctx, f.OfTenants(c.s.db)).CountOf(ctx, ids, limit)
	}
	if f.IdempotencyKey != nil {
		together = nil
	}
	return ofTenants(c, ids, func(c *Scope) (Count, error) { return c.CountEventsTo(ctx, f, limit) }, together)
}

// DeliveriesOfTenants reads the same page of each tenant's deliveries, as Deliveries lists them.
func (c *Scope) DeliveriesOfTenants(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return ofTenants(c, ids, func(c *Scope) (*List[webhook.Delivery], error) { return c.Deliveries(ctx, f, p) },
		func(ids []webhook.ID) (map[webhook.ID]*List[webhook.Delivery], error) {
			r := c.deliveriesAlong(ctx, f, f.OfTenants(c.s.db))
			return list.ReadOf(ctx, r, ids, ordered(f.Order.Ascending), p, func(d *webhook.Delivery) webhook.ID { return d.TenantID })
		})
}

// CountDeliveriesOfTenants counts the deliveries of each tenant, as CountDeliveriesTo does.
func (c *Scope) CountDeliveriesOfTenants(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return ofTenants(c, ids, func(c *Scope) (Count, error) { return c.CountDeliveriesTo(ctx, f, limit) },
		func(ids []webhook.ID) (map[webhook.ID]Count, error) {
			return c.deliveriesAlong(ctx, f, f.OfTenants(c.s.db)).CountOf(ctx, ids, limit)
		})
}

// FacetsOfTenants groups the deliveries of each tenant, as DeliveryFacets does.
func (c *Scope) FacetsOfTenants(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return ofTenants(c, ids, func(c *Scope) (*Facets, error) { return c.DeliveryFacets(ctx, f, limit) },
		func(ids []webhook.ID) (map[webhook.ID]*Facets, error) {
			return c.deliveriesAlong(ctx, f, f.OfTenants(c.s.db)).FacetsOf(ctx, ids, limit)
		})
}

// CountDeliveriesOfEvents counts the deliveries of each event, up to limit; 0 means all. Events with none are missing from the map.
func (c *Scope) CountDeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return c.deliveryList(ctx, f.OfEvents(c.s.db)).CountOf(ctx, ids, limit)
}

// CountDeliveriesOfWebhooks counts the deliveries of each webhook, as CountDeliveriesOfEvents does.
func (c *Scope) CountDeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return c.deliveryList(ctx, f.OfWebhooks(c.s.db)).CountOf(ctx, ids, limit)
}

// CountAttemptsOfDeliveries counts the attempts of each delivery, as CountDeliveriesOfEvents does. For events see AttemptsOfDeliveries.
func (c *Scope) CountAttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, events func() map[webhook.ID]webhook.ID, limit int) (map[webhook.ID]Count, error) {
	r, err := c.attemptsOf(ctx, ids, events)
	if err != nil {
		return nil, err
	}
	return r.CountOf(ctx, ids, limit)
}

// CountAttemptsOfWebhooks counts the attempts of each webhook, as CountDeliveriesOfEvents does.
func (c *Scope) CountAttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter, limit int) (map[webhook.ID]Count, error) {
	return c.attemptList(ctx, f.OfWebhooks()).CountOf(ctx, ids, limit)
}

// AttemptLog reads the tenant's committed attempts that match, or with AllTenants those of all tenants, with Seq > after, in commit order, at most limit of them. scanned is
// the Seq up to which the log was searched: a reader continues after it, also if nothing matched.
func (s *Store) AttemptLog(ctx context.Context, tenant webhook.ID, f AttemptFilter, after int64, limit int) (page []*webhook.Attempt, scanned int64, err error) {
	scanned, err = s.db.LogEnd(ctx, after) // committed before the query below begins, so it sees all of it
	if err != nil {
		return nil, after, dialect.Unavailable(err)
	}
	if scanned <= after {
		return nil, after, nil
	}
	of := s.In(tenant)
	if tenant == AllTenants {
		of = s.Everyone()
	}
	q := f.Keep(of.logged(ctx)).Where("a.seq > ? AND a.seq <= ?", after, scanned)
	if err := q.Order("a.seq").Limit(limit).Scan(&page).Error; err != nil {
		return nil, after, dialect.Unavailable(err)
	}
	if len(page) == limit {
		scanned = page[limit-1].Seq
	}
	return page, scanned, nil
}

// AttemptBounds returns the Seq from which on every attempt of the tenant is kept, with the zero id of all tenants, and the newest
// committed Seq of any tenant. Retention removes whole events, so some older attempts may exist; a reader of those would miss
// others, and must be told. newest is known even if every attempt is removed; oldest is then one more. Both are 0 before the first
// attempt.
func (s *Store) AttemptBounds(ctx context.Context, tenant webhook.ID) (oldest, newest int64, err error) {
	if oldest, newest, err = s.db.LogBounds(ctx, tenant); err != nil {
		return 0, 0, dialect.Unavailable(err)
	}
	return oldest, newest, nil
}

// AttemptBefore returns a position in the attempt log, for AttemptLog to read after: attempts recorded at or after t, to the
// millisecond and by the recording node's clock, come after it. It is the newest Seq if there are none.
func (s *Store) AttemptBefore(ctx context.Context, t time.Time) (int64, error) {
	// An id has the time of recording, and grows with Seq, so no index by time is needed.
	_, high, err := s.AttemptBounds(ctx, webhook.ID{})
	if err != nil {
		return 0, err
	}
	var first int64
	if err := s.read.WithContext(ctx).Raw("SELECT COALESCE(MIN(seq), 0) FROM attempts").Scan(&first).Error; err != nil {
		return 0, dialect.Unavailable(err)
	}
	low := max(first-1, 0)
	for low < high {
		middle := low + (high-low)/2
		var next []struct {
			Seq int64
			ID  webhook.ID
		}
		err := s.read.WithContext(ctx).Raw("SELECT seq, id FROM attempts WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1", middle, high).Scan(&next).Error
		switch {
		case err != nil:
			return 0, dialect.Unavailable(err)
		case len(next) == 0 || next[0].ID.Time().UnixMilli() >= t.UnixMilli():
			high = middle
		default:
			low = next[0].Seq
		}
	}
	if low < first {
		return 0, nil
	}
	return low, nil
}

// WebhooksBetween reads the tenant's webhooks with ids from low to high, the newest first and n at most.
func (c *Scope) WebhooksBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Webhook, error) {
	return list.Between[webhook.Webhook](ctx, c.s.lists, list.WebhooksByID, c.webhooks(ctx), low, high, n)
}

// EventsBetween reads the tenant's events, as WebhooksBetween does. If very many, of all tenants, have such ids, it examines the newest.
func (c *Scope) EventsBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Event, error) {
	return list.Between[webhook.Event](ctx, c.s.lists, list.EventsByID, c.events(ctx), low, high, n)
}

// DeliveriesBetween reads the tenant's deliveries, as EventsBetween does.
func (c *Scope) DeliveriesBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Delivery, error) {
	return list.Between[webhook.Delivery](ctx, c.s.lists, list.DeliveriesByID, c.deliveries(ctx), low, high, n)
}

// TenantsBetween reads tenants, as WebhooksBetween does.
func (r *Registry) TenantsBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Tenant, error) {
	return list.Between[webhook.Tenant](ctx, r.s.lists, list.TenantsByID, r.tenants(ctx), low, high, n)
}

// TokensBetween reads tokens, as WebhooksBetween does.
func (r *Registry) TokensBetween(ctx context.Context, low, high webhook.ID, n int) ([]*webhook.Token, error) {
	return list.Between[webhook.Token](ctx, r.s.lists, list.TokensByID, r.tokens(ctx), low, high, n)
}

// DeliveryFacets groups about the first limit deliveries of the list Deliveries, and reads a bounded number of rows.
func (c *Scope) DeliveryFacets(ctx context.Context, f DeliveryFilter, limit int) (*Facets, error) {
	r, err := c.deliveriesFor(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.Facets(ctx, limit)
}

// FacetsOfEvents groups the deliveries of each event, as DeliveryFacets does.
func (c *Scope) FacetsOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return c.deliveryList(ctx, f.OfEvents(c.s.db)).FacetsOf(ctx, ids, limit)
}

// FacetsOfWebhooks groups the deliveries of each webhook, as DeliveryFacets does.
func (c *Scope) FacetsOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]*Facets, error) {
	return c.deliveryList(ctx, f.OfWebhooks(c.s.db)).FacetsOf(ctx, ids, limit)
}

// Subscribers lists for each of the types the tenant's webhooks that Wanting counts, newest first, by the ID of the type.
func (c *Scope) Subscribers(ctx context.Context, types []*webhook.EventType, p Page) (map[webhook.ID]*List[webhook.Webhook], error) {
	pages := make(map[webhook.ID]*List[webhook.Webhook], len(types))
	found := make(map[webhook.ID][]*Target, len(types))
	var ids []webhook.ID
	for _, t := range types {
		pages[t.ID], found[t.ID] = c.subscribers(t.Name, p)
		for _, to := range found[t.ID] {
			ids = append(ids, to.ID)
		}
	}
	slices.SortFunc(ids, func(a, b webhook.ID) int { return bytes.Compare(a[:], b[:]) })
	rows, err := c.WebhooksByID(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	for id, page := range pages {
		for _, to := range found[id] {
			if w := rows[to.ID]; w != nil { // it was not deleted meanwhile
				page.Items = append(page.Items, w)
			}
		}
	}
	return pages, nil
}

// subscribers returns a page of Subscribers without its rows, and their webhooks as publishing knows them, which need not be as new as their rows.
func (c *Scope) subscribers(eventType string, p Page) (*List[webhook.Webhook], []*Target) {
	routes, high := c.s.routes, cmp.Or(p.After, math.MaxInt64)
	page := &List[webhook.Webhook]{Items: []*webhook.Webhook{}}
	var all []*Target
	if p.Last > 0 {
		all = routes.After(nil, c.tenant, eventType, p.Before, high-1, p.Last+1)
		page.HasPrev = len(all) > p.Last
		all = all[:min(len(all), p.Last)]
		slices.Reverse(all)
		page.HasNext = p.Before != 0 && len(routes.Newest(c.tenant, eventType, 0, p.Before+1, 1)) > 0
	} else {
		size := cmp.Or(p.First, list.DefaultPage)
		all = routes.Newest(c.tenant, eventType, p.Before, high, size+1)
		page.HasNext = len(all) > size
		all = all[:min(len(all), size)]
		page.HasPrev = p.After != 0 && len(routes.After(nil, c.tenant, eventType, high-1, math.MaxInt64, 1)) > 0
	}
	page.Start, page.End = cmp.Or(p.After, p.Before, list.BelowAll), cmp.Or(p.After, p.Before, list.BelowAll)
	if p.Last > 0 {
		page.Start, page.End = cmp.Or(p.Before, p.After, list.BelowAll), cmp.Or(p.Before, p.After, list.BelowAll)
	}
	if n := len(all); n > 0 {
		page.Start, page.End = all[0].Seq, all[n-1].Seq
	}
	return page, all
}

func (c *Scope) issueList(ctx context.Context, p list.Path) *list.Reading[webhook.Issue] {
	r := reading[webhook.Issue](ctx, c, p, func(q *gorm.DB) *gorm.DB { return q.Select("i.*") })
	r.At = func(i *webhook.Issue) int64 { return i.Place }
	return r
}

func (c *Scope) issuesBy(ctx context.Context, f IssueFilter) *list.Reading[webhook.Issue] {
	if c.everyone {
		return c.issueList(ctx, f.Everyone())
	}
	return c.issueList(ctx, f.Path(c.tenant))
}

// Issues lists the tenant's issues: open ones first, those that opened last before others, then resolved ones, those that were resolved last
// before others. Issues move in the list.
func (c *Scope) Issues(ctx context.Context, f IssueFilter, p Page) (*List[webhook.Issue], error) {
	return list.Read(ctx, c.issuesBy(ctx, f), list.NewestFirst, p)
}

// CountIssuesTo counts what Issues lists, as CountWebhooksTo does.
func (c *Scope) CountIssuesTo(ctx context.Context, f IssueFilter, limit int) (Count, error) {
	return c.issuesBy(ctx, f).Count(ctx, limit)
}

// IssuesOfWebhooks reads the same page of each webhook's issues, as Issues lists them.
func (c *Scope) IssuesOfWebhooks(ctx context.Context, ids []webhook.ID, f IssueFilter, p Page) (map[webhook.ID]*List[webhook.Issue], error) {
	return list.ReadOf(ctx, c.issueList(ctx, f.OfWebhooks()), ids, list.NewestFirst, p, func(i *webhook.Issue) webhook.ID { return *i.WebhookID })
}

// CountIssuesOfWebhooks counts the issues of each webhook, as CountWebhooksTo does.
func (c *Scope) CountIssuesOfWebhooks(ctx context.Context, ids []webhook.ID, f IssueFilter, limit int) (map[webhook.ID]Count, error) {
	return c.issueList(ctx, f.OfWebhooks()).CountOf(ctx, ids, limit)
}

// IssuesByID reads issues; ids that are absent or foreign are missing from the map.
func (c *Scope) IssuesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Issue, error) {
	q := c.byID(ctx, list.IssuesByID).Select("i.*").Where("i.place IS NOT NULL")
	return list.ByID(q, nil, "i", ids, func(i *webhook.Issue) webhook.ID { return i.ID })
}
