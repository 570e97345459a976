package stats

import (
	"math"
	"slices"
)

// A bin of a histogram holds durations above lowest*e^((bin-1)*step) and up to lowest*e^(bin*step), so that a value in the middle is within
// 2.5 % of each. Bin 0 holds shorter ones. 256 bins reach 34 s, which is longer than an attempt may take; the last bin reaches 400 days.
const (
	lowest  = 100 // µs
	step    = 0.05
	lastBin = 532
)

// Bin is a count for a number, which is a bin of a histogram or an HTTP status.
type Bin struct {
	I uint16
	N int64
}

// Bins are ordered by I, without duplicates or empty bins.
type Bins []Bin

// add adds n to bin i.
func (b *Bins) add(i uint16, n int64) {
	low, high := 0, len(*b)
	for low < high {
		if at := int(uint(low+high) >> 1); (*b)[at].I < i {
			low = at + 1
		} else {
			high = at
		}
	}
	if low < len(*b) && (*b)[low].I == i {
		(*b)[low].N += n
		return
	}
	if *b == nil {
		*b = make(Bins, 0, firstBins)
	}
	*b = slices.Insert(*b, low, Bin{i, n})
}

// firstBins is the initial capacity: most keys have few bins.
const firstBins = 4

func (b *Bins) merge(o Bins) {
	if len(o) <= firstBins {
		for _, x := range o {
			b.add(x.I, x.N)
		}
		return
	}
	if len(*b) == 0 {
		*b = append((*b)[:0], o...)
		return
	}
	at := 0
	for _, x := range o {
		for at < len(*b) && (*b)[at].I < x.I {
			at++
		}
		if at < len(*b) && (*b)[at].I == x.I {
			(*b)[at].N += x.N
		} else {
			*b = slices.Insert(*b, at, x)
		}
	}
}

// Count returns the sum of all bins.
func (b Bins) Count() (n int64) {
	for _, x := range b {
		n += x.N
	}
	return n
}

// Histogram has the distribution of durations, to within 2.5 %, and their exact sum.
type Histogram struct {
	Sum  int64 // µs
	Bins Bins
}

// Add adds one duration, in microseconds. A negative one, from a clock that was set back, counts as 0.
func (h *Histogram) Add(us int64) {
	us = max(us, 0)
	h.Sum += us
	h.Bins.add(binOf(us), 1)
}

// Merge adds another histogram.
func (h *Histogram) Merge(o *Histogram) {
	h.Sum += o.Sum
	h.Bins.merge(o.Bins)
}

func binOf(us int64) uint16 {
	if us <= lowest {
		return 0
	}
	return uint16(min(math.Ceil(math.Log(float64(us)/lowest)/step), lastBin))
}

// valueOf returns the value that stands for the durations of a bin, in microseconds: the geometric mean of its limits.
func valueOf(bin uint16) float64 {
	if bin == 0 {
		return lowest
	}
	return lowest * 2 * math.Exp(float64(bin)*step) / (1 + math.Exp(step))
}

// Quantile returns the duration, in microseconds, that the share q of all (0 to 1) does not exceed; ok is false if there are none.
func (h *Histogram) Quantile(q float64) (us float64, ok bool) {
	total := h.Bins.Count()
	if total == 0 {
		return 0, false
	}
	rank := int64(math.Ceil(min(max(q, 0), 1) * float64(total))) // from 1; 0 is the first too
	for _, b := range h.Bins {
		if rank -= b.N; rank <= 0 {
			return valueOf(b.I), true
		}
	}
	return valueOf(h.Bins[len(h.Bins)-1].I), true
}
