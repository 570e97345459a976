package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// headersRow is a webhook's custom headers at rest: sealed together, because any value may be a credential.
type headersRow struct {
	WebhookID webhook.ID `gorm:"primaryKey"`
	TenantID  webhook.ID
	KeyID     string
	Sealed    []byte
}

// TableName implements gorm's Tabler.
func (headersRow) TableName() string { return "webhook_headers" }

func (r *headersRow) part() (keyID string, sealed []byte, key any) {
	return r.KeyID, r.Sealed, r.WebhookID
}

// associated implements sealedRow; the word keeps it apart from a secret's.
func (r *headersRow) associated() []byte {
	return slices.Concat(r.TenantID[:], r.WebhookID[:], []byte("headers"))
}

// setHeaders applies every rule, the egress policy's too. The error is of *Invalid.
func (s *Store) setHeaders(old []*webhook.CustomHeader, set []*webhook.NewHeader) ([]*webhook.CustomHeader, error) {
	headers, err := webhook.SetHeaders(old, set)
	if err != nil || s.opts.CheckHeader == nil {
		return headers, err
	}
	var errs []error
	for i, h := range headers {
		if err := s.opts.CheckHeader(h.Name, h.Value); err != nil {
			errs = append(errs, refused("headers."+strconv.Itoa(i), err))
		}
	}
	return headers, errors.Join(errs...)
}

// putHeaders stores the webhook's headers in place of those it had.
func (b *batch) putHeaders(w *webhook.Webhook, headers []*webhook.CustomHeader) error {
	if err := b.DB.Where("webhook_id = ? AND tenant_id = ?", w.ID, w.TenantID).Delete(&headersRow{}).Error; err != nil {
		return fmt.Errorf("delete headers: %w", err)
	}
	if len(headers) == 0 {
		return nil
	}
	key, err := b.sealer()
	if err != nil {
		return err
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return fmt.Errorf("write headers: %w", err)
	}
	row := &headersRow{WebhookID: w.ID, TenantID: w.TenantID, KeyID: key.ID}
	row.Sealed = key.Seal(text, row.associated())
	if err := b.DB.Create(row).Error; err != nil {
		return fmt.Errorf("insert headers: %w", err)
	}
	return nil
}

// loadHeaders opens the custom headers of the webhooks, in their order; of all when ids is nil.
func (s *Store) loadHeaders(db *gorm.DB, ids []webhook.ID) (map[webhook.ID][]*webhook.CustomHeader, error) {
	var rows []*headersRow
	q := db
	if ids != nil {
		q = q.Where("webhook_id IN ?", ids)
	}
	if err := q.Find(&rows).Error; err != nil {
		return nil, err
	}
	all := map[webhook.ID][]*webhook.CustomHeader{}
	for _, row := range rows {
		text, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
		if err != nil {
			return nil, fmt.Errorf("open headers of webhook %s: %w", row.WebhookID, err)
		}
		var headers []*webhook.CustomHeader
		if json.Unmarshal(text, &headers) != nil { // whose error would quote a value
			return nil, fmt.Errorf("headers of webhook %s cannot be read", row.WebhookID)
		}
		all[row.WebhookID] = headers
	}
	return all, nil
}

// Headers lists the webhooks' custom headers, in the order in which they were set.
func (c *Scope) Headers(_ context.Context, webhooks []webhook.ID) (map[webhook.ID][]*webhook.CustomHeader, error) {
	headers := make(map[webhook.ID][]*webhook.CustomHeader, len(webhooks))
	for _, id := range webhooks {
		if to := c.s.routes.get(id); to != nil && to.TenantID == c.tenant {
			headers[id] = to.Headers
		}
	}
	return headers, nil
}
