package list

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// TimeRange is half-open: From <= t < To. Nil means no limit on that side.
type TimeRange struct {
	From, To *time.Time
}

// WebhookFilter narrows a list of webhooks. Zero fields do not filter.
type WebhookFilter struct {
	Enabled   *bool
	EventType string // that get events of it
	URL       string // that contain it
	// ExternalID is the whole of it.
	ExternalID string
}

// EventFilter narrows a list of events. Zero fields do not filter.
type EventFilter struct {
	Types     []string
	CreatedAt TimeRange
}

// DeliveryFilter narrows a list of deliveries. Zero fields do not filter.
type DeliveryFilter struct {
	WebhookIDs []webhook.ID
	EventIDs   []webhook.ID
	EventTypes []string
	Statuses   []webhook.DeliveryStatus
	CreatedAt  TimeRange
}

// AttemptFilter narrows a list of attempts, and the live stream. Zero fields do not filter.
type AttemptFilter struct {
	WebhookIDs  []webhook.ID
	DeliveryIDs []webhook.ID
	EventIDs    []webhook.ID
	EventTypes  []string
	Statuses    []webhook.AttemptStatus
	Errors      []webhook.ErrorCode
	Triggers    []webhook.Trigger
	StartedAt   TimeRange
}

// in is the condition that the column is within the range.
func (t TimeRange) in(column string) []condition {
	var list []condition
	if t.From != nil {
		list = append(list, condition{column + " >= ?", []any{dialect.At(*t.From)}})
	}
	if t.To != nil {
		list = append(list, condition{column + " < ?", []any{dialect.At(*t.To)}})
	}
	return list
}

// Path is how the tenant's webhooks are listed that the filter keeps.
func (f WebhookFilter) Path(tenant webhook.ID) Path {
	p := Path{Index: webhooksOfTenant, branches: []any{tenant}, rest: asides(f.conditions())}
	if f.ExternalID != "" {
		p.Index, p.branches = webhooksByExternalID, nil
		if webhook.IsText(f.ExternalID) {
			p.branches = []any{f.ExternalID}
		}
	}
	return p
}

// texts are those that can be stored; the others would be found nowhere, and PostgreSQL does not look for them.
func texts(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !webhook.IsText(s) })
}

// containing keeps rows whose column contains the text.
func containing(column, text string) condition {
	if !webhook.IsText(text) {
		return nothing
	}
	return condition{column + " LIKE ? ESCAPE '!'", []any{"%" + escapeLike(text) + "%"}}
}

// nothing is the condition that no row meets.
var nothing = condition{text: "1 = 0"}

// in adds the condition that the column has one of the values; none given keeps all.
func in[T any](list []condition, column string, values []T) []condition {
	if len(values) == 0 {
		return list
	}
	return append(list, condition{column + " IN ?", []any{values}})
}

// ofType adds the condition that an event's type matches one of the patterns (webhook.MatchesType); none given keeps all.
func ofType(list []condition, column string, patterns []string) []condition {
	if len(patterns) == 0 {
		return list
	}
	types, either := []string{}, condition{}
	for _, p := range texts(patterns) {
		if prefix, ok := webhook.Wildcard(p); ok {
			either.text += " OR substr(" + column + ", 1, ?) = ?"
			either.args = append(either.args, utf8.RuneCountInString(prefix), prefix)
		} else {
			types = append(types, p)
		}
	}
	return append(list, condition{"(" + column + " IN ?" + either.text + ")", append([]any{types}, either.args...)})
}

// fewTypes is few, for types of events without a wildcard: no index serves those with one.
func fewTypes(patterns []string) (branches []any, ok bool) {
	if slices.ContainsFunc(patterns, func(p string) bool { _, ok := webhook.Wildcard(p); return ok }) {
		return nil, false
	}
	return few(patterns)
}

func (f WebhookFilter) conditions() []condition {
	list := []condition{{"w.deleted_at IS NULL", nil}}
	if f.Enabled != nil {
		list = append(list, condition{"w.enabled = ?", []any{*f.Enabled}})
	}
	if f.EventType != "" {
		list = append(list, subscribing(f.EventType))
	}
	if f.URL != "" {
		list = append(list, containing("w.url", f.URL))
	}
	return list
}

// subscribing keeps webhooks that get events of the type. events is a JSON array of strings: the quotation marks make what is
// looked for the whole of one.
func subscribing(eventType string) condition {
	var either []string
	var names []any
	name := func(subscription string) {
		either, names = append(either, "replace(w.events, ?, '') <> w.events"), append(names, `"`+subscription+`"`)
	}
	if !webhook.Operational(eventType) {
		either = append(either, "w.events IS NULL")
		name(webhook.AllPublished)
	}
	if webhook.CheckEventType("", eventType) == nil { // else it is the type of no event
		name(eventType)
		for i := range len(eventType) {
			if eventType[i] == '.' {
				name(eventType[:i+1] + "*")
			}
		}
	}
	if len(either) == 0 {
		return nothing
	}
	return condition{strings.Join(either, " OR "), names}
}

// escapeLike makes s stand for itself in LIKE … ESCAPE '!'.
func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// StatusShown is what a delivery's status is: a waiting delivery of a disabled webhook is HELD, of a deleted one CANCELED.
const StatusShown = `CASE WHEN d.status <> 'PENDING' THEN d.status WHEN w.deleted_at IS NOT NULL THEN 'CANCELED'
	WHEN NOT w.enabled THEN 'HELD' ELSE 'PENDING' END`

func (f EventFilter) conditions() []condition {
	return append(ofType(nil, "e.type", f.Types), f.CreatedAt.in("e.created_at")...)
}

func (f DeliveryFilter) conditions() []condition {
	list := in(in(nil, "d.webhook_id", f.WebhookIDs), "d.event_id", f.EventIDs)
	list = in(ofType(list, "d.event_type", f.EventTypes), "("+StatusShown+")", f.Statuses)
	return append(list, f.CreatedAt.in("d.created_at")...)
}

func (f AttemptFilter) conditions() []condition {
	list := in(in(nil, "a.webhook_id", f.WebhookIDs), "a.delivery_id", f.DeliveryIDs)
	list = in(ofType(in(list, "a.event_id", f.EventIDs), "e.type", f.EventTypes), "a.status", f.Statuses)
	list = in(in(list, "a.error", f.Errors), "a.triggered_by", f.Triggers)
	return append(list, f.StartedAt.in("a.started_at")...)
}

// Keep has a query keep what the filter keeps, whatever index it goes along.
func (f AttemptFilter) Keep(q *gorm.DB) *gorm.DB { return where(q, asides(f.conditions())) }

// asides are conditions that no index serves.
func asides(list []condition) []condition {
	for i := range list {
		list[i] = list[i].aside()
	}
	return list
}

// few are the values when a list can walk a part of an index for each of them.
func few[V comparable](values []V) (branches []any, ok bool) {
	seen := make(map[V]bool, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			branches = append(branches, v)
		}
	}
	return branches, len(branches) > 0 && len(branches) <= maxBranches
}

// only reports whether all values are this one, and there are any.
func only[V comparable](values []V, one V) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v V) bool { return v != one })
}

// Path is how the tenant's events are listed that the filter keeps.
func (f EventFilter) Path(tenant webhook.ID, db dialect.DB) Path {
	p, rest := Path{Index: eventsOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	if types, ok := fewTypes(f.Types); ok {
		p.Index, p.branches, rest.Types = eventsOfType, types, nil
		p.branches = slices.DeleteFunc(p.branches, func(t any) bool { return !webhook.IsText(t.(string)) })
	}
	p.rest = asides(rest.conditions())
	if f.CreatedAt.From != nil || f.CreatedAt.To != nil {
		p.days = published(db, "e.day", f.CreatedAt.first(), f.CreatedAt.last())
	}
	return p
}

// Path is how the tenant's deliveries are listed that the filter keeps.
func (f DeliveryFilter) Path(tenant webhook.ID, db dialect.DB) Path {
	p, rest := Path{Index: deliveriesOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	events, byEvent := few(f.EventIDs)
	hooks, byWebhook := few(f.WebhookIDs)
	types, byType := fewTypes(f.EventTypes)
	switch failed := only(f.Statuses, webhook.DeliveryFailed); {
	case byEvent:
		p.Index, p.branches, rest.EventIDs = deliveriesOfEvent, events, nil
		p.daysOf = daysOfEvents(db)
	case byWebhook && failed:
		p.Index, p.branches, rest.WebhookIDs, rest.Statuses = failuresOfWebhook, hooks, nil, nil
	case byWebhook:
		p.Index, p.branches, rest.WebhookIDs = deliveriesOfWebhook, hooks, nil
	case failed:
		p.Index, rest.Statuses = failuresOfTenant, nil
	case byType:
		p.Index, rest.EventTypes = deliveriesOfType, nil
		p.branches = slices.DeleteFunc(types, func(t any) bool { return !webhook.IsText(t.(string)) })
	}
	p.rest = asides(rest.conditions())
	return p
}

// Path is how the tenant's attempts are listed that the filter keeps.
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

// failed reports whether the filter keeps failed attempts only: those that have an error.
func (f AttemptFilter) failed() bool {
	return only(f.Statuses, webhook.AttemptFailed) || len(f.Statuses) == 0 && len(f.Errors) > 0
}

// first and last are bounds of all times that are in the range and in the database.
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

// OfWebhooks is the path of each webhook's attempts.
func (f AttemptFilter) OfWebhooks() Path {
	p, rest := Path{Index: attemptsOfWebhook, span: f.StartedAt}, f
	if f.failed() {
		p.Index, rest.Statuses = failedAttemptsOfWebhook, nil
	}
	p.rest = asides(rest.conditions())
	return p
}

// OfWebhooks is the path of each webhook's deliveries.
func (f DeliveryFilter) OfWebhooks() Path {
	p, rest := Path{Index: deliveriesOfWebhook, span: f.CreatedAt}, f
	if only(f.Statuses, webhook.DeliveryFailed) {
		p.Index, rest.Statuses = failuresOfWebhook, nil
	}
	p.rest = asides(rest.conditions())
	return p
}

// OfEvents is the path of each event's deliveries.
func (f DeliveryFilter) OfEvents(db dialect.DB) Path {
	return Path{Index: deliveriesOfEvent, rest: asides(f.conditions()), daysOf: daysOfEvents(db)}
}

// daysOfEvents tells of each event when it was published.
func daysOfEvents(db dialect.DB) func(event any) []condition {
	return func(event any) []condition { return eventDays(db, "d.day", event.(webhook.ID)) }
}

// AttemptsOfDeliveries is the path of each delivery's attempts. Where tables are partitioned by the day on which the event was published,
// eventOf reads the events of the deliveries.
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
