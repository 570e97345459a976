// Package filter compiles conditions on the type, the tags and the payload of an event, and matches events with them in linear time.
package filter

import (
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Bounds of a Filter.
const (
	MaxBytes      = webhook.MaxFilterBytes
	MaxDepth      = 5   // names below data
	MaxLogic      = 5   // $or, $and and $not within one another
	MaxConditions = 100 // operators and plain values; the values of one $in are one condition
	MaxBranches   = 16  // of one $or or $and
)

// Filter is a compiled condition on the type, the tags and the payload of an event. It is immutable, and safe for concurrent use.
//
// Its source is a JSON object in the shape of the event, with conditions in place of values:
//
//	{"type": "payment.failed", "data": {"amount": {"$gte": 100}, "status": {"$in": ["failed", "expired"]}}}
//
// All conditions must hold. type, tags and data are at the top, and the names of the payload's members below data. A condition is a
// string, a number, true, false or null, which the member must equal, or an object of operators:
//
//	$eq, $in                 equal to the value; to one of the values
//	$ne, $nin                not equal to the value; to none of the values
//	$gt, $gte, $lt, $lte     a number or a string that is greater or less than the operand, which is of the same kind
//	$startsWith, $endsWith, $contains   a string that begins with, ends with or contains the operand, case-sensitively
//	$exists                  true: the member exists, even if it is null or empty; false: it does not
//	$or, $and                an array of alternatives, one or all of which must hold
//	$not                     a condition, or an object of conditions, that must not hold
//
// $or, $and and $not may also stand beside names, and at the top. A name that begins with $ is escaped by another $ before it.
//
// Numbers are compared exactly by value, whatever their size and form: 100e-2 is 1. Strings are compared by their characters, in
// the order of code points, whatever is escaped. Values of different kinds are never equal, less or greater.
//
// An array matches if one of its elements does, at any depth of arrays. Conditions in one object are about one element:
// {"items": {"sku": "a", "qty": {"$gt": 2}}} matches only an item that meets both, and so does {"$gte": 10, "$lt": 20}.
// $ne, $nin, $not, $exists, $or and $and apply to the array as a whole: {"tags": {"$ne": "test"}} means that no tag is test. An event without tags has an empty array of them.
// A member that occurs more than once in its object is like an array of its values.
//
// An absent member, and an empty array, equals nothing and has no members; nor has a value that is not an object. Only $ne, $nin,
// $not and "$exists": false hold for them.
//
// Match takes time linear in the payload's length for each condition, and does not allocate.
type Filter struct {
	root node // the event
	expr expr
	// Members of root; nil if the filter does not ask for them.
	eventType, tags, data *node
}

// Nothing is a filter that no event matches.
var Nothing = &Filter{expr: expr{op: opAny}}

// node is a place in an event. One walk over the payload answers, as bits, what all conditions of a filter ask about each place; then the
// exprs of the bits are evaluated. Bits of a place and of those below it are consecutive.
type node struct {
	kids    []*node // sorted by name
	name    string
	tests   []*test
	members []*members
	present int // the bit: the member exists
	valued  int // the bit: and has a value, which an empty array does not
	from    int // bits from here on, up to until, are of the kids
	until   int
}

// test is a conjunction of conditions that one value, neither array nor object, must satisfy.
type test struct {
	conditions []condition
	bit        int
}

// members is a conjunction about the members of one object.
type members struct {
	exprs []expr // of the kids' bits
	bit   int
	empty bool // the exprs hold for an object without members, and so for a value that is no object
}

// expr is a term of bits.
type expr struct {
	op   exprOp
	of   []expr
	node *node
	test *test
	here *members
	asks *term // what it asks for; nil in a filter that is only matched
}

type exprOp uint8

const (
	opAll exprOp = iota
	opAny
	opNot     // of[0]
	opPresent // node
	opTest    // test
	opMembers // here, at node
)

// filterBits bounds the bits of a filter. A condition stands in at most MaxDepth+1 names (data is one) and MaxLogic objects
// more, each of which has a bit; each name's place has two more, and the condition its own.
const filterBits = MaxConditions * (3*(MaxDepth+1) + MaxLogic + 1)

// matcher is one evaluation of a filter.
type matcher struct {
	bits []uint64
	work int // bytes that were examined, counted each time
}

// words is the length of a matcher's bits.
func (f *Filter) words() int { return (f.root.until + 63) / 64 }

// Match reports whether an event is wanted. The data is a payload that webhook.NewEvent.Check has accepted.
func (f *Filter) Match(eventType string, tags []string, data []byte) bool {
	var room [(filterBits + 63) / 64]uint64 // not on the heap
	m := matcher{bits: room[:f.words()]}
	return m.match(f, eventType, tags, data)
}

func (m *matcher) match(f *Filter, eventType string, tags []string, data []byte) bool {
	m.walk(f, eventType, tags, data)
	return m.holds(&f.expr)
}

// walk sets the bits of an event.
func (m *matcher) walk(f *Filter, eventType string, tags []string, data []byte) {
	if f.eventType != nil {
		var buffer [webhook.MaxEventTypeBytes + 2]byte
		quoted := append(append(append(buffer[:0], '"'), eventType...), '"') // its form needs no escape
		m.value(f.eventType, quoted, 0)
	}
	if f.tags != nil {
		m.strings(f.tags, tags)
	}
	if f.data != nil {
		m.value(f.data, data, 0)
	}
}

func (m *matcher) has(bit int) bool { return m.bits[bit/64]&(1<<(bit%64)) != 0 }
func (m *matcher) set(bit int)      { m.bits[bit/64] |= 1 << (bit % 64) }

func (m *matcher) clear(from, until int) {
	for ; from < until && from%64 != 0; from++ {
		m.bits[from/64] &^= 1 << (from % 64)
	}
	for ; from+64 <= until; from += 64 {
		m.bits[from/64] = 0
	}
	for ; from < until; from++ {
		m.bits[from/64] &^= 1 << (from % 64)
	}
}

func (m *matcher) holds(e *expr) bool {
	switch e.op {
	case opAll:
		return m.all(e.of)
	case opAny:
		for i := range e.of {
			if m.holds(&e.of[i]) {
				return true
			}
		}
		return false
	case opNot:
		return !m.holds(&e.of[0])
	case opPresent:
		return m.has(e.node.present)
	case opTest:
		return m.has(e.test.bit)
	case opMembers:
		return m.has(e.here.bit) || e.here.empty && !m.has(e.node.valued)
	}
	return false
}

func (m *matcher) all(of []expr) bool {
	for i := range of {
		if !m.holds(&of[i]) {
			return false
		}
	}
	return true
}

// kid returns the member with that name, which is the text of a JSON string; nil if no condition asks for it. It does not allocate.
func (n *node) kid(name []byte) *node {
	v := value{text: name, escaped: escaped(name)}
	from, until := 0, len(n.kids)
	for from < until {
		mid := (from + until) / 2
		switch d := v.compareString(n.kids[mid].name); {
		case d == 0:
			return n.kids[mid]
		case d < 0:
			until = mid
		default:
			from = mid + 1
		}
	}
	return nil
}

// value walks over the next value in b, which is at n, and returns the index after it.
func (m *matcher) value(n *node, b []byte, i int) int {
	m.set(n.present)
	e := elements{b: b, pos: i}
	for e.next() {
		m.set(n.valued)
		m.work += e.pos - i
		if i = e.pos; b[i] == '{' {
			e.pos = m.object(n, b, i)
		} else if e.pos = m.end(b, i); len(n.tests) > 0 || len(n.members) > 0 {
			v := valueOf(b[i:e.pos])
			m.scalar(n, &v)
		}
		i = e.pos
	}
	m.work += e.pos - i
	return e.pos
}

// end skips a value.
func (m *matcher) end(b []byte, i int) int {
	end := rawjson.End(b, i)
	m.work += end - i
	return end
}

// object walks over the object that starts at b[i], and returns the index after it.
func (m *matcher) object(n *node, b []byte, i int) int {
	if len(n.kids) == 0 {
		return m.end(b, i)
	}
	m.clear(n.from, n.until)
	o := fields{b: b, pos: i}
	for o.next() {
		m.work += o.pos - i
		if k := n.kid(o.name()); k != nil {
			o.pos = m.value(k, b, o.pos)
		} else {
			o.pos = m.end(b, o.pos)
		}
		i = o.pos
	}
	m.members(n)
	return o.pos
}

// members decides the conjunctions about the object whose members were examined.
func (m *matcher) members(n *node) {
	for _, g := range n.members {
		if !m.has(g.bit) && m.all(g.exprs) {
			m.set(g.bit)
		}
	}
}

// scalar tests a value that is neither an array nor an object.
func (m *matcher) scalar(n *node, v *value) {
	for _, g := range n.members {
		if g.empty {
			m.set(g.bit)
		}
	}
	if len(n.tests) > 0 {
		m.test(n, v)
	}
}

func (m *matcher) test(n *node, v *value) {
	m.work += len(v.text)
	for _, t := range n.tests {
		if !m.has(t.bit) && m.satisfies(v, t) {
			m.set(t.bit)
		}
	}
}

// strings looks at an array of strings that are not JSON.
func (m *matcher) strings(n *node, all []string) {
	m.set(n.present)
	for _, s := range all {
		m.set(n.valued)
		for _, g := range n.members {
			if g.empty {
				m.set(g.bit)
			}
		}
		var buffer [utf8.UTFMax * webhook.MaxTagChars]byte
		v := value{kind: kindString, text: append(buffer[:0], s...)}
		m.test(n, &v)
	}
}

func (m *matcher) satisfies(v *value, t *test) bool {
	for i := range t.conditions {
		m.work += len(v.text)
		if !t.conditions[i].holds(v) {
			return false
		}
	}
	return true
}
