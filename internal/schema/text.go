package schema

import (
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// english prints the library's messages.
var english = message.NewPrinter(language.English)

// maxQuoted bounds a text from outside in a message, in bytes.
const maxQuoted = 80

// quoted shows a name in a message.
func quoted(s string) string { return strconv.Quote(cut(s, maxQuoted)) }

// short bounds a message of the library, in which text from outside may be.
func short(s string) string { return cut(s, 3*maxQuoted) }

// printable replaces control characters, of which PostgreSQL refuses U+0000.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func unescape(fragment string) string {
	if text, err := url.PathUnescape(fragment); err == nil {
		return text
	}
	return fragment
}

// sorted yields the members of an object in a fixed order.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// bounded reports whether a number has at most MaxNumberDigits digits when it is written without an exponent.
func bounded(n json.Number) bool {
	_, _, size, ok := decimal(string(n))
	return ok && size <= MaxNumberDigits
}

// decimal takes a number apart: its value is digits times ten to the power of exponent, and digits neither begin nor end with 0; "" is 0.
// size is the number of digits when it is written without an exponent. ok is false if the exponent is far out of every bound.
func decimal(text string) (digits string, exponent, size int, ok bool) {
	sign := ""
	if rest, minus := strings.CutPrefix(text, "-"); minus {
		sign, text = "-", rest
	}
	mantissa := text
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		mantissa = text[:at]
		e, err := strconv.ParseInt(text[at+1:], 10, 32)
		exponent = int(e)
		if err != nil {
			return "", 0, 0, strings.Trim(mantissa, "0.") == ""
		}
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	exponent -= len(part)
	digits = strings.TrimLeft(whole+part, "0")
	cut := strings.TrimRight(digits, "0")
	if cut == "" {
		return "", 0, 1, true
	}
	exponent += len(digits) - len(cut)
	size = max(len(cut)+max(exponent, 0), -exponent)
	return sign + cut, exponent, size, true
}

// Equal reports whether two JSON texts have the same value: numbers by value, objects whatever the order of their members.
func Equal(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := jsonschema.UnmarshalJSON(strings.NewReader(a))
	y, errY := jsonschema.UnmarshalJSON(strings.NewReader(b))
	return errX == nil && errY == nil && string(canonical(nil, x)) == string(canonical(nil, y))
}

// canonical appends a text that is the same for values that are equal: numbers by value, objects whatever the order of their members.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		b = append(strconv.AppendInt(append(b, 's'), int64(len(v)), 10), ':')
		return append(b, v...)
	case json.Number:
		digits, exponent, _, ok := decimal(string(v))
		if !ok { // its exponent is as long as it was written
			return append(append(b, '#'), v...)
		}
		return strconv.AppendInt(append(append(append(b, 'd'), digits...), 'e'), int64(exponent), 10)
	case []any:
		b = append(b, '[')
		for _, one := range v {
			b = append(canonical(b, one), ',')
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for name, one := range sorted(v) {
			b = append(canonical(canonical(b, name), one), ',')
		}
		return append(b, '}')
	}
	return b
}
