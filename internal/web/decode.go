package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/rawjson"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// checkJSON refuses a body that is not exactly one JSON value.
func checkJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("the body is empty; it must be JSON")
	}
	if !utf8.Valid(body) {
		return malformed("the body is not UTF-8")
	}
	if _, ok := rawjson.Valid(body); ok {
		return nil
	}
	if at, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage))); ok {
		return malformed("the body is not valid JSON: error at byte " + thousands(at.Offset)) // the text around it may be a secret
	}
	return malformed("the body is not valid JSON")
}

// decode reads the members of a JSON object, each into the target of its name, and joins a *webhook.Invalid for each that is
// unknown, repeated or of the wrong type. Unlike encoding/json it matches names exactly, and leaves a target unchanged only if its
// member is absent. body must be valid JSON. Targets get slices of body: keeping one keeps all of body in memory.
func decode(body []byte, targets map[string]func(json.RawMessage) string) error {
	r := rawjson.NewReader(body)
	if r.Peek() != '{' {
		return &webhook.Invalid{Code: webhook.CodeInvalid, Message: "must be a JSON object"}
	}
	var errs []error
	seen := make(map[string]bool, len(targets)) // only names of targets: there may be millions of others
	for r.Enter(); r.More(); {
		name := r.Name()
		raw := json.RawMessage(r.Value())
		set, known := targets[name]
		problem := ""
		switch {
		case !known:
			problem, name = "unknown field", clip(name)
		case seen[name]:
			problem = "must be given once"
		default:
			seen[name] = true
			problem = set(raw)
		}
		if problem != "" && len(errs) < maxProblems {
			errs = append(errs, &webhook.Invalid{Field: name, Code: webhook.CodeInvalid, Message: problem})
		}
	}
	if len(errs) > 0 {
		return spelled{errors.Join(errs...)}
	}
	return nil
}

// elements returns the elements of a JSON array, each a slice of body, which must be valid JSON. It returns at most limit; ok is
// false if there are more.
func elements(body []byte, limit int) (all []json.RawMessage, ok bool) {
	r := rawjson.NewReader(body)
	r.Peek()
	for r.Enter(); r.More(); {
		if len(all) == limit {
			return nil, false
		}
		all = append(all, r.Value())
	}
	return all, true
}

// spelled is an error whose fields are named as the caller spelled them, not as the domain does.
type spelled struct{ error }

func (e spelled) Unwrap() error { return e.error }

const (
	maxProblems = 20 // shown at a time
	maxNameShow = 64 // bytes of an unknown name that are shown
)

// clip returns a caller's name for an error: shortened, and valid UTF-8, which a query may not be.
func clip(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= maxNameShow {
		return name
	}
	cut := maxNameShow
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}

// The setters return what a value must be; "" if it is.

func str(to *string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if raw[0] != '"' || json.Unmarshal(raw, to) != nil {
			return "must be a string"
		}
		return whether(rawjson.Encodable(raw), halfCharacter)
	}
}

// halfCharacter is the problem of a string with half of a surrogate pair, which would be stored as another character.
const halfCharacter = "must be Unicode text, without half of a surrogate pair"

func whether(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

// text takes null for none.
func text(to **string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		*to = nil
		if string(raw) == "null" {
			return ""
		}
		var s string
		problem := str(&s)(raw)
		*to = &s
		return problem
	}
}

// whole takes any value, as it is; a copy, so that nothing else of the body is kept.
func whole(to *[]byte) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		*to = bytes.Clone(raw)
		return ""
	}
}

func boolean(to *bool) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if raw[0] == 'n' || json.Unmarshal(raw, to) != nil {
			return "must be true or false"
		}
		return ""
	}
}

// strs accepts null as an empty list.
func strs(to *[]string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var list []*string
		if json.Unmarshal(raw, &list) != nil {
			return "must be a list of strings, or null"
		}
		*to = make([]string, 0, len(list))
		for _, s := range list {
			if s == nil {
				return "must be a list of strings, or null"
			}
			*to = append(*to, *s)
		}
		return whether(rawjson.Encodable(raw), halfCharacter)
	}
}

func scheme(to *webhook.Scheme) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if json.Unmarshal(raw, (*string)(to)) != nil || webhook.CheckScheme("", *to) != nil {
			return "must be HMAC_SHA256 or ED25519"
		}
		return ""
	}
}

// newHeaders accepts null as an empty list.
func newHeaders(to *[]*webhook.NewHeader) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		const wrong = "must be a list of objects with name, value and sensitive, or null"
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return wrong
		}
		*to = make([]*webhook.NewHeader, len(list))
		for i, one := range list {
			h := &webhook.NewHeader{}
			(*to)[i] = h
			var value string
			given := false
			err := decode(one, map[string]func(json.RawMessage) string{
				"name":      str(&h.Name),
				"value":     optional(set(&given, str(&value))),
				"sensitive": boolean(&h.Sensitive),
			})
			if err != nil {
				return wrong
			}
			if given {
				h.Value = &value
			}
		}
		return ""
	}
}

// newPayload accepts null as the default.
func newPayload(to **webhook.Payload) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		*to = nil
		if string(raw) == "null" {
			return ""
		}
		var p webhook.Payload
		var template []byte
		err := decode(raw, map[string]func(json.RawMessage) string{
			"format": optional(str((*string)(&p.Format))), "include_fields": strs(&p.IncludeFields), "template": whole(&template),
		})
		if err != nil {
			return "must be an object with format, include_fields and template, or null"
		}
		p.Template = webhook.JSONText(template)
		*to = &p
		return ""
	}
}

func timestamp(to **time.Time) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if string(raw) == "null" {
			return ""
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			if t, err := webhook.ParseTime(text); err == nil {
				*to = &t
				return ""
			}
		}
		return webhook.ErrTime.Error()
	}
}

// imported takes null for none.
func imported(to **webhook.ImportedSecret) func(json.RawMessage) string {
	var given *string
	read := text(&given)
	return func(raw json.RawMessage) string {
		problem := read(raw)
		*to = (*webhook.ImportedSecret)(given)
		return problem
	}
}

// number accepts null as nil.
func number(to **int) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if json.Unmarshal(raw, to) != nil {
			return "must be an integer, or null"
		}
		return ""
	}
}

// numbers accepts null as nil, which differs from an empty list.
func numbers(to *[]int) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		const wrong = "must be a list of integers, or null"
		var list []*int
		if json.Unmarshal(raw, &list) != nil {
			return wrong
		}
		if list == nil {
			*to = nil
			return ""
		}
		*to = make([]int, len(list))
		for i, n := range list {
			if n == nil {
				return wrong
			}
			(*to)[i] = *n
		}
		return ""
	}
}

// is accepts only the given value.
func is(value string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		var text string
		if raw[0] != '"' || json.Unmarshal(raw, &text) != nil || text != value {
			return "cannot be changed"
		}
		return ""
	}
}

// told accepts and ignores any value.
func told(json.RawMessage) string { return "" }

// set notes that a member is present.
func set(flag *bool, then func(json.RawMessage) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		*flag = true
		return then(raw)
	}
}

func optional(then func(json.RawMessage) string) func(json.RawMessage) string {
	return func(raw json.RawMessage) string {
		if string(raw) == "null" {
			return ""
		}
		return then(raw)
	}
}
