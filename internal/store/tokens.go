package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/list"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

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

// CreateToken stores the hash of a token that the caller generated. The error has an *Invalid for every broken rule, including a
// tenant that does not exist.
func (r *Registry) CreateToken(ctx context.Context, t webhook.Token, token string) (*webhook.Token, error) {
	unknown := &webhook.Invalid{Field: "tenantId", Code: webhook.CodeNotFound, Message: "does not exist"}
	if r.tenant != nil && (t.TenantID == nil || *t.TenantID != *r.tenant) {
		return nil, errors.Join(t.Check(time.Now()), unknown)
	}
	if t.TenantID != nil {
		found, err := r.s.TenantsByID(ctx, []webhook.ID{*t.TenantID})
		if err != nil {
			return nil, err
		}
		if found[*t.TenantID] == nil {
			return nil, errors.Join(t.Check(time.Now()), unknown)
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

// TokenByHash finds a token. Errors: webhook.ErrNotFound if it is unknown; webhook.ErrRevoked or webhook.ErrExpired, which also
// match ErrNotFound, if it is no longer valid.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	t, err := take[webhook.Token](s.read.WithContext(ctx).Where("hash = ?", hash))
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

// TokensUsed records when tokens were last used. A time earlier than the recorded one is ignored.
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
				if err := b.DB.Exec("UPDATE tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)",
					when, id, when).Error; err != nil {
					return 0, err
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
