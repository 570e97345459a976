package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgraph/hookgraph/internal/gqlhttp"
	"github.com/hookgraph/hookgraph/internal/stats"
	"github.com/hookgraph/hookgraph/internal/store"
	"github.com/hookgraph/hookgraph/internal/webhook"
)

// collector reads what the parts of the server count. It implements prometheus.Collector, unchecked.
type collector struct{ m *Metrics }

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range all {
		switch f {
		case httpRequests, httpDuration, operations, operationDuration: // which have collectors of their own
		default:
			to <- f.desc
		}
	}
}

// sink takes values.
type sink chan<- prometheus.Metric

func (s sink) put(f *Family, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if f.Kind == Counter {
		kind = prometheus.CounterValue
	}
	s <- prometheus.MustNewConstMetric(f.desc, kind, value, labels...)
}

func (s sink) truth(f *Family, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	s.put(f, value, labels...)
}

// durations puts a histogram of microseconds.
func (s sink) durations(f *Family, h *stats.Histogram, seconds []float64) {
	bounds := make([]float64, len(seconds))
	for i, b := range seconds {
		bounds[i] = b * 1e6
	}
	upTo, n := h.UpTo(bounds)
	buckets := make(map[float64]uint64, len(seconds))
	for i, b := range seconds {
		buckets[b] = uint64(upTo[i]) //nolint:gosec // a count
	}
	s <- prometheus.MustNewConstHistogram(f.desc, uint64(n), float64(h.Sum)/1e6, buckets) //nolint:gosec // a count
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := sink(to)
	c.deliveries(s)
	c.sender(s)
	c.writer(s)
	c.streams(s)
	c.tasks(s)
	c.process(s)
	if seen := c.m.seen.Load(); seen != nil && time.Since(seen.at) < lookedFor {
		database(s, seen.Overview, time.Now())
	}
}

// triggers are the values of labels.
var triggers = map[stats.Trigger]string{stats.Schedule: "schedule", stats.Manual: "manual", stats.Replay: "replay", stats.Test: "test"}

const (
	succeeded = "succeeded"
	failed    = "failed"
)

func (c *collector) deliveries(s sink) {
	sums, byTenant := c.m.c.Store.Totals()
	n := func(k stats.Counter) float64 { return float64(sums.Get(k)) }
	s.put(events, n(stats.Events))
	s.put(started, n(stats.Owed))
	s.put(completed, n(stats.Succeeded), succeeded)
	s.put(completed, n(stats.Failed), failed)
	s.put(completed, n(stats.Canceled), "canceled")
	for t, name := range triggers {
		s.put(attempts, n(stats.Attempts(true, t)), succeeded, name)
		s.put(attempts, n(stats.Attempts(false, t)), failed, name)
	}
	for e, code := range webhook.ErrorCodes { // in the order of stats.Error (TestErrorCodes)
		s.put(errorsOf, n(stats.Failures(stats.Error(e))), string(code))
	}
	var classes [6]int64
	for _, b := range sums.Statuses {
		if class := int(b.I) / 100; class < len(classes) {
			classes[class] += b.N
		}
	}
	for class := 1; class < len(classes); class++ {
		s.put(responses, float64(classes[class]), string(rune('0'+class))+"xx")
	}
	s.put(retries, float64(sums.Retries))
	s.durations(attemptDuration, &sums.Duration, attemptBuckets)
	s.durations(arrival, &sums.Arrival, deliveryBuckets)
	s.durations(latency, &sums.Latency, deliveryBuckets)
	for id, of := range byTenant {
		tenant := webhook.ID(id).String()
		ok, bad := of.Attempts()
		s.put(tenantEvents, float64(of.Get(stats.Events)), tenant)
		s.put(tenantAttempts, float64(ok), tenant, succeeded)
		s.put(tenantAttempts, float64(bad), tenant, failed)
	}
}

func (c *collector) sender(s sink) {
	is := c.m.c.Sender()
	s.put(inFlight, float64(is.Running-is.Slow), "quick")
	s.put(inFlight, float64(is.Slow), "slow")
	s.put(inFlightLimit, float64(is.Limit))
	s.put(quickLimit, float64(is.Pace))
	s.put(unmade, float64(is.Unmade))
	s.truth(short, c.m.c.Short())
	s.put(heldInMemory, float64(is.Held))
	s.put(heldBytes, float64(is.Bytes))
	s.put(heldLimit, float64(is.Memory))
	s.put(claims, float64(is.Claims))
}

func (c *collector) writer(s sink) {
	is := c.m.c.Store.Writer()
	buckets, n := map[float64]uint64{}, uint64(0)
	for i, works := range is.Works {
		n += uint64(works) //nolint:gosec // a count
		if i < len(is.Works)-1 {
			buckets[float64(int(1)<<i-1)] = n
		}
	}
	s <- prometheus.MustNewConstHistogram(batchSize.desc, n, float64(is.Sum), buckets)
	s.durations(transactionFor, &is.Took, writerBuckets)
	s.put(refused, float64(is.Failed))
	s.put(queue, float64(is.Calls), "calls")
	s.put(queue, float64(is.Results), "results")
	s.truth(stuck, is.Stuck)
	s.truth(ready, c.m.isReady())
}

func (c *collector) streams(s sink) {
	open := c.m.c.Streams()
	s.put(streams, float64(open.Events), string(gqlhttp.OverEvents))
	s.put(streams, float64(open.WebSockets), string(gqlhttp.OverWebSocket))
	s.put(streamsLimit, float64(open.Limit))
	s.put(operationsRunning, float64(open.Operations))
	for by, n := range open.Messages {
		s.put(messages, float64(n), string(by))
	}
	watched := c.m.c.Watched()
	s.put(watchers, float64(watched.Watchers-watched.Behind), "current")
	s.put(watchers, float64(watched.Behind), "behind")
	s.put(streamLag, watched.Lag.Seconds())
}

func (c *collector) tasks(s sink) {
	s.put(removed, float64(c.m.c.Store.Pruned()))
	s.put(retention, c.m.c.Retention.Seconds())
	for _, t := range c.m.c.Tasks() {
		task := strings.ReplaceAll(t.Name, " ", "_")
		s.put(taskRuns, float64(t.Runs), task)
		s.put(taskErrors, float64(t.Errors), task)
		s.put(taskInARow, float64(t.Failed), task)
		s.put(taskSucceded, float64(t.Succeeded.UnixMilli())/1000, task)
		s.put(taskTook, t.Took.Seconds(), task)
		s.truth(taskRunning, t.Running, task)
		s.put(taskInterval, t.Every.Seconds(), task)
	}
}

func (c *collector) process(s sink) {
	if open, limit, ok := c.m.c.Files(); ok {
		s.put(openFiles, float64(open))
		s.put(openFilesLimit, float64(limit))
	}
	if at := c.m.c.Certificate(); !at.IsZero() {
		s.put(certificate, float64(at.Unix()))
	}
	ended := c.m.c.Spans()
	s.put(spans, float64(ended.Sent), "sent")
	s.put(spans, float64(ended.Dropped), "dropped")
	s.put(spans, float64(ended.Failed), failed)
	s.put(build, 1, c.m.c.Version, c.m.c.Database, goVersion)
}

// database puts what is the database's.
func database(s sink, o *store.Overview, now time.Time) {
	s.put(backlog, float64(o.Due), "due")
	s.put(backlog, float64(o.Scheduled), "scheduled")
	s.put(backlog, float64(o.Held), "held")
	age := 0.0
	if o.OldestDue != nil {
		age = max(now.Sub(*o.OldestDue).Seconds(), 0)
	}
	s.put(oldestDue, age)
	s.put(webhooks, float64(o.Enabled), "enabled")
	s.put(webhooks, float64(o.Disabled), "disabled")
	s.put(tenants, float64(o.Tenants))
	s.put(nodes, float64(o.Nodes))
	s.put(certificates, float64(o.Expired), "expired")
	s.put(certificates, float64(o.Expiring), "expiring")
	s.put(databaseSize, float64(o.Sizes.Database))
	s.put(logSize, float64(o.Sizes.Log))
	if o.Sizes.Disk > 0 {
		s.put(diskFree, float64(o.Sizes.Free))
		s.put(diskSize, float64(o.Sizes.Disk))
	}
	if o.OldestEvent != nil {
		s.put(oldestEvent, float64(o.OldestEvent.UnixMilli())/1000)
	}
}
