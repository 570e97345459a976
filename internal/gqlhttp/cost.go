package gqlhttp

import (
	"context"
	"encoding/json"
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

// introspectionCost is the cost of the full introspection query that tools send, however large the schema. Other introspection
// queries cost in proportion, so that many times as much never fits the limit.
const introspectionCost = 2500

// fullIntrospection is the largest query that tools send: graphql-js's getIntrospectionQuery with all options.
var fullIntrospection = func() string {
	const ref = "kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name " +
		"ofType{kind name ofType{kind name ofType{kind name}}}}}}}}}"
	const value = "name description type{" + ref + "}defaultValue isDeprecated deprecationReason"
	return "{types{kind name description specifiedByURL isOneOf " +
		"fields{name description args{" + value + "}type{" + ref + "}isDeprecated deprecationReason}" +
		"inputFields{" + value + "}interfaces{" + ref + "}" +
		"enumValues{name description isDeprecated deprecationReason}possibleTypes{" + ref + "}}" +
		"directives{name description isRepeatable locations args{" + value + "}}}"
}()

// introspectionSizes returns the approximate lengths of the lists of the introspection system.
func introspectionSizes(schema *ast.Schema) map[string]int {
	return map[string]int{
		"types": len(schema.Types), "directives": len(schema.Directives),
		"fields": 6, "args": 2, "inputFields": 4, "enumValues": 4, "interfaces": 1, "possibleTypes": 2,
	}
}

// Sized is a schema that knows the size of its lists if no argument says it.
type Sized interface {
	// ListSize returns the number of elements to assume for a list, or for the lists of a page if the field takes first or last.
	ListSize(typeName, field string) (size int, ok bool)
}

// Searching is a schema in which some pages search: counts and facets of such a page's list read more than they count.
type Searching interface {
	// Searches reports whether the page that a field returns for the arguments searches.
	Searches(typeName, field string, args map[string]any) bool
	// SearchCost is Complexity for a field directly within a page that searches; false means that it costs as always.
	SearchCost(typeName, field string, within int, args map[string]any) (cost int, ok bool)
}

// cost returns the cost of an operation, saturating: the number of values that it may return. The document must be valid and
// have passed the guard. A field costs one plus its selections, or what the schema's Complexity says; a list costs that for each
// element. The lists directly within a page (edges, nodes) have first or last elements, those of a payload (results) as many as
// the longest list of the input. An alias of __typename costs one, because it can be repeated. A fragment is priced once for each
// size that it is used with.
func (g *guard) cost(ctx context.Context, doc *ast.QueryDocument, op *ast.OperationDefinition, vars map[string]any) int {
	p := &pricer{guard: g, ctx: ctx, doc: doc, vars: vars, memo: map[priced]int{}}
	return p.selections(op.SelectionSet, surrounding{})
}

type priced struct {
	fragment string
	in       surrounding
}

// surrounding is what the price of selections depends on, besides themselves.
type surrounding struct {
	size     int  // elements of the lists directly within; 0 if the parent does not say
	searches bool // the parent is a page that searches
}

type pricer struct {
	guard *guard
	ctx   context.Context // lives as long as one call of cost
	doc   *ast.QueryDocument
	vars  map[string]any
	memo  map[priced]int
}

// selections prices a selection set.
func (p *pricer) selections(set ast.SelectionSet, in surrounding) int {
	sum := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sum = addCost(sum, p.field(sel, in))
		case *ast.InlineFragment:
			sum = addCost(sum, p.selections(sel.SelectionSet, in))
		case *ast.FragmentSpread:
			if sel.Definition == nil {
				continue
			}
			key := priced{sel.Name, in}
			price, ok := p.memo[key]
			if !ok {
				price = p.selections(sel.Definition.SelectionSet, in)
				p.memo[key] = price
			}
			sum = addCost(sum, price)
		}
	}
	return sum
}

func (p *pricer) field(f *ast.Field, in surrounding) int {
	if f.Definition == nil {
		return 0
	}
	switch f.Name {
	case "__typename":
		if f.Alias == f.Name {
			return 0
		}
		return 1
	case "__schema", "__type":
		values := float64(p.guard.introspected(f.SelectionSet))
		return 1 + int(min(values/float64(p.guard.fullIntrospection)*introspectionCost, math.MaxInt32))
	}
	elements, size := p.sizes(f, in.size)
	within := surrounding{size: size}
	searching, _ := p.guard.schema.(Searching)
	if searching != nil && f.ObjectDefinition != nil && isPage(f.Definition) {
		within.searches = searching.Searches(f.ObjectDefinition.Name, f.Name, f.ArgumentMap(p.vars))
	}
	price := p.selections(f.SelectionSet, within)
	custom, ok := 0, false
	if f.ObjectDefinition != nil {
		args := f.ArgumentMap(p.vars)
		if in.searches {
			custom, ok = searching.SearchCost(f.ObjectDefinition.Name, f.Name, price, args)
		}
		if !ok {
			custom, ok = p.guard.schema.Complexity(p.ctx, f.ObjectDefinition.Name, f.Name, price, args)
		}
	}
	if ok {
		price = max(custom, 0)
	} else {
		price = addCost(1, price)
	}
	return mulCost(elements, price)
}

// introspected counts the values that a selection set of the introspection system returns, saturating. The guard has bounded
// its expansion.
func (g *guard) introspected(set ast.SelectionSet) int {
	sum := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			values := addCost(1, g.introspected(sel.SelectionSet))
			sum = addCost(sum, mulCost(max(g.introspectionSizes[sel.Name], 1), values))
		case *ast.InlineFragment:
			sum = addCost(sum, g.introspected(sel.SelectionSet))
		case *ast.FragmentSpread:
			if sel.Definition != nil {
				sum = addCost(sum, g.introspected(sel.Definition.SelectionSet))
			}
		}
	}
	return sum
}

// sizes returns the number of values of a field, and the number of elements of the lists directly within it, 0 if it does not
// say. A list of scalars is one value.
func (p *pricer) sizes(f *ast.Field, size int) (elements, within int) {
	isList := f.Definition.Type.Elem != nil
	if len(f.SelectionSet) == 0 {
		return 1, 0
	}
	given := p.given(f)
	switch {
	case !isList && (given > 0 || !isPage(f.Definition)):
		return 1, given
	case !isList:
		return 1, p.assumed(f)
	case given > 0:
		return given, 0
	case size > 0 && !p.known(f):
		return size, 0
	}
	return p.assumed(f), 0
}

// given returns the size that a field's arguments say, 0 if they do not: first or last, or else the length of the longest list in
// them, as in nodes(ids) or publishEvents(input).
func (p *pricer) given(f *ast.Field) int {
	size, longest := 0, 0
	for _, def := range f.Definition.Arguments {
		if def.Name == "first" || def.Name == "last" {
			if n, ok := p.number(f, def); ok {
				size = max(size, min(max(n, 1), 10*p.guard.limits.ListSize))
			}
		} else if !isPage(f.Definition) { // a page's other arguments are filters
			longest = max(longest, p.longest(p.argument(f, def), def.Type))
		}
	}
	if size > 0 {
		return size
	}
	return longest
}

// longest returns the length of the longest list of input objects or of ids in an argument.
func (p *pricer) longest(v any, t *ast.Type) int {
	if t.Elem != nil {
		list, _ := v.([]any)
		n := len(list)
		for _, element := range list {
			n = max(n, p.longest(element, t.Elem))
		}
		return n
	}
	def := p.guard.schema.Schema().Types[t.NamedType]
	object, ok := v.(map[string]any)
	if def == nil || def.Kind != ast.InputObject || !ok {
		return 0
	}
	n := 0
	for _, field := range def.Fields {
		if value, ok := object[field.Name]; ok {
			n = max(n, p.longest(value, field.Type))
		}
	}
	return n
}

// assumed is the size of a list without a size argument.
func (p *pricer) assumed(f *ast.Field) int {
	if n, ok := p.sized(f); ok {
		return n
	}
	return p.guard.limits.ListSize
}

func (p *pricer) known(f *ast.Field) bool {
	_, ok := p.sized(f)
	return ok
}

func (p *pricer) sized(f *ast.Field) (int, bool) {
	if s, ok := p.guard.schema.(Sized); ok && f.ObjectDefinition != nil {
		return s.ListSize(f.ObjectDefinition.Name, f.Name)
	}
	return 0, false
}

// isPage reports whether a field takes first or last.
func isPage(def *ast.FieldDefinition) bool {
	return def.Arguments.ForName("first") != nil || def.Arguments.ForName("last") != nil
}

// argument returns the value of an argument: a literal's, a variable's, or the default.
func (p *pricer) argument(f *ast.Field, def *ast.ArgumentDefinition) any {
	value := def.DefaultValue
	if arg := f.Arguments.ForName(def.Name); arg != nil {
		if arg.Value.Kind == ast.Variable {
			if v, ok := p.vars[arg.Value.Raw]; ok {
				return v
			}
		} else {
			value = arg.Value
		}
	}
	v, err := value.Value(p.vars)
	if err != nil {
		return nil
	}
	return v
}

// number returns an integer argument, capped at the largest possible list.
func (p *pricer) number(f *ast.Field, def *ast.ArgumentDefinition) (int, bool) {
	const most = 1 << 30
	switch v := p.argument(f, def).(type) {
	case int64:
		return int(min(v, most)), true
	case int:
		return min(v, most), true
	case float64:
		return int(min(v, most)), true
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(min(n, most)), true
		}
		return most, true
	}
	return 0, false
}
