package store

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/eventtypes"
	"github.com/hookgraph/hookgraph/internal/store/issues"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

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
	action, changes := putInto(before, after)
	if len(changes) == 0 {
		return true, nil
	}
	if err := b.s.db.NoteEventTypes(&b.Tx, c.tenant); err != nil {
		return false, err
	}
	return true, b.audit(c.by, &c.tenant, action, after.ID, changes)
}

// putInto returns what the audit log says of a declaration; before is nil if there was none.
func putInto(before, after *webhook.EventType) (webhook.AuditAction, []webhook.AuditChange) {
	if before == nil {
		return webhook.AuditEventTypeCreated, webhook.AuditChanges(nil, after.AuditFields())
	}
	return webhook.AuditEventTypeUpdated, webhook.AuditChanges(before.AuditFields(), after.AuditFields())
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
		if err := c.violated(ctx, y, now, what); err != nil { // not an error: the events can be stored
			c.s.log.WarnContext(ctx, "what an event breaks cannot be kept with its type", slog.String("type", y.Name()), slog.Any("error", err))
		}
	}
}

// violated keeps what an event has violated with its type, and in an issue.
func (c *Scope) violated(ctx context.Context, y *eventtypes.Type, now time.Time, what string) error {
	told := false
	err := c.changeDeliveries(ctx, func(b *batch) (err error) {
		told, err = y.Tell(b.DB, now, what)
		return err
	})
	if err != nil || !told {
		return err
	}
	name := y.Name()
	return c.s.issues().Stand(ctx, []issues.Standing{{
		TenantID: c.tenant, SubjectID: webhook.EventTypeID(c.tenant, name), EventType: &name, Kind: webhook.IssueMismatch, Count: 1, Adds: true,
	}})
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

// ImportedTypes is what an import of event types does.
type ImportedTypes struct {
	Changes   []*webhook.EventTypeChange // in the order of the names
	Unchanged int                        // declared types that stay as they are
}

// ImportEventTypes declares event types, all of them or none, and finds what breaks; a dry run only finds it. Declared types that are not in the list
// stay, or are deleted. The error joins an *Invalid for every broken rule.
func (c *Scope) ImportEventTypes(ctx context.Context, all []webhook.Declaration, deleteMissing, dryRun bool) (*ImportedTypes, error) {
	for range putTries {
		im, err := eventtypes.PrepareImport(c.db(ctx), c.tenant, all, deleteMissing, c.s.opts.Now())
		if err != nil {
			return nil, err
		}
		found := &ImportedTypes{Changes: im.List(), Unchanged: im.Unchanged()}
		if err := c.findBreaks(ctx, im, found.Changes); err != nil {
			return nil, err
		}
		if dryRun || im.Same() {
			return found, nil
		}
		stored := false
		err = c.reloadTypes(ctx, c.change(ctx, func(b *batch) (err error) {
			stored, err = b.importEventTypes(c, im)
			return err
		}))
		if err != nil || stored {
			return found, err
		}
	}
	return nil, &webhook.Invalid{Code: webhook.CodeConflict, Message: "event types are being changed by other callers at the same time; try again"}
}

// What an import looks at to find what breaks.
const (
	triedEvents = 20       // the newest of each type
	triedBytes  = 16 << 20 // of all their data, about
)

// findBreaks completes what an import does by what breaks.
func (c *Scope) findBreaks(ctx context.Context, im *eventtypes.Import, changes []*webhook.EventTypeChange) error {
	byName := make(map[string]*webhook.EventTypeChange, len(changes))
	for _, one := range changes {
		one.WebhookCount = c.Wanting(one.Name)
		byName[one.Name] = one
	}
	whole := *c // with the data of events
	whole.lean = Lean{}
	read := 0
	for _, t := range im.Stricter {
		if read > triedBytes {
			return nil
		}
		l, err := whole.Events(ctx, EventFilter{Types: []string{t.Name}}, Page{First: triedEvents})
		if err != nil {
			return err
		}
		for _, e := range l.Items {
			read += len(e.Data)
		}
		if err := im.Try(t, l.Items, byName[t.Name]); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) importEventTypes(c *Scope, im *eventtypes.Import) (stored bool, err error) {
	if _, err := b.tenant(c.tenant); err != nil {
		return false, err
	}
	if ok, err := im.Store(b.DB); err != nil || !ok {
		return false, err
	}
	for before, after := range im.Changes {
		action, changes := putInto(before, after)
		if err := b.audit(c.by, &c.tenant, action, after.ID, changes); err != nil {
			return false, err
		}
	}
	for _, t := range im.Removed() {
		if err := b.audit(c.by, &c.tenant, webhook.AuditEventTypeDeleted, t.ID, []webhook.AuditChange{{Field: "name", Before: webhook.AuditValue(t.Name)}}); err != nil {
			return false, err
		}
	}
	return true, b.s.db.NoteEventTypes(&b.Tx, c.tenant)
}
