package webhooktest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const envForgotten = "HOOKGRAPH_TEST_FORGOTTEN"

// A test that waits forever ends the binary, and the output says which test it is and where it waits. One that ends in time, or
// goes on watching, does not.
func TestWatch(t *testing.T) {
	if os.Getenv(envForgotten) != "" {
		t.Run("ended", func(t *testing.T) { watch(t, time.Hour) })
		t.Run("forgotten", func(t *testing.T) {
			watch(t, time.Hour)
			watch(t, time.Millisecond)
			waitsForever(make(chan struct{}))
		})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWatch$")
	cmd.Env = append(os.Environ(), envForgotten+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("it ended well: %s", out)
	}
	for _, want := range []string{"TestWatch/forgotten is still running", "[chan receive]", "webhooktest.waitsForever", "panic: TestWatch/forgotten does not end"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	if strings.Contains(string(out), "TestWatch/ended") {
		t.Errorf("a test that ended is told of: %s", out)
	}
}

func waitsForever(c chan struct{}) { <-c }
