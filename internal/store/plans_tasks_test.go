package store_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// What tasks look for every minute is found along an index: webhooks that are to be probed, certificates that expire, deliveries that have been due
// for long, and those that have failed. None reads all webhooks, deliveries or certificates. PostgreSQL, which knows how many rows there are, chooses
// by that: with these few its plans say nothing, and the test only finds that it looks for the same.
func TestTasksFindAlongIndexes(t *testing.T) {
	each(t, func(t *suite) {
		s := t.Fresh().Rest(t, store.Options{})
		c := tenant(t, s, "a")
		register(t, c, webhook.New{Enabled: true})
		publish(t, c, webhook.NewEvent{})
		plans := s.Plans()
		must(t, s.ProbeWebhooks(t.Context()))
		must(t, s.KeepIssues(t.Context()))
		seen := map[string]bool{}
		for text, plan := range plans(t) {
			for table, index := range map[string]string{
				"webhooks WHERE probe_at":                   "webhooks_probe",
				"FROM webhook_authentications AS a\n\tJOIN": "webhook_authentications_expiry",
				"FROM stats_webhooks AS s":                  "due",
				"d.status = 'FAILED'":                       "deliveries_webhook_failed",
			} {
				if !strings.Contains(text, table) {
					continue
				}
				seen[table] = true
				if t.Kind == "sqlite" && (!strings.Contains(plan, index) || allOf.MatchString(plan)) {
					t.Errorf("%s\n%s", text, plan)
				}
			}
		}
		if len(seen) != 4 {
			t.Errorf("found only %v", seen)
		}
	})
}

// allOf finds the reading of a whole table in a plan.
var allOf = regexp.MustCompile(`(?m)SCAN (webhooks|d|deliveries|a|w)$`)
