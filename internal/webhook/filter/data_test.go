package filter

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// dataFilter is a condition with equals, contains or both; "" stands for absent.
func dataFilter(path, equals, contains string) Data {
	f := Data{Path: path}
	if equals != "" {
		f.Equals = json.RawMessage(equals)
	}
	if contains != "" {
		f.Contains = &contains
	}
	return f
}

// A path leads through objects and the elements of arrays. Conditions apply independently; the two parts of one condition apply to
// the same value.
func TestData(t *testing.T) {
	const data = `{"customer":{"id":"cus_1","a.b":{"c\\":1}},"items":[{"sku":"ab","qty":1},{"sku":"cd","qty":2.50}],"tags":["new","old"],"none":null,"ok":true}`
	for _, c := range []struct {
		filters []Data
		want    bool
	}{
		{nil, true},
		{[]Data{dataFilter("customer.id", `"cus_1"`, "")}, true},
		{[]Data{dataFilter("customer.id", ` "cu\u0073_1" `, "")}, true},
		{[]Data{dataFilter("customer.id", `"cus_2"`, "")}, false},
		{[]Data{dataFilter("customer.id", "", "s_")}, true},
		{[]Data{dataFilter("customer.id", "", "S_")}, false},
		{[]Data{dataFilter("customer", `"cus_1"`, "")}, false},
		{[]Data{dataFilter("customer.id.x", `null`, "")}, false},
		{[]Data{dataFilter(`customer.a\.b.c\\`, `1.0`, "")}, true},
		{[]Data{dataFilter("items.qty", `25e-1`, "")}, true},
		{[]Data{dataFilter("items.qty", `"2.5"`, "")}, false},
		{[]Data{dataFilter("items.qty", ``, "2")}, false},
		{[]Data{dataFilter("items.0.qty", `1`, "")}, false},
		{[]Data{dataFilter("items.sku", `"ab"`, ""), dataFilter("items.qty", `2.5`, "")}, true},
		{[]Data{dataFilter("items.sku", `"ab"`, ""), dataFilter("items.qty", `3`, "")}, false},
		{[]Data{dataFilter("tags", `"new"`, "n"), dataFilter("tags", `"old"`, "")}, true},
		{[]Data{dataFilter("tags", `"new"`, "o")}, false},
		{[]Data{dataFilter("none", `null`, "")}, true},
		{[]Data{dataFilter("nothing", `null`, "")}, false},
		{[]Data{dataFilter("ok", `true`, "")}, true},
		{[]Data{dataFilter("ok", `false`, "")}, false},
	} {
		f, err := CompileData("filter.data", c.filters)
		if err != nil {
			t.Errorf("%+v: %v", c.filters, err)
		} else if got := f.Match("a.b", nil, []byte(data)); got != c.want {
			t.Errorf("%+v: %v", c.filters, got)
		}
	}
}

// The error of an invalid condition names its field.
func TestDataErrors(t *testing.T) {
	for _, c := range []struct {
		filter Data
		want   string
	}{
		{dataFilter("", "1", ""), "filter.data.1.path REQUIRED"},
		{dataFilter(".", "1", ""), "filter.data.1.path INVALID"},
		{dataFilter("a..b", "1", ""), "filter.data.1.path INVALID"},
		{dataFilter("a.", "1", ""), "filter.data.1.path INVALID"},
		{dataFilter(`a\b`, "1", ""), "filter.data.1.path INVALID"},
		{dataFilter(`a\`, "1", ""), "filter.data.1.path INVALID"},
		{dataFilter("a\xff", "1", ""), "filter.data.1.path INVALID"},
		{dataFilter("a.a.a.a.a", "1", ""), ""},
		{dataFilter("a.a.a.a.a.a", "1", ""), "filter.data.1.path TOO_MANY"},
		{dataFilter("a", "", ""), "filter.data.1 REQUIRED"},
		{dataFilter("a", "{}", ""), "filter.data.1.equals INVALID"},
		{dataFilter("a", " [1]", ""), "filter.data.1.equals INVALID"},
		{dataFilter("a", "x", ""), "filter.data.1.equals INVALID"},
		{Data{Path: "a", Equals: json.RawMessage{}}, "filter.data.1.equals INVALID"},
		{Data{Path: "a", Contains: new(string)}, "filter.data.1.contains REQUIRED"},
		{dataFilter("a", "", "\xff"), "filter.data.1.contains INVALID"},
		{dataFilter("a", "", strings.Repeat("x", MaxBytes)), "filter.data TOO_LONG"},
	} {
		_, err := CompileData("filter.data", []Data{dataFilter("a", "1", ""), c.filter})
		var got []string
		for _, e := range webhook.Invalids(err) {
			got = append(got, e.Field+" "+string(e.Code))
		}
		if strings.Join(got, ", ") != c.want || (err != nil) != (c.want != "") {
			t.Errorf("%+v: %v, want %s", c.filter, err, c.want)
		}
	}
	one := dataFilter("a.a.a.a.a", "1", "x")
	many := make([]Data, MaxConditions)
	for i := range many {
		many[i] = one
	}
	if f, err := CompileData("data", many); err != nil || f.root.until > filterBits {
		t.Errorf("as many as there may be: %v", err)
	}
	if _, err := CompileData("data", append(many, one)); len(webhook.Invalids(err)) != 1 || webhook.Invalids(err)[0].Code != webhook.CodeTooMany {
		t.Errorf("one more than there may be: %v", err)
	}
}

// A condition means the same as the filter with the same names.
func FuzzData(f *testing.F) {
	f.Add("customer.tags", `"eu"`, "", paid)
	f.Add(`a\.b.c`, "", "é", `{"a.b":[{"c":["\u00e9x"]}]}`)
	f.Add("a", `1e0`, "x", `{"a":[1,"x"]}`)
	f.Fuzz(func(t *testing.T, path, equals, contains, data string) {
		filter, err := CompileData("data", []Data{dataFilter(path, equals, contains)})
		if err != nil {
			if len(webhook.Invalids(err)) != 1 {
				t.Errorf("%v", err)
			}
			return
		}
		got := filter.Match("a", nil, []byte(data))
		if _, ok := rawjson.Valid([]byte(data)); !ok || !utf8.ValidString(data) {
			return
		}
		names, _ := splitPath("", path)
		conditions := map[string]any{}
		if equals != "" {
			conditions["$eq"] = json.RawMessage(equals)
		}
		if contains != "" {
			conditions["$contains"] = contains
		}
		pattern := conditions
		for _, name := range slices.Backward(names) {
			if strings.HasPrefix(name, "$") {
				name = "$" + name
			}
			pattern = map[string]any{name: pattern}
		}
		source, err := json.Marshal(map[string]any{"data": pattern})
		if err != nil {
			t.Fatal(err)
		}
		if len(source) > MaxBytes { // escapes are longer than their characters
			return
		}
		if want := compileFilter(t, string(source)).Match("a", nil, []byte(data)); got != want {
			t.Errorf("%q %s %q on %s: %v, but %s: %v", path, equals, contains, data, got, source, want)
		}
	})
}
