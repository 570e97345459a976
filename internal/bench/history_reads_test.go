package bench

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var (
	historyAttempts = flag.Int("history.attempts", 0, "the longer of the histories that TestHistoryReads compares, in attempts; 0 skips it")
	historyAll      = flag.Bool("history.all", false, "TestHistoryReads asks for the queries too that are known to read more")
)

// A query may read of the longer history at most twice what it reads of one a tenth as long, and this many pages: indexes are
// deeper, and caches hold less of them.
const (
	readFactor = 2
	readPages  = 300
)

// What a dashboard's query reads hardly grows when the history is ten times as long (I15).
func TestHistoryReads(t *testing.T) {
	if *historyAttempts == 0 {
		t.Skip("no -history.attempts")
	}
	t.Run("sqlite", func(t *testing.T) {
		if _, err := os.Stat("/proc/self/io"); err != nil {
			t.Skip("the system does not tell what a process reads")
		}
		testHistoryReads(t, "", func(w *world) int64 { return w.server.readBytes() / 4096 })
	})
	t.Run("postgres", func(t *testing.T) {
		s := webhooktest.StartPostgres(t)
		server := s.Database(t)
		admin, err := sql.Open("pgx", server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = admin.Close() })
		execute := func(text string) {
			if _, err := admin.ExecContext(t.Context(), text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
		s.Restart(t)
		execute("CREATE EXTENSION pg_stat_statements")
		testHistoryReads(t, server, func(w *world) (n int64) {
			if err := admin.QueryRowContext(t.Context(), `SELECT COALESCE(SUM(shared_blks_hit + shared_blks_read), 0)::bigint FROM pg_stat_statements
				WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)`, w.postgres.name).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		})
	})
}

// testHistoryReads compares the number of pages that total counts during each query.
func testHistoryReads(t *testing.T, database string, total func(w *world) int64) {
	t.Helper()
	short, long := newWorld(t, database, *historyAttempts/10), newWorld(t, database, *historyAttempts)
	few, many := short.reads(t, total), long.reads(t, total)
	for i, q := range historyQueries {
		if q.grows && !*historyAll {
			continue
		}
		few, many := few[i], many[i]
		said := fmt.Sprintf("%-36s %6d pages of %d attempts, %6d pages of %d", q.name, few.pages, short.History, many.pages, long.History)
		t.Log(said)
		if !many.found && !q.mayMiss {
			t.Errorf("%s: found nothing", q.name)
		}
		switch more := many.pages > readFactor*few.pages+readPages; {
		case more && !q.grows:
			t.Errorf("%s: it must not read more of a longer history", said)
		case more:
			t.Logf("%s: known to read more", q.name)
		}
	}
}

// read is the number of pages that a query read.
type read struct {
	pages int64
	found bool
}

// reads runs some requests of each query, each twice, and returns the largest of the smaller numbers of pages.
func (w *world) reads(t *testing.T, total func(w *world) int64) []read {
	t.Helper()
	p := newPicker(w.kept, w.kept.From)
	if err := w.findCursors(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	list := make([]read, len(historyQueries))
	for i := range historyQueries {
		if historyQueries[i].grows && !*historyAll {
			continue
		}
		for range 3 {
			r, err := historyQueries[i].ready(p)
			if err != nil {
				t.Fatal(err)
			}
			least := int64(-1)
			for range 2 {
				before := total(w)
				_, found, err := w.ask(t.Context(), r)
				if err != nil {
					t.Fatalf("%s: %v", historyQueries[i].name, err)
				}
				if n := total(w) - before; least < 0 || n < least {
					least = n
				}
				list[i].found = list[i].found || found
			}
			list[i].pages = max(list[i].pages, least)
		}
	}
	return list
}
