package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var faultLong = flag.Duration("faults.long", 2*time.Second, "how long TestSteadyState keeps the program under load")

// Under load, memory does not grow, whatever receivers and watchers do, and after the stop no goroutine is left.
func TestSteadyState(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	databases(t, testSteadyState)
}

func testSteadyState(t *testing.T, database string) {
	t.Helper()
	// GORM's cache of prepared statements has a goroutine that never ends, for each of a store's pools.
	lru := goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), lru)
	defer http.DefaultClient.CloseIdleConnections()

	var arrived atomic.Int64
	page := bytes.Repeat([]byte("x"), 60<<10) // the tail of recorded attempts is full after about 550 of them
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/hanging":
			<-r.Context().Done()
		case "/failing":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			arrived.Add(1)
			_, _ = w.Write(page)
		}
	}))
	defer receiver.Close()
	p := boot(t, database)
	defer p.stop()
	c := &client{p.url, p.token}
	for _, path := range []string{"/healthy", "/hanging", "/failing"} {
		var made struct{ Webhook struct{ ID string } }
		c.mutate(t, createWebhook, map[string]any{
			"url": receiver.URL + path, "timeoutMs": 1000, "retryScheduleMs": []int{100}, "events": []string{"load"},
		}, &made)
	}
	w := c.watch(t, "")
	var recorded atomic.Int64 // attempts that a watcher got
	go func() {
		for s := range w.got { // a watcher that reads
			if s.Node.Status == "SUCCEEDED" {
				recorded.Add(1)
			}
		}
	}()

	const phases = 4 // the first fills caches and budgets
	var heap [phases]uint64
	var goroutines [phases]int
	published := int64(0)
	for phase := range phases {
		ctx, cancel := context.WithTimeout(t.Context(), *faultLong/phases)
		for ctx.Err() == nil || arrived.Load() < 800 {
			if published-arrived.Load() < 200 {
				published += publishMany(t, c)
			} else {
				webhooktest.Eventually(t, "the receiver catches up", func() bool { return published-arrived.Load() < 200 })
			}
		}
		cancel()
		// Attempts being recorded have responses on the heap, 60 KiB each.
		webhooktest.Eventually(t, "all that is published is recorded", func() bool { return recorded.Load() >= published },
			func() string {
				return fmt.Sprintf("%d published, %d arrived, %d recorded", published, arrived.Load(), recorded.Load())
			})
		heap[phase], goroutines[phase] = settled()
		t.Logf("%d delivered, %d KiB on the heap, %d goroutines", arrived.Load(), heap[phase]>>10, goroutines[phase])
	}
	if first, last := heap[1], heap[phases-1]; last > first+(4<<20) {
		t.Errorf("the heap grew from %d to %d KiB", first>>10, last>>10)
	}
	if first, last := goroutines[1], goroutines[phases-1]; last > 2*first+1000 { // each connection has a few
		t.Errorf("there were %d goroutines, and then %d", first, last)
	}
}

// settled returns the smallest heap and number of goroutines in a short time, because attempts end meanwhile.
func settled() (heap uint64, goroutines int) {
	for i := range 5 {
		time.Sleep(20 * time.Millisecond) // the measurement's subject: what is there at any time within 100 ms
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if n := runtime.NumGoroutine(); i == 0 || n < goroutines {
			goroutines = n
		}
		if i == 0 || m.HeapAlloc < heap {
			heap = m.HeapAlloc
		}
	}
	return heap, goroutines
}

// publishMany publishes many events in one call, and returns their number.
func publishMany(t *testing.T, c *client) int64 {
	t.Helper()
	const n = 100
	body := "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"type": "load", "data": %q},`, strings.Repeat("x", 1000)), n), ",") + "]"
	if status := c.rest(t, "POST", "/v1/events", body, nil); status != http.StatusAccepted {
		t.Fatalf("publish: %d", status)
	}
	return n
}
