// Package storetest is the conformance suite of the store: what callers may rely on, whatever the database. Run runs all of it on one; each
// database's package calls it.
package storetest

import (
	"sync"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// Database is a kind of database.
type Database struct {
	Kind string
	// New creates one, which the end of the test removes.
	New func(t *testing.T) Place
}

// Place is where one database is: it completes the options with which the store is opened.
type Place func(o store.Options) store.Options

// Open opens the database, the same each time. The test's end closes it.
func (p Place) Open(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	s, _ := p.Serve(tb, o)
	return s
}

// Rest is Open without the work by the clock, for tests that do it themselves.
func (p Place) Rest(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	s := p.open(tb, o)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Serve is Open for tests that open a database often: end ends the work by the clock, which would otherwise go on until the test's end,
// and closes the store.
func (p Place) Serve(tb testing.TB, o store.Options) (s *store.Store, end func() error) {
	tb.Helper()
	s = p.open(tb, o)
	rest := webhooktest.Upkeep(tb, s)
	end = sync.OnceValue(func() error {
		rest()
		return s.Close()
	})
	tb.Cleanup(func() {
		if err := end(); err != nil {
			tb.Error(err)
		}
	})
	return s, end
}

func (p Place) open(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	webhooktest.Watch(tb)
	s, err := store.Open(tb.Context(), p(o))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Suite is a test on one database.
type Suite struct {
	*testing.T

	Kind  string // of database
	Open  func(tb testing.TB, o store.Options) *store.Store
	Fresh func() Place // creates another one
}

// SQLite creates databases in directories.
var SQLite = Database{"sqlite", func(t *testing.T) Place {
	t.Helper()
	dir := t.TempDir()
	return func(o store.Options) store.Options {
		o.Dir = dir
		return o
	}
}}

// Postgres creates databases of a PostgreSQL server that the tests start.
var Postgres = Database{"postgres", func(t *testing.T) Place {
	t.Helper()
	url := webhooktest.Postgres(t)
	return func(o store.Options) store.Options {
		o.URL = url
		if o.MasterKeys == nil {
			o.MasterKeys = [][]byte{webhooktest.MasterKey}
		}
		return o
	}
}}

// Each runs a test on every kind of database.
func Each(t *testing.T, test func(t *Suite)) {
	t.Helper()
	for _, db := range []Database{SQLite, Postgres} {
		t.Run(db.Kind, func(t *testing.T) { test(On(t, db)) })
	}
}

// On is a test on a new database.
func On(t *testing.T, db Database) *Suite {
	t.Helper()
	return &Suite{T: t, Kind: db.Kind, Open: db.New(t).Open, Fresh: func() Place { return db.New(t) }}
}

// Run runs the suite on a kind of database, each test on one of its own.
func Run(t *testing.T, db Database) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(On(t, db)) })
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
	{"Upsert", testUpsert},
	{"UpsertRefused", testUpsertRefused},
	{"ImportedSecret", testImport},
	{"OwnersData", testOwnersData},
	{"Headers", testHeaders},
	{"Authentication", testAuthentication},
	{"AuthenticationRules", testAuthenticationRules},
	{"AuthenticationAgain", testAuthenticationAgain},
	{"CertificatesExpiring", testCertificatesExpiring},
	{"HeaderRules", testHeaderRules},
	{"RotateKey", testRotateKey},
	{"TryLock", testTryLock},
	{"AttemptBefore", testAttemptBefore},
	{"AttemptFilters", testAttemptFilters},
	{"Tags", testTags},
	{"WildcardsOfLists", testWildcardsOfLists},
	{"PublishFansOut", testPublishFansOut},
	{"Idempotency", testIdempotency},
	{"Traceparent", testTraceparent},
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
	{"AuditLog", testAuditLog},
}
