package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// member is a member of an object. An object is a list of them here, because names may occur twice.
type member struct {
	name  string
	value any
}

// decode decodes JSON to []member, []any, json.Number, string, bool and nil.
func decode(d *json.Decoder) any {
	tok, err := d.Token()
	if err != nil {
		panic(err)
	}
	switch tok {
	case json.Delim('{'):
		object := []member{}
		for d.More() {
			name, _ := d.Token()
			object = append(object, member{name.(string), decode(d)})
		}
		_, _ = d.Token()
		return object
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decode(d))
		}
		_, _ = d.Token()
		return list
	}
	return tok
}

func decoded(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return decode(d)
}

// named returns the values of all members with the name.
func named(v any, name string) (all []any) {
	object, _ := v.([]member)
	for _, m := range object {
		if m.name == name {
			all = append(all, m.value)
		}
	}
	return all
}

// flat returns the values, with arrays replaced by their elements.
func flat(all []any) (values []any) {
	for _, v := range all {
		if list, ok := v.([]any); ok {
			values = append(values, flat(list)...)
		} else {
			values = append(values, v)
		}
	}
	return values
}

// wants is the oracle: it reports whether a pattern matches these values at a path.
func wants(pattern any, all []any) bool {
	object, ok := pattern.([]member)
	if !ok {
		object = []member{{"$eq", pattern}}
	}
	values := flat(all)
	var one, names []member
	for _, m := range object {
		list, _ := m.value.([]any)
		holds := true
		switch {
		case !strings.HasPrefix(m.name, "$") || strings.HasPrefix(m.name, "$$"):
			names = append(names, member{strings.TrimPrefix(m.name, "$"), m.value})
		case m.name == "$or":
			holds = slices.ContainsFunc(list, func(p any) bool { return wants(p, all) })
		case m.name == "$and":
			holds = !slices.ContainsFunc(list, func(p any) bool { return !wants(p, all) })
		case m.name == "$not":
			holds = !wants(m.value, all)
		case m.name == "$exists":
			holds = (len(all) > 0) == m.value
		case m.name == "$ne":
			holds = !slices.ContainsFunc(values, func(v any) bool { return operate("$eq", v, m.value) })
		case m.name == "$nin":
			holds = !slices.ContainsFunc(values, func(v any) bool { return operate("$in", v, m.value) })
		default:
			one = append(one, m)
		}
		if !holds {
			return false
		}
	}
	if len(names) > 0 && len(values) == 0 {
		values = []any{nil} // has no members
	}
	return len(one)+len(names) == 0 || slices.ContainsFunc(values, func(v any) bool {
		for _, m := range one {
			if !operate(m.name, v, m.value) {
				return false
			}
		}
		for _, m := range names {
			if !wants(m.value, named(v, m.name)) {
				return false
			}
		}
		return true
	})
}

func operate(op string, v, operand any) bool {
	if op == "$in" {
		return slices.ContainsFunc(operand.([]any), func(o any) bool { return operate("$eq", v, o) })
	}
	var d int
	switch o := operand.(type) {
	case json.Number:
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		x, _ := new(big.Rat).SetString(string(n))
		y, _ := new(big.Rat).SetString(string(o))
		d = x.Cmp(y)
	case string:
		s, ok := v.(string)
		if !ok {
			return false
		}
		switch op {
		case "$startsWith":
			return strings.HasPrefix(s, o)
		case "$endsWith":
			return strings.HasSuffix(s, o)
		case "$contains":
			return strings.Contains(s, o)
		}
		d = strings.Compare(s, o)
	default: // true, false, null
		if _, ok := v.([]member); ok {
			return false
		}
		return v == o
	}
	switch op {
	case "$eq":
		return d == 0
	case "$gt":
		return d > 0
	case "$gte":
		return d >= 0
	case "$lt":
		return d < 0
	}
	return d <= 0
}

// oracle returns the expected result of Match.
func oracle(source, eventType string, data []byte) bool {
	event := []member{{"type", eventType}, {"tags", []any{paidTags[0], paidTags[1]}}, {"data", decoded(data)}}
	return wants(decoded([]byte(source)), []any{event})
}

// longExponent matches an exponent that takes math/big too long.
var longExponent = regexp.MustCompile(`[0-9][eE][-+]?[0-9]{4}`)

// For any filter, errors name a field below the filter's, and a compiled filter agrees with the oracle.
func FuzzFilter(f *testing.F) {
	for _, source := range []string{
		`{"type":"a.b","data":{"amount":{"$gte":1e2,"$lt":1000},"status":{"$in":["failed","x"]}}}`,
		`{"$or":[{"type":{"$startsWith":"a."}},{"$not":{"data":{"a":{"$exists":true}}}}]}`,
		`{"data":{"a":{"b":{"c":{"$ne":null,"$nin":[true,"x",-0.5e-1]}}},"$$x":{"$and":[{"$endsWith":"é"},{"$contains":"\ud83d\ude00"}]}}}`,
		`{"data":{"$eq":"\ud800"}}`, `{"data":{"a":[]}}`, `{"data":{"a":1,"a":2}}`, `{"":1}`, `{"$exists":false}`,
	} {
		for _, data := range []string{
			paid, `{"a":[{"b":{"c":[]}},{"b":7},[1,{"a":{}}]],"a":"x","$x":"\u00e9\ud83d\ude00é"}`, `"\ud800\u0000"`, `[1,[2,[]],{}]`, `-0.050`,
		} {
			f.Add(source, data)
		}
	}
	f.Fuzz(func(t *testing.T, source, data string) {
		filter, err := Compile("filter", []byte(source))
		if err != nil {
			bad := webhook.Invalids(err)
			for _, e := range bad {
				if e.Field != "filter" && !strings.HasPrefix(e.Field, "filter.") {
					t.Errorf("%q: the error of %q", source, e.Field)
				}
			}
			if len(bad) == 0 || len(bad) > maxErrors {
				t.Errorf("%q: %d errors: %v", source, len(bad), err)
			}
			return
		}
		got := filter.Match("a.b", paidTags, []byte(data)) // terminates, whatever the data is
		if o, ok := rawjson.Valid([]byte(data)); !ok || o.Depth > 1000 || !utf8.ValidString(data) || longExponent.MatchString(source+" "+data) {
			return
		}
		if want := oracle(source, "a.b", []byte(data)); got != want {
			t.Errorf("%s on %s: %v", source, data, got)
		}
	})
}

// Random filters over a few names and values agree with the oracle on data of the same names and values.
func checkFilter(t *rapid.T) {
	source, data := anyFilter(t), anyData(t, 4)
	f, err := Compile("filter", []byte(source))
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	if got, want := f.Match("a.b", paidTags, []byte(data)), oracle(source, "a.b", []byte(data)); got != want {
		t.Errorf("%s on %s: %v", source, data, got)
	} else if why, err := Explain([]byte(source), "a.b", paidTags, []byte(data)); err != nil || (why == "") != got {
		t.Errorf("%s on %s: %v, explained by %q, %v", source, data, got, why, err)
	}
}

func TestFilterAgreesWithOracle(t *testing.T) { rapid.Check(t, checkFilter) }

func FuzzFilterMeaning(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkFilter)) }

var (
	someName   = rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"b\u0020"`, `"$$"`})
	someText   = rapid.SampledFrom([]string{`"x"`, `"xy"`, `"\u0078"`, `"yx"`, `"xyxyy"`, `"é\n"`, `"\u00e9\u000a"`, `"\ud83d\ude00x"`, `"😀x"`, `"xyxyxyy"`})
	someNumber = rapid.SampledFrom([]string{`0`, `-0.0`, `1`, `1.0`, `100e-2`, `1e2`, `100`, `1e20`, `100000000000000000001`, `-1`, `-0.01e2`})
	someWord   = rapid.SampledFrom([]string{`true`, `false`, `null`})
	someScalar = rapid.OneOf(someText, someNumber, someWord)
)

func anyData(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 4).Draw(t, "kind")
	if depth == 0 || kind == 0 {
		return someScalar.Draw(t, "scalar")
	}
	parts := make([]string, rapid.IntRange(0, 3).Draw(t, "length"))
	for i := range parts {
		parts[i] = anyData(t, depth-1)
		if kind > 1 {
			name := strings.ReplaceAll(someName.Draw(t, "name"), "$$", "$")
			parts[i] = name + rapid.SampledFrom([]string{":", " : "}).Draw(t, "colon") + parts[i]
		}
	}
	if kind == 1 {
		return "[" + strings.Join(parts, ",") + "]"
	}
	return "{" + strings.Join(parts, " ,") + "}"
}

func anyFilter(t *rapid.T) string {
	if rapid.IntRange(0, 3).Draw(t, "tags") == 0 {
		return `{"tags":` + anyPattern(t, 2) + `,"data":` + anyPattern(t, 1) + `}`
	}
	return `{"data":` + anyPattern(t, 3) + `}`
}

func anyPattern(t *rapid.T, depth int) string {
	if rapid.IntRange(0, 3).Draw(t, "plain") == 0 {
		return someScalar.Draw(t, "scalar")
	}
	if depth == 0 {
		return "{" + anyTest(t) + "}"
	}
	parts := map[string]string{}
	byName := rapid.Bool().Draw(t, "names")
	for range rapid.IntRange(1, 3).Draw(t, "terms") {
		switch rapid.IntRange(0, 7).Draw(t, "term") {
		case 0:
			parts[`"$exists"`] = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "exists")
		case 1:
			parts[`"$ne"`] = someScalar.Draw(t, "ne")
		case 2:
			parts[`"$not"`] = anyPattern(t, depth-1)
		case 3:
			branches := []string{anyPattern(t, depth-1), anyPattern(t, depth-1)}
			parts[rapid.SampledFrom([]string{`"$or"`, `"$and"`}).Draw(t, "logic")] = "[" + strings.Join(branches, ",") + "]"
		default:
			if byName {
				name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"b\u0020"`, `"$$"`}).Draw(t, "name")
				parts[name] = anyPattern(t, depth-1)
			} else if name, value, ok := strings.Cut(anyTest(t), ":"); ok {
				parts[name] = value
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		fmt.Fprintf(&b, ",%s:%s", name, parts[name])
	}
	return "{" + b.String()[1:] + "}"
}

func anyTest(t *rapid.T) string {
	switch op := rapid.SampledFrom([]string{"$eq", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$startsWith", "$endsWith", "$contains"}).Draw(t, "op"); op {
	case "$eq":
		return `"$eq":` + someScalar.Draw(t, "operand")
	case "$in", "$nin":
		return `"` + op + `":[` + strings.Join(rapid.SliceOfN(someScalar, 1, 4).Draw(t, "operands"), ",") + `]`
	case "$startsWith", "$endsWith", "$contains":
		return `"` + op + `":` + someText.Draw(t, "operand")
	default:
		return `"` + op + `":` + rapid.OneOf(someText, someNumber).Draw(t, "operand")
	}
}
