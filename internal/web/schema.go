package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// schema serves the GraphQL schema as text, without authentication: it describes the API and contains no data.
func (s *server) schema() http.Handler {
	// The tag is weak, so that it is valid for the text with and without compression.
	sum := sha256.Sum256([]byte(s.Schema))
	etag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			s.fail(w, r, &failure{status: http.StatusMethodNotAllowed, detail: detail{Code: "METHOD_NOT_ALLOWED", Message: "allowed methods: GET, HEAD"}})
			return
		}
		h.Set("Content-Type", "text/plain; charset=utf-8") // browsers show it; GraphQL has no registered type
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(s.Schema))
	}))
}
