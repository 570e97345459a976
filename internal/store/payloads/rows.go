// Package payloads keeps the payload settings of webhooks, as versions that never change: a delivery is made with a version, and each attempt
// names the one that shaped its body, so that this can be made again. It removes versions that nothing names.
package payloads

import (
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// row is a version. Its Seq names it: no other webhook's version has it, before or later.
type row struct {
	Seq        int64 `gorm:"primaryKey;autoIncrement"`
	TenantID   webhook.ID
	WebhookID  webhook.ID
	Settings   string
	CreatedAt  time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	ReplacedAt *time.Time `gorm:"serializer:micros"` // nil while it is the webhook's
}

// TableName implements gorm's Tabler.
func (row) TableName() string { return "payloads" }

func (r *row) read() (*webhook.Payload, error) {
	var p webhook.Payload
	if err := json.Unmarshal([]byte(r.Settings), &p); err != nil {
		return nil, fmt.Errorf("read payload version %d: %w", r.Seq, err)
	}
	return &p, nil
}

// maxVersions is how many versions of a webhook may be kept.
const maxVersions = 200

// Set makes normal settings those of a webhook, whose version was old, and returns their version; nil for nil. A version with the same settings
// is used again. The error is an *Invalid if the webhook has too many versions.
func Set(db *gorm.DB, tenant, of webhook.ID, old *int64, p *webhook.Payload, now time.Time) (*int64, error) {
	if old != nil {
		err := db.Exec("UPDATE payloads SET replaced_at = ? WHERE seq = ? AND tenant_id = ?", dialect.At(now), *old, tenant).Error
		if err != nil {
			return nil, fmt.Errorf("replace a payload version: %w", err)
		}
	}
	if p == nil {
		return nil, nil
	}
	settings, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write payload settings: %w", err)
	}
	var kept []*row
	if err := db.Select("seq", "settings").Where("tenant_id = ? AND webhook_id = ?", tenant, of).Find(&kept).Error; err != nil {
		return nil, fmt.Errorf("read payload versions: %w", err)
	}
	for _, r := range kept {
		if r.Settings == string(settings) {
			return &r.Seq, db.Exec("UPDATE payloads SET replaced_at = NULL WHERE seq = ? AND tenant_id = ?", r.Seq, tenant).Error
		}
	}
	if len(kept) >= maxVersions {
		return nil, webhook.Invalidf("payload", webhook.CodeQuota, "must not be changed again: deliveries and attempts that are kept name %d versions of it; "+
			"versions that none names are removed within some hours", maxVersions)
	}
	r := &row{TenantID: tenant, WebhookID: of, Settings: string(settings), CreatedAt: now}
	if err := db.Create(r).Error; err != nil {
		return nil, fmt.Errorf("insert a payload version: %w", err)
	}
	return &r.Seq, nil
}

// Of reads a version of a tenant; nil for nil. A version that does not exist is webhook.ErrNotFound.
func Of(db *gorm.DB, tenant webhook.ID, version *int64) (*webhook.Payload, error) {
	if version == nil {
		return nil, nil
	}
	found, err := ByVersion(db.Where("tenant_id = ?", tenant), []int64{*version})
	if err == nil && found[*version] == nil {
		err = fmt.Errorf("payload version %d: %w", *version, webhook.ErrNotFound)
	}
	return found[*version], err
}

// ByVersion reads versions. Those that do not exist are missing from the map.
func ByVersion(db *gorm.DB, versions []int64) (map[int64]*webhook.Payload, error) {
	var rows []*row
	if err := db.Where("seq IN ?", versions).Find(&rows).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	found := make(map[int64]*webhook.Payload, len(rows))
	for _, r := range rows {
		p, err := r.read()
		if err != nil {
			return nil, err
		}
		found[r.Seq] = p
	}
	return found, nil
}

// Linger is how long a version that was replaced is kept at least: a publisher, or an attempt of a delivery that was canceled, may still name it.
const Linger = time.Hour

// Unused reads versions that were replaced before the time, or whose webhook is deleted, and that no pending delivery and no attempt names:
// at most limit of those after a version, in order.
func Unused(read *gorm.DB, before time.Time, after int64, limit int) (versions []int64, last int64, err error) {
	var rows []struct {
		Seq  int64
		Used bool
	}
	err = read.Raw(`SELECT p.seq, EXISTS (SELECT 1 FROM deliveries d WHERE d.payload_version = p.seq AND d.status = 'PENDING')
			OR EXISTS (SELECT 1 FROM attempts a WHERE a.payload_version = p.seq) AS used
		FROM payloads p WHERE p.seq > ? AND p.replaced_at < ? ORDER BY p.seq LIMIT ?`, after, dialect.At(before), limit).Scan(&rows).Error
	for _, r := range rows {
		if last = r.Seq; !r.Used {
			versions = append(versions, r.Seq)
		}
	}
	if len(rows) < limit {
		last = 0
	}
	return versions, last, dialect.Unavailable(err)
}

// Remove removes versions, unless they have come into use.
func Remove(db *gorm.DB, versions []int64, before time.Time) (int, error) {
	res := db.Exec(`DELETE FROM payloads WHERE seq IN ? AND replaced_at < ?
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.payload_version = payloads.seq AND d.status = 'PENDING')
		AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.payload_version = payloads.seq)`, versions, dialect.At(before))
	if res.Error != nil {
		return 0, fmt.Errorf("remove payload versions: %w", res.Error)
	}
	return int(res.RowsAffected), nil
}

// Replaced marks the version of a webhook that is deleted.
func Replaced(db *gorm.DB, tenant webhook.ID, version *int64, now time.Time) error {
	_, err := Set(db, tenant, webhook.ID{}, version, nil, now)
	return err
}
