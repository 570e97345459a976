package storetest

import (
	"errors"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// A tenant's tokens are found by their hash until they are revoked.
func testTokens(t *Suite) {
	s := t.Open(t, store.Options{})
	a, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	token, hash := webhook.NewToken()
	made, err := s.AddToken(t.Context(), webhook.Token{TenantID: &a.ID, Name: "ci"}, token)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.TokenByHash(t.Context(), hash)
	if err != nil || found.ID != made.ID || *found.TenantID != a.ID {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := s.AddToken(t.Context(), webhook.Token{Name: "operator"}, token); len(webhook.Invalids(err)) != 1 {
		t.Errorf("a tenant's token made an operator's: %v", err)
	}
	if _, err := s.Registry(nil).RevokeToken(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TokenByHash(t.Context(), hash); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("revoked token: %v", err)
	}
	if list, err := s.Tokens(t.Context()); len(list) != 1 || list[0].RevokedAt == nil || err != nil {
		t.Errorf("list %+v %v", list, err)
	}
}
