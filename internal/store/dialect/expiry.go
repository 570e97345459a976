package dialect

import (
	"context"
	"time"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Limits of one search for expired events: how many it examines, and returns.
const (
	PruneWindow = 20_000
	PruneEvents = 2000
)

// Pruner removes the events that a database has found, and gives way to other writers.
type Pruner interface {
	// Take removes those candidates of a cohort that may still be removed.
	Take(ctx context.Context, of *Cohort, found []Candidate) error
	// Dropped counts events that the database has removed itself.
	Dropped(ctx context.Context, events int)
	// Piece lets the writer do n of something, at most most: as many as take about as long as others may wait.
	Piece(ctx context.Context, most int, do func(b *Tx, n int) error) error
}

// NoneOwed is the condition that no delivery of an event is pending or held.
func NoneOwed(db DB) string {
	return "NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + db.SameDay("d", "events") + " AND d.status = 'PENDING')" +
		" AND NOT EXISTS (SELECT 1 FROM fanouts f WHERE f.event_id = events.id)"
}

// Cutoff says which events retention removes: those published before a time, and those with a failed delivery before an earlier
// one. A zero time means never.
type Cutoff struct{ Before, Failed time.Time }

// CutoffAt returns the cutoff at the time now.
func CutoffAt(now time.Time, keep webhook.Retention) (c Cutoff) {
	if keep.Keep > 0 {
		c.Before, c.Failed = now.Add(-keep.Keep), now.Add(-max(keep.Keep, keep.KeepFailed))
	}
	return c
}

// Cohort is the events removed by one rule: those of one tenant, or of all tenants except some.
type Cohort struct {
	Cutoff

	Tenant *webhook.ID  // nil: of all
	But    []webhook.ID // of no tenant of these
}

// Whose is the condition, to follow others, that events belong to the cohort.
func (c *Cohort) Whose() (text string, args []any) {
	switch {
	case c.Tenant != nil:
		return " AND tenant_id = ?", []any{*c.Tenant}
	case len(c.But) > 0:
		return " AND tenant_id NOT IN ?", []any{c.But}
	}
	return "", nil
}

// Expired is the condition that an event may be removed.
func (c *Cohort) Expired(db DB) (text string, args []any) {
	text, args = "created_at < ? AND "+NoneOwed(db), []any{At(c.Before)}
	if c.Failed.Before(c.Before) {
		text += " AND (created_at < ? OR NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id" + db.SameDay("d", "events") + " AND d.status = 'FAILED'))"
		args = append(args, At(c.Failed))
	}
	return text, args
}

// Expiry is everything that one run of retention removes.
type Expiry struct {
	Cohorts []Cohort // the cohorts that are due
	Oldest  Cutoff   // before it nothing is kept of any tenant, except pending deliveries; zero times if something is kept forever
}

// Add adds a cohort whose events are kept for a time.
func (e *Expiry) Add(c Cutoff) {
	if c.Before.IsZero() || e.Oldest.Before.IsZero() {
		e.Oldest = Cutoff{}
		return
	}
	if c.Before.Before(e.Oldest.Before) {
		e.Oldest.Before = c.Before
	}
	if c.Failed.Before(e.Oldest.Failed) {
		e.Oldest.Failed = c.Failed
	}
}

// Mixed reports whether there is more than one cutoff.
func (e *Expiry) Mixed() bool {
	for _, c := range e.Cohorts {
		if c.Tenant != nil || len(c.But) > 0 || c.Failed != c.Before {
			return true
		}
	}
	return false
}

// Shortest is the latest cutoff of the cohorts.
func (e *Expiry) Shortest() (latest time.Time) {
	for _, c := range e.Cohorts {
		if c.Before.After(latest) {
			latest = c.Before
		}
	}
	return latest
}

// Candidate is an event that may be removed.
type Candidate struct {
	Seq       int64
	ID        webhook.ID
	CreatedAt Micros
	Size      int // about how many deliveries and attempts it has
}

// Candidates selects candidates.
func Candidates(db DB) string {
	return "SELECT seq, id, created_at, (SELECT COALESCE(SUM(1 + d.attempt_count), 0) FROM deliveries d WHERE d.event_id = events.id" + db.SameDay("d", "events") + ") AS size FROM events"
}
