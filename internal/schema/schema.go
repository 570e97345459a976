// Package schema compiles JSON Schemas and checks events with them, in bounded time and memory whatever the schema and the event are: both
// come from callers. The library compiles: it checks a schema against its draft and resolves references. Checking is done here, because the
// library's cannot be stopped, and takes time without limit for some schemas of a few lines.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// Bounds of a schema.
const (
	MaxBytes = 64 << 10 // as compact JSON
	MaxDepth = 40       // nested objects and arrays
	// MaxValues bounds all values of the document together: compiling takes time in proportion to its square.
	MaxValues = 4000
	// MaxPathBytes bounds the paths to all values together, because long names above many values make compiling slow.
	MaxPathBytes    = 512 << 10
	MaxPatternBytes = 1000
	// MaxPatternSize bounds the compiled size of all patterns together, in instructions: x{1000} has a thousand.
	MaxPatternSize  = 20_000
	MaxNumberDigits = 400 // of a number written without an exponent
)

// Error says what is wrong with a schema, and where.
type Error struct {
	Path    string // a JSON Pointer into the document; "" is the document itself
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return "at " + e.Path + ": " + e.Message
}

// Schema is a compiled schema. It never changes, and may be used by many goroutines.
type Schema struct {
	root *node
	size int
}

// nodeBytes is about what a subschema takes in memory.
const nodeBytes = 700

// Size returns about how many bytes of memory it takes.
func (s *Schema) Size() int { return s.size }

// base is the address of the document, which references to it resolve to.
const base = origin + "event"

const origin = "https://schema.invalid/"

// noLoader refuses every document but the schema itself. The library's own loader reads files.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(string) (any, error) {
	return nil, errors.New("refers to another document; put what it refers to into $defs of the schema")
}

// Compile compiles a JSON Schema of the drafts 4 to 2020-12; without $schema it is of draft 2020-12. The error is an *Error.
func Compile(text []byte) (*Schema, error) {
	doc, err := decode(text)
	if err != nil {
		return nil, err
	}
	var seen survey
	if err := seen.value(doc, ""); err != nil {
		return nil, err
	}
	clampLimits(doc, false)
	patterns := patterns{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.AssertFormat()
	c.UseRegexpEngine(patterns.compile)
	if err := c.AddResource(base, doc); err != nil {
		return nil, explain(err)
	}
	compiled, err := c.Compile(base)
	if err != nil {
		return nil, explain(err)
	}
	t := translation{nodes: map[*jsonschema.Schema]*node{}}
	root := t.node(compiled)
	if t.err != nil {
		return nil, t.err
	}
	if err := t.endless(); err != nil {
		return nil, err
	}
	size := len(text) + nodeBytes*len(t.order)
	for _, p := range patterns {
		size += 100 * p.size
	}
	return &Schema{root, size}, nil
}

// decode reads a document. Numbers stay text.
func decode(text []byte) (any, error) {
	outline, ok := rawjson.Valid(text)
	switch {
	case len(text) > MaxBytes:
		return nil, &Error{Message: fmt.Sprintf("must be at most %d bytes of JSON", MaxBytes)}
	case outline.Depth > MaxDepth:
		return nil, &Error{Message: fmt.Sprintf("must be nested at most %d deep", MaxDepth)}
	case !ok:
		return nil, &Error{Message: "must be JSON"}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, &Error{Message: "must be JSON"}
	}
	switch doc.(type) {
	case map[string]any, bool:
		return doc, nil
	}
	return nil, &Error{Message: "must be a JSON Schema: an object, true or false"}
}

// survey applies the bounds that the library has none of, before it reads the document.
type survey struct{ values, paths int }

func (s *survey) value(v any, path string) error {
	if s.values++; s.values > MaxValues {
		return &Error{Message: fmt.Sprintf("must have at most %d values, counting those in its objects and arrays", MaxValues)}
	}
	if s.paths += len(path); s.paths > MaxPathBytes {
		return &Error{Message: "has too long names above too many values; shorten the names, or split the schema"}
	}
	switch v := v.(type) {
	case json.Number:
		if !bounded(v) {
			return &Error{path, fmt.Sprintf("must be a number of at most %d digits", MaxNumberDigits)}
		}
	case []any:
		for i, one := range v {
			if err := s.value(one, fmt.Sprintf("%s/%d", path, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, one := range sorted(v) {
			below := path + "/" + token(name)
			if name == "$dynamicRef" || name == "$recursiveRef" {
				if _, ok := one.(string); ok {
					return &Error{below, "is not supported; use $ref"}
				}
			}
			if err := s.value(one, below); err != nil {
				return err
			}
		}
	}
	return nil
}

// Keywords that clampLimits looks at: limits count something, those of names have an object from names to schemas, and those of values none.
var (
	ofLimits = set("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains")
	ofNames  = set("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
	ofValues = set("const", "enum", "default", "example", "examples")
)

func set(words ...string) map[string]bool {
	is := map[string]bool{}
	for _, word := range words {
		is[word] = true
	}
	return is
}

// clampLimits makes limits that no int holds the largest int, which no value reaches either: the library takes their lowest 64 bits, so that
// 18446744073709551615, which generators write as the maxLength of any text, would be -1. named says that v is an object from names to schemas.
func clampLimits(v any, named bool) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			clampLimits(one, false)
		}
	case map[string]any:
		for name, one := range v {
			limit, is := one.(json.Number)
			switch {
			case is && !named && ofLimits[name] && beyondInt(limit):
				v[name] = json.Number(strconv.Itoa(math.MaxInt))
			case named || !ofValues[name]:
				clampLimits(one, !named && ofNames[name])
			}
		}
	}
}

func beyondInt(n json.Number) bool {
	value, ok := number(n)
	return ok && value.Cmp(new(big.Rat).SetInt64(math.MaxInt)) > 0
}

// token escapes a name for a JSON Pointer.
func token(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// pointer returns the JSON Pointer of a location in the document.
func pointer(location string) string {
	_, fragment, _ := strings.Cut(location, "#")
	return unescape(fragment)
}

// explain turns an error of the library into one that says where in the document it is.
func explain(err error) *Error {
	if bad, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if v, ok := errors.AsType[*jsonschema.ValidationError](bad.Err); ok {
			for len(v.Causes) > 0 {
				v = v.Causes[0]
			}
			var below strings.Builder
			for _, t := range v.InstanceLocation {
				below.WriteString("/" + token(t))
			}
			path := below.String()
			if f, ok := v.ErrorKind.(*kind.Format); ok && f.Want == "regex" {
				return &Error{path, short(f.Err.Error())}
			}
			return &Error{path, "is not valid JSON Schema: " + short(v.ErrorKind.LocalizedString(english))}
		}
	}
	if e, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return &Error{Message: fmt.Sprintf("$ref or $schema %s %v", quoted(strings.TrimPrefix(e.URL, origin)), e.Err)}
	}
	if e, ok := errors.AsType[*jsonschema.JSONPointerNotFoundError](err); ok {
		return &Error{Message: fmt.Sprintf("$ref %s leads to nothing in the document", quoted(strings.TrimPrefix(e.URL, base)))}
	}
	if e, ok := errors.AsType[*jsonschema.AnchorNotFoundError](err); ok {
		return &Error{Message: fmt.Sprintf("$ref %s leads to nothing in the document", quoted(strings.TrimPrefix(e.Reference, base)))}
	}
	if e, ok := errors.AsType[*jsonschema.InvalidRegexError](err); ok {
		return &Error{pointer(e.URL), short(e.Err.Error())}
	}
	return &Error{Message: "cannot be compiled: " + short(strings.ReplaceAll(strings.ReplaceAll(err.Error(), base, ""), origin, ""))}
}
