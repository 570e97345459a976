//go:build unix

package app

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The PostgreSQL of two replicas under load crashes permanently. They find its promoted synchronous standby by themselves; nothing
// acknowledged is lost, only requests in flight are repeated, and the stream continues without a gap.
func TestFailover(t *testing.T) {
	if *replicaRounds == 0 {
		t.Skip("takes 10 s; -replicas.rounds=1 runs it")
	}
	primary := webhooktest.StartPostgres(t)
	database := primary.Database(t)
	standby := primary.Standby(t)
	if _, err := store.Open(t.Context(), options(standby.Same(t, database))); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("opened on a standby: %v", err)
	}
	f, c := startFleet(t, primary.Either(database, standby), 2)
	stream := f.watch(t, c)
	publishing, stop := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	for n := range 3 {
		publishers.Go(func() { f.publish(publishing, n) })
	}

	f.carry(t, 100)
	f.happened()
	primary.Failover(t, standby)
	f.happened()
	f.carry(t, 100) // by the new primary
	stop()
	publishers.Wait()
	f.calm.Store(true)
	f.settle(t, c)
	f.check(t, stream)
}
