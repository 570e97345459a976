package gqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/internal/testschema"
	"github.com/hookgraph/hookgraph/internal/gqlhttp/literal"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

func repeat(n int, each func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(each(i))
	}
	return b.String()
}

// bomb returns n fragments that each spread the next one twice: 2^n fields.
func bomb(n int, last string) string {
	return "{...F0}" + repeat(n, func(i int) string {
		return fmt.Sprintf("fragment F%d on Query{...F%d ...F%d}", i, i+1, i+1)
	}) + fmt.Sprintf("fragment F%d on Query{%s}", n, last)
}

// hostile are documents that are expensive to validate or to run, close to the limit of the body or the guard.
var hostile = map[string]string{
	"fragment bomb": bomb(24, "hello"),
	"nested fragment bomb": "{node{...F0}}" + repeat(24, func(i int) string {
		return fmt.Sprintf("fragment F%d on Node{a:child{...F%d}b:child{...F%d}}", i, i+1, i+1)
	}) + "fragment F24 on Node{id}",
	"fragment cycle":         "{...A}fragment A on Query{...B}fragment B on Query{...A}",
	"self spread":            "{...A}fragment A on Query{hello ...A}",
	"cycle through a field":  "{node{...A}}fragment A on Node{child{...A}}",
	"unused cycle":           "{hello}fragment A on Query{...B}fragment B on Query{...A}",
	"aliases":                "{" + repeat(60_000, func(i int) string { return fmt.Sprintf("a%d:hello ", i) }) + "}",
	"repeated field":         "{" + strings.Repeat("hello ", 7000) + "}",
	"repeated in fragments":  "{" + repeat(90, func(i int) string { return fmt.Sprintf("...F%d ", i) }) + "}" + repeat(90, func(i int) string { return fmt.Sprintf("fragment F%d on Query{%s}", i, strings.Repeat("hello ", 30)) }),
	"repeated at two levels": "{" + strings.Repeat("node{"+strings.Repeat("child{id} ", 40)+"}", 40) + "}",
	"inline fragments":       "{" + strings.Repeat("...{hello}", 9000) + "}",
	"directives":             "{hello " + strings.Repeat("@skip(if:false)", 60_000) + "}",
	"unknown directives":     "{hello " + strings.Repeat("@a", 4000) + "}",
	"depth":                  "{" + strings.Repeat("node{child{", 500) + "id" + strings.Repeat("}}", 500) + "}",
	"very deep":              strings.Repeat("{node", 200_000),
	"deep list":              "{echo(data:" + strings.Repeat("[", 900) + strings.Repeat("]", 900) + ")}",
	"very deep list":         "{echo(data:" + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000) + ")}",
	"deep object":            "{echo(filter:" + strings.Repeat("{and:", 900) + "{}" + strings.Repeat("}", 900) + ")}",
	"long list":              "{echo(list:[" + strings.Repeat("1 ", 400_000) + "])}",
	"many arguments":         "{hello(" + repeat(4000, func(i int) string { return fmt.Sprintf("a%d:1 ", i) }) + ")}",
	"many variables":         "query(" + repeat(2400, func(i int) string { return fmt.Sprintf("$a%d:Int ", i) }) + "){hello}",
	"many operations":        repeat(2500, func(i int) string { return fmt.Sprintf("query a%d{hello}", i) }),
	"many fragments":         "{hello}" + repeat(1800, func(i int) string { return fmt.Sprintf("fragment a%d on Query{hello}", i) }),
	"deep type":              "query($a:" + strings.Repeat("[", 900) + "Int" + strings.Repeat("]", 900) + "){hello}",
	"long string":            `{hello(name:"` + strings.Repeat("x", 1_000_000) + `)}`,
	"comments":               "{hello" + strings.Repeat("#\n", 500_000) + "}",
	"brackets":               strings.Repeat("{", 1_000_000),
	"big number":             "{number(i:" + strings.Repeat("9", 1000) + ")}",
	"introspection": "{" + repeat(99, func(i int) string {
		return fmt.Sprintf("a%d:__schema{types{name fields{name args{name type{name}}type{name}}}}", i)
	}) + "}",
	"list sizes":            "{search(first:1000000000){nodes{children(first:1000000000){nodes{children(last:1000000000){nodes{id}}}}}}}",
	"wrapping list sizes":   "{search(first:9223372036854775807){nodes{children(first:9223372036854775807){nodes{children(first:2){nodes{id}}}}}}}",
	"lists without a limit": "{search{nodes{" + strings.Repeat("list{", 10) + "id" + strings.Repeat("}", 10) + "}}}",
	"unknown fields":        "{" + repeat(2900, func(i int) string { return fmt.Sprintf("nope%d ", i) }) + "}",
}

// preparing measures the cost of refusing a request: CPU time, because the machine may be busy, and all allocated memory.
func preparing(e *engine, req *request) (errs gqlerror.List, took time.Duration, allocated uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := webhooktest.ProcessorTime()
	_, _, errs = e.prepare(context.Background(), req)
	took = webhooktest.ProcessorTime() - start
	runtime.ReadMemStats(&after)
	return errs, took, after.TotalAlloc - before.TotalAlloc
}

const (
	mostTime   = 50 * time.Millisecond
	mostMemory = 20 << 20
)

// checkCheap fails if an attempt costs too much. Time is the best of five, and is not checked under the race detector, which
// multiplies it.
func checkCheap(t *testing.T, e *engine, newReq func() *request) gqlerror.List {
	t.Helper()
	var errs gqlerror.List
	best, memory := time.Hour, uint64(math.MaxUint64)
	for range 5 {
		var took time.Duration
		var allocated uint64
		errs, took, allocated = preparing(e, newReq())
		best, memory = min(best, took), min(memory, allocated)
	}
	if memory > mostMemory {
		t.Errorf("allocated %d bytes", memory)
	}
	if best > mostTime && !webhooktest.Race {
		t.Errorf("took %v", best)
	}
	return errs
}

// A hostile document is refused in less than 50 ms and 20 MiB.
func TestHostileDocuments(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	for name, document := range hostile {
		t.Run(name, func(t *testing.T) {
			if len(document) > 1<<20 {
				t.Fatalf("%d bytes are above the body limit", len(document))
			}
			if errs := checkCheap(t, e, func() *request { return &request{query: document} }); errs == nil {
				t.Error("it was not refused")
			}
		})
	}
}

// The largest documents that the guard accepts cost no more than the hostile ones.
func TestLargestDocuments(t *testing.T) {
	e := newEngine(testschema.New(), Config{Limits: Limits{Cost: math.MaxInt}}.withDefaults())
	for name, text := range map[string]string{
		"aliases":                "{" + repeat(99, func(i int) string { return fmt.Sprintf("a%d:node{child{id name cursor}}", i) }) + "}",
		"repeated":               "{" + strings.Repeat("hello ", 140) + "}",
		"repeated at depth":      "{" + strings.Repeat("node{child{child{child{id}}}}", 20) + "}",
		"fragments":              "{" + repeat(90, func(i int) string { return fmt.Sprintf("a%d:node{...F%d}", i, i) }) + "}" + repeat(90, func(i int) string { return fmt.Sprintf("fragment F%d on Node{id name cursor}", i) }),
		"fragments of fragments": "{node{...F0}}" + repeat(90, func(i int) string { return fmt.Sprintf("fragment F%d on Node{...F%d}", i, i+1) }) + "fragment F90 on Node{id}",
		"wide fragments":         "{node{" + repeat(70, func(i int) string { return fmt.Sprintf("...F%d ", i) }) + "}}" + repeat(70, func(i int) string { return fmt.Sprintf("fragment F%d on Node{id child{id}}", i) }),
		"list literal":           "{echo(list:[" + strings.Repeat("1 ", 9900) + "])}",
		"object literals":        "{echo(list:[" + strings.Repeat("{a:1}", 1900) + "])}",
		"deep filter":            "{echo(filter:" + strings.Repeat("{and:", 30) + "{n:1}" + strings.Repeat("}", 30) + ")}",
		"many filters":           "{echo(filter:{and:[" + strings.Repeat("{n:1}", 1900) + "]})}",
		"operations":             repeat(49, func(i int) string { return fmt.Sprintf("query a%d{...F}", i) }) + "fragment F on Query{hello node{id name cursor child{id name}}}",
		"deep inline fragments":  "{" + strings.Repeat("...{", 900) + "hello" + strings.Repeat("}", 900) + "}",
		"wrong filters":          "{echo(filter:{and:[" + strings.Repeat("{n:A}", 1900) + "]})}",
		"wrong arguments": "{" + repeat(90, func(i int) string {
			return fmt.Sprintf("a%d:hello(%s)", i, repeat(20, func(j int) string { return fmt.Sprintf("x%d:1 ", j) }))
		}) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range checkCheap(t, e, func() *request { e.documents = newCache[*literal.Document](0); return &request{query: text} }) {
				if codeOf(err) == codeTooComplex {
					t.Errorf("refused by the guard: %v", err)
				}
			}
		})
	}
}

// hostileVariables are harmless documents with hostile variables.
var hostileVariables = map[string]struct{ document, variables string }{
	"deep":         {filterDocument, `{"f":` + strings.Repeat(`{"and":[`, 50_000) + strings.Repeat(`]}`, 50_000) + `}`},
	"deep unknown": {filterDocument, `{"f":{"x":` + strings.Repeat(`[`, 400_000) + strings.Repeat(`]`, 400_000) + `}}`},
	"wide":         {filterDocument, `{"f":{"and":[` + strings.Repeat(`{"n":1},`, 100_000) + `{}]}}`},
	"empty lists":  {filterDocument, `{"f":{"and":[` + strings.Repeat(`[],`, 300_000) + `[]]}}`},
	"raw list":     {"query($l:[JSON!]){echo(list:$l)}", `{"l":[` + strings.Repeat(`1,`, 400_000) + `1]}`},
	"deep ids":     {"query($l:[ID!]!){nodes(ids:$l){id}}", `{"l":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`},
	"undeclared":   {"query($n:Int){number(f:$n)}", `{"x":[` + strings.Repeat(`{},`, 300_000) + `{}]}`},
	"deep JSON":    {"query($d:JSON){echo(data:$d)}", `{"d":` + strings.Repeat(`[`, 400_000) + strings.Repeat(`]`, 400_000) + `}`},
}

const filterDocument = "query($f:Filter){echo(filter:$f)}"

// Hostile variables are refused like hostile documents; undeclared variables cost nothing.
func TestHostileVariables(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	for name, c := range hostileVariables {
		t.Run(name, func(t *testing.T) {
			if errs := checkCheap(t, e, func() *request { return &request{query: c.document, variables: json.RawMessage(c.variables)} }); errs == nil {
				t.Error("it was not refused")
			}
		})
	}
}

// The guard is before all three transports.
func TestGuardOnEveryTransport(t *testing.T) {
	s := newServer(t, Config{})
	for _, name := range []string{"fragment bomb", "repeated field", "list sizes"} {
		document := hostile[name]
		for _, accept := range []string{mediaJSON, mediaGraphQL, mediaEvents} {
			if a := s.post(t, `{"query":"`+document+`"}`, map[string]string{"Accept": accept}); !strings.Contains(a.body, codeTooComplex) {
				t.Errorf("%s, %s: %s", name, accept, a.body)
			}
		}
		if a := s.do(t, s.request(t, http.MethodGet, "/?query="+strings.ReplaceAll(document, " ", "%20"), "", nil)); !strings.Contains(a.body, codeTooComplex) {
			t.Errorf("%s, GET: %s", name, a.body)
		}
		c := s.connect(t)
		c.subscribe("1", document)
		if m := c.receive(); !strings.Contains(m, codeTooComplex) {
			t.Errorf("%s, WebSocket: %s", name, m)
		}
	}
}

// GraphiQL's introspection query is far below the limits, and can be disabled.
func TestIntrospection(t *testing.T) {
	const ref = "kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name}}}}}}}}}"
	document := "query IntrospectionQuery{__schema{description queryType{name kind}mutationType{name kind}subscriptionType{name kind}" +
		"types{...FullType}directives{name description isRepeatable locations args(includeDeprecated:true){...InputValue}}}}" +
		"fragment FullType on __Type{kind name description specifiedByURL isOneOf fields(includeDeprecated:true){name description args(includeDeprecated:true){...InputValue}type{...TypeRef}isDeprecated deprecationReason}" +
		"inputFields(includeDeprecated:true){...InputValue}interfaces{...TypeRef}enumValues(includeDeprecated:true){name description isDeprecated deprecationReason}possibleTypes{...TypeRef}}" +
		"fragment InputValue on __InputValue{name description type{...TypeRef}defaultValue isDeprecated deprecationReason}" +
		"fragment TypeRef on __Type{" + ref + "}"
	cfg := Config{}.withDefaults()
	op, _, errs := newEngine(testschema.New(), cfg).prepare(t.Context(), &request{query: document})
	if errs != nil {
		t.Fatal(errs)
	}
	if op.cost > cfg.Limits.Cost/2 {
		t.Errorf("it costs %d", op.cost)
	}
	cfg.DisableIntrospection = true
	off := newEngine(testschema.New(), cfg)
	for _, q := range []string{document, `{__type(name:"Query"){name}}`, `{...F}fragment F on Query{x:__schema{description}}`} {
		if _, _, errs := off.prepare(t.Context(), &request{query: q}); len(errs) != 1 || codeOf(errs[0]) != codeForbidden {
			t.Errorf("switched off: %v", errs)
		}
	}
	if _, _, errs := off.prepare(t.Context(), &request{query: "{__typename}"}); errs != nil {
		t.Error(errs)
	}
}

// The cost is one for each value that may be returned; arguments count by value, wherever that comes from.
func TestCost(t *testing.T) {
	e := newEngine(testschema.New(), Config{Limits: Limits{Cost: math.MaxInt}}.withDefaults())
	for _, c := range []struct {
		document, variables string
		want                int
	}{
		{"{hello}", "", 1},
		{"{__typename hello}", "", 1},
		{"{node{id name}}", "", 3},
		{"{search(first:5){nodes{id}}}", "", 1 + 5*(1+1)},
		{"{search{nodes{id}}}", "", 1 + 10*(1+1)}, // the schema's default
		{"{node{children(last:3){nodes{id}}}}", "", 1 + 1 + 3*(1+1)},
		{"{node{children{nodes{id}}}}", "", 1 + 1 + 10*(1+1)}, // no argument
		{"{node{children(first:null){nodes{id}}}}", "", 1 + 1 + 10*(1+1)},
		{"query($n:Int){node{children(first:$n,last:$n){nodes{id}}}}", `{"n":null}`, 1 + 1 + 10*(1+1)},
		{"query($n:Int=null){node{children(first:$n){nodes{id}}}}", "", 1 + 1 + 10*(1+1)},
		{"{node{children(first:2,last:3){nodes{children(last:4){nodes{id name}}}}}}", "", 1 + 1 + 3*(1+1+4*(1+2))},
		{"{node{t:__typename}}", "", 1 + 1},
		{"{node{list{id}}}", "", 1 + 10*(1+1)},
		{"query($n:Int){search(first:$n){nodes{id}}}", `{"n":7}`, 1 + 7*(1+1)},
		{"query($n:Int=4){search(first:$n){nodes{id}}}", "", 1 + 4*(1+1)},
		{"query($n:Int){search(first:$n){nodes{id}}}", "", 1 + 10*(1+1)},
		{"{search(first:0){nodes{id}}}", "", 1 + 1*(1+1)},
		{"{search(first:-5){nodes{id}}}", "", 1 + 1*(1+1)},
		{"{search(first:1000000){nodes{id}}}", "", 1 + 100*(1+1)},
		{`{nodes(ids:["a","b","c"]){id}}`, "", 3 * (1 + 1)},
		{"query($l:[ID!]!){nodes(ids:$l){id}}", `{"l":["a","b"]}`, 2 * (1 + 1)},
		{`query($i:ID!){nodes(ids:["a",$i]){__typename}}`, `{"i":"b"}`, 2},
		{"{...F}fragment F on Query{...G ...G}fragment G on Query{hello}", "", 2},
		{"{search(first:5){...F}}fragment F on NodeConnection{nodes{id}}", "", 1 + 5*(1+1)},
		{"{... on Query{hello}}", "", 1},
	} {
		req := &request{query: c.document}
		if c.variables != "" {
			req.variables = json.RawMessage(c.variables)
		}
		op, _, errs := e.prepare(t.Context(), req)
		if errs != nil {
			t.Errorf("%s: %v", c.document, errs)
		} else if op.cost != c.want {
			t.Errorf("%s: got %d, want %d", c.document, op.cost, c.want)
		}
	}
}

// Sums and products saturate.
func TestCostSaturates(t *testing.T) {
	for _, got := range []int{addCost(math.MaxInt, 1), addCost(math.MaxInt-1, 2), mulCost(math.MaxInt, 2), mulCost(1<<32, 1<<32), mulCost(3, math.MaxInt/2)} {
		if got != math.MaxInt {
			t.Errorf("got %d", got)
		}
	}
	if mulCost(0, math.MaxInt) != 0 || mulCost(math.MaxInt, 1) != math.MaxInt || mulCost(6, 7) != 42 {
		t.Error("a product is wrong")
	}
}

// A refusal for cost has the cost and the limit.
func TestCostRefusal(t *testing.T) {
	s := newServer(t, Config{Limits: Limits{Cost: 5}})
	a := s.query(t, "{search(first:5){nodes{id}}}", "")
	if a.code(t) != codeTooComplex || !strings.Contains(a.body, `"extensions":{"cost":{"limit":5,"requested":11}}`) {
		t.Errorf("got %s", a.body)
	}
}

// No error suggests names of the schema.
func TestNoSuggestions(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	for _, document := range []string{
		"{helo}", "{node}", "{hello(nam:1)}", "{hello @skp}", "{hello @skip(i:true)}", "query($a:Strin){hello}",
		"{... on Quer{hello}}", "{echo(filter:{nam:1})}", "{echo(filter:{color:RAD})}", `{echo(filter:{color:"RED"})}`, "{hello{x}}",
		"{hello ...f} fragment f on Quer{hello}",
	} {
		_, _, errs := e.prepare(t.Context(), &request{query: document})
		if errs == nil {
			t.Errorf("%s is valid", document)
		}
		for _, err := range errs {
			if strings.Contains(err.Message, "Did you mean") {
				t.Errorf("%s: %s", document, err.Message)
			}
		}
	}
}

// However many errors a document has, only a few are shown.
func TestErrorsAreBounded(t *testing.T) {
	e := newEngine(testschema.New(), Config{}.withDefaults())
	_, _, errs := e.prepare(t.Context(), &request{query: "{" + repeat(90, func(i int) string { return fmt.Sprintf("nope%d ", i) }) + "}"})
	if len(errs) != maxShownErrors {
		t.Errorf("got %d", len(errs))
	}
}

// Whatever the document, the guard and validation neither panic nor take long, and a repeated document is refused again.
func FuzzPrepare(f *testing.F) {
	names := make([]string, 0, len(hostile))
	for name := range hostile {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(hostile[name]) < 5000 {
			f.Add(hostile[name], "{}")
		}
	}
	f.Add("query($f:Filter$l:[JSON!]$i:ID){echo(filter:$f list:$l)node(id:$i){id}}", `{"f":{"and":[{"data":1e400}]},"l":[1,{}],"i":7}`)
	f.Add("query($d:JSON={a:1e400}$x:Int){echo(data:{b:$x c:99999999999999999999 d:[1.10 $d]}filter:{data:\"\"})}", `{"x":1}`)
	log := &syncBuffer{}
	e := newEngine(testschema.New(), Config{Logger: discard(log)}.withDefaults())
	f.Fuzz(func(t *testing.T, document, variables string) {
		req := func() *request {
			r := &request{query: document}
			if isObject([]byte(variables)) && json.Valid([]byte(variables)) {
				r.variables = json.RawMessage(variables)
			}
			return r
		}
		_, _, first := e.prepare(t.Context(), req())
		_, _, second := e.prepare(t.Context(), req())
		if (first == nil) != (second == nil) {
			t.Errorf("first %v, then %v", first, second)
		}
		if log.String() != "" {
			t.Error(errors.New(log.String()))
		}
	})
}
