package filter

import (
	"maps"
	"slices"
	"sync"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Bounds of an Index.
const (
	MaxUnder       = 100 // filters under one value of a place: an event with that value is matched with each of them
	maxGuardValues = 16  // of a condition that is a guard: a filter stands under each
	maxPlaces      = 100 // whose values are looked up
)

// Index finds the filters that an event may match, without looking at the others. Each of its filters has a guard, a condition that every event that
// it matches must meet: the value of a place in the event is one of a few strings, numbers, true, false or null. The filter stands under these values.
//
// An Index is safe for concurrent use, if one goroutine at a time changes it. Find holds its lock only for bounded times, whatever the payload.
type Index[K comparable] struct {
	mu sync.RWMutex
	// shape has the places, and never changes: it is replaced. Sets change.
	shape  *spot[K]
	places int
	at     map[K]standing[K]
}

// spot is one place in events, and the members below it.
type spot[K comparable] struct {
	kids map[string]*spot[K]
	set  *set[K] // nil: no filter asks for its value
}

// set has the filters that stand under the values of one place.
type set[K comparable] struct {
	path    []string
	strings map[string][]K
	others  map[string][]K // by numbers' keys, true, false and null
	filters int
}

// standing is where a filter stands.
type standing[K comparable] struct {
	set   *set[K]
	guard guard
}

// guard is a condition that one of the values at a place must meet.
type guard struct {
	path    []string // from the event inwards
	strings []string
	others  []string
}

// NewIndex returns an empty Index.
func NewIndex[K comparable]() *Index[K] {
	return &Index[K]{shape: &spot[K]{}, at: map[K]standing[K]{}}
}

// guards returns the conditions of the filter that can be its guard.
func (f *Filter) guards() []guard {
	paths := map[*test][]string{}
	f.root.paths(nil, paths)
	return guardsOf(nil, &f.expr, paths)
}

// paths adds the paths of the tests at the node and below it.
func (n *node) paths(here []string, to map[*test][]string) {
	for _, t := range n.tests {
		to[t] = here
	}
	for _, k := range n.kids {
		k.paths(append(slices.Clip(here), k.name), to)
	}
}

// guardsOf appends those of the conditions that must hold for e to hold.
func guardsOf(all []guard, e *expr, paths map[*test][]string) []guard {
	switch e.op {
	case opAll:
		for i := range e.of {
			all = guardsOf(all, &e.of[i], paths)
		}
	case opMembers:
		for i := range e.here.exprs {
			all = guardsOf(all, &e.here.exprs[i], paths)
		}
	case opTest:
		for i := range e.test.conditions {
			if g, ok := e.test.conditions[i].guard(); ok {
				g.path = paths[e.test]
				all = append(all, g)
			}
		}
	}
	return all
}

// guard returns the condition as a guard, without its path.
func (c *condition) guard() (g guard, ok bool) {
	if c.op != opIn || len(c.strings)+len(c.numbers)+len(c.words) > maxGuardValues {
		return g, false
	}
	g.strings, g.others = c.strings, slices.Clone(c.words)
	for i := range c.numbers {
		key, ok := c.numbers[i].AppendKey(nil)
		if !ok {
			return g, false
		}
		g.others = append(g.others, string(key))
	}
	slices.Sort(g.others)
	g.strings, g.others = slices.Compact(slices.Clone(g.strings)), slices.Compact(g.others)
	return g, true
}

// Room reports whether Add would add the filter, also if those of others are added before.
func (x *Index[K]) Room(f *Filter, others []*Filter) bool {
	var theirs []guard
	for _, o := range others {
		theirs = append(theirs, o.guards()...)
	}
	for _, g := range f.guards() {
		if n, ok := x.fullest(&g); ok && n+g.shared(theirs) < MaxUnder && (x.setAt(g.path) != nil || x.places+len(theirs) < maxPlaces) {
			return true
		}
	}
	return false
}

// shared returns how many of the guards might stand under a value of g.
func (g *guard) shared(with []guard) (n int) {
	for _, o := range with {
		if slices.Equal(o.path, g.path) {
			n++
		}
	}
	return n
}

// setAt returns the set of a place; nil if there is none.
func (x *Index[K]) setAt(path []string) *set[K] {
	p := x.shape
	for _, name := range path {
		if p = p.kids[name]; p == nil {
			return nil
		}
	}
	return p.set
}

// fullest returns how many filters stand under that value of the guard under which most do; false if there is no room for one more place.
func (x *Index[K]) fullest(g *guard) (most int, ok bool) {
	s := x.setAt(g.path)
	if s == nil {
		return 0, x.places < maxPlaces
	}
	for _, v := range g.strings {
		most = max(most, len(s.strings[v]))
	}
	for _, v := range g.others {
		most = max(most, len(s.others[v]))
	}
	return most, true
}

// Add adds a filter under a key that is not in the index. It takes the guard under whose values the fewest filters stand, and returns false if none
// has room.
func (x *Index[K]) Add(f *Filter, key K) bool {
	var best *guard
	least := MaxUnder
	for _, g := range f.guards() {
		if n, ok := x.fullest(&g); ok && n < least {
			best, least = &g, n
		}
	}
	if best == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.setAt(best.path)
	if s == nil {
		s = &set[K]{path: best.path, strings: map[string][]K{}, others: map[string][]K{}}
		x.shape = x.shape.with(best.path, s)
		x.places++
	}
	s.filters++
	for _, v := range best.strings {
		s.strings[v] = append(s.strings[v], key)
	}
	for _, v := range best.others {
		s.others[v] = append(s.others[v], key)
	}
	x.at[key] = standing[K]{s, *best}
	return true
}

// Remove removes the filter with the key, if it is in the index.
func (x *Index[K]) Remove(key K) {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, ok := x.at[key]
	if !ok {
		return
	}
	delete(x.at, key)
	without := func(under map[string][]K, value string) {
		if under[value] = slices.DeleteFunc(under[value], func(k K) bool { return k == key }); len(under[value]) == 0 {
			delete(under, value)
		}
	}
	for _, v := range from.guard.strings {
		without(from.set.strings, v)
	}
	for _, v := range from.guard.others {
		without(from.set.others, v)
	}
	if from.set.filters--; from.set.filters == 0 {
		x.shape = x.shape.with(from.set.path, nil)
		x.places--
	}
}

// with returns a copy of the place in which the place at the path, which it may add, has the set. Places without a set or members are left out.
func (p *spot[K]) with(path []string, s *set[K]) *spot[K] {
	own := spot[K]{}
	if p != nil {
		own = *p
	}
	if len(path) == 0 {
		own.set = s
	} else {
		own.kids = maps.Clone(own.kids)
		if own.kids == nil {
			own.kids = map[string]*spot[K]{}
		}
		if kid := own.kids[path[0]].with(path[1:], s); kid.set == nil && len(kid.kids) == 0 {
			delete(own.kids, path[0])
		} else {
			own.kids[path[0]] = kid
		}
	}
	return &own
}

// Find appends the keys of all filters in the index that an event may match: of those that it matches, and of others with the same guards. A key may
// be appended more than once. The data is as for Filter.Match.
func (x *Index[K]) Find(found []K, eventType string, tags []string, data []byte) []K {
	x.mu.RLock()
	shape := x.shape
	x.mu.RUnlock()
	f := finder[K]{x: x, found: found}
	if p := shape.kids["type"]; p != nil && p.set != nil {
		f.text(p.set, []byte(eventType))
	}
	if p := shape.kids["tags"]; p != nil && p.set != nil {
		for _, tag := range tags {
			f.text(p.set, []byte(tag))
		}
	}
	if p := shape.kids["data"]; p != nil {
		f.value(p, data, 0)
	}
	f.look()
	return f.found
}

// finder is one call of Find.
type finder[K comparable] struct {
	x     *Index[K]
	found []K
	asked [32]asked[K] // values that are not looked up yet
	n     int
	keys  []byte // of numbers among them, one after the other
}

// asked is a value of a place.
type asked[K comparable] struct {
	set   *set[K]
	value []byte
	text  bool // it is a string
}

// look looks up what is asked.
func (f *finder[K]) look() {
	if f.n == 0 {
		return
	}
	f.x.mu.RLock()
	for _, a := range f.asked[:f.n] {
		if a.text {
			f.found = append(f.found, a.set.strings[string(a.value)]...)
		} else {
			f.found = append(f.found, a.set.others[string(a.value)]...)
		}
	}
	f.x.mu.RUnlock()
	f.n, f.keys = 0, f.keys[:0]
}

func (f *finder[K]) ask(a asked[K]) {
	if f.n == len(f.asked) {
		f.look()
	}
	f.asked[f.n] = a
	f.n++
}

func (f *finder[K]) text(s *set[K], value []byte) { f.ask(asked[K]{s, value, true}) }

// value asks for the values of the next value in b, which is at p, and returns the index after it.
func (f *finder[K]) value(p *spot[K], b []byte, i int) int {
	e := elements{b: b, pos: i}
	for e.next() {
		from := e.pos
		if b[from] == '{' && len(p.kids) > 0 {
			e.pos = f.object(p, b, from)
		} else if e.pos = rawjson.End(b, from); p.set != nil && b[from] != '{' {
			f.scalar(p.set, b[from:e.pos])
		}
	}
	return e.pos
}

func (f *finder[K]) object(p *spot[K], b []byte, i int) int {
	o := fields{b: b, pos: i}
	for o.next() {
		if kid := p.kid(o.name()); kid != nil {
			o.pos = f.value(kid, b, o.pos)
		} else {
			o.pos = rawjson.End(b, o.pos)
		}
	}
	return o.pos
}

// kid returns the member with the name, which is the text of a JSON string; nil if no filter asks for it.
func (p *spot[K]) kid(name []byte) *spot[K] {
	if !escaped(name) {
		return p.kids[string(name)]
	}
	unquoted, _ := rawjson.Unquote(slices.Concat([]byte{'"'}, name, []byte{'"'}))
	return p.kids[unquoted]
}

// scalar asks for a value that is neither an array nor an object.
func (f *finder[K]) scalar(s *set[K], text []byte) {
	switch v := valueOf(text); {
	case v.kind == kindString && v.escaped:
		unquoted, _ := rawjson.Unquote(text)
		f.text(s, []byte(unquoted))
	case v.kind == kindString:
		f.text(s, v.text)
	case v.kind == kindNumber:
		if f.n == len(f.asked) {
			f.look()
		}
		from := len(f.keys)
		if keys, ok := v.number.AppendKey(f.keys); ok {
			f.keys = keys
			f.ask(asked[K]{s, keys[from:], false})
		}
	case v.kind == kindWord:
		f.ask(asked[K]{s, v.text, false})
	}
}
