package list

import (
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/portal"
)

// TenantFilter narrows a list of tenants. Zero fields do not filter.
type TenantFilter struct {
	Name *string // tenants whose name contains it
}

func (f TenantFilter) conditions(db dialect.DB) []condition {
	list := []condition{{"t.deleted_at IS NULL", nil}}
	if f.Name != nil {
		list = append(list, containing(db, *f.Name, "t.name"))
	}
	return list
}

// Path returns how to list the tenants that the filter keeps: among all of them, or at most one.
func (f TenantFilter) Path(one bool, db dialect.DB) Path {
	p := Path{Index: allTenants, branches: []any{nil}, rest: asides(f.conditions(db))}
	if one {
		p.Index = oneTenant
	}
	return p
}

// EventTypeFilter narrows a list of event types. Zero fields do not filter.
type EventTypeFilter struct {
	Name *string // types whose name contains it
}

// Keep returns those of the names that the list has.
func (f EventTypeFilter) Keep(names []string) []string {
	if f.Name == nil {
		return names
	}
	part := strings.ToLower(*f.Name)
	var kept []string
	for _, name := range names {
		if strings.Contains(strings.ToLower(name), part) {
			kept = append(kept, name)
		}
	}
	return kept
}

// TokenFilter narrows a list of tokens. Zero fields do not filter.
type TokenFilter struct {
	TenantID *webhook.ID // tokens of this tenant
	Operator *bool       // tokens of operators, or of tenants
	Valid    *bool       // true: neither revoked nor expired; false: either
}

func (f TokenFilter) conditions() []condition {
	var list []condition
	if f.TenantID != nil {
		list = append(list, condition{"k.tenant_id = ?", []any{*f.TenantID}})
	}
	if f.Operator != nil && *f.Operator {
		list = append(list, condition{"k.tenant_id IS NULL", nil})
	} else if f.Operator != nil {
		list = append(list, condition{"k.tenant_id IS NOT NULL", nil})
	}
	if f.Valid != nil && *f.Valid {
		list = append(list, condition{"k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)", []any{dialect.At(time.Now())}})
	} else if f.Valid != nil {
		list = append(list, condition{"k.revoked_at IS NOT NULL OR k.expires_at <= ?", []any{dialect.At(time.Now())}})
	}
	return list
}

// Path returns how to list the tokens that the filter keeps: among those of one tenant, or of all.
func (f TokenFilter) Path(tenant *webhook.ID) Path {
	p := Path{Index: allTokens, branches: []any{nil}}
	if tenant == nil {
		tenant, f.TenantID = f.TenantID, nil
	}
	if tenant != nil {
		p.Index, p.branches = tokensOfTenant, []any{*tenant}
	}
	p.rest = asides(f.conditions())
	return p
}

// OfTenants returns the path of each tenant's tokens.
func (f TokenFilter) OfTenants() Path {
	return Path{Index: tokensOfTenant, rest: asides(f.conditions())}
}

// AuditFilter narrows the audit log. Zero fields do not filter.
type AuditFilter struct {
	TenantID  *webhook.ID
	Actions   []webhook.AuditAction
	ObjectIDs []webhook.ID
	TokenIDs  []webhook.ID // of whoever made the change
	At        TimeRange
}

func (f AuditFilter) conditions() []condition {
	var list []condition
	if f.TenantID != nil {
		list = append(list, condition{"u.tenant_id = ?", []any{*f.TenantID}})
	}
	if len(f.Actions) > 0 {
		list = append(list, condition{"u.action IN ?", []any{f.Actions}})
	}
	if len(f.ObjectIDs) > 0 {
		list = append(list, condition{"u.object_id IN ?", []any{f.ObjectIDs}})
	}
	if len(f.TokenIDs) > 0 {
		list = append(list, condition{"u.actor_token IN ?", []any{f.TokenIDs}})
	}
	return append(list, f.At.in("u.created_at")...)
}

// Path returns how to list the entries that the filter keeps: those of an object, of one tenant, or all.
func (f AuditFilter) Path(tenant *webhook.ID) Path {
	p := Path{Index: allAudits, branches: []any{nil}}
	if tenant == nil {
		tenant, f.TenantID = f.TenantID, nil
	}
	if objects, ok := few(f.ObjectIDs); ok {
		p.Index, p.branches, f.ObjectIDs = auditsOfObject, objects, nil
		if tenant != nil {
			p.rest = []condition{{"u.tenant_id = ?", []any{*tenant}}}
		}
	} else if tenant != nil {
		p.Index, p.branches = auditsOfTenant, []any{*tenant}
	}
	p.rest = asides(append(p.rest, f.conditions()...))
	return p
}

// PortalSessionFilter narrows a list of portal sessions. Zero fields do not filter.
type PortalSessionFilter struct {
	TenantID *webhook.ID
	Statuses []portal.Status
}

// Check is as that of EventFilter.
func (f *PortalSessionFilter) Check() error { return Bounded("statuses", len(f.Statuses)) }

func (f PortalSessionFilter) conditions() []condition {
	var list []condition
	if f.TenantID != nil {
		list = append(list, condition{"q.tenant_id = ?", []any{*f.TenantID}})
	}
	if len(f.Statuses) == 0 {
		return list
	}
	now := dialect.At(time.Now())
	var texts []string
	var args []any
	for _, s := range f.Statuses {
		switch s {
		case portal.Pending:
			texts, args = append(texts, "(q.revoked_at IS NULL AND q.expires_at > ? AND q.opened_at IS NULL)"), append(args, now)
		case portal.Active:
			texts, args = append(texts, "(q.revoked_at IS NULL AND q.expires_at > ? AND q.opened_at IS NOT NULL)"), append(args, now)
		case portal.Expired:
			texts, args = append(texts, "(q.revoked_at IS NULL AND q.expires_at <= ?)"), append(args, now)
		case portal.Revoked:
			texts = append(texts, "q.revoked_at IS NOT NULL")
		}
	}
	return append(list, condition{"(" + strings.Join(texts, " OR ") + ")", args})
}

// Path returns how to list the sessions that the filter keeps: among those of one tenant, or of all.
func (f PortalSessionFilter) Path(tenant *webhook.ID) Path {
	p := Path{Index: allPortalSessions, branches: []any{nil}}
	if tenant == nil {
		tenant, f.TenantID = f.TenantID, nil
	}
	if tenant != nil {
		p.Index, p.branches = portalSessionsOfTenant, []any{*tenant}
	}
	p.rest = asides(f.conditions())
	return p
}
