package graphiql

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The page's default tabs are valid in the schema.
func TestTabsMatchSchema(t *testing.T) {
	names, err := filepath.Glob("../../../graph/*.graphqls")
	if err != nil || len(names) == 0 {
		t.Fatalf("no schema in graph: %v", err)
	}
	sources := make([]*ast.Source, len(names))
	for i, name := range names {
		sdl, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[i] = &ast.Source{Name: name, Input: string(sdl)}
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}

	script, err := os.ReadFile("src/tabs.ts")
	if err != nil {
		t.Fatal(err)
	}
	tabs := regexp.MustCompile("(?s)`(.*?)`").FindAllSubmatch(script, -1)
	if len(tabs) != 4 {
		t.Fatalf("%d tabs, want 4", len(tabs))
	}
	for _, tab := range tabs {
		if _, err := gqlparser.LoadQueryWithRules(schema, string(tab[1]), nil); err != nil {
			t.Errorf("%v in:\n%s", err, tab[1])
		}
	}
}
