package postgres

import "github.com/hookgraph/hookgraph/internal/store/dialect"

// FindStats is the statement that finds rows of statistics, with its arguments.
func FindStats(keys []dialect.StatsKey) (text string, args []any) {
	return pgFindStats, statsArgs(keys)
}
