package gqlhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/hookgraph/hookgraph/internal/gqlhttp/literal"
	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// maxValueDepth bounds the nesting of variables and of literals. Values of literal.Scalar may nest deeper: they are not decoded.
const maxValueDepth = 32

var errTooManyValues = errors.New("too many or too deeply nested values")

// decodeVariables reads variables by the types that the operation declares, GraphQL section 6.1.2. Numbers become json.Number.
// Values of the scalar JSON, also inside input objects and lists, are kept as sent, including the order of keys and the notation of
// numbers. Undeclared variables are skipped.
func decodeVariables(schema *ast.Schema, op *ast.OperationDefinition, raw json.RawMessage, limit int) (map[string]any, *gqlerror.Error) {
	vars := map[string]any{}
	if raw != nil {
		d := newValueDecoder(raw, limit)
		d.schema = schema
		err := d.members(func(name string) error {
			def := op.VariableDefinitions.ForName(name)
			if def == nil {
				d.Value()
				return nil
			}
			v, err := d.typed(def.Type)
			vars[name] = v
			return within(err, name)
		})
		if errors.Is(err, errTooManyValues) {
			return nil, newError(codeTooComplex, "variables contain too many or too deeply nested values")
		}
		if wrong, ok := errors.AsType[wrongType](err); ok {
			return nil, wrongVariable(wrong.path, wrong.Error())
		}
		if err != nil {
			return nil, newError(codeBadInput, "variables are not valid JSON")
		}
	}
	vars, err := validator.VariableValues(schema, op, vars)
	if err != nil {
		var gqlErr *gqlerror.Error
		if !errors.As(err, &gqlErr) {
			gqlErr = &gqlerror.Error{Message: "variables do not fit their types"}
		}
		var path []string
		for i, step := range gqlErr.Path { // ["variable", "input", "url"]
			if i > 0 {
				path = append(path, fmt.Sprint(step))
			}
		}
		return nil, wrongVariable(path, gqlErr.Message)
	}
	return vars, nil
}

// wrongVariable returns an error that names the path from the variable: $input.url. The error's own path is for response fields
// only.
func wrongVariable(path []string, message string) *gqlerror.Error {
	err := newError(codeValidation, "variables: "+message)
	if len(path) > 0 {
		variable := "$" + strings.Join(path, ".")
		err.Message = variable + ": " + message
		err.Extensions["variable"] = variable
	}
	return err
}

func withCode(err *gqlerror.Error, code string) *gqlerror.Error {
	if err.Extensions == nil {
		err.Extensions = map[string]any{}
	}
	err.Extensions["code"] = code
	return err
}

// valueDecoder decodes JSON that rawjson.Valid has accepted, in one pass, with a bound on the number of values: 1 MiB of `[],`
// would take 20 MiB.
type valueDecoder struct {
	*rawjson.Reader
	schema *ast.Schema
	left   int // values
	depth  int
}

func newValueDecoder(raw []byte, limit int) *valueDecoder {
	return &valueDecoder{Reader: rawjson.NewReader(raw), left: limit}
}

// members reads an object.
func (d *valueDecoder) members(each func(name string) error) error {
	for d.Enter(); d.More(); {
		if err := each(d.Name()); err != nil {
			return err
		}
	}
	d.Leave()
	return nil
}

// elements reads an array.
func (d *valueDecoder) elements(each func() (any, error)) ([]any, error) {
	list := []any{}
	for d.Enter(); d.More(); {
		v, err := each()
		if err != nil {
			return nil, within(err, strconv.Itoa(len(list)))
		}
		list = append(list, v)
	}
	d.Leave()
	return list, nil
}

// typed reads a value that should be of type t. A value of another type is read too, so that validation reports it.
func (d *valueDecoder) typed(t *ast.Type) (any, error) {
	first := d.Peek()
	if t.Elem != nil && first != '[' && first != 'n' {
		// A single value is coerced to a list of one, GraphQL section 3.11.
		v, err := d.typed(t.Elem)
		return []any{v}, err
	}
	if t.NamedType == literal.Scalar {
		return d.raw()
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	switch first {
	case '[':
		return d.elements(func() (any, error) {
			if t.Elem == nil {
				return d.value()
			}
			return d.typed(t.Elem)
		})
	case '{':
		def := d.schema.Types[t.NamedType]
		object := map[string]any{}
		err := d.members(func(name string) (err error) {
			var field *ast.FieldDefinition
			if def != nil && def.Kind == ast.InputObject {
				field = def.Fields.ForName(name)
			}
			if field != nil {
				object[name], err = d.typed(field.Type)
			} else {
				object[name], err = d.value()
			}
			return within(err, name)
		})
		return object, err
	}
	v, err := d.scalar()
	if err != nil {
		return nil, err
	}
	return v, d.fits(t, v)
}

// fits refuses numbers for strings and the reverse, which gqlparser accepts because it sees a json.Number as a string, and numbers that an Int or a
// Float cannot be, of which gqlparser names another value, or says that they are strings.
func (d *valueDecoder) fits(t *ast.Type, v any) error {
	number, isNumber := v.(json.Number)
	_, wrong := v.(string)
	var err error
	switch t.NamedType {
	case "Int":
		if isNumber {
			_, err = number.Int64()
		}
	case "Float":
		if isNumber {
			_, err = number.Float64()
		}
	case "String":
		wrong = isNumber
	default:
		return nil
	}
	if wrong || err != nil {
		return wrongType{problem: "expected a value of type " + t.NamedType}
	}
	return nil
}

type wrongType struct {
	problem string
	path    []string // from the variable
}

func (e wrongType) Error() string { return e.problem }

// halfCharacter is the problem of a string with half of a surrogate pair, which would be stored as another character.
const halfCharacter = "expected Unicode text, found half of a surrogate pair"

// within prepends a step to the path of a wrongType.
func within(err error, step string) error {
	if wrong, ok := err.(wrongType); ok { //nolint:errorlint // it is never wrapped
		wrong.path = append([]string{step}, wrong.path...)
		return wrong
	}
	return err
}

// value reads any value.
func (d *valueDecoder) value() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	switch d.Peek() {
	case '[':
		return d.elements(d.value)
	case '{':
		object := map[string]any{}
		err := d.members(func(name string) (err error) {
			object[name], err = d.value()
			return err
		})
		return object, err
	}
	return d.scalar()
}

// scalar reads a string, number, boolean or null.
func (d *valueDecoder) scalar() (any, error) {
	text := d.Value()
	switch {
	case text == nil:
		return nil, io.ErrUnexpectedEOF
	case text[0] == '"':
		s, ok := rawjson.Unquote(text)
		if !ok {
			return nil, errors.New("not a string")
		}
		if !rawjson.Encodable(text) {
			return nil, wrongType{problem: halfCharacter}
		}
		return s, nil
	case text[0] == 'n':
		return nil, nil
	case text[0] == 't', text[0] == 'f':
		return text[0] == 't', nil
	}
	return json.Number(text), nil
}

func (d *valueDecoder) enter() error {
	if d.left--; d.left < 0 || d.depth >= maxValueDepth {
		return errTooManyValues
	}
	d.depth++
	return nil
}

func (d *valueDecoder) leave() { d.depth-- }

func (d *valueDecoder) raw() (any, error) {
	if d.left--; d.left < 0 {
		return nil, errTooManyValues
	}
	switch raw := json.RawMessage(d.Value()); {
	case raw == nil:
		return nil, io.ErrUnexpectedEOF
	case isNull(raw):
		return nil, nil
	default:
		return raw, nil
	}
}
