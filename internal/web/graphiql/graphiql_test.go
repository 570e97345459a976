package graphiql

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w.Result()
}

// The index is at both spellings of its path, and every file that it refers to is served, with the page's policy.
func TestIndexAndItsAssets(t *testing.T) {
	for _, path := range []string{"/graphiql", "/graphiql/"} {
		res := get(t, path)
		index, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Security-Policy") != policy {
			t.Fatalf("%s: %d %v, %v", path, res.StatusCode, res.Header, err)
		}
		assets := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllSubmatch(index, -1)
		if len(assets) < 2 {
			t.Fatalf("%s names %d assets, want a script and a style sheet at least", path, len(assets))
		}
		for _, asset := range assets {
			at, err := (&url.URL{Path: path}).Parse(string(asset[1]))
			if err != nil {
				t.Fatal(err)
			}
			res := get(t, at.Path)
			if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d %v", asset[1], res.StatusCode, res.Header)
			}
		}
	}
}
