// Package surface has the rules of requests that REST, GraphQL over HTTP and server-sent events, and WebSocket share, one home for
// each, so that the same request gets the same verdict from all: origins, credentials and the form of bodies are here.
//
// The others have their homes elsewhere: the size of bodies and who may hold how many in intake; whose token it is, tenants, and
// what a token may do in auth; ids, times, event types, idempotency keys and what else is in the input in webhook; the size of
// pages and cursors in store; which error is told how in fault. The surfaces translate and call; they decide nothing of these.
package surface

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// TenantHeader names the tenant that an operator's call is about. In the payload of a WebSocket's connection_init an entry of this
// name, in any case, does.
const TenantHeader = "Hookgraph-Tenant"

// What is wrong with the credentials of a request that has some, but none that count.
var (
	ErrSeveralTokens = errors.New("a valid bearer token is required, but several were sent: send one Authorization header with one token")
	ErrScheme        = errors.New("a valid bearer token is required, but the Authorization header is not of the form \"Bearer <token>\"")
)

// Credentials are the token and the name of the tenant that a request comes with, "" for what it does not have. Of two
// Authorization fields none counts: a proxy may have checked the other. Two fields that name tenants are one, with a comma, as
// everywhere in HTTP (RFC 9110, section 5.3), which names none. Errors: ErrSeveralTokens, ErrScheme.
func Credentials(h http.Header) (token, tenant string, err error) {
	tenant = strings.Join(h.Values(TenantHeader), ", ")
	fields := h.Values("Authorization")
	if len(fields) > 1 {
		return "", tenant, ErrSeveralTokens
	}
	if len(fields) == 1 {
		if token = Bearer(fields[0]); token == "" && strings.Trim(fields[0], " \t") != "" {
			err = ErrScheme
		}
	}
	return token, tenant, err
}

// Bearer is the token of an Authorization field (RFC 6750, section 2.1); "" when it is of another scheme.
func Bearer(field string) string {
	scheme, token, _ := strings.Cut(strings.Trim(field, " \t"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Trim(token, " \t")
}

// Payload is the credentials of a request whose connection_init payload has these entries, a name and a text each, beside those
// that its header had, or the error of those. As everywhere, of two tokens that differ none counts, and two names of tenants name none.
func Payload(entries [][2]string, token, tenant string, err error) (string, string, error) {
	var tokens, tenants []string
	for _, entry := range entries {
		key, value, given := entry[0], entry[1], ""
		switch {
		case strings.EqualFold(key, "Authorization"):
			if given = Bearer(value); given == "" && value != "" && token == "" && err == nil {
				err = ErrScheme
			}
		case key == "token":
			given = value
		case strings.EqualFold(key, TenantHeader):
			tenants = append(tenants, value)
		}
		if given != "" {
			tokens = append(tokens, given)
		}
	}
	slices.Sort(tokens)
	switch tokens = slices.Compact(tokens); len(tokens) {
	case 0:
	case 1:
		token, err = tokens[0], nil
	default:
		token, err = "", ErrSeveralTokens
	}
	if len(tenants) > 0 {
		tenant = strings.Join(tenants, ", ")
	}
	return token, tenant, err
}

// The reasons for which a body is not read: 415.
var (
	ErrMediaType = errors.New("the content type must be application/json, in UTF-8")
	ErrEncoding  = errors.New("the body must not be compressed")
)

// CheckBody refuses a body that is not JSON, in UTF-8 and as it is, by what its header says of it.
func CheckBody(h http.Header) error {
	if len(h.Values("Content-Type")) > 1 {
		return ErrMediaType
	}
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return ErrMediaType
	}
	for _, encoding := range h.Values("Content-Encoding") {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return ErrEncoding
		}
	}
	return nil
}

// Origins are the web origins whose pages may use the API, besides the server's own: "https://app.example.com"; with "*" for the
// first label of a host, "https://*.example.com"; or "*" alone for all.
type Origins []string

// All reports whether every origin is allowed.
func (o Origins) All() bool { return slices.Contains(o, "*") }

// Allow reports whether pages of the origin, as a browser names it, may use the API.
func (o Origins) Allow(origin string) bool {
	origin = strings.ToLower(origin)
	return slices.ContainsFunc(o, func(pattern string) bool {
		pattern = strings.ToLower(pattern)
		before, after, wild := strings.Cut(pattern, "*")
		if !wild || pattern == "*" {
			return wild || pattern == origin
		}
		label, ok := strings.CutPrefix(origin, before)
		if !ok {
			return false
		}
		label, ok = strings.CutSuffix(label, after)
		return ok && label != "" && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	})
}

// AllowRequest reports whether the page that a request comes from may make it. A request without an Origin does not come from
// a page, and a page of the server's own may.
func (o Origins) AllowRequest(r *http.Request) bool {
	fields := r.Header.Values("Origin")
	switch {
	case len(fields) == 0 || len(fields) == 1 && fields[0] == "":
		return true
	case len(fields) > 1:
		return false
	}
	u, err := url.Parse(fields[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) || o.Allow(fields[0])
}
