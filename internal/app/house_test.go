package app

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Bounds of the tree.
const (
	maxFiles       = 20 // of a package, without tests and what gqlgen writes or lays out
	maxLines       = 80 // of a function
	maxMainLines   = 60 // of server.go
	minDocumented  = 99 // percent of exported names
	maxRootTests   = 1
	generatedFiles = "Code generated"
)

// A reader can hold it: no package has more than 20 files, no function more than 80 lines, main is a page, and exported names say what they
// are.
func TestHouse(t *testing.T) {
	files := map[string]int{}
	var exported, documented, rootTests int
	var bare []string
	sources := sources(t, "*.go")
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		text, test := sources[name], strings.HasSuffix(name, "_test.go")
		switch dir := path.Dir(name); {
		case dir == "." && test:
			rootTests++
		case test, strings.HasSuffix(name, ".resolvers.go"), bytes.Contains(text[:min(len(text), 200)], []byte(generatedFiles)):
		default:
			files[dir]++
		}
		if bytes.Contains(text[:min(len(text), 200)], []byte(generatedFiles)) {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > maxLines {
					t.Errorf("%s: %s has %d lines; the bound is %d", set.Position(f.Pos()), f.Name.Name, n, maxLines)
				}
			}
			if test || parsed.Name.Name == "main" || strings.HasSuffix(name, ".resolvers.go") {
				continue
			}
			for n, doc := range names(d) {
				exported++
				if doc {
					documented++
				} else {
					bare = append(bare, path.Dir(name)+"."+n)
				}
			}
		}
	}
	for dir, n := range files {
		if n > maxFiles {
			t.Errorf("%s has %d files; the bound is %d: move what is a part of its own to a package below", dir, n, maxFiles)
		}
	}
	if n := bytes.Count(sources["server.go"], []byte("\n")); n > maxMainLines || n == 0 {
		t.Errorf("server.go has %d lines", n)
	}
	if rootTests > maxRootTests {
		t.Errorf("%d files of tests are beside server.go", rootTests)
	}
	if exported < 1000 || 100*documented < minDocumented*exported {
		t.Errorf("%d of %d exported names are documented; not: %s", documented, exported, strings.Join(bare, " "))
	}
}

// A test sleeps only in a bubble of fake time, or where time is its subject: the line then says what for.
func TestSleepsSayWhy(t *testing.T) {
	found := 0
	for name, text := range sources(t, "*_test.go", "internal/webhooktest/*.go") {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		commented := map[int]bool{}
		for _, group := range parsed.Comments {
			commented[set.Position(group.Pos()).Line] = true
		}
		for _, d := range parsed.Decls {
			var sleeps []token.Position
			fake := false
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" && n.Sel.Name == "Sleep" {
						sleeps = append(sleeps, set.Position(n.Pos()))
					}
				case *ast.Ident:
					fake = fake || n.Name == "synctest" || n.Name == "bubble"
				}
				return true
			})
			for _, at := range sleeps {
				if found++; !fake && !commented[at.Line] {
					t.Errorf("%s: wait for what is meant, with a channel or webhooktest.Eventually; if time is the subject, say so in a comment of the line", at)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d calls of time.Sleep were found", found)
	}
}

// names are the exported names of a declaration, and whether each is documented: by a comment of its own, or of its group.
func names(d ast.Decl) map[string]bool {
	found := map[string]bool{}
	note := func(n *ast.Ident, doc ...*ast.CommentGroup) {
		if n.IsExported() {
			found[n.Name] = slices.ContainsFunc(doc, func(c *ast.CommentGroup) bool { return c != nil })
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if receiver := ownerOf(d); receiver == "" || ast.IsExported(receiver) {
			note(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				note(s.Name, s.Doc, d.Doc)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					note(n, s.Doc, s.Comment, d.Doc)
				}
			}
		}
	}
	return found
}

// ownerOf is the name of a method's type; "" for a function.
func ownerOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	e := f.Recv.List[0].Type
	for {
		switch of := e.(type) {
		case *ast.StarExpr:
			e = of.X
		case *ast.IndexExpr:
			e = of.X
		case *ast.IndexListExpr:
			e = of.X
		case *ast.Ident:
			return of.Name
		default:
			return ""
		}
	}
}

// drawn is a package of the drawing in docs/architecture.md.
type drawn struct {
	floor   int // from above
	imports []string
}

// drawing reads the drawing of imports.
func drawing(t *testing.T, page string) map[string]drawn {
	t.Helper()
	_, rest, _ := strings.Cut(page, "## Imports")
	_, rest, _ = strings.Cut(rest, "```\n")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no drawing")
	}
	line := regexp.MustCompile(`^ ([a-z.]+(?:, [a-z]+)*) +\[([^]]*)\]`)
	packages, floor := map[string]drawn{}, 0
	for text := range strings.Lines(block) {
		if strings.TrimSpace(text) == "|" {
			floor++
			continue
		}
		is := line.FindStringSubmatch(text)
		if is == nil {
			t.Fatalf("cannot be read: %s", text)
		}
		imports := strings.FieldsFunc(is[2], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(imports)
		for name := range strings.SplitSeq(is[1], ", ") {
			packages[name] = drawn{floor, imports}
		}
	}
	return packages
}

// drawnAs is the name of a package in the drawing: pages are a part of web, and the API's own shapes one of graph.
func drawnAs(dir string) string {
	switch {
	case dir == ".":
		return "server.go"
	case strings.HasPrefix(dir, "internal/web/"):
		return "web"
	case dir == "graph/model":
		return "graph"
	}
	return path.Base(dir)
}

// docs/architecture.md lists every package, and draws what each imports: packages of the floors below its own.
func TestArchitecture(t *testing.T) {
	page := string(sources(t, "*.md", "*.go")["docs/architecture.md"])
	packages := drawing(t, page)
	imports := map[string]map[string]bool{}
	for name, text := range sources(t, "*.go") {
		dir := path.Dir(name)
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(dir, "docs/") || dir == "internal/app" ||
			strings.Contains(path.Base(dir), "test") || dir != "." && parsed.Name.Name == "main" { // internal/app imports everything
			continue
		}
		if is := "`" + dir + "`"; dir != "." && !strings.HasPrefix(dir, "internal/web/") && !strings.Contains(page, "| "+is) && !strings.Contains(page, ", "+is+" |") {
			t.Errorf("the table has no package %s", dir)
		}
		of := drawnAs(dir)
		if imports[of] == nil {
			imports[of] = map[string]bool{}
		}
		for _, i := range parsed.Imports {
			if below, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "github.com/hookgraph/hookgraph/"); ok && drawnAs(below) != of {
				imports[of][drawnAs(below)] = true
			}
		}
	}
	for name, is := range imports {
		if got := slices.Sorted(maps.Keys(is)); !slices.Equal(got, packages[name].imports) {
			t.Errorf("%s imports %v; drawn is %v", name, got, packages[name].imports)
		}
		for below := range is {
			if packages[below].floor <= packages[name].floor {
				t.Errorf("%s is not drawn below %s, which imports it", below, name)
			}
		}
	}
}
