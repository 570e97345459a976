package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Bounds of what Explain tells.
const (
	maxPlace  = 200 // bytes of the names of a place
	maxShown  = 80  // bytes of an operand or a value
	maxValues = 3   // values of one place
)

// term is what a part of a filter asks for, for people.
type term struct {
	place    []string // the names from the event inwards; none: the event itself
	operator string   // "": equality
	operand  string
}

// opOfMembers is the operator of a conjunction about the members of one object.
const opOfMembers = "members"

// term returns what the operator, whose operand is next, asks for at a place.
func (c *compiler) term(s scope, operator string) *term {
	if !c.terms {
		return nil
	}
	t := &term{place: s.place, operator: operator}
	switch operator {
	case "$or", "$not", opOfMembers: // which tell nothing of what is within them
	default:
		next := *c.r
		t.operand = string(next.Value())
	}
	return t
}

// Explain says in words why an event does not match a filter: which term is the first that does not hold, what it asks for, and what the event
// has there; "" if the event matches. The source must be that of a Filter, and the data as for Match. The text quotes the source and the
// payload, each shortened.
func Explain(source []byte, eventType string, tags []string, data []byte) (string, error) {
	f, err := compile("filter", source, true)
	if err != nil {
		return "", err
	}
	m := matcher{bits: make([]uint64, f.words())}
	if m.match(f, eventType, tags, data) {
		return "", nil
	}
	x := &explainer{m: &m, eventType: eventType, tags: tags, data: data}
	return x.failed(&f.expr), nil
}

// explainer knows an event and the bits that its match has left.
type explainer struct {
	m         *matcher
	eventType string
	tags      []string
	data      []byte
}

// failed tells the first term of an expr that does not hold.
func (x *explainer) failed(e *expr) string {
	switch e.op {
	case opAll:
		return x.first(e.of)
	case opAny:
		if len(e.of) == 1 {
			return x.failed(&e.of[0])
		}
		return fmt.Sprintf("none of the %d branches of $or%s holds", len(e.of), at(e.asks.place))
	case opMembers:
		// The bits of its members are those of the last object. They say why it fails if there is no other, or if there is one condition, which
		// fails for all of them.
		if all := x.values(e.asks.place); all.n > 1 && leaves(e) > 1 {
			return fmt.Sprintf("no element of %s meets all conditions of the filter together", place(e.asks.place))
		}
		return x.first(e.here.exprs)
	case opTest:
		return x.test(e.test)
	case opNot:
		if e.asks.operator == "$not" {
			return fmt.Sprintf("the condition of $not%s holds", at(e.asks.place))
		}
	}
	return x.differs(e.asks.place, e.asks)
}

// first is failed for the first of several exprs that does not hold.
func (x *explainer) first(of []expr) string {
	for i := range of {
		if !x.m.holds(&of[i]) {
			return x.failed(&of[i])
		}
	}
	return ""
}

// test tells the first condition that no value satisfies; all of them if each is satisfied by another value.
func (x *explainer) test(t *test) string {
	var asks []*term
	all := x.values(t.conditions[0].asks.place)
	for i := range t.conditions {
		c := &t.conditions[i]
		if !slices.ContainsFunc(all.scalars, func(text []byte) bool { v := valueOf(text); return c.holds(&v) }) && all.n == len(all.scalars) {
			return x.differs(c.asks.place, c.asks)
		}
		asks = append(asks, c.asks)
	}
	return x.differs(asks[0].place, asks...)
}

// differs tells what a place has, and what a filter asks for there.
func (x *explainer) differs(names []string, asks ...*term) string {
	var wants []string
	for _, t := range asks {
		wants = append(wants, strings.TrimPrefix(t.operator+" "+shortened(t.operand, maxShown), " "))
	}
	return fmt.Sprintf("%s is %s; the filter asks for %s", place(names), x.values(names).text(), strings.Join(wants, " and "))
}

// leaves is the number of conditions in an expr.
func leaves(e *expr) (n int) {
	switch e.op {
	case opMembers:
		for i := range e.here.exprs {
			n += leaves(&e.here.exprs[i])
		}
	case opTest:
		return len(e.test.conditions)
	case opPresent:
		return 1
	default:
		for i := range e.of {
			n += leaves(&e.of[i])
		}
	}
	return n
}

// place is how a place is shown.
func place(names []string) string {
	if len(names) == 0 {
		return "the event"
	}
	return shortened(strings.Join(names, "."), maxPlace)
}

// at names a place after something else, if it is not the event.
func at(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " at " + place(names)
}

// values are those of one place; the elements of arrays are values of the place too.
type values struct {
	present bool     // there is one, or an empty array
	n       int      // how many
	shown   []string // the first of them
	scalars [][]byte // those that are neither objects nor arrays, up to maxScalars
}

// maxScalars is how many values of a place are tested one by one.
const maxScalars = 100

// text is how the values are shown.
func (v *values) text() string {
	switch {
	case !v.present:
		return "absent"
	case v.n == 0:
		return "an empty array"
	case v.n > len(v.shown):
		return fmt.Sprintf("%s and %d more", strings.Join(v.shown, ", "), v.n-len(v.shown))
	}
	last := len(v.shown) - 1
	if last == 0 {
		return v.shown[0]
	}
	return strings.Join(v.shown[:last], ", ") + " and " + v.shown[last]
}

// values returns the values of a place of the event, which is not the event itself.
func (x *explainer) values(names []string) *values {
	v := &values{}
	switch names[0] {
	case "type":
		v.add(quoted(x.eventType), 0, names[1:])
	case "tags":
		v.add(quoted(append([]string{}, x.tags...)), 0, names[1:]) // an empty array rather than null
	default:
		v.add(x.data, 0, names[1:])
	}
	return v
}

func quoted(v any) []byte {
	text, _ := rawjson.Marshal(v) // strings do not fail
	return text
}

// add adds what the next value in b has at names below it, and returns the index after the value.
func (v *values) add(b []byte, i int, names []string) int {
	v.present = v.present || len(names) == 0
	e := elements{b: b, pos: i}
	for e.next() {
		from := e.pos
		if len(names) > 0 && b[from] == '{' {
			e.pos = v.members(b, from, names)
		} else if e.pos = rawjson.End(b, from); len(names) == 0 {
			v.one(b[from:e.pos])
		}
	}
	return e.pos
}

// one adds a value that is no array.
func (v *values) one(text []byte) {
	v.n++
	if text[0] != '{' && len(v.scalars) < maxScalars {
		v.scalars = append(v.scalars, text)
	}
	switch {
	case len(v.shown) == maxValues:
	case text[0] == '{':
		v.shown = append(v.shown, "an object")
	default:
		v.shown = append(v.shown, shortened(string(text), maxShown))
	}
}

// members adds what the object at b[i] has at names, and returns the index after it.
func (v *values) members(b []byte, i int, names []string) int {
	o := fields{b: b, pos: i}
	for o.next() {
		if is := (value{text: o.name(), escaped: escaped(o.name())}); is.compareString(names[0]) == 0 {
			o.pos = v.add(b, o.pos, names[1:])
		} else {
			o.pos = rawjson.End(b, o.pos)
		}
	}
	return o.pos
}

// shortened returns a text that is at most most bytes long, without half a character at its end, as one line.
func shortened(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
