// Package surface has rules for requests that REST, GraphQL over HTTP and server-sent events, and WebSocket share, so that all of
// them decide alike: origins, credentials and the form of bodies.
//
// Other shared rules are elsewhere: the size and number of bodies in intake; tokens, tenants and permissions in auth; ids, times,
// event types, idempotency keys and other input in webhook; the size of pages and cursors in store; errors in fault. The surfaces
// translate and call; they decide none of these.
package surface

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// TenantHeader names the tenant that an operator's call is about. For WebSocket, an entry of this name in the payload of
// connection_init is equivalent, in upper or lower case.
const TenantHeader = "Hookgraph-Tenant"

// Unnamed is the tenant of a request that has a place for its name, and nothing in it, as where a script's variable is not set. No tenant
// is named so, and it is not the default one, for which the call was not meant.
const Unnamed = " "

// Errors of a request whose credentials do not count.
var (
	ErrSeveralTokens = errors.New("a valid bearer token is required, but several were sent: send one Authorization header with one token")
	ErrScheme        = errors.New("a valid bearer token is required, but the Authorization header is not of the form \"Bearer <token>\"")
)

// Credentials returns the token and the tenant's name of a request, "" for what it does not have. If there are two Authorization
// fields, neither counts: a proxy may have checked the other. Two tenant fields are joined by a comma, as HTTP says (RFC 9110,
// section 5.3), and so name no tenant. The tenant of an empty field is Unnamed. Errors: ErrSeveralTokens, ErrScheme.
func Credentials(h http.Header) (token, tenant string, err error) {
	tenant = tenantOf(h.Values(TenantHeader))
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

func tenantOf(values []string) string {
	tenant := strings.Join(values, ", ")
	if len(values) > 0 && strings.TrimSpace(tenant) == "" {
		return Unnamed
	}
	return tenant
}

// Bearer returns the token of an Authorization field (RFC 6750, section 2.1); "" if it has another scheme.
func Bearer(field string) string {
	scheme, token, _ := strings.Cut(strings.Trim(field, " \t"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Trim(token, " \t")
}

// Payload adds the entries of a connection_init payload, each a name and a text, to the credentials of the request's header, or to
// their error. Of two different tokens neither counts, and two tenant names name no tenant.
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
		tenant = tenantOf(tenants)
	}
	return token, tenant, err
}

// The reasons for which a body is not read, with status 415.
var (
	ErrMediaType = errors.New("the content type must be application/json, in UTF-8")
	ErrEncoding  = errors.New("the body must not be compressed")
)

// CheckBody refuses a body that, by its header, is not JSON in UTF-8 without a content encoding.
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
// first label of a host, "https://*.example.com"; or "*" for all.
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

// AllowRequest reports whether the origin of a request is allowed. So are requests without an Origin, which do not come from a
// page, and those of the server's own pages.
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
