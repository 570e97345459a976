package schema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of a check.
const (
	// MaxSteps is the default of Budget: about a tenth of a second.
	MaxSteps      = 1_000_000
	MaxViolations = 5 // that are told
	maxNesting    = 4000
)

// Budget is how many steps checks may take, all together. A step is about a value and a subschema.
type Budget struct{ Steps int }

// Violation is a rule of the schema that an event's data breaks. It never repeats a value of the data.
type Violation struct {
	Path    string // of the value: a JSON Pointer into the data; "" is the data itself
	Rule    string // a JSON Pointer to the keyword in the schema
	Message string // "must be a string, and is a number"
}

// String describes the violation for the publisher.
func (v *Violation) String() string {
	if v.Path == "" {
		return fmt.Sprintf("%s (rule %s of the type's schema)", v.Message, v.Rule)
	}
	return fmt.Sprintf("%s %s (rule %s of the type's schema)", v.Path, v.Message, v.Rule)
}

// Check returns the first violations of an event's data, which must be JSON; none if it is valid. ok is false if the budget ended before that was
// known. Of members with the same name the last one counts.
func (s *Schema) Check(data []byte, budget *Budget) (violations []Violation, ok bool) {
	if budget.Steps -= len(data) / 64; budget.Steps <= 0 {
		return nil, false
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		return []Violation{{Message: "must be JSON"}}, true
	}
	c := &check{budget: budget}
	c.node(s.root, v, nil, nil)
	return c.violations, !c.over
}

// check is one check of one value.
type check struct {
	budget     *Budget
	over       bool // the budget is used up
	quiet      int  // only whether it is valid is asked for
	nesting    int
	violations []Violation
}

// place is where a value is.
type place struct {
	above *place
	name  string
}

func (p *place) String() string {
	if p == nil {
		return ""
	}
	return p.above.String() + "/" + token(cut(p.name, maxQuoted))
}

// evaluated is what in-place subschemas have evaluated of a value, for unevaluatedProperties and unevaluatedItems.
type evaluated struct {
	names map[string]bool
	items map[int]bool
}

func (e *evaluated) name(s string) {
	if e != nil {
		e.names[s] = true
	}
}

func (e *evaluated) item(i int) {
	if e != nil {
		e.items[i] = true
	}
}

// spend takes steps, and reports whether there are any.
func (c *check) spend(n int) bool {
	if c.budget.Steps -= n; c.budget.Steps < 0 {
		c.over, c.budget.Steps = true, -1
	}
	return !c.over
}

// full reports whether the rest of the check can change nothing.
func (c *check) full() bool { return c.over || c.quiet == 0 && len(c.violations) >= MaxViolations }

// fail notes a violation; it returns false.
func (c *check) fail(n *node, keyword string, at *place, format string, args ...any) bool {
	if c.quiet == 0 && len(c.violations) < MaxViolations && !c.over {
		c.violations = append(c.violations, Violation{cut(printable(at.String()), 6*maxQuoted), cut(printable(n.at), 6*maxQuoted) + "/" + keyword, fmt.Sprintf(format, args...)})
	}
	return false
}

// node reports whether the value is valid. seen is nil if nobody asks what is evaluated.
func (c *check) node(n *node, v any, at *place, seen *evaluated) bool {
	c.nesting++
	defer func() { c.nesting-- }()
	if c.nesting > maxNesting {
		c.over = true
	}
	if !c.spend(1) || c.full() {
		return false
	}
	if n.always != nil {
		if !*n.always {
			c.fail(&node{at: parent(n.at)}, last(n.at), at, "is not allowed here")
		}
		return *n.always
	}
	own := seen
	if n.unevaluatedProperties != nil || n.unevaluatedItems != nil {
		own = &evaluated{map[string]bool{}, map[int]bool{}}
	}
	valid := c.value(n, v, at)
	rules := []func(*node, any, *place, *evaluated) bool{c.applied, c.chosen, c.parts, c.rest}
	for _, rule := range rules {
		if (!valid && c.quiet > 0) || c.full() {
			return false
		}
		valid = rule(n, v, at, own) && valid
	}
	if own != seen && seen != nil && valid {
		seen.add(own)
	}
	return valid
}

func (e *evaluated) add(o *evaluated) {
	for name := range o.names {
		e.names[name] = true
	}
	for i := range o.items {
		e.items[i] = true
	}
}

// parent and last split a pointer before its last name.
func parent(at string) string { return at[:max(strings.LastIndexByte(at, '/'), 0)] }
func last(at string) string   { return at[strings.LastIndexByte(at, '/')+1:] }

// silently is node for subschemas that may fail.
func (c *check) silently(n *node, v any, at *place, seen *evaluated) bool {
	var own *evaluated
	if seen != nil {
		own = &evaluated{map[string]bool{}, map[int]bool{}}
	}
	c.quiet++
	ok := c.node(n, v, at, own)
	c.quiet--
	if ok && seen != nil {
		c.spend(len(own.names) + len(own.items))
		seen.add(own)
	}
	return ok
}

// value checks the keywords that say what the value itself is.
func (c *check) value(n *node, v any, at *place) bool {
	ok := true
	if len(n.types) > 0 && !isOf(n.types, v) {
		return c.fail(n, "type", at, "must be of type %s, and is of type %s", strings.Join(n.types, " or "), typeOf(v))
	}
	if n.equal != nil && !c.equal(n, v) {
		ok = c.fail(n, n.equalTo, at, "must be %s", map[string]string{"enum": "one of the values of enum", "const": "the value of const"}[n.equalTo])
	}
	switch v := v.(type) {
	case string:
		return c.text(n, v, at) && ok
	case json.Number:
		return c.number(n, v, at) && ok
	}
	return ok
}

func (c *check) equal(n *node, v any) bool {
	is := canonical(nil, v)
	if !c.spend(len(is)/16 + len(n.equal)/8) {
		return false
	}
	return slices.Contains(n.equal, string(is))
}

// typeOf names the JSON type of a value.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

func isOf(types []string, v any) bool {
	is := typeOf(v)
	for _, t := range types {
		if t == is || t == "integer" && is == "number" && integer(v.(json.Number)) {
			return true
		}
	}
	return false
}

// integer reports whether a number has no fraction: 1.0 and 1e3 have none.
func integer(n json.Number) bool {
	digits, exponent, _, ok := decimal(string(n))
	if !ok { // the exponent decides
		return !strings.ContainsAny(string(n), "eE") || !strings.Contains(string(n)[strings.IndexAny(string(n), "eE"):], "-")
	}
	return digits == "" || exponent >= 0
}

func (c *check) text(n *node, v string, at *place) bool {
	ok := c.spend(len(v) / 32)
	if n.minLength != nil || n.maxLength != nil {
		switch length := utf8.RuneCountInString(v); {
		case n.minLength != nil && length < *n.minLength:
			ok = c.fail(n, "minLength", at, "must have at least %d characters, and has %d", *n.minLength, length)
		case n.maxLength != nil && length > *n.maxLength:
			ok = c.fail(n, "maxLength", at, "must have at most %d characters, and has %d", *n.maxLength, length)
		}
	}
	if n.pattern != nil && c.spend(n.pattern.steps(v)) && !n.pattern.MatchString(v) {
		ok = c.fail(n, "pattern", at, "must match the pattern %s", quoted(n.pattern.String()))
	}
	if n.format != nil && c.spend(len(v)/4) && n.format.Validate(v) != nil {
		ok = c.fail(n, "format", at, "must have the format %s", n.format.Name)
	}
	return ok
}

// steps is what matching a text costs at most.
func (p *pattern) steps(text string) int { return 1 + len(text)/32*(1+p.size/4) + p.size/64 }

func (c *check) number(n *node, v json.Number, at *place) bool {
	if n.least == nil && n.most == nil && n.above == nil && n.below == nil && n.multipleOf == nil {
		return true
	}
	if !c.spend(4 + len(v)/8) {
		return false
	}
	is, known := number(v)
	if !known {
		return c.fail(n, "type", at, "must have at most %d digits to be checked", MaxNumberDigits)
	}
	ok := true
	switch {
	case n.least != nil && is.Cmp(n.least) < 0:
		ok = c.fail(n, "minimum", at, "must be at least %s", shown(n.least))
	case n.above != nil && is.Cmp(n.above) <= 0:
		ok = c.fail(n, "exclusiveMinimum", at, "must be more than %s", shown(n.above))
	case n.most != nil && is.Cmp(n.most) > 0:
		ok = c.fail(n, "maximum", at, "must be at most %s", shown(n.most))
	case n.below != nil && is.Cmp(n.below) >= 0:
		ok = c.fail(n, "exclusiveMaximum", at, "must be less than %s", shown(n.below))
	}
	if n.multipleOf != nil && !new(big.Rat).Quo(is, n.multipleOf).IsInt() {
		ok = c.fail(n, "multipleOf", at, "must be a multiple of %s", shown(n.multipleOf))
	}
	return ok
}

// applied checks what must hold beside the other keywords: $ref, allOf, and what members that are there ask for.
func (c *check) applied(n *node, v any, at *place, seen *evaluated) bool {
	ok := n.ref == nil || c.node(n.ref, v, at, seen)
	for _, sub := range n.allOf {
		if !ok && c.quiet > 0 || c.over {
			return false
		}
		ok = c.node(sub, v, at, seen) && ok
	}
	object, is := v.(map[string]any)
	if !is {
		return ok
	}
	for _, d := range n.dependent {
		if _, has := object[d.name]; has {
			ok = c.node(d.node, v, at, seen) && ok
		}
	}
	for _, d := range n.dependentRequired {
		if _, has := object[d.name]; has {
			ok = c.required(n, "dependentRequired", d.required, object, at) && ok
		}
	}
	return ok
}

// chosen checks the keywords of which some subschemas may fail.
func (c *check) chosen(n *node, v any, at *place, seen *evaluated) bool {
	ok := true
	if n.not != nil && c.silently(n.not, v, at, nil) {
		ok = c.fail(n, "not", at, "must not match the schema below not")
	}
	if len(n.anyOf) > 0 {
		matched := 0
		for _, sub := range n.anyOf {
			if c.silently(sub, v, at, seen) {
				if matched++; seen == nil {
					break
				}
			}
		}
		if matched == 0 {
			ok = c.fail(n, "anyOf", at, "must match one of the %d schemas of anyOf, and matches none", len(n.anyOf))
		}
	}
	if len(n.oneOf) > 0 {
		matched := 0
		for _, sub := range n.oneOf {
			if c.silently(sub, v, at, seen) {
				matched++
			}
		}
		if matched != 1 {
			ok = c.fail(n, "oneOf", at, "must match exactly one of the %d schemas of oneOf, and matches %d", len(n.oneOf), matched)
		}
	}
	if n.when == nil {
		return ok
	}
	then := n.otherwise
	if c.silently(n.when, v, at, seen) {
		then = n.then
	}
	return (then == nil || c.node(then, v, at, seen)) && ok
}

// parts checks the members of an object, or the elements of an array.
func (c *check) parts(n *node, v any, at *place, seen *evaluated) bool {
	switch v := v.(type) {
	case map[string]any:
		return c.object(n, v, at, seen)
	case []any:
		return c.array(n, v, at, seen)
	}
	return true
}

func (c *check) required(n *node, keyword string, names []string, v map[string]any, at *place) bool {
	ok := c.spend(len(names) / 4)
	for _, name := range names {
		if _, has := v[name]; !has {
			ok = c.fail(n, keyword, at, "must have the member %s", quoted(name))
		}
	}
	return ok
}

func (c *check) object(n *node, v map[string]any, at *place, seen *evaluated) bool {
	ok := c.required(n, "required", n.required, v, at)
	switch {
	case n.minProperties != nil && len(v) < *n.minProperties:
		ok = c.fail(n, "minProperties", at, "must have at least %d members, and has %d", *n.minProperties, len(v))
	case n.maxProperties != nil && len(v) > *n.maxProperties:
		ok = c.fail(n, "maxProperties", at, "must have at most %d members, and has %d", *n.maxProperties, len(v))
	}
	if n.properties == nil && n.byPattern == nil && n.additional == nil && n.names == nil || !c.spend(len(v)/4) {
		return ok
	}
	for name, one := range sorted(v) {
		if !ok && c.quiet > 0 || c.full() {
			return false
		}
		ok = c.member(n, name, one, at, seen) && ok
	}
	return ok
}

func (c *check) member(n *node, name string, v any, above *place, seen *evaluated) bool {
	at := &place{above, name}
	ok, known := true, false
	if sub := n.properties[name]; sub != nil {
		known = true
		ok = c.node(sub, v, at, nil)
	}
	for _, m := range n.byPattern {
		if c.spend(m.pattern.steps(name)) && m.pattern.MatchString(name) {
			known = true
			ok = c.node(m.node, v, at, nil) && ok
		}
	}
	if !known && n.additional != nil {
		if known = true; n.additional.always != nil && !*n.additional.always {
			ok = c.fail(n, "additionalProperties", at, "is a member that the schema does not allow")
		} else {
			ok = c.node(n.additional, v, at, nil) && ok
		}
	}
	if known {
		seen.name(name)
	}
	if n.names != nil && !c.silently(n.names, name, above, nil) {
		ok = c.fail(n, "propertyNames", at, "has a name that the schema does not allow")
	}
	return ok
}

func (c *check) array(n *node, v []any, at *place, seen *evaluated) bool {
	ok := true
	switch {
	case n.minItems != nil && len(v) < *n.minItems:
		ok = c.fail(n, "minItems", at, "must have at least %d elements, and has %d", *n.minItems, len(v))
	case n.maxItems != nil && len(v) > *n.maxItems:
		ok = c.fail(n, "maxItems", at, "must have at most %d elements, and has %d", *n.maxItems, len(v))
	}
	for i, one := range v {
		if !ok && c.quiet > 0 || c.full() {
			return false
		}
		sub := n.items
		if i < len(n.prefix) {
			sub = n.prefix[i]
		}
		if sub == nil {
			break
		}
		seen.item(i)
		ok = c.node(sub, one, &place{at, strconv.Itoa(i)}, nil) && ok
	}
	if n.unique {
		ok = c.unique(n, v, at) && ok
	}
	if n.contains == nil {
		return ok
	}
	matched := 0
	for i, one := range v {
		if c.silently(n.contains, one, &place{at, strconv.Itoa(i)}, nil) {
			seen.item(i)
			matched++
		}
	}
	switch {
	case matched < n.minContains:
		ok = c.fail(n, "contains", at, "must have at least %d elements that match the schema below contains, and has %d", n.minContains, matched)
	case n.maxContains != nil && matched > *n.maxContains:
		ok = c.fail(n, "maxContains", at, "must have at most %d elements that match the schema below contains, and has %d", *n.maxContains, matched)
	}
	return ok
}

func (c *check) unique(n *node, v []any, at *place) bool {
	known := make(map[string]int, len(v))
	for i, one := range v {
		text := canonical(nil, one)
		if !c.spend(1 + len(text)/16) {
			return false
		}
		if j, twice := known[string(text)]; twice {
			return c.fail(n, "uniqueItems", at, "must have no element twice: elements %d and %d are equal", j, i)
		}
		known[string(text)] = i
	}
	return true
}

// rest checks what no other keyword has evaluated.
func (c *check) rest(n *node, v any, at *place, seen *evaluated) bool {
	ok := true
	if object, is := v.(map[string]any); is && n.unevaluatedProperties != nil {
		for name, one := range sorted(object) {
			if c.full() {
				return false
			}
			if !seen.names[name] {
				ok = c.node(n.unevaluatedProperties, one, &place{at, name}, nil) && ok
				seen.name(name)
			}
		}
	}
	if array, is := v.([]any); is && n.unevaluatedItems != nil {
		for i, one := range array {
			if !seen.items[i] {
				ok = c.node(n.unevaluatedItems, one, &place{at, strconv.Itoa(i)}, nil) && ok
				seen.item(i)
			}
		}
	}
	return ok
}
