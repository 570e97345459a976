package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/hookgraph/hookgraph/internal/intake"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// MaxTokenBytes bounds a bearer token; a longer one is not even hashed.
const MaxTokenBytes = 256

// The failures of authentication. Their texts may be shown to the caller.
var (
	// ErrUnauthenticated is a call without a token, or with one that is unknown, revoked or expired. What follows says which:
	// that a token was good once only its holder is told.
	ErrUnauthenticated = errors.New("a valid bearer token is required")
	ErrNoToken         = fmt.Errorf("%w, but none was sent", ErrUnauthenticated)
	ErrUnknownToken    = fmt.Errorf("%w: the given one is unknown", ErrUnauthenticated)
	ErrRevokedToken    = fmt.Errorf("%w: the given one was revoked", ErrUnauthenticated)
	ErrExpiredToken    = fmt.Errorf("%w: the given one has expired", ErrUnauthenticated)
	// ErrForbidden is a caller that is known and may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrUnknownTenant is an ErrForbidden: a tenant that does not exist or, the same answer, that is not the caller's.
	ErrUnknownTenant = fmt.Errorf("%w: unknown tenant", ErrForbidden)
)

// Store is where tokens and tenants are kept; *store.Store is one.
type Store interface {
	// TokenByHash finds a token that is neither revoked nor expired; webhook.ErrNotFound, ErrRevoked or ErrExpired.
	TokenByHash(ctx context.Context, hash []byte) (*webhook.Token, error)
	TenantByName(ctx context.Context, name string) (*webhook.Tenant, error)
	TenantsByID(ctx context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error)
	// TokensUsed notes when tokens were last used.
	TokensUsed(ctx context.Context, used map[webhook.ID]time.Time) error
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
	failed  *failures
	log     *slog.Logger

	mu   sync.Mutex               // guards used
	used map[webhook.ID]time.Time // tokens that WriteUsed has not written yet
}

// New makes an Authenticator.
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

// LogTo sets where it is told, before the Authenticator is used, that an address guesses tokens. The logger bounds how often.
func (a *Authenticator) LogTo(log *slog.Logger) { a.log = log }

// WriteUsed writes when tokens were last used, since it was called last. What cannot be written is written the next time. No caller
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

// use notes that a token is being used. It is called when the token was looked up, which is once a second at most.
func (a *Authenticator) use(t *webhook.Token) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.used[t.ID]; ok || len(a.used) < rememberMax {
		a.used[t.ID] = time.Now()
	}
}

// Authenticate finds the caller of a token, and the tenant that the call is about. An operator may name any tenant, and
// means webhook.DefaultTenant when it names none; a tenant's token may name its own only. from is the address of the one
// who calls. Errors: ErrUnauthenticated, ErrForbidden, *TooManyFailures, or the store's.
func (a *Authenticator) Authenticate(ctx context.Context, from netip.Addr, token, tenant string) (*Caller, error) {
	t, err := a.token(ctx, from, token)
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
	own, err := a.owned(ctx, *t.TenantID)
	if err != nil {
		return nil, err
	}
	if tenant != "" && tenant != own.Name {
		return nil, ErrUnknownTenant
	}
	return &Caller{Token: t, Tenant: own}, nil
}

// Alive reports whether the caller of a context may still be served: false once its token was revoked or has expired, or
// its tenant is gone. Long-lived streams ask repeatedly, so a database that cannot answer for a moment does not end
// them.
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

// owned is the tenant of a caller; ErrUnauthenticated when the token outlived it.
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
		return nil, ErrNoToken // nothing was guessed
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

// refused tells operators of an address that guesses.
func (a *Authenticator) refused(ctx context.Context, from netip.Addr, err error) error {
	if errors.As(err, new(*TooManyFailures)) {
		a.log.WarnContext(ctx, "an address sends too many invalid tokens", slog.Any("address", intake.Source(from)))
	}
	return err
}

// byHash remembers what was found only: a token that was just created works at once.
func (a *Authenticator) byHash(ctx context.Context, hash []byte) (*webhook.Token, error) {
	if len(hash) != 32 {
		return nil, ErrUnknownToken
	}
	key := [32]byte(hash)
	t, err := a.tokens.get(key, func() (*webhook.Token, error) {
		t, err := a.store.TokenByHash(ctx, hash)
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
		// An index was searched for the hash, and how far that got tells nothing of use: only hashes are compared there.
		if subtle.ConstantTimeCompare(t.Hash, hash) != 1 {
			return nil, ErrUnknownToken
		}
		a.failed.succeeded(key)
		a.use(t)
		return t, nil
	})
	if err == nil && !t.Valid(time.Now()) { // it expired while it was remembered
		return nil, ErrExpiredToken
	}
	return t, err
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
