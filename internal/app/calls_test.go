package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxUpward is the share of the calls inside a package that may run upward, in percent.
const maxUpward = 5

// goPackage is a package as go list prints it.
type goPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Main bool }
}

// packages are the packages of this module, and the compiled form of each that they import.
func packages(t *testing.T) (own []goPackage, compiled map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Module", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compiled = map[string]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return own, compiled
		} else if err != nil {
			t.Fatal(err)
		}
		compiled[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Main {
			own = append(own, p)
		}
	}
}

// calls are the calls of a package's functions from one file to another: the pairs of a calling and a called function.
type calls struct {
	files []string
	n     [][]int // by the files of the calling and the called function
}

// callsOf reads a package. What gqlgen writes, or lays out, calls and is called as the schema wants.
func callsOf(t *testing.T, p goPackage, set *token.FileSet, imports types.Importer) calls {
	t.Helper()
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: imports, Error: func(error) {}} // of cgo, whose names are unknown here
	pkg, _ := conf.Check(p.ImportPath, set, parsed, info)
	c, index := calls{}, map[string]int{}
	for i, f := range parsed {
		if !ast.IsGenerated(f) && !strings.HasSuffix(p.GoFiles[i], ".resolvers.go") {
			index[p.GoFiles[i]] = len(c.files)
			c.files = append(c.files, p.GoFiles[i])
		}
	}
	c.n = make([][]int, len(c.files))
	for i := range c.n {
		c.n[i] = make([]int, len(c.files))
	}
	seen := map[[2]any]bool{}
	for i, f := range parsed {
		from, ok := index[p.GoFiles[i]]
		if !ok {
			continue
		}
		for _, d := range f.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				callee, ok := info.Uses[called(call.Fun)].(*types.Func)
				if !ok || callee.Pkg() != pkg {
					return true
				}
				callee = callee.Origin()
				to, ok := index[filepath.Base(set.Position(callee.Pos()).Filename)]
				if pair := [2]any{d, callee}; ok && from != to && !seen[pair] {
					seen[pair] = true
					c.n[from][to]++
				}
				return true
			})
		}
	}
	return c
}

// called is the name of a called function; nil for a function that has none.
func called(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return called(e.X)
	case *ast.IndexListExpr:
		return called(e.X)
	case *ast.ParenExpr:
		return called(e.X)
	}
	return nil
}

// upward returns the number of calls, the least number of them that run upward in any order of the files, and that order, from above.
func (c calls) upward() (all, least int, order []string) {
	n := len(c.files)
	for _, to := range c.n {
		for _, m := range to {
			all += m
		}
	}
	// best[above] is the least number of upward calls among files that are above all others; last the lowest of these.
	best, last := make([]int32, 1<<n), make([]int8, 1<<n)
	for above := 1; above < 1<<n; above++ {
		best[above] = int32(all + 1)
		for f := range n {
			if above&(1<<f) == 0 {
				continue
			}
			cost := best[above&^(1<<f)] // f is below the rest of them
			for rest := above &^ (1 << f); rest != 0; rest &= rest - 1 {
				cost += int32(c.n[f][bits.TrailingZeros(uint(rest))])
			}
			if cost < best[above] {
				best[above], last[above] = cost, int8(f)
			}
		}
	}
	for above := 1<<n - 1; above != 0; above &^= 1 << last[above] {
		order = append(order, c.files[last[above]])
	}
	slices.Reverse(order)
	return all, int(best[1<<n-1]), order
}

// against lists the calls that run upward in an order of the files.
func (c calls) against(order []string) []string {
	var found []string
	for i, from := range c.files {
		for j, to := range c.files {
			if c.n[i][j] > 0 && slices.Index(order, from) > slices.Index(order, to) {
				found = append(found, fmt.Sprintf("%s calls %s: %d", from, to, c.n[i][j]))
			}
		}
	}
	return found
}

// Calls inside a package run down: its files have an order in which a file hardly ever calls one above it.
func TestCallsRunDown(t *testing.T) {
	own, compiled := packages(t)
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })
	counted := 0
	for _, p := range own {
		if p.ImportPath == "C" || len(p.GoFiles) < 2 {
			continue
		}
		c := callsOf(t, p, set, imports)
		all, upward, order := c.upward()
		counted += all
		if 100*upward > maxUpward*all {
			t.Errorf("%s: %d of %d calls run upward, at best; the bound is %d %%: %s\nthe order: %s",
				p.ImportPath, upward, all, maxUpward, strings.Join(c.against(order), "; "), strings.Join(order, " "))
		}
	}
	if counted < 500 {
		t.Errorf("only %d calls were counted", counted)
	}
}
