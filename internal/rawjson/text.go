package rawjson

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// End returns the index after the value that starts at b[i], after white space, in a text that Valid has accepted. For any other text the
// result is unspecified, but more than i if there is more, and at most len(b). Unlike Scan it checks nothing and allocates nothing, however
// deeply the value is nested.
func End(b []byte, i int) int {
	depth := 0
	for i = Space(b, i); i < len(b); {
		switch c := b[i]; c {
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case '"':
			end, ok := stringEnd(b, i)
			if !ok {
				return len(b)
			}
			i = end
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
			continue // no value ends here
		default:
			for i++; i < len(b) && isWord(b[i]); i++ {
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return len(b)
}

// AppendCompact appends a text that Valid has accepted to dst, without white space outside of strings.
func AppendCompact(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		from := i
		for i < len(text) && text[i] > ' ' {
			if text[i] != '"' {
				i++
			} else if end, ok := stringEnd(text, i); ok {
				i = end
			} else {
				i = len(text)
			}
		}
		dst = append(dst, text[from:i]...)
		i = Space(text, i)
		if i < len(text) && text[i] < ' ' { // not JSON
			i++
		}
	}
	return dst
}

// isWord reports whether c can be within a number, true, false or null.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '+' || c == 'E'
}

// DecodeRune returns the first character of a JSON string's text, without its quotation marks, and the number of bytes that encode it: 0 at
// the end. Like encoding/json it returns U+FFFD for invalid characters (half a surrogate pair, bytes that are not UTF-8). It does not
// allocate.
func DecodeRune(inner []byte) (c rune, size int) {
	switch {
	case len(inner) == 0:
		return 0, 0
	case inner[0] == '\\':
		return decodeEscape(inner)
	case inner[0] < utf8.RuneSelf:
		return rune(inner[0]), 1
	}
	return utf8.DecodeRune(inner)
}

func decodeEscape(inner []byte) (c rune, size int) {
	if c, ok := hex4(inner); ok {
		if !utf16.IsSurrogate(c) {
			return c, 6
		}
		if low, ok := hex4(inner[6:]); ok {
			if both := utf16.DecodeRune(c, low); both != utf8.RuneError {
				return both, 12
			}
		}
		return utf8.RuneError, 6
	}
	if len(inner) < 2 {
		return '\\', 1
	}
	switch c := inner[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	default:
		return rune(c), 2
	}
}

// Encodable reports whether the text of a JSON string is Unicode: it has no half of a surrogate pair, for which Unquote and DecodeRune return
// U+FFFD, and so the same for all of them.
func Encodable(text []byte) bool {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i+1 < len(text); {
		c, n := DecodeRune(text[i:])
		if half, ok := hex4(text[i:]); ok && c == utf8.RuneError && half != c {
			return false
		}
		i += n
		next := bytes.IndexByte(text[i:], '\\')
		if next < 0 {
			break
		}
		i += next
	}
	return true
}

// hex4 reads an escape of the form \u00e9 at the start of t.
func hex4(t []byte) (c rune, ok bool) {
	if len(t) < 6 || t[0] != '\\' || t[1] != 'u' {
		return 0, false
	}
	for _, d := range t[2:6] {
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d >= 'a' && d <= 'f':
			d -= 'a' - 10
		case d >= 'A' && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		c = c<<4 | rune(d)
	}
	return c, true
}

// Marshal returns v as JSON text in which &, < and > are not escaped.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
