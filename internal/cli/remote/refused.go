package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hookgraph/hookgraph/internal/client"
)

// flagOf are the flags and arguments by the fields of the API's inputs and filters, which are the same in all commands.
var flagOf = map[string]string{
	"types": "--type", "eventTypes": "--type", "events": "--type", "tags": "--tag", "webhookIds": "--webhook", "eventIds": "--event", "deliveryIds": "--delivery",
	"statuses": "--status", "errors": "--error", "httpStatuses": "--http-status", "text": "--text", "createdAt": "--since", "completedAt": "--since",
	"ratePerSecond": "--rate", "externalId": "--external-id", "description": "--description", "filter": "--filter", "note": "--note",
	"idempotencyKey": "--key", "orderingKey": "--ordering-key", "deliverAt": "--deliver-at", "expiresAt": "--expires-at", "data": "--data",
	"scopes": "--scope", "label": "--label", "expiresInMs": "--expires", "sessionExpiresInMs": "--session", "startPath": "--start",
	"accentColor": "--theme-color", "logo": "--theme-logo", "name": "--theme-name", "attemptId": "--attempt", "computed": "--computed", "since": "--since",
	"id": "ID", "type": "TYPE", "url": "URL",
}

// flagged returns an error of the server about a variable as one about the flag that the variable's value came from.
func flagged(err error, variables map[string]any) error {
	var r client.Refusal
	if is, ok := errors.AsType[*client.RefusedError](err); ok {
		r = is.Refusal
	} else if is, ok := errors.AsType[*client.Error](err); ok {
		r = is.Refusal
	}
	path := r.Field
	input, _ := variables["input"].(map[string]any)
	_, ofWebhook := input["filter"].(json.RawMessage) // one flag, not several
	for len(path) > 0 && (path[0] == "input" || path[0] == "theme" || path[0] == "filter" && !ofWebhook) {
		path = path[1:]
	}
	if len(path) > 2 && path[0] == "events" && flagOf[path[2]] != "" { // one of those to publish
		path = path[2:]
	}
	if len(path) == 0 || flagOf[path[0]] == "" {
		return err
	}
	flag, where := flagOf[path[0]], ""
	if flag == "--since" && len(path) > 1 { // of a range
		if path[1] == "to" {
			flag = "--until"
		}
		r.Message = strings.ReplaceAll(r.Message, "`from`", "--since")
	}
	if flag == "--text" && len(r.Field) == 1 { // of search
		flag = "TEXT"
	}
	switch value := valueAt(variables, r.Field).(type) {
	case string:
		where = " " + strconv.Quote(value)
	case json.Number:
		where = " " + value.String()
	}
	if flag == "--filter" && len(path) > 1 {
		where = " " + strings.Join(path[1:], ".")
	}
	return &told{flag + where + ": " + r.Message, err}
}

// told is an error with another text.
type told struct {
	text string
	error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.error }

// valueAt returns the variables' value at a path; nil if there is none.
func valueAt(variables map[string]any, path []string) any {
	text, err := json.Marshal(variables)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber() // a number is shown as it was given
	var at any
	if d.Decode(&at) != nil {
		return nil
	}
	for _, step := range path {
		switch is := at.(type) {
		case map[string]any:
			at = is[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(is) {
				return nil
			}
			at = is[n]
		default:
			return nil
		}
	}
	return at
}

// enums are values of an enumeration of the API, which people may write in lower case.
func enums[T ~string](flag string, values []string, allowed []T) ([]string, error) {
	all := make([]string, len(values))
	for i, v := range values {
		if all[i] = strings.ToUpper(v); !slices.Contains(allowed, T(all[i])) {
			names := make([]string, len(allowed))
			for i := range allowed {
				names[i] = string(allowed[i])
			}
			return nil, fmt.Errorf("%s: %q is none of %s", flag, v, strings.Join(names, ", "))
		}
	}
	return all, nil
}
