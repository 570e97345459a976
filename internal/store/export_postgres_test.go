package store

import (
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
