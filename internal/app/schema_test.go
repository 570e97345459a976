package app

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeCommand returns a command that runs a script of a folder with npm packages. If they are not installed it skips the test, or
// fails it in CI.
func nodeCommand(ctx context.Context, t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "node_modules"))
	program, lookErr := exec.LookPath("node")
	if err != nil || lookErr != nil {
		missing := "needs node, and `npm ci` in " + dir
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stderr = t.Output()
	return cmd
}

// Introspection and schema.graphql are the same schema, as graphql-js reads them.
func TestSchemaIsIntrospection(t *testing.T) {
	t.Parallel()
	const dir = "graph/testdata/quality"
	nodeCommand(t.Context(), t, dir) // before booting, because it may skip the test
	p := boot(t, t.TempDir())
	if out, err := nodeCommand(t.Context(), t, dir, "identical.mjs", p.url, p.token).Output(); err != nil || string(out) != "ok\n" {
		t.Errorf("%v %s", err, out)
	}
}

// An operator can disable introspection; the schema is then served nowhere.
func TestSchemaSwitchedOff(t *testing.T) {
	for _, off := range []bool{false, true} {
		var args []string
		if off {
			args = []string{"--disable-introspection"}
		}
		p := boot(t, t.TempDir(), args...)
		var answer struct {
			Data   struct{ Type *struct{ Name string } }
			Errors []any
		}
		c := &client{p.url, p.token}
		c.rest(t, "POST", "/graphql", `{"query": "{ type: __type(name: \"Webhook\") { name } }"}`, &answer)
		if told := answer.Data.Type != nil; told == off || off == (len(answer.Errors) == 0) {
			t.Errorf("switched off: %v, answer: %+v", off, answer)
		}
		res, err := http.Get(p.url + "/schema.graphql")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || (res.StatusCode == http.StatusOK) == off || off == strings.Contains(string(text), "type Webhook") {
			t.Errorf("switched off: %v, %d, %v", off, res.StatusCode, err)
		}
	}
}
