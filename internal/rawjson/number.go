package rawjson

import (
	"bytes"
	"strconv"
)

// Number is a parsed JSON number, for comparing. It refers to the text from which it was made.
type Number struct {
	sign int // -1, 0 or 1
	// digits are the significant ones, from the first to the last that is not 0, perhaps with a point among them. The absolute
	// value is 0.digits times ten to the power of point plus exponent.
	digits []byte
	point  int64
	// exponent has no sign and no leading zeros. It may be too long for any integer type.
	exponent []byte
	negative bool // the exponent is negative
}

// NumberOf parses the text of a JSON number; for any other text the result is unspecified. It reads each byte once.
func NumberOf(text []byte) (n Number) {
	t := text
	n.sign = 1
	if len(t) > 0 && t[0] == '-' {
		n.sign = -1
		t = t[1:]
	}
	if at := bytes.IndexAny(t, "eE"); at >= 0 {
		e := t[at+1:]
		t = t[:at]
		if len(e) > 0 && (e[0] == '-' || e[0] == '+') {
			n.negative = e[0] == '-'
			e = e[1:]
		}
		n.exponent = bytes.TrimLeft(e, "0")
	}
	first := 0
	for first < len(t) && (t[first] == '0' || t[first] == '.') {
		first++
	}
	if first == len(t) {
		return Number{}
	}
	point := bytes.IndexByte(t, '.')
	last := len(t) - 1
	if point >= 0 {
		for t[last] == '0' || t[last] == '.' && last > first {
			last--
		}
	} else {
		point = len(t)
		for t[last] == '0' {
			last--
		}
	}
	n.digits = t[first : last+1]
	n.point = int64(point - first)
	if first > point {
		n.point++ // the point itself is no digit
	}
	return n
}

// Compare is negative if n is less than o, 0 if they are equal, and positive if n is greater. It is exact, whatever the
// numbers' size and precision, and takes time linear in the length of their texts.
func (n *Number) Compare(o *Number) int {
	if n.sign != o.sign || n.sign == 0 {
		return n.sign - o.sign
	}
	d := n.exponentLess(o) + n.point - o.point
	switch {
	case d > 0:
		return n.sign
	case d < 0:
		return -n.sign
	}
	return n.sign * compareDigits(n.digits, o.digits)
}

// maxKeyExponent is the number of an exponent's digits up to which a number has a key: with the place of the point it fits into an int64.
const maxKeyExponent = 17

// AppendKey appends a text that equal numbers have in common, and no others. A number with a longer exponent than maxKeyExponent has none: it equals
// no number that has one, unless its text has that many digits too.
func (n *Number) AppendKey(b []byte) (key []byte, ok bool) {
	if len(n.exponent) > maxKeyExponent {
		return b, false
	}
	if n.sign < 0 {
		b = append(b, '-')
	}
	for _, c := range n.digits {
		if c != '.' {
			b = append(b, c)
		}
	}
	var exponent int64
	for _, c := range n.exponent {
		exponent = exponent*10 + int64(c-'0')
	}
	if n.negative {
		exponent = -exponent
	}
	return strconv.AppendInt(append(b, 'e'), n.point+exponent, 10), true
}

// far is a difference of exponents that no difference of points can make up for.
const far = 1 << 48

// exponentLess returns the exponent of n minus that of o; if the difference is beyond far, any number beyond far with the same sign.
func (n *Number) exponentLess(o *Number) int64 {
	var d int64
	for i := max(len(n.exponent), len(o.exponent)); i > 0 && d > -far && d < far; i-- {
		// Once d is not within 1, further digits only move it further away from 0.
		d = d*10 + n.exponentDigit(i) - o.exponentDigit(i)
	}
	return d
}

// exponentDigit returns the digit of the exponent at place i, counted from the last, which is 1, with the exponent's sign.
func (n *Number) exponentDigit(i int) int64 {
	if i > len(n.exponent) {
		return 0
	}
	d := int64(n.exponent[len(n.exponent)-i] - '0')
	if n.negative {
		return -d
	}
	return d
}

// compareDigits compares 0.a with 0.b; there may be a point among the digits.
func compareDigits(a, b []byte) int {
	i, j := 0, 0
	for {
		if i < len(a) && a[i] == '.' {
			i++
		}
		if j < len(b) && b[j] == '.' {
			j++
		}
		switch {
		case i == len(a) && j == len(b):
			return 0
		case i == len(a):
			return -1
		case j == len(b):
			return 1
		case a[i] != b[j]:
			return int(a[i]) - int(b[j])
		}
		i++
		j++
	}
}
