// Package assets serves a page of the server's own from memory: an index, and the files that it names. The files are the
// gzipped output of a build, embedded in the program.
//
// A page is the same for everyone and contains no data, so it needs no authentication.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// indexName is the file that is served for the page itself.
const indexName = "index.html"

// Page is a page and its files. Make it with Load.
type Page struct {
	// Policy is the content security policy of every answer.
	policy string
	prefix string
	files  map[string]*file // by path below the prefix; not the index
	index  []byte           // as built, decompressed
	// indexes are the index as served at each depth below the prefix.
	indexes []*file
	screen  func(path string) bool
	private bool // answers are not stored
	// bare is the index as served at the prefix without a slash at its end; nil without a prefix.
	bare *file
}

// Config configures Load.
type Config struct {
	// Files has the output of the build in its root, each file gzipped and with .gz at the end of its name. Those in assets/ have a
	// hash of their content in their names, and are cached forever.
	Files fs.FS
	// Prefix is the path that the page is mounted at, without a slash at its end; "" for the root. The index names its files by paths that
	// begin with "./".
	Prefix string
	// Policy is the content security policy of every answer.
	Policy string
	// Screen reports whether a path below the prefix, such as deliveries/1, shows one of the page's screens; nil means that the page has
	// only one. The index then names its files by paths that begin with "./".
	Screen func(path string) bool
}

// maxDepth is how many segments the path of a screen may have.
const maxDepth = 4

// file is a file of the build.
type file struct {
	gzipped     []byte
	size        int // in bytes, when decompressed
	contentType string
	etag        string // without quotes
	immutable   bool   // its name has a hash of its content
}

// Load reads the page. It panics if it cannot: an embedded file that cannot be read is a broken build.
func Load(c Config) *Page {
	p := &Page{policy: c.Policy, prefix: c.Prefix, files: map[string]*file{}, screen: c.Screen}
	if p.screen == nil {
		p.screen = func(string) bool { return false }
	}
	err := fs.WalkDir(c.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		gzipped, err := fs.ReadFile(c.Files, name)
		if err != nil {
			return err
		}
		at := strings.TrimSuffix(name, ".gz")
		f := newFile(at, gzipped)
		if at != indexName {
			p.files[at] = f
			return nil
		}
		p.indexes = append(p.indexes, f)
		p.index, err = f.content()
		return err
	})
	if err == nil && p.index == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		panic(fmt.Sprintf("load the page at %s/: %v", c.Prefix, err))
	}
	if c.Prefix != "" {
		p.bare = newFile(indexName, compress(bytes.ReplaceAll(p.index, []byte(`="./`), []byte(`="./`+path.Base(c.Prefix)+`/`))))
	}
	for depth := 1; c.Screen != nil && depth < maxDepth; depth++ {
		p.indexes = append(p.indexes, newFile(indexName, compress(deeper(p.index, depth))))
	}
	return p
}

// Private returns the same page with another content security policy, whose answers browsers do not store.
func (p *Page) Private(policy string) *Page {
	other := *p
	other.policy, other.private = policy, true
	return &other
}

func newFile(name string, gzipped []byte) *file {
	sum := sha256.Sum256(gzipped)
	return &file{
		gzipped:     gzipped,
		size:        int(binary.LittleEndian.Uint32(gzipped[len(gzipped)-4:])), // RFC 1952, ISIZE
		contentType: contentType(name),
		etag:        base64.RawURLEncoding.EncodeToString(sum[:12]),
		immutable:   strings.HasPrefix(name, "assets/"),
	}
}

// deeper returns the index for a screen whose path has depth slashes: it names its files that many directories further up. Relative paths
// work below whatever path a proxy puts before the server's.
func deeper(index []byte, depth int) []byte {
	return bytes.ReplaceAll(index, []byte(`="./`), []byte(`="`+strings.Repeat("../", depth)))
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // to memory
	_ = w.Close()
	return b.Bytes()
}

// content returns the file decompressed.
func (f *file) content() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(f.gzipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Content returns a file of the build, decompressed; fs.ErrNotExist if there is none.
func (p *Page) Content(name string) ([]byte, error) {
	f := p.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return f.content()
}

// contentType does not use the machine's MIME table, because browsers run these files only with the right type.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".md", ".cs", ".go", ".java", ".mjs", ".php", ".py", ".rb", ".rs": // source that is shown, and not run
		return "text/plain; charset=utf-8"
	case ".ttf":
		return "font/ttf"
	default:
		return mime.TypeByExtension(path.Ext(name))
	}
}

// find returns the file at a URL path; nil: there is none.
func (p *Page) find(at string) *file {
	if at == p.prefix && p.bare != nil {
		return p.bare
	}
	at = strings.TrimPrefix(strings.TrimPrefix(at, p.prefix), "/")
	if at == "" {
		return p.indexes[0]
	}
	if f := p.files[at]; f != nil {
		return f
	}
	if depth := strings.Count(at, "/"); depth < len(p.indexes) && p.screen(at) {
		return p.indexes[depth]
	}
	return nil
}

// ServeHTTP serves the page. Mount it at its prefix and below, without stripping it.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f := p.find(r.URL.Path)
	if f == nil {
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
	if p.private {
		h.Set("Cache-Control", "no-store")
	} else if f.immutable {
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
