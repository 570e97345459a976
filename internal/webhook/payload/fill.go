package payload

import (
	"fmt"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// MaxBody returns how long the body may be that a template makes of an event with the given number of bytes of data.
func MaxBody(data int) int { return max(MaxBytes, data+MaxBytes/16) }

// TooLong is the error of a template whose body for an event would be too long.
type TooLong struct{ Most int }

// Error implements error.
func (e *TooLong) Error() string {
	return fmt.Sprintf("the payload's template makes a body of more than %d bytes", e.Most)
}

// measure finds the values of the template's placeholders in an event, and returns about how long the body is: at least its length.
func (p *Payload) measure(e *webhook.Event) (at [][]byte, size int, err error) {
	at = make([][]byte, p.nodes)
	for name, n := range p.root.names {
		n.find(attribute(e, name), at)
	}
	most := MaxBody(len(e.Data))
	for i := range p.parts {
		if size += len(p.parts[i].text) + p.parts[i].length(at); size > most {
			return nil, 0, &TooLong{Most: most}
		}
	}
	return at, size, nil
}

// fill returns the body that the template makes of an event.
func (p *Payload) fill(e *webhook.Event, room func(bytes int) error) ([]byte, error) {
	at, size, err := p.measure(e)
	if err != nil {
		return nil, err
	}
	if room != nil {
		if err := room(size); err != nil {
			return nil, err
		}
	}
	b := make([]byte, 0, size)
	for i := range p.parts {
		part := &p.parts[i]
		b = append(b, part.text...)
		if part.value != nil {
			b = part.append(b, at)
		}
	}
	return b, nil
}

// attribute returns a member of an event, as JSON.
func attribute(e *webhook.Event, name string) []byte {
	switch name {
	case "id":
		return append(e.ID.AppendText([]byte{'"'}), '"')
	case "type":
		return appendString(nil, e.Type)
	case "timestamp":
		return append(e.Timestamp.UTC().AppendFormat([]byte{'"'}, webhook.TimeFormat), '"')
	case "tags":
		b := []byte{'['}
		for i, t := range e.Tags {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, t)
		}
		return append(b, ']')
	case "data":
		return e.Data[rawjson.Space(e.Data, 0):]
	}
	return nil
}

// of returns what stands for the placeholder: the value, or the default for one that is absent or null; nil if there is neither.
func (p *part) of(at [][]byte) []byte {
	if v := at[p.value.id]; len(v) > 0 && string(v) != "null" {
		return v
	}
	return p.absent
}

// length returns the length of what append appends; of a text that is shortened, a bound of it.
func (p *part) length(at [][]byte) int {
	if p.value == nil {
		return 0
	}
	v := p.of(at)
	n := 0
	switch {
	case !p.inText && !p.asText:
		return max(len(v), len("null"))
	case v == nil:
	case v[0] == '"':
		n = len(v) - 2
	default:
		n = innerLength(p.shown(v))
	}
	if p.most > 0 {
		const longest = len(`\ud83d\ude00`) // of one character
		n = min(n, p.most*longest) + len("…")
	}
	return n + len(`""`)
}

// innerLength returns the length of v as the content of a JSON string: v is JSON, so it has no other control characters than white space.
func innerLength(v []byte) int {
	n := len(v)
	for _, c := range v {
		if c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r' {
			n++
		}
	}
	return n
}

// append appends the value. A value of its own is copied as it is; in a text, or as one, stands the content of a string, and the JSON of any
// other value. What is absent or null is null as a value of its own, and an empty text.
func (p *part) append(b []byte, at [][]byte) []byte {
	v := p.of(at)
	switch {
	case !p.inText && !p.asText && v == nil:
		return append(b, "null"...)
	case !p.inText && !p.asText:
		return append(b, v...)
	case !p.inText:
		b = append(b, '"')
	}
	switch {
	case v == nil:
	case v[0] == '"':
		b = p.appendCut(b, v[1:len(v)-1])
	default:
		from := len(b)
		b = appendInner(b, p.shown(v))
		b = p.appendCut(b[:from], b[from:])
	}
	if !p.inText {
		b = append(b, '"')
	}
	return b
}

// shown returns as much of a value that is no string as appendCut keeps, and a character more: what many short texts show of a long value is not read
// to its end for each. Each character of the value is one of the text.
func (p *part) shown(v []byte) []byte {
	if p.most == 0 {
		return v
	}
	return v[:min(len(v), (p.most+1)*utf8.UTFMax)]
}

// appendCut appends the content of a JSON string, shortened to at most so many characters, of which the last shows that there were more. The
// content may stand at the end of b already.
func (p *part) appendCut(b, inner []byte) []byte {
	if p.most == 0 {
		return append(b, inner...)
	}
	at, last := 0, 0
	for n := 0; at < len(inner); n++ {
		if n == p.most {
			return append(append(b, inner[:last]...), "…"...)
		}
		_, size := rawjson.DecodeRune(inner[at:])
		last, at = at, at+size
	}
	return append(b, inner...)
}

// appendString appends s as JSON.
func appendString(b []byte, s string) []byte {
	return append(appendInner(append(b, '"'), s), '"')
}

// appendInner appends s as the content of a JSON string.
func appendInner[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(b, s[from:]...)
}
