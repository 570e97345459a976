package filter

import "github.com/hookgraph/hookgraph/internal/rawjson"

// elements walks over the values at one place of a payload: the value at pos, or its elements if it is an array, at any depth of arrays. The caller
// moves pos behind each value:
//
//	for e := (elements{b: b, pos: i}); e.next(); e.pos = rawjson.End(b, e.pos) { ... }
//
// The text is one that rawjson.Valid accepts. For any other the values are unspecified, but the walk ends.
type elements struct {
	b     []byte
	pos   int // of the value; in the end the index after all of them
	depth int // of arrays
	begun bool
}

// next finds the next value, which is no array, and reports whether there is one.
func (e *elements) next() bool {
	return (!e.begun || e.depth > 0) && e.find() // most values are no arrays: what is inlined ends their walk
}

func (e *elements) find() bool {
	for e.begun = true; ; {
		if e.pos = rawjson.Space(e.b, e.pos); e.pos == len(e.b) {
			return false
		}
		switch e.b[e.pos] {
		case '[':
			e.depth++
		case ']':
			e.depth--
		case ',':
		default:
			return true
		}
		if e.pos++; e.depth <= 0 {
			return false
		}
	}
}

// fields walks over the members of the object at pos. The caller moves pos behind each value, as with elements.
type fields struct {
	b   []byte
	pos int // of the member's value; in the end the index after the object
	// The text of the member's name, without its quotation marks, is between these. A slice of it here would move b to the heap.
	nameFrom, nameUntil int
}

func (f *fields) name() []byte { return f.b[f.nameFrom:f.nameUntil] }

// next finds the next member, and reports whether there is one.
func (f *fields) next() bool {
	b := f.b
	i := rawjson.Space(b, f.pos)
	if i < len(b) && (b[i] == '{' || b[i] == ',') {
		if i = rawjson.Space(b, i+1); i < len(b) && b[i] == '"' {
			end := rawjson.End(b, i)
			f.nameFrom, f.nameUntil = i+1, max(end-1, i+1)
			f.pos = rawjson.Space(b, rawjson.Space(b, end)+1) // after the colon
			if f.pos < len(b) {
				return true
			}
		}
	}
	f.pos = min(i+1, len(b))
	return false
}
