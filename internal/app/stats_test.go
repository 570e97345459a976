package app

import (
	"fmt"
	"net/http"
	"testing"
)

// A dashboard's queries of statistics cost a part of an operation's limit: a page of 100 webhooks with their health less than 1,500, and an
// overview, or 30 days by the hour, less than 5,000.
func TestCostOfStatistics(t *testing.T) {
	p := boot(t, t.TempDir())
	c := &client{p.url, p.token}
	for query, most := range map[string]int{
		`{ webhooks(first: 100) { nodes { id url enabled health { lastSuccessAt failingSince failuresInARow successRate p95Ms backlog { due held } } }
			pageInfo { hasNextPage endCursor } } }`: 1500,
		`{ stats(range: {from: "-P1D"}) { totals { events attempts deliveries successRate p95: durationMs(quantile: 0.95) } series { from values { events attempts } }
			by(dimension: WEBHOOK) { groups { key webhook { url } values { attempts } } } backlog { due held oldestDueAt } } }`: 1000,
		`{ stats(range: {from: "-P30D"}) { series(bucketMs: 3600000, limit: 744) { from values { events successRate attempts } } } }`: 5000,
	} {
		var answer struct {
			Errors     []any
			Extensions struct{ Cost struct{ Requested int } }
		}
		status := c.rest(t, http.MethodPost, "/graphql", fmt.Sprintf(`{"query": %q}`, query), &answer)
		if cost := answer.Extensions.Cost.Requested; status != http.StatusOK || len(answer.Errors) > 0 || cost > most || cost == 0 {
			t.Errorf("%s costs %d, want at most %d: %d %v", query, cost, most, status, answer.Errors)
		}
	}
}
