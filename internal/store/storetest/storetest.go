// Package storetest is the conformance suite of the store: what callers may rely on, whatever the database. Run runs all of it on one; each
// database's package calls it.
package storetest

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Database is a kind of database.
type Database struct {
	Kind string
	// New creates one, which the end of the test removes.
	New func(t *testing.T) Opener
}

// Opener opens the same database each time; the test's end closes it.
type Opener func(t testing.TB, o store.Options) *store.Store

// Suite is a test on one database.
type Suite struct {
	*testing.T

	Kind  string        // of database
	Open  Opener        // opens the test's database
	Fresh func() Opener // creates another one
}

// SQLite creates databases in directories.
var SQLite = Database{"sqlite", func(t *testing.T) Opener {
	t.Helper()
	dir := t.TempDir()
	return func(tb testing.TB, o store.Options) *store.Store {
		tb.Helper()
		o.Dir = dir
		return open(tb, o)
	}
}}

// Postgres creates databases of a PostgreSQL server that the tests start.
var Postgres = Database{"postgres", func(t *testing.T) Opener {
	t.Helper()
	url := webhooktest.Postgres(t)
	return func(tb testing.TB, o store.Options) *store.Store {
		tb.Helper()
		o.URL = url
		if o.MasterKeys == nil {
			o.MasterKeys = [][]byte{webhooktest.MasterKey}
		}
		return open(tb, o)
	}
}}

func open(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	webhooktest.Upkeep(tb, s)
	return s
}

// Each runs a test on every kind of database.
func Each(t *testing.T, test func(t *Suite)) {
	t.Helper()
	for _, db := range []Database{SQLite, Postgres} {
		t.Run(db.Kind, func(t *testing.T) { test(on(t, db)) })
	}
}

// on is a test on a new database.
func on(t *testing.T, db Database) *Suite {
	t.Helper()
	return &Suite{T: t, Kind: db.Kind, Open: db.New(t), Fresh: func() Opener { return db.New(t) }}
}

// Run runs the suite on a kind of database, each test on one of its own.
func Run(t *testing.T, db Database) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(on(t, db)) })
	}
}

var tests = []struct {
	name string
	run  func(t *Suite)
}{
	{"CancelledReadsHarmNobody", testCancelledReadsHarmNobody},
	{"FieldsOfHistory", testFieldsOfHistory},
	{"UpdateIfUnchanged", testUpdateIfUnchanged},
	{"ExternalID", testExternalID},
	{"OwnersData", testOwnersData},
	{"Headers", testHeaders},
	{"HeaderRules", testHeaderRules},
	{"RotateKey", testRotateKey},
	{"TryLock", testTryLock},
	{"AttemptBefore", testAttemptBefore},
	{"AttemptFilters", testAttemptFilters},
	{"Tags", testTags},
	{"WildcardsOfLists", testWildcardsOfLists},
	{"PublishFansOut", testPublishFansOut},
	{"Idempotency", testIdempotency},
	{"HeldAndReleased", testHeldAndReleased},
	{"RestartVoidsClaims", testRestartVoidsClaims},
	{"Cancel", testCancel},
	{"TenantsAreApart", testTenantsAreApart},
	{"Pages", testPages},
	{"GroupCommit", testGroupCommit},
	{"Rotation", testRotation},
	{"RotationIsBounded", testRotationIsBounded},
	{"DeleteAndPrune", testDeleteAndPrune},
	{"Tokens", testTokens},
}
