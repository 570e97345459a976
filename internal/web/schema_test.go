package web_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/web"
)

// The schema is served to everyone, as text; a client that has it gets 304. Without a schema there is 404.
func TestSchema(t *testing.T) {
	const sdl = "type Query {\n  webhook: String\n}\n"
	ask := func(schema, method, etag string) *http.Response {
		h := web.New(web.Config{Schema: schema, Logger: slog.New(slog.DiscardHandler)})
		r := httptest.NewRequestWithContext(t.Context(), method, "/schema.graphql", nil)
		r.Header.Set("If-None-Match", etag)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec.Result()
	}
	res := ask(sdl, "GET", "")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(body) != sdl || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %s %q, %v", res.StatusCode, res.Header, body, err)
	}
	etag := res.Header.Get("ETag")
	for _, tc := range []struct {
		schema, method, etag string
		status               int
	}{
		{sdl, "GET", etag, 304},
		{sdl, "GET", strings.TrimPrefix(etag, "W/"), 304},
		{sdl + "scalar Time\n", "GET", etag, 200},
		{sdl, "HEAD", "", 200},
		{sdl, "POST", "", 405},
		{"", "GET", "", 404},
	} {
		res := ask(tc.schema, tc.method, tc.etag)
		if res.StatusCode != tc.status {
			t.Errorf("%s with %q: %d, want %d", tc.method, tc.etag, res.StatusCode, tc.status)
		}
	}
	if allow := ask(sdl, "POST", "").Header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow: %q", allow)
	}
}

// The schema is compressed only for clients that accept it; a client that has it, compressed or not, gets 304.
func TestSchemaIsCompressed(t *testing.T) {
	sdl := strings.Repeat("type Query {\n  webhook: String\n}\n", 100)
	h := web.New(web.Config{Schema: sdl, Logger: slog.New(slog.DiscardHandler)})
	ask := func(encodings, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/schema.graphql", nil)
		r.Header.Set("Accept-Encoding", encodings)
		r.Header.Set("If-None-Match", etag)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	for encodings, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5": "gzip", "": "", "gzip;q=0": "", "identity": "", "zstd": "", "gzip;q=0.0, identity": "",
	} {
		res := ask(encodings, "")
		var body io.Reader = res.Body
		if want != "" {
			var err error
			if body, err = gzip.NewReader(res.Body); err != nil {
				t.Fatalf("%q: %v", encodings, err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || string(text) != sdl || res.Header().Get("Content-Encoding") != want || !strings.Contains(strings.Join(res.Header().Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%q: %s, %d bytes, %v", encodings, res.Header(), len(text), err)
		}
		if again := ask(encodings, res.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%q: again %d", encodings, again.Code)
		}
	}
}
