package schema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// node is a compiled subschema, as the library read it, in an order that does not vary.
type node struct {
	at     string // JSON Pointer in the document
	always *bool  // it is true or false

	ref                   *node
	types                 []string
	equal                 []string // canonical texts of enum or const; nil: neither
	equalTo               string   // the keyword, for messages
	not                   *node
	allOf, anyOf, oneOf   []*node
	when, then, otherwise *node
	format                *jsonschema.Format
	dependent             []member
	dependentRequired     []dependency
	minProperties         *int
	maxProperties         *int
	required              []string
	names                 *node
	properties            map[string]*node
	byPattern             []matching
	additional            *node
	unevaluatedProperties *node
	minItems, maxItems    *int
	unique                bool
	contains              *node
	minContains           int
	maxContains           *int
	prefix                []*node
	items                 *node
	unevaluatedItems      *node
	minLength, maxLength  *int
	pattern               *pattern
	least, most           *big.Rat
	above, below          *big.Rat
	multipleOf            *big.Rat
	state                 int // of endless
}

type member struct {
	name string
	node *node
}

type dependency struct {
	name     string
	required []string
}

type matching struct {
	pattern *pattern
	node    *node
}

// formats are those that are checked; others are annotations, as the specification has it.
var formats = []string{"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "uuid", "json-pointer"}

// translation makes nodes of the library's schemas.
type translation struct {
	nodes map[*jsonschema.Schema]*node
	order []*node // of nodes
	err   *Error
}

func (t *translation) node(s *jsonschema.Schema) *node {
	if s == nil {
		return nil
	}
	if n := t.nodes[s]; n != nil {
		return n
	}
	n := &node{at: pointer(s.Location), always: s.Bool}
	t.nodes[s], t.order = n, append(t.order, n)
	if s.DynamicRef != nil || s.RecursiveRef != nil {
		t.err = &Error{n.at, "has a $dynamicRef or $recursiveRef, which is not supported; use $ref"}
		return n
	}
	n.ref = t.node(s.Ref)
	if s.Types != nil {
		n.types = s.Types.ToStrings()
	}
	if s.Enum != nil {
		n.equalTo, n.equal = "enum", []string{}
		for _, v := range s.Enum.Values {
			n.equal = append(n.equal, string(canonical(nil, v)))
		}
	}
	n.not, n.allOf, n.anyOf, n.oneOf = t.node(s.Not), t.list(s.AllOf), t.list(s.AnyOf), t.list(s.OneOf)
	if s.Const != nil {
		n.constant(*s.Const)
	}
	n.when, n.then, n.otherwise = t.node(s.If), t.node(s.Then), t.node(s.Else)
	if s.Format != nil && slices.Contains(formats, s.Format.Name) {
		n.format = s.Format
	}
	n.minLength, n.maxLength = s.MinLength, s.MaxLength
	n.pattern, _ = s.Pattern.(*pattern)
	n.least, n.most, n.above, n.below, n.multipleOf = s.Minimum, s.Maximum, s.ExclusiveMinimum, s.ExclusiveMaximum, s.MultipleOf
	t.object(n, s)
	t.array(n, s)
	return n
}

// constant adds a const. Beside an enum it is a schema of its own.
func (n *node) constant(v any) {
	is := &node{at: n.at, equalTo: "const", equal: []string{string(canonical(nil, v))}}
	if n.equal == nil {
		n.equalTo, n.equal = is.equalTo, is.equal
		return
	}
	n.allOf = append(n.allOf, is)
}

func (t *translation) list(list []*jsonschema.Schema) []*node {
	nodes := make([]*node, len(list))
	for i, s := range list {
		nodes[i] = t.node(s)
	}
	return nodes
}

// either translates what the library has as a bool or a schema.
func (t *translation) either(v any) *node {
	switch v := v.(type) {
	case bool:
		return &node{always: &v}
	case *jsonschema.Schema:
		return t.node(v)
	}
	return nil
}

func (t *translation) object(n *node, s *jsonschema.Schema) {
	n.minProperties, n.maxProperties, n.required = s.MinProperties, s.MaxProperties, s.Required
	n.names = t.node(s.PropertyNames)
	if s.Properties != nil {
		n.properties = make(map[string]*node, len(s.Properties))
		for name, one := range s.Properties {
			n.properties[name] = t.node(one)
		}
	}
	for re, one := range s.PatternProperties {
		if p, ok := re.(*pattern); ok {
			n.byPattern = append(n.byPattern, matching{p, t.node(one)})
		}
	}
	slices.SortFunc(n.byPattern, func(a, b matching) int { return strings.Compare(a.pattern.String(), b.pattern.String()) })
	n.additional = t.either(s.AdditionalProperties)
	for name, one := range sorted(s.Dependencies) {
		switch one := one.(type) {
		case []string:
			n.dependentRequired = append(n.dependentRequired, dependency{name, one})
		case *jsonschema.Schema:
			n.dependent = append(n.dependent, member{name, t.node(one)})
		}
	}
	for name, one := range sorted(s.DependentSchemas) {
		n.dependent = append(n.dependent, member{name, t.node(one)})
	}
	for name, required := range sorted(s.DependentRequired) {
		n.dependentRequired = append(n.dependentRequired, dependency{name, required})
	}
	n.unevaluatedProperties = t.node(s.UnevaluatedProperties)
}

func (t *translation) array(n *node, s *jsonschema.Schema) {
	n.minItems, n.maxItems, n.unique = s.MinItems, s.MaxItems, s.UniqueItems
	n.prefix, n.items = t.list(s.PrefixItems), t.node(s.Items2020)
	switch items := s.Items.(type) { // before draft 2020-12
	case *jsonschema.Schema:
		n.items = t.node(items)
	case []*jsonschema.Schema:
		n.prefix, n.items = t.list(items), t.either(s.AdditionalItems)
	}
	if n.contains = t.node(s.Contains); n.contains != nil {
		n.minContains, n.maxContains = 1, s.MaxContains
		if s.MinContains != nil {
			n.minContains = *s.MinContains
		}
	}
	n.unevaluatedItems = t.node(s.UnevaluatedItems)
}

// inPlace lists the subschemas that are applied to the same value.
func (n *node) inPlace() []*node {
	list := slices.Concat([]*node{n.ref, n.not, n.when, n.then, n.otherwise}, n.allOf, n.anyOf, n.oneOf)
	for _, d := range n.dependent {
		list = append(list, d.node)
	}
	return list
}

// endless refuses schemas that apply themselves to the same value, which no value would end.
func (t *translation) endless() *Error {
	var visit func(n *node) *Error
	visit = func(n *node) *Error {
		if n == nil || n.state == 2 {
			return nil
		}
		if n.state == 1 {
			return &Error{n.at, "refers to itself without end: a schema may only refer to itself for a part of the value, as below properties or items"}
		}
		n.state = 1
		for _, sub := range n.inPlace() {
			if err := visit(sub); err != nil {
				return err
			}
		}
		n.state = 2
		return nil
	}
	for _, n := range t.order {
		if err := visit(n); err != nil {
			return err
		}
	}
	return nil
}

// number returns the exact value of a number.
func number(n json.Number) (*big.Rat, bool) {
	if !bounded(n) {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

// shown writes a number of a schema for a message.
func shown(r *big.Rat) string {
	if r.IsInt() {
		return cut(r.Num().String(), maxQuoted)
	}
	if text, exact := r.FloatPrec(); exact {
		return cut(r.FloatString(text), maxQuoted)
	}
	return cut(fmt.Sprint(r), maxQuoted)
}
