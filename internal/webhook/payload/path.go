package payload

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// step is one step of a path: the name of a member, or the position of an element.
type step struct {
	name  string
	index int // -1: a name
}

// path reads a path from the start of s: a name, and then names after dots, and names in quotation marks or positions in brackets:
// data.items[0]["unit price"]. rest is what follows it. The error says what is wrong, for people.
func path(s string) (steps []step, rest string, err error) {
	rest = s
	for {
		name := word(rest)
		if name == "" {
			return nil, rest, fmt.Errorf("has no name %s: a name of other characters than letters, digits, _ and - stands in brackets, like data[\"unit price\"]", where(s, rest))
		}
		if strings.Trim(name, "0123456789") == "" {
			return nil, rest, fmt.Errorf("has a number as a name %s: a position stands in brackets, like [0], and such a name too, like [\"0\"]", where(s, rest))
		}
		steps, rest = append(steps, step{name: name, index: -1}), rest[len(name):]
		for strings.HasPrefix(rest, "[") {
			var in step
			if in, rest, err = bracket(s, rest); err != nil {
				return nil, rest, err
			}
			steps = append(steps, in)
		}
		if len(steps) > MaxSteps {
			return nil, rest, fmt.Errorf("has a path of more than %d names and positions", MaxSteps)
		}
		if len(s)-len(rest) > MaxPathBytes {
			return nil, rest, fmt.Errorf("has a path of more than %d bytes", MaxPathBytes)
		}
		if !strings.HasPrefix(rest, ".") {
			return steps, rest, nil
		}
		rest = rest[1:]
	}
}

// where says, for people, where in s rest begins.
func where(s, rest string) string {
	if at := s[:len(s)-len(rest)]; at != "" {
		const most = 40
		if len(at) > most {
			at = "…" + strings.ToValidUTF8(at[len(at)-most:], "")
		}
		return "after " + strconv.Quote(at)
	}
	return "at its start"
}

// word returns the letters, digits, underscores and hyphens that s begins with. Letters are ASCII's, and all beyond.
func word(s string) string {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c < 0x80 {
			return s[:i]
		}
	}
	return s
}

// bracket reads a name or a position in brackets from the start of rest, a part of s.
func bracket(s, rest string) (step, string, error) {
	in := rest[1:]
	if in != "" && (in[0] == '"' || in[0] == '\'') {
		name, after, ok := quoted(in)
		if !ok || !strings.HasPrefix(after, "]") {
			return step{}, rest, fmt.Errorf("has a name in brackets %s that does not end with a quotation mark and a bracket", where(s, rest))
		}
		return step{name: name, index: -1}, after[1:], nil
	}
	digits, after, ok := strings.Cut(in, "]")
	n, err := strconv.Atoi(digits)
	switch {
	case !ok || err != nil || digits != strconv.Itoa(n):
		return step{}, rest, fmt.Errorf("has in brackets %s neither a name in quotation marks nor a position, which is 0 for the first element", where(s, rest))
	case n < 0 || n > MaxIndex:
		return step{}, rest, fmt.Errorf("has a position %s that is not from 0 to %d", where(s, rest), MaxIndex)
	}
	return step{index: n}, after, nil
}

// quoted reads a string in quotation marks from the start of s: one of JSON, or one in single quotation marks, in which a backslash precedes
// a quotation mark or a backslash.
func quoted(s string) (text, rest string, ok bool) {
	if s[0] == '"' {
		n, _, ok := rawjson.Scan([]byte(s))
		if !ok {
			return "", s, false
		}
		text, ok = rawjson.Unquote([]byte(s[:n]))
		return text, s[n:], ok
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '\'' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case c == '\\':
			return "", s, false
		default:
			b.WriteByte(c)
		}
	}
	return "", s, false
}
