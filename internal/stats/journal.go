package stats

import (
	"encoding/binary"
	"math"
	"slices"
)

// minute is a minute in microseconds.
const minute = 60e6

// Append appends the encoding for Read. at is the time of the counts, or of the newest of them, in microseconds since 1970.
func (d *Delta) Append(b []byte, at int64) []byte {
	d.sort()
	return d.encode(b, d.entries, at)
}

func (d *Delta) sort() {
	slices.SortFunc(d.entries, func(x, y *entry) int { return x.key.compare(&y.key) })
}

func (d *Delta) encode(b []byte, entries []*entry, at int64) []byte {
	at = max(at, 0)
	if d.kinds == nil {
		d.kinds = map[kind]int{}
	}
	clear(d.kinds)
	b = appendNumber(append(b, version), at)
	begun := len(b)
	for _, e := range entries {
		k := e.key.kind(at)
		if _, known := d.kinds[k]; !known {
			d.kinds[k] = len(d.kinds)
			b = append(appendNumber(appendNumber(b, k.age), len(k.name)), k.name...)
		}
	}
	b = insertNumber(b, begun, len(d.kinds))
	for i := 0; i < len(entries); {
		j := i + 1
		for j < len(entries) && entries[j].key.Tenant == entries[i].key.Tenant {
			j++
		}
		b = d.section(b, entries[i:j], at)
		i = j
	}
	return b
}

func (k *Key) kind(at int64) kind {
	if k.Minute == 0 {
		return kind{0, k.Type}
	}
	return kind{max(at/minute-k.Minute, 0), k.Type}
}

// section appends one tenant's part: its id, the number of bytes that follow, and for each webhook its gauge and its counts by kind.
func (d *Delta) section(b []byte, entries []*entry, at int64) []byte {
	b = append(b, entries[0].key.Tenant[:]...)
	begun := len(b)
	for i := 0; i < len(entries); {
		e := entries[i]
		j := i + 1
		for j < len(entries) && entries[j].key.Webhook == e.key.Webhook {
			j++
		}
		b = appendNumber(b, e.key.Webhook)
		if e.gauge != nil {
			b = e.gauge.append(b, at)
		}
		b = appendNumber(b, j-i)
		for _, e := range entries[i:j] {
			b = e.append(appendNumber(b, d.kinds[e.key.kind(at)]))
		}
		i = j
	}
	return insertNumber(b, begun, len(b)-begun)
}

// insertNumber inserts n at i.
func insertNumber(b []byte, i, n int) []byte {
	end := len(b)
	b = appendNumber(b, n)
	var size [binary.MaxVarintLen64]byte
	written := copy(size[:], b[end:])
	copy(b[i+written:], b[i:end])
	copy(b[i:], size[:written])
	return b
}

// Flags of a gauge, below Trailing.
const (
	hasSucceeded = 1 << iota
	hasFailed
	hasAges    // ages of the last success and failure, reckoned from the newest time of the delta
	trailingAt = iota
)

func (g *Gauge) append(b []byte, at int64) []byte {
	b = binary.AppendVarint(b, g.Pending)
	age := func(did bool, when int64) int64 {
		if !did || when == 0 {
			return 0
		}
		return max(at-when, 0)
	}
	succeeded, failed := age(g.Succeeded, g.SucceededAt), age(g.Failed, g.FailedAt)
	flags := g.Trailing << trailingAt
	if g.Succeeded {
		flags |= hasSucceeded
	}
	if g.Failed {
		flags |= hasFailed
	}
	if succeeded+failed == 0 {
		return appendNumber(b, flags)
	}
	b = appendNumber(b, flags|hasAges)
	if g.Succeeded {
		b = appendNumber(b, succeeded)
	}
	if g.Failed {
		b = appendNumber(b, failed)
	}
	return b
}

// Cut encodes the delta in parts of up to the given number of keys, which together have the same content as Append's encoding. Counts of other
// minutes than the given one come first, in others parts. If a webhook is in several parts, the first has the gauge. Afterwards only Reset may be
// called.
func (d *Delta) Cut(keys int, at, current int64) (parts [][]byte, others int) {
	d.sort()
	var of [2][]*entry
	for _, e := range d.entries {
		if e.key.Minute == current {
			of[1] = append(of[1], e)
		} else {
			of[0] = append(of[0], e)
		}
	}
	for i, entries := range of {
		for part := range slices.Chunk(entries, max(keys, 1)) {
			parts = append(parts, d.encode(nil, part, at))
			for _, e := range part {
				e.spend()
			}
		}
		if i == 0 {
			others = len(parts)
		}
	}
	return parts, others
}

// spend replaces the gauge by one that changes nothing.
func (e *entry) spend() {
	if e.gauge != nil {
		*e.gauge = Gauge{}
	}
}

// Drain removes keys in order and calls take for each, up to and including the first for which take returns false. The first key of a webhook has
// the gauge; the gauges of all other keys change nothing. Afterwards only Empty, Append and Reset may be called.
func (d *Delta) Drain(take func(k Key, g Gauge, c *Counts) (more bool)) {
	d.sort()
	for i, e := range d.entries {
		var g Gauge
		if e.gauge != nil {
			g = *e.gauge
		}
		e.spend()
		if !take(e.key, g, &e.Counts) {
			d.entries = d.entries[i+1:]
			return
		}
	}
	d.entries = nil
}

// Tenants returns the tenants that have keys, each once.
func (d *Delta) Tenants() []Tenant {
	of := map[Tenant]bool{}
	var all []Tenant
	for _, e := range d.entries {
		if !of[e.key.Tenant] {
			of[e.key.Tenant] = true
			all = append(all, e.key.Tenant)
		}
	}
	return all
}

// Read adds the counts of an encoding by Append, which must be later than those of the delta, and returns their time. If it returns an error,
// ErrData, a part may have been added.
func (d *Delta) Read(data []byte) (at int64, err error) {
	var g Gauge // of a webhook whose first key is not here yet, and has it at hand
	waits := false
	return Read(data, Visitor{
		Webhook: func(_ Tenant, _ int64, is Gauge) { g, waits = is, true },
		Counts: func(k Key, c *Counts) {
			e := d.of(k)
			if e.Merge(c); waits && e.gauge != nil {
				e.gauge.Then(g)
			}
			waits = false
		},
	})
}

// Visitor gets the content of a delta.
type Visitor struct {
	// Tenant reports whether the tenant's part is of interest; nil: all are.
	Tenant func(t Tenant) bool
	// Webhook is called for each webhook before its counts; may be nil.
	Webhook func(t Tenant, webhook int64, g Gauge)
	// Key reports whether a key's counts are of interest; nil: all are.
	Key func(k Key) bool
	// Counts is called with each key's counts, which it must not keep. Nil: none are of interest.
	Counts func(k Key, c *Counts)
	// Into, instead of Key and Counts, returns the counts to which a key's are added; nil: they are not of interest.
	Into func(k Key) *Counts
	// Untyped leaves the types of keys empty: reading them takes longer than many keys.
	Untyped bool
}

// Visit passes the content of the delta to the visitor, webhooks first.
func (d *Delta) Visit(v Visitor) {
	if v.Webhook != nil {
		for h, g := range d.gauges {
			v.Webhook(h.tenant, h.webhook, *g)
		}
	}
	for _, e := range d.entries {
		k := e.key
		if v.Untyped {
			k.Type = ""
		}
		switch {
		case v.Into != nil:
			if to := v.Into(k); to != nil {
				to.Merge(&e.Counts)
			}
		case v.Counts != nil && (v.Key == nil || v.Key(k)):
			v.Counts(k, &e.Counts)
		}
	}
}

// Read reads an encoding by Append, and returns its time. If it returns an error, ErrData, the visitor may have got a part. Times and minutes
// are given explicitly, never as 0 for those of the delta.
func Read(data []byte, v Visitor) (at int64, err error) {
	d := decoder{data: data}
	at = d.begin()
	listed := d
	number := d.eachKind(func(int64, []byte) {})
	var kinds []Key // made for the first tenant of interest
	var c Counts
	for d.left() > 0 && !d.bad {
		var t Tenant
		copy(t[:], d.take(len(t)))
		body := decoder{data: d.take(d.length(1)), bad: d.bad}
		if v.Tenant == nil || v.Tenant(t) {
			if kinds == nil {
				kinds = make([]Key, number)
				if v.Counts != nil || v.Into != nil {
					listed.kinds(at, kinds, v.Untyped)
				}
			}
			body.section(t, at, kinds, &c, v)
		}
		d.bad = d.bad || body.bad
	}
	if d.bad {
		return 0, ErrData
	}
	return at, nil
}

// Span returns the first and the last minute, since 1970, of an encoding by Append.
func Span(data []byte) (first, last int64, err error) {
	d := decoder{data: data}
	at := d.begin()
	first, last = at/minute, 0
	d.eachKind(func(age int64, _ []byte) {
		first, last = min(first, at/minute-age), max(last, at/minute-age)
	})
	if d.bad {
		return 0, 0, ErrData
	}
	return first, max(first, last), nil
}

// begin reads the version and the time.
func (d *decoder) begin() (at int64) {
	if d.byte() != version {
		d.fail()
	}
	return d.number()
}

func (d *decoder) eachKind(do func(age int64, name []byte)) (number int) {
	number = d.length(2)
	for range number {
		age := d.number()
		name := d.take(d.length(1))
		if d.bad {
			return number
		}
		do(age, name)
	}
	return number
}

// kinds reads the types and minutes that keys refer to by number.
func (d *decoder) kinds(at int64, into []Key, untyped bool) {
	i := 0
	d.eachKind(func(age int64, name []byte) {
		into[i].Minute = max(at/minute-age, 0)
		if !untyped {
			into[i].Type = string(name)
		}
		i++
	})
}

func (d *decoder) section(t Tenant, at int64, kinds []Key, c *Counts, v Visitor) {
	for d.left() > 0 {
		webhook := d.number()
		if webhook != 0 {
			g := d.gauge(at)
			if v.Webhook != nil && !d.bad {
				v.Webhook(t, webhook, g)
			}
		}
		for range d.length(2) {
			i := d.uvarint()
			if d.bad || i >= uint64(len(kinds)) {
				d.fail()
				return
			}
			k := kinds[i]
			k.Tenant, k.Webhook = t, webhook
			if v.Into != nil {
				if to := v.Into(k); to == nil {
					d.skipCounts()
				} else if d.counts(to); d.bad {
					return
				}
				continue
			}
			if v.Counts == nil || v.Key != nil && !v.Key(k) {
				d.skipCounts()
				continue
			}
			c.reset()
			if d.counts(c); d.bad {
				return
			}
			v.Counts(k, c)
		}
	}
}

func (d *decoder) gauge(at int64) (g Gauge) {
	pending, n := binary.Varint(d.data[d.next:])
	if n <= 0 || pending > math.MaxInt64/2 || pending < math.MinInt64/2 {
		d.fail()
		return g
	}
	d.next += n
	flags := d.number()
	g = Gauge{Pending: pending, Succeeded: flags&hasSucceeded != 0, Failed: flags&hasFailed != 0, Trailing: flags >> trailingAt}
	when := func(did bool) int64 {
		switch {
		case !did:
			return 0
		case flags&hasAges == 0:
			return at
		}
		return max(at-d.number(), 0)
	}
	g.SucceededAt = when(g.Succeeded)
	g.FailedAt = when(g.Failed)
	return g
}
