package gqlhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// request is the parameters of one operation, as GraphQL over HTTP section 4 names them.
type request struct {
	query         string
	operationName string
	variables     json.RawMessage // an object, or nil
	extensions    map[string]any
	header        http.Header
}

// maxExtensionValues bounds the extensions of a request, which no operation here needs for more than a hash.
const maxExtensionValues = 64

// parseRequest reads the JSON object of a POST body or of a subscribe message. Its errors never repeat what was sent,
// because that may hold secrets.
func parseRequest(body []byte) (*request, *gqlerror.Error) {
	var raw struct {
		Query         json.RawMessage `json:"query"`
		OperationName json.RawMessage `json:"operationName"`
		Variables     json.RawMessage `json:"variables"`
		Extensions    json.RawMessage `json:"extensions"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, newError(codeBadInput, "the request is not valid JSON")
		}
		return nil, newError(codeBadInput, "the request must be one JSON object")
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return nil, newError(codeBadInput, "the request must be one JSON object")
	}
	query, err := optionalString("query", raw.Query)
	if err != nil {
		return nil, err
	}
	name, err := optionalString("operationName", raw.OperationName)
	if err != nil {
		return nil, err
	}
	return newRequest(query, name, raw.Variables, raw.Extensions)
}

// newRequest checks the parameters that are JSON in themselves, and that there is a document.
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
		d := newValueDecoder(extensions, maxExtensionValues)
		v, err := d.value()
		if err != nil {
			return nil, newError(codeBadInput, "extensions hold too much")
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
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", newError(codeBadInput, name+" must be a string")
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
