package store

import (
	"cmp"
	"context"
	"time"
)

// Expire ends the lease of another node of the same database, as if it had been frozen for long.
func (s *Store) Expire(ctx context.Context, other *Store) error {
	p, q := s.db.(*postgresDB), other.db.(*postgresDB)
	_, err := p.side.ExecContext(ctx, "UPDATE nodes SET voided_at = clock_timestamp() WHERE seq = $1", q.lease.Load().node)
	return err
}

// Look looks for what has been added to the log, as a node does by itself from time to time.
func (s *Store) Look(ctx context.Context) error {
	_, err := s.db.(*postgresDB).log.look(ctx)
	return err
}

// Hasty gives a transaction 2 s, until undo is called. No store may be open at either time.
func Hasty() (undo func()) {
	was := writeTimeout
	writeTimeout = 2 * time.Second
	return func() { writeTimeout = was }
}

// MakeDay makes the partitions of a day, as the server did when it came.
func (s *Store) MakeDay(ctx context.Context, when time.Time) error {
	return s.db.(*postgresDB).makeDay(ctx, dayOf(when))
}

// HasDay counts the partitions of a day: of events, deliveries and attempts.
func (s *Store) HasDay(ctx context.Context, when time.Time) (n int, err error) {
	for table := range tablesThat((*table).isDaily) {
		var there bool
		if err := s.read.WithContext(ctx).Raw("SELECT to_regclass(?) IS NOT NULL", table.name+"_"+dayOf(when).String()).Scan(&there).Error; err != nil {
			return 0, err
		}
		if there {
			n++
		}
	}
	return n, nil
}

// Notifies is how a node and others tell each other of commits: 0 and "" stand for the usual.
type Notifies struct {
	Channel   string
	Poll, Gap time.Duration
}

// OpenNode opens a node that is told of other nodes' commits, and tells them of its own, in its own way.
func OpenNode(ctx context.Context, o Options, n Notifies) (*Store, error) {
	p := newPostgres(o.URL)
	p.channel, p.poll, p.gap = cmp.Or(n.Channel, p.channel), cmp.Or(n.Poll, p.poll), cmp.Or(n.Gap, p.gap)
	return openWith(ctx, o, p)
}
