// Package graphiql serves GraphiQL, the page for exploring the API by hand, from memory. The page loads nothing from other hosts;
// its content security policy forbids it.
//
// The page's source is in src, its built and gzipped output in dist; both are committed, so that only Go is needed to
// build the server. After a change to the source or to package.json:
//
//	npm ci && npm run check && npm run build
//
// The build is reproducible. `npm run compare` builds beside dist and fails if they differ.
// `npm run dev` serves the source while it is edited, in front of a server on localhost:8080.
//
// The page needs no authentication: it is the same for everyone and contains no data. It asks for a token and sends it to
// /graphql, over HTTP and WebSocket.
package graphiql

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// policy allows only what the page needs. Monaco styles elements at run time, hence style-src. connect-src 'self' covers
// WebSocket in every browser that the page supports; Safari before 16, which needs an explicit ws:, cannot run it anyway.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// file is a file of dist, as built.
type file struct {
	gzipped     []byte
	size        int // in bytes, when decompressed
	contentType string
	etag        string // without quotes
	immutable   bool   // its name has a hash of its content
}

// files returns the files of dist by URL path under /graphiql/; the index is "".
var files = sync.OnceValue(func() map[string]file {
	found := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		gzipped, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(gzipped)
		at := strings.TrimSuffix(strings.TrimPrefix(name, "dist/"), ".gz")
		f := file{
			gzipped:     gzipped,
			size:        int(binary.LittleEndian.Uint32(gzipped[len(gzipped)-4:])), // RFC 1952, ISIZE
			contentType: contentType(at),
			etag:        base64.RawURLEncoding.EncodeToString(sum[:12]),
			immutable:   strings.HasPrefix(at, "assets/"),
		}
		if at == "index.html" {
			at = ""
		}
		found[at] = f
		return nil
	})
	if err != nil {
		panic(err) // An embedded file that cannot be read is a broken build.
	}
	return found
})

// contentType does not use the machine's MIME table, because browsers run these files only with the right type.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".md":
		return "text/plain; charset=utf-8"
	case ".ttf":
		return "font/ttf"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}

// Handler serves the page at /graphiql and /graphiql/, and its files below. Mount it at both, without stripping the prefix.
func Handler() http.Handler {
	return http.HandlerFunc(serve)
}

func serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f, ok := files()[strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/graphiql"), "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}

	compressed := acceptsGzip(r.Header.Values("Accept-Encoding"))
	etag, size := `"`+f.etag+`"`, f.size
	if compressed {
		etag, size = `"`+f.etag+`-gz"`, len(f.gzipped)
		h.Set("Content-Encoding", "gzip")
	}
	h.Add("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if matches(r.Header.Values("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Length", strconv.Itoa(size))
	if r.Method == http.MethodHead {
		return
	}
	// An error means that the client has gone.
	if compressed {
		_, _ = w.Write(f.gzipped)
		return
	}
	if content, err := gzip.NewReader(bytes.NewReader(f.gzipped)); err == nil {
		_, _ = io.Copy(w, content) //nolint:gosec // built from trusted files
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3). A client that sends none gets no coding.
func acceptsGzip(values []string) bool {
	accepted := false
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, params, _ := strings.Cut(coding, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "gzip" && name != "*" {
			continue
		}
		weight, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		accepted = !ok || err == nil && q > 0
		if name == "gzip" {
			return accepted // takes precedence over "*"
		}
	}
	return accepted
}

// matches compares If-None-Match with etag, weakly (RFC 9110, section 13.1.2).
func matches(values []string, etag string) bool {
	for candidate := range strings.SplitSeq(strings.Join(values, ","), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}
