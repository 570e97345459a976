package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain runs the program itself if a test started this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv("HOOKGRAPH_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// A command that succeeds prints its result and exits with 0; one that fails says why and exits with 1.
func TestExitCodes(t *testing.T) {
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"--help":      {0, "Usage: hookgraph"},
		"no-such-cmd": {1, "hookgraph: no-such-cmd: there is no such command"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args)
		cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want.code || !strings.Contains(string(out), want.says) {
			t.Errorf("%s: exit code %d, %v: %s", args, code, err, out)
		}
	}
}
