package web

import (
	"crypto/sha256"
	_ "embed" // the document
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
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

// Compress wraps a handler that writes complete answers. It compresses them with gzip if the client accepts that (RFC 9110, section
// 12.5.3) and they are large enough. It must not be used for streams, nor for answers with a secret beside text that a stranger
// can choose: their size would reveal the secret (BREACH).
func Compress(h http.Handler) http.Handler { return compressed(h) }

// smallAnswer is the size below which compression gains too little.
const smallAnswer = 1 << 10

var compressed = func() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(smallAnswer),
		gzhttp.CompressionLevel(gzip.BestSpeed), // JSON shrinks to a tenth, and large answers cost little CPU
		gzhttp.EnableZstd(false),
		gzhttp.ContentTypeFilter(gzhttp.CompressAllContentTypeFilter),
	)
	if err != nil {
		panic(err) // the options are constant
	}
	return wrap
}()
