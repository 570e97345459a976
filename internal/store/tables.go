package store

import (
	"context"
	"iter"
	"slices"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// ownership says whose the rows of a table are.
type ownership int

const (
	ofDatabase         ownership = iota // nobody's
	ofTenant                            // a tenant's each
	ofTenantOrOperator                  // as ofTenant, or an operator's where the owner is NULL
	ofItself                            // the rows are the tenants
)

// table declares a table of both databases. The check of tenants' statements, Copy, RotateKey, retention and the deletion of tenants read it, so that
// a table is told once; TestTables holds it to the schemas.
type table struct {
	name  string
	whose ownership
	owner string // the column that says whose a row is; "" in tables of the database
	key   string // the column that its rows are read in the order of, each value once
	// event is the column that names the event that a row is removed with; "" when it outlives events. A table with many rows for an
	// event must be daily, and be removed by removeDeliveries.
	event string
	// daily tables are partitioned on PostgreSQL, by the day on which the event was published. Their seq is the store's to give;
	// others' are the database's.
	daily bool
	// sealed reads rows that are sealed with another master key than the one named; nil when nothing is sealed.
	sealed func(b *batch, current string, limit int) ([]sealedRow, error)

	// What inserts rows by the thousand needs to know.
	columns string // that have parameters, in their order
	fixed   string // further ones, the same in every row, and their values
	values  string
}

var (
	eventsTable = &table{
		name: "events", whose: ofTenant, owner: "tenant_id", key: "seq", event: "id", daily: true,
		columns: "id, tenant_id, type, timestamp, created_at, data, tags",
	}
	deliveriesTable = &table{
		name: "deliveries", whose: ofTenant, owner: "tenant_id", key: "seq", event: "event_id", daily: true,
		columns: "id, tenant_id, event_id, webhook_id, event_type, triggered_by, due_at, claimed_by, created_at",
		fixed:   "status, attempt_count, schedule_start",
		values:  "'PENDING', 0, 0",
	}
	attemptsTable = &table{
		name: "attempts", whose: ofTenant, owner: "tenant_id", key: "seq", event: "event_id", daily: true,
		columns: "id, tenant_id, webhook_id, delivery_id, event_id, number, status, error, message, triggered_by, " +
			"started_at, duration_us, dns_us, connect_us, tls_us, first_byte_us, url, request_headers, signed_by, response_status, " +
			"response_headers, response_body, response_truncated",
	}
)

// tables are all there are. Those that are somebody's are copied in this order, of what refers to what, and removed in the
// opposite one. Those of the database, Copy treats each in its own way.
var tables = []*table{
	{name: "store"},
	{name: "keys", key: "name", sealed: sealedRows[keyRow]},
	{name: "starts", key: "seq"},
	{name: "nodes", key: "seq"},
	{name: "tenants", whose: ofItself, owner: "id", key: "seq"},
	{name: "tokens", whose: ofTenantOrOperator, owner: "tenant_id", key: "seq"},
	{name: "webhooks", whose: ofTenant, owner: "tenant_id", key: "seq"},
	{name: "secrets", whose: ofTenant, owner: "tenant_id", key: "id", sealed: sealedRows[secretRow]},
	{name: "webhook_headers", whose: ofTenant, owner: "tenant_id", key: "webhook_id", sealed: sealedRows[headersRow]},
	eventsTable,
	deliveriesTable,
	attemptsTable,
	{name: "idempotency_keys", whose: ofTenant, owner: "tenant_id", key: "event_id", event: "event_id"},
	{name: "notices", whose: ofTenant, owner: "tenant_id", key: "seq"},
	{name: "fanouts", whose: ofTenant, owner: "tenant_id", key: "seq", event: "event_id"},
}

// tablesThat yields those for which is is true, in their order.
func tablesThat(is func(t *table) bool) iter.Seq[*table] {
	return func(yield func(*table) bool) {
		for _, t := range tables {
			if is(t) && !yield(t) {
				return
			}
		}
	}
}

// lastFirst is the tables in the order in which their rows are removed.
func lastFirst(list iter.Seq[*table]) []*table {
	all := slices.Collect(list)
	slices.Reverse(all)
	return all
}

func (t *table) owned() bool { return t.whose != ofDatabase }

func (t *table) isDaily() bool { return t.daily }

func (t *table) isSealed() bool { return t.sealed != nil }

// besideEvents reports whether rows are removed with their event, and in one statement with it: it has few.
func (t *table) besideEvents() bool { return t.event != "" && !t.daily }

// numbered reports whether the database gives its rows their seq.
func (t *table) numbered() bool { return t.key == "seq" && !t.daily }

// CountRows counts what the database has of a tenant, deleted or not, in every table whose rows are somebody's. It counts row by row:
// it is for tests and for people.
func (s *Store) CountRows(ctx context.Context, tenant webhook.ID) (map[string]int64, error) {
	rows := map[string]int64{}
	for t := range tablesThat((*table).owned) {
		var n int64
		if err := s.read.WithContext(ctx).Table(t.name).Where(t.owner+" = ?", tenant).Count(&n).Error; err != nil {
			return nil, unavailable(err)
		}
		rows[t.name] = n
	}
	return rows, nil
}
