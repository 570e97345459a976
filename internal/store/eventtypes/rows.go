package eventtypes

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/schema"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Change is a change of a type that is ready to be stored: schema and example are checked, which takes too long for a transaction.
type Change struct{ before, after *webhook.EventType }

// New reports whether the type is not declared yet.
func (c *Change) New() bool { return c.before == nil }

// Prepare reads the tenant's type and applies the patch. The error joins *Invalids for broken rules.
func Prepare(db *gorm.DB, tenant webhook.ID, name string, p webhook.EventTypePatch, now time.Time) (*Change, error) {
	now = now.UTC().Truncate(time.Microsecond)
	if err := webhook.CheckPublishedType("name", name); err != nil {
		return nil, err
	}
	before, err := find(db, tenant, name)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	return prepare(before, tenant, name, p, now)
}

func prepare(before *webhook.EventType, tenant webhook.ID, name string, p webhook.EventTypePatch, now time.Time) (*Change, error) {
	next := webhook.EventType{ID: webhook.EventTypeID(tenant, name), TenantID: tenant, Name: name, CreatedAt: now}
	if before != nil {
		next = *before
	}
	if err := next.Apply(p, now); err != nil {
		return nil, err
	}
	if before != nil && same(before, &next) {
		return &Change{before, before}, nil
	}
	if err := check(&next); err != nil {
		return nil, err
	}
	if next.UpdatedAt = now; before != nil && !now.After(before.UpdatedAt) {
		next.UpdatedAt = before.UpdatedAt.Add(time.Microsecond)
	}
	return &Change{before, &next}, nil
}

// Store stores the change in a transaction. ok is false if the type has changed since Prepare: then nothing is stored. before is nil if the type is
// new. The error joins *Invalids for quotas.
func (c *Change) Store(db *gorm.DB) (before, after *webhook.EventType, ok bool, err error) {
	is, err := find(db, c.after.TenantID, c.after.Name)
	if err != nil {
		return nil, nil, false, err
	}
	if (is == nil) != (c.before == nil) || is != nil && !is.UpdatedAt.Equal(c.before.UpdatedAt) {
		return nil, nil, false, nil
	}
	if c.before == c.after {
		return c.before, c.after, true, nil
	}
	next := *c.after // the transaction may be repeated
	if err := fits(db, c.before, &next); err != nil {
		return nil, nil, false, err
	}
	if c.before == nil {
		err = db.Create(&next).Error
		return nil, &next, true, err
	}
	return c.before, &next, true, c.update(db, &next)
}

// update stores a type that was declared before.
func (c *Change) update(db *gorm.DB, next *webhook.EventType) error {
	columns := []string{"description", "schema", "validation", "example", "deprecated_at", "updated_at"}
	if !equal(c.before.Schema, next.Schema) { // what is told was about another schema
		next.ViolatedAt, next.Violation = nil, nil
		columns = append(columns, "violated_at", "violation")
	}
	return db.Model(next).Where("tenant_id = ?", next.TenantID).Select(columns).Updates(next).Error
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func same(a, b *webhook.EventType) bool {
	return a.Description == b.Description && a.Validation == b.Validation && a.DeprecatedAt == b.DeprecatedAt &&
		equal(a.Schema, b.Schema) && equal(a.Example, b.Example)
}

// equal reports whether both are the same JSON value, or nil.
func equal(a, b *string) bool {
	return (a == nil) == (b == nil) && schema.Equal(textOf(a), textOf(b))
}

// check compiles the schema, and checks the example with it.
func check(t *webhook.EventType) error {
	if t.Schema == nil {
		return nil
	}
	s, err := schema.Compile([]byte(*t.Schema))
	if bad, ok := errors.AsType[*schema.Error](err); ok {
		return webhook.Invalidf("schema", webhook.CodeInvalid, "%s", bad.Error())
	}
	if err != nil || t.Example == nil {
		return err
	}
	violations, ok := s.Check([]byte(*t.Example), &schema.Budget{Steps: schema.MaxSteps})
	if !ok {
		return webhook.Invalidf("example", webhook.CodeInvalid, "takes too long to check with the schema; simplify the schema")
	}
	var errs []error
	for _, v := range violations {
		errs = append(errs, webhook.Invalidf("example", webhook.CodeInvalid, "%s", v.String()))
	}
	return errors.Join(errs...)
}

// fits applies the tenant's bounds to a type that is stored.
func fits(db *gorm.DB, before, after *webhook.EventType) error {
	var held struct{ Types, Bytes int }
	if err := db.Raw("SELECT COUNT(*) AS types, COALESCE(SUM(COALESCE(OCTET_LENGTH(schema), 0) + COALESCE(OCTET_LENGTH(example), 0) + OCTET_LENGTH(description)), 0) AS bytes FROM event_types WHERE tenant_id = ? AND name <> ?", after.TenantID, after.Name).
		Scan(&held).Error; err != nil {
		return fmt.Errorf("count event types: %w", err)
	}
	if before == nil && held.Types >= webhook.MaxEventTypes {
		return webhook.Invalidf("", webhook.CodeQuota, "the tenant has declared %d event types, the most that it may; delete one first", webhook.MaxEventTypes)
	}
	if before != nil && size(after) <= size(before) {
		return nil
	}
	if held.Bytes+size(after) > webhook.MaxDeclaredBytes {
		return webhook.Invalidf("schema", webhook.CodeQuota, "makes the schemas, examples and descriptions of all the tenant's event types longer than %d bytes together; shorten one, or delete an event type", webhook.MaxDeclaredBytes)
	}
	return nil
}

// size is what a type counts for webhook.MaxDeclaredBytes.
func size(t *webhook.EventType) int {
	return len(textOf(t.Schema)) + len(textOf(t.Example)) + len(t.Description)
}

// find reads a declared type; nil if there is none.
func find(db *gorm.DB, tenant webhook.ID, name string) (*webhook.EventType, error) {
	var found []*webhook.EventType
	if err := db.Where("tenant_id = ? AND name = ?", tenant, name).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("find event type: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

// Delete removes the declaration of a type. The error is webhook.ErrNotFound if it is not declared.
func Delete(db *gorm.DB, tenant webhook.ID, name string) (*webhook.EventType, error) {
	was, err := find(db, tenant, name)
	if err == nil && was == nil {
		err = webhook.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := db.Exec("DELETE FROM event_types WHERE tenant_id = ? AND name = ?", tenant, name).Error; err != nil {
		return nil, fmt.Errorf("delete event type: %w", err)
	}
	return was, nil
}

// recentEvents is how many of a tenant's last events are read for types that no statistics have yet.
const recentEvents = 200

// recent is the type of one of the last events, and when it was published.
type recent struct {
	Type      string
	CreatedAt dialect.Micros
	Test      bool
}

func readRecent(db *gorm.DB, tenant webhook.ID) (list []recent, err error) {
	if err := db.Raw("SELECT type, created_at, test FROM events WHERE tenant_id = ? ORDER BY seq DESC LIMIT ?", tenant, recentEvents).Scan(&list).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	return slices.DeleteFunc(list, func(e recent) bool { return e.Test }), nil
}

// Names lists the names of a tenant's types, declared and seen, in order: at most webhook.MaxEventTypes declared ones, and as many that have
// statistics. Operational types are not among them.
func Names(db *gorm.DB, tenant webhook.ID) ([]string, error) {
	var names, counted []string
	if err := db.Raw("SELECT name FROM event_types WHERE tenant_id = ?", tenant).Scan(&names).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	if err := db.Raw("SELECT type FROM stats_types WHERE tenant_id = ?", tenant).Scan(&counted).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	last, err := readRecent(db, tenant)
	if err != nil {
		return nil, err
	}
	for _, e := range last {
		counted = append(counted, e.Type)
	}
	for _, name := range counted {
		if webhook.CheckPublishedType("", name) == nil { // statistics have names of their own, too
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Named reads types by name, with when they were last published. One that is not declared has its name and id only.
func Named(db *gorm.DB, tenant webhook.ID, names []string) ([]*webhook.EventType, error) {
	var rows []*webhook.EventType
	if len(names) > 0 {
		if err := db.Where("tenant_id = ? AND name IN ?", tenant, names).Find(&rows).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
	}
	last, err := lastPublished(db, tenant, names)
	if err != nil {
		return nil, err
	}
	types := make([]*webhook.EventType, len(names))
	for i, name := range names {
		at := slices.IndexFunc(rows, func(t *webhook.EventType) bool { return t.Name == name })
		if at >= 0 {
			types[i] = rows[at]
		} else {
			types[i] = &webhook.EventType{ID: webhook.EventTypeID(tenant, name), TenantID: tenant, Name: name, Validation: webhook.ValidationOff}
		}
		if at, ok := last[name]; ok {
			types[i].LastPublishedAt = &at
		}
	}
	return types, nil
}

// lastPublished reads when events of types were last published: exactly for types among the last events, otherwise by their statistics, whose
// buckets are longer the older they are. Types that never were, or not for as long as statistics are kept, are missing.
func lastPublished(db *gorm.DB, tenant webhook.ID, names []string) (map[string]time.Time, error) {
	if len(names) == 0 {
		return nil, nil
	}
	events, err := readRecent(db, tenant)
	if err != nil {
		return nil, err
	}
	last := make(map[string]time.Time, len(names))
	for _, e := range events {
		if at := e.CreatedAt.Time(); at.After(last[e.Type]) {
			last[e.Type] = at
		}
	}
	for _, grain := range []struct {
		minutes int64
		since   time.Duration // so that each type has few rows
	}{{1, 2 * time.Hour}, {60, 47 * time.Hour}, {24 * 60, 400 * 24 * time.Hour}} {
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !last[name].IsZero() })
		if len(missing) == 0 {
			break
		}
		var counted []struct {
			Type   string
			Bucket int64
		}
		if err := db.Raw("SELECT type, MAX(bucket) AS bucket FROM stats WHERE tenant_id = ? AND grain = ? AND webhook = 0 AND type IN ? AND bucket >= ? GROUP BY type",
			tenant, grain.minutes, missing, time.Now().Add(-grain.since).Unix()/60).Scan(&counted).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		for _, c := range counted {
			last[c.Type] = time.Unix(c.Bucket*60, 0).UTC()
		}
	}
	return last, nil
}

// ByID finds types by their ids. Without an id that may be one, it reads nothing.
func ByID(db *gorm.DB, tenant webhook.ID, ids []webhook.ID) (map[webhook.ID]*webhook.EventType, error) {
	if !slices.ContainsFunc(ids, webhook.ID.MayBeEventType) {
		return nil, nil
	}
	names, err := Names(db, tenant)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(ids, webhook.EventTypeID(tenant, name)) })
	types, err := Named(db, tenant, names)
	found := make(map[webhook.ID]*webhook.EventType, len(types))
	for _, t := range types {
		found[t.ID] = t
	}
	return found, err
}

// Page reads a page of those types that Names lists and the filter keeps, in the order of Names. Its places are those of types (PlaceOf).
func Page(db *gorm.DB, tenant webhook.ID, f list.EventTypeFilter, p list.Page) (*list.List[webhook.EventType], error) {
	names, err := Names(db, tenant)
	if err != nil {
		return nil, err
	}
	from, to := 0, len(names) // the types between the cursors
	for _, bound := range []struct {
		place list.Place
		set   func(i int)
		field string
	}{
		{list.Place{At: p.AfterAt, Seq: p.After}, func(i int) { from = i + 1 }, "after"},
		{list.Place{At: p.BeforeAt, Seq: p.Before}, func(i int) { to = i }, "before"},
	} {
		if bound.place == (list.Place{}) || bound.place.Seq == list.BelowAll {
			continue
		}
		i := slices.IndexFunc(names, func(name string) bool { return placeOf(webhook.EventTypeID(tenant, name)) == bound.place })
		if i < 0 {
			return nil, webhook.Invalidf(bound.field, webhook.CodeInvalid, "is the cursor of an event type that no longer exists; read the list again from its start")
		}
		bound.set(i)
	}
	before, names, after := f.Keep(names[:from]), f.Keep(names[from:max(from, to)]), f.Keep(names[to:])
	found := &list.List[webhook.EventType]{Start: list.BelowAll, End: list.BelowAll}
	if p.Last > 0 {
		found.HasNext, found.HasPrev = len(after) > 0, len(names) > p.Last
		names = names[max(0, len(names)-p.Last):]
	} else {
		size := cmp.Or(p.First, list.DefaultPage)
		found.HasNext, found.HasPrev = len(names) > size, len(before) > 0
		names = names[:min(len(names), size)]
	}
	if found.Items, err = Named(db, tenant, names); err != nil || len(found.Items) == 0 {
		return found, err
	}
	start, end := PlaceOf(found.Items[0]), PlaceOf(found.Items[len(found.Items)-1])
	found.Start, found.StartAt, found.End, found.EndAt = start.Seq, start.At, end.Seq, end.At
	return found, nil
}

// PlaceOf returns the place of a type in the list: its id, so that it does not depend on the others.
func PlaceOf(t *webhook.EventType) list.Place { return placeOf(t.ID) }

func placeOf(id webhook.ID) list.Place {
	half := func(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) >> 1) }
	return list.Place{At: half(id[:8]), Seq: half(id[8:])}
}
