package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/scoped"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Scope is one tenant's part of the store: other tenants' rows do not exist in it. Every query of a Scope starts from one of the
// methods below, which name the tenant, and runs through db and change, which refuse a statement without the tenant (package
// scoped).
type Scope struct {
	s      *Store
	tenant webhook.ID
	// everyone says that it has the objects of all tenants, except deleted ones, and that statements are not checked. tenant is then zero,
	// which changes no row.
	everyone bool
	lean     Lean
	by       *webhook.Actor // who changes it; nil: Options.Actor
}

// Lean says which parts of rows are not read: the payloads, which are most of a row's size.
type Lean struct {
	NoData   bool // of events
	NoBodies bool // of attempts' responses
}

// Lean returns the same part of the store, with rows without these payloads.
func (c *Scope) Lean(l Lean) *Scope {
	lean := *c
	lean.lean = l
	return &lean
}

// In returns the tenant's part of the store.
func (s *Store) In(tenant webhook.ID) *Scope { return &Scope{s: s, tenant: tenant} }

// AllTenants stands for all tenants together in streams. No tenant has this id, and a missing one is not it.
var AllTenants = webhook.ID(bytes.Repeat([]byte{0xff}, len(webhook.ID{})))

// Everyone returns the objects of all tenants, for operators to read. The caller must have checked that it answers one.
func (s *Store) Everyone() *Scope { return &Scope{s: s, everyone: true} }

// has reports whether rows of the tenant are in this part of the store.
func (c *Scope) has(tenant webhook.ID) bool { return c.everyone || tenant == c.tenant }

// of returns the tenant's part of this one.
func (c *Scope) of(tenant webhook.ID) *Scope { return c.s.In(tenant).Lean(c.lean) }

// owners maps every table whose rows belong to tenants to the column with the owner.
var owners = func() scoped.Owners {
	columns := scoped.Owners{}
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		columns[t.Name] = t.Owner
	}
	return columns
}()

// scoped returns db restricted to the tenant. The writer's statements for all tenants at once bypass it (direct, batch.sqlTx).
func (s *Store) scoped(ctx context.Context, db *gorm.DB, tenant webhook.ID) *gorm.DB {
	return owners.In(ctx, db, tenant, s.log)
}

// db returns the readers' connection, restricted to the tenant, if there is one.
func (c *Scope) db(ctx context.Context) *gorm.DB {
	if c.everyone {
		return c.s.read.WithContext(ctx)
	}
	return c.s.scoped(ctx, c.s.read, c.tenant)
}

// change is Store.change, restricted to the tenant.
func (c *Scope) change(ctx context.Context, do func(b *batch) error) error {
	return c.s.queue(ctx, &change{do: do, webhooks: true, tenant: &c.tenant})
}

// changeDeliveries is Store.changeDeliveries, restricted to the tenant.
func (c *Scope) changeDeliveries(ctx context.Context, do func(b *batch) error) error {
	return c.s.queue(ctx, &change{do: do, tenant: &c.tenant})
}

// changeLines is changeDeliveries for deliveries of the lines.
func (c *Scope) changeLines(ctx context.Context, lines []webhook.ID, do func(b *batch) error) error {
	return c.s.queue(ctx, &change{do: do, tenant: &c.tenant, lines: lines})
}

// table selects rows along an index: the tenant's, or everyone's, those of deleted tenants too.
func (c *Scope) table(ctx context.Context, l *list.Index) *gorm.DB {
	if c.everyone {
		return l.All(c.db(ctx))
	}
	return l.Of(c.db(ctx), c.tenant)
}

// byID selects rows by their ids, along an index that has them: the tenant's, or everyone's.
func (c *Scope) byID(ctx context.Context, l *list.Index) *gorm.DB {
	if c.everyone {
		return l.Living(c.db(ctx))
	}
	return c.table(ctx, l)
}

// webhooks selects webhooks by their ids.
func (c *Scope) webhooks(ctx context.Context) *gorm.DB {
	return c.byID(ctx, list.WebhooksByID).Select("w.*").Where("w.deleted_at IS NULL")
}

// events selects events by their ids.
func (c *Scope) events(ctx context.Context) *gorm.DB {
	return c.eventColumns(c.byID(ctx, list.EventsByID))
}

func (c *Scope) eventColumns(q *gorm.DB) *gorm.DB {
	if c.lean.NoData {
		return q.Select(eventColumns())
	}
	return q.Select("e.*")
}

// deliveries selects deliveries by their ids.
func (c *Scope) deliveries(ctx context.Context) *gorm.DB {
	return deliveryColumns(c.byID(ctx, list.DeliveriesByID))
}

// deliveryColumns selects deliveries, each with its status as its webhook changes it. The join is an outer one so that it comes
// last.
func deliveryColumns(q *gorm.DB) *gorm.DB {
	return q.Joins("LEFT JOIN webhooks w ON w.id = d.webhook_id").
		Select("d.seq, d.id, d.tenant_id, d.event_id, d.webhook_id, " + list.StatusShown + " AS status, d.attempt_count, d.schedule_start, " +
			"d.triggered_by, " + list.NextAttemptShown + " AS due_at, d.created_at, d.completed_at, d.failure_reason, d.replay_id, d.line, d.place, d.payload_version, w.url AS webhook_url")
}

// attempts selects attempts by their ids.
func (c *Scope) attempts(ctx context.Context) *gorm.DB {
	return c.attemptColumns(c.byID(ctx, list.AttemptsByID))
}

// attemptColumns selects attempts, each with its event's type. The join is an outer one so that it comes last.
func (c *Scope) attemptColumns(q *gorm.DB) *gorm.DB {
	columns := "a.*"
	if c.lean.NoBodies {
		columns = attemptColumns()
	}
	return q.Joins("LEFT JOIN events e ON e.id = a.event_id" + c.s.db.SameDay("e", "a")).Select(columns + ", e.type AS event_type")
}

// logged selects attempts in log order.
func (c *Scope) logged(ctx context.Context) *gorm.DB {
	if c.everyone {
		return c.attemptColumns(list.AllAttempts.Living(c.db(ctx)))
	}
	return c.attemptColumns(c.table(ctx, list.AttemptsOfTenant))
}

var (
	eventColumns   = sync.OnceValue(func() string { return columnsBut(&webhook.Event{}, "e", "data") })
	attemptColumns = sync.OnceValue(func() string { return columnsBut(&webhook.Attempt{}, "a", "response_body", "event_type") })
)

// columnsBut lists the columns of a row except some.
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

// oneDelivery reads a delivery in the transaction; webhook.ErrNotFound.
func (b *batch) oneDelivery(tenant, id webhook.ID) (*webhook.Delivery, error) {
	found, err := list.ByID(deliveryColumns(list.DeliveriesByID.Of(b.DB, tenant)), b.s.db, "d", []webhook.ID{id}, func(d *webhook.Delivery) webhook.ID { return d.ID })
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, webhook.ErrNotFound
	}
	return found[id], nil
}

// lineOf reads the line of a delivery, which never changes; none if it has none or does not exist.
func (c *Scope) lineOf(ctx context.Context, id webhook.ID) (lines []webhook.ID, err error) {
	found, err := c.DeliveriesByID(ctx, []webhook.ID{id})
	if d := found[id]; d != nil && d.Line != nil {
		lines = append(lines, *d.Line)
	}
	return lines, err
}

// dayOf is the condition that rows are of an event, whose id tells the day on which it was published. With it PostgreSQL looks in one
// partition only; by seq alone it would look in each.
func (s *Store) dayOf(event webhook.ID) (text string, args []any) {
	return s.db.Published("day", event.Time(), event.Time())
}

// By returns the same part of the store, whose changes the audit log attributes to the actor.
func (c *Scope) By(a webhook.Actor) *Scope {
	by := *c
	by.by = &a
	return &by
}

// AcknowledgeIssue notes that somebody knows of an issue, until it is resolved. One that is acknowledged already stays as it is. Errors:
// webhook.ErrNotFound; an *Invalid with code CONFLICT if it is resolved.
func (c *Scope) AcknowledgeIssue(ctx context.Context, id webhook.ID) (*webhook.Issue, error) {
	var after *webhook.Issue
	err := c.changeDeliveries(ctx, func(b *batch) error {
		// The row is locked: its webhook may be succeeding.
		var is webhook.Issue
		if err := b.DB.Raw("UPDATE issues SET turned = ? WHERE id = ? AND tenant_id = ? AND place IS NOT NULL RETURNING *", false, id, c.tenant).Scan(&is).Error; err != nil {
			return err
		}
		after = &is
		switch {
		case is.ID.IsZero():
			return webhook.ErrNotFound
		case is.Status() == webhook.IssueAcknowledged:
			return nil
		case is.Status() == webhook.IssueResolved:
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "the issue is resolved"}
		}
		by, now := c.actor(), b.Now.UTC().Truncate(time.Microsecond)
		is.AcknowledgedAt, is.AcknowledgedBy, is.AcknowledgedName = &now, by.TokenID, by.Name
		if err := b.DB.Exec("UPDATE issues SET acknowledged_at = ?, acknowledged_by = ?, acknowledged_name = ? WHERE id = ? AND tenant_id = ?",
			dialect.At(now), by.TokenID, by.Name, id, c.tenant).Error; err != nil {
			return fmt.Errorf("acknowledge issue: %w", err)
		}
		b.tellLater(Change{Tenant: c.tenant, Issues: true})
		changes := []webhook.AuditChange{{Field: "acknowledgedAt", After: webhook.AuditValue(now)}, {Field: "webhookId", After: webhook.AuditValue(is.WebhookID)}}
		return b.audit(c.by, &c.tenant, webhook.AuditIssueAcknowledged, id, changes)
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

// actor returns who makes changes.
func (c *Scope) actor() *webhook.Actor {
	if c.by != nil {
		return c.by
	}
	return &c.s.opts.Actor
}
