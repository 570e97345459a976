package bench

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

var historyAttempts = flag.Int("history.attempts", 0, "the longer of the histories that TestHistoryReads compares, in attempts; 0 skips it")

// A query may read of the longer history at most twice what it reads of the shorter one, and readPages: indexes are deeper, and caches hold less
// of them. A query without an index may read what a search of 20,000 rows takes, some of which look an attempt up: four or five pages a row. It also
// stops by time, so a slow machine reads less, and of the shorter history less than of the longer one.
const (
	shorter     = 4 // times
	readFactor  = 2
	readPages   = 300
	searchPages = 100_000
)

// What a dashboard's query reads, for each object that it shows, hardly grows with the history (I15).
func TestHistoryReads(t *testing.T) {
	if *historyAttempts == 0 {
		t.Skip("no -history.attempts")
	}
	t.Run("sqlite", func(t *testing.T) {
		if _, err := os.Stat("/proc/self/io"); err != nil {
			t.Skip("the system does not tell what a process reads")
		}
		testHistoryReads(t, "", func(w *world) int64 { return w.server.process.ReadBytes() / 4096 })
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
	short, long := newWorld(t, database, *historyAttempts/shorter), newWorld(t, database, *historyAttempts)
	few, many := short.reads(t, total), long.reads(t, total)
	for i, q := range historyQueries {
		few, many := few[i], many[i]
		said := fmt.Sprintf("%-36s %6d pages for %3d of %d attempts, %6d pages for %3d of %d", q.name, few.pages, few.shown, short.History, many.pages, many.shown, long.History)
		t.Log(said)
		if many.shown == 0 && !q.mayMiss {
			t.Errorf("%s: found nothing", q.name)
		}
		more := max(1, float64(many.shown)/float64(max(1, few.shown))) // objects
		bound := readFactor*more*float64(few.pages) + readPages
		if !q.indexed {
			bound = max(bound, searchPages)
		}
		if float64(many.pages) > bound {
			t.Errorf("%s: it must not read more of a longer history", said)
		}
	}
}

// read is the number of pages that a query read.
type read struct {
	pages int64
	shown int // objects
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
		for range 3 {
			r, err := historyQueries[i].ready(p)
			if err != nil {
				t.Fatal(err)
			}
			is := read{pages: -1}
			for range 2 {
				before := total(w)
				_, shown, err := w.ask(t.Context(), r)
				if err != nil {
					t.Fatalf("%s: %v", historyQueries[i].name, err)
				}
				if n := total(w) - before; is.pages < 0 || n < is.pages {
					is = read{n, shown}
				}
			}
			if is.pages >= list[i].pages {
				list[i] = is
			}
		}
	}
	return list
}
