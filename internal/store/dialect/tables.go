package dialect

import (
	"iter"
	"slices"
)

// Ownership says whose the rows of a table are.
type Ownership int

// Whose a row can be.
const (
	OfDatabase         Ownership = iota // nobody's
	OfTenant                            // a tenant's each
	OfTenantOrOperator                  // as OfTenant, or an operator's where the owner is NULL
	OfItself                            // the rows are the tenants
)

// Table declares a table of both databases. The check of tenants' statements, Copy, RotateKey, retention and the deletion of tenants read it, so that
// a table is told once; TestTables holds it to the schemas.
type Table struct {
	Name  string
	Whose Ownership
	Owner string // the column that says whose a row is; "" in tables of the database
	Key   string // the columns that its rows are read in the order of, each value once, with commas between
	// Event is the column that names the event that a row is removed with; "" when it outlives events. A table with many rows for an
	// event must be daily.
	Event string
	// Below is the table that its rows hang on, which they are removed before and found by, and Parent the column with the id of that row:
	// for daily tables, but that of events.
	Below  *Table
	Parent string
	// Webhook is the column that names the webhook that a row is removed with when that is deleted; "" when it stays for its history.
	Webhook string
	// Daily tables are partitioned on PostgreSQL, by the day on which the event was published. Their seq is the store's to give;
	// others' are the database's.
	Daily  bool
	Sealed bool // by a master key, which key_id names; see sealedTables

	// What inserts rows by the thousand needs to know.
	Columns string // that have parameters, in their order
	Fixed   string // further ones, the same in every row, and their values
	Values  string
}

var (
	// EventsTable has events.
	EventsTable = &Table{
		Name: "events", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "id", Daily: true,
		Columns: "id, tenant_id, type, timestamp, created_at, data, tags",
	}
	// DeliveriesTable has deliveries.
	DeliveriesTable = &Table{
		Name: "deliveries", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id", Below: EventsTable, Parent: "event_id", Daily: true,
		Columns: "id, tenant_id, event_id, webhook_id, event_type, triggered_by, due_at, claimed_by, created_at",
		Fixed:   "status, attempt_count, schedule_start",
		Values:  "'PENDING', 0, 0",
	}
	// AttemptsTable has attempts.
	AttemptsTable = &Table{
		Name: "attempts", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id", Below: DeliveriesTable, Parent: "delivery_id", Daily: true,
		Columns: "id, tenant_id, webhook_id, delivery_id, event_id, number, status, error, message, triggered_by, " +
			"started_at, duration_us, dns_us, connect_us, tls_us, first_byte_us, url, request_headers, signed_by, response_status, " +
			"response_headers, response_body, response_truncated",
	}
)

// Tables are all there are. Those that are somebody's are copied in this order, of what refers to what, and removed in the
// opposite one. Those of the database, Copy treats each in its own way.
var Tables = []*Table{
	{Name: "store"},
	{Name: "keys", Key: "name", Sealed: true},
	{Name: "starts", Key: "seq"},
	{Name: "nodes", Key: "seq"},
	{Name: "tenants", Whose: OfItself, Owner: "id", Key: "seq"},
	{Name: "tokens", Whose: OfTenantOrOperator, Owner: "tenant_id", Key: "seq"},
	{Name: "webhooks", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "secrets", Whose: OfTenant, Owner: "tenant_id", Key: "id", Webhook: "webhook_id", Sealed: true},
	{Name: "webhook_headers", Whose: OfTenant, Owner: "tenant_id", Key: "webhook_id", Webhook: "webhook_id", Sealed: true},
	EventsTable,
	DeliveriesTable,
	AttemptsTable,
	{Name: "idempotency_keys", Whose: OfTenant, Owner: "tenant_id", Key: "event_id", Event: "event_id"},
	{Name: "notices", Whose: OfTenant, Owner: "tenant_id", Key: "seq"},
	{Name: "fanouts", Whose: OfTenant, Owner: "tenant_id", Key: "seq", Event: "event_id"},
	{Name: "stats_journal", Key: "seq"},
	{Name: "stats_fold"},
	{Name: "stats", Whose: OfTenant, Owner: "tenant_id", Key: "tenant_id, grain, webhook, type, bucket"},
	{Name: "stats_types", Whose: OfTenant, Owner: "tenant_id", Key: "tenant_id, type"},
	{Name: "stats_webhooks", Whose: OfTenant, Owner: "tenant_id", Key: "webhook"},
}

// TablesThat yields those for which is is true, in their order.
func TablesThat(is func(t *Table) bool) iter.Seq[*Table] {
	return func(yield func(*Table) bool) {
		for _, t := range Tables {
			if is(t) && !yield(t) {
				return
			}
		}
	}
}

// LastFirst is the tables in the order in which their rows are removed.
func LastFirst(list iter.Seq[*Table]) []*Table {
	all := slices.Collect(list)
	slices.Reverse(all)
	return all
}

// Owned reports whether the rows are somebody's.
func (t *Table) Owned() bool { return t.Whose != OfDatabase }

// IsDaily reports whether the table is partitioned by day.
func (t *Table) IsDaily() bool { return t.Daily }

// IsSealed reports whether a part of the rows is sealed.
func (t *Table) IsSealed() bool { return t.Sealed }

// OfEvents reports whether rows are removed with their event: those of events are.
func (t *Table) OfEvents() bool { return t.Event != "" }

// OfWebhooks reports whether rows are removed when their webhook is deleted.
func (t *Table) OfWebhooks() bool { return t.Webhook != "" }

// BesideEvents reports whether rows are removed with their event, and in one statement with it: it has few.
func (t *Table) BesideEvents() bool { return t.Event != "" && !t.Daily }

// Numbered reports whether the database gives its rows their seq.
func (t *Table) Numbered() bool { return t.Key == "seq" && !t.Daily }
