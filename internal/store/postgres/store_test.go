package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/postgres"
	"github.com/hookgraph/hookgraph/internal/store/storetest"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// The store on PostgreSQL passes the conformance suite.
func TestStore(t *testing.T) { storetest.Run(t, storetest.Postgres) }

// Rows of statistics are found by their key, one lookup each, even before PostgreSQL has analyzed the table: by the index on buckets, each
// lookup would read the rows of all webhooks of a minute.
func TestStatisticsAreFoundByTheirKey(t *testing.T) {
	db := postgres.New(webhooktest.Postgres(t), postgres.Settings{})
	s, err := store.OpenOn(t.Context(), store.Options{MasterKeys: [][]byte{webhooktest.MasterKey}}, db)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	text, args := postgres.FindStats([]dialect.StatsKey{{Tenant: webhook.NewID(time.Now()), Grain: 1, Webhook: 1, Bucket: 1}, {Tenant: webhook.NewID(time.Now()), Grain: 60, Type: "a.b"}})
	rows, err := db.Side().QueryContext(t.Context(), "EXPLAIN "+text, args...)
	storetest.Must(t, err)
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var line string
		storetest.Must(t, rows.Scan(&line))
		plan = append(plan, line)
	}
	storetest.Must(t, rows.Err())
	if all := strings.Join(plan, "\n"); strings.Count(all, "stats_pkey") != 1 || strings.Contains(all, "stats_bucket") || strings.Contains(all, "Seq Scan") {
		t.Errorf("the plan is\n%s", all)
	}
}

// What events and webhooks have adds no statement to a call that publishes, but for one with tags.
func TestStatementsOfPublishing(t *testing.T) {
	db := postgres.New(webhooktest.Postgres(t), postgres.Settings{})
	taken := db.Counted()
	s, err := store.OpenOn(t.Context(), store.Options{MasterKeys: [][]byte{webhooktest.MasterKey}}, db)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	storetest.Statements(t, s, taken, 6) // two inserts, the journal, the lease, and the transaction's ends
}
