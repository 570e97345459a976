package gqlhttp

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// node runs a script of testdata/conformance against a server, and returns its output.
func node(t *testing.T, script string) []byte {
	t.Helper()
	dir := filepath.Join("testdata", "conformance")
	_, err := os.Stat(filepath.Join(dir, "node_modules"))
	program, lookErr := exec.LookPath("node")
	if err != nil || lookErr != nil {
		const missing = "needs node, and `npm ci` in internal/gqlhttp/testdata/conformance"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	s := newServer(t, Config{})
	url := s.URL + "/"
	if script == "websocket.mjs" {
		url = strings.Replace(url, "http", "ws", 1)
	}
	cmd := exec.CommandContext(t.Context(), program, script, url, goodToken)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// All audits of graphql-http pass, also those that are only recommendations.
func TestAudits(t *testing.T) {
	var audits []struct {
		ID, Name, Status, Reason string
	}
	if err := json.Unmarshal(node(t, "audit.mjs"), &audits); err != nil {
		t.Fatal(err)
	}
	if len(audits) != 61 {
		t.Errorf("%d audits ran, want 61", len(audits))
	}
	for _, a := range audits {
		if a.Status != "ok" {
			t.Errorf("%s %s: %s: %s", a.ID, a.Name, a.Status, a.Reason)
		}
	}
}

// Everything that graphql-ws can do works.
func TestGraphQLWS(t *testing.T) { node(t, "websocket.mjs") }

// Everything that graphql-sse can do in distinct connections mode works.
func TestGraphQLSSE(t *testing.T) { node(t, "sse.mjs") }
