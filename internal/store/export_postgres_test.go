package store

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
)

// Expire ends the lease of another node of the same database, as if it had been frozen for long.
func (s *Store) Expire(ctx context.Context, other *Store) error {
	return s.write.WithContext(ctx).Exec("UPDATE nodes SET voided_at = clock_timestamp() WHERE seq = ?", other.db.(*postgres.DB).Node()).Error
}

// Look reads new entries of the log, as a node does by itself from time to time.
func (s *Store) Look(ctx context.Context) error { return s.db.(*postgres.DB).Look(ctx) }

// MakeDay creates the partitions of a day, as the server does in advance.
func (s *Store) MakeDay(ctx context.Context, when time.Time) error {
	return s.db.(*postgres.DB).MakeDay(ctx, dialect.DayOf(when))
}

// HasDay counts the partitions of a day: of events, deliveries and attempts.
func (s *Store) HasDay(ctx context.Context, when time.Time) (n int, err error) {
	for table := range dialect.TablesThat((*dialect.Table).IsDaily) {
		var there bool
		if err := s.read.WithContext(ctx).Raw("SELECT to_regclass(?) IS NOT NULL", table.Name+"_"+dialect.DayOf(when).String()).Scan(&there).Error; err != nil {
			return 0, err
		}
		if there {
			n++
		}
	}
	return n, nil
}

// Settings are the settings of package postgres.
type Settings = postgres.Settings

// OpenNode opens a node with its own settings.
func OpenNode(ctx context.Context, o Options, set postgres.Settings) (*Store, error) {
	return OpenOn(ctx, o, postgres.New(o.URL, set))
}
