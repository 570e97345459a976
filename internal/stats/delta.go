package stats

import (
	"bytes"
	"cmp"
	"math"
	"strings"
)

// Tenant is a tenant's id.
type Tenant [16]byte

// Gauge is how a webhook's state changes.
type Gauge struct {
	Pending           int64 // by how many more deliveries it is owed; negative: fewer
	Succeeded, Failed bool  // whether it had attempts that did
	Trailing          int64 // how many failed after the last that succeeded
	// When attempts last did, in microseconds since 1970; 0: when what the delta is of happened.
	SucceededAt, FailedAt int64
}

// Then is the change of g followed by that of o. It is associative; the order matters for Trailing alone.
func (g *Gauge) Then(o Gauge) {
	g.Pending += o.Pending
	if o.Succeeded {
		g.Trailing = 0
	}
	g.Trailing += o.Trailing
	g.Succeeded, g.Failed = g.Succeeded || o.Succeeded, g.Failed || o.Failed
	g.SucceededAt, g.FailedAt = max(g.SucceededAt, o.SucceededAt), max(g.FailedAt, o.FailedAt)
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
	Minute  int64 // since 1970; 0: that in which what the delta is of happened
}

func (k *Key) compare(o *Key) int {
	return cmp.Or(bytes.Compare(k.Tenant[:], o.Tenant[:]), cmp.Compare(k.Webhook, o.Webhook), cmp.Compare(k.Minute, o.Minute),
		strings.Compare(k.Type, o.Type))
}

// Delta gathers what one transaction counts, or what several have counted. The zero value is empty. It keeps its room when it is reset, so
// that one that is used again needs no memory.
type Delta struct {
	entries []*entry // in use
	spare   []*entry
	byKey   map[Key]*entry
	gauges  map[hook]*Gauge
	unused  []*Gauge
	last    *entry       // that was asked for
	kinds   map[kind]int // while it is encoded
}

// kind is what the keys of an encoding share: they name it by its number.
type kind struct {
	age  int64 // in minutes, before that in which the newest of the delta happened
	name string
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

// Len is how many keys have counts.
func (d *Delta) Len() int { return len(d.entries) }

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
