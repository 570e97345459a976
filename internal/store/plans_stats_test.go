package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Statistics are read along the key of their table, however they are filtered and grouped: only the requested rows and the journal are read.
func TestStatisticsPlans(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Open(t, store.Options{})
		c := tenant(t, s, "a")
		w := register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		must(t, s.FoldStatistics(t.Context()))
		c, statements, err := c.Recording()
		must(t, err)
		month := store.TimeRange{From: new(time.Now().Add(-30 * 24 * time.Hour))}
		reads := map[string]func() error{
			"health":             func() error { _, err := c.Health(t.Context(), []webhook.ID{w.ID}); return err },
			"health of everyone": func() error { _, err := c.All().Health(t.Context(), []webhook.ID{w.ID}); return err },
		}
		for name, f := range map[string]store.StatsFilter{
			"all": {}, "webhook": {WebhookIDs: []webhook.ID{w.ID}}, "type": {EventTypes: []string{"a.b"}}, "types": {EventTypes: []string{"humanization.*"}},
			"both": {WebhookIDs: []webhook.ID{w.ID}, EventTypes: []string{"a.b"}},
		} {
			stats := c.Stats(month, f)
			reads[name+" totals"] = func() error { _, _, err := stats.Totals(t.Context()); return err }
			reads[name+" series"] = func() error { _, _, err := stats.Series(t.Context(), nil, 1000); return err }
			reads[name+" by webhook"] = func() error { _, _, err := stats.By(t.Context(), store.ByWebhook, 5); return err }
			reads[name+" by type"] = func() error { _, _, err := stats.By(t.Context(), store.ByType, 5); return err }
			reads[name+" backlog"] = func() error { _, err := stats.Backlog(t.Context()); return err }
		}
		n := 0
		for name, read := range reads {
			statements.Reset()
			must(t, read())
			for _, one := range statements.All() {
				n++
				plan, err := s.Explain(t.Context(), one)
				must(t, err)
				for i := range plan {
					if wrong := statsMistake(t.Kind, plan, i); wrong != "" {
						t.Errorf("%s: %s\n%s\n%s", name, wrong, one.Text, strings.Join(plan, "\n"))
						break
					}
				}
			}
		}
		if n < len(reads) {
			t.Errorf("only %d statements were looked at", n)
		}
	})
}

// scanned is what statements of statistics may scan on SQLite: the journal, its counter of folds, and the values that they are given.
var scanned = []string{"SCAN stats_journal", "SCAN j ", "SCAN stats_fold", "SCAN f", "SCAN (subquery", "SCAN json_each", "SCAN CONSTANT ROW"}

// statsMistake returns the line of a plan that reads more than necessary.
func statsMistake(database string, plan []string, i int) string {
	line := plan[i]
	if database == "sqlite" {
		key := strings.Contains(line, "PRIMARY KEY (tenant_id=? AND grain=? AND webhook=? AND type=? AND bucket>? AND bucket<?)")
		switch {
		case strings.HasPrefix(line, "SEARCH r ") && !key:
			return "it does not use the whole key"
		case strings.HasPrefix(line, "SCAN") && !slices.ContainsFunc(scanned, func(small string) bool { return strings.HasPrefix(line, small) }):
			return "it reads a whole table"
		case strings.Contains(line, "TEMP B-TREE"):
			return "it sorts"
		}
		return ""
	}
	switch {
	case strings.Contains(line, "Seq Scan on") && !strings.Contains(line, "stats_fold"):
		return "it reads a whole table"
	case strings.Contains(line, "stats_pkey"):
		cond := ""
		if i+1 < len(plan) {
			cond = plan[i+1]
		}
		for _, column := range []string{"tenant_id", "grain", "webhook", "type", "bucket"} {
			if !strings.Contains(cond, column) {
				return fmt.Sprintf("it does not use %s of the key", column)
			}
		}
	}
	return ""
}
