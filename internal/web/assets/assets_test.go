package assets

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const policy = "default-src 'none'"

// build is what a build writes.
func build(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for name, content := range map[string]string{
		"index.html":           `<script type="module" src="./assets/index-1.js"></script><link rel="stylesheet" href="./assets/style-1.css">`,
		"assets/index-1.js":    strings.Repeat("let a = 1;\n", 1000),
		"assets/style-1.css":   "body { margin: 0 }",
		"assets/icon-1.svg":    "<svg/>",
		"assets/codicon-1.ttf": "\x00\x01",
		"licenses.md":          "# Licenses",
	} {
		files[name+".gz"] = &fstest.MapFile{Data: compress([]byte(content))}
	}
	return files
}

func page(t *testing.T, prefix string) *Page {
	t.Helper()
	return Load(Config{
		Files: build(t), Prefix: prefix, Policy: policy,
		Screen: func(path string) bool { return strings.HasPrefix(path, "deliveries") },
	})
}

func get(t *testing.T, h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
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

// Whatever screen a page is opened on, every file that its index refers to is where the browser looks for it, may be cached forever,
// and has a type that nosniff accepts. The index itself is revalidated each time.
func TestIndexAndItsAssets(t *testing.T) {
	for _, c := range []struct{ prefix, path string }{
		{"", "/"},
		{"", "/deliveries"},
		{"", "/deliveries/"},
		{"", "/deliveries/1"},
		{"", "/deliveries/1/attempts"},
		{"/page", "/page/"},
		{"/page", "/page/deliveries/1"},
	} {
		p := page(t, c.prefix)
		res := get(t, p, "GET", c.path, map[string]string{"Accept-Encoding": "gzip, deflate, br"})
		if res.Code != 200 || res.Header().Get("Cache-Control") != "no-cache" {
			t.Fatalf("%s: %d %v", c.path, res.Code, res.Header())
		}
		named := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(body(t, res), -1)
		if len(named) != 2 {
			t.Fatalf("%s names %d files, want 2", c.path, len(named))
		}
		for _, name := range named {
			at, err := httptest.NewRequestWithContext(t.Context(), "GET", c.path, nil).URL.Parse(name[1])
			if err != nil {
				t.Fatal(err)
			}
			res := get(t, p, "GET", at.Path, nil)
			if res.Code != 200 || !strings.Contains(res.Header().Get("Cache-Control"), "immutable") || res.Header().Get("Content-Type") == "" {
				t.Errorf("%s names %s: %d %v", c.path, name[1], res.Code, res.Header())
			}
		}
	}
}

// A client that does not accept gzip gets the same bytes without it, with the right length.
func TestEveryFileInBothEncodings(t *testing.T) {
	p := page(t, "")
	paths := []string{"/", "/deliveries/1"}
	for name := range p.files {
		paths = append(paths, "/"+name)
	}
	for _, path := range paths {
		plain := get(t, p, "GET", path, map[string]string{"Accept-Encoding": "gzip;q=0, identity"})
		gzipped := get(t, p, "GET", path, map[string]string{"Accept-Encoding": "gzip"})
		if plain.Header().Get("Content-Encoding") != "" || gzipped.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%q: encodings are %q and %q", path, plain.Header().Get("Content-Encoding"), gzipped.Header().Get("Content-Encoding"))
		}
		if plain.Header().Get("ETag") == gzipped.Header().Get("ETag") {
			t.Errorf("%q: both encodings have one ETag", path)
		}
		content := body(t, plain)
		if content == "" || content != body(t, gzipped) {
			t.Errorf("%q: the encodings differ in content", path)
		}
		if plain.Header().Get("Content-Type") == "" {
			t.Errorf("%q: no content type", path)
		}
		if head := get(t, p, "HEAD", path, nil); head.Header().Get("Content-Length") != strconv.Itoa(len(content)) || body(t, head) != "" {
			t.Errorf("%q: HEAD announces %s bytes, GET sends %d", path, head.Header().Get("Content-Length"), len(content))
		}
	}
}

// A browser that has the page gets 304; one that has it from a screen at another depth does not.
func TestNotModified(t *testing.T) {
	p := page(t, "")
	gz := map[string]string{"Accept-Encoding": "gzip"}
	gz["If-None-Match"] = `"other", W/` + get(t, p, "GET", "/", gz).Header().Get("ETag")
	if res := get(t, p, "GET", "/", gz); res.Code != http.StatusNotModified || body(t, res) != "" {
		t.Errorf("status %d, want 304", res.Code)
	}
	if res := get(t, p, "GET", "/deliveries/1", gz); res.Code != http.StatusOK {
		t.Errorf("status %d, want 200", res.Code)
	}
	gz["If-None-Match"] = `"other"`
	if res := get(t, p, "GET", "/", gz); res.Code != http.StatusOK {
		t.Errorf("status %d, want 200", res.Code)
	}
}

// Every response has the policy, errors too: a worker's script has its own.
func TestRefusals(t *testing.T) {
	p := page(t, "")
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/", 405},
		{"GET", "/index.html", 404},
		{"GET", "/assets/", 404},
		{"GET", "/assets/none.js", 404},
		{"GET", "/../assets.go", 404},
		{"GET", "/elsewhere", 404},
		{"GET", "/deliveries/1/2/3/4", 404},
	} {
		res := get(t, p, c.method, c.path, nil)
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
