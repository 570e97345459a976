package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations from a microsecond to an hour, in buckets that are at most 1/32 of their value wide.
const (
	subBits = 5
	buckets = (32 - subBits + 1) << subBits
)

type histogram [buckets]atomic.Uint64

func (h *histogram) add(d time.Duration) { h[bucket(d)].Add(1) }

// counts is a snapshot of a histogram.
type counts []uint64

func (h *histogram) counts() counts {
	c := make(counts, buckets)
	for i := range h {
		c[i] = h[i].Load()
	}
	return c
}

// since returns what was counted after an earlier snapshot.
func (c counts) since(earlier counts) counts {
	d := make(counts, len(c))
	copy(d, c)
	for i := range earlier {
		d[i] -= earlier[i]
	}
	return d
}

func (c counts) plus(other counts) counts {
	sum := make(counts, max(len(c), len(other)))
	copy(sum, c)
	for i, n := range other {
		sum[i] += n
	}
	return sum
}

// ms returns the quantile q in milliseconds, rounded up to the end of its bucket; nil if nothing was counted.
func (c counts) ms(q float64) *float64 {
	total := uint64(0)
	for _, n := range c {
		total += n
	}
	if total == 0 {
		return nil
	}
	rank, seen := uint64(q*float64(total-1)), uint64(0)
	for i, n := range c {
		if seen += n; seen > rank {
			return number(float64(end(i)) / 1000)
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

func number(v float64) *float64 { return new(v) }
