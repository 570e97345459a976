package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/schema"
)

// check compiles a schema and checks data with it, within the default budget.
func check(t *testing.T, text, data string) []schema.Violation {
	t.Helper()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	violations, ok := s.Check([]byte(data), &schema.Budget{Steps: schema.MaxSteps})
	if !ok {
		t.Fatalf("%s: the budget ended for %s", text, data)
	}
	return violations
}

// A violation names the value by its path, the keyword that it breaks, and what must be, and never the value.
func TestViolations(t *testing.T) {
	for _, tc := range []struct{ schema, data, want string }{
		{`{"type": "object"}`, `[1]`, "must be of type object, and is of type array (rule /type of the type's schema)"},
		{`{"properties": {"a": {"items": {"type": "integer"}}}}`, `{"a": [1, 1.5]}`, "/a/1 must be of type integer, and is of type number (rule /properties/a/items/type of the type's schema)"},
		{`{"required": ["id"]}`, `{}`, `must have the member "id" (rule /required of the type's schema)`},
		{`{"additionalProperties": false, "properties": {"a/b": {}}}`, `{"a/b": 1, "secret~": 2}`, "/secret~0 is a member that the schema does not allow (rule /additionalProperties of the type's schema)"},
		{`{"$ref": "#/$defs/m", "$defs": {"m": {"enum": [1, "x"]}}}`, `"y"`, "must be one of the values of enum (rule /$defs/m/enum of the type's schema)"},
		{`{"maximum": 0.1}`, `0.10000000000000000001`, "must be at most 0.1 (rule /maximum of the type's schema)"},
		{`{"exclusiveMinimum": 9007199254740992}`, `9007199254740992`, "must be more than 9007199254740992 (rule /exclusiveMinimum of the type's schema)"},
		{`{"multipleOf": 0.01}`, `1.005`, "must be a multiple of 0.01 (rule /multipleOf of the type's schema)"},
		{`{"minimum": 0}`, `1e999999999`, "must have at most 400 digits to be checked (rule /type of the type's schema)"},
		{`{"pattern": "^a+$"}`, `"b"`, `must match the pattern "^a+$" (rule /pattern of the type's schema)`},
		{`{"format": "date-time"}`, `"today"`, "must have the format date-time (rule /format of the type's schema)"},
		{`{"oneOf": [{"type": "number"}, {"type": "integer"}]}`, `1`, "must match exactly one of the 2 schemas of oneOf, and matches 2 (rule /oneOf of the type's schema)"},
		{`{"uniqueItems": true}`, `[1, {"a": 1, "b": 2}, {"b": 2.0, "a": 1e0}]`, "must have no element twice: elements 1 and 2 are equal (rule /uniqueItems of the type's schema)"},
		{`{"properties": {"a": false}}`, `{"a": 1}`, "/a is not allowed here (rule /properties/a of the type's schema)"},
		{`{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}`, `{"a": 1, "b": 1}`, "/b is not allowed here (rule /unevaluatedProperties of the type's schema)"},
	} {
		got := check(t, tc.schema, tc.data)
		if len(got) == 0 || got[0].String() != tc.want {
			t.Errorf("%s with %s:\n got %v\nwant %s", tc.schema, tc.data, got, tc.want)
		}
	}
	if got := check(t, `{"items": {"type": "string"}}`, `[1,2,3,4,5,6,7]`); len(got) != schema.MaxViolations {
		t.Errorf("%d violations are told, want %d", len(got), schema.MaxViolations)
	}
}

// A limit that is larger than every count is one that nothing exceeds and nothing reaches. What only looks like a limit is left as it is.
func TestHugeLimits(t *testing.T) {
	for _, huge := range []string{"9223372036854775808", "18446744073709551615", "1e30"} {
		for _, text := range []string{
			`{"maxLength": %s}`, `{"maxItems": %s}`, `{"maxProperties": %s}`, `{"contains": true, "minContains": 0, "maxContains": %s}`,
			`{"$defs": {"const": {"maxLength": %s}}, "$ref": "#/$defs/const"}`, `{"allOf": [{"properties": {"a": {"maxLength": %s}}}]}`,
			`{"properties": {"maxLength": {"const": %s}}}`, `{"enum": ["", [1], {"a": ""}, {"maxLength": %[1]s}]}`,
		} {
			for _, data := range []string{`""`, `[1]`, `{"a": ""}`, `{"maxLength": ` + huge + `}`} {
				if got := check(t, fmt.Sprintf(text, huge), data); len(got) > 0 {
					t.Errorf(text+" with %s: %v", huge, data, got)
				}
			}
		}
		for text, data := range map[string]string{`{"minLength": %s}`: `"a"`, `{"minItems": %s}`: `[1]`, `{"minProperties": %s}`: `{"a": 1}`} {
			if got := check(t, fmt.Sprintf(text, huge), data); len(got) != 1 {
				t.Errorf(text+" with %s: %v", huge, data, got)
			}
		}
	}
}

// A schema that cannot be used is refused with the place in it and what to do.
func TestRefusedSchemas(t *testing.T) {
	for _, tc := range []struct{ schema, want string }{
		{`[]`, "must be a JSON Schema: an object, true or false"},
		{`{`, "must be JSON"},
		{`{"properties": {"a": {"type": "text"}}}`, "at /properties/a/type: is not valid JSON Schema: value must be one of"},
		{`{"$ref": "file:///etc/passwd"}`, `$ref or $schema "file:///etc/passwd" refers to another document; put what it refers to into $defs of the schema`},
		{`{"$ref": "https://example.com/other.json#/a"}`, "refers to another document"},
		{`{"$ref": "other.json"}`, "refers to another document"},
		{`{"$schema": "https://example.com/own", "type": "object"}`, "refers to another document"},
		{`{"$ref": "#/$defs/none"}`, `$ref "#/$defs/none" leads to nothing in the document`},
		{`{"pattern": "(?=a)"}`, "RE2"},
		{`{"pattern": "((((x{10}){10}){10}){10}){10}"}`, "pattern"},
		{`{"pattern": "` + strings.Repeat("[a-z0-9é]", 60) + `{999}(abcdefghijklmnopqrstuvwxyz){999}"}`, "too large"},
		{`{"maximum": 1e1000}`, "at /maximum: must be a number of at most 400 digits"},
		{`{"minimum": 1e-999999999999999999999}`, "at /minimum: must be a number of at most 400 digits"},
		{`{"allOf": [{"$ref": "#"}]}`, "refers to itself without end"},
		{`{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}`, "refers to itself without end"},
		{`{"$dynamicRef": "#a"}`, "at /$dynamicRef: is not supported; use $ref"},
		{strings.Repeat(`{"not":`, 41) + `{}` + strings.Repeat(`}`, 41), "must be nested at most 40 deep"},
		{`{"enum": [0` + strings.Repeat(`,0`, 5000) + `]}`, "must have at most 4000 values"},
		{`{"properties": {"` + strings.Repeat("x", 20_000) + `": {"allOf": [true` + strings.Repeat(`,true`, 3000) + `]}}}`, "too long names"},
		{`{"description": "` + strings.Repeat("x", 70_000) + `"}`, "must be at most 65536 bytes of JSON"},
	} {
		_, err := schema.Compile([]byte(tc.schema))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.100s: got %v, want %s", tc.schema, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), "schema.invalid") || len(err.Error()) > 600) {
			t.Errorf("%.100s: the error shows what callers did not write, or is long: %v", tc.schema, err)
		}
	}
}

// A schema may refer to itself for a part of the value, as trees do.
func TestRecursiveSchema(t *testing.T) {
	const tree = `{"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "required": ["name"]}`
	if got := check(t, tree, `{"name": 1, "children": [{"name": 2, "children": [{}]}]}`); len(got) != 1 || got[0].Path != "/children/0/children/0" {
		t.Errorf("got %v", got)
	}
}

// hostile are schemas, and data for each, that make the library's validator take minutes, or more memory than there is.
func hostile() map[string][2]string {
	deep := strings.Repeat("[", 90) + strings.Repeat("]", 90)
	exponential := `{"$defs": {`
	for i := range 40 {
		exponential += fmt.Sprintf(`"d%d": {"allOf": [{"$ref": "#/$defs/d%d"}, {"$ref": "#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	exponential += `"d40": {"type": "integer"}}, "$ref": "#/$defs/d0"}`
	numbers := "[1e-300" + strings.Repeat(",1e-300", 30_000) + "]"
	several := `[{"$ref": "#"}` + strings.Repeat(`,{"$ref": "#"}`, 9) + `]`
	return map[string][2]string{
		"exponential references": {exponential, "1"},
		"each level twice":       {`{"items": {"allOf": ` + several + `}}`, deep},
		"each level by oneOf":    {`{"items": {"oneOf": ` + several + `}}`, deep},
		"many small numbers":     {`{"items": {"multipleOf": 1e-301, "minimum": 0, "maximum": 1e300}, "uniqueItems": true}`, numbers},
		"a long text":            {`{"pattern": "(a*)*(b|a?){200}c$"}`, `"` + strings.Repeat("a", 250_000) + `"`},
		"many patterns":          {`{"allOf": [` + strings.Repeat(`{"patternProperties": {"(x+x+)+y": {}}},`, 500) + `{}]}`, `{"` + strings.Repeat("x", 200_000) + `": 1}`},
		"large equal values":     {`{"allOf": [` + strings.Repeat(`{"enum": [[1]]},`, 900) + `{}]}`, numbers},
		"unevaluated":            {`{"allOf": [` + strings.Repeat(`{"anyOf": [{"items": true}]},`, 300) + `{}], "unevaluatedItems": false}`, numbers},
	}
}

// A check ends when its budget does, whatever schema and data are, and says that it has not ended by itself.
func TestHostileSchemas(t *testing.T) {
	for name, tc := range hostile() {
		s, err := schema.Compile([]byte(tc[0]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b := schema.Budget{Steps: schema.MaxSteps}
		if _, ok := s.Check([]byte(tc[1]), &b); !ok && b.Steps > 0 {
			t.Errorf("%s: the check gave up with %d steps left", name, b.Steps)
		}
	}
	s, err := schema.Compile([]byte(hostile()["exponential references"][0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Check([]byte("1"), &schema.Budget{Steps: schema.MaxSteps}); ok {
		t.Error("a check of 2^40 references ended")
	}
}

// agrees are schemas and data of every keyword, for which the library and this package agree.
var agrees = []string{
	`true`, `false`, `{}`, `{"type": ["string", "null"]}`, `{"type": "integer"}`, `{"const": {"a": [1.0]}}`, `{"enum": [1, null, "a", [1]], "const": 1}`,
	`{"minimum": 2, "exclusiveMaximum": 5}`, `{"exclusiveMinimum": 1, "maximum": 3}`, `{"multipleOf": 0.5}`, `{"minLength": 2, "maxLength": 3}`, `{"pattern": "^a"}`,
	`{"format": "uuid"}`, `{"items": {"type": "number"}}`, `{"prefixItems": [{"type": "number"}], "items": false}`, `{"prefixItems": [true], "unevaluatedItems": {"type": "string"}}`,
	`{"contains": {"const": 1}}`, `{"contains": {"const": 1}, "minContains": 0, "maxContains": 1}`, `{"minItems": 1, "maxItems": 2, "uniqueItems": true}`,
	`{"properties": {"a": {"type": "number"}}, "required": ["a"]}`, `{"patternProperties": {"^a": {"type": "number"}}, "additionalProperties": {"type": "string"}}`,
	`{"propertyNames": {"maxLength": 1}}`, `{"minProperties": 1, "maxProperties": 1}`, `{"dependentRequired": {"a": ["b"]}}`, `{"dependentSchemas": {"a": {"required": ["b"]}}}`,
	`{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"], "b": {"required": ["a"]}}}`,
	`{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "number"}], "additionalItems": {"type": "string"}}`,
	`{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true}`,
	`{"not": {"type": "number"}}`, `{"anyOf": [{"type": "number"}, {"minLength": 2}]}`, `{"oneOf": [{"minimum": 2}, {"maximum": 3}]}`, `{"allOf": [{"type": "number"}, {"minimum": 2}]}`,
	`{"if": {"type": "number"}, "then": {"minimum": 2}, "else": {"minLength": 2}}`, `{"if": {"required": ["a"]}, "then": {"required": ["b"]}}`,
	`{"anyOf": [{"properties": {"a": true}}, {"properties": {"b": true}}], "unevaluatedProperties": false}`,
	`{"oneOf": [{"properties": {"a": true}, "required": ["a"]}, {"properties": {"b": true}, "required": ["b"]}], "unevaluatedProperties": false}`,
	`{"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"properties": {"b": true}}, "unevaluatedProperties": {"type": "string"}}`,
	`{"allOf": [{"unevaluatedProperties": {"type": "number"}}], "unevaluatedProperties": false}`, `{"properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "string"}}}`,
	`{"$id": "https://example.com/x", "$defs": {"n": {"$anchor": "here", "type": "number"}}, "$ref": "https://example.com/x#here"}`,
	`{"dependentSchemas": {"a": {"properties": {"b": true}}}, "properties": {"a": true}, "unevaluatedProperties": false}`,
	`{"contains": {"type": "number"}, "unevaluatedItems": {"type": "string"}}`, `{"not": {"not": {"required": ["a"]}}, "unevaluatedProperties": false}`,
}

var values = []string{
	`null`, `true`, `0`, `1`, `1.0`, `1e0`, `2`, `2.5`, `3`, `5`, `-0`, `""`, `"a"`, `"ab"`, `"abcd"`, `"é"`, `"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"`,
	`[]`, `[1]`, `[1, 1.0]`, `[1, "a"]`, `["a"]`, `["a", 1]`, `[1, 2, 3]`, `[[1], [1]]`, `{}`, `{"a": 1}`, `{"a": "x"}`, `{"b": 1}`, `{"a": 1, "b": 2}`, `{"a": "x", "b": "y"}`,
	`{"a": [1.0]}`, `{"ab": 1}`, `{"ab": "x", "c": "y"}`, `{"a": 1, "b": 2, "c": "x"}`, `{"c": 1}`,
}

// Every keyword means what it means to the library, which passes the specification's own tests.
func TestAgreesWithLibrary(t *testing.T) {
	for _, text := range agrees {
		for _, data := range values {
			compare(t, text, data)
		}
	}
}

func compare(t *testing.T, text, data string) {
	t.Helper()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	got, ok := s.Check([]byte(data), &schema.Budget{Steps: schema.MaxSteps})
	if want := library(t, text, data); ok && (want == nil) != (len(got) == 0) {
		t.Errorf("%s with %s: got %v; the library: %v", text, data, got, want)
	}
}

func library(t *testing.T, text, data string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("x:y", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("x:y")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// No schema and no data make compiling or checking fail otherwise than by an error, and a check takes no more than its budget.
func FuzzCheck(f *testing.F) {
	for i, text := range agrees {
		f.Add(text, values[i%len(values)])
	}
	for _, tc := range hostile() {
		f.Add(tc[0], tc[1])
	}
	f.Fuzz(func(t *testing.T, text, data string) {
		s, err := schema.Compile([]byte(text))
		if err != nil {
			return
		}
		if _, ok := rawjson.Valid([]byte(data)); !ok || !json.Valid([]byte(data)) {
			return
		}
		b := schema.Budget{Steps: 100_000}
		violations, ok := s.Check([]byte(data), &b)
		if len(violations) > schema.MaxViolations {
			t.Errorf("%d violations", len(violations))
		}
		again := schema.Budget{Steps: 100_000}
		if twice, ok2 := s.Check([]byte(data), &again); ok != ok2 || fmt.Sprint(twice) != fmt.Sprint(violations) {
			t.Errorf("the same check gives %v and then %v", violations, twice)
		}
	})
}
