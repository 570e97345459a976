package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notServers are packages that a server does not run, or that log nothing.
var notServers = []string{"docs/", "internal/bench/", "internal/cli/remote/", "internal/doctor/", "internal/webhooktest/", "internal/web/browsertest/", "internal/store/storetest/"}

// warnings are the messages of the lines that a server logs at the level of a warning or above.
func warnings(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for name, text := range sources(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") || slices.ContainsFunc(notServers, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !warns(call) {
				return true
			}
			message := ""
			for _, a := range call.Args { // the first text, behind a context and a level
				if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					message, _ = strconv.Unquote(lit.Value)
					break
				}
			}
			if message == "" {
				t.Errorf("%s: the message is not a constant", set.Position(call.Pos()))
			}
			found[message] = true
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// warns reports whether a call logs at the level of a warning or above, or at one that is not constant.
func warns(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of := ""
	switch x := f.X.(type) {
	case *ast.Ident:
		of = x.Name
	case *ast.SelectorExpr:
		of = x.Sel.Name
	}
	if of = strings.ToLower(of); of != "log" && of != "logger" && of != "say" {
		return false
	}
	switch f.Sel.Name {
	case "Warn", "WarnContext", "Error", "ErrorContext":
		return true
	case "Log", "LogAttrs":
		level, ok := call.Args[1].(*ast.SelectorExpr)
		return !ok && !isLevel(call.Args[1]) || ok && (level.Sel.Name == "LevelWarn" || level.Sel.Name == "LevelError")
	}
	return false
}

// isLevel reports whether the level is a variable of a request's line, which is debugging or information.
func isLevel(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "level"
}

// docs/operating.md says of each warning and error that a server logs what to do, and each has an anchor.
func TestWarningsAreDocumented(t *testing.T) {
	logged := warnings(t)
	if len(logged) < 50 {
		t.Fatalf("only %d were found", len(logged))
	}
	page, err := os.ReadFile("docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, anchors []string
	for _, m := range regexp.MustCompile("(?m)^\\| <a id=\"(log-[a-z0-9-]+)\"></a>`([^`]+)` \\| [^|]{3,} \\|$").FindAllStringSubmatch(string(page), -1) {
		anchors, documented = append(anchors, m[1]), append(documented, m[2])
	}
	for _, message := range logged {
		if !slices.Contains(documented, message) {
			t.Errorf("docs/operating.md does not say what to do about %q", message)
		}
	}
	for _, message := range documented {
		if !slices.Contains(logged, message) {
			t.Errorf("docs/operating.md explains %q, which nothing logs", message)
		}
	}
	if slices.Sort(anchors); len(slices.Compact(slices.Clone(anchors))) != len(anchors) {
		t.Error("two lines have the same anchor")
	}
}
