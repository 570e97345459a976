package filter

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// value is a string, number, true, false or null of a payload. Its text is that of a string without the quotation marks.
type value struct {
	kind    valueKind
	text    []byte
	escaped bool
	number  rawjson.Number
}

type valueKind uint8

const (
	kindWord valueKind = iota // true, false, null
	kindNumber
	kindString
)

func valueOf(text []byte) value {
	switch c := text[0]; {
	case c == '"':
		text = inside(text)
		return value{kind: kindString, text: text, escaped: escaped(text)}
	case c == '-' || c >= '0' && c <= '9':
		return value{kind: kindNumber, text: text, number: rawjson.NumberOf(text)}
	}
	return value{kind: kindWord, text: text}
}

// condition is one operator and its operands.
type condition struct {
	op conditionOp
	// The operands: strings and numbers are in order; of words there are some of true, false and null.
	strings []string
	numbers []rawjson.Number
	words   []string
	needle  needle // of opContains and opSuffix
	asks    *term  // see expr
}

type conditionOp uint8

const (
	opIn conditionOp = iota // $eq, $in: any of the operands
	opGreater
	opGreaterEqual
	opLess
	opLessEqual
	opPrefix
	opSuffix
	opContains
)

func (c *condition) holds(v *value) bool {
	switch c.op {
	case opIn:
		return c.in(v)
	case opGreater:
		d, ok := c.compare(v)
		return ok && d > 0
	case opGreaterEqual:
		d, ok := c.compare(v)
		return ok && d >= 0
	case opLess:
		d, ok := c.compare(v)
		return ok && d < 0
	case opLessEqual:
		d, ok := c.compare(v)
		return ok && d <= 0
	case opPrefix:
		return v.kind == kindString && v.hasPrefix(c.strings[0])
	case opSuffix, opContains:
		return v.kind == kindString && c.needle.found(v, c.op == opSuffix)
	}
	return false
}

// in is a binary search. That of package slices would allocate the value.
func (c *condition) in(v *value) bool {
	switch v.kind {
	case kindString:
		from, until := 0, len(c.strings)
		for from < until {
			mid := (from + until) / 2
			switch d := v.compareString(c.strings[mid]); {
			case d == 0:
				return true
			case d < 0:
				until = mid
			default:
				from = mid + 1
			}
		}
	case kindNumber:
		from, until := 0, len(c.numbers)
		for from < until {
			mid := (from + until) / 2
			switch d := v.number.Compare(&c.numbers[mid]); {
			case d == 0:
				return true
			case d < 0:
				until = mid
			default:
				from = mid + 1
			}
		}
	case kindWord:
		return slices.Contains(c.words, string(v.text))
	}
	return false
}

// appendKey appends a text that equal conditions have in common, and no others; known is false if it has none.
func (c *condition) appendKey(b []byte) (key []byte, known bool) {
	b = strconv.AppendInt(b, int64(c.op), 10)
	for _, s := range c.strings {
		b = append(append(strconv.AppendInt(append(b, 's'), int64(len(s)), 10), ' '), s...)
	}
	for i := range c.numbers {
		if b, known = c.numbers[i].AppendKey(append(b, 'n')); !known {
			return b, false
		}
	}
	for _, w := range c.words {
		b = append(append(b, 'w'), w...)
	}
	return b, true
}

// compare compares v with the one operand; ok is false if they are of different kinds.
func (c *condition) compare(v *value) (d int, ok bool) {
	switch {
	case v.kind == kindNumber && len(c.numbers) == 1:
		return v.number.Compare(&c.numbers[0]), true
	case v.kind == kindString && len(c.strings) == 1:
		return v.compareString(c.strings[0]), true
	}
	return 0, false
}

func escaped(text []byte) bool { return bytes.IndexByte(text, '\\') >= 0 }

// compareString compares a string with s. The order of UTF-8 is that of code points.
func (v *value) compareString(s string) int {
	if v.escaped {
		return compareEscaped(v.text, s)
	}
	switch { // the conversions do not allocate
	case string(v.text) < s:
		return -1
	case string(v.text) > s:
		return 1
	}
	return 0
}

// compareEscaped compares the characters of a JSON string's text with those of s, up to the first that differs.
func compareEscaped(text []byte, s string) int {
	for len(text) > 0 && s != "" {
		c, n := rawjson.DecodeRune(text)
		d, m := utf8.DecodeRuneInString(s)
		if c != d {
			return cmp.Compare(c, d)
		}
		text, s = text[n:], s[m:]
	}
	return min(len(text), 1) - min(len(s), 1)
}

func (v *value) hasPrefix(s string) bool {
	if !v.escaped {
		return len(v.text) >= len(s) && string(v.text[:len(s)]) == s
	}
	text := v.text
	for _, want := range s {
		c, n := rawjson.DecodeRune(text)
		if n == 0 || c != want {
			return false
		}
		text = text[n:]
	}
	return true
}

// needle finds a text in a JSON string in time linear in the string's length, whatever both are (the algorithm of Knuth, Morris
// and Pratt): the search of package bytes can be made to take their product.
type needle struct {
	runes []rune
	// back[i] is the length of the longest proper prefix of the first i+1 runes that they end in.
	back []int
}

func newNeedle(s string) needle {
	n := needle{runes: []rune(s)}
	n.back = make([]int, len(n.runes))
	for i, k := 1, 0; i < len(n.runes); i++ {
		k = n.next(k, n.runes[i])
		n.back[i] = k
	}
	return n
}

// next is how many of the needle's runes the text ends in, one rune after it was k.
func (n *needle) next(k int, c rune) int {
	for k > 0 && (k == len(n.runes) || n.runes[k] != c) {
		k = n.back[k-1]
	}
	if k < len(n.runes) && n.runes[k] == c {
		k++
	}
	return k
}

func (n *needle) found(v *value, atEnd bool) bool {
	k := 0
	for text := v.text; len(text) > 0; {
		c, size := utf8.DecodeRune(text)
		if v.escaped {
			c, size = rawjson.DecodeRune(text)
		}
		if k = n.next(k, c); k == len(n.runes) && !atEnd {
			return true
		}
		text = text[size:]
	}
	return k == len(n.runes)
}

// inside returns the text of a string without its quotation marks.
func inside(s []byte) []byte {
	if len(s) < 2 {
		return nil
	}
	return s[1 : len(s)-1]
}
