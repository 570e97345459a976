package postgres

import (
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
)

// FindStats is the statement that finds rows of statistics, with its arguments.
func FindStats(keys []dialect.StatsKey) (text string, args []any) {
	return pgFindStats, statsArgs(keys)
}

// Counted notes each statement of the database, and returns a function that takes those so far of the connections that published. It must be called
// before the database is opened.
func (p *DB) Counted() (taken func() []string) {
	var mu sync.Mutex
	texts := map[*pgx.Conn][]string{}
	p.traced = func(conn *pgx.Conn, text string) {
		mu.Lock()
		defer mu.Unlock()
		texts[conn] = append(texts[conn], text)
	}
	return func() (of []string) {
		mu.Lock()
		defer mu.Unlock()
		for conn, all := range texts {
			if slices.ContainsFunc(all, func(text string) bool { return strings.HasPrefix(text, "INSERT INTO events ") }) {
				of = append(of, all...)
			}
			delete(texts, conn)
		}
		return of
	}
}
