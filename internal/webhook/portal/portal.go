// Package portal has the rules of the customer portal: links that open it, the sessions that they open, and its theme. It does no I/O.
package portal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Session is a link to the portal and, once the link was opened, the session: a credential of one tenant that expires.
type Session struct {
	Seq       int64 `gorm:"primaryKey;autoIncrement"`
	ID        webhook.ID
	TenantID  webhook.ID
	Label     string
	Scopes    webhook.TokenScopes
	Code      []byte    // SHA-256 of the link's code, which itself is not stored
	Hash      []byte    // SHA-256 of the credential; nil until the link is opened
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	// CreatedBy is the token that created the link; nil if none did.
	CreatedBy  *webhook.ID
	ExpiresAt  time.Time  `gorm:"serializer:micros"` // of the link; once that was opened, of the session
	SessionMs  int        // how long the session lasts, and lasts again when it is renewed
	OpenedAt   *time.Time `gorm:"serializer:micros"` // nil: the link was not opened
	EndsAt     *time.Time `gorm:"serializer:micros"` // beyond which the session cannot be renewed; nil: the link was not opened
	RenewedAt  *time.Time `gorm:"serializer:micros"`
	LastUsedAt *time.Time `gorm:"serializer:micros"` // to about a minute
	RevokedAt  *time.Time `gorm:"serializer:micros"`
	StartPath  string
	Theme      *Theme `gorm:"serializer:json"` // nil: the portal's own
}

// TableName implements gorm's Tabler.
func (Session) TableName() string { return "portal_sessions" }

// Position is Seq: where lists have it.
func (s *Session) Position() int64 { return s.Seq }

// Status is what a link or session can be used for.
type Status string

// The statuses.
const (
	Pending Status = "PENDING" // the link can be opened
	Active  Status = "ACTIVE"  // the link was opened, and the session can be used
	Expired Status = "EXPIRED"
	Revoked Status = "REVOKED"
)

// Statuses are all statuses.
var Statuses = []Status{Pending, Active, Expired, Revoked}

// StatusAt returns the status at a time.
func (s *Session) StatusAt(now time.Time) Status {
	switch {
	case s.RevokedAt != nil:
		return Revoked
	case !now.Before(s.ExpiresAt):
		return Expired
	case s.OpenedAt == nil:
		return Pending
	}
	return Active
}

// Status returns the status now.
func (s *Session) Status() Status { return s.StatusAt(time.Now()) }

// Token returns the session as the token that its credential is.
func (s *Session) Token() *webhook.Token {
	return &webhook.Token{
		ID: s.ID, TenantID: &s.TenantID, Name: s.Label, Scopes: s.Scopes, Hash: s.Hash, CreatedAt: s.CreatedAt, ExpiresAt: &s.ExpiresAt,
		LastUsedAt: s.LastUsedAt, RevokedAt: s.RevokedAt, CreatedBy: s.CreatedBy, Portal: true,
	}
}

// AuditFields are the settings for the audit log, under the API's names, without the code and the credential.
func (s *Session) AuditFields() []webhook.AuditField {
	scopes := make([]string, len(s.Scopes))
	for i, scope := range s.Scopes {
		scopes[i] = scope.Enum()
	}
	var name any
	if s.Theme != nil {
		name = s.Theme.Name
	}
	return []webhook.AuditField{
		{Name: "label", Value: s.Label},
		{Name: "scopes", Value: scopes},
		{Name: "expiresAt", Value: s.ExpiresAt},
		{Name: "sessionExpiresInMs", Value: s.SessionMs},
		{Name: "startPath", Value: s.StartPath},
		{Name: "theme.name", Value: name},
		{Name: "openedAt", Value: s.OpenedAt},
		{Name: "revokedAt", Value: s.RevokedAt},
	}
}

// Scopes are the scopes that a session may have: those of a tenant's own work, but not the management of tokens and event types.
var Scopes = webhook.TokenScopes{
	webhook.ScopeWebhooksRead, webhook.ScopeWebhooksWrite, webhook.ScopeEventsPublish, webhook.ScopeDeliveriesRead, webhook.ScopeDeliveriesWrite,
}

// Bounds of links and sessions.
const (
	MinLife         = time.Second
	MaxLinkLife     = 24 * time.Hour
	DefaultLinkLife = 10 * time.Minute
	// MaxLife bounds a session, however often it is renewed, from when its link was opened.
	MaxLife       = 24 * time.Hour
	DefaultLife   = time.Hour
	MaxLabelChars = 100
	MaxPathBytes  = 500
)

// URL returns the URL of the portal's page, which is known once the server listens; nil: a path on the server itself.
type URL func() string

// Link returns the link with this code. What is behind the # is not sent to servers, so it is in no log on the way.
func (u URL) Link(code string) string {
	at := "/portal"
	if u != nil {
		at = u()
	}
	return at + "#" + code
}

// Link is what a new link is made of.
type Link struct {
	Label     string
	Scopes    webhook.TokenScopes
	LifeMs    *int // of the link; nil: DefaultLinkLife
	SessionMs *int // of the session; nil: DefaultLife
	StartPath string
	Theme     *Theme
	CreatedBy *webhook.ID
	// Granted are the scopes of the token that creates the link, which cannot grant others; nil: all.
	Granted webhook.TokenScopes
}

// Session applies the rules, and returns the session of a link that is created now. The error joins an *Invalid for every broken rule. The
// caller sets the tenant and the code.
func (l *Link) Session(now time.Time) (*Session, error) {
	var errs []error
	bad := func(field string, code webhook.Code, format string, args ...any) {
		errs = append(errs, webhook.Invalidf(field, code, format, args...))
	}
	switch {
	case l.Label == "":
		bad("label", webhook.CodeRequired, "must not be empty: say for whom the link is")
	case utf8.RuneCountInString(l.Label) > MaxLabelChars:
		bad("label", webhook.CodeTooLong, "must be at most %d characters", MaxLabelChars)
	case !webhook.IsText(l.Label):
		bad("label", webhook.CodeInvalid, "must be UTF-8 without U+0000")
	}
	scopes, err := scopesOf(l.Scopes, l.Granted)
	errs = append(errs, err)
	life := func(field string, ms *int, def, most time.Duration) time.Duration {
		if ms == nil {
			return def
		}
		if *ms >= int(MinLife/time.Millisecond) && *ms <= int(most/time.Millisecond) {
			return time.Duration(*ms) * time.Millisecond
		}
		bad(field, webhook.CodeOutOfRange, "must be from %d to %d", MinLife.Milliseconds(), most.Milliseconds())
		return def
	}
	link, session := life("expiresInMs", l.LifeMs, DefaultLinkLife, MaxLinkLife), life("sessionExpiresInMs", l.SessionMs, DefaultLife, MaxLife)
	if err := checkPath(l.StartPath); err != "" {
		bad("startPath", webhook.CodeInvalid, "%s", err)
	}
	if l.Theme != nil {
		errs = append(errs, l.Theme.check())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s := &Session{
		ID: webhook.NewID(now), Label: l.Label, Scopes: scopes, CreatedAt: now, CreatedBy: l.CreatedBy, ExpiresAt: now.Add(link),
		SessionMs: int(session.Milliseconds()), StartPath: l.StartPath, Theme: l.Theme,
	}
	if s.StartPath == "" {
		s.StartPath = "/"
	}
	return s, nil
}

// scopesOf returns the scopes in order and once each.
func scopesOf(given, granted webhook.TokenScopes) (webhook.TokenScopes, error) {
	if len(given) == 0 {
		return nil, webhook.Invalidf("scopes", webhook.CodeRequired, "must have at least one element")
	}
	if len(given) > len(webhook.AllScopes) {
		return nil, webhook.Invalidf("scopes", webhook.CodeTooMany, "must have at most %d elements", len(webhook.AllScopes))
	}
	var errs []error
	for i, scope := range given {
		bad := func(code webhook.Code, format string, args ...any) {
			errs = append(errs, webhook.Invalidf(fmt.Sprintf("scopes.%d", i), code, format, args...))
		}
		switch {
		case !slices.Contains(webhook.AllScopes, scope):
			bad(webhook.CodeInvalid, "must be one of %s", names())
		case !slices.Contains(Scopes, scope):
			bad(webhook.CodeNotAllowed, "must be one of %s: a portal session does not manage tokens", names())
		case !granted.Has(scope):
			bad(webhook.CodeNotAllowed, "is a scope the caller's token does not have")
		}
	}
	scopes := webhook.TokenScopes{}
	for _, scope := range Scopes {
		if slices.Contains(given, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, errors.Join(errs...)
}

func names() string {
	all := make([]string, len(Scopes))
	for i, scope := range Scopes {
		all[i] = string(scope)
	}
	return strings.Join(all, ", ")
}

// checkPath returns what is wrong with the path on which the portal opens; "" if nothing. The portal is given it as it is, so it must not be able to
// name another host.
func checkPath(at string) string {
	if at == "" {
		return ""
	}
	if len(at) > MaxPathBytes {
		return fmt.Sprintf("must be at most %d bytes", MaxPathBytes)
	}
	u, err := url.Parse(at)
	plain := !strings.ContainsFunc(at, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' })
	if err != nil || !plain || !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || u.Host != "" || u.Fragment != "" {
		return "must be a path of the portal with an optional query, such as /deliveries?q=status%3Afailed"
	}
	return ""
}

// expires returns when a session that is opened or renewed now expires.
func (s *Session) expires(now time.Time) time.Time {
	until := now.Add(time.Duration(s.SessionMs) * time.Millisecond)
	if s.EndsAt != nil && until.After(*s.EndsAt) {
		return *s.EndsAt
	}
	return until
}

// Open makes the link of a Pending session the session that has the credential with this hash.
func (s *Session) Open(hash []byte, now time.Time) {
	end := now.Add(MaxLife)
	s.Hash, s.OpenedAt, s.EndsAt = hash, &now, &end
	s.ExpiresAt = s.expires(now)
}

// Renew makes an Active session last as long again as it did when it was opened, up to its end.
func (s *Session) Renew(now time.Time) {
	s.RenewedAt, s.ExpiresAt = &now, s.expires(now)
}

// The prefixes of codes and credentials let secret scanners find leaked ones.
const (
	codePrefix       = "hgl_"
	credentialPrefix = "hgp_"
)

const secretBytes = 32

func newSecret(prefix string) (text string, hash []byte) {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	text = prefix + base64.RawURLEncoding.EncodeToString(b)
	return text, webhook.HashToken(text)
}

// NewCode returns the code of a link, of 256 random bits, and its hash.
func NewCode() (code string, hash []byte) { return newSecret(codePrefix) }

// NewCredential returns the credential of a session, of 256 random bits, and its hash.
func NewCredential() (credential string, hash []byte) { return newSecret(credentialPrefix) }
