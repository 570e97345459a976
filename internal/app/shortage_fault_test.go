//go:build unix

package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/config"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// limited is a command that lowers the limit of open files for the program that it executes.
func limited(files int) []string {
	return []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)}
}

// With few file descriptors, and clients that hold on to theirs, every event is delivered at its first attempt, no failure is
// recorded, and /readyz keeps responding (I20).
func TestFewDescriptors(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, files := range []int{64, 256} {
		t.Run(fmt.Sprint(files), func(t *testing.T) { testFewDescriptors(t, t.TempDir(), files) })
	}
	t.Run("postgres", func(t *testing.T) { testFewDescriptors(t, webhooktest.Postgres(t), 96) })
}

func testFewDescriptors(t *testing.T, database string, files int) {
	t.Helper()
	const receivers, each, events = 40, 3, 10
	p, kill := startBy(t, limited(files), database)
	defer kill()
	c := &client{p.url, p.token}
	arrived := make(chan string, receivers*each*events)
	together := manyTogether(t, database, files)
	for range receivers {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			arrived <- r.URL.Path + r.Header.Get("webhook-id")
			together(r.Context())
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(s.Close)
		for i := range each {
			c.mutate(t, createWebhook, map[string]any{"url": fmt.Sprintf("%s/%d-%s", s.URL, i, s.URL[len("http://"):])}, new(struct{}))
		}
	}
	crowd(t, p.url, files/2)
	ready := watchReady(t, p.url)
	for range events {
		if status := c.rest(t, "POST", "/v1/events", `{"type": "job.done", "data": {}}`, nil); status != http.StatusAccepted {
			t.Fatal(status)
		}
	}
	seen := map[string]bool{}
	for deadline := time.After(time.Minute); len(seen) < cap(arrived); {
		select {
		case id := <-arrived:
			seen[id] = true
		case <-deadline:
			t.Fatalf("%d of %d arrived", len(seen), cap(arrived))
		}
	}
	if slowest := ready(); slowest > 10*time.Second {
		t.Errorf("/readyz took %v", slowest)
	}
	if err := p.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	s, owner := stored(t, database)
	defer func() { _ = s.Close() }()
	failed := store.AttemptFilter{Statuses: []webhook.AttemptStatus{webhook.AttemptFailed}}
	page, err := s.In(owner.ID).Attempts(t.Context(), failed, store.Page{First: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range page.Items {
		t.Errorf("attempt %d failed: %s %s", a.Number, *a.Error, a.Message)
	}
}

// manyTogether returns a function that holds requests until as many are open at once as the server makes to new receivers: half of
// its attempts. Later requests are not held.
func manyTogether(t *testing.T, database string, files int) (hold func(context.Context)) {
	t.Helper()
	shares, err := (&config.Config{Storage: config.Storage{Database: database}, Concurrency: config.MaxConcurrency}).Descriptors(uint64(files))
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	all := make(chan struct{})
	reached := sync.OnceFunc(func() { close(all) })
	return func(ctx context.Context) {
		defer open.Add(-1)
		if open.Add(1) >= int64(shares.Concurrency/2) {
			reached()
		}
		select {
		case <-all:
		case <-ctx.Done():
		}
	}
}

// crowd opens more connections than the server accepts, and leaves them idle.
func crowd(t *testing.T, url string, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// watchReady polls /readyz, each time over a new connection. The function that it returns stops it and returns the longest response
// time.
func watchReady(t *testing.T, url string) (stop func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var slowest time.Duration
	var wg sync.WaitGroup
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	wg.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := fresh.Do(req)
			if ctx.Err() != nil {
				break
			}
			if err != nil {
				t.Errorf("/readyz: %v", err)
				return
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("/readyz answers %d", res.StatusCode)
			}
			slowest = max(slowest, time.Since(start))
		}
	})
	return func() time.Duration {
		cancel()
		wg.Wait()
		return slowest
	}
}

// With fewer descriptors than it needs the server does not start, and says what to do.
func TestTooFewDescriptors(t *testing.T) {
	args := append(limited(32), os.Args[0], "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--database", t.TempDir())
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOOKGRAPH_TEST_MAIN=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ulimit -n") {
		t.Errorf("%v: %s", err, out)
	}
}
