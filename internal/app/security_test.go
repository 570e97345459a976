package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the pages name exists.
func TestPagesNameTests(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && filepath.Dir(path) != "internal/store/storetest" {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)(?:/([A-Za-z0-9]+))?`") // a test, or one of the suite that both databases pass
	n := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllSubmatch(text, -1) {
			n++
			function := string(name[1])
			if len(name[2]) > 0 {
				function = "test" + string(name[2])
			}
			if !strings.Contains(tests.String(), "\nfunc "+function+"(") {
				t.Errorf("%s: there is no %s", page, name[0])
			}
		}
	}
	if n < 100 {
		t.Errorf("the pages name %d tests", n)
	}
}
