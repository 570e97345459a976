package dashboard

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Bounds of what a browser loads, in gzipped bytes.
const (
	maxScreen = 150_000 // for the first screen, whichever that is
	maxAll    = 220_000
	// maxExample is for a file of docs/examples/verify, which is loaded when somebody looks at it.
	maxExample = 3000
)

// named are the files that a page or a script loads before it runs; what scripts load later is in calls of import.
var named = regexp.MustCompile(`(?:from|import|src=|href=)"\./(?:assets/)?([\w.-]+\.(?:js|css|svg))"`)

// loads adds to sizes the file and all that it needs at once.
func loads(t *testing.T, name string, sizes map[string]int) {
	t.Helper()
	if _, ok := sizes[name]; ok {
		return
	}
	compressed, err := fs.ReadFile(dist, "dist/"+name+".gz")
	if err != nil {
		t.Fatal(err)
	}
	sizes[name] = len(compressed)
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range named.FindAllSubmatch(text, -1) {
		loads(t, "assets/"+string(found[1]), sizes)
	}
}

// Every screen is small to begin with: with what all screens share, and with a tab of a webhook that is loaded apart, it loads at most 150 kB. All of them together have at most 220 kB,
// beside the examples of verification, of which only one is loaded at a time.
func TestSize(t *testing.T) {
	names, err := fs.Glob(dist, "dist/assets/*")
	if err != nil {
		t.Fatal(err)
	}
	all, screens, examples := 0, 0, 0
	for _, name := range append(names, "dist/index.html.gz") {
		info, err := fs.Stat(dist, name)
		if err != nil {
			t.Fatal(err)
		}
		switch path.Ext(strings.TrimSuffix(name, ".gz")) {
		case ".js", ".css", ".svg", ".html":
			all += int(info.Size())
		default:
			if examples++; info.Size() > maxExample {
				t.Errorf("%s has %d bytes", name, info.Size())
			}
			continue
		}
		screen := strings.TrimSuffix(path.Base(name), ".gz")
		shown := []string{screen}
		switch {
		case strings.Contains(screen, "Tab-"):
			of, err := fs.Glob(dist, "dist/assets/WebhookScreen-*.js.gz")
			if err != nil || len(of) != 1 {
				t.Fatal(of, err)
			}
			shown = append(shown, strings.TrimSuffix(path.Base(of[0]), ".gz"))
		case !strings.Contains(screen, "Screen-"):
			continue
		}
		screens++
		sizes := map[string]int{}
		loads(t, "index.html", sizes)
		for _, one := range shown {
			loads(t, "assets/"+one, sizes)
		}
		sum := 0
		for _, size := range sizes {
			sum += size
		}
		t.Logf("%s: %d files, %d bytes", screen, len(sizes), sum)
		if sum > maxScreen || len(sizes) < 6 {
			t.Errorf("%s loads %d files of %d bytes: %v", screen, len(sizes), sum, sizes)
		}
	}
	t.Logf("all: %d bytes", all)
	if all > maxAll || screens < 11 || examples < 8 {
		t.Errorf("%d screens have %d bytes, with %d examples", screens, all, examples)
	}
}
