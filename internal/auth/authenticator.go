package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// TenantHeader names the tenant that an operator's call is about.
const TenantHeader = "Hookgraph-Tenant"

// MaxTokenBytes bounds a bearer token; a longer one is not even hashed.
const MaxTokenBytes = 256

// The failures of authentication. Their texts may be shown to the caller.
var (
	// ErrUnauthenticated is a call without a token, or with one that is unknown or revoked: one answer for all.
	ErrUnauthenticated = errors.New("a valid bearer token is needed")
	// ErrForbidden is a caller that is known and may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrUnknownTenant is an ErrForbidden: a tenant that does not exist or, the same answer, that is not the caller's.
	ErrUnknownTenant = fmt.Errorf("%w: unknown tenant", ErrForbidden)
)

// Store is where tokens and tenants are kept; *store.Store is one.
type Store interface {
	TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error)
	TenantByName(ctx context.Context, name string) (*webhook.Tenant, error)
	TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error)
}

// How long, and how many of, what was found is remembered: the bound on how late a revocation is noticed.
const (
	rememberFor = time.Second
	rememberMax = 10_000
)

// Authenticator finds the caller behind a token. It is safe for concurrent use.
type Authenticator struct {
	store   Store
	tokens  *recent[[32]byte, *webhook.Token] // by hash, so that no token lingers in memory
	names   *recent[string, *webhook.Tenant]
	tenants *recent[webhook.ID, *webhook.Tenant]
}

// New makes an Authenticator.
func New(s Store) *Authenticator {
	return &Authenticator{
		store:   s,
		tokens:  newRecent[[32]byte, *webhook.Token](rememberFor, rememberMax),
		names:   newRecent[string, *webhook.Tenant](rememberFor, rememberMax),
		tenants: newRecent[webhook.ID, *webhook.Tenant](rememberFor, rememberMax),
	}
}

// Authenticate finds the caller of a token, and the tenant that the call is about. An operator may name any tenant, and
// means webhook.DefaultTenant when it names none; a tenant's token may name its own only. Errors: ErrUnauthenticated,
// ErrForbidden, or the store's.
func (a *Authenticator) Authenticate(ctx context.Context, token, tenant string) (*Caller, error) {
	t, err := a.token(ctx, token)
	if err != nil {
		return nil, err
	}
	if t.TenantID == nil {
		named, err := a.named(ctx, tenant)
		if err != nil {
			return nil, err
		}
		return &Caller{Token: t, Operator: true, Tenant: named}, nil
	}
	own, err := a.tenants.get(*t.TenantID, func() (*webhook.Tenant, error) {
		found, err := a.store.TenantsByID(ctx, []webhook.ID{*t.TenantID})
		if err == nil && found[*t.TenantID] == nil {
			err = ErrUnauthenticated // the token outlived its tenant
		}
		return found[*t.TenantID], err
	})
	if err != nil {
		return nil, err
	}
	if tenant != "" && tenant != own.Name {
		return nil, ErrUnknownTenant
	}
	return &Caller{Token: t, Tenant: own}, nil
}

// Alive reports whether the caller of a context may still be served: false once its token was revoked. Long-lived streams
// ask again and again, so a database that can not answer for a moment does not end them.
func (a *Authenticator) Alive(ctx context.Context) bool {
	c := From(ctx)
	if c == nil {
		return false
	}
	_, err := a.byHash(ctx, c.Token.Hash)
	return !errors.Is(err, ErrUnauthenticated)
}

func (a *Authenticator) token(ctx context.Context, token string) (*webhook.Token, error) {
	if token == "" || len(token) > MaxTokenBytes {
		return nil, ErrUnauthenticated
	}
	return a.byHash(ctx, webhook.HashToken(token))
}

// byHash remembers what was found only: a token that was just created works at once.
func (a *Authenticator) byHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	if len(hash) != 32 {
		return nil, ErrUnauthenticated
	}
	return a.tokens.get([32]byte(hash), func() (*webhook.Token, error) {
		t, err := a.store.TokenByHash(ctx, hash)
		if errors.Is(err, webhook.ErrNotFound) {
			return nil, ErrUnauthenticated
		}
		return t, err
	})
}

func (a *Authenticator) named(ctx context.Context, name string) (*webhook.Tenant, error) {
	if name == "" {
		name = webhook.DefaultTenant
	}
	if webhook.CheckTenantName("", name) != nil {
		return nil, ErrUnknownTenant
	}
	return a.names.get(name, func() (*webhook.Tenant, error) {
		t, err := a.store.TenantByName(ctx, name)
		if errors.Is(err, webhook.ErrNotFound) {
			return nil, ErrUnknownTenant
		}
		return t, err
	})
}

// Bearer is the token of an Authorization header (RFC 6750, section 2.1); "" when it is of another scheme.
func Bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
