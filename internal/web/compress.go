package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// Compress wraps what writes a complete answer: it is compressed with gzip when the client takes that (RFC 9110, section
// 12.5.3) and it is worth it. It is not for streams, and not for what may hold a secret beside text of a stranger's choosing,
// whose size would tell of the secret (BREACH).
func Compress(h http.Handler) http.Handler { return compressed(h) }

// smallAnswer is what compressing would hardly make smaller.
const smallAnswer = 1 << 10

var compressed = func() func(http.Handler) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(smallAnswer),
		gzhttp.CompressionLevel(gzip.BestSpeed), // JSON gets a tenth of its size, and a large answer does not hold a processor
		gzhttp.EnableZstd(false),
		gzhttp.ContentTypeFilter(gzhttp.CompressAllContentTypeFilter),
	)
	if err != nil {
		panic(err) // the options are ours
	}
	return wrap
}()
