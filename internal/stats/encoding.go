package stats

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
)

// version is the first byte of every encoding. A new form gets another version, and newer programs read both.
const version = 1

// ErrData is the error for data that is not an encoding of this package, or has a newer version.
var ErrData = errors.New("stats: the data is damaged, or of a newer version")

// Bits of the mask at the beginning of Counts, after those of the first counters. The mask of most deliveries fits into one byte.
const (
	firstCounters = 3 // Owed, Succeeded, and attempts that succeeded as scheduled
	hasStatuses   = 1 << firstCounters
	hasDuration   = 1 << (firstCounters + 1)
	hasLatency    = 1 << (firstCounters + 2)
	parts         = 3
)

// bitOf returns a counter's bit in the mask.
func bitOf(i int) uint64 {
	if i >= firstCounters {
		i += parts
	}
	return 1 << i
}

// Append appends the encoding of the counts, with its version.
func (c *Counts) Append(b []byte) []byte { return c.append(append(b, version)) }

// append appends the counts: a mask, the counters that are not 0, and the other parts that the mask names.
func (c *Counts) append(b []byte) []byte {
	var mask uint64
	for i, n := range c.n {
		if n != 0 {
			mask |= bitOf(i)
		}
	}
	if len(c.Statuses) > 0 {
		mask |= hasStatuses
	}
	if len(c.Duration.Bins) > 0 {
		mask |= hasDuration
	}
	if len(c.Latency.Bins) > 0 {
		mask |= hasLatency
	}
	b = binary.AppendUvarint(b, mask)
	for _, n := range c.n {
		if n != 0 {
			b = appendNumber(b, n)
		}
	}
	if mask&hasStatuses != 0 {
		b = c.Statuses.append(b)
	}
	if mask&hasDuration != 0 {
		b = c.Duration.append(b)
	}
	if mask&hasLatency != 0 {
		b = c.Latency.append(b)
	}
	return b
}

// appendNumber appends a number that is not negative.
func appendNumber[T int | int64](b []byte, n T) []byte {
	return binary.AppendUvarint(b, uint64(n))
}

func (h *Histogram) append(b []byte) []byte {
	return h.Bins.append(appendNumber(b, h.Sum))
}

// append appends the number of bins, and for each its distance from the one before and its count.
func (b Bins) append(to []byte) []byte {
	to = appendNumber(to, len(b))
	last := uint16(0)
	for _, x := range b {
		to = binary.AppendUvarint(to, uint64(x.I-last))
		to = appendNumber(to, x.N)
		last = x.I
	}
	return to
}

// Decode replaces the counts by those of an encoding by Append; data must end with it. The error is ErrData.
func (c *Counts) Decode(data []byte) error {
	c.reset()
	return c.MergeEncoded(data)
}

// MergeEncoded adds the counts of an encoding by Append; data must end with it. If it returns an error, ErrData, a part may have been added.
func (c *Counts) MergeEncoded(data []byte) error {
	d := decoder{data: data}
	if d.byte() != version {
		return ErrData
	}
	d.counts(c)
	if d.bad || d.left() > 0 {
		return ErrData
	}
	return nil
}

// ReadPacked adds the counts of several encodings by Append, each after the number of its bucket in decimals and a colon, to those that into
// returns for the bucket; it ends when into returns nil. If it returns an error, ErrData, a part may have been added.
func ReadPacked(data []byte, into func(bucket int64) *Counts) error {
	d := decoder{data: data}
	for d.left() > 0 {
		bucket := d.decimals()
		if d.byte() != version {
			return ErrData
		}
		to := into(bucket)
		if to == nil {
			return nil
		}
		d.counts(to)
	}
	if d.bad {
		return ErrData
	}
	return nil
}

// decimals reads a number that a colon ends.
func (d *decoder) decimals() (n int64) {
	for {
		switch b := d.byte(); {
		case b == ':':
			return n
		case b < '0' || b > '9' || n > math.MaxInt64/20:
			d.fail()
			return 0
		default:
			n = 10*n + int64(b-'0')
		}
	}
}

// decoder reads data from next on, and remembers whether it was invalid; then nothing is left. It advances a number, not a slice, because
// storing a slice costs a write barrier of the garbage collector.
type decoder struct {
	data []byte
	next int
	bad  bool
}

func (d *decoder) left() int { return len(d.data) - d.next }

func (d *decoder) fail() { d.bad, d.next = true, len(d.data) }

func (d *decoder) take(n int) []byte {
	if d.bad || n > d.left() {
		d.fail()
		return nil
	}
	d.next += n
	return d.data[d.next-n : d.next]
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.next < len(d.data) && d.data[d.next] < 0x80 { // as most are
		d.next++
		return uint64(d.data[d.next-1])
	}
	v, n := binary.Uvarint(d.data[d.next:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.next += n
	return v
}

// number reads a count: not negative, and far below the maximum of int64.
func (d *decoder) number() int64 {
	v := d.uvarint()
	if v > math.MaxInt64/2 {
		d.fail()
		return 0
	}
	return int64(v)
}

// length reads the number of elements that follow, each of at least the given number of bytes.
func (d *decoder) length(each int) int {
	n := d.uvarint()
	if n > uint64(d.left()/each) { //nolint:gosec // a length
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // no longer than the data
}

// counts adds counts.
func (d *decoder) counts(c *Counts) {
	mask := d.uvarint()
	if mask >= bitOf(int(counters)) {
		d.fail()
		return
	}
	for i := range c.n {
		if mask&bitOf(i) != 0 {
			n := d.number()
			if c.n[i] += n; n == 0 {
				d.fail()
			}
		}
	}
	if mask&hasStatuses != 0 {
		d.bins(&c.Statuses, math.MaxUint16)
	}
	if mask&hasDuration != 0 {
		d.histogram(&c.Duration)
	}
	if mask&hasLatency != 0 {
		d.histogram(&c.Latency)
	}
}

// skipCounts passes over what counts reads.
func (d *decoder) skipCounts() {
	mask := d.uvarint()
	if mask >= bitOf(int(counters)) {
		d.fail()
		return
	}
	d.skip(bits.OnesCount64(mask &^ (hasStatuses | hasDuration | hasLatency)))
	for _, part := range []uint64{hasStatuses, hasDuration, hasLatency} {
		if mask&part == 0 {
			continue
		}
		if part != hasStatuses {
			d.skip(1) // the sum
		}
		d.skip(2 * d.length(2))
	}
}

// skip passes over numbers.
func (d *decoder) skip(numbers int) {
	for ; numbers > 0; d.next++ {
		if d.left() == 0 {
			d.fail()
			return
		}
		if d.data[d.next] < 0x80 {
			numbers--
		}
	}
}

func (d *decoder) histogram(h *Histogram) {
	h.Sum += d.number()
	d.bins(&h.Bins, lastBin)
}

func (d *decoder) bins(b *Bins, last uint64) {
	n := d.length(2)
	if n == 0 {
		d.fail() // the mask says that there is at least one
	}
	list, at, to := *b, uint64(0), 0
	if len(list) == 0 {
		list = slices.Grow(list, n)
	}
	for i := range n {
		further := d.uvarint()
		number := d.number()
		if at += further; further > last || at > last || number == 0 || i > 0 && further == 0 {
			d.fail()
			break
		}
		bin := Bin{uint16(at), number} //nolint:gosec // not above last
		for to < len(list) && list[to].I < bin.I {
			to++
		}
		switch {
		case to == len(list):
			list = append(list, bin)
		case list[to].I == bin.I:
			list[to].N += number
		default:
			list = slices.Insert(list, to, bin)
		}
		to++
	}
	*b = list
}
