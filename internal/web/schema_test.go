package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hookgraph/hookgraph/internal/web"
)

// The schema is there for everyone, as text, and a client that has it is told so. Without one there is nothing.
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
		{sdl, "GET", "W/" + etag, 304},
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
