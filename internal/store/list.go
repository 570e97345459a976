package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// order is how a list runs: by the Seq of a table, which never changes, so that pages stay stable while rows arrive.
type order struct {
	seq       string // the column
	ascending bool
}

var (
	newestWebhooks   = order{seq: "w.seq"}
	newestEvents     = order{seq: "e.seq"}
	newestDeliveries = order{seq: "d.seq"}
	newestAttempts   = order{seq: "a.seq"}
	oldestAttempts   = order{seq: "a.seq", ascending: true}
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
	seq        string
	upward     bool
	start, end int64
	size       int
	back       bool // the page is read from its last row to its first
}

func (o order) walk(p Page) walk {
	w := walk{seq: o.seq, upward: o.ascending, start: p.After, end: p.Before, size: p.size(), back: p.Last > 0}
	if w.back {
		w.upward, w.start, w.end = !w.upward, w.end, w.start
	}
	return w
}

// narrow asks for one row more than the page has, and for the row of the cursor that it starts from: while that one is
// there, something is on its other side.
func (w walk) narrow(q *gorm.DB) *gorm.DB {
	limit := w.size + 1
	from, to, direction := " <= ?", " > ?", " DESC"
	if w.upward {
		from, to, direction = " >= ?", " < ?", " ASC"
	}
	if w.start > 0 {
		q = q.Where(w.seq+from, w.start)
		limit++
	}
	if w.end > 0 {
		q = q.Where(w.seq+to, w.end)
	}
	return q.Order(w.seq + direction).Limit(limit)
}

// behind asks for one row at the cursor that the page starts from, or on its other side.
func (w walk) behind(q *gorm.DB) *gorm.DB {
	if w.upward {
		return q.Where(w.seq+" <= ?", w.start).Order(w.seq + " DESC").Limit(1)
	}
	return q.Where(w.seq+" >= ?", w.start).Order(w.seq + " ASC").Limit(1)
}

// cut makes a page of what narrow found. sure is false when the row of its cursor is not among that, so that behind has to
// tell whether something is there.
func cut[T any, R listed[T]](rows []*T, w walk) (l *List[T], sure bool) {
	behind := w.start > 0 && len(rows) > 0 && R(rows[0]).Position() == w.start
	if behind {
		rows = rows[1:]
	}
	more := len(rows) > w.size
	if more {
		rows = rows[:w.size]
	}
	l = &List[T]{Items: rows, HasNext: more, HasPrev: behind}
	if w.back {
		slices.Reverse(rows)
		l.HasNext, l.HasPrev = behind, more
	}
	return l, behind || w.start == 0
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

func list[T any, R listed[T]](q *gorm.DB, o order, p Page) (*List[T], error) {
	q, w := q.Session(&gorm.Session{}), o.walk(p)
	rows, err := scan[T](w.narrow(q))
	if err != nil {
		return nil, err
	}
	l, sure := cut[T, R](rows, w)
	if sure {
		return l, nil
	}
	behind, err := scan[T](w.behind(q))
	if err != nil {
		return nil, err
	}
	if len(behind) > 0 {
		l.isBehind(w)
	}
	return l, nil
}

// maxParents bounds the parents of one statement: SQLite takes 500 parts of a UNION ALL.
const maxParents = 100

// lists reads the same page for each parent in one statement (for each maxParents of them): the union of one short index
// walk each, where a window function would read every child of every parent.
func lists[T any, R listed[T]](db *gorm.DB, ids []webhook.ID, o order, p Page, query func(id webhook.ID) *gorm.DB, parent func(*T) webhook.ID) (map[webhook.ID]*List[T], error) {
	w := o.walk(p)
	result := make(map[webhook.ID]*List[T], len(ids))
	for part := range slices.Chunk(ids, maxParents) {
		rows, err := union(db, part, func(id webhook.ID) *gorm.DB { return w.narrow(query(id)) }, parent)
		if err != nil {
			return nil, err
		}
		var unsure []webhook.ID
		for _, id := range part {
			l, sure := cut[T, R](rows[id], w)
			if result[id] = l; !sure {
				unsure = append(unsure, id)
			}
		}
		if len(unsure) == 0 {
			continue
		}
		behind, err := union(db, unsure, func(id webhook.ID) *gorm.DB { return w.behind(query(id)) }, parent)
		if err != nil {
			return nil, err
		}
		for id := range behind {
			result[id].isBehind(w)
		}
	}
	return result, nil
}

// union runs a query for each parent in one statement.
func union[T any](db *gorm.DB, ids []webhook.ID, query func(id webhook.ID) *gorm.DB, parent func(*T) webhook.ID) (map[webhook.ID][]*T, error) {
	subqueries := make([]any, len(ids))
	for i, id := range ids {
		subqueries[i] = query(id)
	}
	text := "SELECT * FROM (?) AS t" + strings.Repeat(" UNION ALL SELECT * FROM (?) AS t", len(ids)-1)
	rows, err := scan[T](db.Raw(text, subqueries...))
	if err != nil {
		return nil, err
	}
	grouped := map[webhook.ID][]*T{}
	for _, row := range rows {
		grouped[parent(row)] = append(grouped[parent(row)], row)
	}
	return grouped, nil
}

// countOf counts the children of each parent in one statement (for each maxParents of them), as far as most; 0 is all of
// them. Parents with none are missing from the map.
func countOf(db *gorm.DB, ids []webhook.ID, most int, query func(id webhook.ID) *gorm.DB) (map[webhook.ID]int, error) {
	counts := make(map[webhook.ID]int, len(ids))
	for part := range slices.Chunk(ids, maxParents) {
		parts, children := make([]string, len(part)), make([]any, len(part))
		for i, id := range part {
			parts[i] = "SELECT " + strconv.Itoa(i) + " AS parent, COUNT(*) AS n FROM (?) AS t"
			children[i] = atMost(query(id), most)
		}
		var rows []struct{ Parent, N int }
		if err := db.Raw(strings.Join(parts, " UNION ALL "), children...).Scan(&rows).Error; err != nil {
			return nil, unavailable(err)
		}
		for _, row := range rows {
			if row.N > 0 {
				counts[part[row.Parent]] = row.N
			}
		}
	}
	return counts, nil
}

// count counts rows as far as most; 0 is all of them.
func count(db, q *gorm.DB, most int) (int, error) {
	var n int64
	if err := db.Raw("SELECT COUNT(*) FROM (?) AS t", atMost(q, most)).Scan(&n).Error; err != nil {
		return 0, unavailable(err)
	}
	return int(n), nil
}

// atMost selects nothing of the rows but that they are there, of one more than most at the most.
func atMost(q *gorm.DB, most int) *gorm.DB {
	q = q.Select("1")
	if most > 0 {
		q = q.Limit(most + 1)
	}
	return q
}

// byID reads rows by id; what is not there is missing from the map.
func byID[T any](q *gorm.DB, column string, ids []webhook.ID, id func(*T) webhook.ID) (map[webhook.ID]*T, error) {
	found := make(map[webhook.ID]*T, len(ids))
	for part := range slices.Chunk(ids, 500) {
		rows, err := scan[T](q.Session(&gorm.Session{}).Where(column+" IN ?", part))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			found[id(row)] = row
		}
	}
	return found, nil
}

func (t TimeRange) narrow(q *gorm.DB, column string) *gorm.DB {
	if t.From != nil {
		q = q.Where(column+" >= ?", at(*t.From))
	}
	if t.To != nil {
		q = q.Where(column+" < ?", at(*t.To))
	}
	return q
}

// ofType keeps rows with one of the event types; none given keeps all.
func ofType(q *gorm.DB, column string, types []string) *gorm.DB {
	if len(types) == 0 {
		return q
	}
	return q.Where(column+" IN ?", texts(types))
}

// texts are those that can be stored; the others would be found nowhere, and PostgreSQL does not look for them.
func texts(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !webhook.IsText(s) })
}

// containing keeps rows whose column contains the text.
func containing(q *gorm.DB, column, text string) *gorm.DB {
	if !webhook.IsText(text) {
		return q.Where("1 = 0")
	}
	return q.Where(column+" LIKE ? ESCAPE '!'", "%"+escapeLike(text)+"%")
}

func in[T any](q *gorm.DB, column string, values []T) *gorm.DB {
	if len(values) == 0 {
		return q
	}
	return q.Where(column+" IN ?", values)
}

func (f WebhookFilter) narrow(q *gorm.DB) *gorm.DB {
	if f.Enabled != nil {
		q = q.Where("w.enabled = ?", *f.Enabled)
	}
	if f.EventType != "" {
		q = subscribing(q, f.EventType)
	}
	if f.URL != "" {
		q = containing(q, "w.url", f.URL)
	}
	return q
}

// subscribing keeps webhooks that get events of the type. events is a JSON array of strings: the quotation marks make what is
// looked for the whole of one.
func subscribing(q *gorm.DB, eventType string) *gorm.DB {
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
		return q.Where("1 = 0")
	}
	return q.Where("("+strings.Join(either, " OR ")+")", names...)
}

// escapeLike makes s stand for itself in LIKE … ESCAPE '!'.
func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

func (f EventFilter) narrow(q *gorm.DB) *gorm.DB {
	return f.CreatedAt.narrow(ofType(q, "e.type", f.Types), "e.created_at")
}

func (f DeliveryFilter) narrow(q *gorm.DB) *gorm.DB {
	q = in(in(q, "d.webhook_id", f.WebhookIDs), "d.event_id", f.EventIDs)
	if len(f.EventTypes) > 0 {
		q = q.Where("EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.type IN ?)", texts(f.EventTypes))
	}
	if len(f.Statuses) > 0 {
		q = q.Where("("+statusShown+") IN ?", f.Statuses)
	}
	return f.CreatedAt.narrow(q, "d.created_at")
}

func (f AttemptFilter) narrow(q *gorm.DB) *gorm.DB {
	q = in(in(q, "a.webhook_id", f.WebhookIDs), "a.delivery_id", f.DeliveryIDs)
	q = in(ofType(in(q, "a.event_id", f.EventIDs), "e.type", f.EventTypes), "a.status", f.Statuses)
	q = in(in(q, "a.error", f.Errors), "a.triggered_by", f.Triggers)
	return f.StartedAt.narrow(q, "a.started_at")
}

// Webhooks lists the tenant's webhooks, newest first.
func (c *Scope) Webhooks(ctx context.Context, f WebhookFilter, p Page) (*List[webhook.Webhook], error) {
	return list[webhook.Webhook](f.narrow(c.webhooks(ctx)), newestWebhooks, p)
}

// Events lists the tenant's events, newest first.
func (c *Scope) Events(ctx context.Context, f EventFilter, p Page) (*List[webhook.Event], error) {
	return list[webhook.Event](f.narrow(c.events(ctx)), newestEvents, p)
}

// Deliveries lists the tenant's deliveries, newest first.
func (c *Scope) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (*List[webhook.Delivery], error) {
	return list[webhook.Delivery](f.narrow(c.deliveries(ctx)), newestDeliveries, p)
}

// Attempts lists the tenant's attempts, newest first.
func (c *Scope) Attempts(ctx context.Context, f AttemptFilter, p Page) (*List[webhook.Attempt], error) {
	return list[webhook.Attempt](f.narrow(c.attempts(ctx)), newestAttempts, p)
}

// CountWebhooks counts what Webhooks lists.
func (c *Scope) CountWebhooks(ctx context.Context, f WebhookFilter) (int, error) {
	return count(c.db(ctx), f.narrow(c.webhooks(ctx)), c.most)
}

// CountEvents counts what Events lists.
func (c *Scope) CountEvents(ctx context.Context, f EventFilter) (int, error) {
	return count(c.db(ctx), f.narrow(c.events(ctx)), c.most)
}

// CountDeliveries counts what Deliveries lists.
func (c *Scope) CountDeliveries(ctx context.Context, f DeliveryFilter) (int, error) {
	return count(c.db(ctx), f.narrow(c.deliveries(ctx)), c.most)
}

// CountAttempts counts what Attempts lists.
func (c *Scope) CountAttempts(ctx context.Context, f AttemptFilter) (int, error) {
	return count(c.db(ctx), f.narrow(c.attempts(ctx)), c.most)
}

// WebhooksByID reads webhooks; ids that are absent, deleted or foreign are missing from the map.
func (c *Scope) WebhooksByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Webhook, error) {
	return byID(c.webhooks(ctx), "w.id", ids, func(w *webhook.Webhook) webhook.ID { return w.ID })
}

// EventsByID reads events; ids that are absent or foreign are missing from the map.
func (c *Scope) EventsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Event, error) {
	return byID(c.events(ctx), "e.id", ids, func(e *webhook.Event) webhook.ID { return e.ID })
}

// DeliveriesByID reads deliveries; ids that are absent or foreign are missing from the map.
func (c *Scope) DeliveriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Delivery, error) {
	return byID(c.deliveries(ctx), "d.id", ids, func(d *webhook.Delivery) webhook.ID { return d.ID })
}

// AttemptsByID reads attempts; ids that are absent or foreign are missing from the map.
func (c *Scope) AttemptsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	return byID(c.attempts(ctx), "a.id", ids, func(a *webhook.Attempt) webhook.ID { return a.ID })
}

// AttemptsOfDeliveries reads the same page of each delivery's attempts, oldest first, in one statement.
func (c *Scope) AttemptsOfDeliveries(ctx context.Context, ids []webhook.ID, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	return lists(c.db(ctx), ids, oldestAttempts, p,
		func(id webhook.ID) *gorm.DB { return c.attempts(ctx).Where("a.delivery_id = ?", id) },
		func(a *webhook.Attempt) webhook.ID { return a.DeliveryID })
}

// LastAttempts reads the last attempt of each delivery, in one statement (for each maxParents of them): the first step of a walk of
// the index of attempts by delivery and number. Deliveries with none are missing from the map.
func (c *Scope) LastAttempts(ctx context.Context, deliveries []webhook.ID) (map[webhook.ID]*webhook.Attempt, error) {
	last := make(map[webhook.ID]*webhook.Attempt, len(deliveries))
	for part := range slices.Chunk(deliveries, maxParents) {
		found, err := union(c.db(ctx), part,
			func(id webhook.ID) *gorm.DB {
				return c.attempts(ctx).Where("a.delivery_id = ?", id).Order("a.number DESC").Limit(1)
			},
			func(a *webhook.Attempt) webhook.ID { return a.DeliveryID })
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
	for part := range slices.Chunk(events, 500) {
		var rows []struct {
			EventID webhook.ID
			Key     string
		}
		if err := c.db(ctx).Raw("SELECT event_id, key FROM idempotency_keys WHERE tenant_id = ? AND event_id IN ?", c.tenant, part).Scan(&rows).Error; err != nil {
			return nil, unavailable(err)
		}
		for _, row := range rows {
			keys[row.EventID] = row.Key
		}
	}
	return keys, nil
}

// AttemptsOfWebhooks reads the same page of each webhook's attempts, newest first, in one statement.
func (c *Scope) AttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter, p Page) (map[webhook.ID]*List[webhook.Attempt], error) {
	return lists(c.db(ctx), ids, newestAttempts, p,
		func(id webhook.ID) *gorm.DB { return f.narrow(c.attempts(ctx)).Where("a.webhook_id = ?", id) },
		func(a *webhook.Attempt) webhook.ID { return a.WebhookID })
}

// DeliveriesOfEvents reads the same page of each event's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return lists(c.db(ctx), ids, newestDeliveries, p,
		func(id webhook.ID) *gorm.DB { return f.narrow(c.deliveries(ctx)).Where("d.event_id = ?", id) },
		func(d *webhook.Delivery) webhook.ID { return d.EventID })
}

// DeliveriesOfWebhooks reads the same page of each webhook's deliveries, newest first, in one statement.
func (c *Scope) DeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter, p Page) (map[webhook.ID]*List[webhook.Delivery], error) {
	return lists(c.db(ctx), ids, newestDeliveries, p,
		func(id webhook.ID) *gorm.DB { return f.narrow(c.deliveries(ctx)).Where("d.webhook_id = ?", id) },
		func(d *webhook.Delivery) webhook.ID { return d.WebhookID })
}

// CountDeliveriesOfEvents counts the deliveries of each event; events with none are missing from the map.
func (c *Scope) CountDeliveriesOfEvents(ctx context.Context, ids []webhook.ID, f DeliveryFilter) (map[webhook.ID]int, error) {
	return countOf(c.db(ctx), ids, c.most, func(id webhook.ID) *gorm.DB { return f.narrow(c.deliveries(ctx)).Where("d.event_id = ?", id) })
}

// CountDeliveriesOfWebhooks counts the deliveries of each webhook; webhooks with none are missing from the map.
func (c *Scope) CountDeliveriesOfWebhooks(ctx context.Context, ids []webhook.ID, f DeliveryFilter) (map[webhook.ID]int, error) {
	return countOf(c.db(ctx), ids, c.most, func(id webhook.ID) *gorm.DB { return f.narrow(c.deliveries(ctx)).Where("d.webhook_id = ?", id) })
}

// CountAttemptsOfDeliveries counts the attempts of each delivery; deliveries with none are missing from the map.
func (c *Scope) CountAttemptsOfDeliveries(ctx context.Context, ids []webhook.ID) (map[webhook.ID]int, error) {
	return countOf(c.db(ctx), ids, c.most, func(id webhook.ID) *gorm.DB { return c.attempts(ctx).Where("a.delivery_id = ?", id) })
}

// CountAttemptsOfWebhooks counts the attempts of each webhook; webhooks with none are missing from the map.
func (c *Scope) CountAttemptsOfWebhooks(ctx context.Context, ids []webhook.ID, f AttemptFilter) (map[webhook.ID]int, error) {
	return countOf(c.db(ctx), ids, c.most, func(id webhook.ID) *gorm.DB { return f.narrow(c.attempts(ctx)).Where("a.webhook_id = ?", id) })
}
