package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// EnsureTenant returns the tenant of that name, made when it is not there. The error may be an *Invalid.
func (s *Store) EnsureTenant(ctx context.Context, name string) (*webhook.Tenant, error) {
	if err := webhook.CheckTenantName("name", name); err != nil {
		return nil, err
	}
	var t webhook.Tenant
	err := s.change(ctx, func(b *batch) error {
		now := b.now.UTC().Truncate(time.Microsecond)
		if err := b.tx.Exec("INSERT INTO tenants (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
			webhook.NewID(now), name, at(now)).Error; err != nil {
			return fmt.Errorf("insert tenant: %w", err)
		}
		t = webhook.Tenant{}
		return b.tx.Where("name = ?", name).Take(&t).Error
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// TenantByName finds a tenant; webhook.ErrNotFound.
func (s *Store) TenantByName(ctx context.Context, name string) (*webhook.Tenant, error) {
	return take[webhook.Tenant](s.read.WithContext(ctx).Where("name = ?", name))
}

// TenantsByID reads tenants; ids that are absent are missing from the map.
func (s *Store) TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	return byID(s.read.WithContext(ctx).Table("tenants AS t"), "t.id", ids, func(t *webhook.Tenant) webhook.ID { return t.ID })
}

// TenantsByID reads tenants; ids that are absent or foreign are missing from the map.
func (r *Registry) TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	q := r.s.read.WithContext(ctx).Table("tenants AS t")
	if r.tenant != nil {
		q = q.Where("t.id = ?", *r.tenant)
	}
	return byID(q, "t.id", ids, func(t *webhook.Tenant) webhook.ID { return t.ID })
}

func take[T any](q *gorm.DB) (*T, error) {
	var row T
	err := q.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, webhook.ErrNotFound
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &row, nil
}
