package sqlite_test

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
)

// The store on SQLite passes the conformance suite.
func TestStore(t *testing.T) { storetest.Run(t, storetest.SQLite) }

// What events and webhooks have adds no statement to a call that publishes, but for one with tags. The driver counts: most statements of the writer
// pass GORM by.
func TestStatementsOfPublishing(t *testing.T) {
	dir := t.TempDir()
	db := sqlite.New(dir)
	taken := db.Counted()
	s, err := store.OpenOn(t.Context(), store.Options{Dir: dir}, db)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	storetest.Statements(t, s, taken, 5) // two inserts that return their place, and the journal
}
