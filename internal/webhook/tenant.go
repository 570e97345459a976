package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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

// Token is a bearer credential: of an operator (no tenant: all of them) or of one tenant.
type Token struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        ID
	TenantID  *ID // nil: an operator's
	Name      string
	Hash      []byte     // SHA-256 of the token; the token itself is nowhere
	CreatedAt time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	RevokedAt *time.Time `gorm:"serializer:micros"`
}

// TokenPrefix lets secret scanners find leaked tokens.
const TokenPrefix = "hg_"

// NewToken makes a token of 256 random bits and its hash.
func NewToken() (token string, hash []byte) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	token = TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	return token, HashToken(token)
}

// HashToken is what is stored of a token. A plain hash is enough: 256 random bits can not be guessed.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
