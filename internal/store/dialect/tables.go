package dialect

import (
	"iter"
	"slices"
)

// Ownership is the kind of owner that the rows of a table have.
type Ownership int

// The kinds of owners.
const (
	OfDatabase         Ownership = iota // the rows have no owner
	OfTenant                            // each row belongs to a tenant
	OfTenantOrOperator                  // as OfTenant, or to an operator if the owner is NULL
	OfItself                            // the rows are the tenants themselves
)

// Table declares a table of both databases. The check of tenants' statements, Copy, RotateKey, retention and the deletion of tenants use it, so
// that a table is declared once. TestTables compares it with the schemas.
type Table struct {
	Name  string
	Whose Ownership
	Owner string // the column with the owner of a row; "" for tables OfDatabase
	Key   string // the unique columns that order its rows when all are read, separated by commas
	// Event is the column of the event with which a row is removed; "" if rows outlive events. A table with many rows per event must be
	// daily.
	Event string
	// Below is the table of the rows that this table's rows belong to; these are found by them and removed before them. Parent is the column with
	// the id of such a row. All daily tables except events have them.
	Below  *Table
	Parent string
	// Webhook is the column of the webhook with which a row is removed; "" if the row stays as history.
	Webhook string
	// Daily tables are partitioned on PostgreSQL by the day on which the event was published. The store assigns their seq; for other tables
	// the database does.
	Daily bool
	// Outlives tables keep a tenant's rows when the tenant is deleted.
	Outlives bool
	Sealed   bool // a part of each row is sealed by the master key that key_id names; see sealedTables

	// For inserting rows in bulk.
	Columns string // columns with parameters, in order
	Fixed   string // further columns, which have the same value in every row: Values
	Values  string
}

var (
	// EventsTable is the table of events.
	EventsTable = &Table{
		Name: "events", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "id", Daily: true,
		Columns: "id, tenant_id, type, timestamp, created_at, data, tags, ordering_key, deliver_at, expires_at, traceparent, test",
	}
	// DeliveriesTable is the table of deliveries.
	DeliveriesTable = &Table{
		Name: "deliveries", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id", Below: EventsTable, Parent: "event_id", Daily: true,
		Columns: "id, tenant_id, event_id, webhook_id, event_type, triggered_by, due_at, claimed_by, created_at, line, place, payload_version, deliver_at, expires_at",
		Fixed:   "status, attempt_count, schedule_start",
		Values:  "'PENDING', 0, 0",
	}
	// AttemptsTable is the table of attempts.
	AttemptsTable = &Table{
		Name: "attempts", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id", Below: DeliveriesTable, Parent: "delivery_id", Daily: true,
		Columns: "id, tenant_id, webhook_id, delivery_id, event_id, number, status, error, message, triggered_by, " +
			"started_at, duration_us, dns_us, connect_us, tls_us, first_byte_us, url, request_headers, signed_by, response_status, " +
			"response_headers, response_body, response_truncated, replay_id, payload_version",
	}
)

// Tables are all tables. Owned tables are copied in this order, in which tables follow those that they refer to, and removed in the
// reverse order. Copy handles each table without owner in its own way.
var Tables = []*Table{
	{Name: "store"},
	{Name: "keys", Key: "name", Sealed: true},
	{Name: "starts", Key: "seq"},
	{Name: "nodes", Key: "seq"},
	{Name: "tenants", Whose: OfItself, Owner: "id", Key: "seq"},
	{Name: "tokens", Whose: OfTenantOrOperator, Owner: "tenant_id", Key: "seq"},
	{Name: "portal_sessions", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "audit_log", Whose: OfTenantOrOperator, Owner: "tenant_id", Key: "seq", Outlives: true},
	{Name: "webhooks", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "secrets", Whose: OfTenant, Owner: "tenant_id", Key: "id", Webhook: "webhook_id", Sealed: true},
	{Name: "webhook_headers", Whose: OfTenant, Owner: "tenant_id", Key: "webhook_id", Webhook: "webhook_id", Sealed: true},
	{Name: "webhook_authentications", Whose: OfTenant, Owner: "tenant_id", Key: "webhook_id", Webhook: "webhook_id", Sealed: true},
	{Name: "payloads", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	EventsTable,
	DeliveriesTable,
	AttemptsTable,
	{Name: "event_tags", Whose: OfTenant, Owner: "tenant_id", Key: "event_id, tag", Event: "event_id"},
	{Name: "idempotency_keys", Whose: OfTenant, Owner: "tenant_id", Key: "event_id", Event: "event_id"},
	{Name: "notices", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "issues", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Webhook: "webhook_id"},
	{Name: "fanouts", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id"},
	{Name: "replays", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "replay_queue", Whose: OfTenant, Owner: "tenant_id", Key: "delivery, replay_id"},
	{Name: "event_types", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "stats_journal", Key: "seq"},
	{Name: "stats_fold"},
	{Name: "stats", Whose: OfTenant, Owner: "tenant_id", Key: "tenant_id, grain, webhook, type, bucket"},
	{Name: "stats_types", Whose: OfTenant, Owner: "tenant_id", Key: "tenant_id, type"},
	{Name: "stats_webhooks", Whose: OfTenant, Owner: "tenant_id", Key: "webhook"},
}

// TablesThat yields the tables for which is returns true, in order.
func TablesThat(is func(t *Table) bool) iter.Seq[*Table] {
	return func(yield func(*Table) bool) {
		for _, t := range Tables {
			if is(t) && !yield(t) {
				return
			}
		}
	}
}

// LastFirst returns the tables in the order in which their rows are removed.
func LastFirst(list iter.Seq[*Table]) []*Table {
	all := slices.Collect(list)
	slices.Reverse(all)
	return all
}

// Owned reports whether the rows have owners.
func (t *Table) Owned() bool { return t.Whose != OfDatabase }

// IsDaily reports whether the table is partitioned by day.
func (t *Table) IsDaily() bool { return t.Daily }

// IsSealed reports whether a part of each row is sealed.
func (t *Table) IsSealed() bool { return t.Sealed }

// OfEvents reports whether rows are removed with their event; those of the table of events are.
func (t *Table) OfEvents() bool { return t.Event != "" }

// OfWebhooks reports whether rows are removed when their webhook is deleted.
func (t *Table) OfWebhooks() bool { return t.Webhook != "" }

// BesideEvents reports whether rows are removed with their event in one statement, because an event has few of them.
func (t *Table) BesideEvents() bool { return t.Event != "" && !t.Daily }

// Numbered reports whether the database assigns the rows' seq.
func (t *Table) Numbered() bool { return t.Key == "seq" && !t.Daily }
