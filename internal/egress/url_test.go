package egress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestValidateURL(t *testing.T) {
	c := client(t, Config{Ports: []uint16{443, 8443}})
	for raw, want := range map[string]string{
		"https://example.com":                   "https://example.com",
		"https://example.com/hook":              "https://example.com/hook",
		"HTTPS://Example.COM:443/Hook?a=B":      "https://example.com/Hook?a=B",
		"https://example.com:8443/":             "https://example.com:8443/",
		"https://example.com:008443/":           "https://example.com:8443/",
		"https://example.com:/":                 "https://example.com/",
		"https://example.com./x":                "https://example.com/x",
		"https://bücher.example/ä?ö=<ü>":        "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%3C%C3%BC%3E",
		"https://b%C3%BCcher.example/":          "https://xn--bcher-kva.example/",
		"https://xn--bcher-kva.example/":        "https://xn--bcher-kva.example/",
		"https://ｅｘａｍｐｌｅ。com/":                  "https://example.com/",
		"https://my_app.example.com/":           "https://my_app.example.com/",
		"https://r3---sn-x.example.com/":        "https://r3---sn-x.example.com/",
		"https://8.8.8.8/":                      "https://8.8.8.8/",
		"https://８.8.８.8/":                      "https://8.8.8.8/",
		"https://[2606:4700:0::1111]/":          "https://[2606:4700::1111]/",
		"https://localhost.example.com/":        "https://localhost.example.com/",
		"https://example.com/a%2Fb/../c//d?%zz": "https://example.com/a%2Fb/../c//d?%zz",
		"https://example.com//evil.example/":    "https://example.com//evil.example/",
		"https://1.example/":                    "https://1.example/",
		"https://example.com?":                  "https://example.com?",

		"https://example.com/hooks/acme%2Fshop/é":   "https://example.com/hooks/acme%2Fshop/%C3%A9",
		"https://example.com/a%2fb%2Fc/%C3%a9/%ff":  "https://example.com/a%2fb%2Fc/%C3%a9/%ff",
		"https://example.com/a%2Fb/{id}|\"<>^`":     "https://example.com/a%2Fb/%7Bid%7D%7C%22%3C%3E%5E%60",
		"https://example.com/;a=1,b/+/'(x)*!$&@:[]": "https://example.com/;a=1,b/+/'(x)*!$&@:[]",
		"https://example.com/%2e%2E/./..//%00?":     "https://example.com/%2e%2E/./..//%00?",
		"https://example.com?a=%2F&b=+;c='{}|^?%":   "https://example.com?a=%2F&b=+;c='{}|^?%",
		"https://example.com/a?b?c/d?":              "https://example.com/a?b?c/d?",
		"https://example.com??":                     "https://example.com??",
		"https://example.com/a@b:c?x://y":           "https://example.com/a@b:c?x://y",
	} {
		got, err := c.ValidateURL(raw)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", raw, got, err, want)
		}
	}
}

func TestInvalidURLs(t *testing.T) {
	c := client(t, Config{})
	for raw, code := range map[string]string{
		"":                                   InvalidURL,
		"example.com":                        HTTPSRequired,
		"//example.com/":                     HTTPSRequired,
		"http://example.com/":                HTTPSRequired,
		"ftp://example.com/":                 HTTPSRequired,
		"file:///etc/passwd":                 HTTPSRequired,
		"gopher://example.com/":              HTTPSRequired,
		"javascript:alert(1)":                HTTPSRequired,
		"https:example.com":                  InvalidURL,
		"https:///path":                      InvalidURL,
		"https://":                           InvalidURL,
		"https://:443/":                      InvalidURL,
		"https://./":                         InvalidURL,
		"https://../":                        InvalidURL,
		"https://example..com/":              InvalidURL,
		"https://.example.com/":              InvalidURL,
		"https://example.com../":             InvalidURL,
		"https://user@example.com/":          InvalidURL,
		"https://user:secret@example.com/":   InvalidURL,
		"https://@example.com/":              InvalidURL,
		"https://example.com/#":              InvalidURL,
		"https://example.com/#x":             InvalidURL,
		"https://example.com/ x":             InvalidURL,
		" https://example.com/":              InvalidURL,
		"https://example.com/\n":             InvalidURL,
		"https://exam\tple.com/":             InvalidURL,
		"https://example.com/\x7f":           InvalidURL,
		"https://example.com/\x00":           InvalidURL,
		"https://example.com\\@127.0.0.1/":   InvalidURL,
		"https:\\\\example.com/":             InvalidURL,
		"https://example.com/\xff":           InvalidURL,
		"https://example.com/%":              InvalidURL,
		"https://example.com/100%/x":         InvalidURL,
		"https://example.com/%zz":            InvalidURL,
		"https://exa%00mple.com/":            InvalidURL,
		"https://exa%6Dple.com/":             InvalidURL,
		"https://0%80/":                      InvalidURL,
		"https://exa<mple.com/":              InvalidURL,
		"https://exa,mple.com/":              InvalidURL,
		"https://example.com%2f@x/":          InvalidURL,
		"https://xn--a.example/":             InvalidURL,
		"https://" + strings.Repeat("a", 64): InvalidURL,
		"https://example.com:0/":             InvalidURL,
		"https://example.com:65536/":         InvalidURL,
		"https://example.com:99999999999/":   InvalidURL,
		"https://example.com:-1/":            InvalidURL,
		"https://example.com:443:443/":       InvalidURL,
		"https://[::1/":                      InvalidURL,
		"https://::1/":                       InvalidURL,
		"https://[1.2.3.4]/":                 InvalidURL,
		"https://[fe80::1%25lo]/":            InvalidURL,
		"https://[2606:4700::1%25lo]/":       InvalidURL,
		"https://example.com:80/":            PortNotAllowed,
		"https://example.com:22/":            PortNotAllowed,
		"https://example.com:8443/":          PortNotAllowed,
		"https://[::ffff:8.8.8.8]/":          AddressNotAllowed,
		"https://8.8.8/":                     AddressNotAllowed,
		"https://010.8.8.8/":                 AddressNotAllowed,
		"https://1.2.3.4.5/":                 AddressNotAllowed,
		"https://example.0x/":                AddressNotAllowed,
		"https://example.1/":                 AddressNotAllowed,
		"https://example.com/" + strings.Repeat("a", MaxURLBytes): InvalidTooLong,
		"https://example.com/" + strings.Repeat("ä", 700):         InvalidTooLong,
	} {
		got, err := c.ValidateURL(raw)
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Code != code || got != "" {
			t.Errorf("%.60q: %q, %v (%+v), want %s", raw, got, err, invalid, code)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the message repeats the password: %s", raw, err)
		}
	}
}

// In development loopback, plain http and every port are open; the form of a URL is still checked.
func TestValidateURLInDevelopment(t *testing.T) {
	c := client(t, Config{AllowPrivate: true})
	for _, raw := range []string{
		"http://localhost:8080/hook", "http://127.0.0.1:1234/", "http://[::1]:80/", "https://app.localhost/", "http://receiver/",
	} {
		if _, err := c.ValidateURL(raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{"http://127.1/", "http://169.254.169.254/", "http://0.0.0.0/", "http://a:b@localhost/", "ftp://localhost/"} {
		if got, err := c.ValidateURL(raw); err == nil {
			t.Errorf("%s: accepted as %s", raw, got)
		}
	}
}

func TestValidateHeader(t *testing.T) {
	for _, h := range [][2]string{
		{"Authorization", "Bearer abc"},
		{"X-Api-Key", ""},
		{"Idempotency-Key", "1"},
		{"x_y", "a\tb c"},
		{"Cookie", "a=b"},
		{strings.Repeat("a", MaxHeaderNameBytes), strings.Repeat("v", MaxHeaderValueBytes)},
	} {
		if err := ValidateHeader(h[0], h[1]); err != nil {
			t.Errorf("%s: %v", h[0], err)
		}
	}
	for h, code := range map[[2]string]string{
		{"Host", "x"}: ReservedHeader, {"hOST", "x"}: ReservedHeader, {"Content-Length", "0"}: ReservedHeader,
		{"Transfer-Encoding", "chunked"}: ReservedHeader, {"Connection", "close"}: ReservedHeader, {"Upgrade", "h2c"}: ReservedHeader,
		{"TE", "trailers"}: ReservedHeader, {"Trailer", "x"}: ReservedHeader, {"Proxy-Authorization", "x"}: ReservedHeader,
		{"proxy-connection", "x"}: ReservedHeader, {"Webhook-Signature", "v1,x"}: ReservedHeader, {"webhook-anything", "x"}: ReservedHeader,
		{"Content-Type", "text/plain"}: ReservedHeader, {"User-Agent", "x"}: ReservedHeader, {"Accept-Encoding", "gzip"}: ReservedHeader,
		{"Keep-Alive", "x"}: ReservedHeader, {"Expect", "100-continue"}: ReservedHeader, {"Content-Encoding", "gzip"}: ReservedHeader,
		{"", "x"}: InvalidHeader, {"a b", "x"}: InvalidHeader, {"a:", "x"}: InvalidHeader, {":path", "x"}: InvalidHeader,
		{"a\r\nb", "x"}: InvalidHeader, {"ä", "x"}: InvalidHeader, {"Host ", "x"}: InvalidHeader, {"a\x00", "x"}: InvalidHeader,
		{"A", "x\r\nHost: y"}: InvalidHeader, {"A", "x\n"}: InvalidHeader, {"A", "\x00"}: InvalidHeader, {"A", " x"}: InvalidHeader,
		{"A", "x\t"}: InvalidHeader, {"A", "ü"}: InvalidHeader, {"A", "\xff"}: InvalidHeader, {"A", "\x7f"}: InvalidHeader,
		{strings.Repeat("a", MaxHeaderNameBytes+1), ""}:   InvalidTooLong,
		{"A", strings.Repeat("v", MaxHeaderValueBytes+1)}: InvalidTooLong,
	} {
		var invalid *Invalid
		if err := ValidateHeader(h[0], h[1]); !errors.As(err, &invalid) || invalid.Code != code {
			t.Errorf("%.40q: %v, want %s", h, err, code)
		}
	}
}

// Whatever ValidateURL accepts, it accepts again unchanged; its host is the one that the transport uses; and a host that any
// resolver may parse as an address is an open one.
func FuzzValidateURL(f *testing.F) {
	for _, s := range spellings {
		f.Add("https://" + s + "/hook")
	}
	for _, s := range []string{
		"https://example.com/hook?a=b", "https://bücher.example:443/ä?ö", "https://[2606:4700::1111]/", "HTTPS://A.B:0443",
		"https://a.example//x/../y?%zz", "https://user:pw@h/", "https://h/#f", "http://h\\@x/", "https://xn--bcher-kva./",
		"https://h/a%2Fb/é", "https://h/{a}|^?{a}|^%", "https://h?", "https://h??a/b", "https://h/a://b?c://d", "https://h/[]/%ff/;,=",
	} {
		f.Add(s)
	}
	c := client(f, Config{})
	f.Fuzz(func(t *testing.T, raw string) {
		out, err := c.ValidateURL(raw)
		if err != nil {
			var invalid *Invalid
			if !errors.As(err, &invalid) || invalid.Code == "" || invalid.Message == "" {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		again, err := c.ValidateURL(out)
		if err != nil || again != out {
			t.Fatalf("%q became %q became %q, %v", raw, out, again, err)
		}
		u, err := url.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		host := u.Hostname()
		if u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Port() != "" || len(out) > MaxURLBytes || host == "" {
			t.Fatalf("%q became %q", raw, out)
		}
		for _, b := range []byte(out) {
			if b <= ' ' || b >= 0x7f || b == '\\' {
				t.Fatalf("%q became %q", raw, out)
			}
		}
		if isLocalhost(host) {
			t.Fatalf("%q became %q", raw, out)
		}
		if got, want := u.RequestURI(), requestTarget(raw); got != want {
			t.Fatalf("%q is sent as %q, want %q", raw, got, want)
		}
		if a, err := netip.ParseAddr(host); err == nil {
			if !c.policy.address(a) {
				t.Fatalf("%q became %q", raw, out)
			}
		} else if strings.Trim(host[strings.LastIndexByte(host, '.')+1:], "0123456789") == "" || strings.Contains(host, ":") {
			t.Fatalf("%q became %q", raw, out)
		}
	})
}

// requestTarget returns a URL's text after the host, as the request line has it: unchanged, except that bytes not allowed in URLs
// are percent-encoded.
func requestTarget(raw string) string {
	_, after, _ := strings.Cut(raw, "://")
	i := strings.IndexAny(after, "/?")
	if i < 0 {
		return "/"
	}
	target := after[i:]
	if target[0] == '?' {
		target = "/" + target
	}
	path, query, asked := strings.Cut(target, "?")
	encode := func(text, never string) string {
		var out strings.Builder
		for _, b := range []byte(text) {
			if b > 0x7e || b <= ' ' || strings.IndexByte(never, b) >= 0 {
				fmt.Fprintf(&out, "%%%02X", b)
			} else {
				out.WriteByte(b)
			}
		}
		return out.String()
	}
	if path = encode(path, "\"<>^`{|}"); asked {
		return path + "?" + encode(query, "\"<>`")
	}
	return path
}

// A webhook's URL after its host reaches the receiver byte for byte, over both versions of HTTP.
func TestURLOnTheWire(t *testing.T) {
	for version, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		got := make(chan string, 1)
		s := receiver(t, h2, func(_ http.ResponseWriter, r *http.Request) { got <- r.Proto + " " + r.RequestURI })
		c := client(t, private(s))
		for given, want := range map[string]string{
			"":                           "/",
			"/":                          "/",
			"?":                          "/?",
			"?a":                         "/?a",
			"/hooks/acme%2Fshop/é":       "/hooks/acme%2Fshop/%C3%A9",
			"/a%2fb/%C3%a9/%ff%00":       "/a%2fb/%C3%a9/%ff%00",
			"/{id}/a|b":                  "/%7Bid%7D/a%7Cb",
			"/;a=1,b/+/'(x)*!$&@:[]~_-.": "/;a=1,b/+/'(x)*!$&@:[]~_-.",
			"//a/../b/./c//":             "//a/../b/./c//",
			"/a?b?c/d?":                  "/a?b?c/d?",
			"/?a=%2F&b=+;c='{}|^?%&ü=<>": "/?a=%2F&b=+;c='{}|^?%&%C3%BC=%3C%3E",
			"/a@b:c?x://y":               "/a@b:c?x://y",
			"/%E2%82%AC/€":               "/%E2%82%AC/%E2%82%AC",
		} {
			stored, err := c.ValidateURL(s.URL + given)
			if err != nil {
				t.Errorf("%s: %v", given, err)
				continue
			}
			if res := c.Do(within(t, 20*time.Second), &Request{URL: parse(t, stored)}); res.Code != OK {
				t.Errorf("%s: %q %q", given, res.Code, res.Message)
				continue
			}
			if line := <-got; line != version+" "+want {
				t.Errorf("%s arrives as %s, want %s", given, line, want)
			}
		}
	}
}

// Whatever ValidateHeader accepts reaches the receiver as exactly one field, beside those of the server.
func FuzzValidateHeader(f *testing.F) {
	for _, h := range [][2]string{
		{"X-Api-Key", "k"},
		{"Authorization", "Bearer x"},
		{"A", "x\r\nHost: y"},
		{"Host", "x"},
		{"webhook-id", "x"},
		{"a b", ""},
		{"A", " x"},
		{"Transfer-Encoding", "chunked"},
		{"\u212aey", "x"},
		{"X", "\x00"},
		{"x:", "y"},
		{"X", ""},
	} {
		f.Add(h[0], h[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if err := ValidateHeader(name, value); err != nil {
			var invalid *Invalid
			if !errors.As(err, &invalid) || invalid.Code == "" || invalid.Message == "" {
				t.Fatalf("%q: %v", name, err)
			}
			return
		}
		key := textproto.CanonicalMIMEHeaderKey(name) // as the store keeps it
		sent := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "h.example", Path: "/"}, Host: "h.example", ContentLength: 2,
			Header: http.Header{"Webhook-Id": {"id"}, "User-Agent": {"Hookgraph"}, key: {value}}, Body: io.NopCloser(strings.NewReader("{}")),
		}
		var wire bytes.Buffer
		if err := sent.Write(&wire); err != nil {
			t.Fatalf("%q: %q: %v", name, value, err)
		}
		in := bufio.NewReader(&wire)
		got, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("%q: %q: %v", name, value, err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || string(body) != "{}" || in.Buffered() > 0 || got.Host != "h.example" || got.Header.Get("Webhook-Id") != "id" ||
			len(got.Header) != 4 || len(got.Header[key]) != 1 || got.Header[key][0] != value {
			t.Fatalf("%q: %q arrives as %v with body %q, %v", name, value, got.Header, body, err)
		}
	})
}
