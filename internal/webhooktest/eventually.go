package webhooktest

import (
	"testing"
	"time"
)

// Eventually waits for what nothing signals, a minute at most.
func Eventually(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("timed out: %s", what)
		}
	}
}
