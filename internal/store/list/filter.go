package list

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/filter"
)

// TimeRange is half-open: From <= t < To. Nil means no limit on that side.
type TimeRange struct {
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`
}

// IntRange is all numbers from From to To, both included. Nil means no limit on that side.
type IntRange struct {
	From *int `json:"from,omitempty"`
	To   *int `json:"to,omitempty"`
}

// Has reports whether the number is in the range.
func (r IntRange) Has(n int) bool {
	return (r.From == nil || n >= *r.From) && (r.To == nil || n <= *r.To)
}

// WebhookFilter narrows a list of webhooks. Zero fields do not filter.
type WebhookFilter struct {
	Enabled   *bool
	EventType *string // webhooks that get events of this type
	URL       *string // webhooks whose URL contains it
	// ExternalID must be equal.
	ExternalID     *string
	DisabledReason *webhook.DisabledReason
	Failing        *bool   // whether attempts have failed since the last success
	Text           *string // that the URL, the description or the external id contains
	// Order is the order of the list, newest or highest first; Ascending reverses it.
	Order     WebhookOrder
	Ascending bool
}

// EventFilter narrows a list of events. Zero fields do not filter.
type EventFilter struct {
	IDs            []webhook.ID
	Types          []string
	Tags           []string // events that have one of them
	IdempotencyKey *string
	Data           []filter.Data // events that meet all of them
	CreatedAt      TimeRange
	Missing        *Subscription // events that the webhook would get and has no delivery of
	Subscribed     *Subscription // events of its types, whatever its filter
}

// Subscription is a webhook and the types that it subscribes to, as webhook.Webhook has them.
type Subscription struct {
	Webhook webhook.ID
	Events  []string
	Filter  *filter.Filter // nil: none
}

// DeliveryFilter narrows a list of deliveries. Zero fields do not filter. As JSON, replays and the audit log keep it: under the API's names.
type DeliveryFilter struct {
	DeliveryIDs []webhook.ID             `json:"deliveryIds,omitempty"`
	WebhookIDs  []webhook.ID             `json:"webhookIds,omitempty"`
	EventIDs    []webhook.ID             `json:"eventIds,omitempty"`
	ReplayIDs   []webhook.ID             `json:"replayIds,omitempty"` // deliveries that one of these was the last to make due, or has canceled
	EventTypes  []string                 `json:"eventTypes,omitempty"`
	Statuses    []webhook.DeliveryStatus `json:"statuses,omitempty"`
	Tags        []string                 `json:"tags,omitempty"` // deliveries whose event has one of them
	Data        []filter.Data            `json:"data,omitempty"` // deliveries whose event meets all of them
	// Errors and HTTPStatuses are those of the last attempt.
	Errors        []webhook.ErrorCode `json:"errors,omitempty"`
	HTTPStatuses  []IntRange          `json:"httpStatuses,omitempty"`
	CreatedAt     TimeRange           `json:"createdAt,omitzero"`
	CompletedAt   TimeRange           `json:"completedAt,omitzero"`
	NextAttemptAt TimeRange           `json:"nextAttemptAt,omitzero"`
	// Order is the order of a tenant's deliveries. A list in the order of a time has only deliveries that have this time.
	Order DeliveryOrder `json:"-"`
}

// AttemptFilter narrows a list of attempts, and the live stream. Zero fields do not filter.
type AttemptFilter struct {
	WebhookIDs  []webhook.ID
	DeliveryIDs []webhook.ID
	EventIDs    []webhook.ID
	EventTypes  []string
	Statuses    []webhook.AttemptStatus
	Errors      []webhook.ErrorCode
	// HTTPStatuses keeps attempts that were answered with a status in one of them.
	HTTPStatuses []IntRange
	Triggers     []webhook.Trigger
	StartedAt    TimeRange
}

// Path returns how to list the tenant's webhooks that the filter keeps.
func (f WebhookFilter) Path(tenant webhook.ID, db dialect.DB) Path {
	if f.Order != WebhookCreated {
		p := f.OfTenants(db)
		p.branches = []any{tenant}
		return p
	}
	p := Path{Index: webhooksOfTenant, branches: []any{tenant}, rest: asides(f.conditions(db))}
	if f.ExternalID != nil {
		p.Index, p.branches = webhooksByExternalID, nil
		if webhook.IsText(*f.ExternalID) {
			p.branches = []any{*f.ExternalID}
		}
	}
	return p
}

// fewTypes is few for types of events; no index serves types with a wildcard.
func fewTypes(patterns []string) (branches []any, ok bool) {
	if slices.ContainsFunc(patterns, func(p string) bool { _, ok := webhook.Wildcard(p); return ok }) {
		return nil, false
	}
	return few(patterns)
}

// isNoText reports whether a value is a text that no row has.
func isNoText(value any) bool { return !webhook.IsText(value.(string)) }

func (f WebhookFilter) conditions(db dialect.DB) []condition {
	list := []condition{{"w.deleted_at IS NULL", nil}}
	if f.Enabled != nil {
		list = append(list, condition{"w.enabled = ?", []any{*f.Enabled}})
	}
	if f.EventType != nil {
		list = append(list, subscribing(*f.EventType))
	}
	if f.URL != nil {
		list = append(list, containing(db, *f.URL, "w.url"))
	}
	if f.DisabledReason != nil {
		list = append(list, condition{"w.disabled_reason = ?", []any{*f.DisabledReason}})
	}
	if f.Failing != nil {
		list = append(list, condition{"(w.failing_since IS NOT NULL) = ?", []any{*f.Failing}})
	}
	if f.Text != nil {
		list = append(list, containing(db, *f.Text, "w.url", "w.description", "w.external_id"))
	}
	return list
}

// StatusShown is the status of a delivery as callers see it: a pending delivery of a disabled webhook is HELD, one of a deleted webhook CANCELED.
const StatusShown = `CASE WHEN d.status <> 'PENDING' THEN d.status WHEN w.deleted_at IS NOT NULL THEN 'CANCELED'
	WHEN NOT w.enabled THEN 'HELD' ELSE 'PENDING' END`

// NextAttemptShown is the time of a delivery's next attempt as callers see it: none if its webhook is disabled or deleted.
const NextAttemptShown = "CASE WHEN w.enabled AND w.deleted_at IS NULL THEN d.due_at END"

func (f EventFilter) conditions(db dialect.DB) []condition {
	list := ofType(in(nil, "e.id", f.IDs), "e.type", f.Types)
	if f.Missing != nil {
		list = append(list, f.Missing.subscribed(), f.Missing.without(db))
	}
	if f.Subscribed != nil {
		list = append(list, f.Subscribed.subscribed())
	}
	if len(f.Tags) > 0 {
		list = append(list, tagged("e.tags", f.Tags))
	}
	return append(list, f.CreatedAt.in("e.created_at")...)
}

func (f DeliveryFilter) conditions(db dialect.DB) []condition {
	list := in(in(in(in(nil, "d.id", f.DeliveryIDs), "d.webhook_id", f.WebhookIDs), "d.event_id", f.EventIDs), "d.replay_id", f.ReplayIDs)
	list = ofType(list, "d.event_type", f.EventTypes)
	list = append(append(list, f.CreatedAt.in("d.created_at")...), f.CompletedAt.in("d.completed_at")...)
	// What the row itself decides comes first: other rows are looked up for those that it leaves.
	list = in(in(list, "d.status", stored(f.Statuses)), "("+StatusShown+")", f.Statuses)
	if len(f.Errors) > 0 || !anySucceeded(f.HTTPStatuses) {
		list = append(list, condition{"d.status <> ?", []any{webhook.DeliverySucceeded}})
	}
	if len(f.Tags) > 0 {
		list = append(list, ofEvent(db, tagged("ev.tags", f.Tags)))
	}
	if last := within(in(nil, "la.error", f.Errors), "la.response_status", f.HTTPStatuses); len(last) > 0 {
		list = append(list, ofLastAttempt(db, last))
	}
	return append(append(list, f.NextAttemptAt.in("d.due_at")...), f.NextAttemptAt.in("("+NextAttemptShown+")")...)
}

// stored are the statuses in the rows of deliveries that are shown with one of these.
func stored(shown []webhook.DeliveryStatus) []webhook.DeliveryStatus {
	list := slices.DeleteFunc(slices.Clone(shown), func(s webhook.DeliveryStatus) bool { return s == webhook.Held })
	if slices.Contains(shown, webhook.Held) || slices.Contains(shown, webhook.Canceled) {
		list = append(list, webhook.Pending)
	}
	return list
}

// anySucceeded reports whether an attempt that succeeded may have been answered with a status in one of the ranges; without ranges it may.
func anySucceeded(statuses []IntRange) bool {
	return len(statuses) == 0 || slices.ContainsFunc(statuses, func(r IntRange) bool {
		return (r.From == nil || *r.From <= 299) && (r.To == nil || *r.To >= 200)
	})
}

func (f AttemptFilter) conditions() []condition {
	list := in(in(nil, "a.webhook_id", f.WebhookIDs), "a.delivery_id", f.DeliveryIDs)
	list = in(ofType(in(list, "a.event_id", f.EventIDs), "e.type", f.EventTypes), "a.status", f.Statuses)
	list = in(in(within(list, "a.response_status", f.HTTPStatuses), "a.error", f.Errors), "a.triggered_by", f.Triggers)
	return append(list, f.StartedAt.in("a.started_at")...)
}

// Keep adds the filter to a query, whatever index the query uses.
func (f AttemptFilter) Keep(q *gorm.DB) *gorm.DB { return where(q, asides(f.conditions())) }

// few returns the values if they are so few that a list can walk a part of an index for each of them.
func few[V comparable](values []V) (branches []any, ok bool) {
	branches = distinct(values)
	return branches, len(branches) > 0 && len(branches) <= maxBranches
}

// distinct are the values, each once.
func distinct[V comparable](values []V) (list []any) {
	seen := make(map[V]bool, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			list = append(list, v)
		}
	}
	return list
}

// only reports whether there are values, and none but these.
func only[V comparable](values []V, these ...V) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v V) bool { return !slices.Contains(these, v) })
}

// Path returns how to list the tenant's events that the filter keeps.
func (f EventFilter) Path(tenant webhook.ID, db dialect.DB) Path {
	p, rest := Path{Index: eventsOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	named := f.Types
	if by := cmp.Or(f.Missing, f.Subscribed); len(named) == 0 && by != nil && !by.all() {
		named = by.Events
	}
	tags, byTag := few(f.Tags)
	switch types, ok := fewTypes(named); {
	case len(f.IDs) > 0: // each is one row, so that there may be many
		p.Index, p.branches, rest.IDs = eventByID, distinct(f.IDs), nil
		p.daysOf = daysOfEvents(db, "e.day")
	case byTag: // a tag is usually on fewer events than a type
		p.Index, p.branches, rest.Tags = eventsOfTag, slices.DeleteFunc(tags, isNoText), nil
	case ok:
		p.Index, p.branches, rest.Types = eventsOfType, slices.DeleteFunc(types, isNoText), nil
	}
	p.rest, p.data = asides(rest.conditions(db)), f.Data
	if p.Index != eventsOfTag {
		p.days = f.days(db)
	} else if len(p.branches) > 1 {
		p.rest = append(p.rest, firstTag(p.branches).aside())
	}
	if f.Missing != nil {
		p.wanted = f.Missing.Filter
	}
	return p
}

// days tells PostgreSQL in which partitions the events are.
func (f EventFilter) days(db dialect.DB) []condition {
	if f.CreatedAt.From == nil && f.CreatedAt.To == nil {
		return nil
	}
	return published(db, "e.day", f.CreatedAt.first(), f.CreatedAt.last())
}

// Among is Path for a filter by idempotency key; events are those that were published with the key.
func (f EventFilter) Among(events []webhook.ID, db dialect.DB) Path {
	p := Path{Index: eventByID, rest: asides(f.conditions(db)), data: f.Data, daysOf: daysOfEvents(db, "e.day")}
	for _, id := range events {
		p.branches = append(p.branches, id)
	}
	return p
}

// Path returns how to list the tenant's deliveries that the filter keeps.
func (f DeliveryFilter) Path(tenant webhook.ID, db dialect.DB) Path {
	if f.Order.By != CreatedAt {
		return f.byTime(tenant, db)
	}
	p, rest := Path{Index: deliveriesOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	events, byEvent := few(f.EventIDs)
	replays, byReplay := few(f.ReplayIDs)
	hooks, byWebhook := few(f.WebhookIDs)
	types, byType := fewTypes(f.EventTypes)
	switch failed := only(f.Statuses, webhook.DeliveryFailed); {
	case len(f.DeliveryIDs) > 0: // each is one row, so that there may be many
		p.Index, p.branches, rest.DeliveryIDs = deliveryByID, distinct(f.DeliveryIDs), nil
		p.daysOf = daysOfDeliveries(db)
	case byEvent:
		p.Index, p.branches, rest.EventIDs = DeliveriesOfEvent, events, nil
		p.daysOf = daysOfEvents(db, "d.day")
	case byReplay:
		p.Index, p.branches, rest.ReplayIDs = deliveriesOfReplay, replays, nil
	case byWebhook && failed:
		p.Index, p.branches, rest.WebhookIDs, rest.Statuses = failuresOfWebhook, hooks, nil, nil
	case only(f.Statuses, webhook.Pending, webhook.Held): // of one webhook, too: what a tenant is owed is less than what a webhook has had
		p.Index, p.branches = waitingOfTenant, []any{waitingOfTenant, claimedOfTenant}
	case byWebhook:
		p.Index, p.branches, rest.WebhookIDs = deliveriesOfWebhook, hooks, nil
	case failed:
		p.Index, rest.Statuses = failuresOfTenant, nil
	case only(f.Statuses, webhook.Pending, webhook.Held, webhook.DeliveryFailed):
		p.Index, p.branches = failuresOfTenant, []any{failuresOfTenant, waitingOfTenant, claimedOfTenant}
	case byType:
		p.Index, p.branches, rest.EventTypes = deliveriesOfType, slices.DeleteFunc(types, isNoText), nil
	}
	p.rest, p.data = asides(rest.conditions(db)), f.Data
	return p
}

// ByTags returns the tags of a filter whose deliveries can be found by few events that have one of them, if these are few; nil for other filters.
func (f DeliveryFilter) ByTags() []string {
	if f.Order.By != CreatedAt || len(f.DeliveryIDs)+len(f.EventIDs) > 0 {
		return nil
	}
	if _, ok := few(f.Tags); !ok {
		return nil
	}
	return f.Tags
}

// FewTagged finds the tenant's events that have one of the tags; few is false if a list cannot walk the deliveries of each of them. db must be
// restricted to the tenant.
func FewTagged(db *gorm.DB, tenant webhook.ID, tags []string) (events []webhook.ID, few bool, err error) {
	most := maxBranches * min(len(tags), webhook.MaxTags) // rows that this number of events may have
	var rows []webhook.ID
	if err := eventsOfTag.Of(db, tenant).Select("g.event_id").Where("g.tag IN ?", texts(tags)).Limit(most + 1).Scan(&rows).Error; err != nil {
		return nil, false, dialect.Unavailable(err)
	}
	for _, id := range distinct(rows) {
		events = append(events, id.(webhook.ID))
	}
	return events, len(rows) <= most && len(events) <= maxBranches, nil
}

// Among is Path for a filter by tags; events are those that have one of them.
func (f DeliveryFilter) Among(events []webhook.ID, tenant webhook.ID, db dialect.DB) Path {
	f.Tags, f.EventIDs = nil, events
	if len(events) == 0 {
		f.EventIDs = []webhook.ID{{}} // which is no event's
	}
	return f.Path(tenant, db)
}

// Path returns how to list the tenant's attempts that the filter keeps.
func (f AttemptFilter) Path(tenant webhook.ID) Path {
	p, rest := Path{Index: AttemptsOfTenant, branches: []any{tenant}, span: f.StartedAt}, f
	deliveries, byDelivery := few(f.DeliveryIDs)
	hooks, byWebhook := few(f.WebhookIDs)
	failed := f.failed()
	if failed && !byDelivery {
		rest.Statuses = nil
	}
	switch {
	case byDelivery:
		p.Index, p.branches, rest.DeliveryIDs = attemptsOfDelivery, deliveries, nil
	case byWebhook && failed:
		p.Index, p.branches, rest.WebhookIDs = failedAttemptsOfWebhook, hooks, nil
	case byWebhook:
		p.Index, p.branches, rest.WebhookIDs = attemptsOfWebhook, hooks, nil
	case failed:
		p.Index = failedAttemptsOfTenant
	}
	p.rest = asides(rest.conditions())
	return p
}

// failed reports whether the filter keeps only failed attempts, which have an error.
func (f AttemptFilter) failed() bool {
	return only(f.Statuses, webhook.AttemptFailed) || len(f.Statuses) == 0 && len(f.Errors) > 0
}

// first and last are the first and the last time that the range has and the database can store.
func (t TimeRange) first() time.Time {
	if t.From == nil || t.From.Unix() < 0 {
		return time.Unix(0, 0)
	}
	return *t.From
}

func (t TimeRange) last() time.Time {
	if forever := time.Unix(1<<36, 0); t.To == nil || t.To.After(forever) {
		return forever
	}
	return *t.To
}

// OfWebhooks returns the path of each webhook's attempts.
func (f AttemptFilter) OfWebhooks() Path {
	p, rest := Path{Index: attemptsOfWebhook, span: f.StartedAt}, f
	if f.failed() {
		p.Index, rest.Statuses = failedAttemptsOfWebhook, nil
	}
	p.rest = asides(rest.conditions())
	return p
}

// OfWebhooks returns the path of each webhook's deliveries.
func (f DeliveryFilter) OfWebhooks(db dialect.DB) Path {
	p, rest := Path{Index: deliveriesOfWebhook, span: f.CreatedAt, data: f.Data}, f
	if only(f.Statuses, webhook.DeliveryFailed) {
		p.Index, rest.Statuses = failuresOfWebhook, nil
	}
	p.rest = asides(rest.conditions(db))
	return p
}

// OfReplays returns the path of the deliveries that each replay made due last.
func (f DeliveryFilter) OfReplays(db dialect.DB) Path {
	return Path{Index: deliveriesOfReplay, rest: asides(f.conditions(db)), data: f.Data, span: f.CreatedAt}
}

// Replays returns how the tenant's replays are listed.
func Replays(tenant webhook.ID) Path { return Path{Index: replaysOfTenant, branches: []any{tenant}} }

// OfEvents returns the path of each event's deliveries.
func (f DeliveryFilter) OfEvents(db dialect.DB) Path {
	return Path{Index: DeliveriesOfEvent, rest: asides(f.conditions(db)), data: f.Data, daysOf: daysOfEvents(db, "d.day")}
}

// daysOfEvents returns the day on which each event was published.
func daysOfEvents(db dialect.DB, column string) func(event any) []condition {
	return func(event any) []condition { return eventDays(db, column, event.(webhook.ID)) }
}

// daysOfDeliveries returns the days on which each delivery's event may have been published: that of the delivery, or earlier.
func daysOfDeliveries(db dialect.DB) func(delivery any) []condition {
	return func(delivery any) []condition {
		made := delivery.(webhook.ID).Time().Add(oneDay)
		if made.Year() > 9999 {
			return nil // it was never issued
		}
		return published(db, "d.day", time.Unix(0, 0), made)
	}
}

// AttemptsOfDeliveries returns the path of each delivery's attempts. For tables that are partitioned by the day on which the event was
// published, eventOf reads the events of the deliveries.
func AttemptsOfDeliveries(db dialect.DB, eventOf func() (map[webhook.ID]webhook.ID, error)) (Path, error) {
	p := Path{Index: attemptsOfDelivery}
	if published(db, "a.day", time.Unix(0, 0), time.Unix(0, 0)) == nil {
		return p, nil
	}
	events, err := eventOf()
	p.daysOf = func(delivery any) []condition {
		if event, known := events[delivery.(webhook.ID)]; known {
			return eventDays(db, "a.day", event)
		}
		return []condition{nothing}
	}
	return p, err
}

// places returns the first and the last place that a list in the order of the time can have in the range.
func (t TimeRange) places() (low, high Place) {
	if t.From != nil {
		low = Place{At: t.From.UnixMicro()}
	}
	if t.To != nil {
		high = Place{t.To.UnixMicro() - 1, math.MaxInt64}
	}
	return low, high
}

// byTime returns how to list the tenant's deliveries that the filter keeps in the order of a time.
func (f DeliveryFilter) byTime(tenant webhook.ID, db dialect.DB) Path {
	p, rest := Path{Index: completedOfTenant, branches: []any{tenant}, data: f.Data, span: f.CompletedAt}, f
	if f.Order.By == NextAttemptAt {
		p.Index, p.span, rest.NextAttemptAt = dueOfTenant, f.NextAttemptAt, TimeRange{}
		p.rest = append(p.rest, condition{text: "(" + NextAttemptShown + ") IS NOT NULL"})
	} else {
		rest.CompletedAt = TimeRange{}
	}
	p.rest = asides(append(p.rest, rest.conditions(db)...))
	return p
}
