package filter

import (
	"sync"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Together matches events with many filters in one walk over the payload, as Match does one by one. It is immutable, and safe for concurrent use.
type Together struct {
	filters []*Filter
	at      map[*Filter]int
	data    *shared // nil if no filter asks for the payload
	room    sync.Pool
}

// shared is a place in events that several filters ask for.
type shared struct {
	kids  map[string]*shared
	nodes []asking
	tests bool // one of the nodes has tests or members
}

// asking is a filter's node at a place.
type asking struct {
	filter int
	node   *node
}

// NewTogether returns the filters as one. A filter may be among them more than once.
func NewTogether(filters []*Filter) *Together {
	t := &Together{at: make(map[*Filter]int, len(filters))}
	for _, f := range filters {
		if _, known := t.at[f]; known {
			continue
		}
		i := len(t.filters)
		t.filters, t.at[f] = append(t.filters, f), i
		if f.data != nil {
			if t.data == nil {
				t.data = &shared{}
			}
			t.data.add(i, f.data)
		}
	}
	return t
}

func (s *shared) add(filter int, n *node) {
	s.nodes = append(s.nodes, asking{filter, n})
	s.tests = s.tests || len(n.tests) > 0 || len(n.members) > 0
	for _, k := range n.kids {
		if s.kids == nil {
			s.kids = map[string]*shared{}
		}
		if s.kids[k.name] == nil {
			s.kids[k.name] = &shared{}
		}
		s.kids[k.name].add(filter, k)
	}
}

// Matches are an event's results, until Done.
type Matches struct {
	of       *Together
	matchers []matcher
}

// Match matches an event with all of the filters. The data is as for Filter.Match.
func (t *Together) Match(eventType string, tags []string, data []byte) *Matches {
	m, _ := t.room.Get().(*Matches)
	if m == nil {
		m = &Matches{of: t, matchers: make([]matcher, len(t.filters))}
	}
	clear(m.matchers)
	for i, f := range t.filters {
		m.matchers[i].head(f, eventType, tags)
	}
	if t.data != nil {
		m.value(t.data, data, 0)
	}
	return m
}

// Is reports whether the event matches the filter; known is false if it is none of these.
func (m *Matches) Is(f *Filter) (is, known bool) {
	i, known := m.of.at[f]
	return known && m.matchers[i].holds(&f.expr), known
}

// Done ends the use of the matches.
func (m *Matches) Done() { m.of.room.Put(m) }

// value is matcher.value for all filters.
func (m *Matches) value(s *shared, b []byte, i int) int {
	for _, x := range s.nodes {
		m.matchers[x.filter].set(x.node.present)
	}
	for depth := 0; ; {
		i = rawjson.Space(b, i)
		if i == len(b) {
			return i
		}
		switch b[i] {
		case '[':
			depth++
			i++
		case ']':
			depth--
			i++
		case ',':
			i++
			continue
		case '{':
			m.valued(s)
			i = m.object(s, b, i)
		default:
			m.valued(s)
			from := i
			i = rawjson.End(b, i)
			m.scalar(s, b[from:i])
		}
		if depth <= 0 {
			return i
		}
	}
}

func (m *Matches) valued(s *shared) {
	for _, x := range s.nodes {
		m.matchers[x.filter].set(x.node.valued)
	}
}

func (m *Matches) scalar(s *shared, text []byte) {
	if !s.tests {
		return
	}
	v := valueOf(text)
	for _, x := range s.nodes {
		m.matchers[x.filter].scalar(x.node, &v)
	}
}

func (m *Matches) object(s *shared, b []byte, i int) int {
	if len(s.kids) == 0 {
		return rawjson.End(b, i)
	}
	for _, x := range s.nodes {
		m.matchers[x.filter].clear(x.node.from, x.node.until)
	}
	i = eachMember(b, i, func(name []byte, i int) int {
		if k := kidOf(s.kids, name); k != nil {
			return m.value(k, b, i)
		}
		return rawjson.End(b, i)
	})
	for _, x := range s.nodes {
		m.matchers[x.filter].members(x.node)
	}
	return i
}

// eachMember calls f with the name of each member of the object that starts at b[i], a JSON string, and the index of its value; f returns the index
// after it. It returns the index after the object.
func eachMember(b []byte, i int, f func(name []byte, i int) int) int {
	i = rawjson.Space(b, i+1)
	for i < len(b) && b[i] == '"' {
		end := rawjson.End(b, i)
		name := b[i:end]
		i = rawjson.Space(b, rawjson.Space(b, end)+1) // after the colon
		if i >= len(b) {
			return len(b)
		}
		i = rawjson.Space(b, f(name, i))
		if i == len(b) || b[i] != ',' {
			break
		}
		i = rawjson.Space(b, i+1)
	}
	return min(i+1, len(b))
}

// kidOf returns the member with the name, a JSON string.
func kidOf[T any](kids map[string]*T, name []byte) *T {
	if !escaped(name) {
		return kids[string(inside(name))]
	}
	unquoted, _ := rawjson.Unquote(name)
	return kids[unquoted]
}
