package postgres_test

import (
	"testing"

	"github.com/hookgraph/hookgraph/internal/store/storetest"
)

// The store on PostgreSQL keeps what callers rely on.
func TestStore(t *testing.T) { storetest.Run(t, storetest.Postgres) }
