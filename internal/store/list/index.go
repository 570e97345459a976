package list

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Index is a way to read the rows of a table: along a database index, in the order of seq.
type Index struct {
	table, alias string
	// index is the name of the database index; "" means the table's own order or, for one row, its key. On SQLite every index ends with seq;
	// on PostgreSQL these do.
	index string
	one   bool
	// single means that a walk finds at most one row, and needs no order.
	single bool
	// equal are the first columns of the index: a walk has one value for each.
	equal []string
	// only is the condition of a partial index, as the index has it.
	only string
	// by is the column after equal, if it is not seq but has the same order.
	by string
	// at is the column of the time that increases with seq.
	at string
	// time is the column of the time that orders the list before seq; "" for none. The index has it after equal.
	time string
	// timeless says that time is another number.
	timeless bool
	// key is the column that has the Seq of rows; "" is seq.
	key string
	// rows is the table of the rows, and rowAlias its alias, if the index is one of another table; "" for others.
	rows, rowAlias string
}

var (
	webhooksOfTenant     = &Index{table: "webhooks", alias: "w", index: "webhooks_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	webhooksByExternalID = &Index{ // at most one row, so it needs no order
		table: "webhooks", alias: "w", index: "webhooks_external", equal: []string{"tenant_id", "external_id"},
		only: "w.external_id IS NOT NULL AND w.deleted_at IS NULL", at: "created_at",
	}

	failedWebhooks = &Index{
		table: "stats_webhooks", alias: "s", index: "stats_webhooks_failed", equal: []string{"tenant_id"}, only: "s.failed_at > 0", key: "webhook", time: "failed_at",
	}
	failingWebhooks = &Index{
		table: "stats_webhooks", alias: "s", index: "stats_webhooks_rate", equal: []string{"tenant_id"}, only: "s.failure_rate > 0", key: "webhook", time: "failure_rate",
		timeless: true,
	}

	eventsOfTenant = &Index{table: "events", alias: "e", index: "events_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	eventByID      = &Index{table: "events", alias: "e", index: "events_id", equal: []string{"id"}, at: "created_at", single: true}
	eventsOfType   = &Index{table: "events", alias: "e", index: "events_type", equal: []string{"tenant_id", "type"}, at: "created_at"}

	eventsOfTag = &Index{
		table: "event_tags", alias: "g", index: "event_tags_tag", equal: []string{"tenant_id", "tag"}, at: "created_at", key: "event_seq", rows: "events", rowAlias: "e",
	}

	deliveriesOfTenant  = &Index{table: "deliveries", alias: "d", index: "deliveries_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	deliveriesOfType    = &Index{table: "deliveries", alias: "d", index: "deliveries_type", equal: []string{"tenant_id", "event_type"}, at: "created_at"}
	deliveriesOfWebhook = &Index{table: "deliveries", alias: "d", index: "deliveries_webhook", equal: []string{"webhook_id"}, at: "created_at"}
	// DeliveriesOfEvent has the deliveries of an event.
	DeliveriesOfEvent = &Index{table: "deliveries", alias: "d", index: "deliveries_event", equal: []string{"event_id"}, at: "created_at"}
	failuresOfTenant  = &Index{table: "deliveries", alias: "d", index: "deliveries_failed", equal: []string{"tenant_id"}, only: "d.status = 'FAILED'", at: "created_at"}
	failuresOfWebhook = &Index{
		table: "deliveries", alias: "d", index: "deliveries_webhook_failed", equal: []string{"webhook_id"}, only: "d.status = 'FAILED'", at: "created_at",
	}

	deliveriesOfReplay = &Index{
		table: "deliveries", alias: "d", index: "deliveries_replay", equal: []string{"replay_id"}, only: "d.replay_id IS NOT NULL", at: "created_at",
	}
	// A delivery that is owed has one of these: it waits to be sent, or is being sent. Those that are sent at once are never in the first, which
	// therefore costs them nothing.
	waitingOfTenant = &Index{
		table: "deliveries", alias: "d", index: "deliveries_waiting", equal: []string{"tenant_id"}, only: "d.status = 'PENDING' AND d.claimed_by IS NULL", at: "created_at",
	}
	claimedOfTenant = &Index{
		table: "deliveries", alias: "d", index: "deliveries_claimed", equal: []string{"tenant_id"}, only: "d.claimed_by IS NOT NULL", at: "created_at",
	}
	deliveryByID    = &Index{table: "deliveries", alias: "d", index: "deliveries_id", equal: []string{"id"}, at: "created_at", single: true}
	replaysOfTenant = &Index{table: "replays", alias: "r", index: "replays_tenant", equal: []string{"tenant_id"}, at: "created_at"}

	completedOfTenant = &Index{
		table: "deliveries", alias: "d", index: "deliveries_completed", equal: []string{"tenant_id"}, only: "d.completed_at IS NOT NULL",
		at: "created_at", time: "completed_at",
	}
	dueOfTenant = &Index{
		table: "deliveries", alias: "d", index: "deliveries_next", equal: []string{"tenant_id"}, only: "d.due_at IS NOT NULL",
		at: "created_at", time: "due_at",
	}

	// AttemptsOfTenant has a tenant's attempts in the order of the log.
	AttemptsOfTenant        = &Index{table: "attempts", alias: "a", index: "attempts_tenant", equal: []string{"tenant_id"}, at: "started_at"}
	attemptsOfWebhook       = &Index{table: "attempts", alias: "a", index: "attempts_webhook", equal: []string{"webhook_id"}, at: "started_at"}
	attemptsOfDelivery      = &Index{table: "attempts", alias: "a", index: "attempts_number", equal: []string{"delivery_id"}, by: "number", at: "started_at"}
	failedAttemptsOfTenant  = &Index{table: "attempts", alias: "a", index: "attempts_failed", equal: []string{"tenant_id"}, only: "a.status = 'FAILED'", at: "started_at"}
	failedAttemptsOfWebhook = &Index{
		table: "attempts", alias: "a", index: "attempts_webhook_failed", equal: []string{"webhook_id"}, only: "a.status = 'FAILED'", at: "started_at",
	}

	// All tenants' rows, in the order of the table.
	allWebhooks   = &Index{table: "webhooks", alias: "w", at: "created_at"}
	allEvents     = &Index{table: "events", alias: "e", at: "created_at"}
	allDeliveries = &Index{table: "deliveries", alias: "d", at: "created_at"}
	// AllAttempts is the log.
	AllAttempts = &Index{table: "attempts", alias: "a", at: "started_at"}

	oneTenant              = &Index{table: "tenants", alias: "t", one: true, at: "created_at"}
	allTenants             = &Index{table: "tenants", alias: "t", at: "created_at"}
	allTokens              = &Index{table: "tokens", alias: "k", at: "created_at"}
	allAudits              = &Index{table: "audit_log", alias: "u", at: "created_at"}
	auditsOfTenant         = &Index{table: "audit_log", alias: "u", index: "audit_log_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	auditsOfObject         = &Index{table: "audit_log", alias: "u", index: "audit_log_object", equal: []string{"object_id"}, at: "created_at"}
	allPortalSessions      = &Index{table: "portal_sessions", alias: "q", at: "created_at"}
	portalSessionsOfTenant = &Index{table: "portal_sessions", alias: "q", index: "portal_sessions_tenant", equal: []string{"tenant_id"}, at: "created_at"}
	tokensOfTenant         = &Index{table: "tokens", alias: "k", index: "tokens_tenant", equal: []string{"tenant_id"}, at: "created_at"}

	// EventsByID finds events by their ids.
	EventsByID = &Index{table: "events", alias: "e", index: "events_id"}
	// DeliveriesByID finds deliveries by their ids.
	DeliveriesByID = &Index{table: "deliveries", alias: "d", index: "deliveries_id"}
	// DeliveriesOfPair finds the deliveries of events to webhooks.
	DeliveriesOfPair = &Index{table: "deliveries", alias: "d", index: "deliveries_pair"}
	// DeliveriesByLine finds deliveries that are in line.
	DeliveriesByLine = &Index{table: "deliveries", alias: "d", index: "deliveries_line", only: "d.place IS NOT NULL"}
	// AttemptsByID finds attempts by their ids.
	AttemptsByID = &Index{table: "attempts", alias: "a", index: "attempts_id"}
	// ReplaysByID finds replays by their ids.
	ReplaysByID = &Index{table: "replays", alias: "r", one: true}
	// WebhooksByID finds webhooks by their keys.
	WebhooksByID = &Index{table: "webhooks", alias: "w", one: true}
	// TenantsByID finds tenants by their keys.
	TenantsByID = &Index{table: "tenants", alias: "t", one: true}
	// TokensByID finds tokens by their keys.
	TokensByID = &Index{table: "tokens", alias: "k", one: true}
	// Deliveries reads the table of deliveries in its own order.
	Deliveries = &Index{table: "deliveries", alias: "d"}
)

// From returns the table for a statement. SQLite uses the named index, or refuses the statement.
func (l *Index) From(db *gorm.DB) string {
	text := l.table + " AS " + l.alias
	switch {
	case db.Name() != "sqlite" || l.one:
		return text
	case l.index == "":
		return text + " NOT INDEXED"
	}
	return text + " INDEXED BY " + l.index
}

// Of returns a query for the tenant's rows. db must be restricted to the tenant.
func (l *Index) Of(db *gorm.DB, tenant webhook.ID) *gorm.DB {
	is := l.owner(tenant)
	return db.Table(l.From(db)).Where(is.text, is.args...)
}

// All is everyone's rows, those of deleted tenants too: they are removed in the background.
func (l *Index) All(db *gorm.DB) *gorm.DB { return db.Table(l.From(db)) }

// Living is the rows of all tenants that have not been deleted.
func (l *Index) Living(db *gorm.DB) *gorm.DB {
	is := l.living().aside()
	return l.All(db).Where(is.text, is.args...)
}

// living is the condition that rows are of a tenant that has not been deleted.
func (l *Index) living() condition {
	owner := l.column("tenant_id")
	return condition{text: owner + " = (SELECT lt.id FROM tenants AS lt WHERE lt.id = " + owner + " AND lt.deleted_at IS NULL)"}
}

func (l *Index) column(name string) string { return l.alias + "." + name }

// ofRow returns a column of the list's rows.
func (l *Index) ofRow(name string) string { return cmp.Or(l.rowAlias, l.alias) + "." + name }

// Joined adds the table of the list's rows to a query, if the index is one of another table.
func (l *Index) Joined(q *gorm.DB, db dialect.DB) *gorm.DB {
	if l != eventsOfTag {
		return q
	}
	return q.Joins("LEFT JOIN " + EventsByID.From(q) + " ON e.id = g.event_id" + db.OnDay("e", "g.created_at"))
}

// placed returns the columns of a row's place.
func (l *Index) placed() string {
	if l.time == "" {
		return l.seq() + " AS seq"
	}
	return l.seq() + " AS seq, " + l.column(l.time) + " AS at"
}

// seq returns the column that orders the list.
func (l *Index) seq() string { return l.column(cmp.Or(l.key, "seq")) }

// ofOne reports whether the first column of the index is the tenant.
func (l *Index) ofOne() bool { return slices.Contains(l.equal, "tenant_id") }

// owner returns the condition that rows belong to the tenant, served by the index or not.
func (l *Index) owner(tenant webhook.ID) condition {
	is := condition{l.column("tenant_id") + " = ?", []any{tenant}}
	if l.ofOne() {
		return is
	}
	return is.aside()
}

// nearDays is the number of days after its publication in which most rows of an event are created.
const nearDays = 3

// daysBefore returns the ranges of days in which rows with the ids are searched, in this order.
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
	if last = last.Add(oneDay); last.Year() > 9999 { // an id that was never issued
		return [][]condition{nil}
	}
	near := published(db, column, first.Add(-nearDays*oneDay), last)
	if near == nil {
		return [][]condition{nil}
	}
	return [][]condition{near, published(db, column, time.Unix(0, 0), last)}
}

// partitioned reports whether PostgreSQL partitions the table by the day on which events were published.
func partitioned(table string) bool {
	return table == "events" || table == "deliveries" || table == "attempts"
}

const oneDay = 24 * time.Hour

// published returns the condition that events were published in the range if the table is partitioned by that day, else none. db is nil
// for a table that is never partitioned.
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

// eventDays returns the condition that rows belong to the event's day of publication, which its id contains.
func eventDays(db dialect.DB, column string, event webhook.ID) []condition {
	t := event.Time()
	if t.Year() > 9999 {
		return nil // it was never issued
	}
	return published(db, column, t, t.Add(time.Second))
}
