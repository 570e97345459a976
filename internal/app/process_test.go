package app

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// nodeExample is a program of docs/examples/typescript.
func nodeExample(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	const dir = "docs/examples/typescript"
	script := filepath.Join("build", name+".js")
	if _, err := os.Stat(filepath.Join(dir, script)); err != nil {
		const missing = "needs `npm ci && npm run client && npm run generate && npm run build` in " + dir
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return nodeCommand(t.Context(), t, dir, script)
}

// builtDir is where builtGo builds; TestMain removes it.
var builtDir string

var builtGo = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		return "", err
	}
	builtDir = dir
	file := filepath.Join(dir, "example")
	out, err := exec.Command("go", "build", "-C", "docs/examples/go", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return file, nil
})

// goExample is the program of docs/examples/go.
func goExample(t *testing.T) *exec.Cmd {
	t.Helper()
	file, err := builtGo()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the Go example cannot be built, perhaps because its modules are missing: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), file)
	cmd.Stderr = t.Output()
	return cmd
}

// example is a running example. Its lines begin with an event's id and type.
type example struct {
	lines  chan string
	seen   []string
	missed atomic.Bool // it reported missed attempts on standard error
}

// Write receives the example's standard error.
func (e *example) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("some attempts are no longer there")) {
		e.missed.Store(true)
	}
	return len(p), nil
}

// of returns the events of a type that it has seen.
func (e *example) of(eventType string) (ids []string) {
	for _, line := range e.seen {
		if id, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, eventType+" ") {
			ids = append(ids, id)
		}
	}
	return ids
}

func runExample(t *testing.T, cmd *exec.Cmd, url, token string) *example {
	t.Helper()
	return runCommand(t, cmd, "HOOKGRAPH_URL="+url, "HOOKGRAPH_TOKEN="+token)
}

// runCommand starts a program with these variables, and stops it at the end of the test.
func runCommand(t *testing.T, cmd *exec.Cmd, env ...string) *example {
	t.Helper()
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e := &example{lines: make(chan string, 1024)}
	if cmd.Stderr != nil {
		cmd.Stderr = io.MultiWriter(cmd.Stderr, e)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(e.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range e.lines {
		}
		_ = cmd.Wait()
	})
	return e
}

// sees waits briefly for an event.
func (e *example) sees(t *testing.T, id string) bool {
	t.Helper()
	for patience := time.After(time.Second); ; {
		select {
		case line, ok := <-e.lines:
			if !ok {
				t.Fatal("the example ended")
			}
			if e.seen = append(e.seen, line); strings.HasPrefix(line, id+" ") {
				return true
			}
		case <-patience:
			return false
		}
	}
}

// until waits for an event and returns all lines up to it.
func (e *example) until(t *testing.T, name, id string) func(func(string) bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !e.sees(t, id); {
		if time.Now().After(deadline) {
			t.Errorf("%s did not see the last event", name)
			break
		}
	}
	return slices.Values(e.seen)
}
