package web

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// plainEvents reads a body in the form that nearly all publishers send, in one pass over its bytes: an event, or a list of them, whose names
// and texts have no escapes, and in which no member is unknown, repeated or of a wrong type. ok is false for any other body, valid or not:
// checkJSON, elements and newEvent read it, and say what is wrong with it. They return the same for a plain body.
func plainEvents(body []byte) (events []webhook.NewEvent, list, ok bool) {
	i := rawjson.Space(body, 0)
	if i == len(body) || !utf8.Valid(body) {
		return nil, false, false
	}
	if body[i] != '[' {
		events = make([]webhook.NewEvent, 1)
		i, ok = plainEvent(&events[0], body, i)
		return events, false, ok && rawjson.Space(body, i) == len(body)
	}
	for more := true; more; {
		if len(events) == webhook.MaxPublish {
			return nil, true, false
		}
		events = append(events, webhook.NewEvent{})
		if i, ok = plainEvent(&events[len(events)-1], body, rawjson.Space(body, i+1)); !ok {
			return nil, true, false
		}
		if i = rawjson.Space(body, i); i == len(body) || body[i] != ',' && body[i] != ']' {
			return nil, true, false
		}
		more = body[i] == ','
	}
	return events, true, rawjson.Space(body, i+1) == len(body)
}

// plainEvent reads the event that begins at b[i], and returns the index after it. It copies what it keeps, as newEvent does.
func plainEvent(n *webhook.NewEvent, b []byte, i int) (end int, ok bool) {
	if i == len(b) || b[i] != '{' {
		return 0, false
	}
	for seen := member(0); ; {
		name, at := quoted(b, rawjson.Space(b, i+1))
		if at = rawjson.Space(b, at); at == len(b) || b[at] != ':' {
			return 0, false
		}
		at = rawjson.Space(b, at+1)
		size, outline, valid := rawjson.Scan(b[at:])
		if !valid {
			return 0, false
		}
		is := setPlain(n, name, b[at:at+size], outline)
		if is == 0 || seen&is != 0 {
			return 0, false
		}
		seen |= is
		if i = rawjson.Space(b, at+size); i == len(b) || b[i] != ',' && b[i] != '}' {
			return 0, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
	}
}

// quoted returns the text of the string that begins at b[i], as far as its first quotation mark, and the index after that; len(b) if there
// is no string.
func quoted(b []byte, i int) (text []byte, end int) {
	if i == len(b) || b[i] != '"' {
		return nil, len(b)
	}
	size := bytes.IndexByte(b[i+1:], '"')
	if size < 0 {
		return nil, len(b)
	}
	return b[i+1 : i+1+size], i + 2 + size
}

// member is one of an event's members: a bit.
type member uint

// setPlain sets a member of a plain event, and returns its bit; 0 if it is not plain. value is one valid JSON value.
func setPlain(n *webhook.NewEvent, name, value []byte, outline rawjson.Outline) (is member) {
	plain := false
	absent := string(value) == "null" // except as type and data
	switch string(name) {
	case "type":
		is, plain = 1, plainString(&n.Type, value)
	case "data":
		is, plain = 2, outline.Depth <= webhook.MaxDataDepth
		kept := outline // allocated only here
		n.Data, n.Outline = value, &kept
		if outline.Compact { // otherwise removing the white space copies it
			n.Data = bytes.Clone(value)
		}
	case "timestamp":
		is, plain = 4, absent || plainTime(&n.Timestamp, value)
	case "idempotency_key":
		is, plain = 8, absent || plainString(&n.IdempotencyKey, value)
	case "ordering_key":
		is, plain = 16, absent || plainString(&n.OrderingKey, value)
	case "deliver_at":
		is, plain = 32, absent || plainTime(&n.DeliverAt, value)
	case "expires_at":
		is, plain = 64, absent || plainTime(&n.ExpiresAt, value)
	case "tags":
		is, plain = 128, absent || strs(&n.Tags)(value) == ""
	}
	if !plain {
		return 0
	}
	return is
}

func plainString(to *string, value []byte) bool {
	if value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return false
	}
	*to = string(value[1 : len(value)-1])
	return true
}

func plainTime(to **time.Time, value []byte) bool {
	var text string
	if !plainString(&text, value) {
		return false
	}
	t, err := webhook.ParseTime(text)
	*to = &t
	return err == nil
}
