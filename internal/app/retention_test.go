package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/egress"
	"github.com/hookgraph/hookgraph/internal/sender"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// I1, I4: however soon retention removes completed events, an acknowledged event stays until its delivery has succeeded or its retries are
// exhausted, through failed responses, broken connections and timeouts. Then it is removed: nothing remains that is neither attempted nor removed.
func TestRetentionWaitsForDeliveries(t *testing.T) {
	databases(t, testRetentionWaitsForDeliveries)
}

func testRetentionWaitsForDeliveries(t *testing.T, database string) {
	t.Helper()
	s, owner := stored(t, database)
	defer func() { _ = s.Close() }()
	client, err := egress.New(egress.Config{AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	moody := &moody{ended: map[string]bool{}, attempts: map[string]int{}}
	receiver := httptest.NewServer(moody)
	defer receiver.Close()
	sending := sender.New(sender.Config{Store: s, Client: client, Timeout: 2 * time.Second})
	s.Start(sending, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() {
		if err := sending.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var removed atomic.Int64
	background.Go(func() {
		for tick := time.Tick(retained); ctx.Err() == nil; <-tick { // without a pause it would only take the processor from what it waits for
			n, err := s.Prune(ctx, time.Now().Add(-retained))
			if removed.Add(int64(n)); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
				return
			}
		}
	})

	c := s.In(owner.ID)
	retries := make([]int, moodyAttempts-1)
	for i := range retries {
		retries[i] = 1
	}
	if _, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: receiver.URL, Enabled: true, RetryScheduleMs: retries}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	missing := func() (n int) {
		moody.mu.Lock()
		defer moody.mu.Unlock()
		for _, id := range ids {
			if !moody.ended[id] {
				n++
			}
		}
		return n
	}
	for len(ids) < 1000 || removed.Load() < 500 && !t.Failed() {
		webhooktest.Eventually(t, "most of it arrives", func() bool { return missing() <= 200 })
		events := make([]webhook.NewEvent, 10)
		for i := range events {
			events[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage("1")}
		}
		results, err := c.Publish(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			ids = append(ids, r.Event.ID.String())
		}
	}
	webhooktest.Eventually(t, "everything that was acknowledged arrives, or its retries are exhausted", func() bool { return missing() == 0 },
		func() string { return fmt.Sprintf("%d of %d have not", missing(), len(ids)) })
	webhooktest.Eventually(t, "everything is removed, once", func() bool {
		n, err := c.CountEvents(t.Context(), store.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		return n == 0 && removed.Load() == int64(len(ids)) // counted a moment later
	}, func() string { return fmt.Sprintf("%d of %d events were removed", removed.Load(), len(ids)) })
	if n, err := c.CountDeliveries(t.Context(), store.DeliveryFilter{}); n != 0 || err != nil {
		t.Errorf("%d deliveries of no event, %v", n, err)
	}
}

// retained is how long completed events are kept from retention, which looks as often.
const retained = 5 * time.Millisecond

// moodyAttempts is the maximum number of attempts of a delivery to moody.
const moodyAttempts = 6

// moody is a receiver that never accepts some deliveries, and others only after some attempts. It knows which have ended.
type moody struct {
	mu       sync.Mutex // guards what follows
	ended    map[string]bool
	attempts map[string]int
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the sender went away
	id := r.Header.Get("webhook-id")
	kind, _ := strconv.ParseUint(id[len(id)-2:], 16, 8) // random
	m.mu.Lock()
	m.attempts[id]++
	n := m.attempts[id]
	m.mu.Unlock()
	switch {
	case kind < 3, kind < 12 && n <= 2:
		w.WriteHeader(http.StatusInternalServerError)
		if n < moodyAttempts {
			return
		}
	case kind < 14 && n == 1:
		<-r.Context().Done()
		return
	case kind < 24 && n == 1:
		panic(http.ErrAbortHandler)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[id] = true
}
