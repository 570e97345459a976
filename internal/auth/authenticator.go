package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// MaxTokenBytes bounds a bearer token; a longer one is not even hashed.
const MaxTokenBytes = 256

// The failures of authentication. Their texts may be shown to the caller.
var (
	// ErrUnauthenticated is a call without a token, or with one that is unknown, revoked or expired. The errors below say
	// which; only the holder of a token can learn that it was once valid.
	ErrUnauthenticated = errors.New("a valid bearer token is required")
	ErrNoToken         = fmt.Errorf("%w, but none was sent", ErrUnauthenticated)
	ErrUnknownToken    = fmt.Errorf("%w: the given one is unknown", ErrUnauthenticated)
	ErrRevokedToken    = fmt.Errorf("%w: the given one was revoked", ErrUnauthenticated)
	ErrExpiredToken    = fmt.Errorf("%w: the given one has expired", ErrUnauthenticated)
	// ErrForbidden is an authenticated caller that may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrUnknownTenant is an ErrForbidden: a tenant that does not exist, or that is not the caller's.
	ErrUnknownTenant = fmt.Errorf("%w: unknown tenant", ErrForbidden)
	// ErrUnnamedTenant is an ErrForbidden: the call has a place for a tenant's name, and nothing in it.
	ErrUnnamedTenant = fmt.Errorf("%w: unnamed tenant", ErrForbidden)
)

// Store reads tokens and tenants; *store.Store is one.
type Store interface {
	// TokenByHash finds a token that is neither revoked nor expired; webhook.ErrNotFound, ErrRevoked or ErrExpired.
	TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error)
	TenantByName(ctx context.Context, name string) (*webhook.Tenant, error)
	TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error)
	// TokensUsed stores when tokens were last used.
	TokensUsed(ctx context.Context, used map[webhook.ID]time.Time) error
}

// How long, and how many, results are cached. The time bounds how late a revocation is noticed.
const (
	rememberFor = time.Second
	rememberMax = 10_000
)

// Authenticator finds the caller behind a token. It is safe for concurrent use.
type Authenticator struct {
	store   Store
	tokens  *recent[[32]byte, *webhook.Token] // by hash, so that no token stays in memory
	names   *recent[string, *webhook.Tenant]
	tenants *recent[webhook.ID, *webhook.Tenant]
	failed  *failures
	log     *slog.Logger

	mu   sync.Mutex               // guards used
	used map[webhook.ID]time.Time // tokens that WriteUsed has not written yet
}

// New returns an Authenticator.
func New(s Store) *Authenticator {
	return &Authenticator{
		store:   s,
		tokens:  newRecent[[32]byte, *webhook.Token](rememberFor, rememberMax),
		names:   newRecent[string, *webhook.Tenant](rememberFor, rememberMax),
		tenants: newRecent[webhook.ID, *webhook.Tenant](rememberFor, rememberMax),
		failed:  newFailures(),
		log:     slog.New(slog.DiscardHandler),
		used:    map[webhook.ID]time.Time{},
	}
}

// LogTo sets the logger for addresses that guess tokens. It must be called before the Authenticator is used. The logger limits how
// often they are logged.
func (a *Authenticator) LogTo(log *slog.Logger) { a.log = log }

// WriteUsed stores when tokens were last used since the previous call. What cannot be stored is stored the next time. No caller
// waits for it.
func (a *Authenticator) WriteUsed(ctx context.Context) error {
	a.mu.Lock()
	used := a.used
	a.used = map[webhook.ID]time.Time{}
	a.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	err := a.store.TokensUsed(ctx, used)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, when := range used {
		if _, ok := a.used[id]; !ok && len(a.used) < rememberMax {
			a.used[id] = when
		}
	}
	return fmt.Errorf("write when tokens were last used: %w", err)
}

// use notes that a token is being used. It is called after each lookup of the token, at most once a second.
func (a *Authenticator) use(t *webhook.Token) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.used[t.ID]; ok || len(a.used) < rememberMax {
		a.used[t.ID] = time.Now()
	}
}

// Authenticate finds the caller of a token, and the tenant that the call is about. An operator may name any tenant, by default
// webhook.DefaultTenant; a tenant's token may name only its own. A name of white space is one that the call was to have, and does not.
// from is the caller's address. Errors: ErrUnauthenticated, ErrForbidden, *TooManyFailures, or the store's.
func (a *Authenticator) Authenticate(ctx context.Context, from netip.Addr, token, tenant string) (*Caller, error) {
	t, err := a.token(ctx, from, token)
	if err != nil {
		return nil, err
	}
	if tenant != "" && strings.TrimSpace(tenant) == "" {
		return nil, ErrUnnamedTenant
	}
	if t.TenantID == nil {
		named, err := a.named(ctx, tenant)
		if err != nil {
			return nil, err
		}
		return &Caller{Token: t, Operator: true, Tenant: named, Address: from}, nil
	}
	own, err := a.owned(ctx, *t.TenantID)
	if err != nil {
		return nil, err
	}
	if tenant != "" && tenant != own.Name {
		return nil, ErrUnknownTenant
	}
	return &Caller{Token: t, Tenant: own, Address: from}, nil
}

// Alive reports whether the caller of a context may still be served: false once its token is revoked or expired, or its tenant
// deleted. It is true if the database does not answer: long-lived streams call it repeatedly, and must not end then.
func (a *Authenticator) Alive(ctx context.Context) bool {
	c := From(ctx)
	if c == nil {
		return false
	}
	if _, err := a.byHash(ctx, c.Token.Hash); errors.Is(err, ErrUnauthenticated) {
		return false
	}
	_, err := a.owned(ctx, c.Tenant.ID)
	return !errors.Is(err, ErrUnauthenticated)
}

// owned returns the tenant of a token; ErrUnauthenticated if the tenant has been deleted.
func (a *Authenticator) owned(ctx context.Context, id webhook.ID) (*webhook.Tenant, error) {
	return a.tenants.get(id, func() (*webhook.Tenant, error) {
		found, err := a.store.TenantsByID(ctx, []webhook.ID{id})
		if err == nil && found[id] == nil {
			err = ErrUnauthenticated
		}
		return found[id], err
	})
}

func (a *Authenticator) token(ctx context.Context, from netip.Addr, token string) (*webhook.Token, error) {
	if token == "" {
		return nil, ErrNoToken // not a guess
	}
	if len(token) > MaxTokenBytes {
		return nil, ErrUnknownToken
	}
	hash := [32]byte(webhook.HashToken(token))
	if err := a.failed.refuse(from, hash); err != nil {
		return nil, a.refused(ctx, from, err)
	}
	t, err := a.byHash(ctx, hash[:])
	if errors.Is(err, ErrUnauthenticated) {
		return nil, a.refused(ctx, from, a.failed.failed(from, hash, err))
	}
	return t, err
}

// refused logs an address that guesses.
func (a *Authenticator) refused(ctx context.Context, from netip.Addr, err error) error {
	if errors.As(err, new(*TooManyFailures)) {
		a.log.WarnContext(ctx, "an address sends too many invalid tokens", slog.Any("address", intake.Source(from)))
	}
	return err
}

// byHash caches only successful lookups: a token that was just created works at once.
func (a *Authenticator) byHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	if len(hash) != 32 {
		return nil, ErrUnknownToken
	}
	key := [32]byte(hash)
	t, err := a.tokens.get(key, func() (*webhook.Token, error) { return a.find(ctx, key) })
	if err == nil && !t.Valid(time.Now()) { // it expired while it was remembered, unless it was renewed since
		a.tokens.drop(key)
		return a.tokens.get(key, func() (*webhook.Token, error) { return a.find(ctx, key) })
	}
	return t, err
}

// find looks a token up.
func (a *Authenticator) find(ctx context.Context, key [32]byte) (*webhook.Token, error) {
	t, err := a.store.TokenByHash(ctx, key[:])
	switch {
	case errors.Is(err, webhook.ErrRevoked):
		return nil, ErrRevokedToken
	case errors.Is(err, webhook.ErrExpired):
		return nil, ErrExpiredToken
	case errors.Is(err, webhook.ErrNotFound):
		return nil, ErrUnknownToken
	case err != nil:
		return nil, err
	}
	// The time of the index lookup reveals nothing useful: it compares only hashes.
	if subtle.ConstantTimeCompare(t.Hash, key[:]) != 1 {
		return nil, ErrUnknownToken
	}
	a.failed.succeeded(key)
	a.use(t)
	return t, nil
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
