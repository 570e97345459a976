package transfer

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/store/sqlite"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var keys = [][]byte{webhooktest.MasterKey}

// filled returns a directory with the given number of events, each with one delivery and one attempt.
func filled(t *testing.T, events int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, MasterKeys: keys})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	w, _, err := c.CreateWebhook(t.Context(), webhook.New{URL: "https://example.com/hook", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	for left := events; left > 0; left -= 500 {
		list := make([]webhook.NewEvent, min(left, 500))
		for i := range list {
			list[i] = webhook.NewEvent{Type: "a.b", Data: json.RawMessage(fmt.Sprintf(`"%d%s"`, left-i, strings.Repeat("x", 100))), IdempotencyKey: fmt.Sprint(left - i)}
		}
		if _, err := c.Publish(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		claims, _, err := s.Claim(t.Context(), w.ID, len(list), 64<<20)
		if err != nil || len(claims) != len(list) {
			t.Fatalf("%d claimed, %v", len(claims), err)
		}
		for _, claimed := range claims {
			if err := s.Record(t.Context(), &store.Result{Claimed: claimed, Attempt: webhook.Attempt{Status: webhook.AttemptSucceeded, StartedAt: time.Now()}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// indexes returns the definitions of a database's indexes.
func indexes(t *testing.T, url string) (list []string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '_\\d{8}$' ORDER BY indexname")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

// A copy interrupted at any point resumes there, and leaves a target with all rows and the usual indexes.
func TestCopyGoesOn(t *testing.T) {
	shortChunks(t)
	o := options(t, filled(t, 500))
	other := store.Options{URL: webhooktest.Postgres(t), MasterKeys: keys}
	made, err := store.Open(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	want := indexes(t, other.URL)
	runs := 1
	for ; ; runs++ {
		tables, err := interrupted(t, o, 12*runs)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("run %d: %v", runs, err)
			}
			continue
		}
		for _, is := range tables {
			if n := map[string]int64{"events": 500, "deliveries": 500, "attempts": 500, "idempotency_keys": 500, "webhooks": 1}[is.Name]; n > 0 && is.Rows != n {
				t.Errorf("%d rows of %s, want %d", is.Rows, is.Name, n)
			}
		}
		break
	}
	if runs < 4 {
		t.Errorf("it was interrupted %d times only", runs-1)
	}
	if diff := cmp.Diff(want, indexes(t, o.To.URL)); diff != "" {
		t.Error(diff)
	}
}

// A database that writes all names in quotation marks takes a copy as any other does.
func TestCopyToQuotingDatabase(t *testing.T) {
	o := options(t, filled(t, 10))
	db, err := sql.Open("pgx", o.To.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database()); END $$`); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), o); err != nil {
		t.Error(err)
	}
}

// No limit for the statements of servers ends the counting of a large target's statistics: it reads all tables.
func TestCopyHasTimeToAnalyze(t *testing.T) {
	shortChunks(t)
	o := options(t, filled(t, 500))
	if _, err := interrupted(t, o, 25); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", o.To.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, text := range []string{
		`CREATE FUNCTION patient(url text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
			IF current_setting('statement_timeout') <> '0' THEN RAISE EXCEPTION 'after % this would end', current_setting('statement_timeout'); END IF;
			RETURN url;
		END $$`,
		"SET statement_timeout = 0; CREATE INDEX ON webhooks (patient(url))", // ANALYZE calls the function, too
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Copy(t.Context(), o); err != nil {
		t.Error(err)
	}
	var analyzed int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stats WHERE attname = 'patient'").Scan(&analyzed); err != nil || analyzed == 0 {
		t.Errorf("the index has no statistics: the function was not called (%v)", err)
	}
}

// Changes between two runs to rows of the source that were copied before are detected.
func TestCopyNoticesAChange(t *testing.T) {
	shortChunks(t)
	o := options(t, filled(t, 500))
	if _, err := interrupted(t, o, 25); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), o.From)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.EnsureTenant(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	c := s.In(owner.ID)
	list, err := c.Webhooks(t.Context(), store.WebhookFilter{}, store.Page{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.UpdateWebhook(t.Context(), list.Items[0].ID, webhook.Patch{Enabled: webhook.Some(false)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), o); err == nil || !strings.Contains(err.Error(), "check webhooks") {
		t.Errorf("the change was not noticed: %v", err)
	}
}

// The number of rows that a copy reads per copied row does not depend on the length of the history: the target's are read once for
// the check and once for each index, the source's along the key.
func TestCopyReadsEachRowOnce(t *testing.T) {
	perRow := func(events int) float64 {
		o := options(t, filled(t, events))
		if _, err := Copy(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("pgx", o.To.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		var inserted, read int64
		webhooktest.Eventually(t, "PostgreSQL has counted", func() bool {
			var others int
			if err := db.QueryRowContext(t.Context(), `SELECT COALESCE(SUM(n_tup_ins), 0), COALESCE(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0),
				(SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())
				FROM pg_stat_user_tables WHERE relname ~ '_\d{8}$'`).Scan(&inserted, &read, &others); err != nil {
				t.Fatal(err)
			}
			return inserted == int64(3*events) && read > inserted && others == 0
		}, func() string { return fmt.Sprintf("%d rows inserted, %d read", inserted, read) })
		return float64(read) / float64(inserted)
	}
	short, long := perRow(1000), perRow(10_000)
	t.Logf("%.2f rows are read for each of 3,000, %.2f for each of 30,000", short, long)
	if long > 1.1*short {
		t.Errorf("%.2f rows are read for each of 3,000, %.2f for each of 30,000", short, long)
	}
}

// The source's tables are read along an index: no row is read twice, and nothing is sorted.
func TestSourcePlans(t *testing.T) {
	from := sqlite.New(t.TempDir())
	s, err := store.OpenOn(t.Context(), store.Options{MasterKeys: keys}, from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for table := range dialect.TablesThat((*dialect.Table).Owned) {
		l := &layout{Table: table, columns: []dialect.Column{{Name: table.Key}}}
		var plan []struct{ Detail string }
		if err := from.Reader().Raw("EXPLAIN QUERY PLAN " + l.query()).Scan(&plan).Error; err != nil {
			t.Fatal(err)
		}
		for i, step := range plan {
			if strings.Contains(step.Detail, "TEMP B-TREE") || i > 0 && !strings.HasPrefix(step.Detail, "SEARCH e USING INDEX events_id") {
				t.Errorf("%s: %+v", table.Name, plan)
			}
		}
	}
}

// Every SQLite value that a column may have arrives as PostgreSQL's equivalent; one that a column cannot have is refused.
func TestFields(t *testing.T) {
	for kind, of := range map[string]struct {
		good map[string]any // by the bytes
		bad  []any
	}{
		"bigint":                   {map[string]any{"\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xfe": int64(-2)}, []any{"1", 1.5, []byte{1}}},
		"integer":                  {map[string]any{"\x00\x00\x00\x04\xff\xff\xff\xff": int64(-1)}, []any{int64(1 << 31), "1"}},
		"boolean":                  {map[string]any{"\x00\x00\x00\x01\x01": int64(1), "\x00\x00\x00\x01\x00": false}, []any{"true"}},
		"uuid":                     {map[string]any{"\x00\x00\x00\x10abcdefghijklmnop": []byte("abcdefghijklmnop")}, []any{[]byte("short"), "abcdefghijklmnop"}},
		"timestamp with time zone": {map[string]any{"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01": epoch.UnixMicro() + 1}, []any{"2000-01-01"}},
		"text":                     {map[string]any{"\x00\x00\x00\x06a\xef\xbf\xbdé": "a\x00é", "\x00\x00\x00\x01b": []byte("b"), "\x00\x00\x00\x00": ""}, []any{int64(1)}},
		"bytea":                    {map[string]any{"\x00\x00\x00\x02\x00\xff": []byte{0, 255}, "\x00\x00\x00\x01b": "b", "\x00\x00\x00\x00": []byte{}}, []any{int64(1)}},
		"json":                     {nil, []any{"{}"}},
	} {
		if got, err := appendField([]byte("x"), kind, nil); string(got) != "x\xff\xff\xff\xff" || err != nil {
			t.Errorf("%s: NULL is %q, %v", kind, got, err)
		}
		for want, v := range of.good {
			if got, err := appendField([]byte("x"), kind, v); string(got) != "x"+want || err != nil {
				t.Errorf("%s: %v is %q, %v", kind, v, got, err)
			}
		}
		for _, v := range of.bad {
			if got, err := appendField(nil, kind, v); err == nil {
				t.Errorf("%s: %v is %q", kind, v, got)
			}
		}
	}
}

// A sum does not depend on the order of the rows or on how they are split, and differs if a row is missing, duplicated or changed.
func TestSum(t *testing.T) {
	row := func(text string) []byte {
		b := append([]byte{0, 2}, 0, 0, 0, byte(len(text)))
		return append(append(b, text...), 0xff, 0xff, 0xff, 0xff)
	}
	of := func(cut int, texts ...string) string {
		t.Helper()
		all := []byte(copyHeader)
		for _, text := range texts {
			all = append(all, row(text)...)
		}
		all = append(all, copyEnd...)
		r := &rowReader{at: newEstimate(nil, nil), header: len(copyHeader)}
		for part := range slices.Chunk(all, cut) {
			if _, err := r.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if !r.ended || len(r.rest) > 0 || int(r.sum.rows) != len(texts) {
			t.Fatalf("cut at %d: %d rows, ended: %v", cut, r.sum.rows, r.ended)
		}
		return r.sum.String()
	}
	want := of(1000, "a", "b", "")
	for cut := 1; cut < 60; cut++ {
		if got := of(cut, "", "b", "a"); got != want {
			t.Errorf("cut at %d: %s, want %s", cut, got, want)
		}
	}
	for _, other := range [][]string{{"a", "b"}, {"a", "b", "", ""}, {"a", "b", "b"}, {"ab", "", ""}, {}} {
		if of(1000, other...) == want {
			t.Errorf("%q has the same sum", other)
		}
	}
}

// The remaining time is estimated from the rows so far, and is unknown before some are done.
func TestEstimate(t *testing.T) {
	tables := []CopiedTable{{Name: "a", Rows: 1000}, {Name: "b", Rows: 1000}}
	e := newEstimate(tables, nil)
	e.step(Copying, &tables[0])
	e.rows(10)
	if left := e.left(time.Second); left != 0 {
		t.Errorf("%s are left after the first rows", left)
	}
	e.rows(990)
	if left := e.left(10 * time.Second); left < 27*time.Second || left > 29*time.Second {
		t.Errorf("%s are left, want 28 s", left)
	}
	e.step(Copying, &tables[1])
	e.rows(1000)
	for i := range tables {
		e.step(Indexing, &tables[i])
		e.step(Indexing, &tables[i])
	}
	for i := range tables {
		e.step(Checking, &tables[i])
		e.rows(1000)
	}
	if left := e.left(time.Minute); left > time.Millisecond {
		t.Errorf("%s are left in the end", left)
	}
}

// shortChunks makes the transactions of copies shorter until the end of the test.
func shortChunks(t *testing.T) {
	t.Helper()
	was := chunkBytes
	chunkBytes = 50_000
	t.Cleanup(func() { chunkBytes = was })
}

func options(t *testing.T, dir string) CopyOptions {
	t.Helper()
	return CopyOptions{From: store.Options{Dir: dir, MasterKeys: keys}, To: store.Options{URL: webhooktest.StartPostgres(t).Database(t), MasterKeys: keys}}
}

// interrupted copies until Progress has been called the given number of times.
func interrupted(t *testing.T, o CopyOptions, times int) ([]CopiedTable, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := 0
	o.Progress = func(Progress) {
		if told++; told >= times {
			cancel()
		}
	}
	return Copy(ctx, o)
}
