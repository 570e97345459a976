package gqlhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/internal/testschema"
)

// A JSON scalar in a variable reaches the response byte for byte, on every transport.
func TestJSONIsKept(t *testing.T) {
	s := newServer(t, Config{})
	for _, value := range []string{
		`{"z":1,"a":12345678901234567890,"m":[1.10,1e400,-0,"<&>\u00e9"]}`, `1.10`, `"x"`, `[ 1 , 2 ]`, `{"a":1,"a":2}`, `true`,
	} {
		doc := "query($d:JSON){echo(data:$d)}"
		want := `"data":{"echo":` + value + `}`
		if a := s.query(t, doc, `{"d":`+value+`}`); !strings.Contains(a.body, want) {
			t.Errorf("HTTP: %s", a.body)
		}
		body := `{"query":"` + doc + `","variables":{"d":` + value + `}}`
		if a := s.post(t, body, map[string]string{"Accept": mediaEvents}); !strings.Contains(a.body, want) {
			t.Errorf("SSE: %s", a.body)
		}
		c := s.connect(t)
		c.send(`{"id":"1","type":"subscribe","payload":` + body + `}`)
		if m := c.receive(); !strings.Contains(m, want) {
			t.Errorf("WebSocket: %s", m)
		}
	}
}

// A JSON scalar as a literal reaches the response as it was written, except white space: also within an input object or list, as a
// variable's default, and around variables.
func TestJSONLiterals(t *testing.T) {
	s := newServer(t, Config{})
	const odd = `{"z":1,"a":12345678901234567890,"m":[1.10,1e400,-0,1E5],"t":"<&>\u0001é\"","e":"X","b":true,"n":null}`
	const literal = `{z: 1, a: 12345678901234567890, m: [1.10 1e400, -0, 1E5], t: "<&>\u0001\u00e9\"", e: X, b: true, n: null}`
	for _, c := range []struct{ document, variables, want string }{
		{`{echo(data: ` + literal + `)}`, "", odd},
		{`{echo(data: 12345678901234567890)}`, "", "12345678901234567890"},
		{`{echo(data: """a "b" c""")}`, "", `"a \"b\" c"`},
		{`{echo(data: [])}`, "", "[]"},
		{`{echo(data: null)}`, "", "null"},
		{`{echo(filter: {data: ` + literal + `})}`, "", `{"data":` + odd + `}`},
		{`{echo(list: [1.10, ` + literal + `])}`, "", `[1.10,` + odd + `]`},
		{`{echo(list: 1.10)}`, "", "1.10"},
		{`{...F} fragment F on Query {echo(data: 1.10)}`, "", "1.10"},
		{`{... on Query {echo(data: 1.10)}}`, "", "1.10"},
		{`query($d: JSON = ` + literal + `) {echo(data: $d)}`, "", odd},
		{`query($d: JSON = ` + literal + `) {echo(data: $d)}`, `{}`, odd},
		{`query($d: JSON = 1.10) {echo(data: $d)}`, `{"d":2.20}`, "2.20"},
		{`query($d: JSON = 1.10) {echo(data: $d)}`, `{"d":null}`, "null"},
		{`query($d: JSON = 1.10, $x: Int) {echo(data: $d) number(i: $x)}`, ` { "x" : 1 } `, "1.10"},
		{`query($d: JSON! = 1.10) {echo(data: $d)}`, "", "1.10"},
		{`query($l: [JSON!] = [1.10, {b: 1, a: 2}]) {echo(list: $l)}`, "", `[1.10,{"b":1,"a":2}]`},
		{`query($f: Filter = {data: ` + literal + `, color: RED}) {echo(filter: $f)}`, "", `{"color":"RED","data":` + odd + `}`},
		{
			`query($d: JSON, $i: Int, $s: String, $l: [Int!]) {echo(data: {d: $d, i: [$i, $s], s: $s, l: $l, big: 1e400})}`,
			`{"d":{"z":1.10,"a":1},"i":7,"l":[1,2]}`, `{"d":{"z":1.10,"a":1},"i":[7,null],"l":[1,2],"big":1e400}`,
		},
	} {
		for range 2 { // the second is from the cache
			if a := s.query(t, c.document, c.variables); !strings.Contains(a.body, `"data":{"echo":`+c.want+`}`) && !strings.Contains(a.body, `"data":{"echo":`+c.want+`,"number"`) {
				t.Errorf("%s\n got %s\nwant %s", c.document, a.body, c.want)
			}
		}
	}
}

// A number that does not fit is refused outside of JSON, and errors around a JSON literal are still found.
func TestLiteralsThatAreRefused(t *testing.T) {
	s := newServer(t, Config{})
	for document, want := range map[string]string{
		`{number(i: 12345678901234567890)}`:                                       "64 bits",
		`{number(f: 1e400)}`:                                                      "64 bits",
		`{echo(filter: {n: 12345678901234567890, data: 1e400})}`:                  "64 bits",
		`query($f: Float = 1e400) {number(f: $f)}`:                                "64 bits",
		`{echo(data: {a: $x})}`:                                                   "$x",
		`query($x: Int) {echo(data: {a: 1})}`:                                     "never used",
		`{echo(data: {a: 1, a: 2})}`:                                              "only one input field",
		`{echo(filter: {nope: 1e400})}`:                                           "64 bits",
		`{echo(filter: {nope: 1, data: 1e400})}`:                                  "not defined",
		`query($d: JSON! = null) {echo(data: $d)}`:                                "found null",
		`query($d: JSON = {a: $d}) {echo(data: $d)}`:                              "",
		`{echo(data: 1) @skip(if: 12345678901234567890)}`:                         "64 bits",
		`{echo(data: ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `)}`: "deeply",
	} {
		if a := s.query(t, document, ""); a.code(t) == "" || !strings.Contains(a.body, want) {
			t.Errorf("%s: got %s", document, a.body)
		}
	}
}

// What is no integer, as a literal would have it, is refused, and the error names no other value.
func TestIntegersOfVariables(t *testing.T) {
	s := newServer(t, Config{})
	for value, fits := range map[string]bool{
		"1": true, "-200": true, "1.0": false, "1e2": false, "1.5": false, "1e400": false, "12345678901234567890": false, "1e300": false, `"1"`: false,
	} {
		for document, variables := range map[string]string{
			"query($i: Int) {number(i: $i)}":                                                     `{"i": ` + value + `}`,
			"query($f: Filter) {echo(filter: $f)}":                                               `{"f": {"n": ` + value + `}}`,
			"query($f: [Filter!]) {hello @skip(if: false) number(i: 1) echo(filter: {and: $f})}": `{"f": [{"n": ` + value + `}]}`,
		} {
			a := s.query(t, document, variables)
			if fits != (a.code(t) == "") || !fits && !strings.Contains(a.body, "expected a value of type Int") {
				t.Errorf("%s in %s: got %s", value, document, a.body)
			}
		}
	}
	if a := s.query(t, "query($f: Float) {number(f: $f)}", `{"f": 1e400}`); !strings.Contains(a.body, "expected a value of type Float") {
		t.Errorf("got %s", a.body)
	}
}

// A string with half of a surrogate pair is refused wherever it is read as text: all halves would be the same replacement character, and so two keys
// one. A value of the scalar JSON is kept as it is in a variable; in a document it is as the document says.
func TestHalfCharactersAreRefused(t *testing.T) {
	s := newServer(t, Config{})
	for body, half := range map[string]bool{
		`{"query":"query($s:String){hello(name:$s)}","variables":{"s":"a\ud800"}}`:                    true,
		`{"query":"query($s:String){hello(name:$s)}","variables":{"s":"\udfff\ud83d"}}`:               true,
		`{"query":"query($s:String){hello(name:$s)}","variables":{"s":"\ud83d\ude00\ufffd\\ud800"}}`:  false,
		`{"query":"query($f:Filter){echo(filter:$f)}","variables":{"f":{"and":[{"name":"\uDC00"}]}}}`: true,
		`{"query":"query($d:JSON){echo(data:$d)}","variables":{"d":"a\ud800"}}`:                       false,
		`{"query":"{echo(data:\"a\\ud800\")}"}`:                                                       true,
		`{"query":"# é\n{echo(data: {a: [\"\", \"a\\uDC00\\uD83D\"]})}"}`:                             true,
		`{"query":"{echo(data:\"a\\ud83d\\ude00\\\\ud800\")}"}`:                                       false,
		`{"query":"{echo(data:\"\"\"a\\ud800\"\"\")} # \\ud800"}`:                                     false,
		`{"query":"{hello} # \ud800"}`:                                                                true,
		`{"query":"{hello}","operationName":"\ud800"}`:                                                true,
		`{"query":"{hello}","extensions":{"a":{"b":["\ud800"]}}}`:                                     true,
		`{"query":"{hello}","extensions":{"a":{"b":["\\ud800"]}}}`:                                    false,
	} {
		if a := s.post(t, body, nil); strings.Contains(a.body, halfCharacter) != half || half != (a.code(t) != "") {
			t.Errorf("%s: got %s", body, a.body)
		}
	}
	a := s.query(t, "{\n  hello echo(data: {b: \"é\", a: \"\\ud800\"})}", "")
	if a.code(t) != codeParse || !strings.Contains(a.body, `"locations":[{"line":2,"column":33}]`) {
		t.Errorf("got %s", a.body)
	}
}

// A literal that contains the same large variable many times is refused, not expanded.
func TestLiteralsAreBounded(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	query := "query($x:JSON){echo(data:[" + strings.Repeat("$x ", 4000) + "])}"
	large := json.RawMessage(`{"x":"` + strings.Repeat("x", 500_000) + `"}`)
	errs := checkCheap(t, e, func() *request { return &request{query: query, variables: large} })
	if len(errs) != 1 || codeOf(errs[0]) != codeTooComplex {
		t.Errorf("got %v", errs)
	}
}

// parsed returns a document with the types of its variables, as after validation, without its errors.
func parsed(t *testing.T, e *engine, document string) *ast.QueryDocument {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		t.Fatal(err)
	}
	validator.Walk(e.schema.Schema(), doc, &validator.Events{})
	return doc
}

// Variables are decoded by their types: JSON stays raw everywhere, numbers keep their notation, a single value may stand for a
// list.
func TestDecodeVariables(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	e := newEngine(testschema.New(), Config{}.withDefaults())
	for _, c := range []struct {
		name, definition, variables string
		want                        any // of $v; an error's text if it is refused
	}{
		{"json", "JSON", `{"v":1e400}`, raw("1e400")},
		{"json null", "JSON", `{"v":null}`, nil},
		{"json, required", "JSON!", `{"v":null}`, "cannot be null"},
		{"json with line break", "JSON", "{\"v\": {\n\"a\" : 1} }", raw("{\n\"a\" : 1}")},
		{"json list", "[JSON!]", `{"v":[1.0,{"b":1,"a":2},[3]]}`, []any{raw("1.0"), raw(`{"b":1,"a":2}`), raw("[3]")}},
		{"json for a list", "[JSON!]", `{"v":1.0}`, []any{raw("1.0")}},
		{"json list of null", "[JSON!]", `{"v":[null]}`, "cannot be null"},
		{"json list of list", "[[JSON]]", `{"v":[[1.0],[null]]}`, []any{[]any{raw("1.0")}, []any{nil}}},
		{"input", "Filter", `{"v":{"data":1.10,"list":[2.0],"n":3,"name":"x","and":[{"data":{"z":0}}]}}`, map[string]any{
			"data": raw("1.10"), "list": []any{raw("2.0")}, "n": json.Number("3"), "name": "x",
			"and": []any{map[string]any{"data": raw(`{"z":0}`)}},
		}},
		{"input for a list", "Filter", `{"v":{"and":{"n":1}}}`, map[string]any{"and": []any{map[string]any{"n": json.Number("1")}}}},
		{"unknown field", "Filter", `{"v":{"nope":[{"a":1}]}}`, "unknown field"},
		{"list for an input", "Filter", `{"v":[]}`, "must be a Filter"},
		{"int", "Int", `{"v":7}`, int64(7)},
		{"int too large", "Int", `{"v":9223372036854775808}`, "expected a value of type Int"},
		{"fraction for int", "Int", `{"v":1.5}`, "expected a value of type Int"},
		{"string for int", "Int", `{"v":"7"}`, "expected a value of type Int"},
		{"string for float, inside", "[Float]", `{"v":["7"]}`, "expected a value of type Float"},
		{"number for string", "String", `{"v":7}`, "expected a value of type String"},
		{"number for id", "ID", `{"v":7}`, json.Number("7")},
		{"float out of range", "Float", `{"v":1e400}`, "expected a value of type Float"},
		{"enum", "Color", `{"v":"RED"}`, "RED"},
		{"no such enum", "Color", `{"v":"BLUE"}`, "not a valid Color"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := parsed(t, e, "query($v:"+c.definition+"){hello}")
			got, err := decodeVariables(e.schema.Schema(), doc.Operations[0], raw(c.variables), 1000)
			if err != nil {
				if want, ok := c.want.(string); !ok || !strings.Contains(err.Message, want) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
				return
			}
			if diff := cmp.Diff(c.want, got["v"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The error of a variable that does not fit its type has its name and the path within it, not its value.
func TestWrongVariablesAreNamed(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	for _, c := range []struct{ definition, variables, want string }{
		{"Int", `{"v":"secret"}`, "$v"},
		{"Int", `{"v":99999999999999999999}`, "$v"},
		{"Int!", `{}`, "$v"},
		{"Int!", `{"v":null}`, "$v"},
		{"String", `{"v":7}`, "$v"},
		{"String", `{"v":true}`, "$v"},
		{"[Float]", `{"v":[1,"secret"]}`, "$v.1"},
		{"[[Int]]", `{"v":[[1],[2,"secret"]]}`, "$v.1.1"},
		{"Filter", `{"v":{"name":7}}`, "$v.name"},
		{"Filter", `{"v":{"and":[{"n":1},{"and":[{"n":"secret"}]}]}}`, "$v.and.1.and.0.n"},
		{"Filter", `{"v":{"and":[{"nope":"secret"}]}}`, "$v.and.0.nope"},
		{"Filter", `{"v":{"and":[null]}}`, "$v.and.0"},
		{"Filter", `{"v":"secret"}`, "$v"},
	} {
		doc := parsed(t, e, "query($v:"+c.definition+"){hello}")
		_, err := decodeVariables(e.schema.Schema(), doc.Operations[0], json.RawMessage(c.variables), 1000)
		if err == nil || err.Extensions["variable"] != c.want || !strings.HasPrefix(err.Message, c.want+": ") || strings.Contains(err.Message, "secret") ||
			err.Path != nil || codeOf(err) != codeValidation {
			t.Errorf("%s of %s: %v, want %s", c.variables, c.definition, err, c.want)
		}
	}
}

// A persisted document runs by its hash once it has been sent with the hash; a document with the wrong hash does not.
func TestPersistedQueries(t *testing.T) {
	s := newServer(t, Config{})
	const document = "{hello}"
	hash := sha256Hex(document)
	only := `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}}`
	both := func(document string) string {
		return `{"query":"` + document + `","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}}`
	}
	for _, step := range []struct{ body, code string }{
		{only, codePersistedNotFound},
		{both("{fails}"), codeBadInput},
		{only, codePersistedNotFound},
		{both(document), ""},
		{only, ""},
		{`{"extensions":{"persistedQuery":{"version":2,"sha256Hash":"` + hash + `"}}}`, codePersistedNotSupported},
		{`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, codeBadInput},
		{`{"extensions":{"persistedQuery":1}}`, codePersistedNotSupported},
	} {
		if a := s.post(t, step.body, nil); a.code(t) != step.code {
			t.Errorf("%s: got %s", step.body, a.body)
		}
	}
	c := s.connect(t)
	c.send(`{"id":"1","type":"subscribe","payload":` + only + `}`)
	if m := c.receive(); !strings.Contains(m, `"hello":"hello"`) {
		t.Errorf("WebSocket: %s", m)
	}
}

// With trusted documents nothing else runs, as text or by hash.
func TestTrustedDocuments(t *testing.T) {
	const document = "{hello}"
	s := newServer(t, Config{TrustedDocuments: map[string]string{sha256Hex(document): document}})
	byHash := func(document string) string {
		return `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + sha256Hex(document) + `"}}}`
	}
	for body, code := range map[string]string{
		`{"query":"{hello}"}`: "", byHash(document): "",
		`{"query":"{fails}"}`: codeForbidden, byHash("{fails}"): codeForbidden,
		`{"query":"{fails}",` + byHash(document)[1:]: codeForbidden,
	} {
		if a := s.post(t, body, nil); a.code(t) != code {
			t.Errorf("%s: got %s", body, a.body)
		}
	}
}

// The cache keeps the documents used last, within its bytes.
func TestCache(t *testing.T) {
	c := newCache[int](8 * (entryOverhead + 100 + 1))
	for i, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c.add(key, i, 100)
	}
	c.get("a")
	c.add("i", 8, 100)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "i": true} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("%s: got %v", key, ok)
		}
	}
	c.add("large", 9, 102)
	if _, ok := c.get("large"); ok {
		t.Error("a value of more than an eighth was kept")
	}
	c.add("a", 10, 100)
	if v, _ := c.get("a"); v != 0 || c.size > c.limit || len(c.entries) != c.order.Len() {
		t.Errorf("got %d, size %d, %d entries", v, c.size, len(c.entries))
	}
}

// The middleware of the configuration runs around operations.
func TestMiddleware(t *testing.T) {
	calls := make(chan string, 10)
	s := newServer(t, Config{
		AroundOperations: func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
			calls <- graphql.GetOperationContext(ctx).RawQuery
			return next(ctx)
		},
	})
	s.query(t, "{hello}", "")
	if got := <-calls; got != "{hello}" {
		t.Errorf("got %s", got)
	}
}

// The cache of documents uses no more memory than its limit.
func TestDocumentCacheIsHonest(t *testing.T) {
	for name, document := range map[string]func(i int) string{
		"small": func(i int) string { return fmt.Sprintf("query a%d{hello}", i) },
		"large": func(i int) string {
			return fmt.Sprintf("query a%d{", i) + repeat(60, func(j int) string { return fmt.Sprintf("b%d:node{child{id name cursor}}", j) }) + "}"
		},
		"arguments": func(i int) string {
			return "{" + repeat(60, func(j int) string { return fmt.Sprintf(`b%d:hello(name:"%d") `, j, i) }) + "}"
		},
		"literals": func(i int) string { return fmt.Sprintf("{echo(data:[%d", i) + strings.Repeat(" {a:1}", 300) + "])}" },
		"list":     func(i int) string { return fmt.Sprintf("{echo(list:[%d", i) + strings.Repeat(" 1", 900) + "])}" },
		"fragments": func(i int) string {
			return fmt.Sprintf("query a%d{node{", i) + repeat(60, func(j int) string { return fmt.Sprintf("...F%d ", j) }) + "}}" +
				repeat(60, func(j int) string { return fmt.Sprintf("fragment F%d on Node{id}", j) })
		},
		"variables": func(i int) string {
			return fmt.Sprintf("query a%d(", i) + repeat(60, func(j int) string { return fmt.Sprintf("$v%d:String ", j) }) + "){" +
				repeat(60, func(j int) string { return fmt.Sprintf("b%d:hello(name:$v%d) ", j, j) }) + "}"
		},
	} {
		e := newEngine(testschema.New(), Config{DocumentCacheBytes: 1 << 30}.withDefaults())
		inUse := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := inUse()
		for i := range 100 {
			if _, errs := e.document(document(i)); errs != nil {
				t.Fatalf("%s: %v", name, errs)
			}
		}
		took, said := int(inUse()-before), e.documents.size
		t.Logf("%s: %d bytes each, said to be %d", name, took/100, said/100)
		if took > said {
			t.Errorf("%s: a document takes %d bytes, and is said to take %d", name, took/100, said/100)
		}
		runtime.KeepAlive(e)
	}
}
