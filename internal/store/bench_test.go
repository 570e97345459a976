package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// instant takes every delivery and records it as delivered at once, so that only the store's own cost is measured.
type instant struct {
	s       *store.Store
	claimed chan *store.Claimed
}

func (i *instant) Reserve(*store.Target, int) bool { return true }
func (*instant) Busy(webhook.ID) bool              { return false }
func (i *instant) Release(*store.Target, int)      {}
func (i *instant) Take(claimed *store.Claimed)     { i.claimed <- claimed }
func (i *instant) Due(webhook.ID, time.Time)       {}
func (i *instant) Changed(_, _ *store.Target)      {}
func (i *instant) Nodes(int)                       {}
func (*instant) Claimed() int                      { return 0 }
func (i *instant) Batch(do func(store.Dispatcher)) { do(i) }

// BenchmarkDelivery measures the store's share of one delivery: an event of 1 KB, published in calls of 100 by 8 callers, handed
// over in memory, and its attempt recorded. It reports µs of wall time per delivery.
func BenchmarkDelivery(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	dispatcher := &instant{s: s, claimed: make(chan *store.Claimed, 100_000)}
	s.Start(dispatcher, nil)
	c := tenant(b, s, "a")
	register(b, c, webhook.New{Enabled: true})
	data := json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	b.ReportAllocs()
	b.ResetTimer()
	var recorder sync.WaitGroup
	recorder.Go(func() {
		status := 204
		for claimed := range dispatcher.claimed {
			r := &store.Result{Claimed: claimed, Attempt: webhook.Attempt{
				Status: webhook.AttemptSucceeded, Trigger: claimed.Delivery.Trigger, StartedAt: time.Now(), DurationUs: 500, URL: claimed.Target.URL,
				RequestHeaders: "Webhook-Id: 01a20845-b309-70b2-bab2-33fc3447b23f\r\nWebhook-Timestamp: 1764000000\r\nWebhook-Signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=\r\n",
				ResponseStatus: &status, ResponseHeaders: "Date: Mon, 23 Nov 2026 11:58:32 GMT\r\n",
			}}
			if err := s.Record(context.Background(), r); err != nil {
				b.Error(err)
			}
		}
	})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for n := 0; n < b.N; n += 800 {
				events := make([]webhook.NewEvent, 100)
				for i := range events {
					events[i] = webhook.NewEvent{Type: "humanization.completed", Data: data}
				}
				if _, err := c.Publish(context.Background(), events); err != nil {
					b.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if err := s.Flush(b.Context()); err != nil { // everything published has been handed over
		b.Fatal(err)
	}
	close(dispatcher.claimed)
	recorder.Wait()
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPublishMatching measures what webhooks with a filter cost an event of 1 KB that one of them matches: matching alone, and publishing, in
// calls of 100. It reports µs of wall time per event. The limit of filters without an exact condition is 100.
func BenchmarkPublishMatching(b *testing.B) {
	exact := func(i int) string {
		return fmt.Sprintf(`{"data":{"customer":"cus_%d","amount":{"$gte":100},"status":{"$ne":"test"}}}`, i)
	}
	for _, c := range []struct {
		name   string
		n      int
		filter func(i int) string
	}{
		{"none", 0, nil},
		{"exact-100", 100, exact},
		{"exact-10000", 10_000, exact},
		{"range-100", 100, func(i int) string { return fmt.Sprintf(`{"data":{"amount":{"$gte":%d}}}`, 250+i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			own := tenant(b, s, "a")
			var making sync.WaitGroup
			for part := range 64 {
				making.Go(func() {
					for i := part; i < c.n; i += 64 {
						_, _, err := own.CreateWebhook(context.Background(), webhook.New{URL: "https://example.com/", Enabled: true, Filter: []byte(c.filter(i))})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			making.Wait()
			if c.n == 0 {
				register(b, own, webhook.New{Enabled: true})
			}
			data := json.RawMessage(`{"id":"pay_1","amount":250,"status":"failed","customer":"cus_7","items":[` +
				strings.Repeat(`{"sku":"abcdef","quantity":1,"price":"12.50"},`, 18) + `{"sku":"x"}]}`)
			b.Run("match", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if n := s.Matched(&webhook.Event{TenantID: own.Tenant(), Type: "payment.failed", Data: data}); n != 1 && c.n > 0 {
						b.Fatal(n)
					}
				}
			})
			b.Run("publish", func(b *testing.B) {
				b.ReportAllocs()
				events := make([]webhook.NewEvent, 100)
				for n := 0; n < b.N; n += len(events) {
					for i := range events {
						events[i] = webhook.NewEvent{Type: "payment.failed", Data: data}
					}
					if _, err := own.Publish(b.Context(), events); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
