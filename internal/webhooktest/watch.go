package webhooktest

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// testLimit is how long a test may run after its last call of Watch. The slowest take a minute with the race detector; Eventually
// gives up before, and says more.
const testLimit = 2 * patience

// started is before any fake time of package synctest ends.
var started = time.Now()

var (
	watching sync.Mutex // guards watched
	watched  = map[string]*time.Timer{}
)

// Watch ends the test binary, with what the program's goroutines wait for, when the test is still running four minutes later and has not
// called Watch again. A test that waits forever then says so by itself, before the time-out of all tests of its package. Whatever
// opens a store or a database here calls it.
func Watch(tb testing.TB) {
	tb.Helper()
	watch(tb, testLimit)
}

func watch(tb testing.TB, limit time.Duration) {
	tb.Helper()
	name := tb.Name()
	// Benchmarks and fuzzing run for as long as they are told. Package synctest finds by itself that nothing goes on.
	if !strings.HasPrefix(name, "Test") || time.Now().Before(started) {
		return
	}
	watching.Lock()
	defer watching.Unlock()
	if timer := watched[name]; timer != nil {
		timer.Reset(limit)
		return
	}
	watched[name] = time.AfterFunc(limit, func() {
		_, _ = fmt.Fprintf(os.Stderr, "--- %s is still running %v after it last opened a store or a database; what waits:\n\n%s\n", name, limit, waits())
		panic(name + " does not end")
	})
	tb.Cleanup(func() {
		watching.Lock()
		defer watching.Unlock()
		watched[name].Stop()
		delete(watched, name)
	})
}

// waits returns the stacks of the goroutines that run code of this module.
func waits() []byte {
	all := make([]byte, 64<<20)
	all = all[:runtime.Stack(all, true)]
	var own [][]byte
	for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("hookgraph/hookgraph/")) {
			own = append(own, stack)
		}
	}
	return bytes.Join(own, []byte("\n\n"))
}
