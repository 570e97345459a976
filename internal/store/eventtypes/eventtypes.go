// Package eventtypes keeps declared event types, and checks published events with their schemas. Which types are checked is known in memory, so
// that publishing other types costs no lookup; schemas are compiled when an event needs them, and kept within bounds.
package eventtypes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/schema"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxCompiled bounds the memory of compiled schemas of all tenants together.
const maxCompiled = 64 << 20

// Table knows the event types with a schema that is used. Its methods may be called from any goroutine.
type Table struct {
	read *gorm.DB

	loading sync.Mutex   // held while a tenant's types are read and replaced, so that an older reading does not replace a newer one
	mu      sync.RWMutex // guards byTenant
	// byTenant has no tenant without such types.
	byTenant map[webhook.ID]map[string]*Type

	compiling chan struct{} // holds an element for each schema that is being compiled

	keeping  sync.Mutex // guards compiled and size; held shortly, because the writer waits for it
	compiled map[*Type]int
	size     int
}

// maxCompiling is how many schemas are compiled at a time.
const maxCompiling = 2

// Type is an event type that is checked. A changed one is another Type.
type Type struct {
	tenant     webhook.ID
	name       string
	validation webhook.SchemaValidation
	updated    dialect.Micros
	schema     atomic.Pointer[schema.Schema] // nil until it is needed
	told       atomic.Int64                  // when a violation was last written, in seconds
}

// Rejects reports whether events that break the schema are refused.
func (y *Type) Rejects() bool { return y.validation == webhook.ValidationReject }

// Name returns the name of the type.
func (y *Type) Name() string { return y.name }

// New returns an empty table that reads schemas with read.
func New(read *gorm.DB) *Table {
	return &Table{read: read, byTenant: map[webhook.ID]map[string]*Type{}, compiled: map[*Type]int{}, compiling: make(chan struct{}, maxCompiling)}
}

// row is what is kept of a type in memory.
type row struct {
	TenantID   webhook.ID
	Name       string
	Validation webhook.SchemaValidation
	UpdatedAt  dialect.Micros
}

const columns = "SELECT tenant_id, name, validation, updated_at FROM event_types WHERE validation <> 'OFF' AND tenant_id IN (SELECT id FROM tenants WHERE deleted_at IS NULL)"

// Load reads the types of all tenants.
func (t *Table) Load(db *gorm.DB) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	var rows []row
	if err := db.Raw(columns).Scan(&rows).Error; err != nil {
		return fmt.Errorf("load event types: %w", err)
	}
	of := map[webhook.ID][]row{}
	for _, r := range rows {
		of[r.TenantID] = append(of[r.TenantID], r)
	}
	for tenant, rows := range of {
		t.replace(tenant, rows)
	}
	return nil
}

// Refresh is Reload for a change that this server has committed. It reads the tenant's types even if the caller has gone.
func (t *Table) Refresh(ctx context.Context, tenant webhook.ID) error {
	return t.Reload(t.read.WithContext(context.WithoutCancel(ctx)), tenant)
}

// Reload reads the types of a tenant again, after a change.
func (t *Table) Reload(db *gorm.DB, tenant webhook.ID) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	var rows []row
	if err := db.Raw(columns+" AND tenant_id = ?", tenant).Scan(&rows).Error; err != nil {
		return fmt.Errorf("reload event types: %w", err)
	}
	t.replace(tenant, rows)
	return nil
}

// replace takes over the types of a tenant. Those that did not change keep their compiled schema.
func (t *Table) replace(tenant webhook.ID, rows []row) {
	t.mu.RLock()
	old := t.byTenant[tenant]
	t.mu.RUnlock()
	types := make(map[string]*Type, len(rows))
	for _, r := range rows {
		if is := old[r.Name]; is != nil && is.updated == r.UpdatedAt && is.validation == r.Validation {
			types[r.Name] = is
		} else {
			types[r.Name] = &Type{tenant: tenant, name: r.Name, validation: r.Validation, updated: r.UpdatedAt}
		}
	}
	t.mu.Lock()
	if len(types) == 0 {
		delete(t.byTenant, tenant)
	} else {
		t.byTenant[tenant] = types
	}
	t.mu.Unlock()
	t.keeping.Lock()
	defer t.keeping.Unlock()
	for name, is := range old {
		if types[name] != is {
			t.forget(is)
		}
	}
}

// forget removes a compiled schema. The caller must hold keeping.
func (t *Table) forget(y *Type) {
	t.size -= t.compiled[y]
	delete(t.compiled, y)
	y.schema.Store(nil)
}

// Find returns the type if its events are checked; otherwise nil.
func (t *Table) Find(tenant webhook.ID, name string) *Type {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byTenant[tenant][name]
}

// callSteps is what checking the events of one call may cost.
const callSteps = 4 * schema.MaxSteps

// Checker checks the events of one call. The zero value is ready.
type Checker struct {
	used     int // steps
	violated map[*Type]string
}

// Violated yields the types that events of the call have violated, with the first violation of each.
func (k *Checker) Violated(yield func(*Type, string) bool) {
	for y, what := range k.violated {
		if !yield(y, what) {
			return
		}
	}
}

// Violation is what an event of a type violates.
type Violation struct {
	of   *Type
	what string
}

// Note adds a violation to Violated. The zero value is none.
func (k *Checker) Note(v Violation) {
	if v.of == nil || k.violated[v.of] != "" {
		return
	}
	if k.violated == nil {
		k.violated = map[*Type]string{}
	}
	k.violated[v.of] = v.what
}

// Check checks an event of the type, and returns what it violates, which the caller notes. field is the name of its data for callers. The error
// joins *Invalids if the event must be refused; any other error is the database's.
func (k *Checker) Check(ctx context.Context, t *Table, y *Type, field string, data []byte) (Violation, error) {
	s, err := t.schemaOf(ctx, y)
	if err != nil || s == nil {
		return Violation{}, err
	}
	budget := schema.Budget{Steps: min(schema.MaxSteps, callSteps-k.used)}
	before := budget.Steps
	violations, ok := s.Check(data, &budget)
	k.used += before - budget.Steps
	if ok && len(violations) == 0 {
		return Violation{}, nil
	}
	is := Violation{of: y, what: tell(violations)}
	if !y.Rejects() {
		return is, nil
	}
	if len(violations) == 0 {
		return is, webhook.Invalidf(field, webhook.CodeInvalid, "%s", long)
	}
	var errs []error
	for _, v := range violations {
		errs = append(errs, webhook.Invalidf(field, webhook.CodeInvalid, "%s", v.String()))
	}
	return is, errors.Join(errs...)
}

// Budget is what checking stored events may cost one operation, or one message of a stream. Its methods may be called from any goroutine, and check one
// event at a time.
type Budget struct {
	mu    sync.Mutex
	steps int // that are left
}

// NewBudget returns the budget of an operation, which is as much as checking one event at its publication may cost, or of a message of a stream.
func NewBudget(stream bool) *Budget {
	if stream {
		return &Budget{steps: schema.MaxSteps / 50}
	}
	return &Budget{steps: schema.MaxSteps}
}

// Errors returns how the data of a stored event breaks the schema of its type, at most schema.MaxViolations times. The error is an *Invalid if the budget
// is used up; any other error is the database's.
func (b *Budget) Errors(ctx context.Context, t *Table, y *Type, data []byte) ([]*webhook.SchemaError, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := t.schemaOf(ctx, y)
	if err != nil || s == nil {
		return nil, err
	}
	budget := schema.Budget{Steps: b.steps}
	violations, ok := s.Check(data, &budget)
	b.steps = max(0, budget.Steps)
	if !ok {
		return nil, webhook.Invalidf("", webhook.CodeInvalid, "checking the events takes too long; request fewer of them at a time, or simplify the schemas of their types")
	}
	found := make([]*webhook.SchemaError, len(violations))
	for i, v := range violations {
		found[i] = &webhook.SchemaError{Path: v.Path, Message: v.Message, Rule: v.Rule}
	}
	return found, nil
}

const long = "takes too long to check with the schema of its event type; publish fewer events in a call, or simplify the schema"

// tell says what is wrong with an event: its first violation, or that checking takes too long.
func tell(violations []schema.Violation) string {
	switch {
	case len(violations) == 0:
		return "data " + long
	case violations[0].Path == "":
		return "data " + violations[0].String()
	}
	return "data" + violations[0].String()
}

// schemaOf returns the compiled schema of a type, nil if it is gone.
func (t *Table) schemaOf(ctx context.Context, y *Type) (*schema.Schema, error) {
	if s := y.schema.Load(); s != nil {
		return s, nil
	}
	var texts []*string
	err := t.read.WithContext(ctx).Raw("SELECT schema FROM event_types WHERE tenant_id = ? AND name = ? AND updated_at = ?", y.tenant, y.name, y.updated).Scan(&texts).Error
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	if len(texts) == 0 || texts[0] == nil { // it has changed meanwhile, and the change is not known yet
		return nil, nil
	}
	select {
	case t.compiling <- struct{}{}:
		defer func() { <-t.compiling }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", webhook.ErrBusy, ctx.Err())
	}
	if s := y.schema.Load(); s != nil {
		return s, nil
	}
	s, err := schema.Compile([]byte(*texts[0]))
	if err != nil {
		return nil, fmt.Errorf("compile the stored schema of event type %s: %w", y.name, err)
	}
	t.keep(y, s)
	return s, nil
}

// keep keeps a compiled schema, and forgets others if all together are too large.
func (t *Table) keep(y *Type, s *schema.Schema) {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	t.forget(y)
	for other := range t.compiled { // in no order, which no caller can use against others
		if t.size+s.Size() <= maxCompiled {
			break
		}
		t.forget(other)
	}
	if t.Find(y.tenant, y.name) == y { // it may have been replaced while it was compiled
		t.compiled[y], t.size = s.Size(), t.size+s.Size()
		y.schema.Store(s)
	}
}

// tellEvery is how often a violation of a type is written at most.
const tellEvery = time.Minute

// ToTell reports whether a violation at the time is to be written; others soon after are not.
func (y *Type) ToTell(now time.Time) bool {
	last := y.told.Load()
	return now.Unix()-last >= int64(tellEvery/time.Second) && y.told.CompareAndSwap(last, now.Unix())
}

// Tell writes a violation of the type, and reports whether the type is as it was when the event was checked.
func (y *Type) Tell(db *gorm.DB, now time.Time, what string) (bool, error) {
	res := db.Exec("UPDATE event_types SET violated_at = ?, violation = ? WHERE tenant_id = ? AND name = ? AND updated_at = ?",
		dialect.At(now), what, y.tenant, y.name, y.updated)
	return res.RowsAffected > 0, res.Error
}
