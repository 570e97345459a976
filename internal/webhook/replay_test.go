package webhook_test

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The end of a replay is estimated by its pace, or by its rate if that is lower or the pace is too young; not at all while the replay does not go on,
// before it has a pace, or when that is too low to say anything.
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
		"below its rate":      {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), RatePerSecond: new(10), Started: 40, CreatedAt: now.Add(-time.Minute)}, 90 * time.Second},
		"above its rate":      {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), RatePerSecond: new(1), Started: 90, CreatedAt: now.Add(-time.Minute)}, 10 * time.Second},
		"only just below":     {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), RatePerSecond: new(10), Started: 1, CreatedAt: now.Add(-time.Second)}, 9900 * time.Millisecond},
		"nothing is sent":     {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), RatePerSecond: new(10), CreatedAt: now.Add(-time.Minute)}, 0},
		"a clock behind":      {webhook.Replay{Status: webhook.ReplayRunning, Total: new(100), Started: 50, CreatedAt: now.Add(time.Minute)}, 0},
		"more than its total": {webhook.Replay{Status: webhook.ReplayRunning, Total: new(1), Started: 2, CreatedAt: now.Add(-time.Minute)}, time.Nanosecond},
	} {
		at := test.r.EstimatedCompletionAt(now)
		if (at != nil) != (test.want > 0) || at != nil && at.Sub(now).Round(time.Second) != test.want.Round(time.Second) {
			t.Errorf("%s: %v, want %v", name, at, test.want)
		}
	}
}

// Only what was sent since the replay's pace began counts.
func TestEstimateSinceMark(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		ago  time.Duration
		done int
		want time.Duration // 0: none
	}{
		"10 a second":         {10 * time.Second, 0, 100 * time.Second},
		"5 a second":          {10 * time.Second, 50, 200 * time.Second},
		"just resumed":        {time.Second, 100, 10 * time.Second},
		"it does not go on":   {time.Minute, 100, 0},
		"fewer than it was":   {time.Minute, 101, 0},
		"the clock went back": {-time.Minute, 0, 10 * time.Second},
	} {
		since := now.Add(-test.ago)
		r := webhook.Replay{
			Status: webhook.ReplayRunning, Total: new(1100), Started: 80, Skipped: 20, RatePerSecond: new(100), CreatedAt: now.Add(-time.Hour),
			PaceSince: &since, PaceDone: test.done,
		}
		at := r.EstimatedCompletionAt(now)
		if (at != nil) != (test.want > 0) || at != nil && at.Sub(now).Round(time.Millisecond) != test.want {
			t.Errorf("%s: %v, want %v", name, at, test.want)
		}
	}
}
