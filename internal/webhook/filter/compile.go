package filter

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Compile compiles the source of a Filter. It returns a *webhook.Invalid, or several of them joined, whose fields are the paths of what
// is wrong below field: "filter.data.amount.$gte".
func Compile(field string, source []byte) (*Filter, error) { return compile(field, source, false) }

// compile compiles a filter; with terms, one that can say which of them fails.
func compile(field string, source []byte, terms bool) (*Filter, error) {
	switch _, ok := rawjson.Valid(source); {
	case len(source) > MaxBytes:
		return nil, webhook.Invalidf(field, webhook.CodeTooLong, "must be at most %d bytes of JSON", MaxBytes)
	case !ok || !utf8.Valid(source):
		return nil, webhook.Invalidf(field, webhook.CodeInvalid, "must be JSON in UTF-8")
	case source[rawjson.Space(source, 0)] != '{':
		return nil, webhook.Invalidf(field, webhook.CodeInvalid, `must be an object in the shape of the event, like {"data": {"status": "failed"}}`)
	}
	c := compiler{r: rawjson.NewReader(source), terms: terms}
	f := new(Filter)
	f.expr = c.pattern(scope{node: &f.root, path: webhook.NewTrail(field), event: true})
	if c.conditions > MaxConditions {
		return nil, webhook.Invalidf(field, webhook.CodeTooMany, "must have at most %d conditions", MaxConditions)
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	f.number()
	return f, nil
}

// compiler reads the source of a filter once, from left to right. It continues after an error, up to maxErrors of them.
type compiler struct {
	r          *rawjson.Reader
	conditions int
	errs       []error
	terms      bool // the filter has them
}

const maxErrors = 10

// scope is where in the source and in the event the compiler is.
type scope struct {
	node  *node
	path  *webhook.Trail
	event bool // at the event itself, which has a type and data
	names int  // below data
	logic int  // objects of $or, $and and $not around this
	place []string
}

func (s scope) at(name string) scope {
	s.path = s.path.At(name)
	return s
}

func (c *compiler) wrong(s scope, code webhook.Code, format string, args ...any) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, webhook.Invalidf(s.path.String(), code, format, args...))
	}
}

// pattern compiles what is next: a plain value, or an object of names and operators.
func (c *compiler) pattern(s scope) expr {
	switch first := c.r.Peek(); {
	case first == '{':
		return c.object(s)
	case s.event:
		c.wrong(s, webhook.CodeInvalid, "must be an object in the shape of the event")
	case first == '[':
		c.wrong(s, webhook.CodeInvalid, "must be a value or an object of operators: use $in for one of several values")
	default:
		c.conditions++
		asks := c.term(s, "")
		is := equal(c.r.Value())
		is.asks = asks
		return c.testOf(s.node, []condition{is})
	}
	c.r.Value()
	return expr{}
}

func (c *compiler) testOf(n *node, conditions []condition) expr {
	t := &test{conditions: conditions}
	n.tests = append(n.tests, t)
	return expr{op: opTest, test: t}
}

// object compiles names and operators, all of which must hold.
func (c *compiler) object(s scope) expr {
	var conditions []condition // about one value
	var here, of []expr        // about the members of one object; about the place
	seen := map[string]bool{}
	c.r.Enter()
	for c.r.More() {
		name := c.r.Name()
		in := s.at(name)
		if seen[name] {
			c.wrong(in, webhook.CodeInvalid, "is given twice")
		}
		seen[name] = true
		switch operator, isOperator := strings.CutPrefix(name, "$"); {
		case !isOperator:
			here = append(here, c.member(in, name)...)
		case strings.HasPrefix(operator, "$"):
			here = append(here, c.member(in, operator)...)
		case name == "$or":
			of = append(of, expr{op: opAny, of: c.branches(in), asks: c.term(in, name)})
		case name == "$and":
			of = append(of, expr{op: opAll, of: c.branches(in)})
		case name == "$not":
			of = append(of, expr{op: opNot, of: []expr{c.branch(in)}, asks: c.term(in, name)})
		case s.event:
			c.wrong(in, webhook.CodeInvalid, "must not stand here: the event has type, tags and data; $or, $and and $not may stand beside them")
			c.r.Value()
		case name == "$exists":
			of = append(of, c.exists(in)...)
		case name == "$ne" || name == "$nin":
			asks := c.term(in, name)
			of = append(of, expr{op: opNot, of: []expr{c.testOf(s.node, c.operator(in, name))}, asks: asks})
		default:
			asks := c.term(in, name)
			for _, one := range c.operator(in, name) {
				one.asks = asks
				conditions = append(conditions, one)
			}
		}
	}
	c.r.Leave()
	switch {
	case len(seen) == 0:
		c.wrong(s, webhook.CodeRequired, "must have a condition")
	case len(conditions) > 0 && len(here) > 0:
		c.wrong(s, webhook.CodeInvalid, "must not have names beside operators on a value: no value is both an object and a string or number")
	case len(conditions) > 0:
		of = append(of, c.testOf(s.node, conditions))
	case len(here) > 0 && s.event:
		of = append(of, here...)
	case len(here) > 0:
		all := membersOf(s.node, here)
		all.asks = c.term(s, opOfMembers)
		of = append(of, all)
	}
	return expr{op: opAll, of: of}
}

func membersOf(n *node, exprs []expr) expr {
	g := &members{exprs: exprs}
	n.members = append(n.members, g)
	return expr{op: opMembers, node: n, here: g}
}

// member compiles what is below a name.
func (c *compiler) member(s scope, name string) []expr {
	switch {
	case s.event && name != "type" && name != "tags" && name != "data":
		c.wrong(s, webhook.CodeInvalid, "must be type, tags or data: the fields of the payload stand below data")
		c.r.Value()
		return nil
	case !s.event:
		s.names++
	}
	if s.names > MaxDepth {
		c.wrong(s, webhook.CodeTooMany, "must be at most %d names below data", MaxDepth)
		c.r.Value()
		return nil
	}
	s.node, s.event = s.node.grow(name), false
	if c.terms {
		s.place = append(slices.Clip(s.place), name)
	}
	return []expr{c.pattern(s)}
}

// grow returns kid, which it creates if necessary.
func (n *node) grow(name string) *node {
	i, ok := slices.BinarySearchFunc(n.kids, name, func(k *node, name string) int { return strings.Compare(k.name, name) })
	if !ok {
		n.kids = slices.Insert(n.kids, i, &node{name: name})
	}
	return n.kids[i]
}

// branch compiles the operand of a $not, or one of a $or or $and.
func (c *compiler) branch(s scope) expr {
	if s.logic++; s.logic > MaxLogic {
		c.wrong(s, webhook.CodeTooMany, "must have $or, $and and $not at most %d deep", MaxLogic)
		c.r.Value()
		return expr{}
	}
	return c.pattern(s)
}

func (c *compiler) branches(s scope) (of []expr) {
	if c.r.Peek() != '[' {
		c.wrong(s, webhook.CodeInvalid, "must be an array of conditions")
		c.r.Value()
		return nil
	}
	c.r.Enter()
	for n := 0; c.r.More(); n++ {
		if n == MaxBranches {
			c.wrong(s, webhook.CodeTooMany, "must have at most %d branches", MaxBranches)
		}
		if n >= MaxBranches {
			c.r.Value()
			continue
		}
		in := s
		in.path = s.path.Element(n)
		of = append(of, c.branch(in))
	}
	c.r.Leave()
	if len(of) == 0 {
		c.wrong(s, webhook.CodeRequired, "must have a branch")
	}
	return of
}

func (c *compiler) exists(s scope) []expr {
	c.conditions++
	asks := c.term(s, "$exists")
	is := expr{op: opPresent, node: s.node, asks: asks}
	switch string(c.r.Value()) {
	case "true":
		return []expr{is}
	case "false":
		return []expr{{op: opNot, of: []expr{is}, asks: asks}}
	}
	c.wrong(s, webhook.CodeInvalid, "must be true or false")
	return nil
}

// operator compiles the operators that look at one value.
func (c *compiler) operator(s scope, name string) []condition {
	c.conditions++
	if name == "$in" || name == "$nin" {
		return c.among(s)
	}
	first, operand := c.r.Peek(), c.r.Value()
	text, isString := rawjson.Unquote(operand)
	isNumber := first == '-' || first >= '0' && first <= '9'
	op, known := operators[name]
	switch {
	case !known:
		c.wrong(s, webhook.CodeInvalid, "is no operator: there are $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, $startsWith, $endsWith, $contains, $exists, $or, $and and $not; "+
			"a member's name that begins with $ is written with a further $ before it")
	case op == opIn && (first == '{' || first == '['):
		c.wrong(s, webhook.CodeInvalid, "must be a string, a number, true, false or null")
	case op == opIn:
		return []condition{equal(operand)}
	case op >= opPrefix && !isString:
		c.wrong(s, webhook.CodeInvalid, "must be a string")
	case op >= opPrefix && text == "":
		c.wrong(s, webhook.CodeRequired, "must not be empty: every string would match")
	case !isString && !isNumber:
		c.wrong(s, webhook.CodeInvalid, "must be a number or a string")
	case isNumber:
		return []condition{{op: op, numbers: []rawjson.Number{rawjson.NumberOf(slices.Clone(operand))}}}
	default:
		return []condition{onText(op, text)}
	}
	return nil
}

var operators = map[string]conditionOp{
	"$eq": opIn, "$ne": opIn, "$gt": opGreater, "$gte": opGreaterEqual, "$lt": opLess, "$lte": opLessEqual,
	"$startsWith": opPrefix, "$endsWith": opSuffix, "$contains": opContains,
}

func onText(op conditionOp, text string) condition {
	c := condition{op: op, strings: []string{text}}
	if op == opSuffix || op == opContains {
		c.needle = newNeedle(text)
	}
	return c
}

func (c *compiler) among(s scope) []condition {
	if c.r.Peek() != '[' {
		c.wrong(s, webhook.CodeInvalid, "must be an array of values")
		c.r.Value()
		return nil
	}
	var one condition
	c.r.Enter()
	n := 0
	for ; c.r.More(); n++ {
		switch first, operand := c.r.Peek(), c.r.Value(); first {
		case '{', '[':
			in := s
			in.path = s.path.Element(n)
			c.wrong(in, webhook.CodeInvalid, "must be a string, a number, true, false or null")
		default:
			one.add(operand)
		}
	}
	c.r.Leave()
	if n == 0 {
		c.wrong(s, webhook.CodeRequired, "must have a value")
	}
	one.sort()
	return []condition{one}
}

func equal(operand []byte) (c condition) {
	c.add(operand)
	return c
}

// add adds a string, number, true, false or null to the operands.
func (c *condition) add(operand []byte) {
	switch v := valueOf(slices.Clone(operand)); v.kind {
	case kindString:
		s, _ := rawjson.Unquote(operand)
		c.strings = append(c.strings, s)
	case kindNumber:
		c.numbers = append(c.numbers, v.number)
	case kindWord:
		c.words = append(c.words, string(operand))
	}
}

func (c *condition) sort() {
	slices.Sort(c.strings)
	slices.SortFunc(c.numbers, func(a, b rawjson.Number) int { return a.Compare(&b) })
	slices.Sort(c.words)
	c.words = slices.Compact(c.words)
}

// number assigns every bit its position, and precomputes what Match needs repeatedly.
func (f *Filter) number() {
	f.root.numberFrom(0)
	f.root.findEmpty(&matcher{bits: make([]uint64, f.words())})
	f.eventType, f.tags, f.data = f.root.kid([]byte("type")), f.root.kid([]byte("tags")), f.root.kid([]byte("data"))
}

func (n *node) numberFrom(bit int) int {
	n.present, n.valued = bit, bit+1
	bit += 2
	for _, t := range n.tests {
		t.bit = bit
		bit++
	}
	for _, g := range n.members {
		g.bit = bit
		bit++
	}
	n.from = bit
	for _, k := range n.kids {
		bit = k.numberFrom(bit)
	}
	n.until = bit
	return bit
}

// findEmpty begins with the leaves, because the objects above depend on them.
func (n *node) findEmpty(nothing *matcher) {
	for _, k := range n.kids {
		k.findEmpty(nothing)
	}
	for _, g := range n.members {
		g.empty = nothing.all(g.exprs)
	}
}
