//go:build unix

package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// takeover is how long after a replica's death another has sent everything that it had claimed.
const takeover = 15 * time.Second

// One replica is killed and another frozen while they send: within 15 s the third has sent what they had claimed. When the frozen
// one wakes up, with responses waiting for it, it writes nothing under its old lease and sends nothing that it had claimed: it logs
// that, and continues as a new node (I6, I7).
func testFrozenReplica(t *testing.T) {
	t.Parallel()
	database := webhooktest.Postgres(t)
	r := &reluctant{arrivals: map[string][]time.Time{}, released: make(chan struct{})}
	receiver := httptest.NewServer(r)
	t.Cleanup(receiver.Close)
	t.Cleanup(r.release)
	survivor, _ := start(t, database)
	frozen, _ := start(t, database)
	killed, kill := start(t, database)
	c := &client{survivor.url, survivor.token}
	c.mutate(t, createWebhook, map[string]any{"url": receiver.URL, "timeoutMs": 30_000}, &struct{}{})
	claimed := map[string]bool{}
	for _, p := range []*program{frozen, killed} {
		first := (&client{p.url, c.token}).publish(t, "first")
		claimed[first] = true
		for range 20 {
			claimed[(&client{p.url, c.token}).publish(t, "more")] = true
		}
		r.await(t, first)
	}

	if err := frozen.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped(t, frozen.process.Process.Pid)
	kill()
	died := time.Now()
	r.release() // answers the frozen one's requests too
	c.settle(t)
	again := 0
	for id := range claimed {
		arrivals := r.of(id)
		if n := len(arrivals); n == 0 || n > 2 {
			t.Errorf("%s arrived %d times", id, n)
			continue
		}
		if after := arrivals[len(arrivals)-1].Sub(died); after > takeover {
			t.Errorf("%s was sent %v after the death of who had claimed it", id, after)
		}
		if len(arrivals) == 2 {
			again++
			if after := arrivals[0].Sub(died); after > 5*time.Second { // no lease expires so soon
				t.Errorf("%s was sent again and was not in flight: it had arrived %v later", id, after)
			}
		}
	}
	if again < 2 {
		t.Errorf("%d were taken over in flight, want one of each replica at least", again)
	}
	arrived := r.total()

	if err := frozen.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	frozen.log.await(t, "rejoining")
	frozen.log.await(t, "claim lost; attempt dropped")
	(&client{frozen.url, c.token}).publish(t, "after")
	c.settle(t)
	if n := r.total(); n != arrived+1 {
		t.Errorf("after it woke up %d requests arrived, want that of the one new event", n-arrived)
	}
	s, owner := stored(t, database)
	defer s.Close()
	recorded := readDeliveries(t, s.In(owner.ID), s, owner.ID)
	if len(recorded) != len(claimed)+1 {
		t.Errorf("%d deliveries, want %d", len(recorded), len(claimed)+1)
	}
	for key, d := range recorded {
		if err := d.check(); err != nil || len(d.attempts) != 1 {
			t.Errorf("%s: %d attempts, %v", key, len(d.attempts), err)
		}
	}
	t.Logf("%d of %d were sent again, %d requests in all", again, len(claimed), arrived)
}

// stopped waits until the kernel has stopped every thread of a process.
func stopped(t *testing.T, pid int) {
	t.Helper()
	webhooktest.Eventually(t, "the process stops", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if os.IsNotExist(err) { // not Linux
			time.Sleep(100 * time.Millisecond) // nothing tells there
			return true
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(state, "T")
	})
}

// reluctant is a receiver that answers no request before release.
type reluctant struct {
	released chan struct{}
	once     sync.Once

	mu       sync.Mutex // guards what follows
	arrivals map[string][]time.Time
}

func (r *reluctant) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	id := req.Header.Get("webhook-id")
	r.mu.Lock()
	r.arrivals[id] = append(r.arrivals[id], time.Now())
	r.mu.Unlock()
	_, _ = io.Copy(io.Discard, req.Body)
	<-r.released
	w.WriteHeader(http.StatusNoContent)
}

func (r *reluctant) release() { r.once.Do(func() { close(r.released) }) }

func (r *reluctant) of(id string) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrivals[id]
}

func (r *reluctant) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, arrivals := range r.arrivals {
		n += len(arrivals)
	}
	return n
}

// await waits until the event has arrived.
func (r *reluctant) await(t *testing.T, id string) {
	t.Helper()
	webhooktest.Eventually(t, id+" arrives", func() bool { return len(r.of(id)) > 0 })
}
