package storetest

import (
	"sync/atomic"
	"time"
)

// Clock is a clock for store.Options.Now that a test may set forward and back. A store reads its clock in goroutines of its own, so a variable
// that the test changes would be a race. The zero Clock shows the time and goes on.
type Clock struct {
	stands time.Time // what it shows instead of the time
	ahead  atomic.Int64
}

// Stopped is a clock that shows a time until it is moved.
func Stopped(at time.Time) *Clock { return &Clock{stands: at} }

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	at := c.stands
	if at.IsZero() {
		at = time.Now()
	}
	return at.Add(time.Duration(c.ahead.Load()))
}

// Forward moves the clock on.
func (c *Clock) Forward(by time.Duration) { c.ahead.Add(int64(by)) }

// Ahead sets how far the clock is ahead of the time, or of the one at which it stands.
func (c *Clock) Ahead(by time.Duration) { c.ahead.Store(int64(by)) }
