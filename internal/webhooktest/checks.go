package webhooktest

import (
	"flag"
	"strconv"
	"testing"
)

// Checks sets how often rapid.Check checks a property until the test ends, unless -rapid.checks sets it, as .ci/run does. With the race
// detector, which needs many times as long and finds what is wrong between goroutines in any of them, it is a fifth.
func Checks(tb testing.TB, n int) {
	tb.Helper()
	f := flag.Lookup("rapid.checks")
	was := f.Value.String()
	if was != f.DefValue {
		return
	}
	if Race {
		n = (n + 4) / 5
	}
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = flag.Set("rapid.checks", was) })
}
