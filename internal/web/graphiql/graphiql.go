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
	"embed"
	"io/fs"
	"net/http"
	"sync"

	"github.com/hookgraph/hookgraph/internal/web/assets"
)

//go:embed all:dist
var dist embed.FS

// policy allows only what the page needs. Monaco styles elements at run time, hence style-src. connect-src 'self' covers
// WebSocket in every browser that the page supports; Safari before 16, which needs an explicit ws:, cannot run it anyway.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

var page = sync.OnceValue(func() *assets.Page {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is constant
	}
	return assets.Load(assets.Config{Files: files, Prefix: "/graphiql", Policy: policy})
})

// Handler serves the page at /graphiql and /graphiql/, and its files below. Mount it at both, without stripping the prefix.
func Handler() http.Handler { return page() }
