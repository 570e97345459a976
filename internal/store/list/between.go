package list

import (
	"context"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxBetween bounds the rows that Between looks at. They may be anybody's: ids have no tenant.
const maxBetween = 10_000

// between is the id from which on there are no more than maxBetween rows up to high, or low.
func (s *Source) between(ctx context.Context, l *Index, low, high webhook.ID) (webhook.ID, error) {
	id := l.column("id")
	var floor []webhook.ID
	err := s.Read.WithContext(ctx).Table(l.From(s.Read)).Select(id).Where(id+" >= ? AND "+id+" <= ?", low, high).
		Order(id + " DESC").Offset(maxBetween).Limit(1).Scan(&floor).Error
	if err != nil {
		return low, dialect.Unavailable(err)
	}
	if len(floor) > 0 {
		low = floor[0]
	}
	return low, nil
}

// Between reads rows with ids from low to high, the highest first and n at most. q selects them, and holds them to whoever reads. Of
// very many rows with such ids, which may be anybody's, it looks at the highest.
func Between[T any](ctx context.Context, s *Source, l *Index, q *gorm.DB, low, high webhook.ID, n int) ([]*T, error) {
	db := s.DB
	if l.table != "events" && l.table != "deliveries" {
		db = nil // it has no days
	}
	low, err := s.between(ctx, l, low, high)
	if err != nil {
		return nil, err
	}
	id := l.column("id")
	for _, days := range daysBefore(db, l.column("day"), []webhook.ID{low, high}) {
		rows, err := scan[T](where(q.Session(&gorm.Session{}).Where(id+" >= ? AND "+id+" <= ?", low, high), days).Order(id + " DESC").Limit(n))
		if err != nil || len(rows) > 0 {
			return rows, err
		}
	}
	return nil, nil
}
