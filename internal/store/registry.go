package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/store/portals"
	"github.com/hookgraph/hookgraph/internal/store/removal"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// Registry reads and changes the tokens and tenants that a caller may see: all of them for an operator, else those of one tenant.
type Registry struct {
	s      *Store
	tenant *webhook.ID    // nil for an operator
	by     *webhook.Actor // who changes it; nil: Options.Actor
}

// Registry returns the registry of all tokens and tenants, for an operator; with a tenant, that tenant's only.
func (s *Store) Registry(tenant *webhook.ID) *Registry { return &Registry{s: s, tenant: tenant} }

// db returns the readers' connection, restricted to the registry's tenant if it has one.
func (r *Registry) db(ctx context.Context) *gorm.DB {
	if r.tenant == nil {
		return r.s.read.WithContext(ctx)
	}
	return r.s.scoped(ctx, r.s.read, *r.tenant)
}

// change is Store.change, restricted to the registry's tenant if it has one.
func (r *Registry) change(ctx context.Context, do func(b *batch) error) error {
	return r.s.queue(ctx, &change{do: do, webhooks: true, tenant: r.tenant, done: make(chan error, 1)})
}

// registered returns the list of rows that the caller may see; owner is the column of the row's tenant.
func registered[T any](ctx context.Context, r *Registry, p list.Path, columns, owner string) *list.Reading[T] {
	rows := func() *gorm.DB {
		q := r.db(ctx)
		if q = q.Table(p.From(q)).Select(columns); r.tenant != nil {
			q = q.Where(owner+" = ?", *r.tenant)
		}
		return q
	}
	return &list.Reading[T]{Path: p, Source: r.s.lists, DB: r.db(ctx), Rows: rows, Bare: rows}
}

// EnsureTenant returns the tenant with this name, and creates it if it does not exist. The error may be an *Invalid.
func (s *Store) EnsureTenant(ctx context.Context, name string) (*webhook.Tenant, error) {
	if err := webhook.CheckTenantName("name", name); err != nil {
		return nil, err
	}
	var t webhook.Tenant
	var made webhook.ID
	err := s.change(ctx, func(b *batch) error {
		now := b.Now.UTC().Truncate(time.Microsecond)
		made = webhook.NewID(now)
		if err := b.DB.Exec("INSERT INTO tenants (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
			made, name, dialect.At(now)).Error; err != nil {
			return fmt.Errorf("insert tenant: %w", err)
		}
		t = webhook.Tenant{}
		if err := b.DB.Where("name = ?", name).Take(&t).Error; err != nil || t.ID != made {
			return err
		}
		return b.audit(nil, &t.ID, webhook.AuditTenantCreated, t.ID, webhook.AuditChanges(nil, t.AuditFields()))
	})
	if err != nil {
		return nil, err
	}
	if t.ID == made {
		s.quotas.New(t.ID, s.Quotas(&t))
	}
	return &t, nil
}

// TenantByName returns a tenant, or webhook.ErrNotFound.
func (s *Store) TenantByName(ctx context.Context, name string) (*webhook.Tenant, error) {
	if !webhook.IsText(name) {
		return nil, webhook.ErrNotFound
	}
	return take[webhook.Tenant](s.read.WithContext(ctx).Where("name = ? AND deleted_at IS NULL", name))
}

// TenantsByID returns tenants; absent ones are missing from the map.
func (s *Store) TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	return s.Registry(nil).TenantsByID(ctx, ids)
}

func (r *Registry) tenants(ctx context.Context) *gorm.DB {
	q := r.db(ctx).Table("tenants AS t").Select("t.*").Where("t.deleted_at IS NULL")
	if r.tenant != nil {
		q = q.Where("t.id = ?", *r.tenant)
	}
	return q
}

func (r *Registry) tenantList(ctx context.Context, f TenantFilter) *list.Reading[webhook.Tenant] {
	return registered[webhook.Tenant](ctx, r, f.Path(r.tenant != nil, r.s.db), "t.*", "t.id")
}

// Tenants returns a page of tenants, newest first.
func (r *Registry) Tenants(ctx context.Context, f TenantFilter, p Page) (*List[webhook.Tenant], error) {
	return list.Read(ctx, r.tenantList(ctx, f), list.NewestFirst, p)
}

// CountTenants counts the tenants of the list Tenants.
func (r *Registry) CountTenants(ctx context.Context, f TenantFilter) (int, error) {
	return all(r.CountTenantsTo(ctx, f, 0))
}

// CountTenantsTo counts the tenants of the list Tenants, up to limit, and reads a bounded number of rows.
func (r *Registry) CountTenantsTo(ctx context.Context, f TenantFilter, limit int) (Count, error) {
	return r.tenantList(ctx, f).Count(ctx, limit)
}

// TenantsByID returns tenants; absent and foreign ones are missing from the map.
func (r *Registry) TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	return list.ByID(r.tenants(ctx), nil, "t", ids, func(t *webhook.Tenant) webhook.ID { return t.ID })
}

// CreateTenant creates a tenant. The error joins an *Invalid for every broken rule; its code is CONFLICT if the name is taken.
func (r *Registry) CreateTenant(ctx context.Context, name string, p webhook.TenantPatch) (*webhook.Tenant, error) {
	if r.tenant != nil {
		return nil, webhook.ErrNotFound
	}
	var t webhook.Tenant
	if err := errors.Join(webhook.CheckTenantName("name", name), t.Apply(p)); err != nil {
		return nil, err
	}
	err := r.change(ctx, func(b *batch) error {
		var taken int64
		if err := b.DB.Table("tenants").Where("name = ?", name).Count(&taken).Error; err != nil {
			return fmt.Errorf("find tenant: %w", err)
		}
		if taken > 0 {
			return &webhook.Invalid{Field: "name", Code: webhook.CodeConflict, Message: "is already the name of another tenant; choose another name"}
		}
		now := b.Now.UTC().Truncate(time.Microsecond)
		t.Seq, t.ID, t.Name, t.CreatedAt = 0, webhook.NewID(now), name, now
		if err := b.DB.Create(&t).Error; err != nil {
			return fmt.Errorf("insert tenant: %w", err)
		}
		return b.audit(r.by, &t.ID, webhook.AuditTenantCreated, t.ID, webhook.AuditChanges(nil, t.AuditFields()))
	})
	if err != nil {
		return nil, err
	}
	r.s.quotas.New(t.ID, r.s.Quotas(&t))
	return &t, nil
}

// UpdateTenant changes the settings that the patch sets. Errors: webhook.ErrNotFound, *Invalid.
func (r *Registry) UpdateTenant(ctx context.Context, id webhook.ID, p webhook.TenantPatch) (*webhook.Tenant, error) {
	if r.tenant != nil {
		return nil, webhook.ErrNotFound
	}
	var t *webhook.Tenant
	err := r.change(ctx, func(b *batch) (err error) {
		if t, err = b.tenant(id); err != nil {
			return err
		}
		before := t.AuditFields()
		if err := t.Apply(p); err != nil {
			return err
		}
		if changes := webhook.AuditChanges(before, t.AuditFields()); len(changes) > 0 {
			if err := b.audit(r.by, &id, webhook.AuditTenantUpdated, id, changes); err != nil {
				return err
			}
		}
		return b.DB.Model(t).Select("max_webhooks", "max_tokens", "max_portal_sessions", "max_events", "publish_rate", "publish_burst", "retention_seconds", "keep_failed_seconds").Updates(t).Error
	})
	if err != nil {
		return nil, err
	}
	r.s.quotas.Set(id, r.s.Quotas(t))
	if t.MaxEvents != nil {
		if err := r.s.countStored(ctx); err != nil { // not an error: the tenant is changed, and a task counts again
			r.s.log.WarnContext(ctx, "stored events cannot be counted yet", slog.Any("error", err))
		}
	}
	return t, nil
}

// tenant returns a tenant as the transaction sees it, or webhook.ErrNotFound.
func (b *batch) tenant(id webhook.ID) (*webhook.Tenant, error) {
	var t webhook.Tenant
	err := b.DB.Where("id = ? AND deleted_at IS NULL", id).Take(&t).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, webhook.ErrNotFound
	}
	return &t, err
}

// DeleteTenant deletes a tenant: its tokens and portal sessions are revoked, its webhooks deleted and its name is free when it returns. Its rows are removed
// afterwards in small transactions, which continue after a restart. Errors: webhook.ErrNotFound; an *Invalid with code CONFLICT for the
// default tenant.
func (r *Registry) DeleteTenant(ctx context.Context, id webhook.ID) error {
	if r.tenant != nil {
		return webhook.ErrNotFound
	}
	err := r.change(ctx, func(b *batch) error {
		t, err := b.tenant(id)
		if err != nil {
			return err
		}
		if t.Name == webhook.DefaultTenant {
			return &webhook.Invalid{Field: "id", Code: webhook.CodeConflict, Message: "is the default tenant, which cannot be deleted"}
		}
		now := b.Now.UTC().Truncate(time.Microsecond)
		for _, change := range []struct {
			text string
			args []any
		}{
			// No tenant can have such a name, so it cannot conflict.
			{"UPDATE tenants SET deleted_at = ?, name = ? WHERE id = ?", []any{dialect.At(now), "deleted " + id.String(), id}},
			{"UPDATE tokens SET revoked_at = ? WHERE tenant_id = ? AND revoked_at IS NULL", []any{dialect.At(now), id}},
			{"UPDATE portal_sessions SET revoked_at = ? WHERE tenant_id = ? AND revoked_at IS NULL", []any{dialect.At(now), id}},
		} {
			if err := b.DB.Exec(change.text, change.args...).Error; err != nil {
				return fmt.Errorf("delete tenant: %w", err)
			}
		}
		if err := b.s.db.NoteEventTypes(&b.Tx, id); err != nil {
			return err
		}
		return b.audit(r.by, &id, webhook.AuditTenantDeleted, id, []webhook.AuditChange{{Field: "name", Before: webhook.AuditValue(t.Name)}})
	})
	if err != nil {
		return err
	}
	defer dialect.Signal(r.s.deleted)
	if err := r.s.types.Refresh(ctx, id); err != nil {
		return err
	}
	return r.s.deleteTargets(ctx, id)
}

// deleteSome is the number of webhooks, or other rows of a deleted tenant, that one transaction removes at most.
const deleteSome = 200

// deleteTargets deletes the webhooks of a deleted tenant, some in each transaction. A deleted tenant cannot get new ones.
func (s *Store) deleteTargets(ctx context.Context, tenant webhook.ID) error {
	const each = 3 // rows: the webhook's own, and those that go with it
	for p, left := newWebhookPacer(s), true; left; {
		err := p.piece(ctx, tenant, each*deleteSome, func(b *batch, n int) (int, error) {
			n = max(1, n/each)
			var ids []webhook.ID
			if err := b.DB.Raw("SELECT id FROM webhooks WHERE tenant_id = ? AND deleted_at IS NULL ORDER BY seq LIMIT ?", tenant, n).Scan(&ids).Error; err != nil {
				return 0, fmt.Errorf("find webhooks of a deleted tenant: %w", err)
			}
			if left = len(ids) == n; len(ids) == 0 {
				return 0, nil
			}
			now := b.Now.UTC().Truncate(time.Microsecond)
			if err := removal.Webhooks(&b.Tx, tenant, ids, now); err != nil {
				return 0, err
			}
			for _, id := range ids {
				if to := b.target(id); to != nil {
					next := &Target{Webhook: to.Webhook}
					next.DeletedAt, next.UpdatedAt = &now, now
					b.setTarget(next)
				}
			}
			return each * len(ids), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweep removes the remaining rows of deleted tenants.
func (s *Store) sweep(ctx context.Context) error {
	var gone []*webhook.Tenant
	if err := s.read.WithContext(ctx).Where("deleted_at IS NOT NULL").Find(&gone).Error; err != nil {
		return dialect.Unavailable(err)
	}
	var errs []error // errors of one tenant do not stop the removal of others
	for _, t := range gone {
		if err := s.sweepTenant(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("remove the rows of deleted tenant %s: %w", t.ID, err))
		}
	}
	return errors.Join(errs...)
}

// sweepTenant removes a tenant's webhooks, its events with all rows that belong to them and, after Tuning.Linger, all other rows.
func (s *Store) sweepTenant(ctx context.Context, t *webhook.Tenant) error {
	if err := s.deleteTargets(ctx, t.ID); err != nil {
		return err
	}
	p := newPacer(s)
	for left := true; left; {
		var err error
		if left, err = s.sweepDay(ctx, p, t.ID); err != nil {
			return err
		}
	}
	if time.Since(*t.DeletedAt) < s.tuning.Linger {
		return nil
	}
	for _, table := range removal.Tenants() {
		for left := true; left; {
			err := p.piece(ctx, t.ID, deleteSome, func(b *batch, n int) (rows int, err error) {
				rows, err = removal.OfTenant(&b.Tx, table, t.ID, n)
				left = rows == n
				return rows, err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepDay removes the events of a deleted tenant that were published on the day of its oldest event, and reports whether there was one.
// Restricted to one day, PostgreSQL reads only that day's partitions.
func (s *Store) sweepDay(ctx context.Context, p *pacer, tenant webhook.ID) (found bool, err error) {
	var first []dialect.Micros
	read := s.read.WithContext(ctx)
	if err := read.Raw("SELECT created_at FROM events WHERE tenant_id = ? ORDER BY seq LIMIT 1", tenant).Scan(&first).Error; err != nil || len(first) == 0 {
		return false, err
	}
	day, args := s.db.Published("day", first[0].Time(), first[0].Time())
	args = append(append([]any{tenant}, args...), dialect.PruneEvents)
	for {
		var events []dialect.Candidate
		if err := read.Raw(dialect.Candidates(s.db)+" WHERE tenant_id = ?"+day+" ORDER BY seq LIMIT ?", args...).Scan(&events).Error; err != nil {
			return true, err
		}
		if len(events) == 0 {
			return true, nil
		}
		for _, some := range removal.Group(events, removal.Rows) {
			if _, err := p.remove(ctx, tenant, some); err != nil {
				return true, err
			}
		}
	}
}

// Limits of looking up what prevents the removal of a tenant's events.
const (
	heldTimeout  = time.Second
	heldWebhooks = 100    // webhooks that are examined
	heldRows     = 10_000 // deliveries that are counted
)

// countHeld returns, as text for the caller, how many events wait for disabled webhooks.
func (s *Store) countHeld(tenant webhook.ID) string {
	var disabled []webhook.ID
	for _, to := range s.routes.Of(tenant) {
		if !to.Enabled && len(disabled) < heldWebhooks {
			disabled = append(disabled, to.ID)
		}
	}
	if len(disabled) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(s.quit, heldTimeout)
	defer cancel()
	var n struct{ Events, Deliveries, Webhooks int }
	err := s.read.WithContext(ctx).Raw(`SELECT COUNT(DISTINCT event_id) AS events, COUNT(*) AS deliveries, COUNT(DISTINCT webhook_id) AS webhooks FROM
		(SELECT * FROM (SELECT event_id, webhook_id FROM deliveries WHERE webhook_id IN ? AND due_at IS NOT NULL LIMIT ?) AS due
		UNION ALL SELECT * FROM (SELECT event_id, webhook_id FROM deliveries WHERE webhook_id IN ? AND place > 0 LIMIT ?) AS waiting) AS held`,
		disabled, heldRows, disabled, heldRows).Scan(&n).Error
	if err != nil || n.Events == 0 {
		return ""
	}
	least := ""
	if n.Deliveries >= heldRows || len(disabled) == heldWebhooks {
		least = "at least "
	}
	return fmt.Sprintf("; %s%d of them cannot be removed, because they wait for webhooks that are disabled (%d): enable or delete those", least, n.Events, n.Webhooks)
}

func take[T any](q *gorm.DB) (*T, error) {
	var row T
	err := q.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, webhook.ErrNotFound
	}
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	return &row, nil
}

// CountRows counts a tenant's rows, deleted or not, in every table that has an owner. It reads every row, and is for tests and debugging.
func (s *Store) CountRows(ctx context.Context, tenant webhook.ID) (map[string]int64, error) {
	rows := map[string]int64{}
	for t := range dialect.TablesThat((*dialect.Table).Owned) {
		var n int64
		if err := s.read.WithContext(ctx).Table(t.Name).Where(t.Owner+" = ?", tenant).Count(&n).Error; err != nil {
			return nil, dialect.Unavailable(err)
		}
		rows[t.Name] = n
	}
	return rows, nil
}

// By returns the same registry, whose changes the audit log attributes to the actor.
func (r *Registry) By(a webhook.Actor) *Registry {
	by := *r
	by.by = &a
	return &by
}

func (r *Registry) auditList(ctx context.Context, f AuditFilter) *list.Reading[webhook.AuditEntry] {
	return registered[webhook.AuditEntry](ctx, r, f.Path(r.tenant), "u.*", "u.tenant_id")
}

// AuditLog lists the entries of the audit log, newest first: a tenant's own, or for an operator all.
func (r *Registry) AuditLog(ctx context.Context, f AuditFilter, p Page) (*List[webhook.AuditEntry], error) {
	return list.Read(ctx, r.auditList(ctx, f), list.NewestFirst, p)
}

// CountAuditLogTo counts what AuditLog lists, up to limit, and reads a bounded number of rows.
func (r *Registry) CountAuditLogTo(ctx context.Context, f AuditFilter, limit int) (Count, error) {
	return r.auditList(ctx, f).Count(ctx, limit)
}

// AuditEntriesByID reads entries of the audit log; ids that are absent or foreign are missing from the map.
func (r *Registry) AuditEntriesByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.AuditEntry, error) {
	q := r.db(ctx).Table("audit_log AS u").Select("u.*")
	if r.tenant != nil {
		q = q.Where("u.tenant_id = ?", *r.tenant)
	}
	return list.ByID(q, nil, "u", ids, func(e *webhook.AuditEntry) webhook.ID { return e.ID })
}

func (r *Registry) tokens(ctx context.Context) *gorm.DB {
	q := r.db(ctx).Table("tokens AS k").Select("k.*")
	if r.tenant != nil {
		q = q.Where("k.tenant_id = ?", *r.tenant)
	}
	return q
}

func (r *Registry) tokenList(ctx context.Context, p list.Path) *list.Reading[webhook.Token] {
	return registered[webhook.Token](ctx, r, p, "k.*", "k.tenant_id")
}

// Tokens lists tokens, revoked and expired ones too, newest first.
func (r *Registry) Tokens(ctx context.Context, f TokenFilter, p Page) (*List[webhook.Token], error) {
	return list.Read(ctx, r.tokenList(ctx, f.Path(r.tenant)), list.NewestFirst, p)
}

// CountTokensTo counts what Tokens lists, up to limit, and reads a bounded number of rows.
func (r *Registry) CountTokensTo(ctx context.Context, f TokenFilter, limit int) (Count, error) {
	return r.tokenList(ctx, f.Path(r.tenant)).Count(ctx, limit)
}

// TokensByID reads tokens; ids that are absent or foreign are missing from the map.
func (r *Registry) TokensByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Token, error) {
	return list.ByID(r.tokens(ctx), nil, "k", ids, func(t *webhook.Token) webhook.ID { return t.ID })
}

// TokensOf reads the same page of each tenant's tokens, newest first, in one statement.
func (r *Registry) TokensOf(ctx context.Context, tenants []webhook.ID, f TokenFilter, p Page) (map[webhook.ID]*List[webhook.Token], error) {
	return list.ReadOf(ctx, r.tokenList(ctx, f.OfTenants()), tenants, list.NewestFirst, p, func(t *webhook.Token) webhook.ID { return *t.TenantID })
}

// CountTokensOf counts the tokens of each tenant, up to limit; tenants with none are missing from the map.
func (r *Registry) CountTokensOf(ctx context.Context, tenants []webhook.ID, f TokenFilter, limit int) (map[webhook.ID]Count, error) {
	return r.tokenList(ctx, f.OfTenants()).CountOf(ctx, tenants, limit)
}

// RevokeToken revokes a token. Revoking it again changes nothing. Errors: webhook.ErrNotFound.
func (r *Registry) RevokeToken(ctx context.Context, id webhook.ID) (*webhook.Token, error) {
	var t webhook.Token
	err := r.change(ctx, func(b *batch) error {
		own := func() *gorm.DB {
			q := b.DB.Table("tokens").Where("id = ?", id)
			if r.tenant != nil {
				q = q.Where("tenant_id = ?", *r.tenant)
			}
			return q
		}
		revoked := own().Where("revoked_at IS NULL").Update("revoked_at", dialect.At(b.Now))
		if revoked.Error != nil {
			return fmt.Errorf("revoke token: %w", revoked.Error)
		}
		t = webhook.Token{}
		err := own().Take(&t).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return webhook.ErrNotFound
		}
		if err != nil || revoked.RowsAffected == 0 {
			return err
		}
		return b.audit(r.by, t.TenantID, webhook.AuditTokenRevoked, id, []webhook.AuditChange{{Field: "revokedAt", After: webhook.AuditValue(t.RevokedAt)}})
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

var errNoTenant = &webhook.Invalid{Field: "tenantId", Code: webhook.CodeNotFound, Message: "does not exist"}

// knows returns nil for a tenant that exists and that the caller may see, otherwise the same *Invalid, or the error of reading it.
func (r *Registry) knows(ctx context.Context, tenant webhook.ID) error {
	found, err := r.TenantsByID(ctx, []webhook.ID{tenant})
	if err == nil && found[tenant] == nil {
		err = errNoTenant
	}
	return err
}

// CreateToken stores the hash of a token that the caller generated. The error has an *Invalid for every broken rule, including a
// tenant that does not exist.
func (r *Registry) CreateToken(ctx context.Context, t webhook.Token, token string) (*webhook.Token, error) {
	if r.tenant != nil && t.TenantID == nil {
		return nil, errors.Join(t.Check(time.Now()), errNoTenant)
	}
	if t.TenantID != nil {
		if err := r.knows(ctx, *t.TenantID); err != nil {
			return nil, errors.Join(t.Check(time.Now()), err)
		}
	}
	return r.s.addToken(ctx, r.by, t, token)
}

// AddToken stores the hash of a token that the caller generated, with t's TenantID (nil for an operator token), Name, Scopes,
// ExpiresAt and CreatedBy. If the token exists, it returns that if it is valid and grants the same scopes; otherwise an *Invalid
// with code CONFLICT.
func (s *Store) AddToken(ctx context.Context, t webhook.Token, token string) (*webhook.Token, error) {
	return s.addToken(ctx, nil, t, token)
}

func (s *Store) addToken(ctx context.Context, by *webhook.Actor, t webhook.Token, token string) (*webhook.Token, error) {
	if token == "" {
		return nil, &webhook.Invalid{Field: "token", Code: webhook.CodeRequired, Message: "must be given"}
	}
	if err := t.Check(time.Now()); err != nil {
		return nil, err
	}
	var added webhook.Token
	err := s.change(ctx, func(b *batch) error {
		if t.TenantID != nil {
			if _, err := b.tenant(*t.TenantID); err != nil {
				return err
			}
		}
		now := b.Now.UTC().Truncate(time.Microsecond)
		added = webhook.Token{}
		err := b.DB.Where("hash = ?", webhook.HashToken(token)).Take(&added).Error
		if err == nil {
			same := added.TenantID == nil && t.TenantID == nil || added.TenantID != nil && t.TenantID != nil && *added.TenantID == *t.TenantID
			if !added.Valid(now) || !same || !added.Scopes.Includes(t.Scopes) || !t.Scopes.Includes(added.Scopes) {
				return &webhook.Invalid{Field: "token", Code: webhook.CodeConflict, Message: "already exists with different settings"}
			}
			return nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return fmt.Errorf("find token: %w", err)
		}
		if t.TenantID != nil {
			if err := b.oneMoreToken(*t.TenantID); err != nil {
				return err
			}
		}
		added = webhook.Token{
			ID: webhook.NewID(now), TenantID: t.TenantID, Name: t.Name, Scopes: t.Scopes, Hash: webhook.HashToken(token),
			CreatedAt: now, ExpiresAt: t.ExpiresAt, Prefix: webhook.ShownPrefix(token), CreatedBy: t.CreatedBy,
		}
		if err := b.DB.Create(&added).Error; err != nil {
			return fmt.Errorf("insert token: %w", err)
		}
		return b.audit(by, added.TenantID, webhook.AuditTokenCreated, added.ID, webhook.AuditChanges(nil, added.AuditFields()))
	})
	if err != nil {
		return nil, err
	}
	return &added, nil
}

// oneMoreToken returns an error if the tenant has reached its quota of valid tokens. It must be called in the transaction that creates one.
// As many invalid tokens are kept for the list; beyond that the oldest is removed, so that creating and revoking tokens repeatedly neither
// stores more nor makes the count longer.
func (b *batch) oneMoreToken(tenant webhook.ID) error {
	limit := b.s.quotas.Of(tenant).Limits().Tokens
	if limit == 0 {
		return nil
	}
	const valid = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
	var n, all int
	if err := b.DB.Raw("SELECT COUNT(*) FROM tokens WHERE tenant_id = ? AND "+valid, tenant, dialect.At(b.Now)).Scan(&n).Error; err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if n >= limit {
		b.s.quotas.Refused(tenant, "tokens", limit)
		return &webhook.Invalid{Code: webhook.CodeQuota, Message: fmt.Sprintf("the tenant has reached its quota of %d valid tokens; revoke one first", limit)}
	}
	if err := b.DB.Raw("SELECT COUNT(*) FROM tokens WHERE tenant_id = ?", tenant).Scan(&all).Error; err != nil {
		return fmt.Errorf("count tokens: %w", err)
	}
	if over := all + 1 - 2*limit; over > 0 {
		if err := b.DB.Exec("DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE tenant_id = ? AND NOT ("+valid+") ORDER BY seq LIMIT ?)",
			tenant, dialect.At(b.Now), over).Error; err != nil {
			return fmt.Errorf("remove old tokens: %w", err)
		}
	}
	return nil
}

// Tokens lists all tokens, revoked and expired ones too, newest first.
func (s *Store) Tokens(ctx context.Context) ([]*webhook.Token, error) {
	var tokens []*webhook.Token
	if err := s.read.WithContext(ctx).Order("seq DESC").Find(&tokens).Error; err != nil {
		return nil, dialect.Unavailable(err)
	}
	return tokens, nil
}

// TokenByHash finds a token, or a portal session, whose credential is one, too. Errors: webhook.ErrNotFound if it is unknown; webhook.ErrRevoked or webhook.ErrExpired, which also
// match ErrNotFound, if it is no longer valid.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	t, err := take[webhook.Token](s.read.WithContext(ctx).Where("hash = ?", hash))
	if errors.Is(err, webhook.ErrNotFound) {
		t, err = s.sessionToken(ctx, hash)
	}
	switch {
	case err != nil:
		return nil, err
	case t.RevokedAt != nil:
		return nil, webhook.ErrRevoked
	case !t.Valid(time.Now()):
		return nil, webhook.ErrExpired
	}
	return t, nil
}

// usedPiece is how many tokens one transaction of TokensUsed updates at most.
const usedPiece = 100

// TokensUsed records when tokens and portal sessions were last used. A time earlier than the recorded one is ignored.
func (s *Store) TokensUsed(ctx context.Context, used map[webhook.ID]time.Time) error {
	done, ids := 0, make([]webhook.ID, 0, len(used))
	for id := range used {
		ids = append(ids, id)
	}
	for p := newPacer(s); len(ids) > 0; {
		err := p.piece(ctx, webhook.ID{}, usedPiece, func(b *batch, n int) (int, error) {
			part := ids[:min(n, len(ids))]
			for _, id := range part {
				when := dialect.At(used[id])
				const used = " SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)"
				done := b.DB.Exec("UPDATE tokens"+used, when, id, when)
				if done.Error == nil && done.RowsAffected == 0 {
					done = b.DB.Exec("UPDATE portal_sessions"+used, when, id, when)
				}
				if done.Error != nil {
					return 0, done.Error
				}
			}
			done = len(part)
			return done, nil
		})
		if err != nil {
			return err
		}
		ids = ids[done:]
	}
	return nil
}

// CreatePortalLink creates a link to the tenant's portal and returns its code, which is not stored, and the session that the link opens. The error
// has an *Invalid for every broken rule, including a tenant that does not exist.
func (r *Registry) CreatePortalLink(ctx context.Context, tenant webhook.ID, l portal.Link) (code string, _ *portal.Session, _ error) {
	err := r.knows(ctx, tenant)
	if err != nil && len(webhook.Invalids(err)) == 0 {
		return "", nil, err
	}
	if _, broken := l.Session(time.Now()); broken != nil || err != nil {
		return "", nil, errors.Join(err, broken)
	}
	code, hash := portal.NewCode()
	var made *portal.Session
	err = r.change(ctx, func(b *batch) (err error) {
		if _, err := b.tenant(tenant); err != nil {
			return err
		}
		if made, err = l.Session(b.Now.UTC().Truncate(time.Microsecond)); err != nil {
			return err
		}
		made.TenantID, made.Code = tenant, hash
		limit := b.s.quotas.Of(tenant).Limits().PortalSessions
		full, err := portals.Insert(&b.Tx, made, limit)
		if err != nil {
			return err
		}
		if full {
			b.s.quotas.Refused(tenant, "portal sessions", limit)
			return webhook.Invalidf("", webhook.CodeQuota, "the tenant has reached its quota of %d portal links and sessions that can be used; revoke one first", limit)
		}
		return b.audit(r.by, &tenant, webhook.AuditPortalCreated, made.ID, webhook.AuditChanges(nil, made.AuditFields()))
	})
	if err != nil {
		return "", nil, err
	}
	return code, made, nil
}

// OpenPortalLink opens the link with this code and returns the credential of its session, which is not stored. by says from where. A link is
// opened once. Errors: webhook.ErrNotFound, whether the link never existed, was opened, was revoked, or has expired.
func (s *Store) OpenPortalLink(ctx context.Context, by webhook.Actor, code string) (credential string, opened *portal.Session, err error) {
	known := webhook.HashToken(code)
	if err := portals.CanOpen(s.read.WithContext(ctx), known, s.opts.Now()); err != nil { // guesses cost no transaction
		return "", nil, dialect.Unavailable(err)
	}
	credential, hash := portal.NewCredential()
	err = s.change(ctx, func(b *batch) (err error) {
		if opened, err = portals.Open(&b.Tx, known, hash); err != nil {
			return err
		}
		by := by
		by.Kind, by.TokenID, by.Name = webhook.ActorPortal, &opened.ID, opened.Label
		changes := []webhook.AuditChange{{Field: "openedAt", After: webhook.AuditValue(opened.OpenedAt)}, {Field: "expiresAt", After: webhook.AuditValue(opened.ExpiresAt)}}
		return b.audit(&by, &opened.TenantID, webhook.AuditPortalOpened, opened.ID, changes)
	})
	if err != nil {
		return "", nil, err
	}
	return credential, opened, nil
}

// RenewPortalSession makes a session last as long again as it did when it was opened, up to its end. Errors: webhook.ErrNotFound if it has
// ended.
func (s *Store) RenewPortalSession(ctx context.Context, id webhook.ID) (renewed *portal.Session, err error) {
	err = s.change(ctx, func(b *batch) (err error) {
		renewed, err = portals.Renew(&b.Tx, id)
		return err
	})
	return renewed, err
}

// RevokePortalSession revokes a session, or a link that was not opened. Revoking it again changes nothing. Errors: webhook.ErrNotFound.
func (r *Registry) RevokePortalSession(ctx context.Context, id webhook.ID) (revoked *portal.Session, err error) {
	err = r.change(ctx, func(b *batch) (err error) {
		var changed bool
		if revoked, changed, err = portals.Revoke(&b.Tx, r.tenant, id); err != nil || !changed {
			return err
		}
		return b.audit(r.by, &revoked.TenantID, webhook.AuditPortalRevoked, id, []webhook.AuditChange{{Field: "revokedAt", After: webhook.AuditValue(revoked.RevokedAt)}})
	})
	return revoked, err
}

func (r *Registry) portalSessions(ctx context.Context) *gorm.DB {
	q := r.db(ctx).Table("portal_sessions AS q").Select(portals.Columns)
	if r.tenant != nil {
		q = q.Where("q.tenant_id = ?", *r.tenant)
	}
	return q
}

func (r *Registry) portalSessionList(ctx context.Context, p list.Path) *list.Reading[portal.Session] {
	return registered[portal.Session](ctx, r, p, portals.Columns, "q.tenant_id")
}

// PortalSessions lists portal sessions, and links that were not opened, newest first, also those that have ended. They have no themes.
func (r *Registry) PortalSessions(ctx context.Context, f PortalSessionFilter, p Page) (*List[portal.Session], error) {
	return list.Read(ctx, r.portalSessionList(ctx, f.Path(r.tenant)), list.NewestFirst, p)
}

// CountPortalSessionsTo counts what PortalSessions lists, up to limit, and reads a bounded number of rows.
func (r *Registry) CountPortalSessionsTo(ctx context.Context, f PortalSessionFilter, limit int) (Count, error) {
	return r.portalSessionList(ctx, f.Path(r.tenant)).Count(ctx, limit)
}

// PortalSessionsByID reads portal sessions; ids that are absent or foreign are missing from the map.
func (r *Registry) PortalSessionsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*portal.Session, error) {
	return list.ByID(r.portalSessions(ctx), nil, "q", ids, func(s *portal.Session) webhook.ID { return s.ID })
}

// sessionToken finds a portal session by its credential.
func (s *Store) sessionToken(ctx context.Context, hash []byte) (*webhook.Token, error) {
	found, err := portals.ByHash(s.read.WithContext(ctx), hash)
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	return found.Token(), nil
}

// PrunePortalSessions removes sessions that ended long ago, some in each transaction. It is work by the clock.
func (s *Store) PrunePortalSessions(ctx context.Context) error {
	before := s.opts.Now().Add(-portals.KeepEnded)
	more, err := portals.AnyEnded(s.read.WithContext(ctx), before)
	if err != nil {
		return dialect.Unavailable(err)
	}
	for p := newPacer(s); more; {
		err := p.piece(ctx, webhook.ID{}, deleteSome, func(b *batch, n int) (int, error) {
			rows, err := portals.Prune(&b.Tx, before, n)
			more = rows == n
			return rows, err
		})
		if err != nil {
			return fmt.Errorf("remove portal sessions: %w", err)
		}
	}
	return nil
}
