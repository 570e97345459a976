package store

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// Tasks are the store's work by the clock, which whoever serves from the store runs until it is closed.
func (s *Store) Tasks() []upkeep.Task {
	return []upkeep.Task{
		{Name: "quotas", Every: quotaInterval, Run: s.quotas.load},
		{Name: "stored events", Every: countInterval, Run: s.quotas.count},
		{Name: "operational events", Every: noticePoll, Wake: s.noted, Rest: noticeGap, Run: s.publishNoted},
		{Name: "large fan-outs", Every: findEvery, Run: s.fans.look},
		{Name: "deleted tenants", Every: linger / 2, Wake: s.deleted, Exclusive: true, Run: s.sweep},
	}
}

// The intervals of Tasks.
const (
	quotaInterval = time.Minute     // another process may have changed them
	countInterval = 5 * time.Minute // of events that quotas limit
	// noticePoll finds operational events that another process left behind. A tenant's first is published at once, and what follows it
	// within noticeGap is merged.
	noticePoll = 10 * time.Second
	noticeGap  = time.Second
	// findEvery is how often notes of fan-outs are looked for that this process does not know of, such as those of a replica that has gone.
	findEvery = 2 * time.Second
	// linger is how long the row of a deleted tenant stays when all others are gone: a caller that was let in just before may still
	// write some.
	linger = time.Minute
)

// look looks for notes of fan-outs, and has them read.
func (f *fanOuts) look(ctx context.Context) error {
	defer dialect.Signal(f.wake)
	return f.find(ctx)
}
