package gqlhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// request is the parameters of one operation, as GraphQL over HTTP section 4 names them.
type request struct {
	query         string
	operationName string
	variables     json.RawMessage // an object, or nil
	extensions    map[string]any
	header        http.Header
}

// maxExtensionValues bounds the extensions of a request, which are only used for a hash.
const maxExtensionValues = 64

// parseRequest reads the JSON object of a POST body or of a subscribe message. Its errors never repeat the input, which may hold
// secrets.
func parseRequest(body []byte) (*request, *gqlerror.Error) {
	if _, ok := rawjson.Valid(body); !ok {
		return nil, newError(codeBadInput, "the request is not valid JSON")
	}
	if !utf8.Valid(body) { // each wrong byte would be the same character
		return nil, newError(codeBadInput, "the request is not UTF-8")
	}
	r := rawjson.NewReader(body)
	if r.Peek() != '{' {
		return nil, newError(codeBadInput, "the request must be one JSON object")
	}
	var query, name, variables, extensions json.RawMessage
	for r.Enter(); r.More(); {
		switch member := r.Name(); member {
		case "query":
			query = r.Value()
		case "operationName":
			name = r.Value()
		case "variables":
			variables = r.Value()
		case "extensions":
			extensions = r.Value()
		default:
			r.Value()
		}
	}
	text, err := optionalString("query", query)
	if err != nil {
		return nil, err
	}
	operation, err := optionalString("operationName", name)
	if err != nil {
		return nil, err
	}
	return newRequest(text, operation, variables, extensions)
}

// newRequest checks the parameters that are JSON themselves, and that there is a document.
func newRequest(query, name string, variables, extensions json.RawMessage) (*request, *gqlerror.Error) {
	req := &request{query: query, operationName: name}
	if !isNull(variables) {
		if !isObject(variables) {
			return nil, newError(codeBadInput, "variables must be a JSON object")
		}
		req.variables = variables
	}
	if !isNull(extensions) {
		if !isObject(extensions) {
			return nil, newError(codeBadInput, "extensions must be a JSON object")
		}
		v, err := newValueDecoder(extensions, maxExtensionValues).value()
		if wrong, ok := errors.AsType[wrongType](err); ok {
			return nil, newError(codeBadInput, "extensions: "+wrong.problem)
		}
		if err != nil {
			return nil, newError(codeBadInput, "extensions are too large")
		}
		req.extensions, _ = v.(map[string]any)
	}
	if query == "" && req.extensions["persistedQuery"] == nil {
		return nil, newError(codeBadInput, "query is missing")
	}
	return req, nil
}

func optionalString(name string, raw json.RawMessage) (string, *gqlerror.Error) {
	if isNull(raw) {
		return "", nil
	}
	s, ok := rawjson.Unquote(raw)
	if !ok {
		return "", newError(codeBadInput, name+" must be a string")
	}
	if !rawjson.Encodable(raw) {
		return "", newError(codeBadInput, name+": "+halfCharacter)
	}
	return s, nil
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

func isObject(raw json.RawMessage) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == '{'
}
