package filter

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// The explanation names the first term that does not hold, what it asks for, and what the event has.
func TestExplain(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`{"data":{"amount":100}}`, ""},
		{`{"type":"a.c"}`, `type is "a.b"; the filter asks for "a.c"`},
		{`{"tags":"test"}`, `tags is "live" and "eu\\u0078\""; the filter asks for "test"`},
		{`{"data":{"status":"failed","amount":{"$gt":100}}}`, `data.amount is 100; the filter asks for $gt 100`},
		{`{"data":{"amount":{"$gte":1,"$lt":20}}}`, `data.amount is 100; the filter asks for $lt 20`},
		{`{"data":{"status":{"$in":["x","y"]}}}`, `data.status is "failed"; the filter asks for $in ["x","y"]`},
		{`{"data":{"status":{"$ne":"failed"}}}`, `data.status is "failed"; the filter asks for $ne "failed"`},
		{`{"data":{"status":{"$nin":["failed"]}}}`, `data.status is "failed"; the filter asks for $nin ["failed"]`},
		{`{"data":{"customer":{"phone":"1"}}}`, `data.customer.phone is absent; the filter asks for "1"`},
		{`{"data":{"nobody":{"phone":{"$exists":true}}}}`, `data.nobody.phone is absent; the filter asks for $exists true`},
		{`{"data":{"status":{"$exists":false}}}`, `data.status is "failed"; the filter asks for $exists false`},
		{`{"data":{"none":1}}`, `data.none is an empty array; the filter asks for 1`},
		{`{"data":{"customer":1}}`, `data.customer is an object; the filter asks for 1`},
		{`{"data":{"status":{"x":1}}}`, `data.status.x is absent; the filter asks for 1`},
		{`{"data":{"items":{"sku":"c"}}}`, `data.items.sku is "a" and "b"; the filter asks for "c"`},
		{`{"data":{"items":{"sku":"a","qty":5}}}`, `no element of data.items meets all conditions of the filter together`},
		{`{"data":{"items":{"qty":{"$gt":1,"$lt":5}}}}`, `no element of data.items meets all conditions of the filter together`},
		{`{"data":{"deep":{"$gt":1,"$lt":2}}}`, `data.deep is 1 and 2; the filter asks for $gt 1 and $lt 2`},
		{`{"data":{"customer":{"tags":"old"}}}`, `data.customer.tags is "new" and "eu"; the filter asks for "old"`},
		{`{"data":{"status":{"$or":["a","b"]}}}`, `none of the 2 branches of $or at data.status holds`},
		{`{"$or":[{"type":"x"},{"tags":"y"}]}`, `none of the 2 branches of $or holds`},
		{`{"$or":[{"type":"x"}]}`, `type is "a.b"; the filter asks for "x"`},
		{`{"$and":[{"type":"a.b"},{"tags":"y"}]}`, `tags is "live" and "eu\\u0078\""; the filter asks for "y"`},
		{`{"$not":{"type":"a.b"}}`, `the condition of $not holds`},
		{`{"data":{"status":{"$not":"failed"}}}`, `the condition of $not at data.status holds`},
		{`{"data":{"$$ref":"y"}}`, `data.$ref is "x"; the filter asks for "y"`},
		{`{"data":{"ok":` + `"` + strings.Repeat("é", 100) + `"}}`, `data.ok is true; the filter asks for "` + strings.Repeat("é", 39) + `…`},
	} {
		got, err := Explain([]byte(c.source), "a.b", paidTags, []byte(paid))
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.source, got, err, c.want)
		}
	}
	if got, _ := Explain([]byte(`{"tags":"x"}`), "a.b", nil, []byte("1")); got != `tags is an empty array; the filter asks for "x"` {
		t.Errorf("without tags: %s", got)
	}
	many := []byte(`{"a":[` + strings.Repeat(`1,`, 1000) + `1]}`)
	if got, _ := Explain([]byte(`{"data":{"a":2}}`), "a.b", nil, many); got != `data.a is 1, 1, 1 and 998 more; the filter asks for 2` {
		t.Errorf("of many values: %s", got)
	}
}

// An event is explained exactly if it does not match, and the explanation is short text, whatever the filter and the event are.
func TestExplainsMisses(t *testing.T) {
	for _, c := range paidFilters {
		got, err := Explain([]byte(c.source), "a.b", paidTags, []byte(paid))
		if err != nil || (got == "") != c.want || !utf8.ValidString(got) || len(got) > 1000 {
			t.Errorf("%s matches: %t; explained: %q, %v", c.source, c.want, got, err)
		}
	}
}

// Data that publishing accepts is explained in short text exactly if it does not match.
func FuzzExplain(f *testing.F) {
	for _, c := range paidFilters {
		f.Add([]byte(c.source), []byte(paid))
	}
	f.Fuzz(func(t *testing.T, source, data []byte) {
		compiled, err := Compile("filter", source)
		if _, ok := rawjson.Valid(data); err != nil || !ok || !utf8.Valid(data) {
			return
		}
		got, err := Explain(source, "a.b", paidTags, data)
		if err != nil || (got == "") != compiled.Match("a.b", paidTags, data) || !utf8.ValidString(got) || len(got) > 1000 {
			t.Errorf("%s of %s: %q, %v", source, data, got, err)
		}
	})
}
