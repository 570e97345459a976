package payload

import (
	"bytes"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// node is a place in the event that paths lead to or through.
type node struct {
	id    int
	whole bool             // a path ends here
	names map[string]*node // the members that paths go on with
	// elements are those of an array that paths go on with, by their position; last is the highest.
	elements map[int]*node
	last     int
}

// grow returns the node that a step leads to, which it creates if necessary, with the next number of n.
func (n *node) grow(s step, next *int) *node {
	if s.index >= 0 {
		k := n.elements[s.index]
		if k == nil {
			k = &node{id: *next}
			*next++
			if n.elements == nil {
				n.elements = map[int]*node{}
			}
			n.elements[s.index], n.last = k, max(n.last, s.index)
		}
		return k
	}
	k := n.names[s.name]
	if k == nil {
		k = &node{id: *next}
		*next++
		if n.names == nil {
			n.names = map[string]*node{}
		}
		n.names[s.name] = k
	}
	return k
}

// kid returns the node of a member's name, a JSON string; nil if there is none.
func (n *node) kid(name []byte) *node {
	if len(name) < 2 {
		return nil
	}
	if inner := name[1 : len(name)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return n.names[string(inner)] // the conversion does not allocate
	}
	text, _ := rawjson.Unquote(name)
	return n.names[text]
}

// next returns where the next member's name or element begins, at or after text[i] and a comma if there is one. If there is none, ok is
// false, and from is where the object or array ends.
func next(text []byte, i int, closing byte) (from int, ok bool) {
	if i = rawjson.Space(text, i); i < len(text) && text[i] == ',' {
		i = rawjson.Space(text, i+1)
	}
	return i, i < len(text) && text[i] != closing
}

// find sets, in at, the texts of the node and of those below it: text is the node's. A name that occurs more than once in its object has the
// last of its values, as for most readers of JSON. Each byte is read once for each step of the longest path at most.
func (n *node) find(text []byte, at [][]byte) {
	at[n.id] = text
	if len(text) == 0 {
		return
	}
	switch {
	case text[0] == '{' && len(n.names) > 0:
		found := false
		for i := 1; ; {
			name, ok := next(text, i, '}')
			if !ok {
				break
			}
			nameEnd := rawjson.End(text, name)
			value := rawjson.Space(text, min(rawjson.Space(text, nameEnd)+1, len(text))) // after the colon
			i = rawjson.End(text, value)
			if k := n.kid(text[name:nameEnd]); k != nil {
				at[k.id], found = text[value:i], true
			}
		}
		if found {
			for _, k := range n.names {
				if at[k.id] != nil {
					k.find(at[k.id], at)
				}
			}
		}
	case text[0] == '[' && len(n.elements) > 0:
		for i, position := 1, 0; position <= n.last; position++ {
			from, ok := next(text, i, ']')
			if !ok {
				break
			}
			i = rawjson.End(text, from)
			if k := n.elements[position]; k != nil {
				k.find(text[from:i], at)
			}
		}
	}
}

// reduce returns of a value only what paths lead to; null if that is nothing.
func (n *node) reduce(text []byte) []byte {
	b, _, ok := n.appendReduced(make([]byte, 0, len(text)), text, rawjson.Space(text, 0))
	if !ok {
		return append(b, "null"...)
	}
	return b
}

// appendReduced appends of the value that begins at text[i] what is included: of an object those members to which paths lead, of an array
// that of each element. It appends nothing, and ok is false, if the value has nothing that paths could lead to. Each byte is read once.
func (n *node) appendReduced(b, text []byte, i int) (out []byte, end int, ok bool) {
	switch {
	case n.whole || i >= len(text):
		end = rawjson.End(text, i)
		return append(b, text[min(i, end):end]...), end, true
	case text[i] == '{':
		return n.appendMembers(b, text, i)
	case text[i] == '[':
		return n.appendElements(b, text, i)
	}
	return b, rawjson.End(text, i), false
}

func (n *node) appendMembers(b, text []byte, i int) (out []byte, end int, ok bool) {
	b = append(b, '{')
	first := true
	for i++; ; {
		name, ok := next(text, i, '}')
		if !ok {
			return append(b, '}'), min(name+1, len(text)), true
		}
		nameEnd := rawjson.End(text, name)
		value := rawjson.Space(text, min(rawjson.Space(text, nameEnd)+1, len(text))) // after the colon
		k := n.kid(text[name:nameEnd])
		if k == nil {
			i = rawjson.End(text, value)
			continue
		}
		before := len(b)
		if !first {
			b = append(b, ',')
		}
		b = append(append(b, text[name:nameEnd]...), ':')
		if b, i, ok = k.appendReduced(b, text, value); ok {
			first = false
		} else {
			b = b[:before]
		}
	}
}

func (n *node) appendElements(b, text []byte, i int) (out []byte, end int, ok bool) {
	b = append(b, '[')
	first := true
	for i++; ; {
		from, ok := next(text, i, ']')
		if !ok {
			return append(b, ']'), min(from+1, len(text)), true
		}
		before := len(b)
		if !first {
			b = append(b, ',')
		}
		if b, i, ok = n.appendReduced(b, text, from); ok {
			first = false
		} else {
			b = b[:before]
		}
	}
}
