package list

import (
	"time"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// TenantFilter narrows a list of tenants. Zero fields do not filter.
type TenantFilter struct {
	Name string // that contain it
}

func (f TenantFilter) conditions() []condition {
	list := []condition{{"t.deleted_at IS NULL", nil}}
	if f.Name != "" {
		list = append(list, containing(f.Name, "t.name"))
	}
	return list
}

// Path is how tenants are listed that the filter keeps: all of them, or one at most.
func (f TenantFilter) Path(one bool) Path {
	p := Path{Index: allTenants, branches: []any{nil}, rest: asides(f.conditions())}
	if one {
		p.Index = oneTenant
	}
	return p
}

// TokenFilter narrows a list of tokens. Zero fields do not filter.
type TokenFilter struct {
	TenantID *webhook.ID // of this tenant
	Operator *bool       // operators', or tenants'
	Valid    *bool       // neither revoked nor expired, or one of the two
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

// Path is how tokens are listed that the filter keeps: those of one tenant, or of all.
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

// OfTenants is the path of each tenant's tokens.
func (f TokenFilter) OfTenants() Path {
	return Path{Index: tokensOfTenant, rest: asides(f.conditions())}
}
