package gqlhttp_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/web"
)

// Responses to queries are compressed, unless they are small, for clients that accept it. Streams are not, nor are responses to
// mutations, which may contain a secret beside text that somebody else chose.
func TestAnswersAreCompressed(t *testing.T) {
	b := newBackend(t, 20, nil)
	f := b.serve(t, 1<<20, func(c *gqlhttp.Config) { c.Compress = web.Compress })
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	ask := func(query, encodings, accept string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, bytes.NewReader(fmt.Appendf(nil, `{"query": %q}`, query)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+b.token)
		r.Header.Set("Accept", accept)
		if encodings != "" {
			r.Header.Set("Accept-Encoding", encodings)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body io.Reader = resp.Body
		if resp.Header.Get("Content-Encoding") == "gzip" {
			if body, err = gzip.NewReader(resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	const long, short = `{ webhooks { nodes { id url events createdAt } } }`, `{ viewer { operator } }`
	const secret = `mutation { createWebhook(input: {url: "https://example.com/"}) { secret webhook { deliveries { count { count } } } } }`
	large := `mutation { createWebhook(input: {url: "https://example.com/", description: "` + strings.Repeat("d", 900) + `"}) { secret webhook { a: description b: description } } }`
	const jsons = "application/graphql-response+json, application/json;q=0.9"
	_, plain := ask(long, "", jsons)
	for _, c := range []struct {
		query, encodings, accept string
		want                     bool
	}{
		{long, "gzip", jsons, true},
		{long, "gzip, deflate, br, zstd", jsons + ", text/event-stream", true},
		{long, "gzip;q=0.1", "application/json", true},
		{long, "", jsons, false},
		{long, "gzip;q=0", jsons, false},
		{long, "gzip;q=0, br", jsons, false},
		{long, "identity", jsons, false},
		{long, "gzip", "text/event-stream", false},
		{short, "gzip", jsons, false},
		{secret, "gzip", jsons, false},
		{large, "gzip", jsons, false},
	} {
		resp, text := ask(c.query, c.encodings, c.accept)
		if (resp.Header.Get("Content-Encoding") == "gzip") != c.want || resp.StatusCode != http.StatusOK {
			t.Errorf("%.60s with %q: %d %s", c.query, c.encodings, resp.StatusCode, resp.Header)
		}
		if c.query == long && strings.HasPrefix(c.accept, "app") && text != plain {
			t.Errorf("with %q: %.200s, want %.200s", c.encodings, text, plain)
		}
		if vary := strings.Join(resp.Header.Values("Vary"), ", "); c.query == long && strings.HasPrefix(c.accept, "app") && !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("with %q: Vary: %s", c.encodings, vary)
		}
	}
}
