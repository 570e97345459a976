package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// copySecrets adds expired copies of a webhook's secret.
var copySecrets = map[string]string{
	"sqlite": `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO secrets (id, tenant_id, webhook_id, scheme, key_id, sealed, created_at, expires_at)
		SELECT randomblob(16), tenant_id, webhook_id, scheme, key_id, sealed, created_at, created_at FROM (SELECT * FROM secrets LIMIT 1) AS s, n`,
	"postgres": `INSERT INTO secrets (id, tenant_id, webhook_id, scheme, key_id, sealed, created_at, expires_at)
		SELECT gen_random_uuid(), tenant_id, webhook_id, scheme, key_id, sealed, created_at, created_at
		FROM (SELECT * FROM secrets LIMIT 1) AS s, generate_series(1, %d)`,
}

// addNotices adds operational events, to be published, of webhooks that do not exist.
var addNotices = map[string]string{
	"sqlite": `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO notices (tenant_id, subject_id, kind, count, sample, created_at)
		SELECT tenant_id, randomblob(16), 'hookgraph.delivery.failed', 1, '{"eventType":"a.b"}', created_at FROM (SELECT * FROM webhooks LIMIT 1) AS w, n`,
	"postgres": `INSERT INTO notices (tenant_id, subject_id, kind, count, sample, created_at)
		SELECT tenant_id, gen_random_uuid(), 'hookgraph.delivery.failed', 1, '{"eventType":"a.b"}', created_at
		FROM (SELECT * FROM webhooks LIMIT 1) AS w, generate_series(1, %d)`,
}

// However slow the disk is, a task's transactions take about as long as others may wait, however many rows wait: it learns how
// long a row takes. The test's rows are slower than this machine's, so noise makes transactions shorter.
func TestTasksKeepTime(t *testing.T) {
	const row, most, backlog = 300 * time.Microsecond, 25 * time.Millisecond, 500
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{Shared: true, Tuning: lingering()})
		c := tenant(t, s, "a")
		gone := register(t, c, webhook.New{Enabled: true})
		register(t, c, webhook.New{Enabled: true})
		publish(t, c, make([]webhook.NewEvent, backlog)...)
		must(t, s.Exec(fmt.Sprintf(copySecrets[t.Kind], backlog)))
		used := map[webhook.ID]time.Time{}
		for i := range backlog / 2 {
			owned := webhook.Token{TenantID: &gone.TenantID, Name: "x"}
			token, err := s.AddToken(t.Context(), owned, fmt.Sprint("token ", i))
			must(t, err)
			used[token.ID] = time.Now()
		}
		registerMany(t, tenant(t, s, "ended"), backlog/2, webhook.New{})
		ended, err := s.TenantByName(t.Context(), "ended")
		must(t, err)
		must(t, s.Exec(fmt.Sprintf(addNotices[t.Kind], backlog)))
		longest := s.SlowWrites(row)
		for _, task := range []struct {
			name string
			run  func() error
		}{
			{"operational events", func() error { return s.PublishNotices(t.Context()) }},
			{"secrets", func() error { return errOf(s.PruneSecrets(t.Context())) }},
			{"deliveries of deleted webhooks", func() error { return errOf(s.CancelDeliveriesOf(t.Context(), gone)) }},
			{"delivery age", func() error { return errOf(s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour))) }}, // of the other webhook
			{"last use of tokens", func() error { return s.TokensUsed(t.Context(), used) }},
			{"retention", func() error { return errOf(s.Prune(t.Context(), time.Now().Add(time.Hour))) }},
			{"webhooks of a deleted tenant", func() error { return s.Registry(nil).DeleteTenant(t.Context(), ended.ID) }},
			{"other rows of a deleted tenant", func() error {
				time.Sleep(100 * time.Millisecond) // it lingers
				return s.SweepTenant(t.Context(), ended.ID)
			}},
		} {
			if err := task.run(); err != nil {
				t.Errorf("%s: %v", task.name, err)
			}
			if took := longest(); took > most {
				t.Fatalf("%s: the rows of one transaction take %v", task.name, took)
			}
		}
		if rows, err := s.RowsOf(t.Context(), ended.ID); len(rows) > 0 || err != nil {
			t.Errorf("of the deleted tenant are left %v, %v", rows, err)
		}
	})
}

// What is sealed with an old master key is sealed again in transactions as short as those of tasks.
func TestRotateKeyKeepsTime(t *testing.T) {
	const row, most, webhooks = 300 * time.Microsecond, 25 * time.Millisecond, 250
	each(t, func(t *suite) {
		place := t.Fresh()
		old, next := webhooktest.MasterKey, []byte(strings.Repeat("n", len(webhooktest.MasterKey)))
		s, end := place.Serve(t, store.Options{Shared: true, MasterKeys: [][]byte{old}})
		value := "secret"
		registerMany(t, tenant(t, s, "a"), webhooks, webhook.New{Headers: []*webhook.NewHeader{{Name: "x-key", Value: &value, Sensitive: true}}})
		must(t, end())
		s = place.Open(t, store.Options{Shared: true, MasterKeys: [][]byte{next, old}})
		longest := s.SlowWrites(row)
		if n, err := s.RotateKey(t.Context()); n != 2*webhooks || err != nil {
			t.Fatalf("%d rows are sealed again, want %d, %v", n, 2*webhooks, err)
		}
		if took := longest(); took > most || took < most/3 {
			t.Errorf("the rows of one transaction take %v", took)
		}
	})
}

// However much work a task has, its transactions change some hundreds of rows each, and others have their turns between them.
func TestTasksWorkInPieces(t *testing.T) {
	const most = 500
	each(t, func(t *suite) {
		backlog := 20_000
		if t.Kind == "postgres" {
			backlog = 5000 // there it takes long to make
		}
		s := t.Fresh().Rest(t, store.Options{Shared: true})
		c := tenant(t, s, "a")
		gone := register(t, c, webhook.New{Enabled: true})
		register(t, c, webhook.New{Enabled: true})
		for range backlog / webhook.MaxPublish {
			publish(t, c, make([]webhook.NewEvent, webhook.MaxPublish)...)
		}
		must(t, s.Exec(fmt.Sprintf(copySecrets[t.Kind], backlog)))
		largest, transactions := s.LargestWrite()
		for _, task := range []struct {
			name string
			run  func() (int, error)
		}{
			{"secrets", func() (int, error) { return s.PruneSecrets(t.Context()) }},
			{"deliveries of deleted webhooks", func() (int, error) { return s.CancelDeliveriesOf(t.Context(), gone) }},
			{"delivery age", func() (int, error) { return s.ExpireDeliveries(t.Context(), time.Now().Add(time.Hour)) }}, // of the other webhook
		} {
			before := transactions()
			n, err := task.run()
			if n != backlog || err != nil {
				t.Errorf("%s: %d are done, want %d, %v", task.name, n, backlog, err)
			}
			if in := transactions() - before; in < int64(backlog/most) {
				t.Errorf("%s: %d rows were changed in %d transactions", task.name, n, in)
			}
		}
		if n := largest(); n > most {
			t.Errorf("one transaction changed %d rows", n)
		}
	})
}
