package sqlite_test

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/store/storetest"
)

// The store on SQLite passes the conformance suite.
func TestStore(t *testing.T) { storetest.Run(t, storetest.SQLite) }
