package postgres_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
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
// lookup would read the rows of all webhooks of a minute. A key that is absent, as those of a new minute are, costs no more.
func TestStatisticsAreFoundByTheirKey(t *testing.T) {
	db := postgres.New(webhooktest.Postgres(t), postgres.Settings{})
	s, err := store.OpenOn(t.Context(), store.Options{MasterKeys: [][]byte{webhooktest.MasterKey}}, db)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	explain := func(how string, keys ...dialect.StatsKey) string {
		text, args := postgres.FindStats(keys)
		rows, err := db.Side().QueryContext(t.Context(), how+text, args...)
		storetest.Must(t, err)
		defer func() { _ = rows.Close() }()
		var plan []string
		for rows.Next() {
			var line string
			storetest.Must(t, rows.Scan(&line))
			plan = append(plan, line)
		}
		storetest.Must(t, rows.Err())
		return strings.Join(plan, "\n")
	}
	tenant := webhook.NewID(time.Now())
	look := func(when string) {
		plan := explain("EXPLAIN ", dialect.StatsKey{Tenant: tenant, Grain: 1, Webhook: 1, Bucket: 1}, dialect.StatsKey{Tenant: tenant, Grain: 60, Type: "a.b"})
		if strings.Count(plan, "stats_pkey") != 1 || strings.Contains(plan, "stats_bucket") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s the plan is\n%s", when, plan)
		}
	}
	look("before it is analyzed")
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO stats SELECT '%s', g.grain, w.n, '', b.n, '\x00' FROM
			(VALUES (1), (60)) AS g (grain), generate_series(1, 200) AS w (n), generate_series(1, 60) AS b (n)`, tenant),
		"VACUUM ANALYZE stats",
	} {
		_, err := db.Side().ExecContext(t.Context(), statement)
		storetest.Must(t, err)
	}
	look("with many rows")
	var keys []dialect.StatsKey
	for hook := range int64(100) {
		keys = append(keys, dialect.StatsKey{Tenant: tenant, Grain: 1, Webhook: hook, Bucket: 61})
	}
	plan := explain("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ", keys...)
	read := regexp.MustCompile(`shared hit=(\d+)`).FindStringSubmatch(plan)
	if read == nil {
		t.Fatalf("the plan is\n%s", plan)
	}
	if n, err := strconv.Atoi(read[1]); err != nil || n > 5*len(keys) {
		t.Errorf("%d absent keys read %d pages, the plan is\n%s", len(keys), n, plan)
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

// What the database or the role has set for others changes nothing here: transactions are READ COMMITTED, because in a stricter one what another
// replica has changed while a lock was awaited is an error, or is not seen; texts are UTF-8, and with backslashes mean what they say.
func TestSettingsAreNotTheDatabases(t *testing.T) {
	url := webhooktest.Postgres(t)
	administrator, err := sql.Open("pgx", url)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, administrator.Close()) }()
	for _, set := range []string{
		"default_transaction_isolation = serializable", "standard_conforming_strings = off", "client_encoding = LATIN1", `timezone = "Asia/Kathmandu"`,
	} {
		_, err = administrator.ExecContext(t.Context(), fmt.Sprintf(
			"DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET %s', current_database()); END $$", set))
		storetest.Must(t, err)
	}
	db := postgres.New(url, postgres.Settings{})
	s, err := store.OpenOn(t.Context(), store.Options{MasterKeys: [][]byte{webhooktest.MasterKey}}, db)
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	for name, want := range map[string]string{
		"transaction_isolation": "read committed", "standard_conforming_strings": "on", "client_encoding": "UTF8", "timezone": "UTC",
	} {
		var is string
		storetest.Must(t, db.Side().QueryRowContext(t.Context(), "SHOW "+name).Scan(&is))
		if is != want {
			t.Errorf("%s is %s", name, is)
		}
	}
}

// ASCII letters in a text that is looked for match regardless of case, also in a database for Turkish, where the small letter of I is another.
func TestLettersOfTurkish(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{URL: webhooktest.PostgresFor(t, "tr"), MasterKeys: [][]byte{webhooktest.MasterKey}})
	storetest.Must(t, err)
	defer func() { storetest.Must(t, s.Close()) }()
	made, err := s.Registry(nil).CreateTenant(t.Context(), "title", webhook.TenantPatch{})
	storetest.Must(t, err)
	c := s.In(made.ID)
	_, _, err = c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/IN", Description: "TITLE", Enabled: true})
	storetest.Must(t, err)
	for _, text := range []string{"title", "TITLE", "Title"} {
		webhooks, err := c.Webhooks(t.Context(), store.WebhookFilter{Text: new(text)}, store.Page{First: 10})
		storetest.Must(t, err)
		tenants, err := s.Registry(nil).Tenants(t.Context(), store.TenantFilter{Name: &text}, store.Page{First: 10})
		storetest.Must(t, err)
		if len(webhooks.Items) != 1 || len(tenants.Items) != 1 {
			t.Errorf("%s: %d webhooks, %d tenants, want one each", text, len(webhooks.Items), len(tenants.Items))
		}
	}
	if found, err := c.Webhooks(t.Context(), store.WebhookFilter{URL: new("/in")}, store.Page{First: 10}); err != nil || len(found.Items) != 1 {
		t.Errorf("a URL: %v", err)
	}
}
