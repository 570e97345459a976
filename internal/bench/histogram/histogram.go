// Package histogram counts durations, while many callers add them.
package histogram

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	subBits = 5
	buckets = (32 - subBits + 1) << subBits
)

// Histogram counts durations from a microsecond to an hour, in buckets that are at most 1/32 of their value wide. The zero value is ready.
type Histogram [buckets]atomic.Uint64

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) { h[bucket(d)].Add(1) }

// Counts is a snapshot of a Histogram. Nil has counted nothing.
type Counts []uint64

// Counts returns what was counted so far.
func (h *Histogram) Counts() Counts {
	c := make(Counts, buckets)
	for i := range h {
		c[i] = h[i].Load()
	}
	return c
}

// Since returns what was counted after an earlier snapshot.
func (c Counts) Since(earlier Counts) Counts {
	d := make(Counts, len(c))
	copy(d, c)
	for i := range earlier {
		d[i] -= earlier[i]
	}
	return d
}

// Plus returns the sum of both.
func (c Counts) Plus(other Counts) Counts {
	sum := make(Counts, max(len(c), len(other)))
	copy(sum, c)
	for i, n := range other {
		sum[i] += n
	}
	return sum
}

// Total returns the number of durations that were counted.
func (c Counts) Total() uint64 {
	total := uint64(0)
	for _, n := range c {
		total += n
	}
	return total
}

// Ms returns the quantile q in milliseconds, rounded up to the end of its bucket; nil if nothing was counted.
func (c Counts) Ms(q float64) *float64 {
	total := c.Total()
	if total == 0 {
		return nil
	}
	rank, seen := uint64(q*float64(total-1)), uint64(0)
	for i, n := range c {
		if seen += n; seen > rank {
			return new(float64(end(i)) / 1000)
		}
	}
	return nil
}

func bucket(d time.Duration) int {
	us := uint64(min(max(d.Microseconds(), 0), 1<<32-1))
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return (shift+1)<<subBits + int(us>>shift)&(1<<subBits-1) //nolint:gosec // below 64
}

// end returns the last microsecond of a bucket.
func end(i int) uint64 {
	if i < 1<<subBits {
		return uint64(i) //nolint:gosec // an index
	}
	shift := i>>subBits - 1
	return (uint64(i&(1<<subBits-1))+1<<subBits+1)<<shift - 1
}
