package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/seal"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Signing secrets, custom headers and authentications of webhooks are stored sealed with a master key, which can be changed while servers run.

// secretRow is a signing secret, sealed.
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

// loadSecrets opens the active secrets of the webhooks, newest first; of all webhooks if ids is nil.
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

// maxSecrets limits the active secrets of a webhook, however often a caller rotates; the oldest are dropped first.
const maxSecrets = 5

// newSecret returns a secret with the key; nil: a random one.
func newSecret(tenant, id webhook.ID, scheme webhook.Scheme, key []byte, now time.Time) *webhook.Secret {
	if key == nil {
		return webhook.NewSecret(tenant, id, scheme, now)
	}
	return webhook.ImportSecret(tenant, id, key, now)
}

// rotateSecret adds a secret and lets the others expire after the overlap, or earlier if they would anyway.
func (b *batch) rotateSecret(to *Target, r webhook.Rotation, now time.Time) (*webhook.Secret, []*webhook.Secret, error) {
	scheme := r.Scheme
	if scheme == "" {
		scheme = webhook.SchemeHMAC
		if len(to.Secrets) > 0 && r.Secret == nil {
			scheme = to.Secrets[0].Scheme
		}
	}
	key, err := r.Secret.Key(scheme)
	if err != nil {
		return nil, nil, err
	}
	if key != nil && slices.ContainsFunc(to.Secrets, func(s *webhook.Secret) bool { return s.Active(now) && s.Has(key) }) {
		return nil, nil, &webhook.Invalid{Field: "secret", Code: webhook.CodeConflict, Message: "is a secret of the webhook already"}
	}
	secret := newSecret(to.TenantID, to.ID, scheme, key, now)
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
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) {
			secrets[id] = slices.DeleteFunc(slices.Clone(to.Secrets), func(s *webhook.Secret) bool { return !s.Active(now) })
		}
	}
	return secrets, nil
}

// pruneSecrets is how many secrets one transaction of PruneSecrets removes at most.
const pruneSecrets = 100

// PruneSecrets removes the secrets whose overlap has ended, some in each transaction, and returns their number.
func (s *Store) PruneSecrets(ctx context.Context) (int, error) {
	total := 0
	for p := newWebhookPacer(s); ; {
		var gone []*secretRow
		most := 0
		err := p.piece(ctx, webhook.ID{}, pruneSecrets, func(b *batch, n int) (int, error) {
			gone, most = nil, n
			if err := b.DB.Select("id", "webhook_id").Where("expires_at <= ?", dialect.At(b.Now)).Limit(n).Find(&gone).Error; err != nil {
				return 0, fmt.Errorf("find expired secrets: %w", err)
			}
			if len(gone) == 0 {
				return 0, nil
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
				return 0, fmt.Errorf("delete expired secrets: %w", err)
			}
			return len(gone), nil
		})
		if err != nil {
			return total, err
		}
		if total += len(gone); len(gone) < most {
			return total, nil
		}
	}
}

// headersRow is a webhook's custom headers, sealed together, because any value may be a credential.
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

// associated implements sealedRow; the prefix distinguishes it from a secret's.
func (r *headersRow) associated() []byte {
	return slices.Concat(r.TenantID[:], r.WebhookID[:], []byte("headers"))
}

// setHeaders applies all rules, including the egress policy. The error consists of *Invalid.
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

// putHeaders replaces the webhook's headers.
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

// loadHeaders opens the custom headers of the webhooks, in their order; of all webhooks if ids is nil.
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
		if json.Unmarshal(text, &headers) != nil { // drop the error, which would quote a value
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
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) {
			headers[id] = to.Headers
		}
	}
	return headers, nil
}

// authenticationRow is a webhook's authentication, sealed.
type authenticationRow struct {
	WebhookID webhook.ID `gorm:"primaryKey"`
	TenantID  webhook.ID
	KeyID     string
	Sealed    []byte
	// CertificateExpiresAt is nil without a client certificate.
	CertificateExpiresAt *time.Time `gorm:"serializer:micros"`
}

// TableName implements gorm's Tabler.
func (authenticationRow) TableName() string { return "webhook_authentications" }

func (r *authenticationRow) part() (keyID string, sealed []byte, key any) {
	return r.KeyID, r.Sealed, r.WebhookID
}

// associated implements sealedRow.
func (r *authenticationRow) associated() []byte {
	return slices.Concat(r.TenantID[:], r.WebhookID[:], []byte("authentication"))
}

// putAuthentication replaces the webhook's authentication; nil removes it.
func (b *batch) putAuthentication(w *webhook.Webhook, a *webhook.Authentication) error {
	if err := b.DB.Where("webhook_id = ? AND tenant_id = ?", w.ID, w.TenantID).Delete(&authenticationRow{}).Error; err != nil {
		return fmt.Errorf("delete authentication: %w", err)
	}
	if a == nil {
		return nil
	}
	key, err := b.sealer()
	if err != nil {
		return err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write authentication: %w", err)
	}
	row := &authenticationRow{WebhookID: w.ID, TenantID: w.TenantID, KeyID: key.ID}
	if c := a.Certificate; c != nil {
		row.CertificateExpiresAt = &c.NotAfter
	}
	row.Sealed = key.Seal(text, row.associated())
	if err := b.DB.Create(row).Error; err != nil {
		return fmt.Errorf("insert authentication: %w", err)
	}
	return nil
}

// loadAuthentications opens the authentications of the webhooks; of all webhooks if ids is nil.
func (s *Store) loadAuthentications(db *gorm.DB, ids []webhook.ID) (map[webhook.ID]*webhook.Authentication, error) {
	var rows []*authenticationRow
	q := db
	if ids != nil {
		q = q.Where("webhook_id IN ?", ids)
	}
	if err := q.Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make(map[webhook.ID]*webhook.Authentication, len(rows))
	for _, row := range rows {
		text, err := s.keys.Open(row.KeyID, row.Sealed, row.associated())
		if err != nil {
			return nil, fmt.Errorf("open authentication of webhook %s: %w", row.WebhookID, err)
		}
		a := &webhook.Authentication{}
		if json.Unmarshal(text, a) != nil { // drop the error, which would quote a value
			return nil, fmt.Errorf("authentication of webhook %s cannot be read", row.WebhookID)
		}
		if a.Certificate != nil {
			a.Certificate.Describe()
		}
		all[row.WebhookID] = a
	}
	return all, nil
}

// Authentications lists the webhooks' authentications; webhooks without one are missing.
func (c *Scope) Authentications(_ context.Context, webhooks []webhook.ID) (map[webhook.ID]*webhook.Authentication, error) {
	all := make(map[webhook.ID]*webhook.Authentication, len(webhooks))
	for _, id := range webhooks {
		if to := c.s.routes.Get(id); to != nil && c.has(to.TenantID) && to.Authentication != nil {
			all[id] = to.Authentication
		}
	}
	return all, nil
}

// CertificateExpiry is when a webhook's client certificate expires.
type CertificateExpiry struct {
	WebhookID, TenantID webhook.ID
	ExpiresAt           time.Time
}

// CertificatesExpiring lists up to limit webhooks of all tenants whose client certificates expire before a time, the first to expire first. It
// reads an index, and of it only what it returns.
func (s *Store) CertificatesExpiring(ctx context.Context, before time.Time, limit int) ([]CertificateExpiry, error) {
	var rows []*authenticationRow
	err := s.read.WithContext(ctx).Select("webhook_id", "tenant_id", "certificate_expires_at").
		Where("certificate_expires_at < ?", dialect.At(before)).Order("certificate_expires_at").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	list := make([]CertificateExpiry, len(rows))
	for i, row := range rows {
		list[i] = CertificateExpiry{row.WebhookID, row.TenantID, *row.CertificateExpiresAt}
	}
	return list, nil
}

// openKeys uses the given master keys, or those of the key file. It creates the file only for a database without sealed values,
// because a new key could not open them. A new database is sealed with the current key; a database sealed with a missing key is
// refused.
func (s *Store) openKeys() (err error) {
	var id *string
	if err := s.write.Raw("SELECT key_id FROM store").Scan(&id).Error; err != nil {
		return fmt.Errorf("read master key's id: %w", err)
	}
	if s.keys, err = seal.OpenRing(s.opts.Dir, s.opts.MasterKeys, id == nil); err != nil {
		if errors.Is(err, fs.ErrNotExist) && id != nil {
			return fmt.Errorf("%s is missing, and this database's secrets are sealed with its key %s: put the file back from a backup, "+
				"or give the key in HOOKGRAPH_MASTER_KEY; no new key was made", s.keys.Path, *id)
		}
		return err
	}
	if id == nil {
		if err := s.write.Exec("UPDATE store SET key_id = ? WHERE key_id IS NULL", s.keys.Keys()[0].ID).Error; err != nil {
			return fmt.Errorf("record master key: %w", err)
		}
		if err := s.write.Raw("SELECT key_id FROM store").Scan(&id).Error; err != nil { // another process may have been first
			return fmt.Errorf("read master key's id: %w", err)
		}
	}
	if _, err := s.keys.Key(*id); err != nil {
		return fmt.Errorf("this database's secrets are sealed: %w", err)
	}
	return nil
}

// Key returns the master key that seals in this transaction. Reading its id locks the row, so that RotateKey, which changes it
// first, finds everything sealed before.
func (b *batch) sealer() (*seal.Key, error) {
	var id string
	if err := b.DB.Raw("UPDATE store SET key_id = key_id RETURNING key_id").Scan(&id).Error; err != nil {
		return nil, fmt.Errorf("read master key's id: %w", err)
	}
	return b.s.keys.Key(id)
}

// RotateKey seals all secrets and headers again and returns their number. With a key file it creates a new key, and finally removes
// the old one. Of given keys the first is the new one, and every process that uses the database must have it already. RotateKey may
// be interrupted at any point and called again, while servers run; until it has returned, the old keys are needed.
func (s *Store) RotateKey(ctx context.Context) (sealed int, err error) {
	unlock, err := s.keys.Lock()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := s.keys.Add(); err != nil {
		return 0, err
	}
	current := s.keys.Keys()[0]
	err = s.change(ctx, func(b *batch) error {
		var before string
		if err := b.DB.Raw("UPDATE store SET key_id = key_id RETURNING key_id").Scan(&before).Error; err != nil {
			return err
		}
		if err := b.DB.Exec("UPDATE store SET key_id = ?", current.ID).Error; err != nil {
			return err
		}
		if err := b.resealOwn(current); err != nil {
			return err
		}
		if before == current.ID { // an earlier call was interrupted
			return nil
		}
		return b.audit(nil, nil, webhook.AuditKeyRotated, keyObject(current.ID), []webhook.AuditChange{
			{Field: "keyId", Before: webhook.AuditValue(before), After: webhook.AuditValue(current.ID)},
		})
	})
	if err != nil {
		return 0, fmt.Errorf("change master key: %w", err)
	}
	for p := newWebhookPacer(s); ; {
		var n int
		err := p.piece(ctx, webhook.ID{}, resealRows, func(b *batch, most int) (_ int, err error) {
			n, err = b.resealSome(current, most)
			return n, err
		})
		if err != nil {
			return sealed, err
		}
		if sealed += n; n == 0 {
			return sealed, s.keys.Forget()
		}
	}
}

// keyObject is a master key in the audit log, whose objects have IDs: it begins with the digits of the key's.
func keyObject(id string) (object webhook.ID) {
	digits, err := hex.DecodeString(id)
	if err == nil {
		copy(object[:], digits)
	}
	return object
}

// resealRows is the number of rows that one transaction of RotateKey seals again at most.
const resealRows = 200

// sealedRow is a row with a part that a master key seals.
type sealedRow interface {
	// part returns the id of the key, the sealed value, and the row's key in its table.
	part() (keyID string, sealed []byte, key any)
	// associated returns the row's name, which the part is sealed for.
	associated() []byte
}

// sealedTables reads, from each table declared as sealed, rows that are sealed with another master key than the named one; all with "".
var sealedTables = map[string]func(db *gorm.DB, current string, limit int) ([]sealedRow, error){
	"keys": sealedRows[keyRow], "secrets": sealedRows[secretRow], "webhook_headers": sealedRows[headersRow],
	"webhook_authentications": sealedRows[authenticationRow],
}

// sealedRows reads rows of a table that are sealed with another key than the current one; limit -1 means all.
func sealedRows[R any, P interface {
	*R
	sealedRow
}](db *gorm.DB, current string, limit int) ([]sealedRow, error) {
	var rows []P
	if err := db.Where("key_id <> ?", current).Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	list := make([]sealedRow, len(rows))
	for i, row := range rows {
		list[i] = row
	}
	return list, nil
}

// resealSome seals again up to limit rows that belong to tenants and are sealed with another key.
func (b *batch) resealSome(current *seal.Key, limit int) (n int, err error) {
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		if !t.Owned() || n == limit { // the others were sealed again with the change of the key
			continue
		}
		some, err := b.reseal(t, current, limit-n)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

// resealOwn seals the database's own keys again; their values do not change.
func (b *batch) resealOwn(current *seal.Key) error {
	for t := range dialect.TablesThat((*dialect.Table).IsSealed) {
		if t.Owned() {
			continue
		}
		if _, err := b.reseal(t, current, -1); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) reseal(t *dialect.Table, current *seal.Key, limit int) (n int, err error) {
	rows, err := sealedTables[t.Name](b.DB, current.ID, limit)
	if err != nil {
		return 0, fmt.Errorf("find sealed rows of %s: %w", t.Name, err)
	}
	for _, row := range rows {
		keyID, sealed, key := row.part()
		plain, err := b.s.keys.Open(keyID, sealed, row.associated())
		if err != nil {
			return 0, fmt.Errorf("seal %s %v again: %w", t.Name, key, err)
		}
		if err := b.DB.Exec("UPDATE "+t.Name+" SET key_id = ?, sealed = ? WHERE "+t.Key+" = ?", current.ID, current.Seal(plain, row.associated()), key).Error; err != nil {
			return 0, fmt.Errorf("update %s %v: %w", t.Name, key, err)
		}
	}
	return len(rows), nil
}

// opens returns how an inspection opens sealed values with the keys of the ring.
func opens(ring *seal.Ring) func(db *gorm.DB, table string, limit int) (looked int, broken []string, err error) {
	return func(db *gorm.DB, table string, limit int) (looked int, broken []string, err error) {
		if limit == 0 {
			limit = -1
		}
		rows, err := sealedTables[table](db, "", limit)
		if err != nil {
			return 0, nil, err
		}
		for _, row := range rows {
			keyID, sealed, key := row.part()
			if _, err := ring.Key(keyID); err != nil {
				continue // the check of keys finds it
			}
			if _, err := ring.Open(keyID, sealed, row.associated()); err != nil {
				broken = append(broken, fmt.Sprint(key))
			}
		}
		return len(rows), broken, nil
	}
}
