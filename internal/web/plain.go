package web

import (
	"bytes"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A body in the form that nearly all publishers send is read in one pass over its bytes: an event, or a list of them, whose names and texts have
// no escapes, and in which no member is unknown, repeated or of a wrong type. First its members are found, which keeps nothing of it, so that a
// list can be refused before it is read. Any other body, valid or not, is read by checkJSON, elements and newEvent, which say what is wrong with
// it. They return the same for a plain body.

// found is an event of a plain body, before it is read: the values of its members, which are valid JSON; nil if absent.
type found struct {
	values  [members][]byte
	outline rawjson.Outline // of its data
}

// member is one of an event's members.
type member int

const (
	memberType member = iota
	memberData
	memberTimestamp
	memberIdempotencyKey
	memberOrderingKey
	memberDeliverAt
	memberExpiresAt
	memberTags
	members
)

// findPlain finds the events of a plain body, in room, which is empty, if they fit. ok is false for one that is not plain in its form; readPlain finds out whether it is in its values.
func findPlain(body []byte, room []found) (events []found, list, ok bool) {
	i := rawjson.Space(body, 0)
	if i == len(body) || !utf8.Valid(body) {
		return nil, false, false
	}
	if body[i] != '[' {
		events = append(room, found{})
		i, ok = findEvent(&events[0], body, i)
		return events, false, ok && rawjson.Space(body, i) == len(body)
	}
	events = room
	for more := true; more; {
		if len(events) == webhook.MaxPublish {
			return nil, true, false
		}
		events = append(events, found{})
		if i, ok = findEvent(&events[len(events)-1], body, rawjson.Space(body, i+1)); !ok {
			return nil, true, false
		}
		if i = rawjson.Space(body, i); i == len(body) || body[i] != ',' && body[i] != ']' {
			return nil, true, false
		}
		more = body[i] == ','
	}
	return events, true, rawjson.Space(body, i+1) == len(body)
}

// findEvent finds the members of the event that begins at b[i], and returns the index after it.
func findEvent(e *found, b []byte, i int) (end int, ok bool) {
	if i == len(b) || b[i] != '{' {
		return 0, false
	}
	for {
		name, at := quoted(b, rawjson.Space(b, i+1))
		if at = rawjson.Space(b, at); at == len(b) || b[at] != ':' {
			return 0, false
		}
		at = rawjson.Space(b, at+1)
		size, outline, valid := rawjson.Scan(b[at:])
		if !valid {
			return 0, false
		}
		is := memberOf(name)
		if is == members || e.values[is] != nil {
			return 0, false
		}
		if e.values[is] = b[at : at+size]; is == memberData {
			e.outline = outline
		}
		if i = rawjson.Space(b, at+size); i == len(b) || b[i] != ',' && b[i] != '}' {
			return 0, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
	}
}

// memberOf returns the member with the name; members if there is none.
func memberOf(name []byte) member {
	switch string(name) {
	case "type":
		return memberType
	case "data":
		return memberData
	case "timestamp":
		return memberTimestamp
	case "idempotency_key":
		return memberIdempotencyKey
	case "ordering_key":
		return memberOrderingKey
	case "deliver_at":
		return memberDeliverAt
	case "expires_at":
		return memberExpiresAt
	case "tags":
		return memberTags
	}
	return members
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

// readPlain reads events that were found. ok is false if one is not plain.
func readPlain(all []found) (events []webhook.NewEvent, ok bool) {
	events = make([]webhook.NewEvent, len(all))
	for i := range all {
		if !all[i].read(&events[i]) {
			return nil, false
		}
	}
	return events, true
}

// read sets the event's members; false if one is not plain. It copies what it keeps, as newEvent does.
func (e *found) read(n *webhook.NewEvent) bool {
	for is, value := range e.values {
		absent := value == nil
		if member(is) != memberType && member(is) != memberData {
			absent = absent || string(value) == "null"
		}
		if !absent && !e.set(n, member(is), value) {
			return false
		}
	}
	return true
}

func (e *found) set(n *webhook.NewEvent, is member, value []byte) bool {
	switch is {
	case memberType:
		return plainString(&n.Type, value)
	case memberData:
		kept := e.outline // allocated only here
		n.Data, n.Outline = value, &kept
		if e.outline.Compact { // otherwise removing the white space copies it
			n.Data = bytes.Clone(value)
		}
		return e.outline.Depth <= webhook.MaxDataDepth
	case memberTimestamp:
		return plainTime(&n.Timestamp, value)
	case memberIdempotencyKey:
		return plainString(&n.IdempotencyKey, value)
	case memberOrderingKey:
		return plainString(&n.OrderingKey, value)
	case memberDeliverAt:
		return plainTime(&n.DeliverAt, value)
	case memberExpiresAt:
		return plainTime(&n.ExpiresAt, value)
	case memberTags:
		return strs(&n.Tags)(value) == ""
	}
	return false
}

func plainString(to *string, value []byte) bool {
	if value[0] != '"' || len(value) == len(`""`) || bytes.IndexByte(value, '\\') >= 0 {
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
