package store

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// order is how a list runs: by the Seq of a table, which never changes, so that pages stay stable while rows arrive.
type order struct{ ascending bool }

var (
	newestFirst = order{}
	oldestFirst = order{ascending: true}
)

// DefaultPage is how many rows a page has when neither First nor Last is given; MaxPage is the most.
const (
	DefaultPage = 20
	MaxPage     = 100
)

func (p Page) size() int {
	n := max(p.First, p.Last)
	if n == 0 {
		n = DefaultPage
	}
	return min(n, MaxPage)
}

// walk is how a page is read: from start on, which is a cursor or 0 for an end of the list, and not as far as end, towards
// higher Seqs or lower ones.
type walk struct {
	upward     bool
	start, end int64
	size       int
	back       bool // the page is read from its last row to its first
}

func (o order) walk(p Page) walk {
	w := walk{upward: o.ascending, start: p.After, end: p.Before, size: p.size(), back: p.Last > 0}
	if w.back {
		w.upward, w.start, w.end = !w.upward, w.end, w.start
	}
	return w
}

// stretch has the page's rows, and the row of the cursor that it starts from: while that one is there, something is on its other side.
func (w walk) stretch() stretch {
	s := stretch{upward: w.upward, from: w.start, to: w.end}
	if w.end != 0 {
		s.to = before(w.end, w.upward)
	}
	return s
}

// limit is one row more than the page has, and the cursor's.
func (w walk) limit() int {
	if w.start != 0 {
		return w.size + 2
	}
	return w.size + 1
}

// other is what is on the other side of the cursor that the page starts from.
func (w walk) other() stretch { return stretch{upward: !w.upward, from: w.start} }

// cut makes a page of what was found. sure is false when the row of its cursor is not among that, so that it is to be looked whether
// something is on the other side.
func cut[T any, R listed[T]](rows []*T, w walk) (l *List[T], sure bool) {
	behind := w.start > 0 && len(rows) > 0 && R(rows[0]).Position() == w.start
	if behind {
		rows = rows[1:]
	}
	more := len(rows) > w.size
	if more {
		rows = rows[:w.size]
	}
	if rows == nil {
		rows = []*T{}
	}
	l = &List[T]{Items: rows, HasNext: more, HasPrev: behind}
	if w.back {
		slices.Reverse(rows)
		l.HasNext, l.HasPrev = behind, more
	}
	return l, behind || w.start == 0
}

// more reports whether there are rows after those of the page, in the direction of the walk.
func (l *List[T]) more(w walk) bool {
	if w.back {
		return l.HasPrev
	}
	return l.HasNext
}

// isBehind says that something is on the other side of the page's cursor.
func (l *List[T]) isBehind(w walk) {
	if w.back {
		l.HasNext = true
	} else {
		l.HasPrev = true
	}
}

// listed is a row of type T that a list can have.
type listed[T any] interface {
	*T
	Position() int64
}

// byID reads rows by id; what is not there is missing from the map. Where the
// table is partitioned, rows are looked for in the partitions of the days before they were made first, then in those before. db is nil for
// a table that never is.
func byID[T any](q *gorm.DB, db dialect.DB, alias string, ids []webhook.ID, id func(*T) webhook.ID) (map[webhook.ID]*T, error) {
	found := make(map[webhook.ID]*T, len(ids))
	for part := range slices.Chunk(ids, 500) {
		for _, days := range daysBefore(db, alias+".day", part) {
			if part = slices.DeleteFunc(slices.Clone(part), func(id webhook.ID) bool { return found[id] != nil }); len(part) == 0 {
				break
			}
			rows, err := scan[T](where(q.Session(&gorm.Session{}).Where(alias+".id IN ?", part), days))
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				found[id(row)] = row
			}
		}
	}
	return found, nil
}

// nearDays is how many days after its event was published most of what is of it is made.
const nearDays = 3

// daysBefore is where rows with the ids are looked for in turn.
func daysBefore(db dialect.DB, column string, ids []webhook.ID) [][]condition {
	var first, last time.Time
	for i, id := range ids {
		if t := id.Time(); i == 0 || t.Before(first) {
			first = t
		}
		if t := id.Time(); t.After(last) {
			last = t
		}
	}
	if last = last.Add(oneDay); last.Year() > 9999 { // an id that nobody made
		return [][]condition{nil}
	}
	near := published(db, column, first.Add(-nearDays*oneDay), last)
	if near == nil {
		return [][]condition{nil}
	}
	return [][]condition{near, published(db, column, time.Unix(0, 0), last)}
}

const oneDay = 24 * time.Hour

// published is the condition that events were published in the range, where tables are partitioned by that; else there is none. db is
// nil for a table that never is.
func published(db dialect.DB, column string, from, to time.Time) []condition {
	if db == nil {
		return nil
	}
	text, args := db.Published(column, from, to)
	if text == "" {
		return nil
	}
	return []condition{{strings.TrimPrefix(text, " AND "), args}}
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

func (f EventFilter) conditions() []condition {
	return append(ofType(nil, "e.type", f.Types), f.CreatedAt.in("e.created_at")...)
}

func (f DeliveryFilter) conditions() []condition {
	list := in(in(nil, "d.webhook_id", f.WebhookIDs), "d.event_id", f.EventIDs)
	list = in(ofType(list, "d.event_type", f.EventTypes), "("+statusShown+")", f.Statuses)
	return append(list, f.CreatedAt.in("d.created_at")...)
}

func (f AttemptFilter) conditions() []condition {
	list := in(in(nil, "a.webhook_id", f.WebhookIDs), "a.delivery_id", f.DeliveryIDs)
	list = in(ofType(in(list, "a.event_id", f.EventIDs), "e.type", f.EventTypes), "a.status", f.Statuses)
	list = in(in(list, "a.error", f.Errors), "a.triggered_by", f.Triggers)
	return append(list, f.StartedAt.in("a.started_at")...)
}

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

func (f EventFilter) path(tenant webhook.ID) path {
	p, rest := path{listing: eventsOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	if types, ok := fewTypes(f.Types); ok {
		p.listing, p.branches, rest.Types = eventsOfType, types, nil
		p.branches = slices.DeleteFunc(p.branches, func(t any) bool { return !webhook.IsText(t.(string)) })
	}
	p.rest = asides(rest.conditions())
	return p
}

func (f DeliveryFilter) path(tenant webhook.ID) path {
	p, rest := path{listing: deliveriesOfTenant, branches: []any{tenant}, span: f.CreatedAt}, f
	events, byEvent := few(f.EventIDs)
	hooks, byWebhook := few(f.WebhookIDs)
	types, byType := fewTypes(f.EventTypes)
	switch failed := only(f.Statuses, webhook.DeliveryFailed); {
	case byEvent:
		p.listing, p.branches, rest.EventIDs = deliveriesOfEvent, events, nil
	case byWebhook && failed:
		p.listing, p.branches, rest.WebhookIDs, rest.Statuses = failuresOfWebhook, hooks, nil, nil
	case byWebhook:
		p.listing, p.branches, rest.WebhookIDs = deliveriesOfWebhook, hooks, nil
	case failed:
		p.listing, rest.Statuses = failuresOfTenant, nil
	case byType:
		p.listing, rest.EventTypes = deliveriesOfType, nil
		p.branches = slices.DeleteFunc(types, func(t any) bool { return !webhook.IsText(t.(string)) })
	}
	p.rest = asides(rest.conditions())
	return p
}

func (f AttemptFilter) path(tenant webhook.ID) path {
	p, rest := path{listing: attemptsOfTenant, branches: []any{tenant}, span: f.StartedAt}, f
	deliveries, byDelivery := few(f.DeliveryIDs)
	hooks, byWebhook := few(f.WebhookIDs)
	failed := f.failed()
	if failed && !byDelivery {
		rest.Statuses = nil
	}
	switch {
	case byDelivery:
		p.listing, p.branches, rest.DeliveryIDs = attemptsOfDelivery, deliveries, nil
	case byWebhook && failed:
		p.listing, p.branches, rest.WebhookIDs = failedAttemptsOfWebhook, hooks, nil
	case byWebhook:
		p.listing, p.branches, rest.WebhookIDs = attemptsOfWebhook, hooks, nil
	case failed:
		p.listing = failedAttemptsOfTenant
	}
	p.rest = asides(rest.conditions())
	return p
}

// failed reports whether the filter keeps failed attempts only: those that have an error.
func (f AttemptFilter) failed() bool {
	return only(f.Statuses, webhook.AttemptFailed) || len(f.Statuses) == 0 && len(f.Errors) > 0
}

func (c *Scope) webhookList(ctx context.Context, f WebhookFilter) *reading[webhook.Webhook] {
	p := path{listing: webhooksOfTenant, branches: []any{c.tenant}, rest: asides(f.conditions())}
	if f.ExternalID != "" {
		p.listing, p.branches = webhooksByExternalID, nil
		if webhook.IsText(f.ExternalID) {
			p.branches = []any{f.ExternalID}
		}
	}
	rows := func() *gorm.DB { return c.table(ctx, p.listing).Select("w.*") }
	return &reading[webhook.Webhook]{path: p, s: c.s, tenant: c.tenant, db: c.db(ctx), rows: rows, bare: rows}
}

func (c *Scope) eventList(ctx context.Context, f EventFilter) *reading[webhook.Event] {
	p := f.path(c.tenant)
	if f.CreatedAt.From != nil || f.CreatedAt.To != nil {
		p.days = published(c.s.db, "e.day", f.CreatedAt.first(), f.CreatedAt.last())
	}
	return &reading[webhook.Event]{
		path: p, s: c.s, tenant: c.tenant, db: c.db(ctx),
		rows: func() *gorm.DB { return c.eventColumns(c.table(ctx, p.listing)) },
		bare: func() *gorm.DB { return c.table(ctx, p.listing) },
	}
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

func (c *Scope) deliveryList(ctx context.Context, p path) *reading[webhook.Delivery] {
	r := &reading[webhook.Delivery]{
		path: p, s: c.s, tenant: c.tenant, db: c.db(ctx),
		rows: func() *gorm.DB { return deliveryColumns(c.table(ctx, p.listing)) },
		bare: func() *gorm.DB { return c.table(ctx, p.listing) },
	}
	if p.listing == deliveriesOfEvent {
		r.daysOf = func(event any) []condition { return eventDays(c.s.db, "d.day", event.(webhook.ID)) }
	}
	return r
}

// eventDays is the condition that rows are of the event, as its id tells when it was published.
func eventDays(db dialect.DB, column string, event webhook.ID) []condition {
	t := event.Time()
	if t.Year() > 9999 {
		return nil // nobody made it
	}
	return published(db, column, t, t.Add(time.Second))
}

func (c *Scope) attemptList(ctx context.Context, p path) *reading[webhook.Attempt] {
	return &reading[webhook.Attempt]{
		path: p, s: c.s, tenant: c.tenant, db: c.db(ctx),
		rows: func() *gorm.DB { return c.attemptColumns(c.table(ctx, p.listing)) },
		bare: func() *gorm.DB { return c.table(ctx, p.listing) },
	}
}

// attemptsOf is the attempts of deliveries, of which PostgreSQL is told when their events were published.
func (c *Scope) attemptsOf(ctx context.Context, deliveries []webhook.ID) (*reading[webhook.Attempt], error) {
	r := c.attemptList(ctx, path{listing: attemptsOfDelivery})
	if published(c.s.db, "a.day", time.Unix(0, 0), time.Unix(0, 0)) == nil {
		return r, nil
	}
	known, err := byID(c.table(ctx, &listing{table: "deliveries", alias: "d"}).Select("d.id, d.event_id"), c.s.db, "d", deliveries, func(d *webhook.Delivery) webhook.ID { return d.ID })
	r.daysOf = func(delivery any) []condition {
		if d := known[delivery.(webhook.ID)]; d != nil {
			return eventDays(c.s.db, "a.day", d.EventID)
		}
		return []condition{nothing}
	}
	return r, err
}

// Webhooks lists the tenant's webhooks, newest first.
func (c *Scope) Webhooks(ctx context.Context, f WebhookFilter, p Page) (*List[webhook.Webhook], error) {
	return read(ctx, c.webhookList(ctx, f), newestFirst, p)
}

// Events lists the tenant's events, newest first.
func (c *Scope) Events(ctx context.Context, f EventFilter, p Page) (*List[webhook.Event], error) {
	return read(ctx, c.eventList(ctx, f), newestFirst, p)
}

// Deliveries lists the tenant's deliveries, newest first.
func (c *Scope) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (*List[webhook.Delivery], error) {
	return read(ctx, c.deliveryList(ctx, f.path(c.tenant)), newestFirst, p)
}

// Attempts lists the tenant's attempts, newest first.
func (c *Scope) Attempts(ctx context.Context, f AttemptFilter, p Page) (*List[webhook.Attempt], error) {
	return read(ctx, c.attemptList(ctx, f.path(c.tenant)), newestFirst, p)
}

// all is the number of a whole count.
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

// CountWebhooksTo counts what Webhooks lists, as far as limit, and looks at a bounded number of rows.
func (c *Scope) CountWebhooksTo(ctx context.Context, f WebhookFilter, limit int) (Count, error) {
	return c.webhookList(ctx, f).count(ctx, limit)
}

// CountEventsTo counts what Events lists, as CountWebhooksTo does.
func (c *Scope) CountEventsTo(ctx context.Context, f EventFilter, limit int) (Count, error) {
	return c.eventList(ctx, f).count(ctx, limit)
}

// CountDeliveriesTo counts what Deliveries lists, as CountWebhooksTo does.
func (c *Scope) CountDeliveriesTo(ctx context.Context, f DeliveryFilter, limit int) (Count, error) {
	return c.deliveryList(ctx, f.path(c.tenant)).count(ctx, limit)
}

// CountAttemptsTo counts what Attempts lists, as CountWebhooksTo does.
func (c *Scope) CountAttemptsTo(ctx context.Context, f AttemptFilter, limit int) (Count, error) {
	return c.attemptList(ctx, f.path(c.tenant)).count(ctx, limit)
}

// WebhooksByID reads webhooks; ids that are absent, deleted or foreign are missing from the map.
func (c *Scope) WebhooksByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Webhook, error) {
	return byID(c.webhooks(ctx), nil, "w", ids, func(w *webhook.Webhook) webhook.ID { return w.ID })
}

// EventsByID reads events; ids that are absent or foreign are missing from the map.
func (c *Scope) EventsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) {
	return byID(c.events(ctx), c.s.db, "e", ids, func(e *webhook.Event) webhook.ID { return e.ID })
}

// DeliveriesByID reads deliveries; ids that are absent or foreign are missing from the map.
func (c *Scope) DeliveriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	return byID(c.deliveries(ctx), c.s.db, "d", ids, func(d *webhook.Delivery) webhook.ID { return d.ID })
}

// AttemptsByID reads attempts; ids that are absent or foreign are missing from the map.
func (c *Scope) AttemptsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	return byID(c.attempts(ctx), c.s.db, "a", ids, func(a *webhook.Attempt) webhook.ID { return a.ID })
}

// AttemptsOfDeliveries reads the same page of each delivery's attempts, oldest first, in one statement.
func (c *Scope) AttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	r, err := c.attemptsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	return readOf(ctx, r, ids, oldestFirst, p, func(a *webhook.Attempt) webhook.ID { return a.DeliveryID })
}

// ofWebhooks is the path of each webhook's attempts.
func (f AttemptFilter) ofWebhooks() path {
	p, rest := path{listing: attemptsOfWebhook, span: f.StartedAt}, f
	if f.failed() {
		p.listing, rest.Statuses = failedAttemptsOfWebhook, nil
	}
	p.rest = asides(rest.conditions())
	return p
}

// ofWebhooks is the path of each webhook's deliveries.
func (f DeliveryFilter) ofWebhooks() path {
	p, rest := path{listing: deliveriesOfWebhook, span: f.CreatedAt}, f
	if only(f.Statuses, webhook.DeliveryFailed) {
		p.listing, rest.Statuses = failuresOfWebhook, nil
	}
	p.rest = asides(rest.conditions())
	return p
}

// ofEvents is the path of each event's deliveries.
func (f DeliveryFilter) ofEvents() path {
	return path{listing: deliveriesOfEvent, rest: asides(f.conditions())}
}

// LastAttempts reads the last attempt of each delivery, in one statement (for each maxParents of them): the first step of a walk of
// the index of attempts by delivery and number. Deliveries with none are missing from the map.
func (c *Scope) LastAttempts(ctx context.Context, deliveries []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	last := make(map[webhook.ID]*webhook.Attempt, len(deliveries))
	r, err := c.attemptsOf(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(deliveries, maxParents) {
		of := children[webhook.Attempt]{reading: r, ids: part, parent: func(a *webhook.Attempt) webhook.ID { return a.DeliveryID }}
		found, _, err := of.find(stretch{}, 1)
		if err != nil {
			return nil, err
		}
		for id, attempts := range found {
			last[id] = attempts[0]
		}
	}
	return last, nil
}

// IdempotencyKeys reads the keys with which events were published; events without one are missing from the map.
func (c *Scope) IdempotencyKeys(ctx context.Context, events []webhook.ID) (map[webhook.ID]string, error) {
	keys := make(map[webhook.ID]string, len(events))
	from := "idempotency_keys AS k"
	if c.db(ctx).Name() == "sqlite" { // which would read all keys of the tenant
		from += " INDEXED BY idempotency_keys_event"
	}
	for part := range slices.Chunk(events, 500) {
		var rows []struct {
			EventID webhook.ID
			Key     string
		}
		if err := c.db(ctx).Raw("SELECT k.event_id, k.key FROM "+from+" WHERE k.tenant_id = ? AND k.event_id IN ?", c.tenant, part).Scan(&rows).Error; err != nil {
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
	return readOf(ctx, c.attemptList(ctx, f.ofWebhooks()), ids, newestFirst, p, func(a *webhook.Attempt) webhook.ID { return a.WebhookID })
}

// DeliveriesOfEvents reads the same page of each event's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return readOf(ctx, c.deliveryList(ctx, f.ofEvents()), ids, newestFirst, p, func(d *webhook.Delivery) webhook.ID { return d.EventID })
}

// DeliveriesOfWebhooks reads the same page of each webhook's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return readOf(ctx, c.deliveryList(ctx, f.ofWebhooks()), ids, newestFirst, p, func(d *webhook.Delivery) webhook.ID { return d.WebhookID })
}

// CountDeliveriesOfEvents counts the deliveries of each event, as far as limit; 0 is all of them. Events with none are missing from the map.
func (c *Scope) CountDeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return c.deliveryList(ctx, f.ofEvents()).countOf(ctx, ids, limit)
}

// CountDeliveriesOfWebhooks counts the deliveries of each webhook, as CountDeliveriesOfEvents does.
func (c *Scope) CountDeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, limit int) (map[webhook.ID]Count, error) {
	return c.deliveryList(ctx, f.ofWebhooks()).countOf(ctx, ids, limit)
}

// CountAttemptsOfDeliveries counts the attempts of each delivery, as CountDeliveriesOfEvents does.
func (c *Scope) CountAttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, limit int) (map[webhook.ID]Count, error) {
	r, err := c.attemptsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	return r.countOf(ctx, ids, limit)
}

// CountAttemptsOfWebhooks counts the attempts of each webhook, as CountDeliveriesOfEvents does.
func (c *Scope) CountAttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter, limit int) (map[webhook.ID]Count, error) {
	return c.attemptList(ctx, f.ofWebhooks()).countOf(ctx, ids, limit)
}
