package web

import (
	"crypto/sha256"
	_ "embed" // the document
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// document describes the REST surface as OpenAPI 3.1. Tests hold their exchanges against it.
//
//go:embed openapi.json
var document string

// description serves a text that describes the API and contains no data, without authentication. A client that has it gets 304.
func (s *server) description(mediaType, text string) http.Handler {
	// The tag is weak, so that it is valid for the text with and without compression.
	sum := sha256.Sum256([]byte(text))
	etag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			s.fail(w, r, &failure{status: http.StatusMethodNotAllowed, detail: detail{Code: "METHOD_NOT_ALLOWED", Message: "allowed methods: GET, HEAD"}})
			return
		}
		h.Set("Content-Type", mediaType)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
}

// described returns the description of the REST surface, which says where it is.
func (s *server) described() string {
	if s.BasePath == "" {
		return document
	}
	return strings.Replace(document, `"servers": [{"url": "/"`, `"servers": [{"url": "`+s.BasePath+`/"`, 1)
}
