package stats

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// Tenant is a tenant's id.
type Tenant [16]byte

// Gauge is how a webhook's state changes.
type Gauge struct {
	Pending           int64 // by how many more deliveries it is owed; negative: fewer
	Succeeded, Failed bool  // whether it had attempts that did
	Trailing          int64 // how many failed after the last that succeeded
}

// Then is the change of g followed by that of o. It is associative; the order matters for Trailing alone.
func (g *Gauge) Then(o Gauge) {
	g.Pending += o.Pending
	if o.Succeeded {
		g.Trailing = 0
	}
	g.Trailing += o.Trailing
	g.Succeeded, g.Failed = g.Succeeded || o.Succeeded, g.Failed || o.Failed
}

func (g *Gauge) attempted(ok bool) {
	if ok {
		g.Succeeded, g.Trailing = true, 0
	} else {
		g.Failed = true
		g.Trailing++
	}
}

// Key says what counts are of.
type Key struct {
	Tenant  Tenant
	Webhook int64 // its seq; 0: they are of events, not of deliveries to a webhook
	Type    string
}

func (k *Key) compare(o *Key) int {
	return cmp.Or(bytes.Compare(k.Tenant[:], o.Tenant[:]), cmp.Compare(k.Webhook, o.Webhook), strings.Compare(k.Type, o.Type))
}

// Delta gathers what one transaction counts. The zero value is empty. It keeps its room when it is reset, so that one that is used again
// needs no memory.
type Delta struct {
	entries []*entry // in use
	spare   []*entry
	byKey   map[Key]*entry
	gauges  map[hook]*Gauge
	unused  []*Gauge
	last    *entry         // that was asked for
	types   map[string]int // while it is encoded
}

type entry struct {
	key   Key
	gauge *Gauge // of its webhook; nil without one
	Counts
}

type hook struct {
	tenant  Tenant
	webhook int64
}

// Empty reports whether nothing was counted.
func (d *Delta) Empty() bool { return len(d.entries) == 0 }

// Reset empties it.
func (d *Delta) Reset() {
	for _, e := range d.entries {
		e.reset()
	}
	d.spare, d.entries, d.last = append(d.spare, d.entries...), d.entries[:0], nil
	clear(d.byKey)
	for _, g := range d.gauges {
		d.unused = append(d.unused, g)
	}
	clear(d.gauges)
}

// of is the entry of a key.
func (d *Delta) of(k Key) *entry {
	if d.last != nil && d.last.key == k {
		return d.last
	}
	e := d.byKey[k]
	if e == nil {
		if d.byKey == nil {
			d.byKey = map[Key]*entry{}
		}
		if n := len(d.spare); n > 0 {
			e, d.spare = d.spare[n-1], d.spare[:n-1]
		} else {
			e = &entry{}
		}
		e.key, e.gauge = k, nil
		if k.Webhook != 0 {
			e.gauge = d.gauge(k.Tenant, k.Webhook)
		}
		d.byKey[k] = e
		d.entries = append(d.entries, e)
	}
	d.last = e
	return e
}

func (d *Delta) gauge(tenant Tenant, webhook int64) *Gauge {
	h := hook{tenant, webhook}
	g := d.gauges[h]
	if g == nil {
		if d.gauges == nil {
			d.gauges = map[hook]*Gauge{}
		}
		if n := len(d.unused); n > 0 {
			g, d.unused = d.unused[n-1], d.unused[:n-1]
			*g = Gauge{}
		} else {
			g = &Gauge{}
		}
		d.gauges[h] = g
	}
	return g
}

// Event counts an event that was published.
func (d *Delta) Event(tenant Tenant, eventType string) {
	d.of(Key{Tenant: tenant, Type: eventType}).n[Events]++
}

// Owed counts n deliveries that began to be owed. The key must have a webhook, here and below.
func (d *Delta) Owed(k Key, n int64) {
	e := d.of(k)
	e.n[Owed] += n
	e.gauge.Pending += n
}

// Ended counts n deliveries that ended, as Succeeded, Failed or Canceled. owed is false when they had ended before, otherwise.
func (d *Delta) Ended(k Key, how Counter, n int64, owed bool) {
	e := d.of(k)
	e.n[how] += n
	if owed {
		e.gauge.Pending -= n
	}
}

// Attempt is an attempt as it is counted.
type Attempt struct {
	Succeeded  bool
	Trigger    Trigger
	Error      Error // when it has not succeeded
	Status     int   // HTTP; 0: there was no answer
	DurationUs int64
}

// Attempted counts an attempt.
func (d *Delta) Attempted(k Key, a Attempt) {
	e := d.of(k)
	e.n[Attempts(a.Succeeded, a.Trigger)]++
	if !a.Succeeded {
		e.n[Failures(a.Error)]++
	}
	if a.Status > 0 && a.Status <= math.MaxUint16 {
		e.Statuses.add(uint16(a.Status), 1)
	}
	e.Duration.Add(a.DurationUs)
	e.gauge.attempted(a.Succeeded)
}

// Delivered counts how long a delivery took from publishing to success.
func (d *Delta) Delivered(k Key, us int64) { d.of(k).Latency.Add(us) }

// Put adds counts that were counted elsewhere.
func (d *Delta) Put(k Key, c *Counts) { d.of(k).Merge(c) }

// PutGauge adds what was noted of a webhook elsewhere, after what is here. There must be counts of the webhook, too.
func (d *Delta) PutGauge(tenant Tenant, webhook int64, g Gauge) { d.gauge(tenant, webhook).Then(g) }

// Merge adds what another transaction, or a part of this one, has counted after this.
func (d *Delta) Merge(o *Delta) {
	for _, e := range o.entries {
		d.Put(e.key, &e.Counts)
	}
	for h, g := range o.gauges {
		d.PutGauge(h.tenant, h.webhook, *g)
	}
}

// Append appends the encoding: what Read reads. at is when it happened, in microseconds since 1970.
func (d *Delta) Append(b []byte, at int64) []byte {
	slices.SortFunc(d.entries, func(x, y *entry) int { return x.key.compare(&y.key) })
	if d.types == nil {
		d.types = map[string]int{}
	}
	clear(d.types)
	b = appendNumber(append(b, version), max(at, 0))
	names := len(b)
	for _, e := range d.entries {
		if _, known := d.types[e.key.Type]; !known {
			d.types[e.key.Type] = len(d.types)
			b = append(appendNumber(b, len(e.key.Type)), e.key.Type...)
		}
	}
	b = insertNumber(b, names, len(d.types))
	for i := 0; i < len(d.entries); {
		j := i + 1
		for j < len(d.entries) && d.entries[j].key.Tenant == d.entries[i].key.Tenant {
			j++
		}
		b = d.section(b, d.entries[i:j])
		i = j
	}
	return b
}

// section appends what is of one tenant: its id, how many bytes follow, and for each webhook its gauge and its counts by type.
func (d *Delta) section(b []byte, entries []*entry) []byte {
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
			b = e.gauge.append(b)
		}
		b = appendNumber(b, j-i)
		for _, e := range entries[i:j] {
			b = e.append(appendNumber(b, d.types[e.key.Type]))
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

func (g *Gauge) append(b []byte) []byte {
	b = binary.AppendVarint(b, g.Pending)
	flags := g.Trailing << 2
	if g.Succeeded {
		flags |= 1
	}
	if g.Failed {
		flags |= 2
	}
	return appendNumber(b, flags)
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
// not nil.
func Read(data []byte, v Visitor) (at int64, err error) {
	d := decoder{data: data}
	if d.byte() != version {
		return 0, ErrData
	}
	at = d.number()
	types := make([]string, d.length(1))
	for i := range types {
		types[i] = string(d.take(d.length(1)))
	}
	var c Counts
	for len(d.data) > 0 && !d.bad {
		var t Tenant
		copy(t[:], d.take(len(t)))
		body := decoder{data: d.take(d.length(1)), bad: d.bad}
		if v.Tenant == nil || v.Tenant(t) {
			body.section(t, types, &c, v)
		}
		d.bad = d.bad || body.bad
	}
	if d.bad {
		return 0, ErrData
	}
	return at, nil
}

func (d *decoder) section(t Tenant, types []string, c *Counts, v Visitor) {
	for len(d.data) > 0 && !d.bad {
		k := Key{Tenant: t, Webhook: d.number()}
		if k.Webhook != 0 {
			g := d.gauge()
			if v.Webhook != nil && !d.bad {
				v.Webhook(t, k.Webhook, g)
			}
		}
		for range d.length(2) {
			i := d.uvarint()
			c.reset()
			d.counts(c)
			if d.bad || i >= uint64(len(types)) {
				d.bad = true
				return
			}
			k.Type = types[i]
			v.Counts(k, c)
		}
	}
}

func (d *decoder) gauge() Gauge {
	pending, n := binary.Varint(d.data)
	if n <= 0 || pending > math.MaxInt64/2 || pending < math.MinInt64/2 {
		d.bad, d.data = true, nil
		return Gauge{}
	}
	d.data = d.data[n:]
	flags := d.number()
	return Gauge{Pending: pending, Succeeded: flags&1 != 0, Failed: flags&2 != 0, Trailing: flags >> 2}
}
