package web

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/hookgraph/hookgraph/internal/auth"
)

// X-Forwarded-For is trusted only as far as trusted proxies wrote it: entries of the client itself never count.
func TestClient(t *testing.T) {
	s := &server{Config: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for name, tt := range map[string]struct {
		peer   string
		xff    []string
		proto  string
		tls    bool
		want   string
		secure bool
	}{
		"no proxy":                {peer: "203.0.113.5:1", want: "203.0.113.5"},
		"a stranger pretends":     {peer: "203.0.113.5:1", xff: []string{"198.51.100.1"}, proto: "https", want: "203.0.113.5"},
		"a proxy":                 {peer: "10.0.0.1:1", xff: []string{"198.51.100.1"}, proto: "https", want: "198.51.100.1", secure: true},
		"the client wrote more":   {peer: "10.0.0.1:1", xff: []string{"127.0.0.1, 10.9.9.9, 198.51.100.1"}, want: "198.51.100.1"},
		"two proxies":             {peer: "10.0.0.1:1", xff: []string{"127.0.0.1, 198.51.100.1, 10.0.0.2"}, want: "198.51.100.1"},
		"two headers":             {peer: "10.0.0.1:1", xff: []string{"198.51.100.1", "10.0.0.2"}, want: "198.51.100.1"},
		"rubbish":                 {peer: "10.0.0.1:1", xff: []string{"198.51.100.1, evil"}, want: "10.0.0.1"},
		"nothing":                 {peer: "10.0.0.1:1", want: "10.0.0.1"},
		"only proxies":            {peer: "10.0.0.1:1", xff: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		"mapped":                  {peer: "[::ffff:10.0.0.1]:1", xff: []string{"::ffff:198.51.100.1"}, want: "198.51.100.1"},
		"IPv6":                    {peer: "[fd00::1]:1", xff: []string{"2001:db8::1"}, want: "2001:db8::1"},
		"a zone":                  {peer: "10.0.0.1:1", xff: []string{"fe80::1%eth0"}, want: "fe80::1"},
		"TLS of our own":          {peer: "203.0.113.5:1", tls: true, want: "203.0.113.5", secure: true},
		"the proxy is on http":    {peer: "10.0.0.1:1", tls: true, proto: "http", want: "10.0.0.1"},
		"the client wrote https":  {peer: "10.0.0.1:1", proto: "https, http", want: "10.0.0.1"},
		"no address, as in tests": {peer: "pipe", xff: []string{"198.51.100.1"}, want: "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		for _, v := range tt.xff {
			r.Header.Add("X-Forwarded-For", v)
		}
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		if addr, secure := s.client(r); addr.String() != tt.want || secure != tt.secure {
			t.Errorf("%s: %s %v, want %s %v", name, addr, secure, tt.want, tt.secure)
		}
	}
}

// Every response has the security headers, and none sets a cookie. Handlers see the client as the peer.
func TestSecurityHeaders(t *testing.T) {
	var seen string
	page := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr })
	h := New(Config{
		Logger: slog.New(slog.DiscardHandler), GraphQL: page, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	for _, path := range []string{"/livez", "/v1/webhooks", "/graphql", "/nowhere", "/v1/webhooks/x"} {
		for _, proto := range []string{"http", "https"} {
			r := httptest.NewRequest(http.MethodDelete, path, nil) // from 192.0.2.1
			r.Header.Set("X-Forwarded-For", "198.51.100.7")
			r.Header.Set("X-Forwarded-Proto", proto)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Set-Cookie": "",
				"Strict-Transport-Security": map[string]string{"https": "max-age=31536000"}[proto],
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
		}
	}
	if seen != "198.51.100.7:0" {
		t.Errorf("behind the frame the peer is %q", seen)
	}
}

// nobody is a store without tokens.
type nobody struct{ auth.Store }

// Pages of allowed origins may call the API with a token; pages of others may not read the responses.
func TestCORS(t *testing.T) {
	h := New(Config{
		Logger: slog.New(slog.DiscardHandler), AllowedOrigins: []string{"https://app.example.com"}, Auth: auth.New(nobody{}),
		GraphQL: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Vary", "Accept") }),
	})
	for origin, allowed := range map[string]bool{
		"https://app.example.com": true, "http://app.example.com": false, "https://evil.example": false, "null": false,
		"https://app.example.com.evil.example": false,
	} {
		for _, path := range []string{"/graphql", "/v1/webhooks"} {
			preflight := httptest.NewRequest(http.MethodOptions, path, nil)
			preflight.Header.Set("Origin", origin)
			preflight.Header.Set("Access-Control-Request-Method", "POST")
			preflight.Header.Set("Access-Control-Request-Headers", "authorization,content-type,hookgraph-tenant")
			call := httptest.NewRequest(http.MethodPost, path, nil)
			call.Header.Set("Origin", origin)
			for _, r := range []*http.Request{preflight, call} {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				got := w.Header().Get("Access-Control-Allow-Origin")
				if (got == origin) != allowed || !allowed && got != "" {
					t.Errorf("%s %s from %s: allowed %q", r.Method, path, origin, got)
				}
				if c := w.Header().Get("Access-Control-Allow-Credentials"); c != "" {
					t.Errorf("credentials are %s", c)
				}
				if r == call && len(w.Header().Values("Vary")) == 0 {
					t.Errorf("%s: a cache could mix up origins", path)
				}
			}
		}
	}
}
