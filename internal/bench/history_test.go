package bench

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/bench/peer"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// world is a bench with a receiver, and a history that is filled and served.
type world struct {
	*bench
	db   *sql.DB
	kept *kept
	keep string
}

// A filled history is what servers would have written, on each database, and a server continues with it.
func TestHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	on := func(t *testing.T, database string) {
		t.Helper()
		w := newWorld(t, database, 20_000)
		t.Run("is whole", func(t *testing.T) { testHistoryIsWhole(t, w) })
		t.Run("is as servers write", func(t *testing.T) { testHistoryIsAsServersWrite(t, w) })
		t.Run("expires", func(t *testing.T) { testHistoryExpires(t, w) })
		t.Run("is kept", func(t *testing.T) { testHistoryIsKept(t, w) })
	}
	t.Run("sqlite", func(t *testing.T) { on(t, "") })
	t.Run("postgres", func(t *testing.T) { on(t, webhooktest.Postgres(t)) })
}

func newWorld(t *testing.T, database string, attempts int) *world {
	t.Helper()
	var said bytes.Buffer
	keep := t.TempDir()
	w := &world{keep: keep, bench: &bench{
		Options:  &Options{Program: program, Environ: os.Environ(), Database: database, History: attempts, Keep: keep, Duration: 300 * time.Millisecond, Stdout: &said, Stderr: &said},
		progress: newProgress(&said, "history"), dir: t.TempDir(),
	}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", &said)
		}
	})
	var err error
	if w.receiver, err = w.startReceiver(t.Context(), peer.Listeners{Plain: 2}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.receiver.process.Stop() })
	w.open(t)
	t.Cleanup(func() {
		_ = w.server.stop()
		if w.postgres != nil {
			w.postgres.kept = false
			_ = w.postgres.drop(context.Background())
		}
	})
	w.db, err = w.openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	return w
}

// open fills the database unless it is filled already.
func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	if w.kept, err = w.openHistory(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.server.Tenant = largeTenant
}

func (w *world) restart(t *testing.T, args ...string) {
	t.Helper()
	if err := w.server.stop(); err != nil {
		t.Fatal(err)
	}
	w.serve = args
	if err := w.startServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.server.Tenant = largeTenant
}

// The scenario runs every query, idle and under load, and reports those that miss their bounds; events published meanwhile arrive.
func TestHistoryScenario(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out, progress bytes.Buffer
	results, err := Run(t.Context(), Options{
		Scenarios: []string{"history"}, Duration: 300 * time.Millisecond, JSON: true, Program: program, Environ: os.Environ(),
		Backlog: 1, Watch: 1, Outstanding: 100, Batch: 20, History: 2000, Stdout: &out, Stderr: &progress,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	r := results[0]
	if r.Deliveries == 0 || r.Lost == nil || *r.Lost != 0 {
		t.Errorf("%d deliveries, %s lost", r.Deliveries, count(r.Lost))
	}
	if len(r.Queries) != 2*len(historyQueries) {
		t.Errorf("%d results, want two of each of %d queries", len(r.Queries), len(historyQueries))
	}
	for _, q := range r.Queries {
		if q.N == 0 || q.Errors > 0 || q.P50Ms == nil || *q.P50Ms <= 0 || *q.P95Ms < *q.P50Ms || *q.P99Ms < *q.P95Ms || q.Missed != (*q.P95Ms > q.BoundMs) {
			t.Errorf("%+v", q)
		}
	}
	checkFields(t, out.Bytes())
	for _, field := range []string{`"queries":[`, `"load":"loaded"`, `"bound_ms":10,`, `"missed":`} {
		if !strings.Contains(out.String(), field) {
			t.Errorf("no %s in %s", field, &out)
		}
	}
	var table bytes.Buffer
	if err := newReport(&table, false).add(r); err != nil || strings.Count(table.String(), "\n") != 4+len(historyQueries) {
		t.Errorf("%v\n%s", err, &table)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A quantile is a duration that the given share of requests does not exceed; a query that is too slow or not answered misses its
// bound.
func TestQueryResult(t *testing.T) {
	r := &QueryResult{BoundMs: 95}
	for ms := 100; ms > 0; ms-- {
		r.add(time.Duration(ms)*time.Millisecond, nil)
	}
	r.end()
	if *r.P50Ms != 50 || *r.P95Ms != 95 || *r.P99Ms != 99 || r.Missed {
		t.Errorf("%v, %v, %v, missed: %v", *r.P50Ms, *r.P95Ms, *r.P99Ms, r.Missed)
	}
	slow := &QueryResult{BoundMs: 94, took: r.took}
	unanswered := &QueryResult{BoundMs: 95, took: slices.Clone(r.took)}
	unanswered.add(0, os.ErrDeadlineExceeded)
	for _, r := range []*QueryResult{slow, unanswered, {BoundMs: 1}} {
		if r.end(); !r.Missed {
			t.Errorf("%+v is not missed", r)
		}
	}
}

// number returns the count that a statement selects.
func (w *world) number(t *testing.T, text string, args ...any) (n int64) {
	t.Helper()
	if err := w.db.QueryRowContext(t.Context(), text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// eventually waits until the statement's count is want.
func (w *world) eventually(t *testing.T, want int64, text string, args ...any) {
	t.Helper()
	webhooktest.Eventually(t, fmt.Sprintf("%d: %s", want, text), func() bool { return w.number(t, text, args...) == want })
}

// A filled history is one that a server could have written: every delivery has its attempts and every event its deliveries, and an
// integrity check of the database finds nothing.
func testHistoryIsWhole(t *testing.T, w *world) {
	t.Helper()
	if n := w.number(t, "SELECT COUNT(*) FROM attempts"); n < 20_000 || n > 20_000+3*maxAttempts {
		t.Errorf("%d attempts, want about 20,000", n)
	}
	for what, text := range map[string]string{
		"attempts of no delivery":                 "SELECT COUNT(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = a.delivery_id AND d.event_id = a.event_id AND d.webhook_id = a.webhook_id AND d.tenant_id = a.tenant_id)",
		"deliveries with another attempt count":   "SELECT COUNT(*) FROM deliveries d WHERE attempt_count <> (SELECT COUNT(*) FROM attempts a WHERE a.delivery_id = d.id)",
		"attempts whose number is too high":       "SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.number > d.attempt_count OR a.number < 1",
		"deliveries of no event":                  "SELECT COUNT(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.tenant_id = d.tenant_id)",
		"deliveries of no webhook":                "SELECT COUNT(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id AND w.tenant_id = d.tenant_id)",
		"webhooks younger than their deliveries":  "SELECT COUNT(*) FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.created_at < w.created_at",
		"completed ones that are due":             "SELECT COUNT(*) FROM deliveries WHERE status <> 'PENDING' AND (due_at IS NOT NULL OR completed_at IS NULL)",
		"claims":                                  "SELECT COUNT(*) FROM deliveries WHERE claimed_by IS NOT NULL",
		"successes whose last attempt failed":     "SELECT COUNT(*) FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempt_count WHERE (d.status = 'SUCCEEDED') <> (a.status = 'SUCCEEDED')",
		"attempts not in the order of the log":    "SELECT COUNT(*) FROM attempts a JOIN attempts b ON b.delivery_id = a.delivery_id AND b.number = a.number + 1 WHERE a.seq >= b.seq OR a.started_at >= b.started_at",
		"webhooks that fail and do not say so":    "SELECT COUNT(*) FROM webhooks w WHERE (failing_since IS NOT NULL) <> COALESCE((SELECT a.status = 'FAILED' FROM attempts a WHERE a.webhook_id = w.id ORDER BY a.seq DESC LIMIT 1), 1 = 0)",
		"events that go nowhere":                  "SELECT COUNT(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id)",
		"deliveries before their event, or later": "SELECT COUNT(*) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.created_at < e.created_at",
	} {
		if n := w.number(t, text); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	const owed = "SELECT COUNT(*) FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.status = 'PENDING' AND "
	for what, text := range map[string]string{
		"held":      owed + "NOT w.enabled",
		"pending":   owed + "w.enabled",
		"failed":    "SELECT COUNT(*) FROM attempts WHERE error = 'HTTP_STATUS'",
		"canceled":  "SELECT COUNT(*) FROM deliveries WHERE status = 'CANCELED'",
		"retried":   "SELECT COUNT(*) FROM attempts WHERE number > 1",
		"rare type": "SELECT COUNT(*) FROM events WHERE type = '" + rareType + "'",
	} {
		if n := w.number(t, text); n == 0 || n > 500 {
			t.Errorf("%s: %d, want few, and some", what, n)
		}
	}
	if n := w.number(t, "SELECT COUNT(DISTINCT tenant_id) FROM events"); n != 1+smallTenants {
		t.Errorf("events of %d tenants", n)
	}
	if w.postgres == nil {
		var said string
		if err := w.db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
			t.Errorf("integrity: %v, %q", err, said)
		}
		if rows, err := w.db.QueryContext(t.Context(), "PRAGMA foreign_key_check"); err != nil || rows.Next() {
			t.Errorf("foreign keys are broken: %v", err)
		} else {
			_ = rows.Close()
		}
	}
}

// columns returns a table's columns, read from the database so that new ones are included.
func (w *world) columns(t *testing.T, table string) (names []string) {
	t.Helper()
	rows, err := w.db.QueryContext(t.Context(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if names, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	return names
}

// kinds returns the types of each column's values in the rows that the condition selects; "" is NULL.
func (w *world) kinds(t *testing.T, table, where string) map[string]string {
	t.Helper()
	typeOf := "CASE WHEN %[1]s IS NULL THEN '' ELSE CAST(pg_typeof(%[1]s) AS text) END"
	if w.postgres == nil {
		typeOf = "CASE WHEN %[1]s IS NULL THEN '' ELSE typeof(%[1]s) END"
	}
	found := map[string]string{}
	for _, c := range w.columns(t, table) {
		rows, err := w.db.QueryContext(t.Context(), "SELECT DISTINCT "+fmt.Sprintf(typeOf, c)+" FROM (SELECT * FROM "+table+" WHERE "+where+" LIMIT 500) AS t ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for rows.Next() {
			var kind string
			if err := rows.Scan(&kind); err != nil {
				t.Fatal(err)
			}
			list = append(list, kind)
		}
		_ = rows.Close()
		found[c] = strings.Join(list, "|")
	}
	return found
}

// In every column, a filled history has the types of values that a server writes for events, deliveries and attempts that succeed,
// fail, and wait. A server publishes and delivers on it.
func testHistoryIsAsServersWrite(t *testing.T, w *world) {
	t.Helper()
	last := map[string]int64{}
	for _, table := range []string{"events", "deliveries", "attempts"} {
		last[table] = w.number(t, "SELECT MAX(seq) FROM "+table)
	}
	for i, behaviour := range []string{peer.Healthy, peer.Failing, peer.Failing} {
		retry := []int{}
		if i == 2 {
			retry = []int{3_600_000}
		}
		if _, err := w.server.createWebhook(t.Context(), w.receiver.url(behaviour, 0), []string{peer.EventType(i)}, true, retry); err != nil {
			t.Fatal(err)
		}
		if _, err := w.server.publishOne(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually(t, 3, "SELECT COUNT(*) FROM deliveries WHERE attempt_count > 0 AND seq > "+fmt.Sprint(last["deliveries"]))
	for _, rows := range []struct{ table, where string }{
		{"events", "1 = 1"},
		{"deliveries", "status = 'SUCCEEDED'"},
		{"deliveries", "status = 'FAILED'"},
		{"deliveries", "status = 'PENDING' AND attempt_count > 0"},
		{"attempts", "status = 'SUCCEEDED'"},
		{"attempts", "error = 'HTTP_STATUS'"},
	} {
		new := fmt.Sprintf("%s AND seq > %d", rows.where, last[rows.table])
		old := fmt.Sprintf("%s AND seq <= %d", rows.where, last[rows.table])
		if n := w.number(t, "SELECT COUNT(*) FROM "+rows.table+" WHERE "+new); n == 0 {
			t.Errorf("a server wrote no %s with %s", rows.table, rows.where)
		}
		made, filled := w.kinds(t, rows.table, new), w.kinds(t, rows.table, old)
		for _, c := range slices.Sorted(maps.Keys(made)) {
			if made[c] != filled[c] && c != "response_body" { // the bench's receiver sends no body
				t.Errorf("%s.%s where %s: a server writes %q, the history has %q", rows.table, c, rows.where, made[c], filled[c])
			}
		}
	}
}

// Retention removes the beginning of a history, and nothing else.
func testHistoryExpires(t *testing.T, w *world) {
	t.Helper()
	oldest := w.kept.From.Add(36 * time.Hour).Truncate(24 * time.Hour) // a day whose partitions PostgreSQL drops
	before := any(oldest)
	if w.postgres == nil {
		before = oldest.UnixMicro()
	}
	const early, late = "SELECT COUNT(*) FROM events WHERE created_at < $1", "SELECT COUNT(*) FROM events WHERE created_at >= $1"
	kept := w.number(t, late, before)
	if w.number(t, early, before) == 0 || kept == 0 {
		t.Fatal("the history has no beginning or no end")
	}
	w.restart(t, "--retention", time.Since(oldest).Truncate(time.Second).String())
	w.eventually(t, 0, early, before)
	if n := w.number(t, late, before); n < kept-5 { // rows that expired while the server started
		t.Errorf("%d events are left of %d", n, kept)
	}
}

// A kept database is used again as long as this program would fill the same.
func testHistoryIsKept(t *testing.T, w *world) {
	t.Helper()
	first := w.kept
	again := func() error {
		_ = w.server.stop()
		w.server, w.token, w.data = nil, "", ""
		if w.postgres != nil {
			_ = w.postgres.drop(t.Context()) // it is kept
			w.postgres = nil
		}
		k, err := w.openHistory(t.Context())
		w.kept = k
		return err
	}
	rows := w.number(t, "SELECT COUNT(*) FROM attempts")
	if err := again(); err != nil {
		t.Fatal(err)
	}
	if n := w.number(t, "SELECT COUNT(*) FROM attempts"); n != rows || !w.kept.Until.Equal(first.Until) {
		t.Errorf("%d attempts until %v, want %d until %v", n, w.kept.Until, rows, first.Until)
	}
	w.History = 2000
	if err := again(); err == nil || !strings.Contains(err.Error(), "--history 20000") {
		t.Errorf("another size: %v", err)
	}
	w.History = 20_000
	file := filepath.Join(w.keep, "sqlite", keptFile)
	if w.Database != "" {
		file = filepath.Join(w.keep, "postgres", keptFile)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(first.Schema), []byte("another")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again(); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("another schema: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := again(); err == nil || !strings.Contains(err.Error(), "not filled to its end") {
		t.Errorf("not complete: %v", err)
	}
}
