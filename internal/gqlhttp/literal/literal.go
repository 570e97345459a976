// Package literal keeps the literals of the scalar JSON in GraphQL documents as their text: gqlgen would read them into maps and 64-bit
// numbers, and so lose the order of keys and the notation of numbers.
package literal

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Scalar is the scalar whose literals are kept: their values reach resolvers as json.RawMessage.
const Scalar = "JSON"

// ErrNumber is the error for a document with a number that does not fit into 64 bits outside of literals of the scalar.
var ErrNumber = errors.New("a number does not fit into 64 bits")

// Document is a valid document and the texts of its literals. Each literal is replaced by a variable whose value is its text, as if the
// client had sent it that way.
type Document struct {
	*ast.QueryDocument
	literals []literal
	defaults map[*ast.VariableDefinition]json.RawMessage // of variables whose default values hold such literals
}

// literal is a replaced literal.
type literal struct {
	name  string          // of its variable; not a valid GraphQL name, so no document uses it
	text  json.RawMessage // nil if the literal contains variables
	value *ast.Value
}

// Size returns the approximate size of the literals besides the syntax tree, in bytes.
func (d *Document) Size() int {
	n := 0
	for _, l := range d.literals {
		n += 150 + len(l.text)
	}
	for _, text := range d.defaults {
		n += 50 + len(text)
	}
	return n
}

// Bind adds the literals' variables to the operation's. It returns false if they would be larger than limit, in bytes: a literal
// may contain the same large variable many times.
func (d *Document) Bind(vars map[string]any, limit int64) bool {
	left := int(limit)
	for _, l := range d.literals {
		if l.text != nil {
			vars[l.name] = l.text
			continue
		}
		text := appendLiteral(nil, l.value, vars, left)
		if left -= len(text); left < 0 {
			return false
		}
		vars[l.name] = json.RawMessage(text)
	}
	return true
}

// WithDefaults adds to the variables of a request (an object, or nil) the defaults in d.defaults that they do not override.
func (d *Document) WithDefaults(op *ast.OperationDefinition, raw json.RawMessage) json.RawMessage {
	if len(d.defaults) == 0 {
		return raw
	}
	given := map[string]bool{}
	if raw != nil {
		r := rawjson.NewReader(raw)
		for r.Enter(); r.More(); r.Value() {
			given[r.Name()] = true
		}
	}
	var added []byte
	for _, def := range op.VariableDefinitions {
		if text, ok := d.defaults[def]; ok && !given[def.Variable] {
			added = append(append(added, '"'), def.Variable...)
			added = append(append(append(added, `":`...), text...), ',')
		}
	}
	if added == nil {
		return raw
	}
	if len(given) == 0 {
		return json.RawMessage("{" + string(added[:len(added)-1]) + "}")
	}
	open := rawjson.Space(raw, 0) + 1
	return json.RawMessage("{" + string(added) + string(raw[open:]))
}

// Finder finds literals in a document that is not validated yet, and hides from validation what
// validation could not read of them.
type Finder struct {
	schema   *ast.Schema
	doc      *Document
	defaults []*ast.VariableDefinition
	numbers  []hiddenNumber
	refused  error
}

type hiddenNumber struct {
	value *ast.Value
	kind  ast.ValueKind
}

// Find finds the literals of a document of bounded size. After validation, the caller must call Replace. The error is ErrNumber.
func Find(schema *ast.Schema, doc *ast.QueryDocument) (*Finder, error) {
	f := &Finder{schema: schema, doc: &Document{QueryDocument: doc}}
	for _, op := range doc.Operations {
		for _, def := range op.VariableDefinitions {
			f.defaultValue(def)
			f.directives(def.Directives)
		}
		f.directives(op.Directives)
		f.selections(f.root(op.Operation), op.SelectionSet)
	}
	for _, fragment := range doc.Fragments {
		f.directives(fragment.Directives)
		f.selections(schema.Types[fragment.TypeCondition], fragment.SelectionSet)
	}
	return f, f.refused
}

func (f *Finder) root(kind ast.Operation) *ast.Definition {
	switch kind {
	case ast.Mutation:
		return f.schema.Mutation
	case ast.Subscription:
		return f.schema.Subscription
	}
	return f.schema.Query
}

// selections visits each selection as written, once.
func (f *Finder) selections(parent *ast.Definition, set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			var field *ast.FieldDefinition
			if parent != nil {
				field = parent.Fields.ForName(sel.Name)
			}
			var args ast.ArgumentDefinitionList
			var inner *ast.Definition
			if field != nil {
				args, inner = field.Arguments, f.schema.Types[field.Type.Name()]
			}
			f.arguments(args, sel.Arguments)
			f.directives(sel.Directives)
			f.selections(inner, sel.SelectionSet)
		case *ast.InlineFragment:
			inner := parent
			if sel.TypeCondition != "" {
				inner = f.schema.Types[sel.TypeCondition]
			}
			f.directives(sel.Directives)
			f.selections(inner, sel.SelectionSet)
		case *ast.FragmentSpread:
			f.directives(sel.Directives)
		}
	}
}

func (f *Finder) directives(list ast.DirectiveList) {
	for _, d := range list {
		var args ast.ArgumentDefinitionList
		if def := f.schema.Directives[d.Name]; def != nil {
			args = def.Arguments
		}
		f.arguments(args, d.Arguments)
	}
}

func (f *Finder) arguments(defs ast.ArgumentDefinitionList, args ast.ArgumentList) {
	for _, arg := range args {
		var t *ast.Type
		if def := defs.ForName(arg.Name); def != nil {
			t = def.Type
		}
		f.value(t, arg.Value, f.add)
	}
}

// add notes a literal.
func (f *Finder) add(v *ast.Value) {
	l := literal{name: fmt.Sprintf("literal %d", len(f.doc.literals)), value: v}
	if !hasVariable(v) {
		l.text = appendLiteral(nil, v, nil, math.MaxInt)
	}
	f.doc.literals = append(f.doc.literals, l)
}

// defaultValue notes a variable's default that is or contains a literal. Its whole text is kept, and read like a variable that was
// sent.
func (f *Finder) defaultValue(def *ast.VariableDefinition) {
	if def.DefaultValue == nil {
		return
	}
	found := false
	f.value(def.Type, def.DefaultValue, func(*ast.Value) { found = true })
	if found {
		f.defaults = append(f.defaults, def)
	}
}

// value visits a value that should be of type t (nil: unknown), and calls found for literals.
func (f *Finder) value(t *ast.Type, v *ast.Value, found func(*ast.Value)) {
	switch {
	case v == nil || v.Kind == ast.Variable || v.Kind == ast.NullValue:
	case t != nil && t.Elem != nil && v.Kind != ast.ListValue:
		f.value(t.Elem, v, found) // a single value is coerced to a list of one, GraphQL section 3.11
	case t != nil && t.NamedType == Scalar:
		found(v)
		f.hide(v)
	case v.Kind == ast.ListValue:
		var elem *ast.Type
		if t != nil {
			elem = t.Elem
		}
		for _, child := range v.Children {
			f.value(elem, child.Value, found)
		}
	case v.Kind == ast.ObjectValue:
		var def *ast.Definition
		if t != nil {
			def = f.schema.Types[t.NamedType]
		}
		for _, child := range v.Children {
			var field *ast.Type
			if def != nil && def.Fields.ForName(child.Name) != nil {
				field = def.Fields.ForName(child.Name).Type
			}
			f.value(field, child.Value, found)
		}
	case !readable(v):
		// gqlparser would panic if it read it as an argument.
		f.refused = ErrNumber
	}
}

// readable returns false for numbers that do not fit into 64 bits.
func readable(v *ast.Value) bool {
	var err error
	switch v.Kind {
	case ast.IntValue:
		_, err = strconv.ParseInt(v.Raw, 10, 64)
	case ast.FloatValue:
		_, err = strconv.ParseFloat(v.Raw, 64)
	}
	return err == nil
}

// hide makes the numbers in a literal readable, because validation reads a literal together with what surrounds it.
func (f *Finder) hide(v *ast.Value) {
	if !readable(v) {
		f.numbers = append(f.numbers, hiddenNumber{v, v.Kind})
		v.Kind = ast.StringValue
	}
	for _, child := range v.Children {
		f.hide(child.Value)
	}
}

// Replace replaces the literals by variables.
func (f *Finder) Replace() *Document {
	for _, n := range f.numbers {
		n.value.Kind = n.kind
	}
	if len(f.defaults) > 0 {
		f.doc.defaults = map[*ast.VariableDefinition]json.RawMessage{}
	}
	for _, def := range f.defaults {
		f.doc.defaults[def] = appendLiteral(nil, def.DefaultValue, nil, math.MaxInt)
	}
	for i := range f.doc.literals {
		l := &f.doc.literals[i]
		stand := ast.Value{Kind: ast.Variable, Raw: l.name, Position: l.value.Position}
		original := *l.value
		*l.value, l.value = stand, nil
		if l.text == nil {
			l.value = &original
		}
	}
	return f.doc
}

func hasVariable(v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return true
	}
	for _, child := range v.Children {
		if hasVariable(child.Value) {
			return true
		}
	}
	return false
}

// appendLiteral writes a literal as JSON. Members whose variable was not given are left out, like those of input objects.
// Once b is longer than limit, no more variables are written.
func appendLiteral(b []byte, v *ast.Value, vars map[string]any, limit int) []byte {
	switch v.Kind {
	case ast.Variable:
		if len(b) > limit {
			return b
		}
		return appendValue(b, vars[v.Raw])
	case ast.StringValue, ast.BlockValue, ast.EnumValue:
		return appendValue(b, v.Raw)
	case ast.ListValue:
		b = append(b, '[')
		for i, child := range v.Children {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendLiteral(b, child.Value, vars, limit)
		}
		return append(b, ']')
	case ast.ObjectValue:
		b = append(b, '{')
		first := true
		for _, child := range v.Children {
			if _, given := vars[child.Value.Raw]; child.Value.Kind == ast.Variable && !given {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(append(append(b, '"'), child.Name...), `":`...)
			b = appendLiteral(b, child.Value, vars, limit)
		}
		return append(b, '}')
	}
	return append(b, v.Raw...) // numbers, booleans and null have the same syntax in JSON
}

// appendValue writes a variable's value, or a string.
func appendValue(b []byte, v any) []byte {
	if raw, ok := v.(json.RawMessage); ok {
		return append(b, raw...)
	}
	text, err := rawjson.Marshal(v)
	if err != nil { // variables come from JSON
		return append(b, "null"...)
	}
	return append(b, text...)
}
