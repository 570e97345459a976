package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookgraph/hookgraph/internal/upkeep"
)

// The intervals of tasks.
const (
	upkeepInterval = time.Hour
	usedInterval   = time.Minute
)

// openUpkeep gathers the work by the clock: the store's own, giving up and removing what is old, and finishing what a stop has
// interrupted.
func (s *server) openUpkeep(context.Context) error {
	tasks := append(s.store.Tasks(),
		upkeep.Task{Name: "last use of tokens", Every: usedInterval, Run: s.auth.WriteUsed},
		upkeep.Task{Name: "secrets", Every: upkeepInterval, Exclusive: true, Run: s.removeSecrets},
		upkeep.Task{Name: "deliveries of deleted webhooks", Every: upkeepInterval, Exclusive: true, Run: s.store.CancelDeleted},
	)
	if s.cfg.MaxAge() > 0 {
		tasks = append(tasks, upkeep.Task{Name: "delivery age", Every: upkeepInterval, Exclusive: true, Run: s.expire})
	}
	if s.cfg.Retention > 0 {
		tasks = append(tasks, upkeep.Task{Name: "retention", Every: upkeepInterval, Exclusive: true, Run: s.retain})
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

// expire gives deliveries up that have been due for too long.
func (s *server) expire(ctx context.Context) error {
	limit := s.cfg.MaxAge()
	n, err := s.store.ExpireDeliveries(ctx, time.Now().Add(-limit))
	if n > 0 {
		s.log.WarnContext(ctx, "gave up deliveries that were due for too long", slog.Int("deliveries", n), slog.Duration("limit", limit))
	}
	return err
}

// retain removes events that are older than the retention.
func (s *server) retain(ctx context.Context) error {
	n, err := s.store.Prune(ctx, time.Now().Add(-s.cfg.Retention))
	if n > 0 {
		s.log.InfoContext(ctx, "removed events that are older than the retention", slog.Int("events", n))
	}
	return err
}
