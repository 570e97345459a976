package webhooktest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	_ "github.com/hookgraph/hookgraph/internal/store/postgres" // registers the database
	_ "github.com/hookgraph/hookgraph/internal/store/sqlite"   // registers the database
	"github.com/hookgraph/hookgraph/internal/upkeep"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Store opens a new store in a temporary directory. change, which may be nil, changes its options. The test's end closes it.
func Store(tb testing.TB, change func(*store.Options)) *store.Store {
	tb.Helper()
	Watch(tb)
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
	Upkeep(tb, s)
	return s
}

// Database returns a directory with a SQLite database, as the first start of a server makes it.
func Database(tb testing.TB) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	s, err := store.Open(tb.Context(), store.At(dir))
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// Upkeep runs the store's background tasks, as a server does, until the test's end or a call of end.
func Upkeep(tb testing.TB, s *store.Store) (end func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	var running sync.WaitGroup
	running.Go(func() { upkeep.New(s, slog.New(slog.DiscardHandler), s.Tasks()...).Run(ctx) })
	end = func() {
		cancel()
		running.Wait()
	}
	tb.Cleanup(end)
	return end
}

// Token creates a token of the named tenant, which is created if necessary; of an operator if the name is "".
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
