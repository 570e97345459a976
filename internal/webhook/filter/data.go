package filter

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Data is a condition on a payload's member, for lists. With both Equals and Contains, one value must satisfy both.
type Data struct {
	// Path is the names of members from the payload inwards, separated by dots: "customer.id". A dot or backslash within a name is escaped
	// by a backslash. As in a Filter, an array matches if one of its elements does, and there are at most MaxDepth names.
	Path string `json:"path"`
	// Equals is a string, number, true, false or null, as JSON, that the value must equal; nil for any.
	Equals json.RawMessage `json:"equals,omitempty"` // null is a value, too
	// Contains is a text that the value, a string, must contain, case-sensitively; nil for any.
	Contains *string `json:"contains,omitempty"`
}

// CompileData compiles conditions that must all hold, each for itself, within the bounds of a Filter. It returns a *webhook.Invalid, or
// several joined, whose fields are below field: "filter.data.0.path".
func CompileData(field string, filters []Data) (*Filter, error) {
	size := 0
	for i := range filters {
		f := &filters[i]
		size += len(f.Path) + len(f.Equals)
		if f.Contains != nil {
			size += len(*f.Contains)
		}
	}
	switch {
	case len(filters) > MaxConditions:
		return nil, webhook.Invalidf(field, webhook.CodeTooMany, "must have at most %d conditions", MaxConditions)
	case size > MaxBytes:
		return nil, webhook.Invalidf(field, webhook.CodeTooLong, "must be at most %d bytes long in total", MaxBytes)
	}
	compiled := &Filter{expr: expr{op: opAll}}
	var errs []error
	for i := range filters {
		e, err := filters[i].compile(webhook.Index(field, i), &compiled.root)
		if err != nil && len(errs) < maxErrors {
			errs = append(errs, err)
		}
		compiled.expr.of = append(compiled.expr.of, e)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	compiled.number()
	return compiled, nil
}

func (f *Data) compile(field string, root *node) (expr, error) {
	names, err := splitPath(field+".path", f.Path)
	if err != nil {
		return expr{}, err
	}
	conditions, err := f.conditions(field)
	if err != nil {
		return expr{}, err
	}
	places := []*node{root.grow("data")}
	for _, name := range names {
		places = append(places, places[len(places)-1].grow(name))
	}
	t := &test{conditions: conditions}
	last := places[len(names)]
	last.tests = append(last.tests, t)
	e := expr{op: opTest, test: t}
	for _, place := range slices.Backward(places[:len(names)]) {
		e = membersOf(place, []expr{e})
	}
	return e, nil
}

func (f *Data) conditions(field string) (all []condition, err error) {
	if f.Equals == nil && f.Contains == nil {
		return nil, webhook.Invalidf(field, webhook.CodeRequired, "must have equals, contains or both")
	}
	if f.Equals != nil {
		at := rawjson.Space(f.Equals, 0)
		switch _, ok := rawjson.Valid(f.Equals); {
		case !ok || !utf8.Valid(f.Equals):
			return nil, webhook.Invalidf(field+".equals", webhook.CodeInvalid, "must be JSON in UTF-8")
		case f.Equals[at] == '{' || f.Equals[at] == '[':
			return nil, webhook.Invalidf(field+".equals", webhook.CodeInvalid, "must be a string, a number, true, false or null")
		}
		all = append(all, equal(f.Equals[at:rawjson.End(f.Equals, at)]))
	}
	if f.Contains != nil {
		switch {
		case *f.Contains == "":
			return nil, webhook.Invalidf(field+".contains", webhook.CodeRequired, "must not be empty: every string would match")
		case !utf8.ValidString(*f.Contains):
			return nil, webhook.Invalidf(field+".contains", webhook.CodeInvalid, "must be UTF-8")
		}
		all = append(all, onText(opContains, *f.Contains))
	}
	return all, nil
}

// splitPath returns the names of a path.
func splitPath(field, path string) (names []string, err error) {
	var name strings.Builder
	end := func() {
		names = append(names, name.String())
		name.Reset()
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '.':
			end()
		case c == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			name.WriteByte(path[i])
		case c == '\\':
			return nil, webhook.Invalidf(field, webhook.CodeInvalid, `must have a backslash only before a full stop or a backslash that belongs to a name`)
		default:
			name.WriteByte(c)
		}
	}
	end()
	switch {
	case path == "":
		return nil, webhook.Invalidf(field, webhook.CodeRequired, "must be given")
	case !utf8.ValidString(path):
		return nil, webhook.Invalidf(field, webhook.CodeInvalid, "must be UTF-8")
	case len(names) > MaxDepth:
		return nil, webhook.Invalidf(field, webhook.CodeTooMany, "must be at most %d names", MaxDepth)
	}
	if slices.Contains(names, "") {
		return nil, webhook.Invalidf(field, webhook.CodeInvalid, "must be names joined by dots, like customer.id")
	}
	return names, nil
}
