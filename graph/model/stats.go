package model

import (
	"context"
	"slices"
	"time"

	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// Stats is statistics of a time range, whose fields are read when they are selected.
type Stats struct {
	*store.Stats

	// Once returns the result of read, which is called once for each key.
	Once func(ctx context.Context, key string, read func(ctx context.Context) (any, error)) (any, error)
	// Before returns the series with these arguments that the client of a stream has; nil: it has none. Before is nil if it is no stream.
	Before func(key string) *Series
}

// Series is counts over time. It is not changed any more.
type Series struct {
	From   time.Time
	Width  time.Duration
	Counts []*stats.Counts // of each bucket; nil is nothing
	Sums   []uint64        // of each, by which counts are compared; nil in a query
}

// Changed reports whether bucket n of the series is new to the client, or has other counts than the client has.
func (s *Series) Changed(before *Series, n int) bool {
	if before == nil || before.Width != s.Width {
		return true
	}
	since := s.From.Add(time.Duration(n) * s.Width).Sub(before.From)
	i := int(since / s.Width)
	return since%s.Width != 0 || since < 0 || i >= len(before.Sums) || before.Sums[i] != s.Sums[n]
}

// StatsBucket has the numbers of a part of a time range.
type StatsBucket struct {
	From, To time.Time
	Values   *StatsValues
}

// StatsGroups is the largest groups, and all others together.
type StatsGroups struct {
	Groups []*StatsGroup
	Others *StatsValues
}

// StatsGroup is a group.
type StatsGroup struct {
	Key    string
	ID     webhook.ID // of the webhook or tenant; zero when it is grouped by something else, or was deleted
	By     StatsDimension
	Values *StatsValues
}

// StatsValues has the numbers of what happened.
type StatsValues struct {
	counts   *stats.Counts
	attempts *int64 // when nothing else is known
}

// NewStatsValues shows counts; nil is nothing.
func NewStatsValues(c *stats.Counts) *StatsValues {
	if c == nil {
		c = &stats.Counts{}
	}
	return &StatsValues{counts: c}
}

// OnlyAttempts shows a number of attempts of which nothing else is known.
func OnlyAttempts(n int64) *StatsValues { return &StatsValues{counts: &stats.Counts{}, attempts: &n} }

// Events is the number of events.
func (v *StatsValues) Events() int { return int(v.counts.Get(stats.Events)) }

var endings = []webhook.DeliveryStatus{webhook.DeliverySucceeded, webhook.DeliveryFailed, webhook.Canceled}

// Deliveries is the number of deliveries that reached one of the statuses; none means those that end one.
func (v *StatsValues) Deliveries(statuses []webhook.DeliveryStatus) int {
	if len(statuses) == 0 {
		statuses = endings
	}
	sum := int64(0)
	for _, of := range reached {
		if slices.Contains(statuses, of.status) {
			sum += v.counts.Get(of.counter)
		}
	}
	return int(sum)
}

// reached are the counters of deliveries that reached a status. A series reads them for each of its buckets.
var reached = [...]struct {
	status  webhook.DeliveryStatus
	counter stats.Counter
}{{webhook.Pending, stats.Owed}, {webhook.DeliverySucceeded, stats.Succeeded}, {webhook.DeliveryFailed, stats.Failed}, {webhook.Canceled, stats.Canceled}}

// caused are the triggers of attempts.
var caused = [...]struct {
	trigger webhook.Trigger
	counted stats.Trigger
}{{webhook.TriggerSchedule, stats.Schedule}, {webhook.TriggerManual, stats.Manual}, {webhook.TriggerReplay, stats.Replay}, {webhook.TriggerTest, stats.Test}}

// Attempts is the number of attempts of these statuses and triggers; none means all.
func (v *StatsValues) Attempts(statuses []webhook.AttemptStatus, triggers []webhook.Trigger) int {
	if v.attempts != nil && len(statuses)+len(triggers) == 0 {
		return int(*v.attempts)
	}
	sum := int64(0)
	for _, of := range caused {
		if len(triggers) > 0 && !slices.Contains(triggers, of.trigger) {
			continue
		}
		if len(statuses) == 0 || slices.Contains(statuses, webhook.AttemptSucceeded) {
			sum += v.counts.Get(stats.Attempts(true, of.counted))
		}
		if len(statuses) == 0 || slices.Contains(statuses, webhook.AttemptFailed) {
			sum += v.counts.Get(stats.Attempts(false, of.counted))
		}
	}
	return int(sum)
}

// SuccessRate is the share of attempts that succeeded; nil if there were none.
func (v *StatsValues) SuccessRate() *float64 {
	succeeded, failed := v.counts.Attempts()
	if succeeded+failed == 0 {
		return nil
	}
	return new(float64(succeeded) / float64(succeeded+failed))
}

// DurationMs is a quantile of the durations of attempts; nil if there were none.
func (v *StatsValues) DurationMs(quantile float64) (*float64, error) {
	return quantileMs(&v.counts.Duration, quantile)
}

// LatencyMs is a quantile of the times from publishing to success; nil if there were none.
func (v *StatsValues) LatencyMs(quantile float64) (*float64, error) {
	return quantileMs(&v.counts.Latency, quantile)
}

func quantileMs(h *stats.Histogram, quantile float64) (*float64, error) {
	if !(quantile >= 0 && quantile <= 1) {
		return nil, &webhook.Invalid{Field: "quantile", Code: webhook.CodeOutOfRange, Message: "must be from 0 to 1, such as 0.95"}
	}
	us, ok := h.Quantile(quantile)
	if !ok {
		return nil, nil
	}
	return new(us / 1000), nil
}

// Backlog is the deliveries that are pending or held.
type Backlog struct {
	Due, Held int
	Oldest    func(ctx context.Context) (*time.Time, error)
}

// OldestDueAt is when the delivery is due that has waited longest. It is read only when it is selected.
func (b *Backlog) OldestDueAt(ctx context.Context) (*time.Time, error) { return b.Oldest(ctx) }

// WebhookHealth is the health of a webhook.
type WebhookHealth struct {
	LastSuccessAt, LastFailureAt, FailingSince, DisablesAt *time.Time

	FailuresInARow int
	SuccessRate    *float64
	P95Ms          *float64
	Backlog        *Backlog
}

// TenantUsage is the current usage of a tenant.
type TenantUsage struct {
	Tenant       *webhook.Tenant
	Webhooks     int
	StoredEvents *int // nil: they have no quota, so they are not counted
}
