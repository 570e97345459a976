package gqlhttp

import (
	"context"
	"encoding/json"
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

// introspectionCost is what the full introspection costs that tools send, however large the schema. Other introspection
// costs in proportion, so nobody can ask for many times as much of it within the limit.
const introspectionCost = 2500

// fullIntrospection is as much as tools ask for: graphql-js's getIntrospectionQuery with all options.
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

// introspectionSizes is about how long the lists of the introspection system are.
func introspectionSizes(schema *ast.Schema) map[string]int {
	return map[string]int{
		"types": len(schema.Types), "directives": len(schema.Directives),
		"fields": 6, "args": 2, "inputFields": 4, "enumValues": 4, "interfaces": 1, "possibleTypes": 2,
	}
}

// cost returns what an operation costs, saturating. The document is valid and has passed the guard. A schema's own
// complexity functions (gqlgen's ComplexityRoot) come first; else a field costs one and what is within it, times the
// size of its list. A fragment is priced once for each way of being within a list.
func (g *guard) cost(ctx context.Context, doc *ast.QueryDocument, op *ast.OperationDefinition, vars map[string]any) int {
	p := &pricer{guard: g, ctx: ctx, doc: doc, vars: vars, memo: map[priced]int{}}
	return p.selections(op.SelectionSet, false)
}

type priced struct {
	fragment string
	sized    bool
}

type pricer struct {
	guard *guard
	ctx   context.Context //nolint:containedctx // lives as long as one call of cost
	doc   *ast.QueryDocument
	vars  map[string]any
	memo  map[priced]int
}

// selections prices a selection set. sized says that its parent's first or last has limited the lists right within, as
// of a connection its edges and nodes.
func (p *pricer) selections(set ast.SelectionSet, sized bool) int {
	sum := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sum = addCost(sum, p.field(sel, sized))
		case *ast.InlineFragment:
			sum = addCost(sum, p.selections(sel.SelectionSet, sized))
		case *ast.FragmentSpread:
			if sel.Definition == nil {
				continue
			}
			key := priced{sel.Name, sized}
			price, ok := p.memo[key]
			if !ok {
				price = p.selections(sel.Definition.SelectionSet, sized)
				p.memo[key] = price
			}
			sum = addCost(sum, price)
		}
	}
	return sum
}

func (p *pricer) field(f *ast.Field, sized bool) int {
	if f.Name == "__typename" || f.Definition == nil {
		return 0
	}
	if f.Name == "__schema" || f.Name == "__type" {
		values := float64(p.guard.introspected(f.SelectionSet))
		return 1 + int(min(values/float64(p.guard.fullIntrospection)*introspectionCost, math.MaxInt32))
	}
	size, limited := p.listSize(f, sized)
	inner := p.selections(f.SelectionSet, limited)
	if f.ObjectDefinition != nil {
		custom, ok := p.guard.schema.Complexity(p.ctx, f.ObjectDefinition.Name, f.Name, inner, f.ArgumentMap(p.vars))
		if ok {
			return max(custom, 0)
		}
	}
	return addCost(1, mulCost(size, inner))
}

// introspected counts the values that a selection set of the introspection system yields, saturating. The guard has
// bounded its expansion.
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

// listSize returns how many times a field's selections run, and whether an argument has said so.
func (p *pricer) listSize(f *ast.Field, sized bool) (size int, limited bool) {
	largest := 10 * p.guard.limits.ListSize
	for _, def := range f.Definition.Arguments {
		switch {
		case def.Name == "first" || def.Name == "last":
			if n, ok := p.number(f, def); ok {
				size, limited = max(size, n), true
			}
		case def.Type.Elem != nil && f.Definition.Type.Elem != nil:
			// nodes(ids: [...]) yields one for each id.
			if n, ok := p.length(f, def); ok {
				size, limited = max(size, n), true
			}
		}
	}
	if limited {
		return min(max(size, 1), largest), true
	}
	if hasPage(f.Definition) {
		return p.guard.limits.ListSize, true
	}
	if f.Definition.Type.Elem != nil && !sized {
		return p.guard.limits.ListSize, false
	}
	return 1, false
}

// hasPage says whether a field is a connection: it takes first or last.
func hasPage(def *ast.FieldDefinition) bool {
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

// number returns an integer argument; one that is larger than any list is as good as the largest.
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

func (p *pricer) length(f *ast.Field, def *ast.ArgumentDefinition) (int, bool) {
	list, ok := p.argument(f, def).([]any)
	return len(list), ok
}
