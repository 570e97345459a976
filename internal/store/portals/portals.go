// Package portals keeps links to the customer portal and the sessions that they open.
package portals

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// Columns are those of a list: without codes, credentials and themes, of which each may have a logo. The alias of the table is q.
const Columns = "q.seq, q.id, q.tenant_id, q.label, q.scopes, q.created_at, q.created_by, q.expires_at, q.session_ms, q.opened_at, q.ends_at, " +
	"q.renewed_at, q.last_used_at, q.revoked_at, q.start_path"

// KeepEnded is how long sessions that have ended are kept for the list.
const KeepEnded = 30 * 24 * time.Hour

const (
	// usable is the condition of links and sessions that can be used.
	usable = "revoked_at IS NULL AND expires_at > ?"
	table  = "portal_sessions"
)

// Insert adds a session, unless the tenant has limit usable ones, which it reports; limit 0 is none. As many others are kept for the list; beyond
// that the oldest is removed, so that creating and revoking links repeatedly neither stores more nor makes the count longer.
func Insert(b *dialect.Tx, s *portal.Session, limit int) (full bool, err error) {
	if limit > 0 {
		var n, all int
		if err := b.DB.Raw("SELECT COUNT(*) FROM portal_sessions WHERE tenant_id = ? AND "+usable, s.TenantID, dialect.At(b.Now)).Scan(&n).Error; err != nil {
			return false, fmt.Errorf("count portal sessions: %w", err)
		}
		if n >= limit {
			return true, nil
		}
		if err := b.DB.Raw("SELECT COUNT(*) FROM portal_sessions WHERE tenant_id = ?", s.TenantID).Scan(&all).Error; err != nil {
			return false, fmt.Errorf("count portal sessions: %w", err)
		}
		if over := all + 1 - 2*limit; over > 0 {
			err := b.DB.Exec("DELETE FROM portal_sessions WHERE id IN (SELECT id FROM portal_sessions WHERE tenant_id = ? AND NOT ("+usable+") ORDER BY seq LIMIT ?)",
				s.TenantID, dialect.At(b.Now), over).Error
			if err != nil {
				return false, fmt.Errorf("remove old portal sessions: %w", err)
			}
		}
	}
	if err := b.DB.Create(s).Error; err != nil {
		return false, fmt.Errorf("insert portal session: %w", err)
	}
	return false, nil
}

// Open opens the link whose code has this hash: its session gets the credential with the other one. The error is webhook.ErrNotFound if the link
// does not exist, was opened, revoked, or has expired. Of several callers at once, in whichever processes, one succeeds.
func Open(b *dialect.Tx, code, hash []byte) (*portal.Session, error) {
	s, err := byCode(b.DB, code, b.Now)
	if err != nil {
		return nil, err
	}
	now := b.Now.UTC().Truncate(time.Microsecond)
	s.Open(hash, now)
	done := b.DB.Exec("UPDATE portal_sessions SET hash = ?, opened_at = ?, ends_at = ?, expires_at = ? WHERE id = ? AND hash IS NULL AND "+usable,
		hash, dialect.At(now), dialect.MaybeAt(s.EndsAt), dialect.At(s.ExpiresAt), s.ID, dialect.At(now))
	if done.Error != nil {
		return nil, fmt.Errorf("open portal session: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return nil, webhook.ErrNotFound
	}
	return s, nil
}

// CanOpen returns nil if Open would find the link; else webhook.ErrNotFound. It writes nothing.
func CanOpen(db *gorm.DB, code []byte, now time.Time) error {
	_, err := byCode(db, code, now)
	return err
}

func byCode(db *gorm.DB, code []byte, now time.Time) (*portal.Session, error) {
	s, err := take(db.Table(table).Where("code = ?", code))
	if err == nil && s.StatusAt(now) != portal.Pending {
		err = webhook.ErrNotFound
	}
	return s, err
}

// Renew renews the session. The error is webhook.ErrNotFound if it has ended.
func Renew(b *dialect.Tx, id webhook.ID) (*portal.Session, error) {
	s, err := take(b.DB.Table(table).Where("id = ?", id))
	if err != nil {
		return nil, err
	}
	now := b.Now.UTC().Truncate(time.Microsecond)
	if s.StatusAt(now) != portal.Active {
		return nil, webhook.ErrNotFound
	}
	s.Renew(now)
	done := b.DB.Exec("UPDATE portal_sessions SET renewed_at = ?, expires_at = ? WHERE id = ? AND hash IS NOT NULL AND "+usable,
		dialect.At(now), dialect.At(s.ExpiresAt), id, dialect.At(now))
	if done.Error != nil {
		return nil, fmt.Errorf("renew portal session: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return nil, webhook.ErrNotFound
	}
	return s, nil
}

// Revoke revokes the session, or the link that was not opened, and reports whether it was not revoked before. Its theme is removed: nobody sees it
// again. With a tenant, it must be the tenant's. Errors: webhook.ErrNotFound.
func Revoke(b *dialect.Tx, tenant *webhook.ID, id webhook.ID) (s *portal.Session, changed bool, err error) {
	own := func() *gorm.DB {
		q := b.DB.Table(table).Where("id = ?", id)
		if tenant != nil {
			q = q.Where("tenant_id = ?", *tenant)
		}
		return q
	}
	done := own().Where("revoked_at IS NULL").Updates(map[string]any{"revoked_at": dialect.At(b.Now), "theme": nil})
	if done.Error != nil {
		return nil, false, fmt.Errorf("revoke portal session: %w", done.Error)
	}
	s, err = take(own())
	return s, done.RowsAffected > 0, err
}

// ByHash finds the session of a credential, whether it has ended or not. Errors: webhook.ErrNotFound.
func ByHash(db *gorm.DB, hash []byte) (*portal.Session, error) {
	return take(db.Table(table+" AS q").Select(Columns+", q.hash").Where("q.hash = ?", hash))
}

// find finds sessions that ended a while ago.
const find = "SELECT seq FROM portal_sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?"

// AnyEnded reports whether there are sessions that Prune removes.
func AnyEnded(db *gorm.DB, before time.Time) (bool, error) {
	var found []int64
	err := db.Raw(find, dialect.At(before), 1).Scan(&found).Error
	return len(found) > 0, err
}

// Prune removes n sessions, of which the time ended before, and returns how many there were.
func Prune(b *dialect.Tx, before time.Time, n int) (int, error) {
	done := b.DB.Exec("DELETE FROM portal_sessions WHERE seq IN ("+find+")", dialect.At(before), n)
	return int(done.RowsAffected), done.Error
}

func take(q *gorm.DB) (*portal.Session, error) {
	var s portal.Session
	err := q.Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, webhook.ErrNotFound
	}
	return &s, err
}
