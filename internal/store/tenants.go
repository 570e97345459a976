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

// AddToken keeps the hash of a token that the caller made; tenant nil makes it an operator's. The same token again gives
// the one that is there, if it is not revoked and as mighty; otherwise an *Invalid of code CONFLICT.
func (s *Store) AddToken(ctx context.Context, tenant *webhook.ID, name, token string) (*webhook.Token, error) {
	if token == "" {
		return nil, &webhook.Invalid{Field: "token", Code: webhook.CodeRequired, Message: "must be given"}
	}
	var t webhook.Token
	err := s.change(ctx, func(b *batch) error {
		now := b.now.UTC().Truncate(time.Microsecond)
		err := b.tx.Where("hash = ?", webhook.HashToken(token)).Take(&t).Error
		if err == nil {
			same := t.TenantID == nil && tenant == nil || t.TenantID != nil && tenant != nil && *t.TenantID == *tenant
			if t.RevokedAt != nil || !same {
				return &webhook.Invalid{Field: "token", Code: webhook.CodeConflict, Message: "is revoked or somebody else's"}
			}
			return nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return fmt.Errorf("find token: %w", err)
		}
		t = webhook.Token{ID: webhook.NewID(now), TenantID: tenant, Name: name, Hash: webhook.HashToken(token), CreatedAt: now}
		return b.tx.Create(&t).Error
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// Tokens lists all tokens, revoked ones too, newest first.
func (s *Store) Tokens(ctx context.Context) ([]*webhook.Token, error) {
	var tokens []*webhook.Token
	if err := s.read.WithContext(ctx).Order("seq DESC").Find(&tokens).Error; err != nil {
		return nil, unavailable(err)
	}
	return tokens, nil
}

// TokenByHash finds a token; webhook.ErrNotFound when it is unknown or revoked.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	return take[webhook.Token](s.read.WithContext(ctx).Where("hash = ? AND revoked_at IS NULL", hash))
}

// RevokeToken ends a token; revoking it again changes nothing. webhook.ErrNotFound.
func (s *Store) RevokeToken(ctx context.Context, id webhook.ID) (*webhook.Token, error) {
	var t webhook.Token
	err := s.change(ctx, func(b *batch) error {
		if err := b.tx.Exec("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", at(b.now), id).Error; err != nil {
			return fmt.Errorf("revoke token: %w", err)
		}
		t = webhook.Token{}
		err := b.tx.Where("id = ?", id).Take(&t).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return webhook.ErrNotFound
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}
