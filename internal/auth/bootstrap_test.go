package auth_test

import (
	"net/netip"
	"testing"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The first start makes one operator's token, which works; no later one does, even when that token was revoked.
func TestFirstStart(t *testing.T) {
	s := webhooktest.Store(t, nil)
	made, err := auth.Bootstrap(t.Context(), s, "")
	if err != nil || made == "" {
		t.Fatal(made, err)
	}
	c, err := auth.New(s).Authenticate(t.Context(), netip.Addr{}, made, "")
	if err != nil || !c.Operator || c.Tenant.Name != webhook.DefaultTenant {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := s.Registry(nil).RevokeToken(t.Context(), c.Token.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := auth.Bootstrap(t.Context(), s, ""); again != "" || err != nil {
		t.Errorf("%q, %v", again, err)
	}
}

// A token that was given is an operator's from start to start, and does not come back to life after it was revoked.
func TestGivenToken(t *testing.T) {
	const given = "hg_given-by-whoever-runs-the-machines"
	s := webhooktest.Store(t, nil)
	for range 2 {
		if made, err := auth.Bootstrap(t.Context(), s, given); made != "" || err != nil {
			t.Fatalf("%q, %v", made, err)
		}
	}
	c, err := auth.New(s).Authenticate(t.Context(), netip.Addr{}, given, "")
	if err != nil || !c.Operator {
		t.Fatalf("%+v, %v", c, err)
	}
	if tokens, err := s.Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
	if _, err := s.Registry(nil).RevokeToken(t.Context(), c.Token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Bootstrap(t.Context(), s, given); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(s).Authenticate(t.Context(), netip.Addr{}, given, ""); err == nil {
		t.Error("the revoked token works")
	}
}
