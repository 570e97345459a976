package egress

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Bounds of one custom header, in bytes.
const (
	MaxHeaderNameBytes  = 128
	MaxHeaderValueBytes = 4096
)

// reservedHeaders belong to the connection (RFC 9110, section 7.6.1), to the framing of the body, or to the server.
// A tenant who set one could split requests, reach another host behind a shared front end, or forge a signature.
var reservedHeaders = map[string]bool{
	"host":                true,
	"connection":          true,
	"keep-alive":          true,
	"upgrade":             true,
	"http2-settings":      true,
	"te":                  true,
	"trailer":             true,
	"transfer-encoding":   true,
	"content-length":      true,
	"content-type":        true, // the body is always JSON
	"content-encoding":    true, // and never compressed
	"content-range":       true,
	"expect":              true, // waiting for 100 Continue would use up the deadline
	"accept-encoding":     true, // answers are stored as received; a compressed one would be unreadable
	"user-agent":          true, // receivers recognise the server by it
	"proxy-authorization": true,
}

// reservedPrefixes are of Standard Webhooks' headers, and of headers for a proxy.
var reservedPrefixes = []string{"webhook-", "proxy-"}

// ValidateHeader is the rule for a webhook's custom header, on every surface. The error is an *Invalid.
//
// The value is visible ASCII with spaces and tabs inside; other bytes have no agreed meaning (RFC 9110, section 5.5).
// It may be empty. How many headers a webhook may have is the caller's rule.
func ValidateHeader(name, value string) error {
	if len(name) > MaxHeaderNameBytes {
		return &Invalid{InvalidTooLong, fmt.Sprintf("the header's name is longer than %d bytes", MaxHeaderNameBytes)}
	}
	if len(value) > MaxHeaderValueBytes {
		return &Invalid{InvalidTooLong, fmt.Sprintf("the header's value is longer than %d bytes", MaxHeaderValueBytes)}
	}
	if !httpguts.ValidHeaderFieldName(name) {
		return &Invalid{InvalidHeader, "the header's name is not a valid HTTP field name"}
	}
	lower := strings.ToLower(name)
	if reservedHeaders[lower] {
		return &Invalid{ReservedHeader, "the header is set by the server and cannot be changed"}
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(lower, prefix) {
			return &Invalid{ReservedHeader, fmt.Sprintf("headers that start with %q are set by the server", prefix)}
		}
	}
	if strings.Trim(value, " \t") != value {
		return &Invalid{InvalidHeader, "the header's value starts or ends with white space; remove it"}
	}
	ascii := func(r rune) bool { return r < 0x80 }
	if !httpguts.ValidHeaderFieldValue(value) || strings.ContainsFunc(value, func(r rune) bool { return !ascii(r) }) {
		return &Invalid{InvalidHeader, "the header's value may only contain visible ASCII characters, spaces and tabs"}
	}
	return nil
}
