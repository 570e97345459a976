package filter

import (
	"iter"
	"math/bits"
	"strconv"
	"sync"
)

// Together matches events with many filters in one walk over the payload, as Match does one by one. It is immutable, and safe for concurrent use.
type Together struct {
	places Filter // of all the filters; it has no expr
	exprs  []expr // of each
	at     map[*Filter]int
	room   sync.Pool // of bits
}

// NewTogether returns the filters as one. A filter may be among them more than once. What several filters ask for at a place is evaluated once.
func NewTogether(filters []*Filter) *Together {
	t := &Together{at: make(map[*Filter]int, len(filters))}
	all := &merged{tests: map[string]*test{}, members: map[string]*members{}}
	for i, f := range filters {
		own := copying{to: all, nodes: map[*node]*node{}, tests: map[*test]*test{}, members: map[*members]*members{}}
		own.node(&t.places.root, &f.root)
		t.exprs = append(t.exprs, own.expr(&f.expr))
		t.at[f] = i
	}
	t.places.number()
	t.room.New = func() any { return new(make([]uint64, t.places.words())) }
	return t
}

// merged has what filters ask for, by keys that equal parts at one place have in common, and no others. Until the places are numbered, the bits of
// parts tell them apart.
type merged struct {
	tests   map[string]*test
	members map[string]*members
	parts   int
	room    []byte // for keys
}

func (m *merged) part() int {
	m.parts++
	return m.parts
}

// test returns the test of these conditions at a place.
func (m *merged) test(at *node, conditions []condition) *test {
	m.room = strconv.AppendInt(m.room[:0], int64(at.present), 10)
	for i := range conditions {
		key, known := conditions[i].appendKey(append(m.room, ' '))
		if m.room = key; !known {
			m.room = strconv.AppendInt(append(m.room, '#'), int64(m.part()), 10)
		}
	}
	t := m.tests[string(m.room)]
	if t == nil {
		t = &test{conditions: conditions, bit: m.part()}
		m.tests[string(m.room)], at.tests = t, append(at.tests, t)
	}
	return t
}

// of returns the conjunction about members of a place.
func (m *merged) of(at *node, exprs []expr) *members {
	m.room = appendKeys(strconv.AppendInt(m.room[:0], int64(at.present), 10), exprs)
	g := m.members[string(m.room)]
	if g == nil {
		g = &members{exprs: exprs, bit: m.part()}
		m.members[string(m.room)], at.members = g, append(at.members, g)
	}
	return g
}

func appendKeys(b []byte, exprs []expr) []byte {
	for i := range exprs {
		e := &exprs[i]
		b = append(b, ' ', '0'+byte(e.op))
		switch e.op {
		case opPresent:
			b = strconv.AppendInt(b, int64(e.node.present), 10)
		case opTest:
			b = strconv.AppendInt(b, int64(e.test.bit), 10)
		case opMembers:
			b = strconv.AppendInt(b, int64(e.here.bit), 10)
		}
		b = append(appendKeys(append(b, '('), e.of), ')')
	}
	return b
}

// copying copies a filter to the places of other filters, and knows the copies of its parts.
type copying struct {
	to      *merged
	nodes   map[*node]*node
	tests   map[*test]*test
	members map[*members]*members
}

// node copies what the filter asks at a place and below it.
func (c *copying) node(to, from *node) {
	if c.nodes[from] = to; to.present == 0 {
		to.present = c.to.part()
	}
	for _, t := range from.tests {
		c.tests[t] = c.to.test(to, t.conditions)
	}
	for _, k := range from.kids {
		c.node(to.grow(k.name), k)
	}
	for _, g := range from.members {
		c.members[g] = c.to.of(to, c.exprs(g.exprs)) // which are of the kids
	}
}

func (c *copying) expr(e *expr) expr {
	return expr{op: e.op, of: c.exprs(e.of), node: c.nodes[e.node], test: c.tests[e.test], here: c.members[e.here]}
}

func (c *copying) exprs(of []expr) []expr {
	if of == nil {
		return nil
	}
	all := make([]expr, len(of))
	for i := range of {
		all[i] = c.expr(&of[i])
	}
	return all
}

// Answers say which filters an event matches.
type Answers struct {
	of *Together // nil: none is known
	is []uint64  // bits, by filter
}

// Match matches an event with all of the filters. The data is as for Filter.Match.
func (t *Together) Match(eventType string, tags []string, data []byte) Answers {
	room, _ := t.room.Get().(*[]uint64)
	defer t.room.Put(room)
	m := matcher{bits: *room}
	clear(m.bits)
	m.walk(&t.places, eventType, tags, data)
	a := Answers{t, make([]uint64, (len(t.exprs)+63)/64)}
	for i := range t.exprs {
		if m.holds(&t.exprs[i]) {
			a.is[i/64] |= 1 << (i % 64)
		}
	}
	return a
}

// Is reports whether the event matches the filter; known is false if it is none of these.
func (a *Answers) Is(f *Filter) (is, known bool) {
	if a.of == nil {
		return false, false
	}
	i, known := a.of.at[f]
	return known && a.is[i/64]&(1<<(i%64)) != 0, known
}

// Matched are the filters that the event matches, by their places in the list for NewTogether.
func (a *Answers) Matched() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range a.is {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
