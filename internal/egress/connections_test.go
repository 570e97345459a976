package egress

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

func plain(t *testing.T, n int) []*Request {
	t.Helper()
	reqs := make([]*Request, n)
	for i := range reqs {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(s.Close)
		reqs[i] = &Request{URL: parse(t, s.URL), Body: []byte("{}")}
	}
	return reqs
}

// With any number of concurrent requests, and few kept connections, every response arrives, and later requests close the
// connections left over from a burst.
func TestFewKeptConnections(t *testing.T) {
	const hosts, senders, requests, kept = 64, 256, 20_000, 8
	c := client(t, Config{AllowPrivate: true, MaxIdle: kept})
	reqs := plain(t, hosts)
	ctx := within(t, time.Minute)
	var next atomic.Int64
	var group errgroup.Group
	for range senders {
		group.Go(func() error {
			for i := next.Add(1); i <= requests; i = next.Add(1) {
				if res := c.Do(ctx, reqs[i%hosts]); res.Code != OK {
					t.Errorf("%s: %s", res.Code, res.Message)
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	for i := 0; c.made.open.Load() >= 2*kept; i++ { // each request closes one
		if res := c.Do(ctx, reqs[i%hosts]); res.Code != OK {
			t.Fatalf("%s: %s; %d connections are open", res.Code, res.Message, c.made.open.Load())
		}
	}
}

// When the maximum number of connections is kept, a host that has one keeps it, and a host without gets none.
func TestKeptConnections(t *testing.T) {
	c := client(t, Config{AllowPrivate: true, MaxIdle: 2})
	open := func() string { return fmt.Sprintf("%d are open", c.made.open.Load()) }
	reqs := plain(t, 3)
	for i, want := range []bool{false, false, true, false, false, true, true, false} {
		host := []int{0, 1, 0, 2, 2, 1, 0, 2}[i]
		if res := c.Do(within(t, time.Minute), reqs[host]); res.Code != OK || res.Reused != want {
			t.Errorf("request %d: %s, a connection used again: %t, want %t", i, res.Code, res.Reused, want)
		}
		webhooktest.Eventually(t, "at most 2 connections are open", func() bool { return c.made.open.Load() <= 2 }, open)
	}
	c.Close()
	webhooktest.Eventually(t, "every connection is closed", func() bool { return c.made.open.Load() == 0 }, open)
	if len(c.made.hosts) > 0 {
		t.Errorf("%v", c.made.hosts)
	}
}
