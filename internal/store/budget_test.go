package store

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// reserving reserves room for every delivery, and counts the reservations.
type reserving struct {
	noDispatcher

	reserved, took atomic.Int64
}

func (r *reserving) Reserve(*Target, int) bool {
	r.reserved.Add(1)
	return true
}
func (*reserving) Busy(webhook.ID) bool        { return false }
func (r *reserving) Release(*Target, int)      { r.reserved.Add(-1) }
func (r *reserving) Batch(do func(Dispatcher)) { do(r) }
func (r *reserving) Take(*Claimed) {
	r.reserved.Add(-1)
	r.took.Add(1)
}

func jobs(kind string, n int) []webhook.NewEvent {
	list := make([]webhook.NewEvent, n)
	for i := range list {
		list[i] = webhook.NewEvent{Type: "job." + kind, Data: json.RawMessage(`1`)}
	}
	return list
}

// failures is the ways in which publishing fails midway: a trigger refuses deliveries of job.bad, and the quota is 500 events.
func failures(t *testing.T, c *Scope, hook webhook.ID) map[string]func() error {
	t.Helper()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	publish := func(ctx context.Context, kind string, n int) func() error {
		return func() error {
			_, err := c.Publish(ctx, jobs(kind, n))
			return err
		}
	}
	return map[string]func() error{
		"the caller has gone":  publish(gone, "done", 3),
		"the database refuses": publish(context.Background(), "bad", 2),
		"the quota refuses":    publish(context.Background(), "done", 501),
		"a change fails after it has made deliveries": func() error {
			return c.s.change(context.Background(), func(b *batch) error {
				if err := b.insertAll([]*incoming{{only: &hook, event: b.newEvent(c.tenant, "job.done", []byte("1"))}}); err != nil {
					return err
				}
				return webhook.ErrNotFound
			})
		},
	}
}

// However and however often publishing fails midway, the tenant's quotas, the memory for waiting events and the sender's room are
// whole afterwards.
func TestFailedPublishersGiveEverythingBack(t *testing.T) {
	times := 10_000
	if testing.Short() {
		times = 1000
	}
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Quotas: webhook.Quotas{Events: 500, PublishRate: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	dispatcher := &reserving{}
	s.Start(dispatcher, nil)
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	var hook *webhook.Webhook
	for range 2 {
		if hook, _, err = c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/", Enabled: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.write.Exec("CREATE TRIGGER refuse BEFORE INSERT ON deliveries WHEN NEW.event_id IN (SELECT id FROM events WHERE type = 'job.bad') BEGIN SELECT RAISE(ABORT, 'refused'); END").Error; err != nil {
		t.Fatal(err)
	}
	for name, fail := range failures(t, c, hook.ID) {
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range times / 8 {
					if err := fail(); err == nil {
						t.Error("it did not fail")
					}
				}
			})
		}
		callers.Wait()
		a := s.quotas.Of(c.tenant)
		if free, total := s.memory.Free(); free != total {
			t.Errorf("%s: %d of %d bytes are free", name, free, total)
		}
		if n, left := a.Stored(), a.Left(); n != 0 || left < webhook.MaxPublish-1 || dispatcher.reserved.Load() != 0 {
			t.Errorf("%s: %d events are counted, %.0f of %d may be published at once, %d reservations are left", name, n, left, webhook.MaxPublish, dispatcher.reserved.Load())
		}
	}
	if results, err := c.Publish(t.Context(), jobs("done", 500)); err != nil || results[499].Event == nil {
		t.Errorf("what the quota allows: %v", err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dispatcher.took.Load() != 1000 || dispatcher.reserved.Load() != 0 {
		t.Errorf("%d deliveries were handed over, %d reservations are left", dispatcher.took.Load(), dispatcher.reserved.Load())
	}
	if n := s.quotas.Of(owner.ID).Stored(); n != 500 {
		t.Errorf("%d events are counted, want 500", n)
	}
	if _, err := c.Publish(t.Context(), jobs("done", 1)); err == nil {
		t.Error("one event more than the quota was stored")
	}
}
