package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// CreateWebhook registers a webhook with a new signing secret. The error holds an *Invalid for every broken rule.
func (c *Scope) CreateWebhook(ctx context.Context, n webhook.New) (*webhook.Webhook, *webhook.Secret, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	w := webhook.Webhook{
		ID: webhook.NewID(now), TenantID: c.tenant, URL: n.URL, Events: n.Events, Enabled: true, Description: n.Description,
		RetryScheduleMs: n.RetryScheduleMs, TimeoutMs: n.TimeoutMs, RatePerSecond: n.RatePerSecond, CreatedAt: now, UpdatedAt: now,
	}
	if !n.Enabled {
		w.Disable(webhook.DisabledManual, now)
	}
	if err := c.s.check(&w); err != nil {
		return nil, nil, err
	}
	secret := webhook.NewSecret(c.tenant, w.ID, webhook.SchemeHMAC, now)
	err := c.s.change(ctx, func(b *batch) error {
		row := w // written again when the batch is
		if err := b.tx.Create(&row).Error; err != nil {
			return fmt.Errorf("insert webhook: %w", err)
		}
		w.Seq = row.Seq
		if err := b.addSecret(secret); err != nil {
			return err
		}
		b.setHook(&Hook{Webhook: w, Secrets: []*webhook.Secret{secret}})
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return &w, secret, nil
}

// check normalizes a webhook and applies every rule, the egress policy's too.
func (s *Store) check(w *webhook.Webhook) error {
	w.Normalize()
	if err := w.Check(); err != nil {
		return err
	}
	return s.checkURL(w)
}

func (s *Store) checkURL(w *webhook.Webhook) error {
	if s.opts.CheckURL == nil {
		return nil
	}
	normal, err := s.opts.CheckURL(w.URL)
	if err != nil {
		return &webhook.Invalid{Field: "url", Code: webhook.CodeInvalid, Message: err.Error()}
	}
	w.URL = normal
	return nil
}

func (b *batch) addSecret(secret *webhook.Secret) error {
	err := b.tx.Create(&secretRow{
		ID: secret.ID, TenantID: secret.TenantID, WebhookID: secret.WebhookID, Scheme: secret.Scheme,
		KeyID: b.s.seal.id, Sealed: b.s.seal.seal(secret), CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt,
	}).Error
	if err != nil {
		return fmt.Errorf("insert secret: %w", err)
	}
	return nil
}

// own is the tenant's webhook as the transaction sees it.
func (b *batch) own(tenant, id webhook.ID) (*Hook, error) {
	h := b.hook(id)
	if h == nil || h.TenantID != tenant || h.DeletedAt != nil {
		return nil, webhook.ErrNotFound
	}
	return h, nil
}

// UpdateWebhook changes the fields that the patch sets. When rotate is not nil the webhook also gets a new secret, which
// is returned, and the old ones go on signing beside it for that long. Errors: webhook.ErrNotFound, *Invalid.
func (c *Scope) UpdateWebhook(ctx context.Context, id webhook.ID, p webhook.Patch, rotate *time.Duration) (*webhook.Webhook, *webhook.Secret, error) {
	if rotate != nil && (*rotate < 0 || *rotate > webhook.MaxOverlap) {
		return nil, nil, &webhook.Invalid{
			Field: "overlapMs", Code: webhook.CodeOutOfRange,
			Message: fmt.Sprintf("must be from 0 to %d", webhook.MaxOverlap.Milliseconds()),
		}
	}
	var updated webhook.Webhook
	var secret *webhook.Secret
	err := c.s.change(ctx, func(b *batch) error {
		old, err := b.own(c.tenant, id)
		if err != nil {
			return err
		}
		now := b.now.UTC().Truncate(time.Microsecond)
		next := &Hook{Webhook: old.Webhook, Secrets: old.Secrets}
		p.Apply(&next.Webhook, now)
		next.Normalize()
		if err := next.Check(); err != nil {
			return err
		}
		if p.URL.Set {
			if err := c.s.checkURL(&next.Webhook); err != nil {
				return err
			}
		}
		if err := b.tx.Select("*").Where("id = ?", id).Updates(&next.Webhook).Error; err != nil {
			return fmt.Errorf("update webhook: %w", err)
		}
		secret = nil
		if rotate != nil {
			if secret, next.Secrets, err = b.rotate(old, *rotate, now); err != nil {
				return err
			}
		}
		b.setHook(next)
		if next.Enabled && !old.Enabled {
			b.dueAt(id, now)
		}
		updated = next.Webhook
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return &updated, secret, nil
}

// maxSecrets bounds the secrets that sign side by side, whatever a caller rotates; the oldest go first.
const maxSecrets = 5

// rotate adds a secret and lets the others expire after the overlap, or when they would have before.
func (b *batch) rotate(h *Hook, overlap time.Duration, now time.Time) (*webhook.Secret, []*webhook.Secret, error) {
	secret := webhook.NewSecret(h.TenantID, h.ID, webhook.SchemeHMAC, now)
	if err := b.addSecret(secret); err != nil {
		return nil, nil, err
	}
	end := now.Add(overlap)
	all := []*webhook.Secret{secret}
	for _, old := range h.Secrets {
		s := *old
		if s.ExpiresAt == nil || s.ExpiresAt.After(end) {
			s.ExpiresAt = &end
		}
		if !s.Active(now) || len(all) == maxSecrets {
			if err := b.tx.Where("id = ?", s.ID).Delete(&secretRow{}).Error; err != nil {
				return nil, nil, fmt.Errorf("delete secret: %w", err)
			}
			continue
		}
		if err := b.tx.Exec("UPDATE secrets SET expires_at = ? WHERE id = ?", at(*s.ExpiresAt), s.ID).Error; err != nil {
			return nil, nil, fmt.Errorf("expire secret: %w", err)
		}
		all = append(all, &s)
	}
	return secret, all, nil
}

// DeleteWebhook removes a webhook and its secrets. Its history stays until retention takes it; what was still to be
// delivered is canceled.
func (c *Scope) DeleteWebhook(ctx context.Context, id webhook.ID) error {
	err := c.s.change(ctx, func(b *batch) error {
		old, err := b.own(c.tenant, id)
		if err != nil {
			return err
		}
		now := b.now.UTC().Truncate(time.Microsecond)
		next := &Hook{Webhook: old.Webhook}
		next.DeletedAt, next.UpdatedAt = &now, now
		if err := b.tx.Exec("UPDATE webhooks SET deleted_at = ?, updated_at = ? WHERE id = ?", at(now), at(now), id).Error; err != nil {
			return fmt.Errorf("delete webhook: %w", err)
		}
		if err := b.tx.Where("webhook_id = ?", id).Delete(&secretRow{}).Error; err != nil {
			return fmt.Errorf("delete secrets: %w", err)
		}
		b.setHook(next)
		return nil
	})
	if err == nil {
		c.s.background.Go(func() { c.s.cancelDeleted(id) })
	}
	return err
}

// cancelDeleted marks what a deleted webhook was still owed, in small transactions; until then it only reads as canceled.
func (s *Store) cancelDeleted(id webhook.ID) {
	for {
		var n int64
		err := s.change(s.quit, func(b *batch) error {
			res := b.tx.Exec(`UPDATE deliveries SET status = 'CANCELED', due_at = NULL, completed_at = ? WHERE seq IN
				(SELECT seq FROM deliveries WHERE webhook_id = ? AND due_at IS NOT NULL LIMIT 1000)`, at(b.now), id)
			n = res.RowsAffected
			return res.Error
		})
		if err != nil || n == 0 {
			return // Prune comes back to what is left
		}
	}
}

// Secrets lists the webhooks' active secrets, newest first.
func (c *Scope) Secrets(_ context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.Secret, error) {
	now := time.Now()
	secrets := make(map[webhook.ID][]*webhook.Secret, len(webhooks))
	for _, id := range webhooks {
		if h := c.s.routes.get(id); h != nil && h.TenantID == c.tenant {
			secrets[id] = slices.DeleteFunc(slices.Clone(h.Secrets), func(s *webhook.Secret) bool { return !s.Active(now) })
		}
	}
	return secrets, nil
}

// RetryDelivery makes a delivery due now, whatever became of it, and restarts its schedule. Attempt numbers go on. While
// an attempt runs there is nothing to do but restart the schedule. Errors: webhook.ErrNotFound; *Invalid of code CONFLICT
// when its webhook is deleted.
func (c *Scope) RetryDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return c.changeDelivery(ctx, id, func(b *batch, d *webhook.Delivery) error {
		if b.hook(d.WebhookID) == nil {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "names a delivery to a webhook that is deleted"}
		}
		b.dueAt(d.WebhookID, b.now)
		return b.tx.Exec(`UPDATE deliveries SET status = 'PENDING', schedule_start = attempt_count, completed_at = NULL,
			triggered_by = CASE WHEN claimed_by IS NULL THEN 'MANUAL' ELSE triggered_by END,
			due_at = CASE WHEN claimed_by IS NULL THEN ? END WHERE seq = ?`, at(b.now), d.Seq).Error
	})
}

// CancelDelivery gives a delivery up. An attempt that is running may still arrive, and then it has succeeded. Errors:
// webhook.ErrNotFound; *Invalid of code CONFLICT when the delivery is completed.
func (c *Scope) CancelDelivery(ctx context.Context, id webhook.ID) (*webhook.Delivery, error) {
	return c.changeDelivery(ctx, id, func(b *batch, d *webhook.Delivery) error {
		if d.Status != webhook.Pending && d.Status != webhook.Held {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "names a delivery that is completed"}
		}
		return b.tx.Exec("UPDATE deliveries SET status = 'CANCELED', due_at = NULL, completed_at = ? WHERE seq = ?",
			at(b.now), d.Seq).Error
	})
}

func (c *Scope) changeDelivery(ctx context.Context, id webhook.ID, do func(b *batch, d *webhook.Delivery) error) (*webhook.Delivery, error) {
	var after *webhook.Delivery
	err := c.s.change(ctx, func(b *batch) error {
		before, err := oneDelivery(b.tx, c.tenant, "d.id = ?", id)
		if err != nil {
			return err
		}
		if err := do(b, before); err != nil {
			return err
		}
		after, err = oneDelivery(b.tx, c.tenant, "d.id = ?", id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}
