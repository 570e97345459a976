package webhook

import (
	"errors"
	"net/textproto"
	"strings"
)

// Bounds of a webhook's custom headers.
const (
	MaxHeaders = 20
	// MaxHeadersBytes bounds their names and values together: they are kept with every attempt, and receivers refuse more.
	MaxHeadersBytes = 8 << 10
)

// CustomHeader is a header field of the tenant's own that every request of a webhook carries.
type CustomHeader struct {
	Name  string `json:"name"` // in canonical form (X-Api-Key)
	Value string `json:"value"`
	// Sensitive says that Value is never shown: it is redacted in recorded attempts, and absent wherever it is read.
	Sensitive bool `json:"sensitive,omitempty"`
}

// Shown is the value as it may be read; nil when it is sensitive.
func (h *CustomHeader) Shown() *string {
	if h.Sensitive {
		return nil
	}
	return &h.Value
}

// NewHeader is a custom header as a caller sets it.
type NewHeader struct {
	Name string
	// Value nil keeps the value that the webhook's header of this name has: of a sensitive one the caller does not know it.
	Value     *string
	Sensitive bool
}

// alwaysSensitive are headers that hold credentials by their definition.
var alwaysSensitive = map[string]bool{"Authorization": true, "Cookie": true}

// SetHeaders makes a webhook's headers of what it has and what a caller sets, and applies the rules that need no HTTP:
// how many, how large together, each name once, and that a value that was sensitive does not cease to be. The form of
// names and values is the egress policy's rule.
func SetHeaders(old []*CustomHeader, set []*NewHeader) ([]*CustomHeader, error) {
	if len(set) > MaxHeaders {
		return nil, invalid("headers", CodeTooMany, "must be at most %d", MaxHeaders)
	}
	known := make(map[string]*CustomHeader, len(old))
	for _, h := range old {
		known[h.Name] = h
	}
	var errs []error
	size := 0
	seen := make(map[string]bool, len(set))
	var list []*CustomHeader
	for i, s := range set {
		name := textproto.CanonicalMIMEHeaderKey(s.Name)
		h := &CustomHeader{Name: name, Sensitive: s.Sensitive || alwaysSensitive[name]}
		before := known[name]
		switch {
		case s.Name == "":
			errs = append(errs, invalid(headerField(i, "name"), CodeRequired, "must be given"))
		case seen[name]:
			errs = append(errs, invalid(headerField(i, "name"), CodeInvalid, "must be given once"))
		case s.Value != nil:
			h.Value = *s.Value
		case before == nil:
			errs = append(errs, invalid(headerField(i, "value"), CodeRequired, "must be given: there is no header of this name yet"))
		default:
			h.Value = before.Value
			h.Sensitive = h.Sensitive || before.Sensitive // or the value could be read after all
		}
		seen[name] = true
		size += len(h.Name) + len(h.Value)
		list = append(list, h)
	}
	if size > MaxHeadersBytes {
		errs = append(errs, invalid("headers", CodeTooLong, "must be at most %d bytes long together", MaxHeadersBytes))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return list, nil
}

func headerField(i int, part string) string { return index("headers", i) + "." + part }

// Redacted stands for a sensitive header's value in what is recorded.
const Redacted = "[redacted]"

// RecordedHeaders is how custom headers are kept with an attempt: as they are sent, but for sensitive values.
func RecordedHeaders(headers []*CustomHeader) HeaderBlock {
	var b strings.Builder
	for _, h := range headers {
		value := h.Value
		if h.Sensitive {
			value = Redacted
		}
		b.WriteString(h.Name)
		b.WriteString(": ")
		b.WriteString(value)
		b.WriteString("\r\n")
	}
	return HeaderBlock(b.String())
}
