package gqlhttp

import (
	"bytes"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// appendResponse writes a response of an executed operation. encoding/json is not used for data: it would re-spell what
// JSON scalars carry.
func appendResponse(b []byte, resp *graphql.Response) []byte {
	b = append(b, '{')
	if len(resp.Errors) > 0 {
		b = append(b, `"errors":`...)
		b = appendErrors(b, resp.Errors)
		b = append(b, ',')
	}
	b = append(b, `"data":`...)
	if len(resp.Data) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, resp.Data...)
	}
	return append(appendExtensions(b, resp.Extensions), '}')
}

// requestError returns the response of an operation that was not executed: without data, GraphQL section 7.1.
func requestError(errs gqlerror.List, extensions map[string]any) []byte {
	b := appendErrors([]byte(`{"errors":`), errs)
	return append(appendExtensions(b, extensions), '}')
}

func appendExtensions(b []byte, extensions map[string]any) []byte {
	if len(extensions) == 0 {
		return b
	}
	j, err := marshal(extensions)
	if err != nil {
		return b
	}
	b = append(b, `,"extensions":`...)
	return append(b, j...)
}

func appendErrors(b []byte, errs gqlerror.List) []byte {
	j, err := marshal(errs)
	if err != nil {
		// A presenter put something into extensions that is not JSON.
		return append(b, `[{"message":"internal server error","extensions":{"code":"`+codeInternal+`"}}]`...)
	}
	return append(b, j...)
}

func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// whole reports whether a response of a subscription is all that there will ever be of it: nothing of it is missing but
// what errors of its own fields say that this caller cannot have. It is not when its root field is null, or when the
// server failed in any of its fields. One that is too large is: another try would not make it smaller.
func whole(resp *graphql.Response) bool {
	if len(resp.Errors) == 0 {
		return true
	}
	for _, err := range resp.Errors {
		switch codeOf(err) {
		case codeAnswerTooLarge:
			return true // it is a message of its own, and the next one may be smaller
		case codeInternal, codeUnavailable, codeRateLimited:
			return false
		}
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(resp.Data, &data) != nil {
		return false
	}
	for _, root := range data { // a subscription has only one
		return !isNull(root)
	}
	return false
}
