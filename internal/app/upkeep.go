package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/metrics"
	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// Intervals of tasks.
const (
	upkeepInterval = time.Hour
	retainInterval = 10 * time.Second // the store decides which tenant is due
	ageInterval    = 5 * time.Minute  // less if --delivery-max-age is short
	usedInterval   = time.Minute
	lateInterval   = time.Second // after an event's expiresAt
)

// openUpkeep collects the work by the clock: the store's tasks, expiring and removing old rows, and finishing what a stop
// interrupted.
func (s *server) openUpkeep(context.Context) error {
	tasks := append(s.store.Tasks(),
		upkeep.Task{Name: "last use of tokens", Every: usedInterval, Run: s.auth.WriteUsed},
		upkeep.Task{Name: "secrets", Every: upkeepInterval, Exclusive: true, Run: s.removeSecrets},
		upkeep.Task{Name: "deliveries of deleted webhooks", Every: upkeepInterval, Exclusive: true, Run: s.store.CancelDeleted},
		upkeep.Task{Name: "expired events", Every: lateInterval, Exclusive: true, Run: s.expireEvents},
		upkeep.Task{Name: "retention", Every: retainInterval, Exclusive: true, Run: s.store.Retain},
	)
	if s.measuring != nil {
		tasks = append(tasks, upkeep.Task{Name: "metrics", Every: metrics.LookEvery, Run: s.metrics.Look})
	}
	if s.cfg.DeliveryMaxAge == nil || *s.cfg.DeliveryMaxAge > 0 {
		every := ageInterval
		if age := s.cfg.MaxAge(); age > 0 {
			every = min(every, max(age/20, retainInterval))
		}
		tasks = append(tasks, upkeep.Task{Name: "delivery age", Every: every, Exclusive: true, Run: s.expire})
	}
	if s.backups != nil {
		tasks = append(tasks, s.backups.task())
	}
	s.upkeep = upkeep.New(s.store, s.log, tasks...)
	return nil
}

// removeSecrets removes secrets whose overlap has ended.
func (s *server) removeSecrets(ctx context.Context) error {
	n, err := s.store.PruneSecrets(ctx)
	if n > 0 {
		s.log.InfoContext(ctx, "removed secrets whose overlap has ended", slog.Int("secrets", n))
	}
	return err
}

// expireEvents fails deliveries whose event has expired.
func (s *server) expireEvents(ctx context.Context) error {
	_, err := s.store.ExpireEvents(ctx)
	return err
}

// expire fails deliveries that have been due for too long.
func (s *server) expire(ctx context.Context) (err error) {
	var n int
	if limit := s.cfg.DeliveryMaxAge; limit != nil {
		n, err = s.store.ExpireDeliveries(ctx, time.Now().Add(-*limit))
	} else {
		n, err = s.store.ExpireRetained(ctx)
	}
	if n > 0 {
		s.log.WarnContext(ctx, "gave up deliveries that were due for too long", slog.Int("deliveries", n))
	}
	return err
}
