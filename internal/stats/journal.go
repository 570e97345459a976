package stats

import (
	"encoding/binary"
	"math"
	"slices"
)

// minute is how many microseconds it has.
const minute = 60e6

// Append appends the encoding: what Read reads. at is when it happened, in microseconds since 1970, or the newest of it.
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

// section appends what is of one tenant: its id, how many bytes follow, and for each webhook its gauge and its counts by kind.
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

// insertNumber writes n in front of what begins at i.
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
	hasAges    // how long before the newest of the delta attempts last did, where they did
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

// Cut encodes the delta in parts of up to the given number of keys, which say together what Append says. What happened in other minutes than
// the one given comes first: others is how many parts have it. Of a webhook in several parts, the first has the gauge. Afterwards only Reset
// may be called.
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

// spend leaves a gauge that changes nothing.
func (e *entry) spend() {
	if e.gauge != nil {
		*e.gauge = Gauge{}
	}
}

// Drain removes keys in their order and calls take for each of them, until that returns false, whose key is removed too. The first key of a
// webhook has the gauge; that of the others, and of keys without a webhook, changes nothing. Afterwards only Empty, Append and Reset may be
// called.
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

// Tenants are those that have keys, each once.
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

// Read adds what Append has made: it happened after what is here. It returns when it happened. When the error, ErrData, is not nil, a part
// of it may have been added.
func (d *Delta) Read(data []byte) (at int64, err error) {
	return Read(data, Visitor{Webhook: d.PutGauge, Counts: d.Put})
}

// Visitor is told what a delta has.
type Visitor struct {
	// Tenant reports whether the tenant's part is of interest; nil: all are.
	Tenant func(t Tenant) bool
	// Webhook is told of each webhook before its counts; may be nil.
	Webhook func(t Tenant, webhook int64, g Gauge)
	// Counts is told of each key's counts, which are its own only until it returns.
	Counts func(k Key, c *Counts)
}

// Read reads what Append has made, and returns when it happened. The visitor may have been told of a part of it when the error, ErrData, is
// not nil. It is told of times and minutes as they were, never 0 for that of the delta.
func Read(data []byte, v Visitor) (at int64, err error) {
	d := decoder{data: data}
	at = d.begin()
	listed := d
	d.eachKind(func(int64, []byte) {})
	var kinds []Key // made for the first tenant of interest
	var c Counts
	for len(d.data) > 0 && !d.bad {
		var t Tenant
		copy(t[:], d.take(len(t)))
		body := decoder{data: d.take(d.length(1)), bad: d.bad}
		if v.Tenant == nil || v.Tenant(t) {
			if kinds == nil {
				kinds = listed.kinds(at)
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

// Span reads from when to when things happened, in minutes since 1970, of what Append has made.
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

// begin reads the version, and when it happened.
func (d *decoder) begin() (at int64) {
	if d.byte() != version {
		d.bad, d.data = true, nil
	}
	return d.number()
}

func (d *decoder) eachKind(do func(age int64, name []byte)) {
	for range d.length(2) {
		age := d.number()
		name := d.take(d.length(1))
		if d.bad {
			return
		}
		do(age, name)
	}
}

// kinds reads the types and minutes that keys name by their number.
func (d *decoder) kinds(at int64) []Key {
	list := []Key{}
	d.eachKind(func(age int64, name []byte) {
		list = append(list, Key{Type: string(name), Minute: max(at/minute-age, 0)})
	})
	return list
}

func (d *decoder) section(t Tenant, at int64, kinds []Key, c *Counts, v Visitor) {
	for len(d.data) > 0 && !d.bad {
		webhook := d.number()
		if webhook != 0 {
			g := d.gauge(at)
			if v.Webhook != nil && !d.bad {
				v.Webhook(t, webhook, g)
			}
		}
		for range d.length(2) {
			i := d.uvarint()
			c.reset()
			d.counts(c)
			if d.bad || i >= uint64(len(kinds)) {
				d.bad = true
				return
			}
			k := kinds[i]
			k.Tenant, k.Webhook = t, webhook
			v.Counts(k, c)
		}
	}
}

func (d *decoder) gauge(at int64) (g Gauge) {
	pending, n := binary.Varint(d.data)
	if n <= 0 || pending > math.MaxInt64/2 || pending < math.MinInt64/2 {
		d.bad, d.data = true, nil
		return g
	}
	d.data = d.data[n:]
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
