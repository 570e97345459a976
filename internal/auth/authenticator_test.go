package auth

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// fake is a store of tokens and tenants that counts its calls.
type fake struct {
	mu      sync.Mutex // guards err and used, in tests that call Run
	tokens  []*webhook.Token
	tenants []*webhook.Tenant
	asked   int
	err     error
	used    []map[webhook.ID]time.Time
}

func (f *fake) TokensUsed(_ context.Context, used map[webhook.ID]time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.used = append(f.used, used)
	}
	return f.err
}

func (f *fake) TokenByHash(_ context.Context, hash []byte) (*webhook.Token, error) {
	f.asked++
	for _, t := range f.tokens {
		if bytes.Equal(t.Hash, hash) && t.Valid(time.Now()) {
			return t, nil
		}
	}
	return nil, webhook.ErrNotFound
}

func (f *fake) TenantByName(_ context.Context, name string) (*webhook.Tenant, error) {
	for _, t := range f.tenants {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, webhook.ErrNotFound
}

func (f *fake) TenantsByID(_ context.Context, ids []webhook.ID) (map[webhook.ID]*webhook.Tenant, error) {
	found := map[webhook.ID]*webhook.Tenant{}
	for _, t := range f.tenants {
		for _, id := range ids {
			if t.ID == id {
				found[id] = t
			}
		}
	}
	return found, nil
}

func newFake() *fake {
	f := &fake{}
	for i, name := range []string{"default", "kallima", "northwind"} {
		f.tenants = append(f.tenants, &webhook.Tenant{ID: webhook.ID{byte(i + 1)}, Name: name})
	}
	kallima := f.tenants[1].ID
	f.tokens = []*webhook.Token{
		{ID: webhook.ID{10}, Hash: webhook.HashToken("operator")},
		{ID: webhook.ID{11}, Hash: webhook.HashToken("kallima"), TenantID: &kallima},
	}
	return f
}

// An operator acts for the tenant that it names, a tenant for itself; a foreign tenant and an unknown one are refused alike.
func TestAuthenticate(t *testing.T) {
	a := New(newFake())
	for _, tc := range []struct {
		token, tenant string
		want          string // the tenant's name
		err           error
	}{
		{token: "operator", want: "default"},
		{token: "operator", tenant: "northwind", want: "northwind"},
		{token: "operator", tenant: "nobody", err: ErrUnknownTenant},
		{token: "operator", tenant: strings.Repeat("x", 1<<10), err: ErrUnknownTenant},
		{token: "operator", tenant: " ", err: ErrUnnamedTenant},
		{token: "kallima", want: "kallima"},
		{token: "kallima", tenant: " ", err: ErrUnnamedTenant},
		{token: "guess", tenant: " ", err: ErrUnauthenticated},
		{token: "kallima", tenant: "kallima", want: "kallima"},
		{token: "kallima", tenant: "northwind", err: ErrUnknownTenant},
		{token: "kallima", tenant: "nobody", err: ErrUnknownTenant},
		{token: "", err: ErrUnauthenticated},
		{token: "guess", tenant: "kallima", err: ErrUnauthenticated},
		{token: strings.Repeat("x", MaxTokenBytes+1), err: ErrUnauthenticated},
	} {
		c, err := a.Authenticate(t.Context(), netip.Addr{}, tc.token, tc.tenant)
		if !errors.Is(err, tc.err) {
			t.Errorf("%.20q for %.20q: %v", tc.token, tc.tenant, err)
		}
		if tc.err == nil && (err != nil || c.Tenant.Name != tc.want || c.Operator != (tc.token == "operator")) {
			t.Errorf("%q for %q: %+v, %v", tc.token, tc.tenant, c, err)
		}
	}
	if !errors.Is(ErrUnknownTenant, ErrForbidden) {
		t.Error("ErrUnknownTenant is no ErrForbidden")
	}
}

// A token is looked up at most once a second, so a revocation is noticed within a second.
func TestRevocationIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		c, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", "")
		if err != nil {
			t.Fatal(err)
		}
		ctx := With(t.Context(), c)
		for range 100 {
			if _, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", ""); err != nil || !a.Alive(ctx) {
				t.Fatal(err)
			}
		}
		if f.asked != 1 {
			t.Errorf("asked %d times", f.asked)
		}
		now := time.Now()
		f.tokens[1].RevokedAt = &now
		time.Sleep(rememberFor)
		if _, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", ""); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("a revoked token: %v", err)
		}
		if a.Alive(ctx) {
			t.Error("a revoked token is alive")
		}
	})
}

// A failing database ends no stream, and is not reported as an invalid token.
func TestDatabaseFailure(t *testing.T) {
	f := newFake()
	f.err = webhook.ErrUnavailable
	f.tokens = nil
	a := New(&failing{f})
	if _, err := a.Authenticate(t.Context(), netip.Addr{}, "operator", ""); !errors.Is(err, webhook.ErrUnavailable) || errors.Is(err, ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	ctx := With(t.Context(), &Caller{Token: &webhook.Token{Hash: webhook.HashToken("operator")}, Tenant: f.tenants[0]})
	if !a.Alive(ctx) {
		t.Error("a failing database ends streams")
	}
	if a.Alive(t.Context()) {
		t.Error("nobody is alive")
	}
}

type failing struct{ *fake }

func (f *failing) TokenByHash(context.Context, []byte) (*webhook.Token, error) { return nil, f.err }

// The size of the cache is limited, whatever is looked up.
func TestRecentIsBounded(t *testing.T) {
	r := newRecent[int, int](time.Minute, 10)
	for i := range 1000 {
		if v, err := r.get(i, func() (int, error) { return i, nil }); v != i || err != nil {
			t.Fatal(v, err)
		}
		if len(r.entries) > 10 {
			t.Fatalf("%d entries", len(r.entries))
		}
	}
}

// The cache evicts one entry at a time, the oldest first.
func TestRecentForgetsTheOldest(t *testing.T) {
	r := newRecent[int, int](time.Minute, 10)
	for i := range 100 {
		r.put(0, 0) // repeatedly
		r.put(i, i)
		if !r.has(0) || !r.has(max(i-8, 0)) || r.order.Len() != len(r.entries) {
			t.Fatalf("after %d: 0 %v, %d %v; %d in order, %d in all", i, r.has(0), i-8, r.has(i-8), r.order.Len(), len(r.entries))
		}
	}
	r.drop(99)
	if r.has(99) || r.order.Len() != len(r.entries) {
		t.Error("what was dropped is there")
	}
}

// A token is invalid from the instant at which it expires, also if it is cached.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		end := time.Now().Add(10*time.Second + rememberFor/2)
		f.tokens[1].ExpiresAt = &end
		a := New(f)
		time.Sleep(10 * time.Second)
		c, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", "") // which caches it until after its expiry
		if err != nil {
			t.Fatal(err)
		}
		ctx := With(t.Context(), c)
		if !a.Alive(ctx) {
			t.Error("the token ended early")
		}
		time.Sleep(rememberFor / 2)
		if _, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", ""); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("an expired token: %v", err)
		}
		if a.Alive(ctx) {
			t.Error("an expired token is alive")
		}
	})
}

// A stream ends when its tenant is deleted, also an operator's.
func TestTenantIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		c, err := a.Authenticate(t.Context(), netip.Addr{}, "operator", "kallima")
		if err != nil {
			t.Fatal(err)
		}
		f.tenants = f.tenants[:1]
		time.Sleep(rememberFor)
		if a.Alive(With(t.Context(), c)) {
			t.Error("the tenant is gone and its stream is alive")
		}
	})
}

// WriteUsed writes the uses, one for each token however often it was used; callers never write them. Uses that could not be written
// are kept for the next time.
func TestLastUseIsWrittenLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		use := func(token string) {
			t.Helper()
			if _, err := a.Authenticate(t.Context(), netip.Addr{}, token, ""); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			use("kallima")
			time.Sleep(500 * time.Millisecond)
		}
		if len(f.used) != 0 {
			t.Error("written by a caller")
		}
		last := time.Now().Add(-rememberFor)
		f.err = webhook.ErrUnavailable
		if err := a.WriteUsed(t.Context()); !errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("cannot be written: %v", err)
		}
		f.err = nil
		if err := a.WriteUsed(t.Context()); err != nil || len(f.used) != 1 || len(f.used[0]) != 1 || f.used[0][f.tokens[1].ID].Before(last) {
			t.Errorf("written: %v %v", f.used, err)
		}
		if err := a.WriteUsed(t.Context()); err != nil || len(f.used) != 1 {
			t.Errorf("written without a use: %v %v", f.used, err)
		}
		use("operator")
		if err := a.WriteUsed(t.Context()); err != nil || len(f.used) != 2 || f.used[1][f.tokens[0].ID].IsZero() {
			t.Errorf("the next one: %v %v", f.used, err)
		}
	})
}

// A portal session that was renewed in its last second is not refused for what was remembered of it, nor is its stream ended.
func TestRenewalIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		now := time.Now()
		before, after := *f.tokens[1], *f.tokens[1]
		before.ExpiresAt, after.ExpiresAt = new(now.Add(500*time.Millisecond)), new(now.Add(time.Hour))
		f.tokens[1] = &before
		caller, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", "")
		if err != nil {
			t.Fatal(err)
		}
		f.tokens[1] = &after
		time.Sleep(600 * time.Millisecond)
		if !a.Alive(With(t.Context(), caller)) {
			t.Error("its stream ends")
		}
		if _, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", ""); err != nil {
			t.Error(err)
		}
	})
}
