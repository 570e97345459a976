package openapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/openapi"
	"github.com/hookgraph/hookgraph/internal/schema"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

func document(webhooks, components string) string {
	return `{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "webhooks": ` + webhooks + `, "components": ` + components + `}`
}

// posted is a path item whose body has the schema.
func posted(schema string) string {
	return `{"post": {"requestBody": {"content": {"application/json": {"schema": ` + schema + `}}}}}`
}

func read(tb testing.TB, text string) []webhook.Declaration {
	tb.Helper()
	all, err := openapi.Read([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// A document as people write it: what is common is in components, bodies are deliveries or only their data, and descriptions are where the
// specification allows them. Numbers keep their spelling.
func TestRead(t *testing.T) {
	got := read(t, document(`{
		"order.paid": {"post": {"summary": "short", "description": "An order was paid.", "deprecated": true, "x-hookgraph-validation": "REJECT",
			"requestBody": {"content": {"text/plain": {}, "application/json; charset=utf-8": {
				"schema": {"type": "object", "required": ["type", "timestamp", "data"], "properties": {"type": {"const": "order.paid"}, "timestamp": {}, "data": {"$ref": "#/components/schemas/Order"}}},
				"example": {"type": "order.paid", "timestamp": "x", "data": {"amount": 9.90}}}}}}},
		"order.sent": {"$ref": "#/components/pathItems/sent"},
		"ping": {"post": {"summary": "Nothing."}},
		"bare": {"post": {"requestBody": {"content": {"application/json": {"schema": {"required": ["type", "timestamp", "data"], "properties": {"type": {}, "timestamp": {}}}}}}}}
	}`, `{
		"schemas": {
			"Order": {"type": "object", "properties": {"amount": {"$ref": "#/components/schemas/Money"}, "parent": {"$ref": "#/components/schemas/Order"}, "enum": {"$ref": "#/components/schemas/Order/properties/amount"}}},
			"Money": {"type": "number", "multipleOf": 0.010, "enum": [{"$ref": "#/no/reference"}]}
		},
		"pathItems": {"sent": {"post": {"requestBody": {"$ref": "#/components/requestBodies/sent"}}}},
		"requestBodies": {"sent": {"content": {"application/vnd.sent+json": {"schema": true, "examples": {"one": {"$ref": "#/components/examples/one"}}}}}},
		"examples": {"one": {"value": [1.0]}}
	}`))
	want := []webhook.Declaration{
		{Name: "order.paid", Description: "An order was paid.", Deprecated: true, Validation: webhook.ValidationReject, Example: []byte(`{"amount":9.90}`), Schema: []byte(
			`{"type":"object","properties":{"amount":{"$ref":"#/$defs/Money"},"parent":{"$ref":"#"},"enum":{"$ref":"#/properties/amount"}},` +
				`"$defs":{"Money":{"type":"number","multipleOf":0.010,"enum":[{"$ref":"#/no/reference"}]}}}`)},
		{Name: "order.sent", Schema: []byte(`true`), Example: []byte(`[1.0]`)},
		{Name: "ping", Description: "Nothing."},
		{Name: "bare"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, one := range got {
		if one.Schema != nil {
			if _, err := schema.Compile(one.Schema); err != nil {
				t.Errorf("%s: %v", one.Name, err)
			}
		}
	}
}

// What a schema refers to comes with it, however the parts refer to each other, under names that are free.
func TestReadParts(t *testing.T) {
	got := read(t, document(`{"a.b": `+posted(`{"$ref": "#/components/schemas/A"}`)+`}`, `{"schemas": {
		"A": {"$defs": {"B": {"type": "string"}}, "anyOf": [{"$ref": "#/components/schemas/A/$defs/B"}, {"$ref": "#/components/schemas/B"}]},
		"B": {"properties": {"back": {"$ref": "#/components/schemas/A"}, "c": {"$ref": "#/components/schemas/C~1 d"}, "own": {"$ref": "#/components/schemas/B/properties/c"}}},
		"C/ d": {"type": "integer"}
	}}`))
	const want = `{"$defs":{"B":{"type":"string"},"B_1":{"properties":{"back":{"$ref":"#"},"c":{"$ref":"#/$defs/C~1%20d"},"own":{"$ref":"#/$defs/c"}}},` +
		`"C/ d":{"type":"integer"},"c":{"$ref":"#/$defs/C~1%20d"}},"anyOf":[{"$ref":"#/$defs/B"},{"$ref":"#/$defs/B_1"}]}`
	if diff := cmp.Diff(want, string(got[0].Schema)); diff != "" {
		t.Error(diff)
	}
	s, err := schema.Compile(got[0].Schema)
	if err != nil {
		t.Fatal(err)
	}
	for data, valid := range map[string]bool{`"x"`: true, `{"c": 1}`: true, `{"c": "x"}`: false, `{"back": {"own": 1.5}}`: false} {
		if errs, ok := s.Check([]byte(data), &schema.Budget{Steps: 1000}); !ok || (len(errs) == 0) != valid {
			t.Errorf("%s: %v", data, errs)
		}
	}
}

// Documents that are wrong or hostile are refused with the place and the reason, at once.
func TestReadMistakes(t *testing.T) {
	chain := `{"schemas": {"0": {"type": "string"}`
	for i := 1; i < 100; i++ {
		chain += fmt.Sprintf(`, "%d": {"$ref": "#/components/schemas/%d"}`, i, i-1)
	}
	chain += `}}`
	big := `{"schemas": {"big": {"enum": ["` + strings.Repeat("x", 60<<10) + `"]}}}`
	many, all := []string{}, []string{}
	for i := range 501 {
		many = append(many, fmt.Sprintf(`"a.n%d": {"post": {}}`, i))
		all = append(all, fmt.Sprintf(`"a.n%d": %s`, i, posted(`{"$ref": "#/components/schemas/big"}`)))
	}
	long := strings.Repeat("n", 100<<10)
	for name, tc := range map[string]struct{ text, want string }{
		"not JSON":            {"openapi: 3.1.0", "must be JSON in UTF-8; convert YAML first"},
		"empty":               {"", "must be JSON"},
		"not an object":       {"[]", "must be an OpenAPI document"},
		"something else":      {`{"swagger": "2.0"}`, "must be an OpenAPI document"},
		"3.0":                 {`{"openapi": "3.0.3", "webhooks": {}}`, `OpenAPI 3.1 or 3.2`},
		"no webhooks":         {`{"openapi": "3.1.0", "paths": {}}`, "must have the member webhooks"},
		"list of webhooks":    {document(`[]`, `{}`), "must have the member webhooks"},
		"name":                {document(`{"order paid": {}}`, `{}`), `at "#/webhooks/order%20paid": the name must be words`},
		"reserved":            {document(`{"hookgraph.test": {}}`, `{}`), `reserved`},
		"get":                 {document(`{"a.b": {"get": {}}}`, `{}`), `at "#/webhooks/a.b": must have the operation post`},
		"form":                {document(`{"a.b": {"post": {"requestBody": {"content": {"multipart/form-data": {}}}}}}`, `{}`), `must have content of type application/json`},
		"validation":          {document(`{"a.b": {"post": {"x-hookgraph-validation": "STRICT"}}}`, `{}`), `at "#/webhooks/a.b/post/x-hookgraph-validation": must be one of`},
		"nothing there":       {document(`{"a.b": `+posted(`{"$ref": "#/components/schemas/X"}`)+`}`, `{}`), `refers to "#/components/schemas/X", which is not there`},
		"nothing there below": {document(`{"a.b": `+posted(`{"not": {"$ref": "#/components/schemas/X"}}`)+`}`, `{}`), `which is not there`},
		"file":                {document(`{"a.b": `+posted(`{"not": {"$ref": "order.json"}}`)+`}`, `{}`), `only to a place in this document`},
		"URL":                 {document(`{"a.b": {"$ref": "https://example.com/#/a"}}`, `{}`), `only to a place in this document`},
		"escape":              {document(`{"a.b": {"$ref": "#/%zz"}}`, `{}`), `only to a place in this document`},
		"to itself":           {document(`{"a.b": {"$ref": "#/webhooks/a.b"}}`, `{}`), `leads to references`},
		"in a circle":         {document(`{"a.b": `+posted(`{"$ref": "#/components/schemas/X"}`)+`}`, `{"schemas": {"X": {"$ref": "#/components/schemas/Y"}, "Y": {"$ref": "#/components/schemas/X"}}}`), `leads to references`},
		"long chain":          {document(`{"a.b": `+posted(`{"$ref": "#/components/schemas/99"}`)+`}`, chain), `leads to references`},
		"twice":               {document(`{"a.b": {"post": {}}, "a.b": {"post": {}}}`, `{}`), `has the member "a.b" twice`},
		"twice among many":    {document(`{"a.b": {"post": {"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"3":1}}}`, `{}`), `at "#/webhooks/a.b/post": has the member "3" twice`},
		"deep":                {document(strings.Repeat(`{"a":`, 200)+"1"+strings.Repeat("}", 200), `{}`), "nested at most 100 deep"},
		"values":              {document(`{"a.b": {"x": [`+strings.Repeat("1,", 200_000)+`1]}}`, `{}`), "at most 100000 values"},
		"bytes":               {document(`{}`, `{"x": "`+strings.Repeat("x", 5<<20)+`"}`), "at most 4194304 bytes"},
		"many":                {document("{"+strings.Join(many, ",")+"}", `{}`), "at most 500 webhooks"},
		"amplified":           {document("{"+strings.Join(all[:500], ",")+"}", big), "the schemas of all event types are longer than"},
		"long names":          {document(`{"a.b": {"`+long+`": {"`+long+`": {"x": 1, "x": 2}}}}`, `{}`), `has the member "x" twice`},
	} {
		began := time.Now()
		_, err := openapi.Read([]byte(tc.text))
		invalid := webhook.Invalids(err)
		if len(invalid) == 0 || !strings.Contains(invalid[0].Message, tc.want) || len(invalid[0].Message) > 600 {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// types are declared types as the store keeps them; schemas by name.
func types(schemas map[string]string) (all []*webhook.EventType) {
	for name, text := range schemas {
		one := &webhook.EventType{Seq: 1, Name: name, Description: "of " + name, Validation: webhook.ValidationReject, UpdatedAt: time.Unix(1_800_000_000, 0)}
		if text != "" {
			one.Schema, one.Example = &text, new(`{"n":1.50,"u":"\u2028<&"}`)
		} else {
			one.Validation = webhook.ValidationOff
		}
		if strings.HasPrefix(name, "old") {
			one.DeprecatedAt = new(time.Unix(1, 0))
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *webhook.EventType) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var declared = map[string]string{
	"none": "", "yes": "true", "no": "false", "empty": "{}",
	"refs":      `{"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"$ref":{"type":"string"},"self":{"$ref":"#"}},"$defs":{"x":{"enum":[{"$ref":"#/$defs/y"},1.50]},"a b":{"$ref":"#/$defs/x"}},"default":{"$ref":"#/x"}}`,
	"id":        `{"$id":"https://example.com/order.json","$defs":{"x":{"type":"string"}},"$ref":"#/$defs/x"}`,
	"anchor":    `{"$defs":{"x":{"$anchor":"here","type":"string"}},"properties":{"x":{"$ref":"#here"}}}`,
	"old.draft": `{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"x":{"type":"string"}},"properties":{"x":{"$ref":"#/definitions/x"}}}`,
	"envelope":  `{"type":"object","required":["data"],"properties":{"type":{},"timestamp":{},"data":{"type":"string"}}}`,
}

// What is exported and imported again is what it was, to the byte.
func TestRoundTrip(t *testing.T) {
	before := types(declared)
	text, err := openapi.Write("Webhooks of kallima", before)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]webhook.Declaration{}
	for _, one := range read(t, string(text)) {
		got[one.Name] = one
	}
	if len(got) != len(before) {
		t.Errorf("%d types of %d", len(got), len(before))
	}
	for _, one := range before {
		want := webhook.Declaration{Name: one.Name, Description: one.Description, Validation: one.Validation, Deprecated: one.DeprecatedAt != nil}
		if one.Schema != nil {
			want.Schema, want.Example = []byte(*one.Schema), []byte(*one.Example)
		}
		if diff := cmp.Diff(want, got[one.Name]); diff != "" {
			t.Errorf("%s (-declared +imported):\n%s", one.Name, diff)
		}
	}
}

// checker finds what the specifications forbid, or do not know, in a document.
type checker struct {
	*testing.T
	root map[string]any
}

// fields checks the members of an object against those that the specification lists; a name with ! is required. Extensions are allowed.
func (c *checker) fields(at string, v any, allowed ...string) map[string]any {
	c.Helper()
	o, ok := v.(map[string]any)
	if !ok {
		c.Errorf("%s: is no object: %v", at, v)
		return nil
	}
	known := map[string]bool{}
	for _, name := range allowed {
		name, must := strings.CutSuffix(name, "!")
		known[name] = true
		if _, has := o[name]; must && !has {
			c.Errorf("%s: must have %s", at, name)
		}
	}
	for name := range o {
		if !known[name] && !strings.HasPrefix(name, "x-") {
			c.Errorf("%s: %s is not in the specification", at, name)
		}
	}
	return o
}

// resolve follows a Reference Object.
func (c *checker) resolve(at string, v any) any {
	c.Helper()
	o, _ := v.(map[string]any)
	to, ok := o["$ref"].(string)
	if !ok {
		return v
	}
	var is any = c.root
	for name := range strings.SplitSeq(strings.TrimPrefix(to, "#/"), "/") {
		below, _ := is.(map[string]any)
		if is, ok = below[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !ok {
			c.Fatalf("%s: %s leads nowhere", at, to)
		}
	}
	return is
}

// schemas checks that every schema of the document compiles where it is: the whole document is put below $defs of a schema that refers to it.
func (c *checker) schema(at, pointer string, text []byte) {
	c.Helper()
	whole := strings.ReplaceAll(string(text), `"#/`, `"#/$defs/document/`)
	if _, err := schema.Compile([]byte(`{"$ref":"#/$defs/document` + pointer + `","$defs":{"document":` + whole + `}}`)); err != nil {
		c.Errorf("%s: %v", at, err)
	}
}

// The version of a document is the time of the last change; without any, as before the first declaration, it is no time.
func TestVersionOfNothing(t *testing.T) {
	for name, write := range map[string]func(string, []*webhook.EventType) ([]byte, error){"OpenAPI": openapi.Write, "AsyncAPI": openapi.WriteAsync} {
		text, err := write("t", nil)
		if err != nil || !strings.Contains(string(text), `"version":"0"`) {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
}

// TestOpenAPI checks the exported document with what OpenAPI 3.1.1 says of the objects that are in it (sections 4.8.1 to 4.8.17).
func TestOpenAPI(t *testing.T) {
	for _, given := range []map[string]string{{}, declared} {
		text, err := openapi.Write("t", types(given))
		if err != nil {
			t.Fatal(err)
		}
		c := &checker{T: t}
		if err := json.Unmarshal(text, &c.root); err != nil {
			t.Fatal(err)
		}
		c.fields("document", c.root, "openapi!", "info!", "jsonSchemaDialect", "servers", "paths", "webhooks!", "components", "security", "tags", "externalDocs")
		c.fields("info", c.root["info"], "title!", "version!", "summary", "description", "termsOfService", "contact", "license")
		c.fields("components", c.root["components"], "schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links", "callbacks", "pathItems")
		for name, item := range c.root["webhooks"].(map[string]any) {
			c.fields(name, item, "$ref", "summary", "description", "get", "put", "post!", "delete", "options", "head", "patch", "trace", "servers", "parameters")
			op := c.fields(name, item.(map[string]any)["post"], "tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody!", "responses!", "callbacks", "deprecated", "security", "servers")
			for _, p := range op["parameters"].([]any) {
				is := c.fields(name, c.resolve(name, p), "name!", "in!", "description", "required", "deprecated", "schema!", "style", "explode", "example", "examples", "content")
				if is["in"] != "header" {
					t.Errorf("%s: a parameter in %v", name, is["in"])
				}
			}
			body := c.fields(name, op["requestBody"], "description", "content!", "required")
			c.fields(name, body["content"].(map[string]any)["application/json"], "schema!", "example", "examples", "encoding")
			for status, is := range op["responses"].(map[string]any) {
				if status != "2XX" {
					t.Errorf("%s: response %s", name, status)
				}
				c.fields(name, is, "description!", "headers", "content", "links")
			}
			if name != "old.draft" && name != "anchor" && name != "id" { // whose $id makes references relative
				c.schema(name, "/webhooks/"+name+"/post/requestBody/content/application~1json/schema", text)
			}
		}
	}
}

// TestAsyncAPI checks the exported document with what AsyncAPI 3.0.0 says of the objects that are in it.
func TestAsyncAPI(t *testing.T) {
	for _, given := range []map[string]string{{}, declared} {
		text, err := openapi.WriteAsync("t", types(given))
		if err != nil {
			t.Fatal(err)
		}
		c := &checker{T: t}
		if err := json.Unmarshal(text, &c.root); err != nil {
			t.Fatal(err)
		}
		c.fields("document", c.root, "asyncapi!", "id", "info!", "servers", "defaultContentType", "channels", "operations", "components")
		c.fields("info", c.root["info"], "title!", "version!", "description", "termsOfService", "contact", "license", "tags", "externalDocs")
		c.fields("components", c.root["components"], "schemas", "servers", "channels", "operations", "messages", "securitySchemes", "parameters", "tags")
		for name, is := range c.root["channels"].(map[string]any) {
			channel := c.fields(name, is, "address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "externalDocs", "bindings")
			if got := len(channel["messages"].(map[string]any)); got != len(given) {
				t.Errorf("%d messages of %d", got, len(given))
			}
			for name, is := range channel["messages"].(map[string]any) {
				m := c.fields(name, c.resolve(name, is), "headers", "payload!", "correlationId", "contentType", "name", "title", "summary", "description", "tags", "externalDocs", "bindings", "examples", "traits")
				c.fields(name, m["payload"], "schemaFormat!", "schema!")
				for _, e := range append([]any{}, m["examples"], nil)[:1] {
					if list, ok := e.([]any); ok {
						c.fields(name, list[0], "headers", "payload", "name", "summary")
					}
				}
				if name != "old.draft" && name != "anchor" && name != "id" {
					c.schema(name, "/components/messages/"+name+"/payload/schema", text)
				}
			}
		}
		for name, is := range c.root["operations"].(map[string]any) {
			op := c.fields(name, is, "action!", "channel!", "title", "summary", "description", "security", "tags", "externalDocs", "bindings", "traits", "messages", "reply")
			if op["action"] != "send" && op["action"] != "receive" {
				t.Errorf("action %v", op["action"])
			}
			c.resolve(name, op["channel"])
		}
		for name, is := range c.root["components"].(map[string]any)["schemas"].(map[string]any) {
			c.fields(name, is, "schemaFormat!", "schema!")
		}
	}
}

// Whatever the document is, reading it ends without a panic, and what it returns are declarations with names that a type may have, in bounds.
func FuzzRead(f *testing.F) {
	text, err := openapi.Write("t", types(declared))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(document(`{"a.b": `+posted(`{"$ref": "#/components/schemas/A"}`)+`}`, `{"schemas": {"A": {"not": {"$ref": "#/components/schemas/A/not"}}}}`)))
	f.Add([]byte(document(`{"a.b": `+posted(`{"$ref": "#"}`)+`}`, `{}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := openapi.Read(text)
		if err != nil && len(webhook.Invalids(err)) == 0 {
			t.Fatal(err)
		}
		size := 0
		for _, one := range all {
			if webhook.CheckPublishedType("", one.Name) != nil || one.Schema != nil && !json.Valid(one.Schema) || one.Example != nil && !json.Valid(one.Example) {
				t.Fatalf("%+v", one)
			}
			size += len(one.Schema)
		}
		if size > webhook.MaxDeclaredBytes {
			t.Fatalf("%d bytes of schemas", size)
		}
	})
}
