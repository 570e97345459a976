package surface

import (
	"errors"
	"net/http"
	"testing"
)

// An origin is allowed if it is listed, in any letter case, or matches a listed one with a wildcard for a label.
func TestOrigins(t *testing.T) {
	o := Origins{"https://app.example.com", "https://*.example.org", "http://localhost:3000", "https://*.example.net:8443"}
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "HTTPS://APP.Example.com": true, "http://localhost:3000": true, "https://a.example.org": true,
		"https://a-1.EXAMPLE.org": true, "https://a.example.net:8443": true,
		"http://app.example.com": false, "https://app.example.com:8443": false, "https://example.org": false, "https://.example.org": false,
		"https://a.b.example.org": false, "https://evil.com/.example.org": false, "https://evil.com#.example.org": false, "https://a.example.org.evil.com": false,
		"https://a@evil.example.org": false, "http://a.example.org": false, "https://a.example.net": false, "null": false, "": false, "*": false, "https://*.example.org": false,
	} {
		if o.Allow(origin) != want {
			t.Errorf("%q is allowed: %v", origin, !want)
		}
	}
	if !(Origins{"*"}).Allow("https://any.example") || !(Origins{"*"}).Allow("null") || (Origins{}).Allow("https://any.example") {
		t.Error("* is all, and no list is none")
	}
	for name, c := range map[string]struct {
		origins []string
		want    bool
	}{
		"not of a page": {nil, true}, "its own": {[]string{"https://hooks.example"}, true}, "listed": {[]string{"https://x.example.org"}, true},
		"another": {[]string{"https://evil.example"}, false}, "two": {[]string{"https://hooks.example", "https://evil.example"}, false}, "none that can be read": {[]string{"null"}, false},
	} {
		r := &http.Request{Host: "hooks.example", Header: http.Header{"Origin": c.origins}}
		if o.AllowRequest(r) != c.want {
			t.Errorf("%s: allowed %v", name, !c.want)
		}
	}
}

// A token is the text after the scheme, in any letter case, of one Authorization field, without white space. If there are two
// different ones, anywhere, none counts.
func TestCredentials(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
		err    error
	}{
		{nil, "", nil},
		{[]string{"Bearer t"}, "t", nil},
		{[]string{"bEARER   t \t"}, "t", nil},
		{[]string{" Bearer t"}, "t", nil},
		{[]string{"Basic t"}, "", ErrScheme},
		{[]string{"Bearer"}, "", ErrScheme},
		{[]string{"Bearert"}, "", ErrScheme},
		{[]string{" \t"}, "", nil},
		{[]string{"Bearer t", "Bearer t"}, "", ErrSeveralTokens},
		{[]string{"Bearer t", "Basic u"}, "", ErrSeveralTokens},
		{[]string{"", ""}, "", ErrSeveralTokens},
	} {
		if got, _, err := Credentials(http.Header{"Authorization": c.fields}); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q %v, want %q %v", c.fields, got, err, c.want, c.err)
		}
	}
	for tenant, fields := range map[string][]string{"": nil, "a": {"a"}, "a, b": {"a", "b"}, Unnamed: {""}, ", ": {"", ""}} {
		if _, got, _ := Credentials(http.Header{TenantHeader: fields}); got != tenant {
			t.Errorf("the tenants %q are %q, want %q", fields, got, tenant)
		}
	}
	for _, c := range []struct {
		entries       [][2]string
		token, tenant string
		err           error
	}{
		{nil, "of the header", "its", nil},
		{[][2]string{{"authorization", "Bearer t"}, {"hookgraph-tenant", "a"}}, "t", "a", nil},
		{[][2]string{{"token", "t"}}, "t", "its", nil},
		{[][2]string{{"token", "t"}, {"Authorization", "Bearer t"}}, "t", "its", nil},
		{[][2]string{{"Authorization", "Basic t"}, {"Token", "t"}, {"else", "t"}}, "of the header", "its", nil},
		{[][2]string{{"token", "t"}, {"Authorization", "Bearer u"}}, "", "its", ErrSeveralTokens},
		{[][2]string{{"Authorization", "Bearer t"}, {"Authorization", "Bearer u"}}, "", "its", ErrSeveralTokens},
		{[][2]string{{"authorization", "Bearer t"}, {"AUTHORIZATION", "Bearer u"}}, "", "its", ErrSeveralTokens},
		{[][2]string{{"Hookgraph-Tenant", "a"}, {"hookgraph-tenant", "b"}}, "of the header", "a, b", nil},
		{[][2]string{{"Hookgraph-Tenant", ""}}, "of the header", Unnamed, nil},
		{[][2]string{{"Hookgraph-Tenant", "\t "}}, "of the header", Unnamed, nil},
	} {
		if token, tenant, err := Payload(c.entries, "of the header", "its", nil); token != c.token || tenant != c.tenant || !errors.Is(err, c.err) {
			t.Errorf("%v: %q %q %v", c.entries, token, tenant, err)
		}
	}
	for _, c := range []struct {
		entries [][2]string
		header  error
		token   string
		err     error
	}{
		{[][2]string{{"token", "t"}}, ErrSeveralTokens, "t", nil},
		{nil, ErrSeveralTokens, "", ErrSeveralTokens},
		{[][2]string{{"Authorization", "Basic t"}}, nil, "", ErrScheme},
		{[][2]string{{"Authorization", ""}}, nil, "", nil},
	} {
		if token, _, err := Payload(c.entries, "", "", c.header); token != c.token || !errors.Is(err, c.err) {
			t.Errorf("%v without a token in the header: %q %v", c.entries, token, err)
		}
	}
}

// A body is JSON in UTF-8, and not compressed.
func TestCheckBody(t *testing.T) {
	for _, c := range []struct {
		header http.Header
		want   error
	}{
		{http.Header{"Content-Type": {"application/json"}}, nil},
		{http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}, nil},
		{http.Header{"Content-Type": {"application/json;charset=utf8"}, "Content-Encoding": {"Identity"}}, nil},
		{http.Header{}, ErrMediaType},
		{http.Header{"Content-Type": {"text/plain"}}, ErrMediaType},
		{http.Header{"Content-Type": {"application/json; charset=latin1"}}, ErrMediaType},
		{http.Header{"Content-Type": {"application/json", "text/plain"}}, ErrMediaType},
		{http.Header{"Content-Type": {"application/json; charset"}}, ErrMediaType},
		{http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, ErrEncoding},
		{http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"identity", "br"}}, ErrEncoding},
	} {
		if err := CheckBody(c.header); err != c.want { //nolint:errorlint // exactly these
			t.Errorf("%v: %v, want %v", c.header, err, c.want)
		}
	}
}
