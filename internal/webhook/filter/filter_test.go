package filter

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

func compileFilter(tb testing.TB, source string) *Filter {
	tb.Helper()
	f, err := Compile("filter", []byte(source))
	if err != nil {
		tb.Fatalf("%s: %v", source, err)
	}
	return f
}

const paid = `{"amount":100,"status":"failed","customer":{"id":"cus_1","plan":null,"tags":["new","eu"]},
	"items":[{"sku":"a","qty":1},{"sku":"b","qty":5},7],"none":[],"deep":[[1,[2]],[]],"ok":true,"big":12345678901234567891,"huge":1e401,"$ref":"x","at":"2026-11-03T00:00:00Z"}`

// paidTags are the tags of paid. A backslash in a tag is no escape.
var paidTags = []string{"live", `eu\u0078"`}

// paidFilters are filters, with whether the event paid matches.
var paidFilters = []struct {
	source string
	want   bool
}{
	{`{"type":"a.b"}`, true},
	{`{"type":"a"}`, false},
	{`{"type":{"$startsWith":"a."},"data":{"amount":100}}`, true},
	{`{"type":{"$endsWith":".c"},"data":{"amount":100}}`, false},
	{`{"data":{"amount":1e2,"status":"failed"}}`, true},
	{`{"data":{"amount":"100"}}`, false},
	{`{"data":{"amount":{"$eq":10000e-2}}}`, true},
	{`{"data":{"amount":{"$ne":100.0}}}`, false},
	{`{"data":{"amount":{"$gt":99.99,"$lt":100.01}}}`, true},
	{`{"data":{"amount":{"$gt":100}}}`, false},
	{`{"data":{"amount":{"$gte":100,"$lte":100}}}`, true},
	{`{"data":{"amount":{"$gt":"0"}}}`, false},
	{`{"data":{"big":{"$gt":12345678901234567890,"$lt":12345678901234567892}}}`, true},
	{`{"data":{"big":12345678901234567890}}`, false},
	{`{"data":{"huge":{"$gt":1e400}}}`, true},
	{`{"data":{"huge":{"$lt":1e401}}}`, false},
	{`{"data":{"at":{"$gte":"2026-11-01","$lt":"2026-12-01"}}}`, true},
	{`{"data":{"status":{"$in":["x","failed",3]}}}`, true},
	{`{"data":{"status":{"$nin":["x","failed",3]}}}`, false},
	{`{"data":{"ok":true}}`, true},
	{`{"data":{"ok":{"$in":[false,null]}}}`, false},
	{`{"data":{"status":{"$startsWith":"fail"}}}`, true},
	{`{"data":{"status":{"$startsWith":"Fail"}}}`, false},
	{`{"data":{"status":{"$startsWith":"failed!"}}}`, false},
	{`{"data":{"status":{"$endsWith":"led"}}}`, true},
	{`{"data":{"status":{"$contains":"ile"}}}`, true},
	{`{"data":{"status":{"$contains":"fail","$endsWith":"x"}}}`, false},
	{`{"data":{"amount":{"$contains":"1"}}}`, false},
	// Tags.
	{`{"tags":"live"}`, true},
	{`{"tags":"test"}`, false},
	{`{"tags":{"$ne":"live"}}`, false},
	{`{"tags":{"$nin":["test"]},"type":"a.b"}`, true},
	{`{"tags":{"$startsWith":"eu","$endsWith":"\""}}`, true},
	{`{"tags":{"$startsWith":"eux"}}`, false},
	{`{"tags":{"$contains":"u\\u0078"}}`, true},
	{`{"tags":{"$contains":"ux"}}`, false},
	{`{"tags":{"$endsWith":"x\""}}`, false},
	{`{"tags":{"$and":["live",{"$gt":"euz"}]}}`, true},
	{`{"tags":{"$exists":true}}`, true},
	{`{"tags":{"a":{"$exists":false}}}`, true},
	// Absent, null and empty.
	{`{"data":{"customer":{"plan":null}}}`, true},
	{`{"data":{"customer":{"plan":{"$exists":true}}}}`, true},
	{`{"data":{"customer":{"phone":null}}}`, false},
	{`{"data":{"customer":{"phone":{"$exists":false}}}}`, true},
	{`{"data":{"customer":{"phone":{"$ne":"1"}}}}`, true},
	{`{"data":{"nobody":{"phone":{"$ne":"1"}}}}`, true},
	{`{"data":{"nobody":{"phone":{"$exists":false}}}}`, true},
	{`{"data":{"nobody":{"phone":{"$not":{"$exists":true}},"name":"x"}}}`, false},
	{`{"data":{"amount":{"cents":{"$exists":false}}}}`, true},
	{`{"data":{"none":{"$exists":true,"$ne":1}}}`, true},
	{`{"data":{"none":{"sku":{"$nin":["a"]}}}}`, true},
	{`{"data":{"none":{"$exists":false}}}`, false},
	{`{"data":{"$exists":true}}`, true},
	// Arrays.
	{`{"data":{"customer":{"tags":"eu"}}}`, true},
	{`{"data":{"customer":{"tags":{"$ne":"eu"}}}}`, false},
	{`{"data":{"customer":{"tags":{"$nin":["us","uk"]}}}}`, true},
	{`{"data":{"customer":{"tags":{"$and":["eu","new"]}}}}`, true},
	{`{"data":{"customer":{"tags":{"$and":["eu","old"]}}}}`, false},
	{`{"data":{"customer":{"tags":{"$startsWith":"n","$endsWith":"u"}}}}`, false},
	{`{"data":{"items":{"sku":"b","qty":{"$gt":2}}}}`, true},
	{`{"data":{"items":{"sku":"a","qty":{"$gt":2}}}}`, false},
	{`{"data":{"items":{"$and":[{"sku":"a"},{"qty":{"$gt":2}}]}}}`, true},
	{`{"data":{"items":7}}`, true},
	{`{"data":{"items":{"sku":{"$exists":false}}}}`, true}, // the element 7 has no sku
	{`{"data":{"items":{"$not":{"sku":"c"}}}}`, true},
	{`{"data":{"deep":2}}`, true},
	{`{"data":{"deep":{"$gt":2}}}`, false},
	// Logic.
	{`{"$or":[{"type":"x"},{"data":{"amount":100}}]}`, true},
	{`{"$or":[{"type":"x"},{"data":{"amount":101}}]}`, false},
	{`{"$not":{"type":"x"},"data":{"$or":[{"amount":1},{"status":"failed"}]}}`, true},
	{`{"data":{"status":{"$or":["x",{"$startsWith":"f"}]}}}`, true},
	{`{"data":{"status":{"$not":"failed"}}}`, false},
	{`{"data":{"status":{"$not":{"$in":["failed"]}}}}`, false},
	{`{"data":{"$not":{"status":"failed","amount":1}}}`, true},
	{`{"$and":[{"data":{"amount":100}},{"data":{"status":"x"}}]}`, false},
	// Names.
	{`{"data":{"$$ref":"x"}}`, true},
	{`{"data":{"\u0061mount":100}}`, true},
	{`{"data":{"items":{"":{"$exists":true}}}}`, false},
}

// Each operator, and each rule of the syntax, as Filter's comment states them.
func TestFilter(t *testing.T) {
	for _, c := range paidFilters {
		if got := compileFilter(t, c.source).Match("a.b", paidTags, []byte(paid)); got != c.want {
			t.Errorf("%s: %v", c.source, got)
		}
	}
}

// Names and strings match however they are escaped, on either side.
func TestFilterEscapes(t *testing.T) {
	for _, data := range []string{`{"é\"":"x/😀y"}`, `{"\u00E9\"":"\u0078\/\ud83d\ude00y"}`, `{"\u00e9\u0022" : "x\u002F😀\u0079"}`} {
		for _, condition := range []string{
			`"x/😀y"`, `"\u0078/\ud83d\ude00y"`, `{"$in":["a","x\/😀y","z"]}`, `{"$startsWith":"x/😀"}`, `{"$endsWith":"😀y"}`, `{"$endsWith":"x/😀y"}`,
			`{"$contains":"/\ud83d\ude00"}`, `{"$contains":"y"}`, `{"$gt":"x/😀"}`, `{"$lt":"x/😀ya"}`, `{"$gte":"x/😀y","$lte":"x/😀y"}`,
			`{"$not":{"$startsWith":"x/y"}}`, `{"$not":{"$endsWith":"y😀"}}`, `{"$not":{"$contains":"xy"}}`, `{"$gt":"x/\uffff"}`,
		} {
			for _, name := range []string{`é\"`, `\u00e9\u0022`} {
				if !compileFilter(t, `{"data":{"`+name+`":`+condition+`}}`).Match("a", nil, []byte(data)) {
					t.Errorf("%s, as %s, is not %s", data, name, condition)
				}
			}
		}
	}
}

// A member that occurs twice is like an array of both values: a condition needs one that matches, a negation none.
func TestFilterDuplicates(t *testing.T) {
	const data = `{"a":1,"b":{"c":1,"d":2},"a":"x","b":{"c":2},"b":[{"d":3,"d":4}]}`
	for source, want := range map[string]bool{
		`{"data":{"a":1}}`:                          true,
		`{"data":{"a":"x"}}`:                        true,
		`{"data":{"a":{"$ne":1}}}`:                  false,
		`{"data":{"a":{"$nin":[2]}}}`:               true,
		`{"data":{"b":{"c":1,"d":2}}}`:              true,
		`{"data":{"b":{"c":2,"d":2}}}`:              false,
		`{"data":{"b":{"$and":[{"c":2},{"d":2}]}}}`: true,
		`{"data":{"b":{"d":{"$and":[3,4]}}}}`:       true,
	} {
		if got := compileFilter(t, source).Match("a", nil, []byte(data)); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}

// The errors of a filter have their paths and are returned together; values at a limit are valid.
func TestFilterErrors(t *testing.T) {
	nest := func(open string, n int, in, end string) string {
		return strings.Repeat(open, n) + in + strings.Repeat(end, n)
	}
	list := func(one string, n int) string { return "[" + one + strings.Repeat(","+one, n-1) + "]" }
	many := func(n int) string { // conditions
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":1`, i)
		}
		return `{"data":{` + b.String()[1:] + `}}`
	}
	for source, want := range map[string]string{
		``:                                    "filter INVALID",
		`{`:                                   "filter INVALID",
		"{\"data\":\"\xff\"}":                 "filter INVALID",
		`[]`:                                  "filter INVALID",
		`null`:                                "filter INVALID",
		` 7`:                                  "filter INVALID",
		`{}`:                                  "filter REQUIRED",
		`{"data":{}}`:                         "filter.data REQUIRED",
		`{"date":{"a":1}}`:                    "filter.date INVALID",
		`{"$eq":1}`:                           "filter.$eq INVALID",
		`{"$or":[1]}`:                         "filter.$or.0 INVALID",
		`{"data":[1]}`:                        "filter.data INVALID",
		`{"data":{"a":[1]}}`:                  "filter.data.a INVALID",
		`{"data":{"a":1,"\u0061":2}}`:         "filter.data.a INVALID",
		`{"data":{"a":{"$gt":1,"b":2}}}`:      "filter.data.a INVALID",
		`{"data":{"a":{"$gt":true}}}`:         "filter.data.a.$gt INVALID",
		`{"data":{"a":{"$gt":null}}}`:         "filter.data.a.$gt INVALID",
		`{"data":{"a":{"$like":"x"}}}`:        "filter.data.a.$like INVALID",
		`{"data":{"a":{"$ne":{"b":1}}}}`:      "filter.data.a.$ne INVALID",
		`{"data":{"a":{"$in":1}}}`:            "filter.data.a.$in INVALID",
		`{"data":{"a":{"$in":[]}}}`:           "filter.data.a.$in REQUIRED",
		`{"data":{"a":{"$nin":[1,[2]]}}}`:     "filter.data.a.$nin.1 INVALID",
		`{"data":{"a":{"$startsWith":1}}}`:    "filter.data.a.$startsWith INVALID",
		`{"data":{"a":{"$endsWith":""}}}`:     "filter.data.a.$endsWith REQUIRED",
		`{"data":{"a":{"$contains":null}}}`:   "filter.data.a.$contains INVALID",
		`{"data":{"a":{"$exists":1}}}`:        "filter.data.a.$exists INVALID",
		`{"data":{"a":{"$or":{"b":1}}}}`:      "filter.data.a.$or INVALID",
		`{"data":{"a":{"$or":[]}}}`:           "filter.data.a.$or REQUIRED",
		`{"data":{"a":{"$or":[1,{"$x":1}]}}}`: "filter.data.a.$or.1.$x INVALID",
		`{"data":{"a":{"$not":{}}}}`:          "filter.data.a.$not REQUIRED",
		`{"data":{"a":{"$x":1},"b":{"$y":1},"c":[]}}`:   "filter.data.a.$x INVALID, filter.data.b.$y INVALID, filter.data.c INVALID",
		`{"data":` + nest(`{"a":`, 5, `1`, `}`) + `}`:   "",
		`{"data":` + nest(`{"a":`, 6, `1`, `}`) + `}`:   "filter.data.a.a.a.a.a.a TOO_MANY",
		nest(`{"$not":`, 5, `{"type":"a"}`, `}`):        "",
		nest(`{"$not":`, 6, `{"type":"a"}`, `}`):        "filter.$not.$not.$not.$not.$not.$not TOO_MANY",
		`{"data":{"a":{"$or":` + list("1", 16) + `}}}`:  "",
		`{"data":{"a":{"$or":` + list("1", 17) + `}}}`:  "filter.data.a.$or TOO_MANY",
		`{"data":{"a":{"$in":` + list("1", 999) + `}}}`: "",
		many(100): "",
		many(101): "filter TOO_MANY",
		`{"type":"` + strings.Repeat("a", MaxBytes-11) + `"}`: "",
		`{"type":"` + strings.Repeat("a", MaxBytes-10) + `"}`: "filter TOO_LONG",
		nest(`{"$or":[`, 800, `1`, `]}`):                      "filter.$or.0.$or.0.$or.0.$or.0.$or.0.$or.0 TOO_MANY",
	} {
		_, err := Compile("filter", []byte(source))
		var got []string
		for _, e := range webhook.Invalids(err) {
			got = append(got, e.Field+" "+string(e.Code))
		}
		if strings.Join(got, ", ") != want || (err != nil) != (want != "") {
			t.Errorf("%.80s: %v, want %s", source, err, want)
		}
	}
	wrong := strings.ReplaceAll(many(100), ":1", ":[]")
	if _, err := Compile("filter", []byte(wrong)); len(webhook.Invalids(err)) != maxErrors {
		t.Errorf("%d errors", len(webhook.Invalids(err)))
	}
}

// The largest filters are valid: the maximum number of conditions, each at the maximum depth and at a path of its own.
func TestFilterBits(t *testing.T) {
	var branches strings.Builder
	for i := range MaxConditions / 10 {
		one := `"` + strconv.Itoa(i) + `":1`
		for range 9 {
			one += `,"` + strings.Repeat("x", len(one)%7) + strconv.Itoa(len(one)) + `":{"":{"":{"":{"$ne":1}}}}`
		}
		fmt.Fprintf(&branches, `,{"a":{%s}}`, one)
	}
	f := compileFilter(t, `{"data":{"$or":[`+branches.String()[1:]+`]}}`)
	if f.Match("a", nil, []byte(`{}`)) || !f.Match("a", nil, []byte(`{"a":{"9":1}}`)) || f.Match("a", nil, []byte(`{"a":{"9":2}}`)) {
		t.Error("is evaluated wrongly")
	}
	if f.root.until > filterBits {
		t.Errorf("%d bits of %d", f.root.until, filterBits)
	}
}
