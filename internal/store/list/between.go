package list

import (
	"context"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// maxBetween is the number of rows that Between examines. They may belong to any tenant: ids do not contain the tenant.
const maxBetween = 10_000

// between returns the lowest id from which there are at most maxBetween rows up to high, but not below low.
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

// Between reads at most n rows with ids from low to high, the highest first. q selects the rows that the reader may see. If very many rows
// of any tenants have such ids, it examines those with the highest.
func Between[T any](ctx context.Context, s *Source, l *Index, q *gorm.DB, low, high webhook.ID, n int) ([]*T, error) {
	db := s.DB
	if !partitioned(l.table) {
		db = nil
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
