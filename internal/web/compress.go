package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

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
