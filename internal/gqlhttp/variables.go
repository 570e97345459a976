package gqlhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// rawScalar is the scalar whose variables reach resolvers as the json.RawMessage that the client sent.
const rawScalar = "JSON"

// maxValueDepth bounds the nesting of variables and of literals. Values of rawScalar may nest deeper: they are not taken apart.
const maxValueDepth = 32

var errTooManyValues = errors.New("too many or too deeply nested values")

// decodeVariables reads variables by the types that the operation declares, GraphQL section 6.1.2. Numbers become
// json.Number; a value of the scalar JSON, also inside input objects and lists, stays the bytes that were sent, so that
// key order and number spelling survive. What the operation does not declare is skipped.
func decodeVariables(schema *ast.Schema, op *ast.OperationDefinition, raw json.RawMessage, limit int) (map[string]any, *gqlerror.Error) {
	vars := map[string]any{}
	if raw != nil {
		d := newValueDecoder(raw, limit)
		d.schema = schema
		err := d.object(func(name string) error {
			def := op.VariableDefinitions.ForName(name)
			if def == nil {
				return d.skip()
			}
			v, err := d.typed(def.Type)
			vars[name] = v
			return err
		})
		if errors.Is(err, errTooManyValues) {
			return nil, newError(codeTooComplex, "variables hold too many or too deeply nested values")
		}
		if wrong, ok := errors.AsType[wrongType](err); ok {
			return nil, newError(codeValidation, "variables: "+wrong.Error())
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
		return nil, withCode(gqlErr, codeValidation)
	}
	return vars, nil
}

func withCode(err *gqlerror.Error, code string) *gqlerror.Error {
	if err.Extensions == nil {
		err.Extensions = map[string]any{}
	}
	err.Extensions["code"] = code
	return err
}

// valueDecoder decodes JSON in one pass, with a bound on how many values it makes: a MiB of `[],` would take 20.
type valueDecoder struct {
	src    []byte
	dec    *json.Decoder // of src
	schema *ast.Schema
	left   int // values
	depth  int
}

func newValueDecoder(raw []byte, limit int) *valueDecoder {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return &valueDecoder{src: raw, dec: dec, left: limit}
}

// peek returns the first byte of the next value, 0 at the end.
func (d *valueDecoder) peek() byte {
	rest := bytes.TrimLeft(d.src[d.dec.InputOffset():], " \t\r\n:,")
	if len(rest) == 0 {
		return 0
	}
	return rest[0]
}

func (d *valueDecoder) skip() error {
	var ignored skipped
	return d.dec.Decode(&ignored)
}

// skipped is a value that is checked and not kept.
type skipped struct{}

func (skipped) UnmarshalJSON([]byte) error { return nil }

// object reads an object whose members each reads; it is for the outermost value, which is known to be one.
func (d *valueDecoder) object(each func(name string) error) error {
	if _, err := d.dec.Token(); err != nil {
		return err
	}
	return d.members(each)
}

// members reads the rest of an object.
func (d *valueDecoder) members(each func(name string) error) error {
	for d.dec.More() {
		tok, err := d.dec.Token()
		if err != nil {
			return err
		}
		name, ok := tok.(string)
		if !ok {
			return io.ErrUnexpectedEOF
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := d.dec.Token()
	return err
}

// elements reads the rest of an array.
func (d *valueDecoder) elements(each func() (any, error)) ([]any, error) {
	list := []any{}
	for d.dec.More() {
		v, err := each()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.dec.Token()
	return list, err
}

// typed reads a value that should be of the type; when it is not, it reads it all the same, for validation to complain.
func (d *valueDecoder) typed(t *ast.Type) (any, error) {
	if first := d.peek(); t.Elem != nil && first != '[' && first != 'n' {
		// A single value stands for a list of one, GraphQL section 3.11.
		v, err := d.typed(t.Elem)
		return []any{v}, err
	}
	if t.NamedType == rawScalar {
		return d.raw()
	}
	tok, leave, err := d.next()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch tok {
	case json.Delim('['):
		elem := t.Elem
		return d.elements(func() (any, error) {
			if elem == nil {
				return d.value()
			}
			return d.typed(elem)
		})
	case json.Delim('{'):
		def := d.schema.Types[t.NamedType]
		object := map[string]any{}
		err := d.members(func(name string) error {
			var v any
			var err error
			if def != nil && def.Kind == ast.InputObject && def.Fields.ForName(name) != nil {
				v, err = d.typed(def.Fields.ForName(name).Type)
			} else {
				v, err = d.value()
			}
			object[name] = v
			return err
		})
		return object, err
	}
	return tok, d.fits(t, tok)
}

// fits refuses what gqlparser lets pass, because it sees a json.Number as a string: numbers for strings and the reverse.
func (d *valueDecoder) fits(t *ast.Type, tok json.Token) error {
	_, isString := tok.(string)
	_, isNumber := tok.(json.Number)
	switch t.NamedType {
	case "Int", "Float":
		if isString {
			return wrongType{t.NamedType}
		}
	case "String":
		if isNumber {
			return wrongType{t.NamedType}
		}
	}
	return nil
}

type wrongType struct{ want string }

func (e wrongType) Error() string { return "expected a value of type " + e.want }

// value reads any value.
func (d *valueDecoder) value() (any, error) {
	tok, leave, err := d.next()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch tok {
	case json.Delim('['):
		return d.elements(d.value)
	case json.Delim('{'):
		object := map[string]any{}
		err := d.members(func(name string) error {
			v, err := d.value()
			object[name] = v
			return err
		})
		return object, err
	}
	return tok, nil
}

func (d *valueDecoder) next() (json.Token, func(), error) {
	if d.left--; d.left < 0 || d.depth >= maxValueDepth {
		return nil, nil, errTooManyValues
	}
	tok, err := d.dec.Token()
	d.depth++
	return tok, func() { d.depth-- }, err
}

func (d *valueDecoder) raw() (any, error) {
	if d.left--; d.left < 0 {
		return nil, errTooManyValues
	}
	var raw json.RawMessage
	if err := d.dec.Decode(&raw); err != nil {
		return nil, err
	}
	if isNull(raw) {
		return nil, nil
	}
	return raw, nil
}
