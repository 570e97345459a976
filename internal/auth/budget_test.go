package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An address that has guessed too often is not looked at any more, but for tokens that were valid before; another address
// is, and so is this one after a while. Calls without a token are no guesses.
func TestFailuresAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		here, there := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.8")
		call := func(from netip.Addr, token string) error {
			_, err := a.Authenticate(t.Context(), from, token, "")
			return err
		}
		if err := call(here, "kallima"); err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			if err := call(here, ""); !errors.Is(err, ErrUnauthenticated) {
				t.Fatal(err)
			}
		}
		for i := range failuresAtOnce {
			if err := call(here, fmt.Sprint("guess ", i)); !errors.Is(err, ErrUnauthenticated) {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
		asked := f.asked
		for _, token := range []string{"another guess", "operator"} { // the second is valid, and new here
			var limited *TooManyFailures
			if err := call(here, token); !errors.As(err, &limited) || limited.RetryAfter <= 0 || limited.RetryAfter > failureInterval {
				t.Errorf("%s: %v", token, err)
			}
		}
		if f.asked != asked {
			t.Error("a refusal costs a look-up")
		}
		time.Sleep(rememberFor) // past what is remembered of the token itself
		if err := call(here, "kallima"); err != nil {
			t.Errorf("a token that was valid before: %v", err)
		}
		if err := call(there, "operator"); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(failureInterval)
		if err := call(here, "operator"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		now := time.Now()
		f.tokens[1].RevokedAt = &now
		time.Sleep(rememberFor)
		if err := call(there, "kallima"); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("revoked: %v", err)
		}
		if a.failed.known.has([32]byte(webhook.HashToken("kallima"))) {
			t.Error("a revoked token is still known")
		}
	})
}

// A caller spends what it has, waits as long as it is told, and never for ever; others are not touched by it.
func TestRation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRation(100, 500)
		a, b := &Caller{Token: &webhook.Token{ID: webhook.ID{1}}}, &Caller{Token: &webhook.Token{ID: webhook.ID{2}}}
		if wait := r.Charge(a, 500); wait != 0 {
			t.Errorf("within the burst: %v", wait)
		}
		wait := r.Charge(a, 50)
		if wait != 500*time.Millisecond {
			t.Errorf("wait %v", wait)
		}
		if r.Charge(b, 50) != 0 {
			t.Error("another token pays")
		}
		time.Sleep(wait)
		if again := r.Charge(a, 50); again != 0 {
			t.Errorf("after the wait: %v", again)
		}
		if wait := r.Charge(a, 10_000); wait != 5*time.Second {
			t.Errorf("more than the burst: %v", wait)
		}
		time.Sleep(5 * time.Second)
		if wait := r.Charge(a, 10_000); wait != 0 {
			t.Errorf("more than the burst, of a full budget: %v", wait)
		}
		if NewRation(0, 0).Charge(a, 1<<30) != 0 {
			t.Error("0 is a bound")
		}
	})
}

// The tokens of a tenant spend from one budget, however many they are, and one of them half of it; other tenants and operators
// are not touched by it, also when an operator's call is about that tenant. What is refused costs nothing.
func TestRationIsSharedByTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRation(100, 1000)
		token := func(tenant, id byte) *Caller {
			return &Caller{Token: &webhook.Token{ID: webhook.ID{id}, TenantID: &webhook.ID{tenant}}, Tenant: &webhook.Tenant{ID: webhook.ID{tenant}}}
		}
		spent, tokens := 0, 0
		for id := range byte(200) {
			tokens++
			for r.Charge(token(1, id), 10) == 0 {
				spent += 10
			}
			if id == 0 && spent != 500 {
				t.Errorf("one token spent %d, want half", spent)
			}
		}
		if spent != 1000 {
			t.Errorf("%d tokens spent %d, want 1000", tokens, spent)
		}
		operator := &Caller{Token: &webhook.Token{ID: webhook.ID{1}}, Operator: true, Tenant: &webhook.Tenant{ID: webhook.ID{1}}}
		if r.Charge(token(2, 201), 500) != 0 || r.Charge(operator, 1000) != 0 {
			t.Error("others pay for it")
		}
		wait := r.Charge(token(1, 202), 50)
		if wait != 500*time.Millisecond {
			t.Errorf("wait %v", wait)
		}
		time.Sleep(wait)
		if again := r.Charge(token(1, 202), 50); again != 0 {
			t.Errorf("after the wait: %v", again)
		}
		time.Sleep(time.Minute)
		if wait := r.Charge(token(1, 202), 10_000); wait != 0 {
			t.Errorf("more than the budget, of a full one: %v", wait)
		}
		if wait := r.Charge(token(1, 203), 10); wait == 0 {
			t.Error("it was not taken from the tenant's")
		}
	})
}

// What is remembered is bounded, whoever calls.
func TestBudgetsAreBounded(t *testing.T) {
	b := newBudgets[int](1, 10, 100)
	for i := range 10_000 {
		b.spend(i, 5)
		if len(b.of) > 100 {
			t.Fatalf("%d", len(b.of))
		}
	}
}

// A rule names what is missing, and none of the scopes includes another.
func TestNeeds(t *testing.T) {
	c := &Caller{Token: &webhook.Token{Scopes: webhook.TokenScopes{webhook.ScopeAdmin}}}
	for _, tc := range []struct {
		needs Needs
		want  string
	}{
		{Needs{}, ""},
		{Needs{Scope: webhook.ScopeAdmin}, ""},
		{Needs{Scope: webhook.ScopeWebhooksRead}, "a token with the scope webhooks:read is needed"},
		{Needs{Scope: webhook.ScopeAdmin, Operator: true}, "an operator's token is needed"},
	} {
		err := tc.needs.Check(c)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || err.Error() != tc.want || !errors.Is(err, ErrForbidden)) {
			t.Errorf("%+v: %v", tc.needs, err)
		}
	}
	if err := (Needs{Scope: webhook.ScopeEventsPublish}).Check(&Caller{Token: &webhook.Token{}}); err != nil {
		t.Errorf("a token without scopes has all: %v", err)
	}
}
