package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Of two replicas on PostgreSQL that start an exclusive task at the same time, one runs it, and the other skips it.
func TestReplicasDoUpkeepOnce(t *testing.T) {
	url := webhooktest.Postgres(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var runs atomic.Int64
	both := make([]*upkeep.Upkeep, 2)
	ended := make(chan struct{}, len(both))
	for i := range both {
		s, err := store.Open(t.Context(), store.Options{URL: url, MasterKeys: [][]byte{webhooktest.MasterKey}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		both[i] = upkeep.New(s, slog.New(slog.DiscardHandler), upkeep.Task{Name: "once", Every: time.Hour, Exclusive: true, Run: func(ctx context.Context) error {
			runs.Add(1)
			<-ctx.Done()
			return nil
		}})
	}
	for _, u := range both {
		go func() {
			u.Run(ctx)
			ended <- struct{}{}
		}()
	}
	webhooktest.Eventually(t, "one runs it and the other has passed it over", func() bool {
		a, b := both[0].Stats()[0], both[1].Stats()[0]
		return a.Running != b.Running && a.Passed+b.Passed == 1
	})
	cancel()
	for range both {
		<-ended
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("%d runs", n)
	}
}
