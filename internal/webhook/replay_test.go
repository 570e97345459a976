package webhook_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The end of a replay is estimated by its pace so far, or by its rate; not at all while it does not go on, before it has a pace, or when that is
// too low to say anything.
func TestEstimatedCompletion(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		r    webhook.Replay
		want time.Duration // 0: none
	}{
		"half":                {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), Started: 40, Skipped: 10, CreatedAt: now.Add(-time.Minute)}, time.Minute},
		"with a rate":         {webhook.Replay{Status: webhook.ReplayQueued, Total: new(100), RatePerSecond: new(10), CreatedAt: now}, 10 * time.Second},
		"not begun":           {webhook.Replay{Status: webhook.ReplayQueued, Total: new(100), CreatedAt: now.Add(-time.Minute)}, 0},
		"paused":              {webhook.Replay{Status: webhook.ReplayPaused, Total: new(100), Started: 50, CreatedAt: now.Add(-time.Minute)}, 0},
		"too many to count":   {webhook.Replay{Status: webhook.ReplayRunning, Started: 50, CreatedAt: now.Add(-time.Minute)}, 0},
		"resumed after weeks": {webhook.Replay{Status: webhook.ReplayRunning, Total: new(10_000), Started: 1, CreatedAt: now.Add(-30 * 24 * time.Hour)}, 0},
		"more than its total": {webhook.Replay{Status: webhook.ReplayRunning, Total: new(1), Started: 2, CreatedAt: now.Add(-time.Minute)}, time.Nanosecond},
	} {
		at := test.r.EstimatedCompletionAt(now)
		if (at != nil) != (test.want > 0) || at != nil && at.Sub(now).Round(time.Second) != test.want.Round(time.Second) {
			t.Errorf("%s: %v, want %v", name, at, test.want)
		}
	}
}
