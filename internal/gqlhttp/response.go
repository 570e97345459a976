package gqlhttp

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/hookgraph/hookgraph/internal/rawjson"
)

// appendResponse appends a response of an executed operation. data does not pass through encoding/json, which would change the
// notation of JSON scalars.
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
	j, err := rawjson.Marshal(extensions)
	if err != nil {
		return b
	}
	b = append(b, `,"extensions":`...)
	return append(b, j...)
}

func appendErrors(b []byte, errs gqlerror.List) []byte {
	j, err := rawjson.Marshal(errs)
	if err != nil {
		// A presenter put something into extensions that is not JSON.
		return append(b, `[{"message":"internal server error","extensions":{"code":"`+codeInternal+`"}}]`...)
	}
	return append(b, j...)
}

// whole reports whether a response of a subscription is final: nothing is missing except fields that this caller may not have,
// as their errors say. It is not whole if its root field is null, or if the server failed in any field. One that is too large is
// whole: another try would not make it smaller.
func whole(resp *graphql.Response) bool {
	if len(resp.Errors) == 0 {
		return true
	}
	for _, err := range resp.Errors {
		switch codeOf(err) {
		case codeAnswerTooLarge:
			return true // only this message fails: the next one may be smaller
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
