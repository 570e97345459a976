package webhooktest

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Store opens a new store in a temporary directory. change, which may be nil, changes its options. The test's end closes it.
func Store(tb testing.TB, change func(*store.Options)) *store.Store {
	tb.Helper()
	o := store.Options{Dir: tb.TempDir()}
	if change != nil {
		change(&o)
	}
	s, err := store.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Token makes a token of the tenant of this name, which is made when it is new; of an operator when it is "".
func Token(tb testing.TB, s *store.Store, tenant string) (token string, row *webhook.Token) {
	tb.Helper()
	var owner *webhook.ID
	if tenant != "" {
		made, err := s.EnsureTenant(tb.Context(), tenant)
		if err != nil {
			tb.Fatal(err)
		}
		owner = &made.ID
	}
	token, _ = webhook.NewToken()
	row, err := s.AddToken(tb.Context(), webhook.Token{TenantID: owner, Name: "test"}, token)
	if err != nil {
		tb.Fatal(err)
	}
	return token, row
}
