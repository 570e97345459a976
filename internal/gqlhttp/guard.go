package gqlhttp

import (
	"fmt"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// Limits bounds a document. Zero means the default. Validation and execution are quadratic or worse in some of these; with the
// defaults they stay below 50 ms and 20 MiB for the worst known document.
type Limits struct {
	// Tokens bounds the lexical tokens of a document. Default 10,000.
	Tokens int
	// Depth bounds the nesting of fields, with fragments expanded. Default 20; GraphiQL's introspection needs 15.
	Depth int
	// Fields bounds the fields of a document with every fragment expanded wherever it is spread. Default 3,000.
	Fields int
	// Aliases bounds the aliases as written. Default 100.
	Aliases int
	// Directives bounds the directives as written. Default 100.
	Directives int
	// Duplicates bounds the pairs of fields that share a response key and must be merged. Default 10,000.
	Duplicates int
	// Fragments bounds the fragment definitions; ten times it bounds spreads and inline fragments. Default 100.
	Fragments int
	// Operations bounds the operations of a document. Default 50.
	Operations int
	// Variables bounds the variables of an operation and the arguments of a field. Default 100.
	Variables int
	// Values bounds the values within variables. A value of the scalar JSON counts as one. Default 10,000.
	Values int
	// Name bounds the length of an alias, which is repeated for each of its values. Default 256 bytes.
	Name int
	// Cost bounds the cost of an operation: one for each value that it may return, more for large ones. Default 10,000.
	Cost int
	// ListSize is the assumed size of a list whose size neither an argument nor the schema (Sized) says; first and last count
	// as at most ten times it. Default 10.
	ListSize int
}

func (l Limits) withDefaults() Limits {
	withDefault(&l.Tokens, 10_000)
	withDefault(&l.Depth, 20)
	withDefault(&l.Fields, 3000)
	withDefault(&l.Aliases, 100)
	withDefault(&l.Directives, 100)
	withDefault(&l.Duplicates, 10_000)
	withDefault(&l.Fragments, 100)
	withDefault(&l.Operations, 50)
	withDefault(&l.Variables, 100)
	withDefault(&l.Values, 10_000)
	withDefault(&l.Name, 256)
	withDefault(&l.Cost, 10_000)
	withDefault(&l.ListSize, 10)
	return l
}

// guard refuses documents that would be expensive to validate or to run. The documents are parsed but not validated, so it
// trusts nothing: fragments may be missing or spread themselves.
type guard struct {
	schema        graphql.ExecutableSchema
	limits        Limits
	introspection bool

	introspectionSizes map[string]int // of lists
	fullIntrospection  int            // values, at least 1
}

func newGuard(schema graphql.ExecutableSchema, limits Limits, disableIntrospection bool) *guard {
	g := &guard{
		schema: schema, limits: limits, introspection: !disableIntrospection,
		introspectionSizes: introspectionSizes(schema.Schema()), fullIntrospection: 1,
	}
	if doc, err := parser.ParseQuery(&ast.Source{Input: fullIntrospection}); err == nil {
		g.fullIntrospection += g.introspected(doc.Operations[0].SelectionSet)
	}
	return g
}

// nodeBytes is the approximate size of a node of a validated document, with its position.
const nodeBytes = 300

// check returns an estimate of the document's size in memory, or the reason for refusing it. The order matters: each step
// bounds the work of the next.
func (g *guard) check(doc *ast.QueryDocument) (size int, refused *gqlerror.Error) {
	c := &census{guard: g}
	c.document(doc)
	if c.refused != nil {
		return 0, c.refused
	}
	x := &expansion{guard: g, doc: fragmentsByName(doc), memo: map[string]extent{}, open: map[string]bool{}}
	if err := x.document(doc); err != nil {
		return 0, err
	}
	m := &merger{fragments: x.doc, left: g.limits.Duplicates}
	for _, op := range doc.Operations {
		m.merge([]ast.SelectionSet{op.SelectionSet})
	}
	for _, f := range doc.Fragments {
		m.merge([]ast.SelectionSet{f.SelectionSet})
	}
	if m.left < 0 {
		return 0, tooMany("fields with the same response key", g.limits.Duplicates)
	}
	return c.nodes * nodeBytes, nil
}

func tooMany(what string, limit int) *gqlerror.Error {
	return newError(codeTooComplex, fmt.Sprintf("the document has too many %s, the limit is %d", what, limit))
}

func fragmentsByName(doc *ast.QueryDocument) map[string]*ast.FragmentDefinition {
	m := make(map[string]*ast.FragmentDefinition, len(doc.Fragments))
	for _, f := range doc.Fragments {
		if _, ok := m[f.Name]; !ok {
			m[f.Name] = f
		}
	}
	return m
}

// census counts each node as written, once: linear in the document.
type census struct {
	guard   *guard
	refused *gqlerror.Error

	nodes, aliases, directives, spreads int
}

func (c *census) refuse(err *gqlerror.Error) {
	if c.refused == nil {
		c.refused = err
	}
}

func (c *census) document(doc *ast.QueryDocument) {
	l := c.guard.limits
	if len(doc.Operations) > l.Operations {
		c.refuse(tooMany("operations", l.Operations))
	}
	if len(doc.Fragments) > l.Fragments {
		c.refuse(tooMany("fragments", l.Fragments))
	}
	// Operations and fragments count as two nodes each.
	c.nodes += 2 * (len(doc.Operations) + len(doc.Fragments))
	for _, op := range doc.Operations {
		c.nodes += 2 * len(op.VariableDefinitions)
		if len(op.VariableDefinitions) > l.Variables {
			c.refuse(tooMany("variables", l.Variables))
		}
		for _, v := range op.VariableDefinitions {
			c.value(v.DefaultValue, 0)
			c.directiveList(v.Directives)
		}
		c.directiveList(op.Directives)
		c.selections(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		c.directiveList(f.Directives)
		c.selections(f.SelectionSet)
	}
	if c.aliases > l.Aliases {
		c.refuse(tooMany("aliases", l.Aliases))
	}
	if c.directives > l.Directives {
		c.refuse(tooMany("directives", l.Directives))
	}
	if c.spreads > 10*l.Fragments {
		c.refuse(tooMany("fragment spreads", 10*l.Fragments))
	}
}

func (c *census) selections(set ast.SelectionSet) {
	if c.refused != nil {
		return
	}
	for _, sel := range set {
		c.nodes++
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Alias != sel.Name {
				c.aliases++
			}
			if len(sel.Alias) > c.guard.limits.Name {
				c.refuse(newError(codeTooComplex, fmt.Sprintf("an alias is longer than %d bytes", c.guard.limits.Name)))
			}
			if !c.guard.introspection && (sel.Name == "__schema" || sel.Name == "__type") {
				c.refuse(newError(codeForbidden, "introspection is disabled on this server"))
			}
			c.arguments(sel.Arguments)
			c.directiveList(sel.Directives)
			c.selections(sel.SelectionSet)
		case *ast.InlineFragment:
			c.spreads++
			c.directiveList(sel.Directives)
			c.selections(sel.SelectionSet)
		case *ast.FragmentSpread:
			c.spreads++
			c.directiveList(sel.Directives)
		}
	}
}

func (c *census) arguments(args ast.ArgumentList) {
	if len(args) > c.guard.limits.Variables {
		c.refuse(tooMany("arguments", c.guard.limits.Variables))
	}
	for _, arg := range args {
		c.value(arg.Value, 0)
	}
}

func (c *census) directiveList(list ast.DirectiveList) {
	c.directives += len(list)
	for _, d := range list {
		c.arguments(d.Arguments)
	}
}

func (c *census) value(v *ast.Value, depth int) {
	if v == nil || c.refused != nil {
		return
	}
	if depth > maxValueDepth {
		c.refuse(newError(codeTooComplex, fmt.Sprintf("a value is nested too deeply; the limit is %d levels", maxValueDepth)))
		return
	}
	c.nodes++
	for _, child := range v.Children {
		c.value(child.Value, depth+1)
	}
}

// extent is how large a selection set is when its fragments are expanded.
type extent struct{ fields, depth int }

// expansion computes the size of the document with fragments expanded. Each fragment is sized once, so the work is linear
// although the size may be exponential; sums saturate.
type expansion struct {
	guard *guard
	doc   map[string]*ast.FragmentDefinition
	memo  map[string]extent
	open  map[string]bool // fragments being sized: one that occurs again spreads itself
	cycle bool
}

func (x *expansion) document(doc *ast.QueryDocument) *gqlerror.Error {
	var total extent
	for _, op := range doc.Operations {
		total = total.with(x.selections(op.SelectionSet))
	}
	for _, f := range doc.Fragments {
		total = total.with(x.fragment(f.Name))
	}
	switch l := x.guard.limits; {
	case x.cycle:
		return newError(codeValidation, "a fragment must not spread itself")
	case total.depth > l.Depth:
		return newError(codeTooComplex, fmt.Sprintf("the document is nested too deeply; the limit is %d levels", l.Depth))
	case total.fields > 2*l.Fields: // fragments count once more for being defined
		return tooMany("fields", l.Fields)
	}
	return nil
}

func (e extent) with(other extent) extent {
	return extent{fields: addCost(e.fields, other.fields), depth: max(e.depth, other.depth)}
}

func (x *expansion) selections(set ast.SelectionSet) extent {
	var e extent
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			inner := x.selections(sel.SelectionSet)
			e = e.with(extent{fields: addCost(1, inner.fields), depth: addCost(1, inner.depth)})
		case *ast.InlineFragment:
			e = e.with(x.selections(sel.SelectionSet))
			e.fields = addCost(e.fields, 1)
		case *ast.FragmentSpread:
			e = e.with(x.fragment(sel.Name))
			e.fields = addCost(e.fields, 1)
		}
	}
	return e
}

func (x *expansion) fragment(name string) extent {
	if e, ok := x.memo[name]; ok {
		return e
	}
	f := x.doc[name]
	if f == nil {
		return extent{} // validation reports it
	}
	if x.open[name] {
		x.cycle = true
		return extent{}
	}
	x.open[name] = true
	e := x.selections(f.SelectionSet)
	delete(x.open, name)
	x.memo[name] = e
	return e
}

// merger counts the pairs of fields that GraphQL's FieldsInSetCanMerge (section 5.3.2) must compare. The implementation compares
// every pair, so the number of pairs must be bounded. The expansion has bounded the walk.
type merger struct {
	fragments map[string]*ast.FragmentDefinition
	left      int // pairs
}

func (m *merger) merge(sets []ast.SelectionSet) {
	if m.left < 0 {
		return
	}
	groups := map[string][]*ast.Field{}
	for _, set := range sets {
		m.collect(set, groups)
	}
	for _, fields := range groups {
		m.left -= len(fields) * (len(fields) - 1) / 2
		if m.left < 0 {
			return
		}
		inner := make([]ast.SelectionSet, 0, len(fields))
		for _, f := range fields {
			if len(f.SelectionSet) > 0 {
				inner = append(inner, f.SelectionSet)
			}
		}
		if len(inner) > 0 {
			m.merge(inner)
		}
	}
}

func (m *merger) collect(set ast.SelectionSet, groups map[string][]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			groups[sel.Alias] = append(groups[sel.Alias], sel)
		case *ast.InlineFragment:
			m.collect(sel.SelectionSet, groups)
		case *ast.FragmentSpread:
			if f := m.fragments[sel.Name]; f != nil {
				m.collect(f.SelectionSet, groups)
			}
		}
	}
}

// addCost and mulCost saturate, so that no product of list sizes overflows. Arguments must not be negative.
func addCost(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func mulCost(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

func withDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
