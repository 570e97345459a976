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
	ScopeWebhooksWrite   TokenScope = "webhooks:write"   // make, change, test and remove webhooks, and see a new secret once
	ScopeEventsPublish   TokenScope = "events:publish"   // publish
	ScopeDeliveriesRead  TokenScope = "deliveries:read"  // events, deliveries and attempts, and their stream
	ScopeDeliveriesWrite TokenScope = "deliveries:write" // retry and cancel
	ScopeAdmin           TokenScope = "admin"            // tokens and, for an operator, tenants
)

// AllScopes are the scopes there are, in the order in which they are shown.
var AllScopes = TokenScopes{
	ScopeWebhooksRead, ScopeWebhooksWrite, ScopeEventsPublish, ScopeDeliveriesRead, ScopeDeliveriesWrite, ScopeAdmin,
}

// TokenScopes are what a token permits. Nil means all, those of later versions too.
type TokenScopes []TokenScope

// Has reports whether the scope is among them.
func (s TokenScopes) Has(scope TokenScope) bool { return s == nil || slices.Contains(s, scope) }

// Includes reports whether everything that others permit is permitted.
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

// List is the scopes one by one.
func (s TokenScopes) List() []TokenScope {
	if s == nil {
		return AllScopes
	}
	return s
}

// GormDataType keeps GORM from reading the slice as a relation.
func (TokenScopes) GormDataType() string { return "text" }

// Value stores the scopes as OAuth writes them (RFC 6749, section 3.3): with spaces between; all as NULL.
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
	Hash       []byte     // SHA-256 of the token; the token itself is nowhere
	CreatedAt  time.Time  `gorm:"serializer:micros;autoCreateTime:false"`
	ExpiresAt  *time.Time `gorm:"serializer:micros"` // it is good for nothing from then on; nil: never
	LastUsedAt *time.Time `gorm:"serializer:micros"` // to about a minute; nil: never
	RevokedAt  *time.Time `gorm:"serializer:micros"`
	// Prefix is what the token begins with, so that its holder recognizes it; nil when it was chosen, and may be short.
	Prefix *string
	// CreatedBy is the token that made it; nil when none did: the command line, or the first start.
	CreatedBy *ID
}

// Position is Seq: where lists have it.
func (t *Token) Position() int64 { return t.Seq }

// Valid reports whether the token is neither revoked nor expired.
func (t *Token) Valid(now time.Time) bool {
	return t.RevokedAt == nil && (t.ExpiresAt == nil || now.Before(*t.ExpiresAt))
}

// MaxTokenNameChars bounds the name of a token.
const MaxTokenNameChars = 100

// Check applies the rules of a new token; the error joins an *Invalid for every one that is broken. It brings the scopes
// into their order, each once.
func (t *Token) Check(now time.Time) error {
	var errs []error
	bad := func(field string, code Code, format string, args ...any) {
		errs = append(errs, invalid(field, code, format, args...))
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

// NewToken makes a token of 256 random bits and its hash.
func NewToken() (token string, hash []byte) {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	token = TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	return token, HashToken(token)
}

// shownChars is how much of a token is shown after TokenPrefix: 36 bits of 256. What is left cannot be guessed.
const shownChars = 6

// ShownPrefix is what may be shown of a token after its creation: its first characters, when it has the form of NewToken. Of a token
// that somebody chose nothing is shown, because the rest of it may be guessed.
func ShownPrefix(token string) *string {
	random, ok := strings.CutPrefix(token, TokenPrefix)
	if b, err := base64.RawURLEncoding.DecodeString(random); !ok || err != nil || len(b) != tokenBytes {
		return nil
	}
	prefix := TokenPrefix + random[:shownChars]
	return &prefix
}

// tokenBytes is how many random bytes a token has.
const tokenBytes = 32

// HashToken is what is stored of a token. A plain hash is enough: 256 random bits cannot be guessed.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
