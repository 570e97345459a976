package stats

// Counter identifies a number of Counts. Counters count occurrences, never current states: a delivery that is retried by hand ends twice, and
// both count. Their order is that of the encoding: counters that most deliveries use come first.
type Counter int

// The counters.
const (
	Owed      Counter = iota // deliveries that became pending: created, retried by hand after their end, or made due by a replay
	Succeeded                // deliveries that succeeded
	attempts                 // of each status and trigger
	_
	_
	_
	_
	_
	_
	_
	Events   // published
	Failed   // deliveries that failed
	Canceled // deliveries
	failures // attempts, of each error

	counters = failures + Counter(numErrors)
)

// Trigger is what caused an attempt.
type Trigger int

// The triggers.
const (
	Schedule Trigger = iota
	Manual
	Replay
	Test

	numTriggers = 4
)

// numErrors is how many kinds of errors attempts can fail with.
const numErrors = 12

// Error is a kind of error that an attempt fails with.
type Error int

// The errors, as the API names them.
const (
	DNS Error = iota
	Connect
	TLS
	Timeout
	BlockedAddress
	HTTPStatus
	ResponseTooSlow
	Protocol
	Signing
	Payload
	OAuthToken
	ClientCertificate
)

// Attempts returns the counter of attempts with this status and trigger.
func Attempts(succeeded bool, t Trigger) Counter {
	if succeeded {
		return attempts + Counter(t)
	}
	return attempts + numTriggers + Counter(t)
}

// Failures returns the counter of attempts that failed with this error.
func Failures(e Error) Counter { return failures + Counter(e) }

// Counts are the counts of some deliveries in some time. The zero value is empty. Counts can be merged in any order.
type Counts struct {
	n [counters]int64
	// Statuses has the number of attempts that were answered with each HTTP status.
	Statuses Bins
	// Duration has the durations of attempts.
	Duration Histogram
	// Latency has the times from publishing to success of deliveries that were not retried by hand.
	Latency Histogram
}

// Get returns the number of a counter.
func (c *Counts) Get(k Counter) int64 { return c.n[k] }

// Add adds n to a counter.
func (c *Counts) Add(k Counter, n int64) { c.n[k] += n }

// Merge adds other counts.
func (c *Counts) Merge(o *Counts) {
	for i, n := range o.n {
		c.n[i] += n
	}
	c.Statuses.merge(o.Statuses)
	c.Duration.Merge(&o.Duration)
	c.Latency.Merge(&o.Latency)
}

// Attempts returns the number of attempts.
func (c *Counts) Attempts() (succeeded, failed int64) {
	for t := range Trigger(numTriggers) {
		succeeded += c.n[Attempts(true, t)]
		failed += c.n[Attempts(false, t)]
	}
	return succeeded, failed
}

// reset empties the counts, and keeps their memory for reuse.
func (c *Counts) reset() {
	c.n = [counters]int64{}
	c.Statuses, c.Duration, c.Latency = c.Statuses[:0], Histogram{Bins: c.Duration.Bins[:0]}, Histogram{Bins: c.Latency.Bins[:0]}
}
