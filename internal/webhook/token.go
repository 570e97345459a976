package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// TokenScope is one thing that a token permits. None includes another.
type TokenScope string

// The scopes.
const (
	ScopeWebhooksRead    TokenScope = "webhooks:read"    // webhooks, without their secrets
	ScopeWebhooksWrite   TokenScope = "webhooks:write"   // create, change, test and delete webhooks, and see a new secret once
	ScopeEventsPublish   TokenScope = "events:publish"   // publish
	ScopeDeliveriesRead  TokenScope = "deliveries:read"  // events, deliveries and attempts, and their stream
	ScopeDeliveriesWrite TokenScope = "deliveries:write" // retry and cancel
	ScopeAdmin           TokenScope = "admin"            // tokens and, for an operator, tenants
)

// AllScopes are all scopes, in the order in which they are shown.
var AllScopes = TokenScopes{
	ScopeWebhooksRead, ScopeWebhooksWrite, ScopeEventsPublish, ScopeDeliveriesRead, ScopeDeliveriesWrite, ScopeAdmin,
}

// Enum returns the scope's value in the API's enum TokenScope: webhooks:read is WEBHOOKS_READ.
func (s TokenScope) Enum() string { return strings.ToUpper(strings.ReplaceAll(string(s), ":", "_")) }

// TokenScopes are the scopes of a token. Nil means all, including those of later versions.
type TokenScopes []TokenScope

// Has reports whether s has the scope.
func (s TokenScopes) Has(scope TokenScope) bool { return s == nil || slices.Contains(s, scope) }

// Includes reports whether s has all scopes of others.
func (s TokenScopes) Includes(others TokenScopes) bool {
	if others == nil {
		return s == nil
	}
	for _, o := range others {
		if !s.Has(o) {
			return false
		}
	}
	return true
}

// List returns the scopes; AllScopes if s is nil.
func (s TokenScopes) List() []TokenScope {
	if s == nil {
		return AllScopes
	}
	return s
}

// GormDataType keeps GORM from reading the slice as a relation.
func (TokenScopes) GormDataType() string { return "text" }

// Value stores the scopes in OAuth's form (RFC 6749, section 3.3), separated by spaces; nil as NULL.
func (s TokenScopes) Value() (driver.Value, error) {
	if s == nil {
		return nil, nil
	}
	words := make([]string, len(s))
	for i, scope := range s {
		words[i] = string(scope)
	}
	return strings.Join(words, " "), nil
}

// Scan is the reverse of Value.
func (s *TokenScopes) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case nil:
		*s = nil
		return nil
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("scan %T as scopes", src)
	}
	*s = TokenScopes{}
	for word := range strings.FieldsSeq(text) {
		*s = append(*s, TokenScope(word))
	}
	return nil
}

// Token is a bearer credential: of an operator (no tenant: all of them) or of one tenant.
type Token struct {
	Seq        int64 `gorm:"primaryKey;autoIncrement"`
	ID         ID
	TenantID   *ID // nil: an operator's
	Name       string
	Scopes     TokenScopes
	Hash       []byte     // SHA-256 of the token, which itself is not stored
	CreatedAt  time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	ExpiresAt  *time.Time `gorm:"serializer:micros"` // nil: never
	LastUsedAt *time.Time `gorm:"serializer:micros"` // to about a minute; nil: never
	RevokedAt  *time.Time `gorm:"serializer:micros"`
	// Prefix is the beginning of the token, by which its holder recognizes it; nil if the operator chose the token, which may
	// be short.
	Prefix *string
	// CreatedBy is the token that created it; nil if it was created by the command line or the first start.
	CreatedBy *ID
	// Portal tells the credential of a portal session, which is not among the tokens, from a token.
	Portal bool `gorm:"-"`
}

// Position is Seq: where lists have it.
func (t *Token) Position() int64 { return t.Seq }

// Valid reports whether the token is neither revoked nor expired.
func (t *Token) Valid(now time.Time) bool {
	return t.RevokedAt == nil && (t.ExpiresAt == nil || now.Before(*t.ExpiresAt))
}

// MaxTokenNameChars bounds the name of a token.
const MaxTokenNameChars = 100

// Check applies the rules of a new token; the error joins an *Invalid for every broken rule. It sorts the scopes and removes
// duplicates.
func (t *Token) Check(now time.Time) error {
	var errs []error
	bad := func(field string, code Code, format string, args ...any) {
		errs = append(errs, Invalidf(field, code, format, args...))
	}
	if utf8.RuneCountInString(t.Name) > MaxTokenNameChars {
		bad("name", CodeTooLong, "must be at most %d characters", MaxTokenNameChars)
	} else if !IsText(t.Name) {
		bad("name", CodeInvalid, "must be UTF-8 without U+0000")
	}
	if t.Scopes != nil {
		given := t.Scopes
		t.Scopes = TokenScopes{}
		for _, scope := range AllScopes {
			if slices.Contains(given, scope) {
				t.Scopes = append(t.Scopes, scope)
			}
		}
		for i, scope := range given {
			if !slices.Contains(AllScopes, scope) {
				bad(fmt.Sprintf("scopes.%d", i), CodeInvalid, "must be one of %s", strings.Join(scopeNames(), ", "))
			}
		}
		if len(given) == 0 {
			bad("scopes", CodeRequired, "must have at least one element, or be absent for all")
		}
	}
	if t.ExpiresAt != nil && !t.ExpiresAt.After(now) {
		bad("expiresAt", CodeOutOfRange, "must be in the future")
	}
	return errors.Join(errs...)
}

func scopeNames() []string {
	names := make([]string, len(AllScopes))
	for i, scope := range AllScopes {
		names[i] = string(scope)
	}
	return names
}

// TokenPrefix lets secret scanners find leaked tokens: hg_[A-Za-z0-9_-]{43}.
const TokenPrefix = "hg_"

// NewToken returns a token of 256 random bits, and its hash.
func NewToken() (token string, hash []byte) {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	token = TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	return token, HashToken(token)
}

// shownChars is how much of a token is shown after TokenPrefix: 36 bits of 256. The rest cannot be guessed.
const shownChars = 6

// ShownPrefix returns the part of a token that may be shown after its creation: the first characters if it has the form of
// NewToken's, otherwise nil, because the rest of a token that a person chose might be guessed.
func ShownPrefix(token string) *string {
	random, ok := strings.CutPrefix(token, TokenPrefix)
	if b, err := base64.RawURLEncoding.DecodeString(random); !ok || err != nil || len(b) != tokenBytes {
		return nil
	}
	prefix := TokenPrefix + random[:shownChars]
	return &prefix
}

// tokenBytes is the number of random bytes of a token.
const tokenBytes = 32

// HashToken returns the hash that is stored for a token. A plain hash is enough: 256 random bits cannot be guessed.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
