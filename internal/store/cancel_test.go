package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Callers that cancel their reads, however many, make no other read fail: a connection that a canceled query has ended is not used
// again.
func TestCancelledReadsHarmNobody(t *testing.T) {
	each(t, func(t *suite) {
		s := t.open(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{}, webhook.NewEvent{})
		read := func(ctx context.Context) error {
			_, err := c.Events(ctx, store.EventFilter{}, store.Page{First: 1})
			return err
		}
		var others sync.WaitGroup
		done, stop := context.WithCancel(t.Context())
		for range 8 {
			others.Go(func() {
				for done.Err() == nil {
					ctx, cancel := context.WithCancel(done)
					go cancel()
					_ = read(ctx)
				}
			})
		}
		for range 100 {
			if err := read(t.Context()); err != nil {
				t.Errorf("beside reads that are cancelled: %v (unavailable %v)", err, errors.Is(err, webhook.ErrUnavailable))
				break
			}
		}
		stop()
		others.Wait()
	})
}
