package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/statistics"
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Tasks are the store's work by the clock, which whoever serves from the store runs until it is closed.
func (s *Store) Tasks() []upkeep.Task {
	return []upkeep.Task{
		{Name: "quotas", Every: quotaInterval, Run: s.loadQuotas},
		{Name: "stored events", Every: countInterval, Run: s.countStored},
		{Name: "operational events", Every: noticePoll, Wake: s.noted, Rest: noticeGap, Run: s.publishNoted},
		{Name: "large fan-outs", Every: findEvery, Run: s.fans.Look},
		{Name: "statistics", Every: foldEvery, Exclusive: true, Run: s.keepStatistics},
		{Name: "failure rates", Every: rateEvery, Exclusive: true, Run: s.RateFailures},
		{Name: "deleted tenants", Every: s.tuning.Linger / 2, Wake: s.deleted, Exclusive: true, Run: s.sweep},
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
	rateEvery = 10 * time.Second
	// findEvery is how often notes of fan-outs are looked for that this process does not know of, such as those of a replica that has gone.
	findEvery = 2 * time.Second
)

// RateFailures calculates the share of attempts that failed in the last 24 hours and the one that has begun, of all webhooks: the order of
// lists. Statistics that are not folded yet count, but which webhooks failed is known from those that are.
func (s *Store) RateFailures(ctx context.Context) error {
	change := func(ctx context.Context, do func(b *dialect.Tx) error) error {
		return s.changeDeliveries(ctx, func(b *batch) error { return do(&b.Tx) })
	}
	return (&statistics.Rater{DB: s.db, Read: s.read, Change: change}).Rate(ctx, s.opts.Now())
}

// TryLock takes the lock of that name, which the processes that share the database have together, unless somebody holds it. Whoever
// has it calls unlock. It implements upkeep.Locker.
func (s *Store) TryLock(ctx context.Context, name string) (unlock func(), ok bool, err error) {
	return s.db.TryLock(ctx, name)
}

// loadQuotas reads every tenant's quotas.
func (s *Store) loadQuotas(ctx context.Context) error {
	var tenants []*webhook.Tenant
	if err := s.read.WithContext(ctx).Where("deleted_at IS NULL").Find(&tenants).Error; err != nil {
		return dialect.Unavailable(err)
	}
	all := make(map[webhook.ID]webhook.Quotas, len(tenants))
	for _, t := range tenants {
		all[t.ID] = s.Quotas(t)
	}
	s.quotas.Load(all)
	return nil
}

// countStored counts the stored events of every tenant whose number is limited.
func (s *Store) countStored(ctx context.Context) error {
	s.counting.Lock()
	defer s.counting.Unlock()
	for id, account := range s.quotas.Limited() {
		if err := account.Recount(func() (int, error) { return s.In(id).CountEvents(ctx, EventFilter{}) }); err != nil {
			return fmt.Errorf("count stored events: %w", err)
		}
	}
	return nil
}

// Quotas are what the tenant may have and do.
func (s *Store) Quotas(t *webhook.Tenant) webhook.Quotas { return t.Quotas(s.opts.Quotas) }
