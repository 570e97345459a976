package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// An address that guesses must wait; a valid token never does, at this address or another, known before or not. Calls without a
// token, with revoked tokens, or with a repeated token do not count as guesses.
func TestFailuresAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		here, there := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.8")
		call := func(from netip.Addr, token string) error {
			_, err := a.Authenticate(t.Context(), from, token, "")
			return err
		}
		limited := func(err error) bool {
			var l *TooManyFailures
			return errors.As(err, &l) && l.RetryAfter > 0 && l.RetryAfter <= failureInterval
		}
		asked := 0
		for i := range 10_000 { // one client configured with a wrong token
			for _, token := range []string{"", "wrong", strings.Repeat("x", MaxTokenBytes+1)} {
				if err := call(here, token); !errors.Is(err, ErrUnauthenticated) {
					t.Fatalf("%d: %.10q: %v", i, token, err)
				}
			}
			if i == 1 {
				asked = f.asked
			}
		}
		if f.asked != asked {
			t.Errorf("a token that was seen to be wrong is looked up %d times", f.asked)
		}
		time.Sleep(time.Minute)
		for i := range failuresAtOnce {
			if err := call(here, fmt.Sprint("guess ", i)); !errors.Is(err, ErrUnauthenticated) {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
		if err := call(here, "another guess"); !limited(err) {
			t.Errorf("another guess: %v", err)
		}
		for _, token := range []string{"operator", "kallima"} {
			if err := call(here, token); err != nil {
				t.Errorf("a valid token beside guesses, %s: %v", token, err)
			}
		}
		if err := call(here, "wrong"); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("the wrong token of before: %v", err)
		}
		if err := call(there, "a guess"); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("another address: %v", err)
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

// The cost of guesses is limited, for one address and for all, and a recently valid token still works.
func TestGuessesCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := New(f)
		if _, err := a.Authenticate(t.Context(), netip.Addr{}, "kallima", ""); err != nil {
			t.Fatal(err)
		}
		const addresses, each = 100, 500
		from := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}) }
		for i := range addresses * each {
			_, _ = a.Authenticate(t.Context(), from(i%addresses), fmt.Sprint("guess ", i), "")
			if i == each {
				time.Sleep(rememberFor)
			}
		}
		if most := addresses*failuresAtOnce + 2*lookupsForAll; f.asked > most+10 {
			t.Errorf("%d look-ups, want %d at most", f.asked, most)
		}
		if n := len(a.failed.bad.entries) + len(a.failed.guessed.entries); n > 2*rememberMax {
			t.Errorf("%d guesses are remembered", n)
		}
		if _, err := a.Authenticate(t.Context(), from(1), "kallima", ""); err != nil {
			t.Errorf("one who got in before: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := a.Authenticate(t.Context(), from(1), "operator", ""); err != nil {
			t.Errorf("one who is new, a second later: %v", err)
		}
	})
}

// A caller can spend its budget, and can call again after the time that Charge returned; others are not affected.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRateLimit(100, 500)
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
		if NewRateLimit(0, 0).Charge(a, 1<<30) != 0 {
			t.Error("0 is a bound")
		}
	})
}

// All tokens of a tenant share one budget, and one of them may use half of it. Other tenants and operators are not affected, even
// if an operator acts for that tenant. Refused calls cost nothing.
func TestRationIsSharedByTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRateLimit(100, 1000)
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

// The number of remembered callers is limited.
func TestBudgetsAreBounded(t *testing.T) {
	b := newBudgets[int](1, 10, 100)
	for i := range 10_000 {
		b.spend(i, 5)
		if len(b.of) > 100 || len(b.byFull) != len(b.of) {
			t.Fatalf("%d, %d", len(b.of), len(b.byFull))
		}
	}
}

// A crowd of keys that take turns spends no more than the remembered budgets allow, and does not reset the budget of one that has
// spent more than most.
func TestCrowdsResetNoBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keys, burst = 100, 20
		b := newBudgets[int](1, burst, keys)
		for range burst {
			b.spend(-1, 1)
		}
		spent := 0
		for i := range 100_000 {
			if b.spend(i%(10*keys), 1) == 0 {
				spent++
			}
			if i < keys*burst/2 && b.wait(-1) == 0 {
				t.Fatalf("after %d others it has a new budget", i)
			}
		}
		if spent > keys*burst {
			t.Errorf("%d was spent, and %d budgets hold %d", spent, keys, keys*burst)
		}
		time.Sleep(burst * time.Second)
		for i := range keys {
			if wait := b.spend(i, burst); wait != 0 {
				t.Fatalf("after all have filled up: %v", wait)
			}
		}
	})
}

// A caller over its budget stays over it although many others come, for guesses and costs alike.
func TestCrowdsLetNobodyOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := New(newFake()), NewRateLimit(100, 1000)
		guess := func(i int, token string) error {
			from := netip.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)})
			_, err := a.Authenticate(t.Context(), from, token, "")
			return err
		}
		caller := func(i int) *Caller {
			id := webhook.ID{1, byte(i >> 16), byte(i >> 8), byte(i)}
			return &Caller{Token: &webhook.Token{ID: id, TenantID: &id}}
		}
		for i := range failuresAtOnce {
			_ = guess(0, fmt.Sprint("guess ", i))
		}
		for r.Charge(caller(0), 100) == 0 {
		}
		for i := range 2 * max(failuresMax, rateLimitsMax) {
			_ = guess(i+1, fmt.Sprint("another's ", i))
			_ = r.Charge(caller(i+1), 1)
		}
		var l *TooManyFailures
		if err := guess(0, "one more guess"); !errors.As(err, &l) {
			t.Errorf("a guess too many: %v", err)
		}
		if r.Charge(caller(0), 100) == 0 {
			t.Error("a tenant that had spent its budget has a new one")
		}
	})
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
		{Needs{Scope: webhook.ScopeWebhooksRead}, "a token with the scope webhooks:read is required"},
		{Needs{Scope: webhook.ScopeAdmin, Operator: true}, "an operator token is required"},
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

// Portal sessions of a tenant share a budget of their own, half as large as the tenant's, of which one may use half; the tenant's own tokens pay
// nothing for them.
func TestPortalHasABudgetOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRateLimit(100, 1000)
		caller := func(id byte, portal bool) *Caller {
			return &Caller{Token: &webhook.Token{ID: webhook.ID{id}, TenantID: &webhook.ID{1}, Portal: portal}, Tenant: &webhook.Tenant{ID: webhook.ID{1}}}
		}
		spend := func(c *Caller) (spent int) {
			for r.Charge(c, 10) == 0 {
				spent += 10
			}
			return spent
		}
		for id, want := range map[byte]int{1: 250} {
			if got := spend(caller(id, true)); got != want {
				t.Errorf("one session spends %d, want %d", got, want)
			}
		}
		if got := spend(caller(2, true)) + spend(caller(3, true)); got != 250 {
			t.Errorf("the others spend %d, want what is left", got)
		}
		if got := spend(caller(4, false)) + spend(caller(5, false)); got != 1000 {
			t.Errorf("the tenant's tokens spend %d", got)
		}
		if h := Holder(caller(1, true)); h == Holder(caller(1, false)) {
			t.Error("a session and a token hold the same share")
		}
	})
}
