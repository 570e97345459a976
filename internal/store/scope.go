package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Scope is one tenant's part of the store: what belongs to another tenant does not exist in it. Every query of a Scope
// starts from one of the methods below, which name the tenant; and what a Scope says to the database, it says by db and
// change, which refuse a statement that does not (package scoped).
type Scope struct {
	s      *Store
	tenant webhook.ID
	lean   Lean
}

// Lean says what of rows is not needed and not read: the payloads, which are most of what a row takes.
type Lean struct {
	NoData   bool // of events
	NoBodies bool // of attempts' responses
}

// Lean is the same part of the store with rows that lack their payloads.
func (c *Scope) Lean(l Lean) *Scope {
	lean := *c
	lean.lean = l
	return &lean
}

// In is the tenant's part of the store.
func (s *Store) In(tenant webhook.ID) *Scope { return &Scope{s: s, tenant: tenant} }

// owners names, for every table whose rows are a tenant's, the column that says whose.
var owners = func() scoped.Owners {
	columns := scoped.Owners{}
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		columns[t.Name] = t.Owner
	}
	return columns
}()

// scoped is db in the tenant's name. What the writer does for everybody at once, in statements of its own, is nobody's in particular: it
// goes below (direct, batch.sqlTx).
func (s *Store) scoped(ctx context.Context, db *gorm.DB, tenant webhook.ID) *gorm.DB {
	return owners.In(ctx, db, tenant, s.log)
}

// db reads in the tenant's name.
func (c *Scope) db(ctx context.Context) *gorm.DB { return c.s.scoped(ctx, c.s.read, c.tenant) }

// change is the store's, in the tenant's name.
func (c *Scope) change(ctx context.Context, do func(b *batch) error) error {
	return c.s.queue(ctx, &change{do: do, webhooks: true, tenant: &c.tenant})
}

// changeDeliveries is the store's, in the tenant's name.
func (c *Scope) changeDeliveries(ctx context.Context, do func(b *batch) error) error {
	return c.s.queue(ctx, &change{do: do, tenant: &c.tenant})
}

// table is the tenant's rows, found along an index.
func (c *Scope) table(ctx context.Context, l *list.Index) *gorm.DB { return l.Of(c.db(ctx), c.tenant) }

func (c *Scope) webhooks(ctx context.Context) *gorm.DB {
	return c.db(ctx).Table("webhooks AS w").Select("w.*").
		Where("w.tenant_id = ? AND w.deleted_at IS NULL", c.tenant)
}

// events are found by their ids.
func (c *Scope) events(ctx context.Context) *gorm.DB {
	return c.eventColumns(c.table(ctx, list.EventsByID))
}

func (c *Scope) eventColumns(q *gorm.DB) *gorm.DB {
	if c.lean.NoData {
		return q.Select(eventColumns())
	}
	return q.Select("e.*")
}

// deliveries are found by their ids.
func (c *Scope) deliveries(ctx context.Context) *gorm.DB {
	return deliveryColumns(c.table(ctx, list.DeliveriesByID))
}

func deliveries(db *gorm.DB, tenant webhook.ID) *gorm.DB {
	return deliveryColumns(db.Table("deliveries AS d").Where("d.tenant_id = ?", tenant))
}

// deliveryColumns selects deliveries, each with what its webhook makes of its status. The join is an outer one so that it comes last.
func deliveryColumns(q *gorm.DB) *gorm.DB {
	return q.Joins("LEFT JOIN webhooks w ON w.id = d.webhook_id").
		Select("d.seq, d.id, d.tenant_id, d.event_id, d.webhook_id, " + list.StatusShown + " AS status, d.attempt_count, d.schedule_start, " +
			"d.triggered_by, CASE WHEN w.enabled AND w.deleted_at IS NULL THEN d.due_at END AS due_at, d.created_at, d.completed_at, d.failure_reason, w.url AS webhook_url")
}

// attempts are found by their ids.
func (c *Scope) attempts(ctx context.Context) *gorm.DB {
	return c.attemptColumns(c.table(ctx, list.AttemptsByID))
}

// attemptColumns selects attempts, each with its event's type. The join is an outer one so that it comes last.
func (c *Scope) attemptColumns(q *gorm.DB) *gorm.DB {
	columns := "a.*"
	if c.lean.NoBodies {
		columns = attemptColumns()
	}
	return q.Joins("LEFT JOIN events e ON e.id = a.event_id" + c.s.db.SameDay("e", "a")).Select(columns + ", e.type AS event_type")
}

// logged are attempts in the order of the log.
func (c *Scope) logged(ctx context.Context) *gorm.DB {
	return c.attemptColumns(c.table(ctx, list.AttemptsOfTenant))
}

var (
	eventColumns   = sync.OnceValue(func() string { return columnsBut(&webhook.Event{}, "e", "data") })
	attemptColumns = sync.OnceValue(func() string { return columnsBut(&webhook.Attempt{}, "a", "response_body", "event_type") })
)

// columnsBut lists the columns of a row but some.
func columnsBut(row any, alias string, but ...string) string {
	parsed, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		panic(err) // our own types always parse
	}
	var columns []string
	for _, name := range parsed.DBNames {
		if !slices.Contains(but, name) {
			columns = append(columns, alias+"."+name)
		}
	}
	return strings.Join(columns, ", ")
}

func oneDelivery(db *gorm.DB, tenant webhook.ID, where string, args ...any) (*webhook.Delivery, error) {
	var d webhook.Delivery
	res := deliveries(db, tenant).Where(where, args...).Limit(1).Scan(&d)
	if res.Error != nil {
		return nil, res.Error
	}
	if res.RowsAffected == 0 {
		return nil, webhook.ErrNotFound
	}
	return &d, nil
}
