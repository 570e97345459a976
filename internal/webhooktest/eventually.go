package webhooktest

import (
	"context"
	"strings"
	"testing"
	"time"
)

const (
	patience = 2 * time.Minute // a slow machine needs a few seconds
	interval = 5 * time.Millisecond
)

// Eventually waits for a condition that nothing signals: it asks ok repeatedly until that is true. When it never is, or the
// test's context ends first, the test fails with what was waited for, and with what the states are then. Only the test's own
// goroutine may call it.
func Eventually(tb testing.TB, what string, ok func() bool, states ...func() string) {
	tb.Helper()
	ctx := tb.Context()
	if ctx.Err() != nil { // in a function of Cleanup
		ctx = context.WithoutCancel(ctx)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-ticker.C:
			continue
		case <-deadline.C:
		case <-ctx.Done():
		}
		said := []string{"never happened: " + what}
		for _, state := range states {
			said = append(said, state())
		}
		tb.Fatal(strings.Join(said, ": "))
	}
}
