// Package dashboard serves the dashboard, the page on which people see what is delivered and why something was not, from memory. It
// is an ordinary client of the GraphQL API, and loads nothing from other hosts; its content security policy forbids it.
//
// The page's source is in src, its built and gzipped output in dist; both are committed, so that only Go is needed to
// build the server. After a change to the source, to package.json or to a part of the schema that it uses:
//
//	npm ci && npm run check && npm run build
//
// The build is reproducible. `npm run compare` builds beside dist and fails if they differ.
// `npm run dev` serves the source while it is edited, in front of a server on localhost:8080.
//
// `go test ./internal/app -run TestDashboardShots -shots DIR` takes pictures of all screens, with what a small shop has on them.
//
// A screen has a folder in src, and a path in App.tsx; what all of them share is in src/frame, src/ui and src/api. Its questions to
// the server are in .graphql files beside it.
package dashboard

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/hookgraph/hookgraph/internal/web/assets"
)

//go:embed all:dist
var dist embed.FS

// needs allows only what the page needs. connect-src 'self' covers WebSocket in every browser that the page supports.
const needs = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors "

const policy = needs + "'none'"

// screens are the first words of the screens' paths, as in src/App.tsx. A word of the API's paths cannot be one.
var screens = []string{"deliveries", "developers", "event-types", "events", "issues", "operate", "replays", "webhooks"}

// portal is the first word of the paths of the customer portal, which is the same page.
const portal = "portal"

var page = sync.OnceValue(func() *assets.Page {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is constant
	}
	return assets.Load(assets.Config{Files: files, Policy: policy, Screen: func(path string) bool {
		first, _, _ := strings.Cut(path, "/")
		return first == portal || slices.Contains(screens, first)
	}})
})

// Documents returns the GraphQL documents of the page by their SHA-256: a server that runs only trusted documents must run these too.
func Documents() map[string]string {
	text, err := page().Content("documents.json")
	var documents map[string]string
	if err == nil {
		err = json.Unmarshal(text, &documents)
	}
	if err != nil {
		panic(err) // a broken build, as in assets.Load
	}
	return documents
}

// Handlers returns the page by the patterns to mount it at.
func Handlers() map[string]http.Handler {
	found := map[string]http.Handler{"/{$}": page(), "/assets/": page(), "/licenses.md": page()}
	for _, screen := range screens {
		found["/"+screen] = page()
		found["/"+screen+"/"] = page()
	}
	return found
}

// Portal returns the page as the customer portal, by the patterns to mount it at. Pages of the origins may show it in a frame; no other part of the
// server can be shown in one.
func Portal(origins []string) map[string]http.Handler {
	ancestors := "'none'"
	if len(origins) > 0 {
		ancestors = strings.Join(origins, " ")
	}
	private := page().Private(needs + ancestors)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(origins) > 0 {
			w.Header().Del("X-Frame-Options") // it knows no origins, and the policy says more
		}
		private.ServeHTTP(w, r)
	})
	return map[string]http.Handler{"/" + portal: h, "/" + portal + "/": h}
}
