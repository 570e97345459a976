package graphiql

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func body(t *testing.T, res *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = res.Body
	if res.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if r, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The index is at both spellings of its path; every file that it refers to is served, may be cached forever, and has a type that
// nosniff accepts.
func TestIndexAndItsAssets(t *testing.T) {
	for _, path := range []string{"/graphiql", "/graphiql/"} {
		res := get(t, "GET", path, map[string]string{"Accept-Encoding": "gzip, deflate, br"})
		if res.Code != 200 || res.Header().Get("Cache-Control") != "no-cache" {
			t.Fatalf("%s: %d %v", path, res.Code, res.Header())
		}
		assets := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(body(t, res), -1)
		if len(assets) < 2 {
			t.Fatalf("%s names %d assets, want a script and a style sheet at least", path, len(assets))
		}
		for _, asset := range assets {
			res := get(t, "GET", asset[1], nil)
			if res.Code != 200 || !strings.Contains(res.Header().Get("Cache-Control"), "immutable") ||
				res.Header().Get("Content-Type") == "" {
				t.Errorf("%s: %d %v", asset[1], res.Code, res.Header())
			}
		}
	}
}

// A client that does not accept gzip gets the same bytes without it, with the right length.
func TestEveryFileInBothEncodings(t *testing.T) {
	for name := range files() {
		plain := get(t, "GET", "/graphiql/"+name, map[string]string{"Accept-Encoding": "gzip;q=0, identity"})
		gzipped := get(t, "GET", "/graphiql/"+name, map[string]string{"Accept-Encoding": "gzip"})
		if plain.Header().Get("Content-Encoding") != "" || gzipped.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%q: encodings are %q and %q", name, plain.Header().Get("Content-Encoding"), gzipped.Header().Get("Content-Encoding"))
		}
		if plain.Header().Get("ETag") == gzipped.Header().Get("ETag") {
			t.Errorf("%q: both encodings have one ETag", name)
		}
		content := body(t, plain)
		if content != body(t, gzipped) {
			t.Errorf("%q: the encodings differ in content", name)
		}
		if plain.Header().Get("Content-Type") == "" {
			t.Errorf("%q: no content type", name)
		}
		if head := get(t, "HEAD", "/graphiql/"+name, nil); head.Header().Get("Content-Length") != strconv.Itoa(len(content)) || body(t, head) != "" {
			t.Errorf("%q: HEAD announces %s bytes, GET sends %d", name, head.Header().Get("Content-Length"), len(content))
		}
	}
}

// A browser that has the page gets 304.
func TestNotModified(t *testing.T) {
	gz := map[string]string{"Accept-Encoding": "gzip"}
	gz["If-None-Match"] = `"other", W/` + get(t, "GET", "/graphiql/", gz).Header().Get("ETag")
	if res := get(t, "GET", "/graphiql/", gz); res.Code != http.StatusNotModified || body(t, res) != "" {
		t.Errorf("status %d, want 304", res.Code)
	}
	gz["If-None-Match"] = `"other"`
	if res := get(t, "GET", "/graphiql/", gz); res.Code != http.StatusOK {
		t.Errorf("status %d, want 200", res.Code)
	}
}

// Every response has the policy, errors too: a worker's script has its own.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/graphiql/", 405},
		{"GET", "/graphiql/index.html", 404},
		{"GET", "/graphiql/assets/", 404},
		{"GET", "/graphiql/../graphiql.go", 404},
		{"GET", "/graphiql/assets/none.js", 404},
	} {
		res := get(t, c.method, c.path, nil)
		if res.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, res.Code, c.status)
		}
		if res.Header().Get("Content-Security-Policy") != policy || res.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", c.method, c.path, res.Header())
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"":                    false,
		"gzip":                true,
		"GZIP ; q=0.5":        true,
		"br, gzip;q=1.0":      true,
		"*":                   true,
		"*;q=0":               false,
		"*, gzip;q=0":         false,
		"gzip;q=0.000, *":     false,
		"identity;q=1, *;q=0": false,
		"gzippy, x-gzip":      false,
		"gzip;q=high":         false,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("acceptsGzip(%q) = %t", value, got)
		}
	}
}
