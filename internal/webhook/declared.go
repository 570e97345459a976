package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Bounds of declared event types.
const (
	MaxEventTypes                = 500     // declared by one tenant
	MaxDeclaredBytes             = 2 << 20 // of all its schemas, examples and descriptions together
	MaxEventTypeDescriptionBytes = 4096
	MaxEventTypeExampleBytes     = 64 << 10
)

// SchemaValidation says what happens to a published event whose data breaks the schema of its type.
type SchemaValidation string

// The kinds of validation.
const (
	ValidationOff    SchemaValidation = "OFF"    // data is not checked
	ValidationWarn   SchemaValidation = "WARN"   // the event is stored, and the violation is kept with the type
	ValidationReject SchemaValidation = "REJECT" // the event is refused
)

// SchemaValidations lists all kinds of validation.
var SchemaValidations = []SchemaValidation{ValidationOff, ValidationWarn, ValidationReject}

// EventType is a type of events: one that its tenant has declared, or one that was only published.
type EventType struct {
	Seq         int64 `gorm:"primaryKey;autoIncrement"`
	ID          ID    // EventTypeID
	TenantID    ID
	Name        string
	Description string
	// Schema is a JSON Schema, compacted; nil: none.
	Schema       *string
	Validation   SchemaValidation
	Example      *string    // JSON, compacted; nil: none
	DeprecatedAt *time.Time `gorm:"serializer:micros"` // from when on publishers and receivers should not use it
	CreatedAt    time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	UpdatedAt    time.Time  `gorm:"serializer:micros;autoUpdateTime:false"`
	// ViolatedAt is when an event last broke the schema, to about a minute, and Violation what was wrong; nil: never.
	ViolatedAt *time.Time `gorm:"serializer:micros"`
	Violation  *string
	// LastPublishedAt is when an event of the type was last published: exactly, or to the minute in the last two hours, the hour in
	// the last two days, and the day before. Nil: not for as long as statistics are kept, or it was not read.
	LastPublishedAt *time.Time `gorm:"-"`
}

// TableName implements gorm's Tabler.
func (EventType) TableName() string { return "event_types" }

// Declared reports whether the tenant has declared the type.
func (t *EventType) Declared() bool { return t.Seq != 0 }

// EventTypeID returns the id of a tenant's event type, declared or not: a UUID of version 8 made of its name, which it keeps when it is declared.
func EventTypeID(tenant ID, name string) ID {
	sum := sha256.Sum256(append(append([]byte("event type"), tenant[:]...), name...))
	id := ID(sum[:len(ID{})])
	id[6] = id[6]&0x0f | eventTypeVersion
	id[8] = id[8]&0x3f | 0x80
	return id
}

const eventTypeVersion = 0x80

// MayBeEventType reports whether an id has the form of EventTypeID's.
func (id ID) MayBeEventType() bool { return id[6]&0xf0 == eventTypeVersion }

// SchemaError is a part of an event's data that breaks the schema of its type.
type SchemaError struct {
	Path    string // of the value: a JSON Pointer into the data; "" is the data itself
	Message string // what the schema asks for; it has no values of the data
	Rule    string // a JSON Pointer to the keyword in the schema
}

// EventTypePatch changes a declared event type, or declares one: what is not set stays, or has its default.
type EventTypePatch struct {
	Description Opt[string]
	Schema      Opt[[]byte] // JSON; nil or null: none
	Validation  Opt[SchemaValidation]
	Example     Opt[[]byte] // JSON; nil: none. Null is an example.
	Deprecated  Opt[bool]
}

// Declaration is an event type as a document describes it. What it does not have is empty or nil.
type Declaration struct {
	Name, Description string
	Schema, Example   []byte           // JSON
	Validation        SchemaValidation // "": as before, or the default
	Deprecated        bool
}

// Patch makes a declared type, nil if there is none, like the declaration.
func (d *Declaration) Patch(before *EventType) EventTypePatch {
	p := EventTypePatch{Description: Some(d.Description), Schema: Some(d.Schema), Example: Some(d.Example), Deprecated: Some(d.Deprecated)}
	switch {
	case d.Validation != "":
		p.Validation = Some(d.Validation)
	case before != nil && d.Schema == nil:
		p.Validation = Some(ValidationOff)
	case before != nil && before.Schema == nil:
		p.Validation = Some(SchemaValidation("")) // the default
	}
	return p
}

// EventTypeChangeKind says what an import does to an event type.
type EventTypeChangeKind string

// The kinds of changes.
const (
	TypeAdded   EventTypeChangeKind = "ADDED"
	TypeChanged EventTypeChangeKind = "CHANGED"
	TypeRemoved EventTypeChangeKind = "REMOVED"
	TypeMissing EventTypeChangeKind = "MISSING" // it is not in the document, and stays declared
)

// EventTypeChange is what an import does to an event type, and what it breaks.
type EventTypeChange struct {
	Name         string
	Kind         EventTypeChangeKind
	Fields       []string // that change, under the API's names
	WebhookCount int      // webhooks that get events of the type
	// CheckedEvents is how many of its newest events were checked with the new schema; FailingEvents break it, and Violation says how the newest of
	// them does.
	CheckedEvents, FailingEvents int
	Violation                    *string
}

// Breaking reports whether publishers or receivers have to change something: events break the schema, or webhooks get events of a type that is no
// longer declared.
func (c *EventTypeChange) Breaking() bool {
	return c.FailingEvents > 0 || c.Kind == TypeRemoved && c.WebhookCount > 0
}

// Apply changes what is set, at the time now, and applies the rules except those of JSON Schema. The error joins *Invalids.
func (t *EventType) Apply(p EventTypePatch, now time.Time) error {
	var errs []error
	if p.Description.Set {
		t.Description = p.Description.Value
		switch {
		case len(t.Description) > MaxEventTypeDescriptionBytes:
			errs = append(errs, Invalidf("description", CodeTooLong, "must be at most %d bytes long", MaxEventTypeDescriptionBytes))
		case !utf8.ValidString(t.Description) || !IsText(t.Description):
			errs = append(errs, Invalidf("description", CodeInvalid, "must be text without NUL characters"))
		}
	}
	if p.Schema.Set {
		var err error
		if t.Schema, err = compacted("schema", p.Schema.Value, MaxDeclaredBytes); err != nil {
			errs = append(errs, err)
		} else if t.Schema != nil && *t.Schema == "null" {
			t.Schema = nil
		}
	}
	if p.Example.Set {
		var err error
		if t.Example, err = compacted("example", p.Example.Value, MaxEventTypeExampleBytes); err != nil {
			errs = append(errs, err)
		}
	}
	if p.Validation.Set {
		t.Validation = p.Validation.Value
	}
	if t.Schema == nil && t.Validation != ValidationOff && t.Validation != "" {
		errs = append(errs, Invalidf("validation", CodeInvalid, "must be OFF for an event type without schema; give a schema too"))
	}
	if t.Validation == "" {
		t.Validation = ValidationOff
		if t.Schema != nil {
			t.Validation = ValidationWarn
		}
	}
	if p.Deprecated.Set && p.Deprecated.Value != (t.DeprecatedAt != nil) {
		t.DeprecatedAt = nil
		if at := now.UTC().Truncate(time.Microsecond); p.Deprecated.Value {
			t.DeprecatedAt = &at
		}
	}
	return errors.Join(errs...)
}

// compacted returns JSON without white space; nil for nil.
func compacted(field string, text []byte, limit int) (*string, error) {
	if text == nil {
		return nil, nil
	}
	outline, ok := rawjson.Valid(text)
	switch {
	case outline.Depth > MaxDataDepth:
		return nil, Invalidf(field, CodeInvalid, "must be nested at most %d deep", MaxDataDepth)
	case !ok || !utf8.Valid(text) || !IsText(string(text)):
		return nil, Invalidf(field, CodeInvalid, "must be JSON in UTF-8")
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return nil, Invalidf(field, CodeInvalid, "must be JSON in UTF-8")
	}
	if b.Len() > limit {
		return nil, Invalidf(field, CodeTooLong, "must be at most %d bytes of JSON", limit)
	}
	return new(b.String()), nil
}

// AuditFields are the event type's settings for the audit log, under the API's names. Of a long schema or example the
// entry has the length and the hash.
func (t *EventType) AuditFields() []AuditField {
	return []AuditField{
		{"name", t.Name},
		{"description", unless(t.Description, "")},
		{"schema", jsonOf(t.Schema)},
		{"validation", t.Validation},
		{"example", jsonOf(t.Example)},
		{"deprecatedAt", t.DeprecatedAt},
	}
}

// maxAuditedJSON is the length up to which JSON is in the audit log whole.
const maxAuditedJSON = 4096

// jsonOf returns stored JSON as a value of the audit log; nil for nil.
func jsonOf(text *string) any {
	if text == nil {
		return nil
	}
	if len(*text) > maxAuditedJSON {
		return map[string]any{"bytes": len(*text), "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(*text)))}
	}
	return json.RawMessage(*text)
}
