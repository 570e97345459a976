package stats

// Counter is what a number of Counts counts. Counters are of things that happened, never of states that something is in: a delivery that is
// retried by hand ends twice, and both count. The order is that of the encoding: what most deliveries count comes first.
type Counter int

// The counters.
const (
	Owed      Counter = iota // deliveries that began to be owed: they were made, or retried by hand after their end
	Succeeded                // deliveries that ended so
	attempts                 // of each status and trigger
	_
	_
	_
	_
	_
	_
	_
	Events   // published
	Failed   // deliveries that were given up
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
const numErrors = 9

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
)

// Attempts is the counter of attempts that had a status and a trigger.
func Attempts(succeeded bool, t Trigger) Counter {
	if succeeded {
		return attempts + Counter(t)
	}
	return attempts + numTriggers + Counter(t)
}

// Failures is the counter of attempts that failed with an error.
func Failures(e Error) Counter { return failures + Counter(e) }

// Counts is what happened in some time to some deliveries. The zero value is nothing. Counts are added up in any order.
type Counts struct {
	n [counters]int64
	// Statuses has how many attempts were answered with each HTTP status.
	Statuses Bins
	// Duration has how long attempts took.
	Duration Histogram
	// Latency has how long it took from publishing to success, of deliveries that were not retried by hand.
	Latency Histogram
}

// Get is a counter's number.
func (c *Counts) Get(k Counter) int64 { return c.n[k] }

// Add adds n to a counter.
func (c *Counts) Add(k Counter, n int64) { c.n[k] += n }

// Merge adds what others have counted.
func (c *Counts) Merge(o *Counts) {
	for i, n := range o.n {
		c.n[i] += n
	}
	c.Statuses.merge(o.Statuses)
	c.Duration.Merge(&o.Duration)
	c.Latency.Merge(&o.Latency)
}

// Attempts is how many attempts there were.
func (c *Counts) Attempts() (succeeded, failed int64) {
	for t := range Trigger(numTriggers) {
		succeeded += c.n[Attempts(true, t)]
		failed += c.n[Attempts(false, t)]
	}
	return succeeded, failed
}

// reset empties the counts, and keeps their room.
func (c *Counts) reset() {
	c.n = [counters]int64{}
	c.Statuses, c.Duration, c.Latency = c.Statuses[:0], Histogram{Bins: c.Duration.Bins[:0]}, Histogram{Bins: c.Latency.Bins[:0]}
}
