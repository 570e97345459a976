package eventtypes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/schema"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxErrors is how many problems of an import are told at a time.
const maxErrors = 20

// Import is an import of declarations that is ready to be stored.
type Import struct {
	tenant  webhook.ID
	before  []*webhook.EventType // all, in the order of their names
	changes []*Change            // of types that are added or changed, in the order of their names
	removed []*webhook.EventType // that are to be removed
	missing []*webhook.EventType // that are not in the import, and stay
	used    int                  // steps of Try
}

// Declared reads all declared types of a tenant, in the order of their names.
func Declared(db *gorm.DB, tenant webhook.ID) ([]*webhook.EventType, error) {
	var all []*webhook.EventType
	if err := db.Where("tenant_id = ?", tenant).Find(&all).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	slices.SortFunc(all, func(a, b *webhook.EventType) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// PrepareImport reads the tenant's types, and finds what differs from the declarations, whose names must differ. Types that are not among them stay,
// or are removed. The error joins *Invalids for broken rules, which name the types.
func PrepareImport(db *gorm.DB, tenant webhook.ID, all []webhook.Declaration, removeMissing bool, now time.Time) (*Import, error) {
	now = now.UTC().Truncate(time.Microsecond)
	before, err := Declared(db, tenant)
	if err != nil {
		return nil, err
	}
	im := &Import{tenant: tenant, before: before}
	known := make(map[string]*webhook.EventType, len(before))
	for _, t := range before {
		known[t.Name] = t
	}
	count, bytes := len(before), 0
	var errs []error
	for i := range all {
		d := &all[i]
		was := known[d.Name]
		delete(known, d.Name)
		change, err := prepare(was, tenant, d.Name, d.Patch(was), now)
		if err != nil {
			if errs = append(errs, of(d.Name, err)); len(errs) == maxErrors {
				break
			}
			continue
		}
		bytes += size(change.after)
		if was == nil {
			count++
		}
		if change.before != change.after {
			im.changes = append(im.changes, change)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(im.changes, func(a, b *Change) int { return strings.Compare(a.after.Name, b.after.Name) })
	for _, t := range before {
		switch {
		case known[t.Name] == nil:
		case removeMissing:
			im.removed = append(im.removed, t)
			count--
		default:
			im.missing = append(im.missing, t)
			bytes += size(t)
		}
	}
	switch {
	case count > webhook.MaxEventTypes:
		return nil, webhook.Invalidf("", webhook.CodeQuota, "would declare %d event types with those that are declared, and %d are the most that a tenant may have", count, webhook.MaxEventTypes)
	case bytes > webhook.MaxDeclaredBytes:
		return nil, webhook.Invalidf("", webhook.CodeQuota, "would make the schemas, examples and descriptions of all the tenant's event types longer than %d bytes together", webhook.MaxDeclaredBytes)
	}
	return im, nil
}

// of names the type in what is wrong with it.
func of(name string, err error) error {
	all := webhook.Invalids(err)
	if len(all) == 0 {
		return err
	}
	return webhook.Invalidf("", all[0].Code, "%s of %q %s", all[0].Field, name, all[0].Message)
}

// Unchanged returns how many of the declared types stay as they are because the import says the same.
func (im *Import) Unchanged() int {
	n := len(im.before) - len(im.removed) - len(im.missing)
	for _, c := range im.changes {
		if c.before != nil {
			n--
		}
	}
	return n
}

// Same reports whether the import changes nothing.
func (im *Import) Same() bool { return len(im.changes) == 0 && len(im.removed) == 0 }

// Changes yields what is added or changed: the type before, nil if it is new, and after.
func (im *Import) Changes(yield func(before, after *webhook.EventType) bool) {
	for _, c := range im.changes {
		if !yield(c.before, c.after) {
			return
		}
	}
}

// Removed returns the types that are removed.
func (im *Import) Removed() []*webhook.EventType { return im.removed }

// List lists what the import does to each type, in the order of their names. It says nothing of what breaks.
func (im *Import) List() []*webhook.EventTypeChange {
	all := []*webhook.EventTypeChange{}
	for before, after := range im.Changes {
		one := &webhook.EventTypeChange{Name: after.Name, Kind: webhook.TypeAdded, Fields: []string{}}
		var was []webhook.AuditField
		if before != nil {
			one.Kind, was = webhook.TypeChanged, before.AuditFields()
		}
		for _, c := range webhook.AuditChanges(was, after.AuditFields()) {
			one.Fields = append(one.Fields, c.Field)
		}
		all = append(all, one)
	}
	for _, t := range im.removed {
		all = append(all, &webhook.EventTypeChange{Name: t.Name, Kind: webhook.TypeRemoved, Fields: []string{}})
	}
	for _, t := range im.missing {
		all = append(all, &webhook.EventTypeChange{Name: t.Name, Kind: webhook.TypeMissing, Fields: []string{}})
	}
	slices.SortStableFunc(all, func(a, b *webhook.EventTypeChange) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Stricter returns the types whose events may break a schema that is new, or newly used.
func (im *Import) Stricter(yield func(i int, t *webhook.EventType) bool) {
	for i, c := range im.changes {
		if c.after.Validation == webhook.ValidationOff || c.after.Schema == nil {
			continue
		}
		if c.before != nil && c.before.Validation != webhook.ValidationOff && equal(c.before.Schema, c.after.Schema) {
			continue
		}
		if !yield(i, c.after) {
			return
		}
	}
}

// Try checks events' data, newest first, with the schema of a type that Stricter yields, until the steps of a call are used up. It notes what
// breaks.
func (im *Import) Try(t *webhook.EventType, events []*webhook.Event, note *webhook.EventTypeChange) error {
	if len(events) == 0 || im.used >= callSteps {
		return nil
	}
	s, err := schema.Compile([]byte(*t.Schema))
	if err != nil {
		return fmt.Errorf("compile the schema of event type %s: %w", t.Name, err)
	}
	for _, e := range events {
		budget := schema.Budget{Steps: min(schema.MaxSteps, callSteps-im.used)}
		before := budget.Steps
		violations, ok := s.Check(e.Data, &budget)
		if im.used += before - budget.Steps; im.used >= callSteps {
			return nil
		}
		note.CheckedEvents++
		if ok && len(violations) == 0 {
			continue
		}
		if note.FailingEvents++; note.Violation == nil {
			note.Violation = new(tell(violations))
		}
	}
	return nil
}

// Store stores the import in a transaction. ok is false if types have changed since PrepareImport: then nothing is stored.
func (im *Import) Store(db *gorm.DB) (ok bool, err error) {
	var now []row
	if err := db.Raw("SELECT name, updated_at FROM event_types WHERE tenant_id = ?", im.tenant).Scan(&now).Error; err != nil {
		return false, fmt.Errorf("read event types: %w", err)
	}
	versions := make(map[string]dialect.Micros, len(now))
	for _, r := range now {
		versions[r.Name] = r.UpdatedAt
	}
	for _, t := range im.before {
		if versions[t.Name] != dialect.At(t.UpdatedAt) {
			return false, nil
		}
	}
	if len(now) != len(im.before) {
		return false, nil
	}
	var added []*webhook.EventType
	for _, c := range im.changes {
		next := *c.after // the transaction may be repeated
		if c.before == nil {
			added = append(added, &next)
		} else if err := c.update(db, &next); err != nil {
			return false, fmt.Errorf("update event type: %w", err)
		}
	}
	if len(added) > 0 {
		if err := db.CreateInBatches(added, 50).Error; err != nil {
			return false, fmt.Errorf("insert event types: %w", err)
		}
	}
	if len(im.removed) > 0 {
		var names []string
		for _, t := range im.removed {
			names = append(names, t.Name)
		}
		if err := db.Exec("DELETE FROM event_types WHERE tenant_id = ? AND name IN ?", im.tenant, names).Error; err != nil {
			return false, fmt.Errorf("delete event types: %w", err)
		}
	}
	return true, nil
}
