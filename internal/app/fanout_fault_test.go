package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// fanOut is a receiver of many webhooks that counts arrivals.
type fanOut struct {
	mu      sync.Mutex
	arrived map[string]int // by path and event
	reached chan struct{}  // closed when left is 0
	left    int
}

func (f *fanOut) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrived[r.URL.Path+" "+r.Header.Get("Webhook-Id")]++
	if f.left--; f.left == 0 {
		close(f.reached)
	}
}

// after returns a channel that is closed after n more requests.
func (f *fanOut) after(n int) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.reached = n, make(chan struct{})
	return f.reached
}

// The program is killed or stopped repeatedly during large fan-outs of one call: each webhook has one delivery of each event, and
// it arrives (I1, I2).
func TestKillInFanOut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	databases(t, func(t *testing.T, database string) {
		t.Helper()
		const hooks, events = 400, 4
		receiver := &fanOut{arrived: map[string]int{}}
		server := httptest.NewServer(receiver)
		defer server.Close()
		p, kill := start(t, database)
		c := &client{p.url, p.token}
		var all sync.WaitGroup
		next := make(chan int)
		for range 16 {
			all.Go(func() {
				for i := range next {
					c.mutate(t, createWebhook, map[string]any{"url": fmt.Sprintf("%s/%d", server.URL, i)}, new(any))
				}
			})
		}
		for i := range hooks {
			next <- i
		}
		close(next)
		all.Wait()
		reached := receiver.after(rand.IntN(hooks))
		one := `{"type": "load", "data": 1}`
		var answer struct{ Data []struct{ ID webhook.ID } }
		if status := c.rest(t, "POST", "/v1/events", "["+strings.Repeat(one+", ", events-1)+one+"]", &answer); status != http.StatusAccepted {
			t.Fatalf("published: %d", status)
		}
		for round := range max(5, *faultRounds) {
			select {
			case <-reached:
			case <-time.After(time.Second): // fewer may be left
			}
			// On PostgreSQL the claims of a killed program are due when its lease has expired: -faults.rounds=6 waits for that.
			if round%2 == 0 && (!store.IsPostgres(database) || *faultRounds > 0) {
				kill()
			} else {
				(&world{program: p}).terminate(t)
			}
			reached = receiver.after(rand.IntN(hooks))
			p, kill = start(t, database)
		}
		o := options(database)
		o.Shared = true
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		owner, err := s.EnsureTenant(t.Context(), webhook.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		mine := s.In(owner.ID)
		var made, done int
		webhooktest.Eventually(t, fmt.Sprintf("%d deliveries succeed", hooks*events), func() bool {
			if made, err = mine.CountDeliveries(t.Context(), store.DeliveryFilter{}); err != nil {
				t.Fatal(err)
			}
			if done, err = mine.CountDeliveries(t.Context(), store.DeliveryFilter{Statuses: []webhook.DeliveryStatus{webhook.DeliverySucceeded}}); err != nil {
				t.Fatal(err)
			}
			return made == hooks*events && done == made
		}, func() string { return fmt.Sprintf("%d were made, %d have succeeded", made, done) })
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		for _, e := range answer.Data {
			for i := range hooks {
				if n := receiver.arrived[fmt.Sprintf("/%d %s", i, e.ID)]; n == 0 {
					t.Errorf("event %s never arrived at webhook %d", e.ID, i)
				}
			}
		}
	})
}
