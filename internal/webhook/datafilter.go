package webhook

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// DataFilter is a condition on a payload's member, for lists. With both Equals and Contains, one value must satisfy both.
type DataFilter struct {
	// Path is the names of members from the payload inwards, separated by dots: "customer.id". A dot or backslash within a name is escaped
	// by a backslash. As in a Filter, an array matches if one of its elements does, and there are at most MaxFilterDepth names.
	Path string
	// Equals is a string, number, true, false or null, as JSON, that the value must equal; nil for any.
	Equals json.RawMessage
	// Contains is a text that the value, a string, must contain, case-sensitively; nil for any.
	Contains *string
}

// CompileDataFilters compiles conditions that must all hold, each for itself, within the bounds of a Filter. It returns an *Invalid, or
// several joined, whose fields are below field: "filter.data.0.path".
func CompileDataFilters(field string, filters []DataFilter) (*Filter, error) {
	size := 0
	for i := range filters {
		f := &filters[i]
		size += len(f.Path) + len(f.Equals)
		if f.Contains != nil {
			size += len(*f.Contains)
		}
	}
	switch {
	case len(filters) > MaxFilterConditions:
		return nil, invalid(field, CodeTooMany, "must have at most %d conditions", MaxFilterConditions)
	case size > MaxFilterBytes:
		return nil, invalid(field, CodeTooLong, "must be at most %d bytes long in total", MaxFilterBytes)
	}
	compiled := &Filter{expr: expr{op: opAll}}
	var errs []error
	for i := range filters {
		e, err := filters[i].compile(index(field, i), &compiled.root)
		if err != nil && len(errs) < maxFilterErrors {
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

func (f *DataFilter) compile(field string, root *node) (expr, error) {
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

func (f *DataFilter) conditions(field string) (all []condition, err error) {
	if f.Equals == nil && f.Contains == nil {
		return nil, invalid(field, CodeRequired, "must have equals, contains or both")
	}
	if f.Equals != nil {
		at := rawjson.Space(f.Equals, 0)
		switch _, ok := rawjson.Valid(f.Equals); {
		case !ok || !utf8.Valid(f.Equals):
			return nil, invalid(field+".equals", CodeInvalid, "must be JSON in UTF-8")
		case f.Equals[at] == '{' || f.Equals[at] == '[':
			return nil, invalid(field+".equals", CodeInvalid, "must be a string, a number, true, false or null")
		}
		all = append(all, equal(f.Equals[at:rawjson.End(f.Equals, at)]))
	}
	if f.Contains != nil {
		switch {
		case *f.Contains == "":
			return nil, invalid(field+".contains", CodeRequired, "must not be empty: every string would match")
		case !utf8.ValidString(*f.Contains):
			return nil, invalid(field+".contains", CodeInvalid, "must be UTF-8")
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
			return nil, invalid(field, CodeInvalid, `must have a backslash only before a full stop or a backslash that belongs to a name`)
		default:
			name.WriteByte(c)
		}
	}
	end()
	switch {
	case path == "":
		return nil, invalid(field, CodeRequired, "must be given")
	case !utf8.ValidString(path):
		return nil, invalid(field, CodeInvalid, "must be UTF-8")
	case len(names) > MaxFilterDepth:
		return nil, invalid(field, CodeTooMany, "must be at most %d names", MaxFilterDepth)
	}
	if slices.Contains(names, "") {
		return nil, invalid(field, CodeInvalid, "must be names joined by full stops, like customer.id")
	}
	return names, nil
}
