package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/eventtypes"
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

// PutEventType declares an event type, or changes a declared one. created reports whether it was not declared before. The error joins an
// *Invalid for every broken rule.
func (c *Scope) PutEventType(ctx context.Context, name string, p webhook.EventTypePatch) (put *webhook.EventType, created bool, err error) {
	for range putTries {
		change, err := eventtypes.Prepare(c.db(ctx), c.tenant, name, p, c.s.opts.Now())
		if err != nil {
			return nil, false, err
		}
		stored := false
		err = c.reloadTypes(ctx, c.change(ctx, func(b *batch) (err error) {
			stored, err = b.putEventType(c, change)
			return err
		}))
		if err != nil {
			return nil, false, err
		}
		if stored {
			put, err = c.EventType(ctx, name)
			return put, change.New(), err
		}
	}
	return nil, false, &webhook.Invalid{Field: "name", Code: webhook.CodeConflict, Message: "is being changed by other callers at the same time; try again"}
}

// putTries is how often a change of an event type is prepared again because others have changed the type.
const putTries = 5

func (b *batch) putEventType(c *Scope, change *eventtypes.Change) (stored bool, err error) {
	if _, err := b.tenant(c.tenant); err != nil {
		return false, err
	}
	before, after, ok, err := change.Store(b.DB)
	if err != nil || !ok {
		return false, err
	}
	action, was := webhook.AuditEventTypeCreated, []webhook.AuditField(nil)
	if before != nil {
		action, was = webhook.AuditEventTypeUpdated, before.AuditFields()
	}
	changes := webhook.AuditChanges(was, after.AuditFields())
	if len(changes) == 0 {
		return true, nil
	}
	if err := b.s.db.NoteEventTypes(&b.Tx, c.tenant); err != nil {
		return false, err
	}
	return true, b.audit(c.by, &c.tenant, action, after.ID, changes)
}

// DeclaredEventTypes reads all declared event types of the tenant, in the order of their names.
func (c *Scope) DeclaredEventTypes(ctx context.Context) ([]*webhook.EventType, error) {
	return eventtypes.Declared(c.db(ctx), c.tenant)
}

// DeleteEventType removes the declaration of an event type. Errors: webhook.ErrNotFound.
func (c *Scope) DeleteEventType(ctx context.Context, name string) (deleted *webhook.EventType, err error) {
	err = c.change(ctx, func(b *batch) error {
		if deleted, err = eventtypes.Delete(b.DB, c.tenant, name); err != nil {
			return err
		}
		if err := b.s.db.NoteEventTypes(&b.Tx, c.tenant); err != nil {
			return err
		}
		return b.audit(c.by, &c.tenant, webhook.AuditEventTypeDeleted, deleted.ID, []webhook.AuditChange{{Field: "name", Before: webhook.AuditValue(name)}})
	})
	return deleted, c.reloadTypes(ctx, err)
}

// reloadTypes makes a change of event types take effect for publishers of this server, if it was committed.
func (c *Scope) reloadTypes(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return c.s.types.Refresh(ctx, c.tenant)
}

// conforms checks an event with the schema of its type, if it has one that is used. An event that the schema refuses, but that was published before
// with its idempotency key and the same content, is returned: the schema has become stricter since. Errors are those of eventtypes.Checker.
func (c *Scope) conforms(ctx context.Context, k *eventtypes.Checker, e *webhook.NewEvent, field string) (earlier *webhook.Event, err error) {
	y := c.s.types.Find(c.tenant, e.Type)
	if y == nil {
		return nil, nil
	}
	violation, refused := k.Check(ctx, c.s.types, y, field, e.Data)
	if refused != nil && e.IdempotencyKey != "" && len(webhook.Invalids(refused)) > 0 {
		stored, hash, err := publishedAs(c.db(ctx), c.tenant, e.IdempotencyKey)
		if err != nil {
			return nil, dialect.Unavailable(err)
		}
		if stored != nil && bytes.Equal(hash, e.ContentHash()) {
			return stored, nil
		}
	}
	k.Note(violation)
	return nil, refused
}

// tellViolations keeps what events of a call have violated with their types, and logs it, each type about once a minute.
func (c *Scope) tellViolations(ctx context.Context, k *eventtypes.Checker) {
	for y, what := range k.Violated {
		now := c.s.opts.Now()
		if !y.ToTell(now) {
			continue
		}
		c.s.log.WarnContext(ctx, "an event breaks the schema of its type", slog.Any("tenant", c.tenant), slog.String("type", y.Name()), slog.Bool("refused", y.Rejects()))
		if err := c.changeDeliveries(ctx, func(b *batch) error { return y.Tell(b.DB, now, what) }); err != nil { // not an error: the events can be stored
			c.s.log.WarnContext(ctx, "what an event breaks cannot be kept with its type", slog.String("type", y.Name()), slog.Any("error", err))
		}
	}
}

// SchemaBudget bounds what SchemaErrors costs an operation.
type SchemaBudget = eventtypes.Budget

// NewSchemaBudget returns the budget of an operation, or of a message of a stream.
func NewSchemaBudget(stream bool) *SchemaBudget { return eventtypes.NewBudget(stream) }

// SchemaErrors returns how an event, which must have its data, breaks the schema that its type has now; nil if there is none, or it is not used.
// The error is an *Invalid if the budget is used up.
func (c *Scope) SchemaErrors(ctx context.Context, e *webhook.Event, budget *SchemaBudget) ([]*webhook.SchemaError, error) {
	y := c.s.types.Find(c.tenant, e.Type)
	if y == nil {
		return nil, nil
	}
	return budget.Errors(ctx, c.s.types, y, e.Data)
}

// EventType finds an event type, declared or seen, by its name; nil if there is none.
func (c *Scope) EventType(ctx context.Context, name string) (*webhook.EventType, error) {
	id := webhook.EventTypeID(c.tenant, name)
	found, err := c.EventTypesByID(ctx, []webhook.ID{id})
	return found[id], err
}

// EventTypesByID finds event types, declared and seen; ids that are absent or foreign are missing from the map.
func (c *Scope) EventTypesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.EventType, error) {
	return eventtypes.ByID(c.db(ctx), c.tenant, ids)
}

// EventTypePage lists the tenant's event types, declared and seen, in the order of their names.
func (c *Scope) EventTypePage(ctx context.Context, f EventTypeFilter, p Page) (*List[webhook.EventType], error) {
	return eventtypes.Page(c.db(ctx), c.tenant, f, p)
}

// CountEventTypes counts the list of EventTypePage, which is short.
func (c *Scope) CountEventTypes(ctx context.Context, f EventTypeFilter) (int, error) {
	names, err := eventtypes.Names(c.db(ctx), c.tenant)
	return len(f.Keep(names)), err
}

// EventTypePlace returns the place of an event type in the list of EventTypePage.
func EventTypePlace(t *webhook.EventType) Place { return eventtypes.PlaceOf(t) }

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
