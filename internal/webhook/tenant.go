package webhook

import (
	"regexp"
	"time"
)

// DefaultTenant is the name of the tenant that an operator means when it names none.
const DefaultTenant = "default"

// Tenant is whose webhooks and events they are; rows of one tenant are invisible to every other.
type Tenant struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	Name      string
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
}

var tenantForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$`)

// CheckTenantName applies the form of a tenant's name: 1 to 63 lower-case letters, digits, hyphens and underscores,
// with a letter or digit at both ends, so that it can stand in a header and in a host name. Nil or an *Invalid.
func CheckTenantName(field, name string) error {
	if !tenantForm.MatchString(name) {
		return invalid(field, CodeInvalid, "must be 1 to 63 lower-case letters, digits, hyphens and underscores")
	}
	return nil
}
