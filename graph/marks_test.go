package graph

import (
	"testing"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// The pace of a replay counts from its creation, then from the last seconds in which it was shown; after a pause it begins again.
func TestMarksOfReplays(t *testing.T) {
	var m marks
	begun := time.Now()
	r := webhook.Replay{ID: webhook.NewID(begun), Status: webhook.ReplayRunning, CreatedAt: begun}
	for _, step := range []struct {
		after  time.Duration // of its creation
		status webhook.ReplayStatus
		done   int
		since  time.Duration // of its creation
		had    int
	}{
		{5 * time.Second, webhook.ReplayRunning, 50, 0, 0},
		{10 * time.Second, webhook.ReplayRunning, 100, 0, 0},
		{15 * time.Second, webhook.ReplayRunning, 110, 5 * time.Second, 50},
		{20 * time.Second, webhook.ReplayRunning, 120, 5 * time.Second, 50},
		{25 * time.Second, webhook.ReplayRunning, 130, 15 * time.Second, 110},
		{30 * time.Second, webhook.ReplayPaused, 140, 30 * time.Second, 140},
		{time.Hour, webhook.ReplayRunning, 141, time.Hour, 141},
		{time.Hour + 5*time.Second, webhook.ReplayRunning, 150, time.Hour, 141},
		{time.Hour + 12*time.Second, webhook.ReplayRunning, 160, time.Hour, 141},
	} {
		r.Status, r.Started, r.Skipped = step.status, step.done-10, 10
		want := webhook.ReplayMark{At: begun.Add(step.since), Done: step.had}
		if got := m.since(&r, begun.Add(step.after)); got != want {
			t.Errorf("after %v: %v, want %v", step.after, got, want)
		}
	}
	r.CompletedAt = &begun
	if m.since(&r, begun.Add(2*time.Hour)); len(m.seen) > 0 {
		t.Error("one that has ended is remembered")
	}
	for range maxMarks + 5 {
		m.since(&webhook.Replay{ID: webhook.NewID(begun), Status: webhook.ReplayRunning}, begun)
	}
	if n := len(m.seen); n > maxMarks {
		t.Errorf("%d are remembered", n)
	}
}
