package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// secretRow is a signing secret at rest.
type secretRow struct {
	ID        webhook.ID `gorm:"primaryKey"`
	TenantID  webhook.ID
	WebhookID webhook.ID
	Scheme    webhook.Scheme
	KeyID     string
	Sealed    []byte
	CreatedAt time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	ExpiresAt *time.Time `gorm:"serializer:micros"`
}

// TableName implements gorm's Tabler.
func (secretRow) TableName() string { return "secrets" }

func (r *secretRow) part() (keyID string, sealed []byte, key any) { return r.KeyID, r.Sealed, r.ID }

// associated implements sealedRow.
func (r *secretRow) associated() []byte { return slices.Concat(r.TenantID[:], r.WebhookID[:], r.ID[:]) }

// loadSecrets opens the active secrets of the webhooks, newest first; of all when ids is nil.
func (s *Store) loadSecrets(db *gorm.DB, ids []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	var rows []*secretRow
	q := db.Where("(expires_at IS NULL OR expires_at > ?)", dialect.At(time.Now()))
	if ids != nil {
		q = q.Where("webhook_id IN ?", ids)
	}
	if err := q.Order("expires_at IS NOT NULL, created_at DESC").Find(&rows).Error; err != nil {
		return nil, err
	}
	secrets := map[webhook.ID][]*webhook.Secret{}
	for _, row := range rows {
		secret := &webhook.Secret{
			ID: row.ID, TenantID: row.TenantID, WebhookID: row.WebhookID, Scheme: row.Scheme,
			CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
		}
		key, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", secret, err)
		}
		secret.SetKey(key)
		secrets[row.WebhookID] = append(secrets[row.WebhookID], secret)
	}
	return secrets, nil
}

func (b *batch) addSecret(secret *webhook.Secret) error {
	key, err := b.sealer()
	if err != nil {
		return err
	}
	row := &secretRow{
		ID: secret.ID, TenantID: secret.TenantID, WebhookID: secret.WebhookID, Scheme: secret.Scheme,
		KeyID: key.ID, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt,
	}
	row.Sealed = key.Seal(secret.Key, row.associated())
	if err := b.DB.Create(row).Error; err != nil {
		return fmt.Errorf("insert secret: %w", err)
	}
	return nil
}

// maxSecrets bounds the secrets that sign side by side, whatever a caller rotates; the oldest go first.
const maxSecrets = 5

// rotateSecret adds a secret and lets the others expire after the overlap, or when they would have before.
func (b *batch) rotateSecret(to *Target, r webhook.Rotation, now time.Time) (*webhook.Secret, []*webhook.Secret, error) {
	scheme := r.Scheme
	if scheme == "" {
		scheme = webhook.SchemeHMAC
		if len(to.Secrets) > 0 {
			scheme = to.Secrets[0].Scheme
		}
	}
	secret := webhook.NewSecret(to.TenantID, to.ID, scheme, now)
	if err := b.addSecret(secret); err != nil {
		return nil, nil, err
	}
	end := now.Add(r.Overlap)
	all := []*webhook.Secret{secret}
	for _, old := range to.Secrets {
		s := *old
		if s.ExpiresAt == nil || s.ExpiresAt.After(end) {
			s.ExpiresAt = &end
		}
		if !s.Active(now) || len(all) == maxSecrets {
			if err := b.DB.Where("id = ? AND tenant_id = ?", s.ID, s.TenantID).Delete(&secretRow{}).Error; err != nil {
				return nil, nil, fmt.Errorf("delete secret: %w", err)
			}
			continue
		}
		if err := b.DB.Exec("UPDATE secrets SET expires_at = ? WHERE id = ? AND tenant_id = ?", dialect.At(*s.ExpiresAt), s.ID, s.TenantID).Error; err != nil {
			return nil, nil, fmt.Errorf("expire secret: %w", err)
		}
		all = append(all, &s)
	}
	return secret, all, nil
}

// Secrets lists the webhooks' active secrets, newest first.
func (c *Scope) Secrets(_ context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	now := time.Now()
	secrets := make(map[webhook.ID][]*webhook.Secret, len(webhooks))
	for _, id := range webhooks {
		if to := c.s.routes.get(id); to != nil && to.TenantID == c.tenant {
			secrets[id] = slices.DeleteFunc(slices.Clone(to.Secrets), func(s *webhook.Secret) bool { return !s.Active(now) })
		}
	}
	return secrets, nil
}

// pruneSecrets is how many secrets one transaction of PruneSecrets removes.
const pruneSecrets = 100

// PruneSecrets forgets the secrets whose overlap has ended, some in each transaction, and reports how many.
func (s *Store) PruneSecrets(ctx context.Context) (int, error) {
	total := 0
	for {
		var gone []*secretRow
		err := s.change(ctx, func(b *batch) error {
			gone = nil
			if err := b.DB.Select("id", "webhook_id").Where("expires_at <= ?", dialect.At(b.Now)).Limit(pruneSecrets).Find(&gone).Error; err != nil {
				return fmt.Errorf("find expired secrets: %w", err)
			}
			if len(gone) == 0 {
				return nil
			}
			ids := make([]webhook.ID, len(gone))
			for i, row := range gone {
				ids[i] = row.ID
				if to := b.target(row.WebhookID); to != nil && to.DeletedAt == nil {
					next := *to
					next.Secrets = slices.DeleteFunc(slices.Clone(to.Secrets), func(s *webhook.Secret) bool { return s.ID == row.ID })
					b.setTarget(&next)
				}
			}
			if err := b.DB.Where("id IN ?", ids).Delete(&secretRow{}).Error; err != nil {
				return fmt.Errorf("delete expired secrets: %w", err)
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		if total += len(gone); len(gone) < pruneSecrets {
			return total, nil
		}
	}
}
