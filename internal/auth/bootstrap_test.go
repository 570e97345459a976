package auth_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/auth"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The first start creates one operator token, which works; later starts create none, even if that token was revoked.
func TestFirstStart(t *testing.T) {
	s := webhooktest.Store(t, nil)
	made, err := auth.Bootstrap(t.Context(), s, "", slog.New(slog.DiscardHandler))
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
	if again, err := auth.Bootstrap(t.Context(), s, "", slog.New(slog.DiscardHandler)); again != "" || err != nil {
		t.Errorf("%q, %v", again, err)
	}
}

// A configured bootstrap token is an operator token at every start, and stays revoked once revoked.
func TestGivenToken(t *testing.T) {
	const given = "hg_given-by-whoever-runs-the-machines"
	s := webhooktest.Store(t, nil)
	for range 2 {
		if made, err := auth.Bootstrap(t.Context(), s, given, slog.New(slog.DiscardHandler)); made != "" || err != nil {
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
	if _, err := auth.Bootstrap(t.Context(), s, given, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(s).Authenticate(t.Context(), netip.Addr{}, given, ""); err == nil {
		t.Error("the revoked token works")
	}
}

// A changed, missing or revoked bootstrap token is logged, by its id and never by its text.
func TestBootstrapTokenChanges(t *testing.T) {
	s := webhooktest.Store(t, nil)
	const first, second = "hg_the-first-of-those-that-were-given", "hg_the-second-of-those-that-were-given"
	revoke := func(t *testing.T) {
		t.Helper()
		tokens, err := s.Tokens(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Registry(nil).RevokeToken(t.Context(), tokens[0].ID); err != nil { // newest first
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		given  string
		revoke bool   // before
		want   string // "": nothing is logged
	}{
		{given: first},
		{given: first},
		{given: second, want: "has changed, and the earlier one still works"},
		{given: "", want: "that of an earlier start still works"},
		{given: second, revoke: true, want: "it was revoked"},
		{given: first},
	} {
		if step.revoke {
			revoke(t)
		}
		var log bytes.Buffer
		if _, err := auth.Bootstrap(t.Context(), s, step.given, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		said := log.String()
		if step.want == "" && said != "" || !strings.Contains(said, step.want) || strings.Contains(said, "hg_") || said != "" && !strings.Contains(said, " token=") {
			t.Errorf("given %q: %q, want %q", step.given, said, step.want)
		}
	}
}
